"""What sampling does to a picture: point spread, slice thickness, wrap-around and ghosts.

A scanner samples the Fourier transform of the object. Samples that reach only so far blur it (point
spread); samples that lie too far apart make whatever sticks out of the field of view reappear on the
other side (wrap-around); and what changes between samples, such as blood that pulses, appears a second
time, half a field of view away along the phase direction (ghost). All functions take images
(..., rows, columns) or a named axis, in pixels, and are linear.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

_FWHM = 2 * math.sqrt(2 * math.log(2))  # full width at half maximum of a Gaussian over its sigma


@lru_cache(maxsize=128)
def blur_matrix(size: int, fwhm: float) -> Tensor:
    """(size, size): a Gaussian of `fwhm` pixels, integrated over pixels; rows sum to 1."""
    at = torch.arange(size, dtype=torch.float64)
    if fwhm < 0.05:
        return torch.eye(size)
    scale = math.sqrt(2) * fwhm / _FWHM
    edge = (at[None, :] - at[:, None]) / scale
    half = 0.5 / scale
    weights = torch.erf(edge + half) - torch.erf(edge - half)
    return (weights / weights.sum(1, keepdim=True)).float()


def point_spread(images: Tensor, fwhm: tuple[float, float]) -> Tensor:
    """Blur rows and columns with Gaussians of the given widths in pixels."""
    rows, columns = images.shape[-2:]
    spread = images @ blur_matrix(columns, fwhm[1]).T
    return blur_matrix(rows, fwhm[0]) @ spread


@lru_cache(maxsize=128)
def slice_matrix(size: int, thickness: float) -> Tensor:
    """(size, size): means over slabs of `thickness` pixels, one per pixel; rows sum to 1.

    The image is taken as constant over each pixel, so a slab of up to one pixel changes nothing.
    """
    if thickness < 0:
        raise ValueError(f"thickness: {thickness} pixels is negative")
    at = torch.arange(size, dtype=torch.float64)
    distance = (at[None, :] - at[:, None]).abs()
    half = max(thickness, 1.0) / 2
    overlap = (half - (distance - 0.5)).clamp(0, 1)
    overlap[distance == 0] = min(2 * half, 1.0)
    return (overlap / overlap.sum(1, keepdim=True)).float()


def slice_profile(images: Tensor, thickness: float) -> Tensor:
    """Average columns over slabs of `thickness` pixels: slices that were taken along columns."""
    return images @ slice_matrix(images.shape[-1], thickness).T


def wrap(images: Tensor, fov: float, axis: int) -> Tensor:
    """Fold what lies outside a centred field of view of `fov` pixels to the other side.

    Outside the field of view the result is 0, as in a scan that was put on a larger grid.
    """
    size = images.shape[axis]
    if fov >= size:
        return images
    kept = max(2, round(fov))
    if 2 * kept < size:
        raise ValueError(f"fov: {fov} pixels of {size}; less than half cannot be folded once")
    first = (size - kept) // 2
    folded = torch.zeros_like(images)
    inside = images.narrow(axis, first, kept).clone()
    if first:
        inside.narrow(axis, kept - first, first).add_(images.narrow(axis, 0, first))
    after = size - first - kept
    if after:
        inside.narrow(axis, 0, after).add_(images.narrow(axis, first + kept, after))
    folded.narrow(axis, first, kept).copy_(inside)
    return folded


def ghost(images: Tensor, amplitude: float, axis: int, fov: float | None = None) -> Tensor:
    """Add the picture itself, half a field of view (pixels; None: the whole axis) away."""
    if amplitude == 0:
        return images
    half = round((images.shape[axis] if fov is None else fov) / 2)
    return (1 - amplitude) * images + amplitude * torch.roll(images, half, axis)
