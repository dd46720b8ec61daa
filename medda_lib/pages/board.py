"""A table as HTML that a small script can filter and sort, and that is whole without the script.

A `Board` has columns, rows and facets. Every row stands in the page; its `data-` attributes say under
which value of each facet it is found. `book/_vendor/medda/scoreboard.js` shows the form above the table
and hides rows; without JavaScript the form stays hidden and all rows are there. On a phone a row is a
card, each cell under the name of its column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape


@dataclass(frozen=True)
class Cell:
    """One cell: its HTML, and what it is sorted by (a number; its text where None; "" comes last)."""

    html: str
    sort: float | str | None = None
    kind: str = ""


@dataclass(frozen=True)
class Row:
    """A row: its anchor, its cells, and its values of each facet (several where it has several)."""

    anchor: str
    cells: Sequence[Cell]
    facets: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Facet:
    """One choice of the form: `values` maps what stands in the rows to the words for readers.

    within: another facet that this one is asked together with. A row then has, beside its own values,
    those for each value of the other, under "<name>-<value of the other>" (a verdict *on phantoms*).
    """

    name: str
    values: Mapping[str, str]
    within: str = ""


@dataclass(frozen=True)
class Board:
    """A table with a name, a caption, columns, rows and facets. `noun`: what its rows are."""

    name: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Row]
    facets: Sequence[Facet] = ()
    noun: str = "rows"
    total: str = ""

    def html(self) -> str:
        """The form, the count and the table. `total` names the count of all rows, to be checked."""
        filters = _form(self) if self.facets else ""
        return (
            f'<div class="medda-board" data-board="{self.name}" data-noun="{self.noun}">'
            f"{filters}{_table(self)}</div>"
        )


def link(words: str, href: str, **attributes: str) -> str:
    """A link, or the bare words where there is no address."""
    extra = "".join(f' {name}="{escape(text)}"' for name, text in attributes.items())
    return f'<a href="{escape(href)}"{extra}>{escape(words)}</a>' if href else escape(words)


def _form(board: Board) -> str:
    choices = "".join(
        f'<label>{escape(facet.name)} <select name="{facet.name}" data-within="{facet.within}">'
        '<option value="">all</option>'
        + "".join(
            f'<option value="{escape(v)}">{escape(w)}</option>' for v, w in facet.values.items()
        )
        + "</select></label>"
        for facet in board.facets
    )
    count = f' data-count="{board.total}"' if board.total else ""
    return (
        f'<form role="search" aria-label="Filter the {board.noun}" hidden>{choices}'
        '<label>words <input type="search" name="words" autocomplete="off"></label>'
        '<button type="reset">Clear</button></form>'
        f'<p class="count" role="status"><span class="shown"></span><b{count}>{len(board.rows)}</b> '
        f"{escape(board.noun)}</p>"
    )


def _table(board: Board) -> str:
    heads = "".join(
        f'<th role="columnheader" scope="col">{escape(column)}</th>' for column in board.columns
    )
    rows = "\n".join(_row(row, board.columns) for row in board.rows)
    return (
        f'<table role="table"><caption>{escape(board.caption)}</caption>'
        f'<thead role="rowgroup"><tr role="row">{heads}</tr></thead>'
        f'<tbody role="rowgroup">\n{rows}\n</tbody></table>'
    )


def _row(row: Row, columns: Sequence[str]) -> str:
    facets = "".join(
        f' data-{name}="{escape("|".join(values))}"' for name, values in row.facets.items()
    )
    cells = "".join(
        _cell(cell, column, first=not i)
        for i, (cell, column) in enumerate(zip(row.cells, columns, strict=True))
    )
    anchor = f' id="{escape(row.anchor)}"' if row.anchor else ""
    return f'<tr role="row"{anchor}{facets}>{cells}</tr>'


def _cell(cell: Cell, column: str, *, first: bool) -> str:
    tag, role = ("th", 'rowheader" scope="row') if first else ("td", "cell")
    sort = "" if cell.sort is None else f' data-sort="{escape(str(cell.sort))}"'
    kind = f' class="{cell.kind}"' if cell.kind else ""
    return f'<{tag} role="{role}"{kind}{sort} data-label="{escape(column)}">{cell.html}</{tag}>'
