"""Where a paper prints what a selection of rows is about: the cell of its tables, and its number.

A claim selects rows by columns of ours, {system = "UMTL", labels = "100", ...}; a reported table has its
own rows and columns. A `Spelling` turns the one into the other, "UMTL|100|10"; the metric has to agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from string import Formatter
from typing import NamedTuple

import pandas as pd

Words = Mapping[str, str]


class PrintedError(ValueError):
    """No table prints what a selection is about."""


@dataclass(frozen=True)
class Spelling:
    """Row and column of a selection, as texts with its words in braces.

    column: may hold "*" for any text. scale: of the printed numbers, 0.01 for percent.
    """

    row: str
    column: str = "*"
    scale: float = 1.0

    def needs(self) -> set[str]:
        """The words in braces."""
        return names(self.row) | names(self.column)


class Cell(NamedTuple):
    """One cell of a reported table (see `reported`); `mean` is "" where it has no number."""

    table: str
    row: str
    column: str
    metric: str
    mean: str


@dataclass(frozen=True)
class Printed:
    """The cells of a paper's tables, and how selections are spelled there."""

    cells: Sequence[Cell]
    spellings: Sequence[Spelling]

    @classmethod
    def of(cls, reported: pd.DataFrame, spellings: Sequence[Spelling]) -> Printed:
        """From the frame of `reported`."""
        rows = reported[list(Cell._fields)].fillna("").itertuples(index=False, name=None)
        return cls([Cell(*row) for row in rows], spellings)

    def row(self, selection: Words, words: Words) -> str:
        """The row of a selection as sentences name it, "UMTL/100/10"; "" where none is spelled.

        words: what may stand in braces besides the selection's own columns.
        """
        spelling = self._spelling(selection, words)
        row = "" if spelling is None else spelling.row.format(**{**words, **selection})
        return row.replace("|-", "").replace("|", "/")

    def number(self, selection: Words, words: Words, first: str = "") -> Decimal:
        """What a table prints for a selection; table `first` if it has the cell, else any.

        Raises PrintedError where no table has the cell, or has no number in it.
        """
        spelling = self._spelling(selection, words)
        if spelling is None:
            raise PrintedError(f"nothing says in which cell {dict(selection)} is printed")
        known = {**words, **selection}
        row, column = spelling.row.format(**known), spelling.column.format(**known)
        found = {
            cell.table: cell.mean
            for cell in self.cells
            if (cell.row, cell.metric) == (row, selection["metric"])
            and fnmatchcase(cell.column, column)
        }
        mean = found.get(first) or next(iter(found.values()), "")
        if not mean:
            raise PrintedError(f"no table prints {selection['metric']} in row {row!r}, {column!r}")
        return Decimal(mean) * Decimal(str(spelling.scale))

    def _spelling(self, selection: Words, words: Words) -> Spelling | None:
        """The first one whose words are all there."""
        known = {*words, *selection}
        return next((one for one in self.spellings if one.needs() <= known), None)


def names(template: str) -> set[str]:
    """The words that a text has in braces."""
    return {name for _, name, _, _ in Formatter().parse(template) if name}
