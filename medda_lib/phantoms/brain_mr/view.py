"""Which voxels of a head are made: the grid of all heads, and the part of it that is looked at.

The grid covers 144 mm from the neck upwards and 192 x 192 mm across. The top of the scalp lies 6 mm
below its upper edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

HEIGHT, WIDTH = 144.0, 192.0  # mm
TOP = 6.0  # mm from the top of the scalp to the upper edge of the grid
VOXEL = 1.5  # mm, where nothing else is asked for: 96 slices of 128 x 128


@dataclass(frozen=True)
class Raster:
    """The voxels of the brain grid, cubes of `voxel` mm. Raises ValueError where they do not fill it."""

    voxel: float = VOXEL

    def __post_init__(self) -> None:
        if self.voxel <= 0 or HEIGHT % self.voxel or WIDTH % self.voxel:
            raise ValueError(f"voxel: {self.voxel} mm does not divide {HEIGHT:g} and {WIDTH:g} mm")

    @property
    def slices(self) -> int:
        """How many there are."""
        return round(HEIGHT / self.voxel)

    @property
    def side(self) -> int:
        """Rows, and columns, of a slice."""
        return round(WIDTH / self.voxel)

    def heights(self, numbers: range) -> Tensor:
        """Z of the middle of these slices, mm above the top of the scalp; bottom first."""
        return (torch.arange(*_bounds(numbers)) + 0.5) * self.voxel + TOP - HEIGHT

    def across(self) -> Tensor:
        """X of the columns, or y of the rows, mm."""
        return (torch.arange(self.side) - (self.side - 1) / 2) * self.voxel


def _bounds(numbers: range) -> tuple[int, int, int]:
    return numbers.start, numbers.stop, numbers.step


@dataclass(frozen=True)
class View:
    """Which voxels of a head are looked at, and how grey values are scaled to [0, 1].

    Attributes:
        voxel: mm.
        size: rows and columns of a slice: those of the grid or a divisor, at least 16; averaged.
        step: every `step`-th slice ...
        slab: ... from the first of these numbers to before the second; None: of all, bottom first.
        percentiles: of the voxels looked at that become 0 and 1; None: the least and the largest.

    Raises ValueError with the argument's name.
    """

    voxel: float = VOXEL
    size: int = Raster().side
    step: int = 1
    slab: tuple[int, int] | None = None
    percentiles: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        grid = self.grid
        if self.size < 16 or self.size > grid.side or grid.side % self.size:
            raise ValueError(f"size: {self.size} must divide {grid.side} and be at least 16")
        if not 1 <= self.step <= grid.slices:
            raise ValueError(f"step: {self.step} must lie between 1 and {grid.slices}")
        if self.slab is not None and not 0 <= self.slab[0] < self.slab[1] <= grid.slices:
            raise ValueError(f"slab: {self.slab} is no part of {grid.slices} slices")

    @property
    def grid(self) -> Raster:
        """The whole grid."""
        return Raster(self.voxel)

    @property
    def numbers(self) -> range:
        """Numbers of the slices."""
        first, stop = self.slab or (0, self.grid.slices)
        return range(first, stop, self.step)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Of slices, rows, columns in mm."""
        pixel = self.voxel * self.grid.side / self.size
        return self.voxel * self.step, pixel, pixel

    def scaled(self, image: Tensor) -> Tensor:
        """Grey values (d, h, w) in [0, 1]."""
        low, high = image.min(), image.max()
        if self.percentiles is not None:
            ends = torch.tensor(self.percentiles) / 100
            low, high = torch.quantile(image.flatten(), ends)
        image -= low
        return (image / (high - low)).clamp_(0, 1) if self.percentiles else image / image.max()
