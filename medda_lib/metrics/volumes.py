"""How well predicted masks of whole scans agree with the true ones, scan by scan.

A scan is a stack of slices with a known spacing; its overlap is that of the volumes and its surface
Dice that of the surfaces in space, at the tolerance that the grid can carry (`surface.tolerance_of`,
written beside the scores) and at twice that. All numbers but `soft_dice` come from the same thresholded
masks, with the conventions of `segmentation` and `surface`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from medda_lib.metrics import segmentation
from medda_lib.metrics.segmentation import Floats
from medda_lib.metrics.surface import surface_dice, tolerance_of

SURFACE, VOLUME = "surface_dice", "dice"
SURFACES = {SURFACE: 1, "surface_dice_double": 2}
"""Scores, and how many times the grid's tolerance each allows."""
TOLERANCE = "tolerance"


def per_scan(
    probabilities: Tensor,
    masks: Tensor,
    depth: int,
    spacing: Sequence[float],
    native: float = 0.0,
    threshold: float = 0.5,
) -> dict[str, Floats]:
    """Metrics of scans of `depth` slices each: name -> (scans,) float64.

    probabilities (scans * depth, 1, h, w) in [0, 1], masks bool of the same shape. spacing: (slice,
    row, column) in mm. native: as for `tolerance_of`. `tolerance` is that of the surface Dice in mm;
    `pixels_true` and `pixels_predicted` count voxels. Raises ValueError with the argument's name.
    """
    segmentation.check(probabilities, masks)
    if depth < 1 or len(masks) % depth:
        raise ValueError(f"depth: {len(masks)} slices are not whole scans of {depth}")
    shape = (len(masks) // depth, 1, depth * masks.shape[-2], masks.shape[-1])
    p, y = probabilities.detach().cpu().reshape(shape), masks.cpu().reshape(shape)
    a = p >= threshold
    voxels = {"pixels_true": y.flatten(1).sum(1), "pixels_predicted": a.flatten(1).sum(1)}
    return {
        VOLUME: segmentation.dice(a, y),
        "jaccard": segmentation.jaccard(a, y),
        "precision": segmentation.precision(a, y),
        "recall": segmentation.recall(a, y),
        "soft_dice": segmentation.soft_dice(p, y),
        **_surfaces(a, y, depth, spacing, tolerance_of(spacing, native)),
        **{name: count.numpy().astype(np.float64) for name, count in voxels.items()},
    }


def _surfaces(
    a: Tensor, y: Tensor, depth: int, spacing: Sequence[float], tolerance: float
) -> dict[str, Floats]:
    volume = (depth, a.shape[-2] // depth, a.shape[-1])
    allowed = [times * tolerance for times in SURFACES.values()]
    scores = [
        surface_dice(one.view(volume), other.view(volume), spacing, allowed)
        for one, other in zip(a, y, strict=True)
    ]
    found = np.asarray(scores, dtype=np.float64)
    return dict(zip(SURFACES, found.T, strict=True)) | {TOLERANCE: np.full(len(found), tolerance)}
