"""From line integrals to a picture: primary beam, scatter, blur, quantum noise, display.

The detector gets the primary beam (Beer and Lambert) and scatter, which is a wide blur of it. It
counts quanta: with N expected, the count varies as a Poisson number, whose normal approximation
N + sqrt(N) z is used. The display shows minus the logarithm, takes off part of its slow variation as
readers' workstations do, puts the lungs and the brightest tissue at chosen greys (automatic exposure
and ranging) and bends the curve with a gamma.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

from medda_lib.phantoms.chest_xray.attenuation import transmission
from medda_lib.phantoms.chest_xray.domains import Domain
from medda_lib.phantoms.chest_xray.grid import Array, plane
from medda_lib.phantoms.chest_xray.patient import Stream

_COARSE = 16  # scatter and slow variation live on a grid of this many cells


def smooth(images: Tensor, sigma: float) -> Tensor:
    """Gaussian blur (n, h, w) with `sigma` in pixels, mirrored at the border."""
    if sigma <= 0.05:
        return images
    reach = max(1, int(np.ceil(2.5 * sigma)))
    taps = np.exp(-0.5 * (np.arange(reach + 1) / sigma) ** 2)
    taps /= taps[0] + 2 * taps[1:].sum()
    for axis in (2, 1):
        border = (reach, reach, 0, 0) if axis == 2 else (0, 0, reach, reach)
        padded = pad(images, border, mode="replicate")
        length = images.shape[axis]
        out = images * float(taps[0])
        for k in range(1, reach + 1):
            sides = padded.narrow(axis, reach - k, length) + padded.narrow(axis, reach + k, length)
            out.add_(sides, alpha=float(taps[k]))
        images = out
    return images


def slow(images: Tensor, sigma: float) -> Tensor:
    """Very wide blur (n, h, w): averaged to a coarse grid, blurred there, and brought back."""
    h, w = images.shape[1:]
    coarse = interpolate(images[:, None], size=(_COARSE, _COARSE), mode="area")[:, 0]
    coarse = smooth(coarse, sigma)[:, None]
    return interpolate(coarse, size=(h, w), mode="bilinear", align_corners=False)[:, 0]


def detect(
    attenuation: Tensor, domain: Domain, stream: Stream, pixel_area: NDArray[np.float64]
) -> Tensor:
    """Counts of quanta relative to an empty beam, (n, h, w).

    Args:
        attenuation: line integrals (n, h, w).
        domain: gives exposure and scatter.
        stream: the images' random numbers.
        pixel_area: cm2, (n,).
    """
    h, w = attenuation.shape[1:]
    primary = transmission(attenuation)
    # to first order a ray scatters what it loses: A exp(-A), nothing in air; 2 is A behind a lung
    signal = primary + slow(attenuation * primary, 1.4) * (0.5 * domain.scatter)
    exposure = domain.exposure * np.exp(domain.exposure_spread * stream.normal("exposure"))
    return quantum_noise(signal, exposure * pixel_area, stream.block(h, w))


def quantum_noise(
    signal: Tensor, quanta: NDArray[np.float64], normal: NDArray[np.float32]
) -> Tensor:
    """Poisson counting in its normal approximation; the variance of the result is signal / quanta.

    Args:
        signal: expected fraction of the quanta, (n, h, w), positive.
        quanta: quanta per pixel in an empty beam, (n,).
        normal: standard normal numbers (n, h, w).
    """
    spread = signal.sqrt().mul_(plane(1 / np.sqrt(quanta)))
    return signal + spread.mul_(torch.from_numpy(normal))


def display(signal: Tensor, lungs: Tensor, domain: Domain, stream: Stream) -> Tensor:
    """Grey values (n, h, w) in [0, 1], dense tissue bright.

    Args:
        signal: counts relative to an empty beam.
        lungs: (n, h, w) bool, where the automatic exposure looks.
        domain: gives window, gamma and equalisation.
        stream: the images' random numbers.
    """
    value = signal.clamp(min=3e-4).log_().neg_()
    taken = 2 * domain.equalise * stream.uniform("equalise")
    value = value - plane(np.minimum(taken, 0.95)) * slow(value, 1.0)
    if domain.edges > 0:
        detail = value - smooth(value, 0.4 * value.shape[-1] / domain.fov_width)
        value = value.add_(detail, alpha=domain.edges)
    value = value + _heel(value.shape[-1], domain, stream)
    weight = lungs.float()
    mean = (value * weight).sum((1, 2)) / weight.sum((1, 2)).clamp_(min=1)
    small = avg_pool2d(value[:, None], max(1, value.shape[1] // 32)).flatten(1)
    top = small.sort(1).values[:, int(0.95 * small.shape[1])]
    gamma = domain.gamma * np.exp(domain.gamma_spread * stream.normal("gamma"))
    low, high = _window(domain, stream)
    low, high = low ** (1 / gamma), high ** (1 / gamma)  # the gamma bends only what lies between
    slope = plane(high - low) / (top - mean).clamp_(min=0.1)[:, None, None]
    grey = (value - mean[:, None, None]) * slope + plane(low)
    floor = plane(domain.floor * stream.uniform("floor"))
    return film_curve(grey).pow_(plane(gamma)).mul_(1 - floor).add_(floor)


def _heel(size: int, domain: Domain, stream: Stream) -> Tensor:
    """Slope of the logarithmic exposure across the field: a tilted grid, the heel of the anode."""
    at = torch.linspace(-1, 1, size)
    x, y = (plane(domain.heel * stream.normal(name)) for name in ("heel_x", "heel_y"))
    return x * at[None, None, :] + y * at[None, :, None]


def film_curve(values: Tensor, bend: float = 0.14) -> Tensor:
    """Straight between `bend` and 1 - `bend`, with an exponential toe and shoulder, into (0, 1).

    The slope is continuous, so nothing is cut off: the film's characteristic curve in its simplest
    form.
    """
    toe = ((values - bend) / bend).clamp_(max=0).exp_().mul_(bend)
    shoulder = 1 - ((1 - bend - values) / bend).clamp_(max=0).exp_().mul_(bend)
    return torch.where(values < bend, toe, torch.where(values > 1 - bend, shoulder, values))


def _window(domain: Domain, stream: Stream) -> tuple[Array, Array]:
    """Greys of the lungs' mean and of the brightest tissue, (n,) each."""
    spread = domain.window_spread
    low = np.clip(domain.lung_grey + spread * stream.normal("low"), 0.05, 0.75)
    high = np.clip(domain.bright_grey + spread * stream.normal("high"), 0.6, 0.99)
    return low, np.maximum(high, low + 0.15)
