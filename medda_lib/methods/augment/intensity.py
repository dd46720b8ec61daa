"""Changes of grey values, for a batch of images with one magnitude each.

Images are (n, 1, h, w) in [0, 1], magnitudes (n,). The operations are those of the Python imaging
library's `ImageOps` and `ImageEnhance`, which RandAugment made the common pool of strong
augmentations; here the whole batch goes through at once. Where the original works on bytes
(equalisation, posterising), so does this, and returns multiples of 1/255.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

LEVELS = 256


def autocontrast(images: Tensor) -> Tensor:
    """Stretch each image to [0, 1]; a flat image stays as it is."""
    low = images.amin(dim=(1, 2, 3), keepdim=True)
    span = images.amax(dim=(1, 2, 3), keepdim=True) - low
    return torch.where(span > 0, (images - low) / span, images).clamp(0, 1)


def brightness(images: Tensor, factors: Tensor) -> Tensor:
    """Multiply and clip: 0 is black, 1 no change."""
    return (images * _column(factors)).clamp(0, 1)


def contrast(images: Tensor, factors: Tensor) -> Tensor:
    """Move away from the image's mean and clip: 0 is flat grey, 1 no change."""
    return _blend(images.mean(dim=(1, 2, 3), keepdim=True), images, factors)


def equalize(images: Tensor) -> Tensor:
    """Histogram equalisation over 256 levels; an image with one or two levels may stay as it is."""
    n = len(images)
    levels = _bytes(images).reshape(n, -1)
    histogram = torch.zeros(n, LEVELS, dtype=torch.int64, device=images.device)
    histogram.scatter_add_(1, levels, torch.ones_like(levels))
    # The brightest occupied level is left out of the step, so that it maps to exactly 255.
    last = levels.amax(dim=1, keepdim=True)
    step = (levels.shape[1] - histogram.gather(1, last)) // (LEVELS - 1)
    below = histogram.cumsum(dim=1) - histogram
    table = ((below + step // 2) // step.clamp_min(1)).clamp(0, LEVELS - 1)
    table = torch.where(step > 0, table, torch.arange(LEVELS, device=images.device))
    return _unit(table.gather(1, levels).reshape(images.shape), images)


def posterize(images: Tensor, bits: Tensor) -> Tensor:
    """Keep the highest `bits` (n,) int64 of the eight bits of each pixel."""
    return _unit((_bytes(images) >> _column(8 - bits)) << _column(8 - bits), images)


def sharpness(images: Tensor, factors: Tensor) -> Tensor:
    """Blend with a smoothed copy and clip: 0 is smooth, 1 no change, 2 sharpened. Border kept."""
    kernel = torch.ones(1, 1, 3, 3, dtype=images.dtype, device=images.device)
    kernel[0, 0, 1, 1] = 5
    smooth = images.clone()
    smooth[:, :, 1:-1, 1:-1] = F.conv2d(images, kernel / kernel.sum())
    return _blend(smooth, images, factors)


def solarize(images: Tensor, thresholds: Tensor) -> Tensor:
    """Invert the pixels at or above the threshold."""
    return torch.where(images >= _column(thresholds), 1 - images, images)


def _blend(base: Tensor, images: Tensor, factors: Tensor) -> Tensor:
    return (base + (images - base) * _column(factors)).clamp(0, 1)


def _column(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)


def _bytes(images: Tensor) -> Tensor:
    return (images * (LEVELS - 1)).round().to(torch.int64)


def _unit(levels: Tensor, like: Tensor) -> Tensor:
    return levels.to(like.dtype) / (LEVELS - 1)
