/* On paper nobody can scroll. A table that is wider than the sheet is printed in parts, one below the
 * other: each part repeats the caption and the leading columns that name the rows, and as many of the
 * further columns as fit. After printing the table on the screen is what it was. */
"use strict";

(() => {
  const ROOM = 620; // px: what A4 and the theme's own margins leave for a page's text
  const undo = [];

  /* Cells of a row with the columns that each covers: [{cell, from, to}]. Assumes no open rowspans. */
  const spans = (row, taken) => {
    const found = [];
    let column = 0;
    for (const cell of row.cells) {
      while (taken[column]) taken[column++] -= 1;
      const to = column + cell.colSpan;
      found.push({ cell, from: column, to });
      for (let k = column; k < to; k++) taken[k] = cell.rowSpan - 1;
      column = to;
    }
    for (; column < taken.length; column++) if (taken[column]) taken[column] -= 1;
    return found;
  };

  /* Every section's rows as spans; rowspans do not reach over the end of a section. */
  const grid = (table) =>
    [...table.querySelectorAll("thead, tbody")].map((section) => {
      const taken = [];
      return [...section.rows].map((row) => spans(row, taken));
    });

  /* Widths of the columns, and how many leading ones name the rows. */
  const measure = (sections) => {
    const widths = [];
    for (const row of sections.flat())
      for (const { cell, from, to } of row)
        if (to === from + 1) widths[from] = Math.max(widths[from] || 0, cell.offsetWidth);
    const body = sections[sections.length - 1];
    const names = (span) => span.cell.matches("th, .h") && span.to === span.from + 1;
    let leading = 0;
    while (leading < 3 && body.every((row) => !row[leading] || names(row[leading]))) leading += 1;
    return { widths, leading };
  };

  /* The further columns in runs that fit beside the leading ones. */
  const runs = ({ widths, leading }) => {
    const names = widths.slice(0, leading).reduce((sum, width) => sum + width, 0);
    const found = [];
    let start = leading;
    let used = names;
    for (let column = leading; column < widths.length; column++) {
      if (column > start && used + widths[column] > ROOM) {
        found.push([start, column]);
        [start, used] = [column, names];
      }
      used += widths[column];
    }
    found.push([start, widths.length]);
    return found;
  };

  /* A copy of the table with the leading columns and those from `start` up to `end`. */
  const part = (table, leading, [start, end]) => {
    const copy = table.cloneNode(true);
    for (const { cell, from, to } of grid(copy).flat(2)) {
      const inside = (a, b) => Math.max(0, Math.min(to, b) - Math.max(from, a));
      const kept = inside(0, leading) + inside(start, end);
      if (kept) cell.colSpan = kept;
      else cell.dataset.drop = "";
    }
    copy.querySelectorAll("[data-drop]").forEach((cell) => cell.remove());
    copy.querySelectorAll("[id]").forEach((cell) => cell.removeAttribute("id"));
    return copy;
  };

  const split = (box) => {
    const table = box.querySelector("table");
    if (!table || table.scrollWidth <= ROOM) return;
    if (table.querySelector("td.t, td.w")) return; // texts: they break their lines (medda.css)
    const columns = measure(grid(table));
    const parts = runs(columns).map((run) => part(table, columns.leading, run));
    const printed = document.createElement("div");
    printed.className = "medda-t printed";
    printed.append(...parts);
    box.before(printed);
    box.hidden = true;
    undo.push(() => {
      printed.remove();
      box.hidden = false;
    });
  };

  window.addEventListener("beforeprint", () => {
    if (undo.length) return;
    // What is folded on the screen is shown on paper, but for code that only prepares a figure.
    document.querySelectorAll("article details:not([open], .above-input)").forEach((fold) => {
      fold.open = true;
      undo.push(() => (fold.open = false));
    });
    document.querySelectorAll("article .medda-t").forEach(split);
  });
  window.addEventListener("afterprint", () => {
    while (undo.length) undo.pop()();
  });
})();
