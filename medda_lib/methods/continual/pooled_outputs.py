"""Local POD (Douillard et al. 2021): features of two networks compared by their means along lines.

Pooled outputs distillation lets features change as long as their means along lines of voxels stay: in
2-D along rows and columns of a feature map, here along each of the three axes of a volume. Means over
the whole width lose where things are, so Local POD repeats them in the regions of a pyramid: at scale s
every side is cut in 2^s, and a mean runs over the piece of a line within one region. To cut all lines of
an axis in 2^s pieces gives the means of all regions at once, so that no region is visited by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

SPATIAL = (2, 3, 4)


def local_pod(features: Tensor, scales: int = 3) -> Tensor:
    """Embedding (n, m) of features (n, c, d, h, w): means along lines, of all axes, regions and scales.

    Douillard et al. (2021), equations 3 and 4, with depth beside width and height. A side that 2^s does
    not divide is cut in nearly equal parts, one shorter than 2^s in single voxels.
    """
    parts = [
        piece.mean(dim=axis).flatten(1)
        for s in range(scales)
        for axis in SPATIAL
        for piece in features.tensor_split(min(2**s, features.shape[axis]), dim=axis)
    ]
    return torch.cat(parts, dim=1)


def pod_distance(new: Tensor, old: Tensor, scales: int = 3, *, normalise: bool = False) -> Tensor:
    """Distance of two embeddings, mean over scans: the norm of their difference, as in released code.

    Args:
        new: features (n, c, d, h, w) of the network that learns.
        old: features of the same shape; no gradient flows into them.
        scales: levels of the pyramid.
        normalise: bring each embedding to length 1 first (PODNet does, PLOP's released code does not);
            then the distance does not depend on the scale of the features.
    """
    if new.shape != old.shape:
        raise ValueError(f"new, old: shapes {tuple(new.shape)} and {tuple(old.shape)} differ")
    ours, theirs = local_pod(new, scales), local_pod(old.detach(), scales)
    if normalise:
        ours, theirs = F.normalize(ours, dim=1), F.normalize(theirs, dim=1)
    distance: Tensor = torch.linalg.vector_norm(ours - theirs, dim=1)
    return distance.mean()


def pod_loss(
    new: Sequence[Tensor],
    old: Sequence[Tensor],
    weights: Sequence[float],
    scales: int = 3,
    *,
    normalise: bool = False,
) -> Tensor:
    """Weighted distances of all layers, divided by their number (equation 5)."""
    each = [
        weight * pod_distance(ours, theirs, scales, normalise=normalise)
        for ours, theirs, weight in zip(new, old, weights, strict=True)
    ]
    return torch.stack(each).mean()
