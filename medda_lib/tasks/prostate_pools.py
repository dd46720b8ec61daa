"""Scans of the six prostate sites: phantoms, rendered once per process, or the real set.

A phantom site plays the part of a hospital: number, site and part of the data (training, validation,
test) alone decide what a scan looks like, and no two sites share a man. The real scans are divided once,
with a fixed seed, so that all methods and repetitions share the same test scans. Sites differ in
resolution; all scans have the same number of pixels and slices, so that sites can be pooled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar

import numpy as np

from medda_lib.datasets.content import Content, content
from medda_lib.datasets.registry import VOLUMES, find, load
from medda_lib.datasets.splits import split_by_patient
from medda_lib.datasets.volumes import Volumes
from medda_lib.phantoms.parameters import named
from medda_lib.phantoms.prostate_mr import SITES, render
from medda_lib.studies.task import Pool
from medda_lib.tasks.brain import as_pool, joined, pool_of
from medda_lib.tasks.phantom_seeds import first_seed

PROSTATE_SITES = tuple(SITES)
PROSTATE_PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class PhantomProstates:
    """Phantom scans of each site by part: `slices` slices of size x size pixels."""

    kind: ClassVar[str] = "PhantomProstates"

    train: int
    validation: int
    test: int
    size: int = 96
    slices: int = 16

    @property
    def label(self) -> str:
        """What the data are, for messages."""
        return "prostate phantoms"

    def pool(self, site: str, part: str) -> Pool:
        """The scans of a site ("A", or a dial "A>B@0.5") for one part, whole and with spacing."""
        _check_part(part)
        return phantom_scans(site, part, getattr(self, part), self.size, self.slices)


@dataclass(frozen=True)
class RealProstates:
    """Scans of the multi-site prostate set (Liu et al., 2020), divided once by patient."""

    kind: ClassVar[str] = "RealProstates"

    fractions: tuple[float, float, float] = (0.6, 0.15, 0.25)
    split_seed: int = 0
    size: int = 96
    slices: int = 16

    @property
    def label(self) -> str:
        """What the data are, for messages."""
        return "prostate_multi_site"

    @property
    def reads(self) -> tuple[str, ...]:
        """The data sets whose files decide what the scans are."""
        return (self.label,)

    def pool(self, site: str, part: str) -> Pool:
        """The scans of a site for one part.

        Raises DatasetError when the data set is not there, with how to get it.
        """
        _check_part(part)
        return _real_part(self, site, part, content(find(self.label)))


@lru_cache(maxsize=64)
def phantom_scans(name: str, part: str, count: int, size: int, slices: int) -> Pool:
    """`count` phantom scans of a site as one pool with spacing; parts share no man."""
    first = first_seed("prostate", name, part)
    scans = render(named(name, SITES), range(first, first + count), size, slices)
    names = tuple(f"{part} {i}" for i in range(count))
    return as_pool(scans.volumes, scans.prostate, names, scans.spacing)


def pooled(pools: Mapping[str, Pool]) -> Pool:
    """Scans of several sites as one pool; a scan's name begins with its site.

    Its spacing is nominal: the mean over the sites. Only lengths in a scan's own pool are in mm.
    """
    mean = np.mean([pool.spacing for pool in pools.values() if pool.spacing], axis=0)
    nominal = (float(mean[0]), float(mean[1]), float(mean[2]))
    return joined({site: replace(pool, spacing=nominal) for site, pool in pools.items()})


def _check_part(part: str) -> None:
    if part not in PROSTATE_PARTS:
        raise ValueError(f"part: {part!r} is none of {PROSTATE_PARTS}")


@lru_cache(maxsize=32)
def _real_part(data: RealProstates, site: str, part: str, holds: Content) -> Pool:
    """holds: the set's files, so that a pool is made anew when they change."""
    found = _loaded(site, data.size, data.slices, holds)
    whole = pool_of(found)
    shares = dict(zip(PROSTATE_PARTS, data.fractions, strict=True))
    numbers = split_by_patient(found.patients, shares, data.split_seed)
    return whole.take_scans(numbers[part].tolist())


@lru_cache(maxsize=8)
def _loaded(site: str, size: int, slices: int, _holds: Content) -> Volumes:
    return load(VOLUMES, "prostate_multi_site", site=site, size=size, slices=slices)
