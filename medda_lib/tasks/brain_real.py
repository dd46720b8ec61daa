"""Real head scans as the data of a brain task, and how far phantoms carry to them.

Scans are divided once, with a fixed seed, so that all methods and repetitions share the same test
scans. `BrainRealismTask` learns from phantoms of all sites and is tested on real scans, unadapted: how
realistic the phantoms are, as a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from medda_lib.datasets.brain_grid import Part
from medda_lib.datasets.content import Content, content
from medda_lib.datasets.registry import VOLUMES, find, load
from medda_lib.datasets.splits import split_by_patient
from medda_lib.datasets.volumes import Volumes
from medda_lib.phantoms.brain_mr import SITES
from medda_lib.studies.setting import Role
from medda_lib.studies.task import SEGMENTATION, Pool, Slot, Task
from medda_lib.tasks.brain import CROSS_DOMAIN, PARTS, joined, pool_of
from medda_lib.tasks.brain_phantoms import PhantomBrains


@dataclass(frozen=True)
class RealBrains:
    """Scans of a real data set, divided once into training, validation, test and tuning scans."""

    kind: ClassVar[str] = "RealBrains"

    dataset: str = "brain_sites"
    fractions: tuple[float, float, float, float] = (0.5, 0.1, 0.25, 0.15)
    split_seed: int = 0
    size: int = 128
    step: int = 4
    voxel: float = 1.5
    slab: tuple[int, int] | None = None
    percentiles: tuple[float, float] | None = None

    @property
    def part(self) -> Part:
        """What is taken of each head."""
        return Part(self.size, self.step, self.voxel, self.slab, self.percentiles)

    @property
    def label(self) -> str:
        """What the data are, for messages."""
        return self.dataset

    @property
    def reads(self) -> tuple[str, ...]:
        """The data sets whose files decide what the scans are."""
        return (self.dataset,)

    def pool(self, site: str, part: str) -> Pool:
        """The scans of a site for one part, or for the part "all".

        Raises DatasetError when the data set is not there, with how to get it.
        """
        return _part(self, site, part, content(find(self.dataset)))


@dataclass(frozen=True)
class BrainRealismTask:
    """Learn from phantoms of all six sites, be tested on all scans of real sites, unadapted."""

    kind: ClassVar[str] = "BrainRealismTask"

    phantoms: PhantomBrains
    real: RealBrains
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        """Short name for tables and messages."""
        return f"phantoms to {', '.join(self.tests)}"

    def build(self, seed: int) -> Task:
        """No real scan is used in training or validation."""
        pools = {
            Slot(role, SEGMENTATION, "phantoms"): joined(
                {site: self.phantoms.pool(site, part) for site in SITES}
            )
            for role, part in (
                (Role.LABELLED_SOURCE, "train"),
                (Role.VALIDATION_SOURCE, "validation"),
            )
        }
        for site in self.tests:
            pools[Slot(Role.TEST, SEGMENTATION, site)] = self.real.pool(site, "all")
        return Task(self.name, pools)

    def evaluations(self) -> Mapping[Slot, str]:
        """Real scans are another domain than phantoms."""
        return {Slot(Role.TEST, SEGMENTATION, site): CROSS_DOMAIN for site in self.tests}


@lru_cache(maxsize=32)
def _part(data: RealBrains, site: str, part: str, holds: Content) -> Pool:
    """holds: the set's files, so that a pool is made anew when they change."""
    found = _loaded(data.dataset, site, data.part, holds)
    whole = pool_of(found)
    if part == "all":
        return whole
    shares = dict(zip(PARTS, data.fractions, strict=True))
    numbers = split_by_patient(found.patients, shares, data.split_seed)
    return whole.take_scans(numbers[part].tolist())


@lru_cache(maxsize=16)
def _loaded(dataset: str, site: str, part: Part, _holds: Content) -> Volumes:
    return load(VOLUMES, dataset, site=site, **vars(part))
