"""Bringing a stored volume to another grid through the two affines.

A target grid is an affine as well: from target indices to millimetres. Composed with the inverse of
the stored one it says, for each target voxel, where to look in the stored array; the value there is
interpolated linearly. Where target voxels are larger than stored ones a single look would alias, so a
voxel is then the mean over enough looks inside it that none of the stored voxels is skipped: an area
average. Where the two grids share their axes up to order and sign the work splits into one sparse
matrix per axis, some ten times faster than the general `scipy.ndimage.affine_transform`, with the same
result. Outside of the stored volume is background.
"""

from __future__ import annotations

import numpy as np
from nibabel.orientations import (
    apply_orientation,
    axcodes2ornt,
    io_orientation,
    ornt_transform,
)
from numpy.typing import NDArray
from scipy import ndimage, sparse

from medda_lib.datasets.nifti import Affine

Values = NDArray[np.float32]
Shape = tuple[int, int, int]

ALIGNED = 0.02  # voxels: what a tilt may move a voxel and the axes still count as shared


def resample(
    values: Values, affine: Affine, target: Affine, shape: Shape, *, background: float = 0.0
) -> Values:
    """Values (a, b, c) with `affine` (index -> mm) on the grid of `shape` with affine `target`.

    Linear where target voxels are smaller than stored ones, area average where they are larger.
    background: the value outside of the stored volume, blended in within one voxel of its edge.
    """
    look: Affine = np.asarray(
        np.linalg.solve(affine, target), np.float64
    )  # target index -> stored index
    looks = np.maximum(1, np.ceil(np.linalg.norm(look[:3, :3], axis=0) - 1e-3)).astype(int)
    above = values - np.float32(background)
    order = _shared_axes(look, shape)
    found = (
        _tilted(above, look, shape, looks)
        if order is None
        else _split(above, look, shape, looks, order)
    )
    return np.asarray(found + np.float32(background), dtype=np.float32)


def resample_mask(
    mask: NDArray[np.bool_], affine: Affine, target: Affine, shape: Shape
) -> NDArray[np.bool_]:
    """A mask on another grid: resampled like an image, then inside where more than half is."""
    return resample(mask.astype(np.float32), affine, target, shape) > 0.5


def upright(values: Values, affine: Affine) -> Values:
    """Stored axes flipped and reordered, nothing interpolated, to (slice, row, column).

    Each stored axis becomes the one that it is nearest to: slices from bottom to top, rows from front to
    back, columns from the patient's right to left. For scans whose slices should stay as acquired.
    """
    stored, wanted = io_orientation(affine), axcodes2ornt(("S", "P", "L"))
    return np.asarray(apply_orientation(values, ornt_transform(stored, wanted)))


def upright_axes(affine: Affine) -> tuple[int, int, int]:
    """The stored axes that `upright` makes the slices, rows and columns of."""
    nearest = io_orientation(affine)[:, 0].astype(int).tolist()
    return nearest.index(2), nearest.index(1), nearest.index(0)


def shrink(planes: Values, size: int) -> Values:
    """(d, h, w) -> (d, size, size): area average in plane; h and w are multiples of size."""
    d, h, w = planes.shape
    blocks = planes.reshape(d, size, h // size, size, w // size)
    return np.asarray(blocks.mean(axis=(2, 4), dtype=np.float64), dtype=np.float32)


def _shared_axes(look: Affine, shape: Shape) -> NDArray[np.intp] | None:
    """For each target axis the stored axis that it runs along; None when the grids are tilted."""
    travel = np.abs(look[:3, :3]) * np.array(shape)  # voxels along stored axes, per target axis
    order = travel.argmax(axis=0)
    rest = travel.copy()
    rest[order, range(3)] = 0
    return order if len(set(order.tolist())) == 3 and rest.max() < ALIGNED else None


def _split(
    values: Values, look: Affine, shape: Shape, looks: NDArray[np.int_], order: NDArray[np.intp]
) -> Values:
    """Axis by axis: each a sparse matrix of linear weights, averaged over the looks of a voxel."""
    found = values.transpose(order)
    for axis, stored in enumerate(order):
        at = look[stored, axis] * _places(shape[axis], int(looks[axis])) + look[stored, 3]
        matrix = _linear(at, shape[axis], values.shape[stored])
        front = np.moveaxis(found, axis, 0)
        mixed = (matrix @ front.reshape(len(front), -1)).reshape(shape[axis], *front.shape[1:])
        found = np.moveaxis(mixed, 0, axis)
    return np.asarray(found, dtype=np.float32)


def _places(n: int, looks: int) -> NDArray[np.float64]:
    """Target indices (n * looks,) of the looks: evenly spread over each voxel from edge to edge."""
    return (np.arange(n * looks) + 0.5) / looks - 0.5


def _linear(at: NDArray[np.float64], n: int, stored: int) -> sparse.csr_array:
    """(n, stored) weights of linear interpolation at the places, averaged over each voxel's looks."""
    looks = len(at) // n
    below = np.floor(at).astype(int)
    share = at - below
    row = np.repeat(np.arange(n), looks)
    rows, columns = np.concatenate([row, row]), np.concatenate([below, below + 1])
    weights = np.concatenate([1 - share, share]) / looks
    inside = (columns >= 0) & (columns < stored)
    entries = (weights[inside].astype(np.float32), (rows[inside], columns[inside]))
    return sparse.csr_array(entries, shape=(n, stored))


def _tilted(values: Values, look: Affine, shape: Shape, looks: NDArray[np.int_]) -> Values:
    """The general case: a finer grid of looks through scipy, then the mean over each voxel's block."""
    fine = np.eye(4)
    fine[:3, :3] = np.diag(1 / looks)
    fine[:3, 3] = 0.5 / looks - 0.5
    through = look @ fine
    refined = tuple(int(n * m) for n, m in zip(shape, looks, strict=True))
    found = ndimage.affine_transform(
        values,
        through[:3, :3],
        through[:3, 3],
        output_shape=refined,
        order=1,
        mode="grid-constant",
        prefilter=False,
    )
    (d, h, w), (i, j, k) = shape, looks.tolist()
    return np.asarray(found.reshape(d, i, h, j, w, k).mean(axis=(1, 3, 5)), dtype=np.float32)
