"""How much of a mask's surface is where it should be: surface Dice (Nikolov et al. 2018).

Dice counts volume, and a brain has so much of it that a contour which strays by millimetres hardly
shows. Surface Dice at a tolerance counts surface instead: the part of both surfaces that lies
within the tolerance of the other one. Surfaces are those between voxels, each piece with its area for
the given spacing, as in the definition's reference implementation and MONAI's, which does the work.

A tolerance below the voxel measures nothing: two contours that agree as well as the grid allows differ
by up to a voxel, so the score would count which voxels are equal and call it millimetres.
`tolerance_of` is the least that a grid can carry, and anything below is refused.

Conventions. Two empty masks agree (1); one empty mask has nothing in common with another (0). Within a
slice the masks' outside continues beyond the grid: a mask that is cut by the border has a surface there.
Where the slices end (at the neck, or because a slab was taken) nothing is known of the surface, and
none is counted: the large cut faces agree wherever the masks do, and would hide how far the outlines
are apart.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor

PRINTED = 1.0
"""Millimetres: the tolerance of the papers on the six scanners, whose voxels are as large."""


def tolerance_of(spacing: Sequence[float], native: float = 0.0) -> float:
    """The tolerance (mm) for masks of this spacing (mm): the papers' 1 mm, or the grid's own.

    native: the largest side (mm) of the voxels that the scans were acquired with, where that was another
    grid. Masks that were drawn on 2 mm are not known to a millimetre, however finely they are sampled.
    """
    return max(PRINTED, native, *spacing)


def surface_dice(
    predicted: Tensor, masks: Tensor, spacing: Sequence[float], tolerances: Sequence[float]
) -> list[float]:
    """Surface Dice of one scan's bool masks (d, h, w) at each tolerance (mm).

    spacing: (slice, row, column) in mm. Raises ValueError for other shapes or types, and for a tolerance
    below the largest spacing.
    """
    if min(tolerances) < max(spacing):
        raise ValueError(
            f"tolerances: {min(tolerances):g} mm is below the voxel's {max(spacing):g} mm; measure on a "
            "finer grid, or at the tolerance that this one can carry (`tolerance_of`)"
        )
    if predicted.dtype != torch.bool or masks.dtype != torch.bool or predicted.ndim != 3:
        raise ValueError(
            f"masks: need bool (d, h, w), got {predicted.dtype} {tuple(predicted.shape)} and "
            f"{masks.dtype} {tuple(masks.shape)}"
        )
    if predicted.shape != masks.shape:
        raise ValueError(f"predicted: {tuple(predicted.shape)}, masks: {tuple(masks.shape)}")
    if not predicted.any() or not masks.any():
        return [float(bool(predicted.any()) == bool(masks.any()))] * len(tolerances)
    found = _elements(*_cropped(predicted, masks), spacing)
    return [_score(found, tolerance) for tolerance in tolerances]


def _elements(a: Tensor, b: Tensor, spacing: Sequence[float]) -> list[tuple[Tensor, Tensor]]:
    """(distance to the other surface, area) of each piece of surface; those of `b` first."""
    # Here, since MONAI takes seconds to import and most processes measure no surface.
    from monai.metrics.utils import get_edge_surface_distance

    everywhere = torch.ones([n - 1 for n in a.shape], dtype=torch.bool)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # MONAI warns of its own old argument
        edges, distances, areas = get_edge_surface_distance(
            a.float(),
            b.float(),
            spacing=tuple(float(s) for s in spacing),
            use_subvoxels=True,
            symmetric=True,
            mask=everywhere,  # without it MONAI closes the ends of the scan
        )
    return [(distances[k], areas[k][edges[k]]) for k in (1, 0)]


def _score(found: list[tuple[Tensor, Tensor]], tolerance: float) -> float:
    """The part of all surface that lies within the tolerance, rounded as MONAI rounds it."""
    (to_a, area_b), (to_b, area_a) = found
    near = area_b[to_a <= tolerance].sum() + area_a[to_b <= tolerance].sum()
    return float((near / (area_b.sum() + area_a.sum())).float())


def _cropped(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Both masks in the smallest box that holds them, with one voxel around.

    It is empty, but for the first and last slice of a scan, which are continued.
    """
    where = (a | b).nonzero()
    box = tuple(
        slice(int(low), int(high) + 3)
        for low, high in zip(where.amin(0), where.amax(0), strict=True)
    )
    wide = (torch.cat([x[:1], x, x[-1:]]).to(torch.uint8) for x in (a, b))
    first, second = (torch.nn.functional.pad(x, (1, 1, 1, 1))[box].bool() for x in wide)
    return first, second
