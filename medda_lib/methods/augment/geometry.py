"""Changes of place: flips, shifts, and affine maps with one matrix per image.

Flips and shifts move whole pixels and lose none (the border is mirrored, as in the cropping that they
stand for). Rotation, shear and translation are composed into one affine map per image and resampled
once, bilinearly, with zeros from outside.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def flip_and_shift(images: Tensor, flips: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Mirror left and right where `flips` (n,) bool, then move by whole pixels.

    Moving by (r, c) is what padding by mirroring and cropping at another place does: pixel (i, j) of
    the result is pixel (i + r, j + c) of the mirrored image.

    Args:
        images: (n, c, h, w).
        flips: (n,) bool.
        rows: (n,) int64, smaller than h in size.
        columns: (n,) int64, smaller than w in size.
    """
    h, w = images.shape[2:]
    i = _mirror(torch.arange(h, device=images.device) + rows[:, None], h)
    j = _mirror(torch.arange(w, device=images.device) + columns[:, None], w)
    j = torch.where(flips[:, None], w - 1 - j, j)
    n = torch.arange(len(images), device=images.device)[:, None, None]
    # Advanced indices around a slice go to the front: (n, h, w, c).
    return images[n, :, i[:, :, None], j[:, None, :]].movedim(-1, 1)


def _mirror(index: Tensor, size: int) -> Tensor:
    """Reflect indices about the first and last pixel, which are not repeated."""
    last = size - 1
    return last - (last - index.abs()).abs()


def rotation(degrees: Tensor) -> Tensor:
    """(n, 3, 3) maps that turn images counter-clockwise about their centre."""
    angle = torch.deg2rad(degrees)
    matrix = _identity(degrees)
    matrix[:, 0, 0] = matrix[:, 1, 1] = angle.cos()
    matrix[:, 0, 1], matrix[:, 1, 0] = -angle.sin(), angle.sin()
    return matrix


def shear(x: Tensor, y: Tensor) -> Tensor:
    """(n, 3, 3) maps: the pixel shown at (u, v) is taken from (u + x v, v), then likewise for y."""
    along_x, along_y = _identity(x), _identity(y)
    along_x[:, 0, 1] = x
    along_y[:, 1, 0] = y
    return along_x @ along_y


def translation(x: Tensor, y: Tensor) -> Tensor:
    """(n, 3, 3) maps: contents move left by `x` of the width and up by `y` of the height."""
    matrix = _identity(x)
    # grid_sample's coordinates run from -1 to 1: a whole width is 2.
    matrix[:, 0, 2], matrix[:, 1, 2] = 2 * x, 2 * y
    return matrix


def resample(images: Tensor, maps: Tensor) -> Tensor:
    """Images (n, c, h, w), square, with each pixel taken from where `maps` (n, 3, 3) sends it."""
    grid = F.affine_grid(maps[:, :2].to(images), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def _identity(like: Tensor) -> Tensor:
    return torch.eye(3, dtype=like.dtype, device=like.device).repeat(len(like), 1, 1)
