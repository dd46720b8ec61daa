"""Vessels of the lung: two trees that fork from each hilum and thin out towards the pleura.

A branch of radius r holds pi r^2 of tissue per centimetre of its length. Points along the branches
are given that volume and shared among the nearest pixels, so the projected thickness is right at
every pixel size without tracing each branch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from medda_lib.phantoms.chest_xray.grid import Array, Grid, ellipse, plane, root, splat
from medda_lib.phantoms.chest_xray.patient import Anatomy, Stream

_TRUNKS = 8
_GENERATIONS = 4
_RADII = (0.42, 0.30, 0.21, 0.14)  # cm
_LENGTHS = (0.13, 0.12, 0.115, 0.11)  # of the lung's height
_NUMBERS = 2 * _TRUNKS * 2**_GENERATIONS * 2


def vessels(grid: Grid, a: Anatomy, stream: Stream) -> Tensor:
    """Length of vessel along each ray as if all of it lay in air, cm, (n, h, w)."""
    n = len(a.height)
    numbers = stream.block(_NUMBERS).reshape(n, 2, _TRUNKS, 2**_GENERATIONS, 2)
    volume = 1.6 * np.exp(0.25 * stream.normal("vessels"))
    dx, dy = grid.step
    k = int(np.ceil(0.11 * grid.shape[2]))  # one point per pixel of a field 36 cm wide
    xs, ys, masses = [], [], []
    for (x0, y0, x1, y1), radius in _branches(a, numbers):
        at = (np.arange(k) + 0.5) / k
        length = np.hypot(x1 - x0, y1 - y0)
        mass = (np.pi * radius**2 / (3 * k)) * length * (volume / (dx * dy))[:, None, None]
        ux, uy = -(y1 - y0) / length * radius, (x1 - x0) / length * radius
        for offset in (-0.6, 0.0, 0.6):  # three threads make a round branch on fine grids
            xs.append(((x0 + offset * ux)[..., None] + (x1 - x0)[..., None] * at).reshape(n, -1))
            ys.append(((y0 + offset * uy)[..., None] + (y1 - y0)[..., None] * at).reshape(n, -1))
            masses.append(np.repeat(mass.reshape(n, -1), k, axis=1))
    px = (np.concatenate(xs, 1) - grid.x[:, :1]) / dx[:, None]
    py = (np.concatenate(ys, 1) - grid.y[:, :1]) / dy[:, None]
    tree = splat(px, py, np.concatenate(masses, 1), grid.shape)
    for side, level in ((-1.0, 0.43), (1.0, 0.40)):
        x = side * (a.base[0] + 1.0)
        hilum = root(ellipse(grid, x, level * a.height, 1.25 + 0 * x, 2.4 + 0 * x))
        tree += hilum * plane(1.1 * volume)
    return tree


def _branches(
    a: Anatomy, numbers: NDArray[np.float32]
) -> list[tuple[tuple[Array, Array, Array, Array], float]]:
    """Segments of each generation as (x0, y0, x1, y1) of shape (n, 2, branches), and radius."""
    n = len(a.height)
    side = np.array([-1.0, 1.0])[None, :, None]
    fan = np.linspace(-1.25, 1.2, _TRUNKS)  # up to down, 0 is straight outwards
    angle = fan + 0.16 * numbers[:, :, :, 0, 0]
    x = np.broadcast_to((a.base[0] + 1.3)[:, None, None] * side, angle.shape)
    y = np.broadcast_to(
        a.height[:, None, None] * np.array([0.43, 0.40])[None, :, None], angle.shape
    )
    y = y + 0.05 * a.height[:, None, None] * fan
    out = []
    for generation in range(_GENERATIONS):
        width = 2**generation
        jitter = numbers[:, :, :, width : 2 * width, :].reshape(n, 2, -1, 2)
        length = a.height[:, None, None] * _LENGTHS[generation] * np.exp(0.2 * jitter[..., 0])
        x1 = x + side * length * np.cos(angle)
        y1 = y + length * np.sin(angle)
        out.append(((x, y, x1, y1), _RADII[generation]))
        spread = 0.30 + 0.1 * np.abs(jitter[..., 1])
        angle = np.stack([angle - spread, angle + spread], -1).reshape(n, 2, -1)
        x, y = np.repeat(x1, 2, axis=2), np.repeat(y1, 2, axis=2)
    return out
