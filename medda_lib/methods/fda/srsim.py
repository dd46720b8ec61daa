"""SR-SIM: how alike two images look, weighted by what catches the eye (Zhang and Li 2012).

Two maps are made of each image. The saliency of the spectral residual (Hou and Zhang 2007): what is
left of the log amplitude once its local mean is taken away belongs to the unexpected parts of an
image. And the gradient modulus (Scharr). Two images are compared pixel by pixel in both, and the
product is averaged with the larger saliency as weight:

    S_V = (2 V_a V_b + C1) / (V_a^2 + V_b^2 + C1),   S_G likewise with G and C2,
    SR-SIM = sum(S_V S_G^alpha max(V_a, V_b)) / sum(max(V_a, V_b)).

Constants, filters and borders are those of the authors' program (grey values 0 to 255), but for one
thing: bicubic enlargement overshoots a little, and the saliency is clipped to [0, 1] here, so that
SR-SIM lies in [0, 1]. All maps are made once an image, then compared in any pairing: choosing style
donors compares thousands of pairs. All of it happens on the images' device.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

C1, C2, ALPHA = 0.40, 225.0, 0.50
SHRINK, MEAN_SIZE = 4, 3
BLUR_SIZE, BLUR_SIGMA = 10, 3.8
NATURAL_SIZE = 256  # larger images are averaged down to about this side first
GREY = 255.0
PAIRS = 16  # compared at once: about what a processor's cache holds at 128 x 128 ...
MANY_PAIRS = 1024  # ... and what keeps a GPU busy


@dataclass(frozen=True)
class Features:
    """Maps of n images, each (n, h, w): saliency in [0, 1] and gradient modulus in grey values."""

    saliency: Tensor
    gradient: Tensor

    def __len__(self) -> int:
        return len(self.saliency)


def features(images: Tensor) -> Features:
    """The maps of images (n, 1, h, w) in [0, 1]."""
    if images.ndim != 4 or images.shape[1] != 1:
        raise ValueError(f"images: need (n, 1, h, w), got {tuple(images.shape)}")
    grey = reduced(images * GREY)
    return Features(saliency(grey)[:, 0], gradient_modulus(grey)[:, 0])


def reduced(images: Tensor) -> Tensor:
    """Images averaged over squares of round(min(h, w) / 256) pixels, as the definition asks."""
    factor = max(1, round(min(images.shape[-2:]) / NATURAL_SIZE))
    return F.avg_pool2d(images, factor) if factor > 1 else images


def saliency(images: Tensor) -> Tensor:
    """Spectral-residual saliency (n, 1, h, w) in [0, 1] of images (n, 1, h, w).

    It is found at a quarter of the size. Raises ValueError where a side is not divisible by 4.
    """
    if any(side % SHRINK or side < SHRINK**2 for side in images.shape[-2:]):
        raise ValueError(
            f"images: sides must be divisible by {SHRINK} and at least {SHRINK**2}, got "
            f"{tuple(images.shape[-2:])}"
        )
    spectrum = torch.fft.fft2(_resized(images, 1 / SHRINK))
    amplitude = spectrum.abs().clamp_min(torch.finfo(images.dtype).tiny).log()
    residual = amplitude - F.avg_pool2d(_replicated(amplitude), MEAN_SIZE, stride=1)
    # exp(residual + i phase); a frequency without amplitude has no phase and takes phase 0.
    unit = torch.polar(residual.exp(), spectrum.angle())
    blurred = _blurred(torch.fft.ifft2(unit).abs().square())
    low, high = blurred.amin((-2, -1), keepdim=True), blurred.amax((-2, -1), keepdim=True)
    scaled = (blurred - low) / (high - low).clamp_min(torch.finfo(images.dtype).tiny)
    return _resized(scaled, SHRINK).clamp(0, 1)


def gradient_modulus(images: Tensor) -> Tensor:
    """Length of the Scharr gradient (n, 1, h, w); black is assumed around the image."""
    rows = [[3.0, 0.0, -3.0], [10.0, 0.0, -10.0], [3.0, 0.0, -3.0]]
    kernel = torch.tensor(rows, dtype=images.dtype, device=images.device) / 16
    both = torch.stack([kernel, kernel.T])[:, None]
    return F.conv2d(images, both, padding=1).square().sum(1, keepdim=True).sqrt()


def similarity(a: Features, b: Features) -> Tensor:
    """SR-SIM (n,) of image i of `a` with image i of `b`."""
    return _compare(a.saliency, b.saliency, a.gradient, b.gradient)


def pairwise(a: Features, b: Features) -> Tensor:
    """SR-SIM (n, m) of every image of `a` with every image of `b`."""
    n, m = len(a), len(b)
    rows, columns = (torch.arange(k, device=a.saliency.device) for k in (n, m))
    first, second = rows.repeat_interleave(m), columns.repeat(n)
    return similarity_of(a, b, first, second).view(n, m)


def similarity_of(a: Features, b: Features, first: Tensor, second: Tensor) -> Tensor:
    """SR-SIM (p,) of images `first` (p,) of `a` with images `second` (p,) of `b`."""
    size = PAIRS if a.saliency.device.type == "cpu" else MANY_PAIRS
    parts = [
        _compare(a.saliency[i], b.saliency[j], a.gradient[i], b.gradient[j])
        for i, j in zip(first.split(size), second.split(size), strict=True)
    ]
    return torch.cat(parts)


def _compare(v_a: Tensor, v_b: Tensor, g_a: Tensor, g_b: Tensor) -> Tensor:
    weight = torch.maximum(v_a, v_b)
    alike = _alike(v_a, v_b, C1) * _alike(g_a, g_b, C2).pow(ALPHA)
    total = weight.sum((-2, -1))
    # No saliency anywhere (images of a few pixels): all pixels count the same.
    return torch.where(
        total > 0, (alike * weight).sum((-2, -1)) / total.clamp_min(1e-12), alike.mean((-2, -1))
    )


def _alike(x: Tensor, y: Tensor, constant: float) -> Tensor:
    return 1 - (x - y).square() / (x.square() + y.square() + constant)


def _resized(images: Tensor, scale: float) -> Tensor:
    """Bicubic and anti-aliased, the images mirrored at their borders."""
    border = SHRINK if scale > 1 else SHRINK**2  # wider than the filter; whole pixels after scaling
    h, w = images.shape[-2:]
    rows, columns = (_mirrored(side, border, images.device) for side in (h, w))
    wide = images[..., rows[:, None], columns]
    size = [round(side * scale) for side in wide.shape[-2:]]
    large = F.interpolate(wide, size=size, mode="bicubic", antialias=True)
    cut = round(border * scale)
    return large[..., cut:-cut, cut:-cut]


def _mirrored(length: int, border: int, device: torch.device) -> Tensor:
    """Numbers of the pixels along a line that is mirrored at both ends."""
    at = torch.arange(-border, length + border, device=device)
    return torch.where(at < 0, -1 - at, torch.where(at >= length, 2 * length - 1 - at, at))


def _replicated(images: Tensor) -> Tensor:
    return F.pad(images, (1, 1, 1, 1), mode="replicate")


def _blurred(images: Tensor) -> Tensor:
    """A Gaussian of 10 x 10 pixels, black outside; an even window reaches one pixel further right."""
    at = torch.arange(BLUR_SIZE, dtype=images.dtype, device=images.device) - (BLUR_SIZE - 1) / 2
    weights = torch.exp(-at.square() / (2 * BLUR_SIGMA**2))
    weights = weights / weights.sum()
    before, after = (BLUR_SIZE - 1) // 2, BLUR_SIZE // 2
    padded = F.pad(images, (before, after, before, after))
    return F.conv2d(F.conv2d(padded, weights.view(1, 1, 1, -1)), weights.view(1, 1, -1, 1))
