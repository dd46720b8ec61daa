"""Tasks that measure a domain shift of chest X-rays, not a method.

`ShiftTask` trains on one phantom domain and tests on several points of parameter space: the other
presets (the transfer matrix) or steps along a dial. `RealismTask` trains on phantoms and tests on
real X-rays with no adaptation: how realistic a phantom is, as a number. `RealReferenceTask` is the
same test for a network trained on real masks, to be printed beside it. `millimetres`: as for
`ChestXrayTask`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch

from medda_lib.studies.setting import Role
from medda_lib.studies.task import CLASSIFICATION, SEGMENTATION, Pool, Slot, Task
from medda_lib.tasks.chest_xray import (
    CROSS_DOMAIN,
    IN_DOMAIN,
    Counts,
    few_labelled,
    only,
)
from medda_lib.tasks.phantom_pools import phantom_pool
from medda_lib.tasks.real_pools import real_pool

_TRAINING = ((Role.LABELLED_SOURCE, "train"), (Role.VALIDATION_SOURCE, "validation"))


@dataclass(frozen=True)
class ShiftTask:
    """Train on one phantom domain, test on `tests` (names as for `phantom_pools.domain`).

    Classes are balanced in every domain (one preset has no disease at all), so a fall in accuracy is
    due to what the images look like and not to how common the disease is.
    """

    kind: ClassVar[str] = "ChestXrayShiftTask"

    problem: str
    train: str
    tests: tuple[str, ...]
    counts: Counts
    size: int
    rule: str = "lungs"
    millimetres: bool = False

    @property
    def name(self) -> str:
        """Short name for tables and messages."""
        return f"{self.problem} trained on {self.train}"

    def build(self, seed: int) -> Task:
        """The same images for every repetition; `seed` changes the training only."""
        sizes = {"train": self.counts.train, "validation": self.counts.validation}
        pools = {
            Slot(role, self.problem, self.train): self._pool(self.train, part, sizes[part])
            for role, part in _TRAINING
        }
        for name in self.tests:
            slot = Slot(Role.TEST, self.problem, name)
            pools[slot] = self._pool(name, "test", self.counts.test)
        return Task(self.name, pools)

    def evaluations(self) -> Mapping[Slot, str]:
        """In-domain where the test's domain is the training's."""
        home = (self.train, *(n for n in self.tests if n.endswith("@0.0")))
        return {
            Slot(Role.TEST, self.problem, n): IN_DOMAIN if n in home else CROSS_DOMAIN
            for n in self.tests
        }

    def _pool(self, name: str, part: str, count: int) -> Pool:
        balanced = self.problem == CLASSIFICATION
        pool = phantom_pool(name, part, count, self.size, self.rule, balanced)
        return only(self.problem, pool, self.millimetres)


@dataclass(frozen=True)
class RealismTask:
    """Train lung segmentation on phantoms of `domains`, test on a whole real set, unadapted."""

    kind: ClassVar[str] = "ChestXrayRealismTask"

    domains: tuple[str, ...]
    counts: Counts
    size: int
    rule: str
    test: str
    millimetres: bool = False

    @property
    def name(self) -> str:
        """Short name for tables and messages."""
        return f"phantoms ({self.rule}) to {self.test}"

    @property
    def reads(self) -> tuple[str, ...]:
        """The data sets whose files are read."""
        return (self.test,)

    def build(self, seed: int) -> Task:
        """No real image is used in training or validation."""
        sizes = {"train": self.counts.train, "validation": self.counts.validation}
        pools = {
            Slot(role, SEGMENTATION, "phantoms"): self._mixed(part, sizes[part])
            for role, part in _TRAINING
        }
        whole = real_pool(self.test, "all", self.size, (1.0, 0.0, 0.0), 0)
        pools[Slot(Role.TEST, SEGMENTATION, self.test)] = only(
            SEGMENTATION, whole, self.millimetres
        )
        return Task(self.name, pools)

    def evaluations(self) -> Mapping[Slot, str]:
        """Real images are another domain than phantoms."""
        return {Slot(Role.TEST, SEGMENTATION, self.test): CROSS_DOMAIN}

    def _mixed(self, part: str, count: int) -> Pool:
        each = [
            only(SEGMENTATION, phantom_pool(name, part, count, self.size, self.rule))
            for name in self.domains
        ]
        return joined(each, self.domains)


@dataclass(frozen=True)
class RealReferenceTask:
    """The reference for `RealismTask`: train on `masks` real masks of A, test on A and on B."""

    kind: ClassVar[str] = "ChestXrayReferenceTask"
    reads: ClassVar[tuple[str, ...]] = ("lung_xray_a", "lung_xray_b")

    masks: int | None
    size: int
    fractions: tuple[float, float, float] = (0.65, 0.10, 0.25)
    millimetres: bool = False

    @property
    def name(self) -> str:
        """Short name for tables and messages."""
        return f"lung_xray_a with {self.masks or 'all'} masks"

    def build(self, seed: int) -> Task:
        """`seed` draws which images carry a mask."""
        parts = {
            role: self._only(real_pool("lung_xray_a", part, self.size, self.fractions, 0))
            for role, part in (*_TRAINING, (Role.TEST, "test"))
        }
        pools = {Slot(role, SEGMENTATION, "lung_xray_a"): pool for role, pool in parts.items()}
        source = Slot(Role.LABELLED_SOURCE, SEGMENTATION, "lung_xray_a")
        pools[source], _ = few_labelled(pools[source], self.masks, seed)
        away = real_pool("lung_xray_b", "all", self.size, self.fractions, 0)
        pools[Slot(Role.TEST, SEGMENTATION, "lung_xray_b")] = self._only(away)
        return Task(self.name, pools)

    def evaluations(self) -> Mapping[Slot, str]:
        """A is home, B is away."""
        return {
            Slot(Role.TEST, SEGMENTATION, "lung_xray_a"): IN_DOMAIN,
            Slot(Role.TEST, SEGMENTATION, "lung_xray_b"): CROSS_DOMAIN,
        }

    def _only(self, pool: Pool) -> Pool:
        return only(SEGMENTATION, pool, self.millimetres)


def joined(pools: list[Pool], names: tuple[str, ...]) -> Pool:
    """Several pools as one; patients get their domain's name: equal numbers are not one person."""
    patients = tuple(
        f"{n} {p}" for n, pool in zip(names, pools, strict=True) for p in pool.patients
    )
    return Pool(
        torch.cat([pool.images for pool in pools]),
        patients,
        masks=torch.cat([pool.need_masks() for pool in pools]),
    )
