"""Streams by where scans come from, and by the order in which they come.

"Shifting source" (Gonzalez et al., section 3): scans of three data sets in proportions that change
slowly over five stages. The paper's proportions are in an appendix that is not at hand, so the choice
here is a parameter: Bernstein's polynomials of degree 2, which lead from the first source to the last
with the second in between, no stage like another. `Ordered` sorts the scans of one source by the volume
of the hippocampus or by the regime of intensities and cuts the row into stages. Labels decide the order
there, so it is a constructed stream: a test of how methods forget, not what a clinic would see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from medda_lib.tasks.hippocampus import SOURCES, STAGES, Hippocampi, Scans, Shown, together

Order = Literal["volume", "regime"]
Shares = tuple[float, ...]


def bernstein(stages: int = STAGES) -> tuple[Shares, ...]:
    """(stages, 3) shares of three sources: (1 - t)^2, 2 t (1 - t), t^2 with t from 0 to 1."""
    times = [k / (stages - 1) for k in range(stages)]
    return tuple(((1 - t) ** 2, 2 * t * (1 - t), t**2) for t in times)


@dataclass(frozen=True)
class ShiftingSource:
    """Three sources (harp, dryad, decathlon) in changing proportions, (5, 3), rows of sum 1."""

    proportions: tuple[Shares, ...] = bernstein()

    def __post_init__(self) -> None:
        shares = [list(row) for row in self.proportions]
        good = len(shares) == STAGES and all(len(row) == len(SOURCES) for row in shares)
        if not good or not np.allclose(np.sum(shares, axis=1), 1) or np.min(shares) < 0:
            raise ValueError(
                f"proportions: expected {STAGES} rows of {len(SOURCES)} shares of at least 0 that "
                f"add up to 1, got {self.proportions}"
            )
        if unused := [
            s for s, column in zip(SOURCES, np.sum(shares, axis=0), strict=True) if column == 0
        ]:
            raise ValueError(f"proportions: no stage uses {', '.join(unused)}")

    @property
    def label(self) -> str:
        """What changes, for messages."""
        return "shifting source"

    def stages(self, data: Hippocampi) -> tuple[Shown, ...]:
        """The stages in their order; training and test are mixed alike."""
        counts = [
            [apportion(row, number) for number in (data.train, data.test)]
            for row in self.proportions
        ]
        drawn = {
            source: iter(data.parts(source, [int(c[k]) for stage in counts for c in stage]))
            for k, source in enumerate(SOURCES)
        }

        def mixed() -> Scans:
            return together([next(drawn[source]) for source in SOURCES])

        changed = changes(self.proportions)
        return tuple(Shown(mixed(), mixed(), boundary) for boundary in changed)


@dataclass(frozen=True)
class Ordered:
    """One source, sorted by volume, or by regime and then volume, and cut into five stages."""

    by: Order = "volume"

    def __post_init__(self) -> None:
        if self.by not in get_args(Order):
            raise ValueError(f"by: {self.by!r}; expected one of {', '.join(get_args(Order))}")

    @property
    def label(self) -> str:
        """What changes, for messages."""
        return f"ordered by {self.by}"

    def stages(self, data: Hippocampi) -> tuple[Shown, ...]:
        """The stages in their order, from small to large; in each, a random part is for testing."""
        size = data.train + data.test
        found = data.parts(data.home, (1,) * (STAGES * size))  # one by one: no person twice
        scans = together(found)
        order = self._sorted(scans)
        chance = np.random.default_rng(0)
        shown = []
        for k in range(STAGES):
            block = chance.permutation(order[k * size : (k + 1) * size]).tolist()
            shown.append(
                Shown(scans.take(block[data.test :]), scans.take(block[: data.test]), k > 0)
            )
        return tuple(shown)

    def _sorted(self, scans: Scans) -> NDArray[np.intp]:
        """Numbers of the scans in their order: the rarer regime first, equal volumes by name."""
        keys: list[Sequence[object]] = [scans.names, scans.volumes().tolist()]
        if self.by == "regime":
            kinds = sorted(set(scans.regimes), key=lambda r: (scans.regimes.count(r), r))
            if len(kinds) < 2:
                raise ValueError(
                    f"by: all scans have the regime {kinds[0]!r}, there is nothing to sort by; use "
                    '"volume"'
                )
            keys.append([kinds.index(regime) for regime in scans.regimes])
        return np.lexsort([np.asarray(key) for key in keys])


def apportion(shares: Sequence[float], number: int) -> NDArray[np.int64]:
    """`number` seats by largest remainder (Hamilton's method); ties go to the first."""
    quota = np.asarray(shares, dtype=np.float64) * number
    seats = np.floor(quota + 1e-9).astype(np.int64)
    remainder = np.round(quota - seats, 9)
    seats[np.argsort(-remainder, kind="stable")[: number - int(seats.sum())]] += 1
    return seats


def changes(values: Sequence[object]) -> tuple[bool, ...]:
    """For each stage, whether its value is another than the one before; False for the first."""
    return (False, *(before != now for before, now in pairwise(values)))
