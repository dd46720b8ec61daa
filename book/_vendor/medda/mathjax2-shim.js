// The widgets' HTML manager typesets labels through MathJax 2 (`MathJax.Hub.Queue(["Typeset", ...])`).
// The book has MathJax 3, which replaces `window.MathJax` when it starts: so wait until it is ready and
// then lend it a `Hub` whose queue calls `typesetPromise`. Before that, labels simply stay as text until
// the page's own first typesetting.
(function () {
  "use strict";
  var waiting = [];
  // MathJax 2 in notebooks took $...$; on these pages only \(...\) starts a formula.
  function withDelimiters(element) {
    if (!element.firstElementChild && element.textContent.includes("$")) {
      element.textContent = element.textContent.replace(/\$([^$]+)\$/g, "\\($1\\)");
    }
  }
  function typeset(element) {
    if (window.MathJax && window.MathJax.typesetPromise) {
      withDelimiters(element);
      window.MathJax.typesetPromise([element]).catch(function (error) {
        console.warn("medda: a widget's formula could not be typeset:", error.message);
      });
    } else {
      waiting.push(element);
    }
  }
  var hub = {
    Queue: function (call) {
      if (Array.isArray(call) && call[0] === "Typeset" && call[2]) {
        typeset(call[2]);
      }
    },
  };
  var config = (window.MathJax = window.MathJax || {});
  config.Hub = hub;
  var timer = window.setInterval(function () {
    if (window.MathJax && window.MathJax.typesetPromise) {
      window.clearInterval(timer);
      window.MathJax.Hub = hub;
      waiting.splice(0).forEach(typeset);
    } else if (window.MathJax && !window.MathJax.Hub) {
      window.MathJax.Hub = hub;
    }
  }, 50);
})();
