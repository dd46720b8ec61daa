"""Where things are: a scan's sampling points in patient coordinates, and soft bodies painted on them.

Millimetres from the centre of the prostate: x to the patient's left, y to the back, z to the head. A
body is a function that is its depth in mm inside and negative outside; `Canvas.paint` blends it in over
the width of a pixel, which is what the finite pixel does to an edge. Two bodies never need their
overlap worked out: later ones cover earlier ones. A smooth random displacement bends all bodies of a
patient together, so no outline is an exact ellipse and neighbours stay neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Point = tuple[float, float, float]
Box = tuple[slice, slice, slice]
_SPREAD = 0.33  # of a sum of cubic B-splines with standard normal weights, on average over a cell


@dataclass(frozen=True)
class Axes:
    """The scanner's grid: z (k,), y (h,), x (w,) in mm, and the side of a pixel."""

    z: Array
    y: Array
    x: Array
    pixel: float


def smooth_field(generator: np.random.Generator, axes: Axes, step: Point, reach: Point) -> Array:
    """A smooth random field (k, h, w) of mean 0 and variance about 1 on the grid.

    A lattice of standard normal weights of cubic B-splines with spacing `step` (z, y, x; mm), out to
    `reach` on either side. The lattice lies in the patient, so that the field depends on the
    generator only, and a grid of any size or spacing samples the same field.
    """
    counts = [round(2 * r / s) + 4 for r, s in zip(reach, step, strict=True)]
    weights = generator.standard_normal(counts, dtype=np.float32)
    at = (axes.z, axes.y, axes.x)
    wz, wy, wx = (
        _splines(points, s, r, n) for points, s, r, n in zip(at, step, reach, counts, strict=True)
    )
    rows: Array = np.matmul(wy, weights @ wx.T)
    field: Array = np.tensordot(wz, rows, 1)
    field *= 1 / _SPREAD
    return field


def _splines(at: Array, step: float, reach: float, count: int) -> Array:
    """Values (len(at), count) of the cubic B-splines centred at -reach - step, -reach, ..."""
    u = np.abs((at[:, None] + reach) / step - (np.arange(count, dtype=np.float32) - 1))
    inner = 2 / 3 - u**2 + u**3 / 2
    outer = np.maximum(2 - u, 0) ** 3 / 6
    values: Array = np.where(u < 1, inner, outer).astype(np.float32)
    return values


@dataclass(frozen=True)
class Space:
    """Patient coordinates (k, h, w) of the sampling points, bent by the patient's displacement."""

    axes: Axes
    z: Array
    y: Array
    x: Array
    margin: float  # mm by which the displacement may move a point

    def box(self, centre: Point, radii: Point, extra: float = 0.0) -> Box | None:
        """The part of the grid around a body at (x, y, z), or None where it is outside."""
        sides = []
        reach = self.margin + extra + self.axes.pixel
        for axis, c, r in zip(
            (self.axes.z, self.axes.y, self.axes.x), reversed(centre), reversed(radii), strict=True
        ):
            low = int(np.searchsorted(axis, c - r - reach))
            high = int(np.searchsorted(axis, c + r + reach))
            if low >= high:
                return None
            sides.append(slice(low, high))
        return sides[0], sides[1], sides[2]

    def ellipsoid(self, box: Box, centre: Point, radii: Point, turn: float = 0.0) -> Array:
        """Depth in an ellipsoid with half axes along x, y, z, turned about z by `turn` radians.

        Exact at the surface to first order: q (1 - q) / |gradient of q|, where q is the elliptic
        distance from the centre.
        """
        x, y, z = self.x[box] - centre[0], self.y[box] - centre[1], self.z[box] - centre[2]
        if turn:
            c, s = float(np.cos(turn)), float(np.sin(turn))
            x, y = c * x + s * y, c * y - s * x
        a, b, c_ = radii
        x2, y2, z2 = (x / a) ** 2, (y / b) ** 2, (z / c_) ** 2
        q = np.sqrt(x2 + y2 + z2)
        slope = np.sqrt(x2 / a**2 + y2 / b**2 + z2 / c_**2)
        depth: Array = q * (1 - q) / (slope + 1e-3 / max(radii))
        return depth

    def rod(self, box: Box, start: Point, end: Point, radius: float) -> Array:
        """Depth in a straight rod with round ends."""
        direction = [float(e - s) for s, e in zip(start, end, strict=True)]
        length2 = sum(d * d for d in direction)
        x, y, z = self.x[box] - start[0], self.y[box] - start[1], self.z[box] - start[2]
        along = (x * direction[0] + y * direction[1] + z * direction[2]) * (1 / length2)
        along = np.clip(along, 0, 1)
        x, y, z = (v - along * d for v, d in zip((x, y, z), direction, strict=True))
        depth: Array = radius - np.sqrt(x * x + y * y + z * z)
        return depth


@dataclass(frozen=True)
class Canvas:
    """Signal (k, h, w) and tissue labels, painted body by body."""

    signal: Array
    labels: NDArray[np.uint8]
    pixel: float

    def paint(self, box: Box, depth: Array, value: Array | float, label: int) -> Array:
        """Cover the grid's `box` by a body of this signal; returns how much of it, 0 to 1."""
        share = depth * (1 / self.pixel)
        share += 0.5
        np.clip(share, 0, 1, out=share)
        part = self.signal[box]
        part += share * (value - part)
        self.labels[box][share > 0.5] = label
        return share
