"""One grid for all hippocampi: a field of 48 x 60 x 48 mm around the middle of an acquired crop.

A hippocampus is small, so its sets either come as crops already (Decathlon) or are cropped here from
whole heads (HarP, Dryad). Crops differ in size from scan to scan; a network wants one. So each crop lies
in the middle of a field that holds the largest of them, on isotropic voxels, and is 0 outside: slices
from bottom to top, rows from front to back, columns from the patient's right to left, as everywhere in
this library. Scanners have no common unit, so the 1st and 99th percentile of a crop become 0 and 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.nifti import Affine, Grid, Scan
from medda_lib.datasets.resampling import Shape, Values, resample, resample_mask
from medda_lib.datasets.volumes import Volumes

Millimetres = tuple[float, float, float]

FIELD: Millimetres = (48.0, 60.0, 48.0)  # slices, rows, columns: holds every crop of Decathlon
BOX: Millimetres = (36.0, 50.0, 36.0)  # what is cut from whole heads: Decathlon's crops on average
PERCENTILES = (1.0, 99.0)


@dataclass(frozen=True)
class Crops(Volumes):
    """Crops on one grid. `patients` names the scan, one each; two scans may be of one person.

    people: (n,) who was scanned; splits keep a person together. regimes: (n,) how intensities were
    stored ("uint8", "float32" ...), which tells that scans were processed differently.
    """

    people: tuple[str, ...] = ()
    regimes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("people", "regimes"):
            if len(getattr(self, name)) != len(self):
                raise ValueError(f"{name}: {len(getattr(self, name))} names for {len(self)} scans")

    def take(self, scans: Sequence[int]) -> Crops:
        """The scans with these numbers, in this order."""
        chosen = list(scans)
        some = super().take(chosen)
        return Crops(
            some.images,
            some.masks,
            some.spacing,
            some.patients,
            some.sites,
            tuple(self.people[i] for i in chosen),
            tuple(self.regimes[i] for i in chosen),
        )


def grid_shape(spacing: float, field: Millimetres = FIELD) -> Shape:
    """(slices, rows, columns) of the field at `spacing` mm.

    Raises DatasetError unless the spacing is positive and divides the field.
    """
    if not spacing > 0:
        raise DatasetError(f"spacing: {spacing} mm; expected a positive number")
    d, h, w = (round(side / spacing) for side in field)
    if min(d, h, w) < 1 or not np.allclose(np.array([d, h, w]) * spacing, field):
        raise DatasetError(
            f"spacing: {spacing:g} mm does not divide the field of "
            f"{' x '.join(f'{side:g}' for side in field)} mm; 1, 1.5 and 3 do"
        )
    return d, h, w


def grid_affine(centre: NDArray[np.float64], shape: Shape, spacing: float) -> Affine:
    """(4, 4): index (slice, row, column) -> mm (x, y, z), with the grid's middle at `centre` (mm)."""
    affine = np.zeros((4, 4))
    affine[0, 2], affine[1, 1], affine[2, 0] = -spacing, -spacing, spacing
    affine[:3, 3] = centre - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    affine[3, 3] = 1
    return affine


def grid_around(grid: Grid, shape: Shape, spacing: float) -> Affine:
    """`grid_affine` around the middle of a stored volume, moved by at most half a stored voxel.

    Moved so that the field's corner is a corner of stored voxels: where the spacing is a multiple of
    theirs nothing is blurred and a mask keeps its volume, whether the crop has an even or odd size.
    """
    affine = grid_affine(middle(grid), shape, spacing)
    corner = np.linalg.solve(grid.affine, affine @ [-0.5, -0.5, -0.5, 1])[:3] + 0.5
    affine[:3, 3] += grid.affine[:3, :3] @ (np.ceil(corner - 0.5) - corner)
    return affine


def on_grid(
    scan: Scan, mask: NDArray[np.bool_], spacing: float, field: Millimetres = FIELD
) -> tuple[Values, NDArray[np.bool_]]:
    """A crop, (a, b, c) as stored, and its mask on the grid: image in [0, 1], 0 outside the crop."""
    shape = grid_shape(spacing, field)
    target = grid_around(scan.grid, shape, spacing)
    image = resample(rescaled(scan.values, scan.grid), scan.grid.affine, target, shape)
    return image.clip(0, 1), resample_mask(mask, scan.grid.affine, target, shape)


def rescaled(values: Values, grid: Grid) -> Values:
    """Percentiles 1 and 99 of a crop to 0 and 1, clipped. Raises DatasetError when they are equal."""
    low, high = np.percentile(values, PERCENTILES)
    if not high > low:
        raise DatasetError(
            f"{grid.path}: 98 % of the crop has one value, {low:g}; get the file again"
        )
    return np.asarray(((values - low) / (high - low)).clip(0, 1), dtype=np.float32)


def middle(grid: Grid) -> NDArray[np.float64]:
    """(3,) mm: the middle of a stored volume."""
    return np.asarray(grid.affine[:3, :3] @ ((np.array(grid.shape) - 1) / 2) + grid.affine[:3, 3])


def cut_out(
    scan: Scan, mask: NDArray[np.bool_], box: Millimetres = BOX
) -> tuple[Scan, NDArray[np.bool_]]:
    """From a whole head the stored voxels around one hippocampus, with their place in the patient.

    The box (mm along slices, rows and columns) has its middle where that of the mask's own bounding box
    is: a use of the label, as in the making of Decathlon's crops. Cut short at the head's edge.
    Raises DatasetError when the mask reaches beyond the box.
    """
    inside = np.argwhere(mask)
    first, last = inside.min(0), inside.max(0)
    sides = np.abs(scan.grid.affine[:3, :3]).T @ np.array([box[2], box[1], box[0]])
    size = np.maximum(2, np.round(sides / scan.grid.spacing**2)).astype(int)  # voxels
    begin = np.floor((first + last - size) / 2 + 1).astype(int)
    start, stop = np.maximum(0, begin), np.minimum(mask.shape, begin + size)
    if (first < start).any() or (last >= stop).any():
        raise DatasetError(
            f"{scan.grid.path}: the hippocampus is larger than the box of "
            f"{' x '.join(f'{side:g}' for side in box)} mm; is this the mask of one side only?"
        )
    part = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    affine = scan.grid.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ start
    values = scan.values[part]
    a, b, c = values.shape
    return Scan(Grid(scan.grid.path, (a, b, c), affine), values), mask[part]
