"""The swap of low frequencies: a scan keeps its phases and takes the amplitudes of a style donor.

The phase of a spectrum says where things are, the amplitude of its low frequencies how bright and how
evenly lit they are. So the amplitudes inside a small disc around zero frequency are those of a donor
from the source site, and all else stays the target's. Three conventions that the paper leaves open:

Radius. beta x min(h, w) in frequency pixels (one pixel = one cycle per image). A frequency is inside
if its distance from zero is smaller than that, so beta = 0 changes nothing, and as long as
beta x min(h, w) <= 1 only the mean grey value is swapped. The disc holds all from beta >= 0.71 on
square images.

Sign and scale. The spectra are those of real images, the window is symmetric, and so is what comes
back: a real image, with its sign. It is not rescaled.

Clipping. None: a swapped image may leave [0, 1] by a little, as the formula has it.
"""

from __future__ import annotations

import torch
from torch import Tensor


def window(h: int, w: int, beta: float, device: torch.device | None = None) -> Tensor:
    """The disc M_beta as bool (h, w), zero frequency at [0, 0] (the order of `torch.fft.fft2`).

    `torch.fft.fftshift` brings zero frequency to the middle. Raises ValueError for a negative beta.
    """
    if not beta >= 0:
        raise ValueError(f"beta: {beta} is not a size; use 0 (nothing is swapped) or more")
    rows, columns = (torch.fft.fftfreq(n, device=device) * n for n in (h, w))
    # Squares of whole numbers are exact, so no frequency is in or out by rounding.
    distance: Tensor = rows[:, None].square() + columns[None, :].square()
    return distance < (beta * min(h, w)) ** 2


def amplitudes(images: Tensor, beta: float) -> Tensor:
    """|F(image)| inside the window: (..., h, w) -> (..., frequencies), for `swap_amplitudes`.

    Half of the window is enough: the spectrum of a real image is symmetric.
    """
    inside = _half_window(images, beta)
    low: Tensor = torch.fft.rfft2(images)[..., inside]
    return low.abs()


def swap_amplitudes(target: Tensor, donated: Tensor, beta: float) -> Tensor:
    """Targets (n, 1, h, w) with donated amplitudes (n, k, frequencies): images (n, k, h, w).

    Equation of section 3: F^-1([M o F^A(s) + (1 - M) o F^A(t), F^P(t)]). Where the target has no
    amplitude its phase is taken as 0.
    """
    inside = _half_window(target, beta)
    spectrum = torch.fft.rfft2(target)
    phase = torch.sgn(spectrum[..., inside])
    phase = torch.where(phase == 0, torch.ones_like(phase), phase)
    swapped = spectrum.repeat(1, donated.shape[1], 1, 1)
    swapped[..., inside] = phase * donated
    back: Tensor = torch.fft.irfft2(swapped, s=target.shape[-2:])
    return back


def swap(target: Tensor, donors: Tensor, beta: float) -> Tensor:
    """Each target with the style of each of its donors.

    target: (n, 1, h, w). donors: (n, k, h, w), those of target i in row i. Returns (n, k, h, w), not
    clipped. Source: Zakazov et al., section 3, after Yang and Soatto 2020.
    """
    if target.ndim != 4 or target.shape[1] != 1:
        raise ValueError(f"target: need (n, 1, h, w), got {tuple(target.shape)}")
    n, _, h, w = target.shape
    if donors.ndim != 4 or (donors.shape[0], *donors.shape[2:]) != (n, h, w):
        raise ValueError(f"donors: need ({n}, k, {h}, {w}), got {tuple(donors.shape)}")
    return swap_amplitudes(target, amplitudes(donors, beta), beta)


def _half_window(images: Tensor, beta: float) -> Tensor:
    h, w = images.shape[-2:]
    return window(h, w, beta, images.device)[:, : w // 2 + 1]
