"""From the signal in the body to the numbers in the picture: coil, noise, correction, display.

The receive sensitivity is that of the surface array and, where there is one, of the loop of an
endorectal coil, which falls off as (1 + (r/R)^2)^(-3/2) with the distance r from a loop of radius R
(Biot and Savart, on the axis of the loop); channels add as the root of the sum of squares. Noise is
added where it arises, in the received signal, so that the scanner's correction of the shading amplifies
it far from the coil.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from medda_lib.phantoms.mr import fields
from medda_lib.phantoms.mr.noise import rician
from medda_lib.phantoms.mr.sampling import ghost, point_spread
from medda_lib.phantoms.mr.spin_echo import SpinEcho
from medda_lib.phantoms.prostate_mr.patient import Draws, Man
from medda_lib.phantoms.prostate_mr.sites import Site
from medda_lib.phantoms.prostate_mr.space import Array, Axes

_LOOP = 18.0  # radius of the endorectal loop, mm
_LONG = 0.6  # it is longer than wide: distances along z count less
_UNIT = 100.0  # mm: where the surface array's shading and the transmit field are stated
_WHITE = 0.997  # the brightest 0.3 % of a scan are cut off by the display


def transmit(site: Site, who: Man, axes: Axes, echo: SpinEcho) -> Array:
    """Factor (d, h, w) on the signal by the transmit field, which is uneven at 3 T only."""
    peak = site.dielectric * (who.field - 1.5) / 1.5
    b = fields.transmit(peak, 0.0, *_coordinates(axes, _UNIT))
    factor: Array = echo.transmit_factor(b.numpy())
    return factor


def sensitivity(site: Site, who: Man, draws: Draws, axes: Axes) -> Tensor:
    """Receive sensitivity (d, h, w); 1 for the surface array at the centre of the gland."""
    slopes = [0.3 * site.shading * draws.normal(f"bias_{axis}") for axis in "xyz"]
    squares = [site.shading, 1.3 * site.shading, -0.8 * site.shading]
    x, y, z = _coordinates(axes, _UNIT)
    array = fields.receive(torch.tensor([*slopes, *squares, 0.0, 0.0, 0.0]), x, y, z)
    if not who.coil:
        return array
    x, y, z = _coordinates(axes, _LOOP)
    # The loop lies on the front of the balloon.
    front = who.rectum_y - who.rectum[1] + 4.0
    side = who.rectum_x + 3.0 * draws.normal("balloon_x")
    squared = (x - side / _LOOP) ** 2 + (y - front / _LOOP) ** 2 + (_LONG * z) ** 2
    return torch.hypot(array, who.coil * site.near * (1 + squared) ** -1.5)


def acquire(signal: Array, site: Site, who: Man, draws: Draws, axes: Axes) -> Array:
    """The scan (d, h, w) in [0, 1] of the slices' signal; `axes` at the slices' centres."""
    received = sensitivity(site, who, draws, axes)
    width = site.blur / axes.pixel
    seen = point_spread(torch.from_numpy(signal) * received, (width, width))
    seen = ghost(seen, site.ghost, axis=2)  # the phase is encoded from side to side
    numbers = draws.stream("noise").standard_normal((2, *seen.shape), dtype=np.float32)
    shown = rician(seen, site.noise, torch.from_numpy(numbers)) / received**site.corrected
    black = shown.min()
    white = shown.flatten().kthvalue(max(round(_WHITE * shown.numel()), 1)).values
    picture: Array = ((shown - black) / (white - black)).clamp_(0, 1).numpy()
    return picture


def _coordinates(axes: Axes, unit: float) -> tuple[Tensor, Tensor, Tensor]:
    """x, y, z of the grid in multiples of `unit` mm; they broadcast to (d, h, w)."""
    x, y, z = (torch.from_numpy(axis) / unit for axis in (axes.x, axes.y, axes.z))
    return x[None, None, :], y[None, :, None], z[:, None, None]
