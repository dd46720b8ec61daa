"""How much of a mask's surface is where it should be: surface Dice (Nikolov et al. 2018).

Dice counts volume, and a brain has so much of it that a contour which strays by millimetres hardly
shows. Surface Dice at a tolerance counts surface instead: the part of both surfaces that lies
within the tolerance of the other one. Surfaces are those between voxels, each piece with its area for
the given spacing, as in the definition's reference implementation and MONAI's, which does the work.

Conventions. Two empty masks agree (1); one empty mask has nothing in common with another (0). The
masks' outside continues beyond the grid: a mask that is cut by the border has a surface there.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor


def surface_dice(
    predicted: Tensor, masks: Tensor, spacing: Sequence[float], tolerances: Sequence[float] = (1.0,)
) -> list[float]:
    """Surface Dice of one scan's bool masks (d, h, w) at each tolerance (mm).

    spacing: (slice, row, column) in mm. Raises ValueError for other shapes or types.
    """
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

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # MONAI warns of its own old argument
        edges, distances, areas = get_edge_surface_distance(
            a.float(),
            b.float(),
            spacing=tuple(float(s) for s in spacing),
            use_subvoxels=True,
            symmetric=True,
        )
    return [(distances[k], areas[k][edges[k]]) for k in (1, 0)]


def _score(found: list[tuple[Tensor, Tensor]], tolerance: float) -> float:
    """The part of all surface that lies within the tolerance, rounded as MONAI rounds it."""
    (to_a, area_b), (to_b, area_a) = found
    near = area_b[to_a <= tolerance].sum() + area_a[to_b <= tolerance].sum()
    return float((near / (area_b.sum() + area_a.sum())).float())


def _cropped(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Both masks in the smallest box that holds them, with two empty voxels around."""
    where = (a | b).nonzero()
    box = tuple(
        slice(int(low), int(high) + 1)
        for low, high in zip(where.amin(0), where.amax(0), strict=True)
    )
    pad = (2, 2) * 3
    inside = (torch.nn.functional.pad(x[box].to(torch.uint8), pad) for x in (a, b))
    first, second = (x.bool() for x in inside)
    return first, second
