"""Phantom heads of the six sites as the data of a brain task, rendered once per process.

A phantom site plays the part of a hospital: number, site and part of the data (training, validation,
test ...) alone decide what a scan looks like, and no two sites share a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch

from medda_lib.phantoms.brain_mr import SITES, View, render
from medda_lib.phantoms.parameters import named
from medda_lib.studies.task import Pool
from medda_lib.tasks.brain import PARTS, as_pool
from medda_lib.tasks.phantom_seeds import first_seed


@dataclass(frozen=True)
class PhantomBrains:
    """Phantom scans of each site by part; what is made of a head is a `View` of these fields."""

    kind: ClassVar[str] = "PhantomBrains"

    train: int
    validation: int
    test: int
    tuning: int
    size: int = 128
    step: int = 4
    voxel: float = 1.5
    slab: tuple[int, int] | None = None
    percentiles: tuple[float, float] | None = None

    @property
    def view(self) -> View:
        """The voxels of a head that are made."""
        return View(self.voxel, self.size, self.step, self.slab, self.percentiles)

    @property
    def label(self) -> str:
        """What the data are, for messages."""
        return "phantoms"

    def pool(self, site: str, part: str) -> Pool:
        """The scans of a site ("sm3", or a dial "sm3>ge15@0.5") for one part."""
        return phantom_scans(site, part, getattr(self, part), self.view)


@lru_cache(maxsize=64)
def phantom_scans(name: str, part: str, count: int, view: View) -> Pool:
    """`count` phantom heads of a site as one pool with spacing.

    name: as for `PhantomBrains.pool`. part: "train", "validation", "test" or "tuning"; parts share no
    person.
    """
    if part not in PARTS:
        raise ValueError(f"part: {part!r} is none of {PARTS}")
    place, first = named(name, SITES), first_seed(name, part)
    heads = [render(place, [first + i], view) for i in range(count)]
    return as_pool(
        torch.cat([head.volumes for head in heads]),
        torch.cat([head.brain for head in heads]),
        tuple(f"{part} {i}" for i in range(count)),
        heads[0].spacing,
    )
