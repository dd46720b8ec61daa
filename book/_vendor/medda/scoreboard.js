/* Filters and sorts the tables of the scoreboard. Every row is in the page already, so without this script
 * the tables are whole. What is chosen stands in the address, #claims.paper=fda&claims.verdict=supported,
 * so that a filtered view can be linked; an address without "=" names a row, as on any page. */
(function () {
  "use strict";

  const FEW = 30; // rows shown before "show all"
  const collator = new Intl.Collator("en", { numeric: true });
  const slug = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");

  class Board {
    constructor(box) {
      this.box = box;
      this.name = box.dataset.board;
      this.form = box.querySelector("form");
      this.body = box.querySelector("tbody");
      this.rows = Array.from(this.body.rows);
      this.place = new Map(this.rows.map((row, i) => [row, i]));
      this.texts = this.rows.map((row) => row.textContent.toLowerCase());
      this.facets = this.rows.map((row) =>
        Object.fromEntries(Object.entries(row.dataset).map(([name, text]) => [name, text.split("|")]))
      );
      this.all = false; // show more than a few
      this.sort = ""; // the column to sort by, with "-" in front for down
      this.sortable();
      if (this.form) this.filterable();
    }

    /* Headings become buttons: first up, then down, then as it was. */
    sortable() {
      this.heads = Array.from(this.box.querySelectorAll("thead th"));
      this.heads.forEach((head) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = head.textContent;
        const name = slug(head.textContent);
        button.addEventListener("click", () => {
          this.sort = { [name]: "-" + name, ["-" + name]: "" }[this.sort] ?? name;
          this.show();
          remember();
        });
        head.replaceChildren(button);
      });
    }

    filterable() {
      this.selects = Array.from(this.form.querySelectorAll("select"));
      this.words = this.form.elements.words;
      this.sorting(); // on a phone there are no headings to click
      this.options = this.selects.map((one) => Array.from(one.options, (o) => [o, o.textContent]));
      this.form.hidden = false;
      this.form.addEventListener("submit", (event) => event.preventDefault());
      this.form.addEventListener("change", () => this.changed());
      this.words.addEventListener("input", () => this.changed());
      this.form.addEventListener("reset", () => {
        this.sort = "";
        setTimeout(() => this.changed()); // when the form is empty
      });
      this.more = document.createElement("button");
      this.more.type = "button";
      this.more.className = "more";
      this.more.addEventListener("click", () => {
        const next = this.body.querySelector("tr.beyond");
        this.all = true;
        this.show();
        if (next) next.querySelector("a, th").focus();
      });
      this.box.append(this.more);
    }

    sorting() {
      this.by = document.createElement("select");
      const names = this.heads.map((head) => head.textContent);
      this.by.append(new Option("as listed", ""));
      for (const name of names)
        this.by.append(new Option(name + " ↑", slug(name)), new Option(name + " ↓", "-" + slug(name)));
      this.by.addEventListener("change", () => (this.sort = this.by.value));
      const label = document.createElement("label");
      label.className = "by";
      label.append("sorted by ", this.by);
      this.form.querySelector("button").before(label);
    }

    changed() {
      this.all = false;
      this.show();
      remember();
    }

    /* What is chosen, as {name: value}; empty choices are left out. */
    chosen() {
      const found = {};
      if (this.form) {
        for (const one of this.selects) if (one.value) found[one.name] = one.value;
        if (this.words.value.trim()) found.words = this.words.value.trim();
      }
      if (this.sort) found.sort = this.sort;
      return found;
    }

    /* Take over what an address says; the value of a facet that does not exist counts as none. */
    choose(wanted) {
      this.sort = wanted.sort || "";
      this.all = false;
      if (!this.form) return;
      for (const one of this.selects) {
        const known = Array.from(one.options, (option) => option.value);
        one.value = known.includes(wanted[one.name]) ? wanted[one.name] : "";
      }
      this.words.value = wanted.words || "";
    }

    /* Whether row i has all of the choices. A facet asked within another (a verdict on some data) is
     * looked up under both, and then answers for the other too. */
    has(i, choices, words) {
      const values = this.facets[i];
      const settled = new Set();
      for (const one of this.selects) {
        const outer = one.dataset.within;
        if (!choices[one.name] || !outer || !choices[outer]) continue;
        const key = camel(one.name + "-" + choices[outer]);
        if (!(values[key] || []).includes(choices[one.name])) return false;
        settled.add(one.name).add(outer);
      }
      for (const name in choices)
        if (!settled.has(name) && !(values[name] || []).includes(choices[name])) return false;
      return words.every((word) => this.texts[i].includes(word));
    }

    show() {
      const { words = "", sort, ...choices } = this.chosen();
      const parts = words.toLowerCase().split(/\s+/).filter(Boolean);
      this.order();
      let found = 0;
      for (const row of this.body.rows) {
        const fits = !this.form || this.has(this.place.get(row), choices, parts);
        row.hidden = !fits;
        found += fits;
        row.classList.toggle("beyond", Boolean(this.form) && fits && !this.all && found > FEW);
      }
      if (!this.form) return;
      const filtered = parts.length > 0 || Object.keys(choices).length > 0;
      this.box.querySelector(".shown").textContent = filtered ? `Showing ${found} of ` : "";
      this.more.hidden = this.all || found <= FEW;
      this.more.textContent = `Show all ${found} ${this.box.dataset.noun}`;
      this.label(choices, parts);
    }

    /* Beside each choice, how many rows it would leave. */
    label(choices, words) {
      this.selects.forEach((one, s) => {
        for (const [option, text] of this.options[s]) {
          if (!option.value) continue;
          const with_it = { ...choices, [one.name]: option.value };
          const left = this.rows.filter((_, i) => this.has(i, with_it, words)).length;
          option.textContent = `${text} (${left})`;
        }
      });
    }

    order() {
      if (this.by) this.by.value = this.sort;
      const down = this.sort.startsWith("-");
      const column = this.heads.findIndex((head) => slug(head.textContent) === this.sort.slice(+down));
      this.heads.forEach((head, i) => {
        if (i === column) head.setAttribute("aria-sort", down ? "descending" : "ascending");
        else head.removeAttribute("aria-sort");
      });
      const sorted = column < 0 ? this.rows : this.sorted(column, down);
      if (sorted.some((row, i) => row !== this.body.rows[i])) this.body.append(...sorted);
    }

    sorted(column, down) {
      const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
      const keyed = this.rows.map((row) => [key(row), row]);
      const numbers = keyed.every(([text]) => text === "" || !isNaN(text));
      const compare = numbers ? (a, b) => a - b : (a, b) => collator.compare(a, b);
      keyed.sort(([a], [b]) => {
        if (a === "" || b === "") return (a === "") - (b === ""); // nothing to sort by: last
        return down ? compare(b, a) : compare(a, b);
      });
      return keyed.map(([, row]) => row);
    }

    /* Make sure that a row can be seen. */
    reveal(row) {
      if (row.hidden) this.choose({});
      this.all = true;
      this.show();
    }
  }

  /* "verdict-phantom" is verdictPhantom in a row's dataset. */
  const camel = (name) => name.replace(/-([a-z])/g, (_, letter) => letter.toUpperCase());

  const boards = Array.from(document.querySelectorAll(".medda-board"), (box) => new Board(box));

  /* The choices of all tables, into the address. */
  function remember() {
    const all = new URLSearchParams();
    for (const board of boards)
      for (const [name, value] of Object.entries(board.chosen())) all.set(`${board.name}.${name}`, value);
    const hash = all.toString();
    history.replaceState(null, "", hash ? "#" + hash : location.pathname + location.search);
  }

  /* The address, into the choices of all tables; then to the first table or row that it names. */
  function recall(scroll) {
    const hash = location.hash.slice(1);
    const wanted = {};
    if (hash.includes("="))
      for (const [key, value] of new URLSearchParams(hash)) {
        const [board, name] = key.split(".");
        (wanted[board] ??= {})[name] = value;
      }
    const row = hash && !hash.includes("=") ? document.getElementById(decodeURIComponent(hash)) : null;
    for (const board of boards) {
      if (!row || wanted[board.name]) board.choose(wanted[board.name] || {});
      board.show();
      if (row && board.body.contains(row)) board.reveal(row);
    }
    const first = boards.find((board) => wanted[board.name]);
    if (scroll && first) first.box.scrollIntoView();
    if (scroll && row) row.scrollIntoView({ block: "center" });
  }

  window.addEventListener("hashchange", () => recall(true));
  recall(Boolean(location.hash));
})();
