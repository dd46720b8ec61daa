"""What the paper prints, as tidy rows: one per table cell, digits as printed.

A cell keeps its text, so that 0.70 stays 0.70 and a table of layer shapes is a table too. Cells that
the paper leaves out, or that cannot be read, are rows with a mark; nothing is filled in.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

COLUMNS = ("table", "row", "column", "metric", "mean", "std", "mark")
_ONE_MARK = r"(missing|garbled|shifted|underlined|not applicable|suspect:[^;]+)"
MARK = re.compile(rf"|{_ONE_MARK}(;{_ONE_MARK})*")
PAPERS = Path(__file__).resolve().parent.parent / "papers"


class ReportedError(ValueError):
    """A file of reported numbers is malformed."""


def reported(paper: str, table: str | int | None = None, papers: Path = PAPERS) -> pd.DataFrame:
    """The cells of a paper's tables, from ``papers/<paper>/reported/*.csv``.

    table: one table's name, as in the first column; None for all.
    Returns text columns table, row, column, metric, mean, std, mark. mean and std are NaN where the
    paper prints none (`pandas.to_numeric` makes numbers of them). mark is "", "missing", "garbled",
    "shifted" (printed in another column), "underlined" (as the paper highlights it), "not applicable"
    (a dash) or "suspect:" and a reason; several marks have ";" between them. `row` joins the
    condition with "|".
    Raises `FileNotFoundError` for a paper without tables and `ReportedError` that names file and line.
    """
    folder = papers / paper / "reported"
    files = sorted(folder.glob("*.csv"))
    if not files:
        raise FileNotFoundError(f"no reported tables: expected CSV files in {folder}")
    cells = pd.concat([_read(file) for file in files], ignore_index=True)
    if table is None:
        return cells
    chosen = cells[cells["table"] == str(table)].reset_index(drop=True)
    if chosen.empty:
        known = ", ".join(dict.fromkeys(cells["table"]))
        raise ReportedError(f"{folder}: no table {table!r}; there are: {known}")
    return chosen


def _read(file: Path) -> pd.DataFrame:
    """One file, checked line by line."""
    cells = pd.read_csv(file, dtype=str, keep_default_na=False)
    if tuple(cells.columns) != COLUMNS:
        raise ReportedError(f"{file}: columns {list(cells.columns)}, expected {list(COLUMNS)}")
    for line, cell in enumerate(cells.itertuples(index=False), start=2):
        if not MARK.fullmatch(cell.mark):
            raise ReportedError(f"{file}, line {line}: unknown mark {cell.mark!r}")
        if not cell.mean and not cell.mark:
            raise ReportedError(f"{file}, line {line}: a cell without a number needs a mark")
    places = cells[["table", "row", "column"]]
    if places.duplicated().any():
        line = int(places.duplicated().to_numpy().argmax()) + 2
        raise ReportedError(f"{file}, line {line}: this cell occurs twice")
    return cells.assign(**{name: cells[name].replace("", None) for name in ("mean", "std")})
