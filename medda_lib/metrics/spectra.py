"""What a set of images looks like in frequencies: mean log amplitudes, over rings, and how far apart."""

from __future__ import annotations

import torch
from torch import Tensor


def mean_log_amplitude(images: Tensor) -> Tensor:
    """Mean log(1 + |F|) (h, w) of images (n, h, w), zero frequency at [0, 0]."""
    spectra: Tensor = torch.fft.fft2(images)
    return spectra.abs().log1p().mean(dim=0)


def over_rings(spectrum: Tensor) -> Tensor:
    """The mean of a spectrum (h, w) over rings of one frequency pixel, (min(h, w) // 2,)."""
    h, w = spectrum.shape
    rows, columns = torch.fft.fftfreq(h) * h, torch.fft.fftfreq(w) * w
    ring = torch.hypot(rows[:, None], columns[None, :]).round().long().flatten()
    total = torch.zeros(int(ring.max()) + 1).index_add(0, ring, spectrum.flatten())
    return (total / torch.bincount(ring))[: min(h, w) // 2]


def distance(one: Tensor, other: Tensor, inside: Tensor) -> float:
    """Root mean square difference of two spectra (h, w) where `inside` (h, w) is true."""
    return float((one - other)[inside].square().mean().sqrt())
