"""The verdict on each claim: the paper's effect, ours with its interval, and what follows.

One row per claim and kind of data. A verdict is a word with a shape in front of it, so that it reads
without colour: supported, contradicted, inconclusive, not tested, and reproduced for the paper's own
data at the paper's own settings alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from medda_lib.figures.tables import Table, cell, page

SIGNS = {
    "reproduced": ("● reproduced", "p3"),
    "supported": ("▲ supported", "p2"),
    "contradicted": ("▼ contradicted", "n2"),
    "inconclusive": ("◆ inconclusive", ""),
    "not tested": ("○ not tested", "x"),
}
COLUMNS = ("id", "text", "where", "reported", "data", "effect", "low", "high", "n", "verdict")
_HEADS = (
    "claim",
    "",
    "where",
    "reported",
    "data",
    "measured effect [interval]",
    "pairs",
    "verdict",
)


def _signed(value: object, digits: int) -> str:
    number = float(pd.to_numeric(value)) if value is not None else math.nan
    return "" if math.isnan(number) else f"{number:+.{digits}f}"


def verdicts(
    rows: Sequence[Mapping[str, Any]] | pd.DataFrame, caption: str, digits: int = 3
) -> Table:
    """A table of `rows` with the keys of `COLUMNS`; effect, low and high may be missing.

    `reported` and `effect` are differences, `low` and `high` the bounds of the effect's interval, `n`
    the number of paired seeds behind it.
    """
    frame = pd.DataFrame(rows)
    if missing := [name for name in COLUMNS if name not in frame.columns]:
        raise ValueError(f"verdicts: the rows lack {missing}")
    if unknown := sorted(set(frame["verdict"]) - set(SIGNS)):
        raise ValueError(f"verdicts: unknown {unknown}, use one of {list(SIGNS)}")
    body, previous = [], None
    for row in frame.to_dict("records"):
        # A claim's words stand once, above its verdicts for further kinds of data.
        first = row["id"] != previous
        previous = row["id"]
        body.append(_row(row, first, digits))
    head = ["".join(cell(name, "h" if i < 3 else "", "th") for i, name in enumerate(_HEADS))]
    return page(head, body, caption, frame[list(COLUMNS)])


def _row(row: Mapping[Any, Any], first: bool, digits: int) -> str:
    effect = _signed(row["effect"], digits)
    low, high = _signed(row["low"], digits), _signed(row["high"], digits)
    interval = f"{effect} [{low}, {high}]" if effect and low else effect
    sign, kind = SIGNS[row["verdict"]]
    claim = [str(row["id"]), str(row["text"]), str(row["where"]), _signed(row["reported"], digits)]
    kinds = ("h", "t", "h", "")
    words = "".join(cell(c if first else "", k) for c, k in zip(claim, kinds, strict=True))
    pairs = f"{int(row['n'])}" if effect else ""
    return words + cell(str(row["data"]), "h") + cell(interval) + cell(pairs) + cell(sign, kind)
