"""Where things are: the grid of voxels, the body's own frame, and smooth random fields over it.

Voxels lie on the brain grid (see `view`). A person's frame has x to the left, y to the back and z up,
in mm of the average head, with its origin at the top of the scalp. Between both lie the person's size, a
turn of the head, and a smooth random displacement, which makes each head its own and no two halves
alike. Random fields are cubic B-splines over coarse lattices of normal numbers; splines are separable,
so a field costs three small matrix products on whatever slices are asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from medda_lib.phantoms.brain_mr.person import Stream
from medda_lib.phantoms.brain_mr.shapes import Points

REACH = 120.0  # mm: fields cover a cube of twice this side about (0, 0, MIDDLE)
MIDDLE = -70.0
_UNIT = 3.0  # makes the standard deviation of a spline of standard normal numbers about 1


@dataclass(frozen=True)
class Lattice:
    """Random fields over the cube: coefficients (c, k, k, k) for z, y, x, `spacing` mm apart."""

    coefficients: Tensor
    spacing: float

    @classmethod
    def draw(cls, stream: Stream, fields: int, spacing: float) -> Lattice:
        """Independent fields with standard deviation 1 and detail of about twice `spacing`."""
        k = math.ceil(2 * REACH / spacing) + 3
        return cls(stream.block(fields, k, k, k) * _UNIT, spacing)

    def at(self, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        """Values (c, z, y, x) on the grid that three lists of coordinates (mm) span."""
        c, k = self.coefficients.shape[:2]
        wx, wy, wz = (_weights(a, self.spacing, k) for a in (x, y, z - MIDDLE))
        values = torch.matmul(wz, self.coefficients.reshape(c, k, k * k)).reshape(c, -1, k, k)
        return wy @ (values @ wx.T)


def _weights(at: Tensor, spacing: float, k: int) -> Tensor:
    """(n, k): cubic B-spline weights of k knots, the second of them at -REACH."""
    t = ((at + REACH) / spacing + 1).clamp(1, k - 2)[:, None] - torch.arange(k)
    t = t.abs()
    near = 2 / 3 - t**2 + t**3 / 2
    return torch.where(t < 1, near, (2 - t).clamp(min=0) ** 3 / 6)


@dataclass(frozen=True)
class Frame:
    """The way from the grid into a person's frame: p = turn ((grid - shift) / scale) + wobble."""

    scale: tuple[float, float, float]
    turn: Tensor
    wobble: Lattice  # three fields, times `size` mm
    size: float
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def body(self, x: Tensor, y: Tensor, z: Tensor) -> tuple[Points, tuple[Tensor, Tensor, Tensor]]:
        """Points of the grid spanned by three lists; and the shifted, scaled lists themselves."""
        lists = [(a - t) / s for a, t, s in zip((x, y, z), self.shift, self.scale, strict=True)]
        u, v, w = lists
        moved = self.wobble.at(u, v, w).mul_(self.size)
        centred = w - MIDDLE  # the head turns about its middle
        for i in range(3):
            moved[i] += float(self.turn[i, 0]) * u
            moved[i] += float(self.turn[i, 1]) * v[:, None]
            moved[i] += float(self.turn[i, 2]) * centred[:, None, None]
        moved[2] += MIDDLE
        return Points(moved[0], moved[1], moved[2], moved[0].abs()), (u, v, w)


@lru_cache(maxsize=4)
def _ring(size: int, spacing: float, waves: tuple[tuple[float, float], ...]) -> Tensor:
    """Amplitudes (size, size, size // 2 + 1) of noise whose wavelengths lie about those given."""
    k = torch.fft.fftfreq(size, spacing)
    kz = torch.fft.rfftfreq(size, spacing)
    length = (k[:, None, None] ** 2 + k[None, :, None] ** 2 + kz**2).sqrt()
    rings = torch.zeros_like(length)
    for wavelength, weight in waves:
        ring = torch.exp(-0.5 * ((length * wavelength - 1) / 0.22) ** 2)
        rings += weight * ring / ring.square().sum().sqrt()
    return rings


def folds(
    stream: Stream, size: int, spacing: float, waves: tuple[tuple[float, float], ...]
) -> Tensor:
    """(size, size, size) noise of standard deviation 1 with given (wavelength mm, weight) pairs."""
    noise = torch.fft.rfftn(stream.block(size, size, size)) * _ring(size, spacing, waves)
    field = torch.fft.irfftn(noise, s=(size, size, size))
    result: Tensor = field / field.std()
    return result
