"""Where the rays go: sampling grids, ellipsoid chords and the projection of thin tubes.

All rays run straight from front to back, so the length of a ray inside a body is a closed formula of
where it enters: for an ellipsoid with half depth c, 2c sqrt(1 - q), q being the squared elliptic
distance from its centre. Anatomy is evaluated on a grid that is aligned with the patient, and carried
to the tilted detector by one interpolation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]


def plane(values: Array) -> Tensor:
    """(n,) to float32 (n, 1, 1)."""
    return torch.from_numpy(values.astype(np.float32))[:, None, None]


def rows(values: Array) -> Tensor:
    """(n, h) to float32 (n, h, 1)."""
    return torch.from_numpy(values.astype(np.float32))[:, :, None]


def columns(values: Array) -> Tensor:
    """(n, w) to float32 (n, 1, w)."""
    return torch.from_numpy(values.astype(np.float32))[:, None, :]


@dataclass(frozen=True)
class Grid:
    """Patient coordinates of the pixels: x (n, w) to the patient's left, y (n, h) downwards, cm."""

    x: Array
    y: Array

    @property
    def step(self) -> tuple[Array, Array]:
        """Pixel width and height in cm, (n,) each."""
        return self.x[:, 1] - self.x[:, 0], self.y[:, 1] - self.y[:, 0]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(n, h, w)."""
        return len(self.x), self.y.shape[1], self.x.shape[1]


def root(values: Tensor) -> Tensor:
    """Square root of the positive part; changes its argument."""
    return values.clamp_(min=0).sqrt_()


def ellipse(
    grid: Grid, x: Array, y: Array, a: Array, b: Array, angle: Array | None = None
) -> Tensor:
    """1 - q, with q the squared elliptic distance from (x, y), half axes a (along angle) and b.

    Positive inside. Arguments (n,) in cm and radians, result (n, h, w).
    """
    dx, dy = grid.x - x[:, None], grid.y - y[:, None]
    if angle is None:
        return (1 - rows((dy / b[:, None]) ** 2)) - columns((dx / a[:, None]) ** 2)
    c, s = np.cos(angle), np.sin(angle)
    xx, yy = (c / a) ** 2 + (s / b) ** 2, (s / a) ** 2 + (c / b) ** 2
    xy = 2 * c * s * (1 / a**2 - 1 / b**2)
    q = rows(yy[:, None] * dy**2) + columns(xx[:, None] * dx**2)
    return 1 - q.add_(rows(xy[:, None] * dy) * columns(dx))


def splat(px: Array, py: Array, mass: Array, shape: tuple[int, int, int]) -> Tensor:
    """Share each point's mass among the four nearest pixels, (n, h, w) float32.

    Args:
        px: horizontal pixel coordinates (n, k), centre of the first pixel at 0; points outside the
            picture are dropped.
        py: vertical ones.
        mass: what each point holds, (n, k).
        shape: (n, h, w) of the result.
    """
    n, h, w = shape
    i, j = np.floor(py), np.floor(px)
    keep = (i >= 0) & (j >= 0) & (i < h - 1) & (j < w - 1)
    image = np.broadcast_to(np.arange(n)[:, None] * (h * w), i.shape)[keep]
    fi, fj, m = (py - i)[keep], (px - j)[keep], np.broadcast_to(mass, i.shape)[keep]
    flat = image + i[keep].astype(np.int64) * w + j[keep].astype(np.int64)
    places = np.concatenate([flat, flat + 1, flat + w, flat + w + 1])
    shares = np.concatenate(
        [m * (1 - fi) * (1 - fj), m * (1 - fi) * fj, m * fi * (1 - fj), m * fi * fj]
    )
    total = np.bincount(places, shares, minlength=n * h * w).astype(np.float32)
    return torch.from_numpy(total).view(n, h, w)
