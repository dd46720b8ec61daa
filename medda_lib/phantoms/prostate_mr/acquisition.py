"""From the signal in the body to the numbers in the picture: coil, noise, correction, display.

The receive sensitivity is that of the surface array and, where there is one, of the loop of an
endorectal coil, which falls off as (1 + (r/R)^2)^(-3/2) with the distance r from a loop of radius R
(Biot and Savart, on the axis of the loop); channels add as the root of the sum of squares. Noise is
added where it arises, in the received signal, so that the scanner's correction of the shading amplifies
it far from the coil.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from medda_lib.phantoms.mr.spin_echo import SpinEcho
from medda_lib.phantoms.prostate_mr.patient import Draws, Man
from medda_lib.phantoms.prostate_mr.sites import Site
from medda_lib.phantoms.prostate_mr.space import Array, Axes

_LOOP = 18.0  # radius of the endorectal loop, mm
_LONG = 0.6  # it is longer than wide: distances along z count less
_WHITE = 0.997  # the brightest 0.3 % of a scan are cut off by the display


def transmit(site: Site, who: Man, axes: Axes, echo: SpinEcho) -> Array:
    """Factor (1, h, w) on the signal by the transmit field, uneven at 3 T only."""
    uneven = site.dielectric * (who.field - 1.5) / 1.5
    x, y = axes.x[None, None, :] - 10, axes.y[None, :, None]
    b = 1 - uneven * ((x / 100) ** 2 - (y / 100) ** 2 * 0.5)
    factor: Array = echo.transmit_factor(b.astype(np.float32))
    return factor


def sensitivity(site: Site, who: Man, draws: Draws, axes: Axes) -> Array:
    """Receive sensitivity (k, h, w); 1 for the surface array at the centre."""
    z, y, x = axes.z[:, None, None], axes.y[None, :, None], axes.x[None, None, :]
    slope = [0.15 * site.shading * draws.normal(f"bias_{axis}") for axis in "xyz"]
    log = site.shading * ((x / 100) ** 2 + 1.3 * (y / 100) ** 2 - 0.8 * (z / 100) ** 2)
    log = log + (slope[0] * x + slope[1] * y + slope[2] * z) / 50
    array: Array = np.exp(log).astype(np.float32)
    if not who.coil:
        return array
    front = who.rectum_y - who.rectum[1] + 4.0  # the loop lies on the front of the balloon
    off = 3.0 * draws.normal("balloon_x")
    r2 = (x - who.rectum_x - off) ** 2 + (y - front) ** 2 + (_LONG * z) ** 2
    loop = who.coil * site.near * (1 + r2 / _LOOP**2) ** -1.5
    both: Array = np.sqrt(array**2 + loop**2).astype(np.float32)
    return both


def acquire(signal: Array, site: Site, who: Man, draws: Draws, axes: Axes) -> Array:
    """Scan (d, h, w) in [0, 1] of the averaged slices' signal; `axes` at the slices' centres."""
    received = sensitivity(site, who, draws, axes)
    seen = signal * received
    sigma = site.blur / 2.355 / axes.pixel
    seen = gaussian_filter(seen, (0, sigma, sigma), truncate=3.0)
    if site.ghost:  # periodic motion: a faint copy, shifted along the phase direction (rows)
        shift = round(seen.shape[2] * (0.25 + 0.1 * draws.uniform("ghost")))
        seen = seen + site.ghost * np.roll(seen, shift, axis=2)
    noise = draws.stream("noise").standard_normal((2, *seen.shape), dtype=np.float32)
    noise *= site.noise
    magnitude = np.hypot(seen + noise[0], noise[1])
    magnitude /= received**site.corrected
    low = magnitude.min()
    high = np.partition(magnitude, int(_WHITE * (magnitude.size - 1)), axis=None)[
        int(_WHITE * (magnitude.size - 1))
    ]
    picture: Array = np.clip((magnitude - low) / (high - low), 0, 1)
    return picture
