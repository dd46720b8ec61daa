"""Streams by where scans come from, and by the order in which they come.

"Shifting source" (Gonzalez et al., section 3): scans of three data sets in proportions that change
slowly over five stages. The paper's proportions are in an appendix that is not at hand, so the choice
here is a parameter: Bernstein's polynomials of degree 2, which lead from the first source to the last
with the second in between, no stage like another. `HardSwitch` has one source alone in each stage, which
is where forgetting should show most, and `NoShift` the same one in all, where nothing may show; between
these two the paper's mixture has to lie. `Ordered` sorts the people of one source by the volume
of the hippocampus or by the regime of intensities and cuts the row into stages. Labels decide the order
there, so it is a constructed stream: a test of how methods forget, not what a clinic would see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from medda_lib.tasks.hippocampus import (
    SOURCES,
    STAGES,
    Hippocampi,
    Scans,
    Shown,
    deal,
    stage_parts,
    together,
)

Order = Literal["volume", "regime"]
Shares = tuple[float, ...]


def bernstein(stages: int = STAGES) -> tuple[Shares, ...]:
    """(stages, 3) shares of three sources: (1 - t)^2, 2 t (1 - t), t^2 with t from 0 to 1."""
    times = [k / (stages - 1) for k in range(stages)]
    return tuple(((1 - t) ** 2, 2 * t * (1 - t), t**2) for t in times)


@dataclass(frozen=True)
class ShiftingSource:
    """Three sources (harp, dryad, decathlon) in changing proportions, (5, 3), rows of sum 1."""

    kind: ClassVar[str] = "ShiftingSource"
    sources: ClassVar[tuple[str, ...]] = SOURCES

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
class HardSwitch:
    """One source alone in each stage; the default holds two stages, switches twice, and holds again."""

    kind: ClassVar[str] = "HardSwitch"

    order: tuple[str, ...] = ("harp", "harp", "dryad", "decathlon", "decathlon")

    def __post_init__(self) -> None:
        if len(self.order) != STAGES or not set(self.order) <= set(SOURCES):
            raise ValueError(f"order: expected {STAGES} of {', '.join(SOURCES)}, got {self.order}")

    @property
    def label(self) -> str:
        """What changes, for messages."""
        return "hard switch"

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that are read."""
        return tuple(dict.fromkeys(self.order))

    def stages(self, data: Hippocampi) -> tuple[Shown, ...]:
        """The stages in their order."""
        sizes = (data.train, data.test)
        drawn = {s: iter(data.parts(s, sizes * self.order.count(s))) for s in self.sources}
        parts = [(next(drawn[s]), next(drawn[s])) for s in self.order]
        changed = changes(self.order)
        return tuple(Shown(*part, boundary) for part, boundary in zip(parts, changed, strict=True))


@dataclass(frozen=True)
class NoShift:
    """The data's home in every stage, other people each time: the control, with nothing to announce."""

    kind: ClassVar[str] = "NoShift"

    @property
    def label(self) -> str:
        """What changes, for messages."""
        return "no shift"

    def stages(self, data: Hippocampi) -> tuple[Shown, ...]:
        """The stages in their order."""
        return tuple(Shown(*part, False) for part in stage_parts(data, data.home))


@dataclass(frozen=True)
class Ordered:
    """One source, sorted by volume, or by regime and then volume, and cut into five stages."""

    kind: ClassVar[str] = "OrderedStream"

    by: Order = "volume"

    def __post_init__(self) -> None:
        if self.by not in get_args(Order):
            raise ValueError(f"by: {self.by!r}; expected one of {', '.join(get_args(Order))}")

    @property
    def label(self) -> str:
        """What changes, for messages."""
        return f"ordered by {self.by}"

    def stages(self, data: Hippocampi) -> tuple[Shown, ...]:
        """The stages in their order, from small to large; in each, random people are for testing."""
        scans = _drawn(data)
        row = self._people(scans)
        shown = []
        for k in range(STAGES):
            used, (test, train) = _next_stage(scans, row, (data.test, data.train), k)
            row = row[used:]
            shown.append(Shown(scans.take(train), scans.take(test), k > 0))
        return tuple(shown)

    def _people(self, scans: Scans) -> list[str]:
        """People by the mean volume of their scans, the rarer regime first; equal ones by name."""
        mine: dict[str, list[int]] = {}
        for number, person in enumerate(scans.people):
            mine.setdefault(person, []).append(number)
        size = scans.volumes().double()
        ranks = dict.fromkeys(scans.regimes, 0) if self.by == "volume" else _ranks(scans.regimes)
        return sorted(
            mine,
            key=lambda who: (
                ranks[scans.regimes[mine[who][0]]],
                float(size[mine[who]].mean()),
                who,
            ),
        )


def _ranks(regimes: Sequence[str]) -> dict[str, int]:
    """Place of each regime in the stream. Raises ValueError when there is one only."""
    kinds = sorted(set(regimes), key=lambda kind: (regimes.count(kind), kind))
    if len(kinds) < 2:
        raise ValueError(
            f'by: all scans have the regime {kinds[0]!r}, there is nothing to sort by; use "volume"'
        )
    return {kind: rank for rank, kind in enumerate(kinds)}


def _drawn(data: Hippocampi) -> Scans:
    """Scans for all stages. Where people have two, a few more: a cut between them costs one."""
    needed = STAGES * (data.train + data.test)
    scans = data.parts(data.home, (needed,))[0]
    if len(set(scans.people)) == len(scans):
        return scans
    return data.parts(data.home, (needed + 2 * STAGES,))[0]


def _next_stage(
    scans: Scans, row: Sequence[str], sizes: Sequence[int], seed: int
) -> tuple[int, list[list[int]]]:
    """How many people of the row fill one more stage, and the numbers of the scans of its parts.

    Raises ValueError when the row is too short.
    """
    for used in range(1, len(row) + 1):
        block = set(row[:used])
        numbers = [i for i, person in enumerate(scans.people) if person in block]
        if len(numbers) < sum(sizes):
            continue
        try:
            parts = deal([scans.people[i] for i in numbers], sizes, seed, "a stage")
        except ValueError:  # a person between two parts cost a scan: take one more person
            continue
        return used, [[numbers[i] for i in part] for part in parts]
    raise ValueError(f"train, test: {len(scans)} scans are too few for {STAGES} stages of {sizes}")


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
