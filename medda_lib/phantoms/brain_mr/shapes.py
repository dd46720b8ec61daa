"""Signed distances of simple bodies, in mm, positive inside; and how to join and cut them.

Distances are exact for capsules and close for ellipsoids (scaled by the gradient), which is enough to
give layers of known thickness and edges that are shared between voxels in proportion.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

Triple = tuple[float, float, float]


class Points(NamedTuple):
    """Where voxels are in the body, mm, all of one shape; `side` is |x|, for what there is twice."""

    x: Tensor
    y: Tensor
    z: Tensor
    side: Tensor


def ellipsoid(x: Tensor, y: Tensor, z: Tensor, centre: Triple, radii: Triple) -> Tensor:
    """Distance inside an ellipsoid with axes along x, y, z: (1 - k) k / |grad k^2 / 2|."""
    u, v, w = (
        ((a - c) * (1 / r)).square_() for a, c, r in zip((x, y, z), centre, radii, strict=True)
    )
    level = (u + v).add_(w).sqrt_()
    for a, r in zip((u, v, w), radii, strict=True):
        a.mul_(1 / r**2)
    slope = u.add_(v).add_(w).add_(1e-9).rsqrt_()
    return slope.mul_(level).mul_(1 - level)


def capsule(x: Tensor, y: Tensor, z: Tensor, start: Triple, end: Triple, radius: float) -> Tensor:
    """Distance inside a tube of constant radius with round ends."""
    axis = [b - a for a, b in zip(start, end, strict=True)]
    length = math.hypot(*axis) + 1e-6
    rel = [c - a for c, a in zip((x, y, z), start, strict=True)]
    along = rel[0] * (axis[0] / length**2)
    along.add_(rel[1], alpha=axis[1] / length**2).add_(rel[2], alpha=axis[2] / length**2)
    along.clamp_(0, 1)
    squared = torch.zeros_like(along)
    for r, a in zip(rel, axis, strict=True):
        squared.add_((r - along * a).square_())
    return squared.sqrt_().neg_().add_(radius)


def join(a: Tensor, b: Tensor, rounding: float) -> Tensor:
    """Union; the crease between both is filled with a fillet of about `rounding` mm."""
    fillet = (rounding - (a - b).abs_()).clamp_(min=0).square_().mul_(0.25 / rounding)
    return torch.maximum(a, b).add_(fillet)


def cut(a: Tensor, b: Tensor, rounding: float) -> Tensor:
    """Intersection, edges rounded by about `rounding` mm."""
    round_off = (rounding - (a - b).abs_()).clamp_(min=0).square_().mul_(0.25 / rounding)
    return torch.minimum(a, b).sub_(round_off)


def share(distance: Tensor, width: float) -> Tensor:
    """Part of a voxel inside, from the distance of its middle: a ramp over `width` mm."""
    return (distance * (1 / width)).add_(0.5).clamp_(0, 1)
