"""The world of six brain scanners: outline the brain, on a scanner that the labels do not come from.

A `BrainTask` has labelled scans of a source site, bare training scans of the site to adapt to (where
there is one) and test scans of any sites. `tuning` adds other scans of the test sites, evaluated under
that name: for rules that are allowed to look at labelled target scans (the choice of FDA's window by
Zakazov et al.) and are called oracles for it. The data are phantoms (`brain_phantoms`) or a real set
(`brain_real`); both fill the same slots, so a method cannot tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from medda_lib.datasets.volumes import Volumes
from medda_lib.studies.setting import Role
from medda_lib.studies.task import CLASSIFICATION, SEGMENTATION, Pool, Slot, Spacing, Task

IN_DOMAIN, CROSS_DOMAIN, TUNING = "in-domain", "cross-domain", "tuning"
PARTS = ("train", "validation", "test", "tuning")


class Brains(Protocol):
    """Where the scans come from: a frozen dataclass, since it is hashed with the run."""

    @property
    def label(self) -> str:
        """What the data are, for messages."""
        ...

    def pool(self, site: str, part: str) -> Pool:
        """The scans of a site for one of `PARTS`, whole and with spacing."""
        ...


@dataclass(frozen=True)
class BrainTask:
    """Learn on `source`, be tested on `tests`; bare training scans of `adapt` may be looked at."""

    kind: ClassVar[str] = "BrainTask"

    data: Brains
    source: str
    tests: tuple[str, ...]
    adapt: str | None = None
    tuning: bool = False

    @property
    def name(self) -> str:
        """Short name for tables and messages."""
        return f"{self.data.label}: {self.source} to {', '.join(self.tests)}"

    def build(self, seed: int) -> Task:
        """The same scans for every repetition; `seed` changes the training only."""
        parts = {Role.LABELLED_SOURCE: "train", Role.VALIDATION_SOURCE: "validation"}
        pools = {
            Slot(role, SEGMENTATION, self.source): self.data.pool(self.source, part)
            for role, part in parts.items()
        }
        if self.adapt is not None:
            bare = replace(self.data.pool(self.adapt, "train"), masks=None)
            pools[Slot(Role.UNLABELLED_TARGET, SEGMENTATION, self.adapt)] = bare
        for slot, site, part in self._tested():
            pools[slot] = self.data.pool(site, part)
        return Task(self.name, pools)

    def evaluations(self) -> Mapping[Slot, str]:
        """In-domain where the test's site is the source, else cross-domain; and tuning."""
        return {slot: self._evaluation(site, part) for slot, site, part in self._tested()}

    def _tested(self) -> Iterator[tuple[Slot, str, str]]:
        for site in self.tests:
            yield Slot(Role.TEST, SEGMENTATION, site), site, "test"
            if self.tuning:
                yield Slot(Role.TEST, SEGMENTATION, f"{site} tuning"), site, "tuning"

    def _evaluation(self, site: str, part: str) -> str:
        if part == "tuning":
            return TUNING
        start, _, rest = site.partition(">")  # a dial at strength 0 is the site where it starts
        at_home = start == self.source and (not rest or rest.endswith("@0.0"))
        return IN_DOMAIN if at_home else CROSS_DOMAIN


@dataclass(frozen=True)
class BrainSitesTask:
    """Tell two sites apart, slice by slice; the second is labelled 1. The first has masks as well."""

    kind: ClassVar[str] = "BrainSitesTask"

    data: Brains
    sites: tuple[str, str]

    @property
    def name(self) -> str:
        """Short name for tables and messages."""
        return f"{self.data.label}: {' or '.join(self.sites)}"

    def build(self, seed: int) -> Task:
        """Training scans of both sites, and test scans of other people."""
        first = Slot(Role.LABELLED_SOURCE, SEGMENTATION, self.sites[0])
        pools = {first: self.data.pool(self.sites[0], "train")}
        for role, part in ((Role.LABELLED_SOURCE, "train"), (Role.TEST, "test")):
            found = joined({site: self.data.pool(site, part) for site in self.sites})
            second = [name.startswith(f"{self.sites[1]} ") for name in found.patients]
            labels = torch.tensor(second, dtype=torch.int64)
            both = Pool(found.images, found.patients, labels)
            pools[Slot(role, CLASSIFICATION, " or ".join(self.sites))] = both
        return Task(self.name, pools)

    def evaluations(self) -> Mapping[Slot, str]:
        """One."""
        return {Slot(Role.TEST, CLASSIFICATION, " or ".join(self.sites)): IN_DOMAIN}


def as_pool(
    images: Tensor,
    masks: Tensor,
    names: tuple[str, ...],
    spacing: Spacing,
    native: float = 0.0,
) -> Pool:
    """Volumes (n, d, h, w) and their masks as a pool of n whole scans; native: as for `Pool`."""
    depth = images.shape[1]
    return Pool(
        images.flatten(0, 1)[:, None].contiguous(),
        tuple(name for name in names for _ in range(depth)),
        masks=masks.flatten(0, 1)[:, None].contiguous(),
        spacing=spacing,
        native=native,
    )


def pool_of(found: Volumes) -> Pool:
    """Loaded scans as a pool, with the voxels that they were acquired with."""
    return as_pool(found.images, found.masks, found.patients, found.spacing, found.native)


def joined(pools: Mapping[str, Pool]) -> Pool:
    """Scans of several sites as one pool; a scan's name begins with its site.

    Raises ValueError when the sites' scans differ in spacing.
    """
    spacings = {pool.spacing for pool in pools.values()}
    if len(spacings) != 1:
        raise ValueError(f"pools: sites with different spacings cannot be joined: {spacings}")
    return Pool(
        torch.cat([pool.images for pool in pools.values()]),
        tuple(f"{site} {name}" for site, pool in pools.items() for name in pool.patients),
        masks=torch.cat([pool.need_masks() for pool in pools.values()]),
        spacing=spacings.pop(),
        native=max(pool.native for pool in pools.values()),
    )
