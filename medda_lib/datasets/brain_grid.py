"""One grid for all heads: the same millimetres above the scalp, the same centre, whatever the scanner.

Scanners put heads anywhere in the field of view. A network should not have to learn that, and a
phantom should be comparable with a scan, so both live on one grid: 96 x 128 x 128 voxels of 1.5 mm (or
144 x 192 x 192 of 1 mm), slices from bottom to top, rows from front to back, columns from the patient's
right to left. The top of the head (outside of the scalp) lies 6 mm below the grid's upper edge, and the
head's centroid over its upper 100 mm is the centre of the slices. The head is found from the image alone
(what is brighter than half of Otsu's threshold, its largest part, holes filled); masks never have a say
in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.nifti import Affine, Grid, Scan
from medda_lib.datasets.resampling import Shape, Values, resample, resample_mask, shrink

EXTENT = (144.0, 192.0, 192.0)  # mm
VOXEL = 1.5  # mm, where nothing else is asked for
HEADROOM = 6.0  # mm between the top of the head and the upper edge of the grid
UPPER = 100.0  # mm below the top over which the centroid is taken
FAINT = 0.5  # of Otsu's threshold: the scalp on top, far from the coil, is fainter than the brain
COARSE = 2.0  # mm: the head is looked for on about every other millimetre
CAP = 1000.0  # mm3: the top is inferred from the uppermost cap of this volume ...
RADIUS = 85.0  # mm: ... and the radius of curvature of an adult's head there
HEAD = 5e5  # mm3: nothing smaller is taken for a head


@dataclass(frozen=True)
class Placement:
    """Where a head is, in mm of the scan: top (z), centre (x, y) of its upper 100 mm."""

    top: float
    centre: tuple[float, float]

    def affine(self, voxel: float = VOXEL) -> Affine:
        """(4, 4): index (slice, row, column) of the brain grid -> mm (x, y, z)."""
        depth, rows, columns = shape(voxel)
        x, y = self.centre
        target = np.zeros((4, 4))
        target[:, 3] = (
            x + (columns - 1) / 2 * voxel,  # column 0 is the patient's right: x falls with columns
            y + (rows - 1) / 2 * voxel,  # row 0 is the front
            self.top + HEADROOM - (depth - 0.5) * voxel,  # centre of the lowest slice
            1,
        )
        target[0, 2], target[1, 1], target[2, 0] = -voxel, -voxel, voxel
        return target


def place(scan: Scan) -> Placement:
    """Find the head. Raises DatasetError when nothing in the scan looks like one."""
    step = tuple(max(1, int(COARSE / s + 1e-3)) for s in scan.grid.spacing)
    head = foreground(scan.values[:: step[0], :: step[1], :: step[2]], scan.grid)
    index = np.argwhere(head) * step
    affine = scan.grid.affine
    x, y, z = affine[:3, :3] @ index.T + affine[:3, 3:]
    voxel = float(np.prod(scan.grid.spacing * step))
    if len(z) * voxel < HEAD:
        raise DatasetError(f"{scan.grid.path}: nothing in it is as large as a head; get it again")
    top = _top(z, voxel, float((np.abs(affine[2, :3]) * step).max()))
    upper = z > top - UPPER
    return Placement(top, (float(x[upper].mean()), float(y[upper].mean())))


def need_head(scan: Scan) -> None:
    """Raise DatasetError as `place` does; much faster where a head is clearly there."""
    thin = tuple(max(1, int(3 * COARSE / s)) for s in scan.grid.spacing)
    few = scan.values[:: thin[0], :: thin[1], :: thin[2]]
    bright = few > FAINT * float(threshold_otsu(np.minimum(few, np.percentile(few, 99))))
    parts, n = ndimage.label(bright)
    largest = np.bincount(parts.ravel())[1:].max() if n else 0
    if largest * float(np.prod(scan.grid.spacing * thin)) < 2 * HEAD:
        place(scan)


def foreground(values: Values, grid: Grid) -> NDArray[np.bool_]:
    """(a, b, c) bool: the largest part above half of Otsu's threshold, holes filled.

    Vessels and fat can be ten times as bright as the brain, so the threshold is that of the values
    cut at their 99th percentile.
    """
    cut = np.minimum(values, np.percentile(values, 99))
    bright = cut > FAINT * float(threshold_otsu(cut))
    parts, n = ndimage.label(bright)
    if n == 0:
        raise DatasetError(f"{grid.path}: nothing stands out from the background; get it again")
    largest = parts == 1 + np.bincount(parts.ravel())[1:].argmax()
    upward = int(np.abs(grid.affine[2, :3]).argmax())  # the stored axis nearest to the body's
    planes = np.moveaxis(largest, upward, 0)
    filled = np.stack([ndimage.binary_fill_holes(plane) for plane in planes])
    return np.moveaxis(filled, 0, upward)


def shape(voxel: float = VOXEL) -> Shape:
    """Slices, rows and columns of the grid. Raises DatasetError where voxels do not fill it."""
    if voxel <= 0 or any(side % voxel for side in EXTENT):
        raise DatasetError(f"voxel: {voxel} mm does not divide the grid's {EXTENT} mm")
    depth, rows, columns = (round(side / voxel) for side in EXTENT)
    return depth, rows, columns


@dataclass(frozen=True)
class Part:
    """What is taken of a head on the grid, and how grey values are scaled to [0, 1].

    size x size pixels (None: the grid's; else a divisor, averaged), every `step`-th slice from the first
    number of `slab` to before the second (None: all). percentiles of what is taken become 0 and 1; None:
    the least and the largest value of the whole grid. Raises DatasetError with the argument's name.
    """

    size: int | None = None
    step: int = 1
    voxel: float = VOXEL
    slab: tuple[int, int] | None = None
    percentiles: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        depth, side, _ = shape(self.voxel)
        if self.pixels < 1 or side % self.pixels:
            raise DatasetError(
                f"size: {self.size} pixels; the brain grid shrinks to divisors of {side}"
            )
        if not 1 <= self.step <= depth:
            raise DatasetError(f"step: every {self.step}-th slice; expected 1 to {depth}")
        if self.slab is not None and not 0 <= self.slab[0] < self.slab[1] <= depth:
            raise DatasetError(f"slab: {self.slab} is no part of {depth} slices")

    @property
    def pixels(self) -> int:
        """Rows, and columns, of a slice."""
        return shape(self.voxel)[1] if self.size is None else self.size

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distances in mm between slices, rows, columns."""
        in_plane = EXTENT[1] / self.pixels
        return self.voxel * self.step, in_plane, in_plane

    def of(self, scan: Scan, mask: NDArray[np.bool_]) -> tuple[Values, NDArray[np.bool_]]:
        """Image in [0, 1] and mask (slices, size, size) of a stored scan."""
        image, inside = on_grid(scan, mask, self.voxel)
        taken = slice(*(self.slab or (0, len(image))), self.step)
        image, inside = image[taken], inside[taken]
        if self.pixels != image.shape[1]:
            image = shrink(image, self.pixels)
            inside = shrink(inside.astype(np.float32), self.pixels) > 0.5
        if self.percentiles is not None:
            low, high = np.percentile(image, self.percentiles)
            image = np.clip((image - low) / (high - low), 0, 1).astype(np.float32)
        return image, inside


def on_grid(
    scan: Scan, mask: NDArray[np.bool_], voxel: float = VOXEL
) -> tuple[Values, NDArray[np.bool_]]:
    """Image in [0, 1] (min-max over the grid) and mask, both on the whole brain grid."""
    target = place(scan).affine(voxel)
    affine, low = scan.grid.affine, float(scan.values.min())
    image = resample(scan.values, affine, target, shape(voxel), background=low)
    image -= image.min()
    return image / image.max(), resample_mask(mask, affine, target, shape(voxel))


def _top(z: NDArray[np.float64], voxel: float, layer: float) -> float:
    """Height (mm) of the top of the head, from the heights of its voxels and their volume (mm3).

    Single voxels on top may be noise, so the height is that of a cap of one millilitre, plus what such
    a cap is high on a ball of a head's radius: sqrt(V / (pi R)). Voxels are spread over their layer,
    which makes the result finer than a voxel.
    """
    spread = ((np.arange(4) + 0.5) / 4 - 0.5) * layer
    upper = z[z > z.max() - UPPER / 2]
    heights = np.sort((upper[:, None] + spread).ravel())
    below_cap = heights[-min(len(heights), int(np.ceil(CAP * len(spread) / voxel)))]
    return float(below_cap + np.sqrt(CAP / (np.pi * RADIUS)))
