"""Pairs of domains: train on one, apply to another; which pairs lose most, and six of them.

A matrix of unadapted models says what each pair loses. Zakazov et al. sort the pairs by it and take two
from the top, two from the middle and two from the bottom of the list; `six` is that rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import pandas as pd

from medda_lib.papers.results import rows
from medda_lib.studies.reported import reported

SEVERITIES = ("Severe #1", "Severe #2", "Medium #1", "Medium #2", "Subtle #1", "Subtle #2")


class Pair(NamedTuple):
    """Train on `source`, apply to `target`."""

    source: str
    target: str

    def __str__(self) -> str:
        return f"{self.source} to {self.target}"


def targets(pairs: Iterable[Pair]) -> dict[str, tuple[str, ...]]:
    """The targets of each source, in order."""
    found: dict[str, tuple[str, ...]] = {}
    for source, target in pairs:
        found[source] = (*found.get(source, ()), target)
    return found


def declines(matrix: pd.DataFrame) -> pd.DataFrame:
    """All pairs, the largest decline first: columns source, target, score, home, decline.

    matrix: scores, targets in rows and sources in columns. On a tie the pair that stands first in the
    matrix (row by row) comes first.
    """
    found = [
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
    frame = pd.DataFrame(found).assign(decline=lambda f: (f["home"] - f["score"]).round(6))
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


def matrix_of(frame: pd.DataFrame, system: str, metric: str) -> pd.DataFrame:
    """The matrix of a system from ledger rows: targets in rows, sources in columns, in one order."""
    chosen = rows(frame, system=system, metric=metric)
    wide = chosen.pivot_table(index="domain", columns="source", values="value", sort=False)
    order = [site for site in wide.columns if site in wide.index]
    return wide.loc[order, order]


@cache
def printed_matrix(paper: str, table: str) -> pd.DataFrame:
    """A matrix as a paper prints it: targets in rows, sources in columns."""
    cells = reported(paper, table).assign(mean=lambda f: pd.to_numeric(f["mean"]))
    order = list(dict.fromkeys(cells["row"]))
    return cells.pivot(index="row", columns="column", values="mean").loc[order, order]
