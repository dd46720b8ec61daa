"""The paper's table beside ours, cell by cell: reported, measured, difference.

A cell that the paper lacks or garbles says so, and so does a cell that was not run; neither is ever
filled from the other. Differences are signed (measured minus reported) and tinted by their size, blue
where ours is higher and orange where it is lower, which says nothing about which is better.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from medda_lib.figures.tables import Table, cell, page

STEPS = (0.02, 0.05, 0.10)
NOT_RUN = "not run"
REPORTED, MEASURED, DIFFERENCE = "reported", "measured", "difference"


def _number(mean: float, deviation: float, digits: int) -> str:
    spread = "" if math.isnan(deviation) else f" ± {deviation:.{digits}f}"
    return f"{mean:.{digits}f}{spread}"


def shade(difference: float, steps: Sequence[float] = STEPS) -> str:
    """CSS class of a difference: "" below the first step, then p1 to p3 or n1 to n3."""
    level = sum(abs(difference) >= step for step in steps)
    return f"{'p' if difference > 0 else 'n'}{level}" if level else ""


def _look_up(frame: pd.DataFrame | None, row: str, column: str) -> float:
    """The cell as a float; NaN where frame, row or column do not exist."""
    if frame is None or row not in frame.index or column not in frame.columns:
        return math.nan
    return float(pd.to_numeric(frame.loc[row, column]))


def _mark(marks: pd.DataFrame | None, row: str, column: str) -> str:
    if marks is None or row not in marks.index or column not in marks.columns:
        return ""
    mark = marks.loc[row, column]
    return mark if isinstance(mark, str) else ""


def _cells(reported: tuple[float, float], measured: tuple[float, float], mark: str, n: int) -> str:
    """The three cells of one row and metric; each pair is (mean, standard deviation)."""
    # A suspect cell keeps its printed digits and carries its reason as a hover text and an asterisk.
    suspect = {"title": mark} if mark.startswith("suspect") else {}
    if math.isnan(reported[0]):
        left = cell(mark or "missing", "r x")
    else:
        left = cell(_number(*reported, n) + ("*" if suspect else ""), "r", **suspect)
    if math.isnan(measured[0]):
        return left + cell(NOT_RUN, "x") + cell("")
    difference = measured[0] - reported[0]
    right = cell("") if math.isnan(difference) else cell(f"{difference:+.{n}f}", shade(difference))
    return left + cell(_number(*measured, n)) + right


def side_by_side(
    reported: pd.DataFrame,
    measured: pd.DataFrame,
    caption: str,
    *,
    reported_sd: pd.DataFrame | None = None,
    measured_sd: pd.DataFrame | None = None,
    marks: pd.DataFrame | None = None,
    digits: int = 3,
) -> Table:
    """Compare two frames with rows as conditions and columns as metrics, NaN for no value.

    Rows and columns are the reported ones in their order. `marks` says why a reported cell is special
    ("missing", "garbled", "not applicable", "suspect: reason"). The returned table's frame has the
    columns (metric, reported | measured | difference).
    """
    rows, columns = [str(r) for r in reported.index], [str(c) for c in reported.columns]
    if len(set(rows)) != len(rows):
        raise ValueError("reported: row labels repeat; join all conditions of a row into its label")
    body, numbers = [], []
    for row in rows:
        text, values = cell(row, "h", "th"), []
        for column in columns:
            paper, ours = _look_up(reported, row, column), _look_up(measured, row, column)
            text += _cells(
                (paper, _look_up(reported_sd, row, column)),
                (ours, _look_up(measured_sd, row, column)),
                _mark(marks, row, column),
                digits,
            )
            values += [paper, ours, ours - paper]
        body.append(text)
        numbers.append(values)
    parts = (REPORTED, MEASURED, DIFFERENCE)
    frame = pd.DataFrame(
        numbers, index=rows, columns=pd.MultiIndex.from_product([columns, parts]), dtype=float
    )
    if any('title="suspect' in row for row in body):
        caption += " (* doubtful as printed; the reason is in the cell's hover text)"
    return page(_heading(columns), body, caption, frame)


def _heading(columns: Sequence[str]) -> list[str]:
    top = cell("", tag="th") + "".join(cell(c, "r", "th", colspan=3) for c in columns)
    three = cell(REPORTED, "r", "th") + cell(MEASURED, "", "th") + cell(DIFFERENCE, "", "th")
    return [top, cell("", tag="th") + three * len(columns)]
