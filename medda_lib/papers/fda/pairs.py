"""Which six of the thirty pairs of scanners: two severe shifts, two medium ones, two subtle ones.

Zakazov et al. sort the pairs by what the source model loses on the target and take two from the top,
two from the middle and two from the bottom of the list, but do not name them. `six` is that rule.
On their Table 1 it gives pairs whose scores are the "No DA" column of their Table 2, cell for cell, so
those are the paper's pairs. On phantoms the rule is applied to our own matrix.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import pandas as pd

from medda_lib.studies.reported import reported

SEVERITIES = ("Severe #1", "Severe #2", "Medium #1", "Medium #2", "Subtle #1", "Subtle #2")


class Pair(NamedTuple):
    """Train on `source`, apply to `target`."""

    source: str
    target: str

    def __str__(self) -> str:
        return f"{self.source} to {self.target}"


PHANTOM_PAIRS: Mapping[str, Pair] = {
    "Severe #1": Pair("sm3", "ge15"),
    "Severe #2": Pair("ge15", "sm3"),
    "Medium #1": Pair("ph3", "ge3"),
    "Medium #2": Pair("ph3", "sm15"),
    "Subtle #1": Pair("ph15", "ph3"),
    "Subtle #2": Pair("ph15", "sm15"),
}
"""`six` of the committed matrix of phantoms; a test recomputes them."""

REAL_PAIRS: Mapping[str, Pair] = {
    "ixi_hh to nichart_demo": Pair("ixi_hh", "nichart_demo"),
    "nichart_demo to ixi_hh": Pair("nichart_demo", "ixi_hh"),
}


def declines(matrix: pd.DataFrame) -> pd.DataFrame:
    """All pairs, the largest decline first: columns source, target, score, home, decline.

    matrix: surface Dice, targets in rows and sources in columns, as in Table 1. On a tie the pair that
    stands first in the table (row by row) comes first.
    """
    rows = [
        {
            "source": source,
            "target": target,
            "score": float(matrix.loc[target, source]),
            "home": float(matrix.loc[source, source]),
        }
        for target in matrix.index
        for source in matrix.columns
        if source != target
    ]
    # Scores are printed with two decimals: differences of equal size must not part by rounding.
    frame = pd.DataFrame(rows).assign(decline=lambda f: (f["home"] - f["score"]).round(6))
    return frame.sort_values("decline", ascending=False, kind="stable", ignore_index=True)


def six(matrix: pd.DataFrame) -> dict[str, Pair]:
    """The pairs at the top, in the middle and at the bottom of the list, by name.

    Raises ValueError for a matrix of fewer than six pairs.
    """
    ranked = declines(matrix)
    if len(ranked) < len(SEVERITIES):
        raise ValueError(f"matrix: {len(ranked)} pairs, at least {len(SEVERITIES)} are needed")
    middle = len(ranked) // 2
    chosen = [0, 1, middle - 1, middle, len(ranked) - 2, len(ranked) - 1]
    found = (Pair(str(ranked.loc[i, "source"]), str(ranked.loc[i, "target"])) for i in chosen)
    return dict(zip(SEVERITIES, found, strict=True))


def matrix_of(frame: pd.DataFrame, metric: str = "surface_dice") -> pd.DataFrame:
    """The matrix of unadapted models from ledger rows: targets in rows, sources in columns."""
    chosen = frame[(frame["system"] == "No DA") & (frame["metric"] == metric)]
    wide = chosen.pivot_table(index="domain", columns="source", values="value", sort=False)
    order = [site for site in wide.columns if site in wide.index]
    return wide.loc[order, order]


@cache
def paper_matrix() -> pd.DataFrame:
    """Table 1 as printed: targets in rows, sources in columns."""
    cells = reported("fda", "1").assign(mean=lambda f: pd.to_numeric(f["mean"]))
    order = list(dict.fromkeys(cells["row"]))
    return cells.pivot(index="row", columns="column", values="mean").loc[order, order]


@cache
def paper_pairs() -> Mapping[str, Pair]:
    """The six pairs of the paper, recovered by its rule from its Table 1."""
    return six(paper_matrix())


def pairs_of(data: str) -> Mapping[str, Pair]:
    """The pairs that a kind of data is about; ValueError where it has none."""
    known = {"phantom": PHANTOM_PAIRS, "real": REAL_PAIRS, "own": paper_pairs()}
    if data not in known:
        raise ValueError(f"data: {data!r} has no pairs of scanners; there are: {', '.join(known)}")
    return known[data]
