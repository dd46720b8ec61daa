"""Phantom hippocampi of the three sources as the data of a stream, rendered once per process.

A phantom source plays the part of a public data set: its number alone decides what a scan looks like,
and no two sources share a person. Each person has one scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import ClassVar, Literal, get_args

from medda_lib.phantoms.hippocampus_mr import APART, render
from medda_lib.phantoms.hippocampus_mr import SOURCES as POPULATIONS
from medda_lib.tasks.hippocampus import SOURCES, Scans
from medda_lib.tasks.phantom_seeds import first_seed

Sites = Literal["mixed", "apart"]


@dataclass(frozen=True)
class PhantomHippocampi:
    """Phantom scans per stage.

    Attributes:
        train, test: scans of a stage.
        spacing: mm.
        home: the source where a scenario takes one only.
        sites: scanners "mixed" within "harp", which then looks much like "decathlon"; or "apart", all
            of "harp" on one of its own, so that all three sources can be told apart.
    """

    kind: ClassVar[str] = "PhantomHippocampi"

    train: int
    test: int
    spacing: float = 1.5
    home: str = "decathlon"
    sites: Sites = "mixed"

    def __post_init__(self) -> None:
        for name in ("train", "test"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} scans; expected at least 1")
        _check_source(self.home, "home")
        if self.sites not in get_args(Sites):
            raise ValueError(f"sites: {self.sites!r} is none of {get_args(Sites)}")

    @property
    def label(self) -> str:
        """What the data are, for messages."""
        return "hippocampus phantoms"

    def parts(self, source: str, sizes: Sequence[int]) -> tuple[Scans, ...]:
        """Sets of scans of a source, of the given sizes, that share no person."""
        _check_source(source, "source")
        whole = phantom_scans(source, max(1, sum(sizes)), self.spacing, self.sites)
        return tuple(
            whole.take(range(start, stop)) for start, stop in pairwise(accumulate(sizes, initial=0))
        )


@lru_cache(maxsize=16)
def phantom_scans(source: str, count: int, spacing: float, sites: Sites = "mixed") -> Scans:
    """The first `count` phantoms of a source: more of them begin with the same."""
    first = first_seed("hippocampus", source)
    populations = APART if sites == "apart" else POPULATIONS
    found = render(populations[source], range(first, first + count), spacing)
    names = tuple(f"{source} {i}" for i in range(count))
    sides = found.spacing
    return Scans(found.volumes, found.hippocampus, names, names, (source,) * count, sides)


def _check_source(source: str, argument: str) -> None:
    if source not in SOURCES:
        raise ValueError(f"{argument}: unknown source {source!r}; there are: {', '.join(SOURCES)}")
