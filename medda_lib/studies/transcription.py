"""What is declared about a table that was typed in, and whether the table still bears it out.

A transcription goes wrong quietly: a line is lost, a digit slips, somebody mends an odd number. So
`[[transcribed]]` in `paper.toml` says of every table what can be counted in print without reading the
cells one by one, and has a digest of the cells as they were proofread. `doubts` compares.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pandas as pd

EMPTY = {"missing", "not applicable"}
"""Marks of cells that have no number."""


@dataclass(frozen=True)
class Transcribed:
    """A table as it is printed.

    rows, columns: how many there are; each row has each column. digits: a regular expression for all
    that is printed, but for what `odd` lists in order. spreads: metrics that are printed with a standard
    deviation. marks: how many cells have a mark, by its kind. average: the row that holds the mean of
    the others, to one unit of the last digit; `off`: columns where it is not that mean rounded. again:
    a table that prints some of these cells, too. digest: of all cells (see `digest`).
    """

    table: str
    rows: int
    columns: int
    digits: str
    digest: str
    odd: tuple[str, ...] = ()
    spreads: tuple[str, ...] = ()
    marks: Mapping[str, int] = field(default_factory=dict)
    average: str = ""
    off: tuple[str, ...] = ()
    again: str = ""


def digest(cells: pd.DataFrame) -> str:
    """Sixteen hexadecimal digits that stand for every character of a table's cells."""
    lines = ("\t".join(map(str, row)) for row in cells.fillna("").itertuples(index=False))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def doubts(known: Transcribed, every: pd.DataFrame) -> list[str]:
    """What of a declared table is not so; empty where all is.

    every: the cells of all tables of the paper (see `reported`).
    """
    cells = every[every["table"] == known.table].fillna("").reset_index(drop=True)
    found = list(_shape(known, cells))
    if not found:  # of a table with holes, the others would say the same in other words
        checks = (_marks, _digits, _average, _again)
        found = [text for check in checks for text in check(known, cells, every)]
    if (now := digest(cells)) != known.digest:
        found.append(f"its digest is {now}, not {known.digest}")
    return [f"table {known.table}: {text}" for text in found]


def _shape(known: Transcribed, cells: pd.DataFrame) -> Iterator[str]:
    """Each row has each column, in one order."""
    orders = {name: tuple(row["column"]) for name, row in cells.groupby("row", sort=False)}
    there = len(orders), len(set(cells["column"]))
    if there != (known.rows, known.columns):
        yield f"{there[0]} rows of {there[1]} columns, not {known.rows} of {known.columns}"
    elif len(set(orders.values())) > 1 or len(cells) != known.rows * known.columns:
        yield "its rows do not have the same columns in the same order"


def _marks(known: Transcribed, cells: pd.DataFrame, _: pd.DataFrame) -> Iterator[str]:
    """Marks are as many as declared, and a cell is empty exactly where a mark says so."""
    kinds = [{mark.partition(":")[0] for mark in each.split(";")} for each in cells["mark"]]
    found = Counter(kind for each in kinds for kind in each if kind)
    if found != Counter(known.marks):
        yield f"marks {dict(sorted(found.items()))}, not {dict(known.marks)}"
    told = pd.Series([bool(each & EMPTY) for each in kinds], dtype=bool)
    for row in cells.loc[told != (cells["mean"] == ""), "row"]:
        yield f"{row}: a cell is empty without a mark, or marked and not empty"
    wanted = cells["metric"].isin(known.spreads) & (cells["mean"] != "")
    for row in cells.loc[wanted != (cells["std"] != ""), "row"]:
        yield f"{row}: a spread is missing, or there where none is printed"


def _digits(known: Transcribed, cells: pd.DataFrame, _: pd.DataFrame) -> Iterator[str]:
    odd = [text for text in cells["mean"] if text and not re.fullmatch(known.digits, text)]
    if odd != list(known.odd):
        yield f"{odd} are not like {known.digits}, declared are {list(known.odd)}"


def _average(known: Transcribed, cells: pd.DataFrame, _: pd.DataFrame) -> Iterator[str]:
    if not known.average:
        return
    columns = list(dict.fromkeys(cells["column"]))
    wide = cells.pivot(index="row", columns="column", values="mean")[columns]
    wide = wide.apply(pd.to_numeric, errors="coerce")
    places = cells["mean"].str.partition(".")[2].str.len().max()
    mean, printed = wide.drop(index=known.average).mean(), wide.loc[known.average]
    for column in mean.index[(mean - printed).abs() > 10.0**-places + 1e-9]:
        yield f"{known.average} of {column} is {printed[column]:g}, its cells give {mean[column]:.4f}"
    off = mean.index[(mean + 1e-9).round(places) != printed].tolist()
    if off != list(known.off):
        yield f"{off} do not round to {known.average}, declared are {list(known.off)}"


def _again(known: Transcribed, cells: pd.DataFrame, every: pd.DataFrame) -> Iterator[str]:
    if not known.again:
        return
    place = ["row", "column", "metric"]
    other = every[every["table"] == known.again].fillna("")
    both = cells.merge(other, on=place, suffixes=("", " there"))
    if both.empty:
        yield f"shares no cell with table {known.again}"
    differ = (both["mean"] != both["mean there"]) | (both["std"] != both["std there"])
    for row, column in both.loc[differ, ["row", "column"]].itertuples(index=False):
        yield f"{row}, {column} is another number in table {known.again}"
