"""The hippocampus itself: a bent, tapering body, described section by section from front to back.

Along the front-to-back axis a few numbers follow smooth curves through knots: where the middle of the
coronal section lies, how wide and how high it is, how far its inner end is lifted, and how much thinner
that end is than the outer one (a comma). The head carries digitations on its upper side and bends
inward (uncus); the tail rises and turns inward. The knots were read off the mean of the odd-numbered
crops of the decathlon's hippocampus set, rounded to half a millimetre; everything is then scaled so
that the mask has the volume of the person.

Coordinates (mm): m points to the midline, b to the back, u up; the origin is the centre of the mask.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from scipy.interpolate import PchipInterpolator
from torch import Tensor

from medda_lib.phantoms.brain_mr.shapes import Points
from medda_lib.phantoms.hippocampus_mr.population import Person

#        b     m     u   width height lift taper (half widths; lift in degrees)
KNOTS = np.array(
    [
        (-29.0, 6.0, -9.0, 0.1, 0.1, 10, 0.0),
        (-18.5, 6.6, -7.3, 0.3, 0.3, 10, 0.0),
        (-16.0, 6.2, -6.3, 5.8, 3.2, 10, 0.0),
        (-13.0, 4.9, -5.0, 7.6, 4.2, 10, -0.1),
        (-10.5, 2.9, -3.7, 9.0, 5.0, 5, -0.1),
        (-6.5, 0.5, -2.4, 9.5, 5.0, 1, -0.05),
        (-3.0, -0.6, -0.8, 9.0, 4.5, 1, 0.2),
        (1.0, -1.8, 0.5, 8.2, 3.8, 1, 0.38),
        (5.0, -2.6, 1.8, 7.7, 3.5, 3, 0.4),
        (8.5, -3.0, 3.5, 6.9, 3.5, 8, 0.35),
        (12.0, -1.5, 5.4, 6.4, 3.7, 20, 0.2),
        (16.0, 2.0, 7.6, 6.0, 4.3, 32, 0.1),
        (19.0, 4.4, 9.2, 5.5, 4.5, 36, 0.0),
        (21.5, 5.6, 10.4, 4.7, 4.0, 38, 0.0),
        (23.5, 6.6, 11.3, 2.9, 2.6, 40, 0.0),
        (24.7, 7.1, 11.9, 0.3, 0.3, 40, 0.0),
        (40.0, 9.0, 13.5, 0.1, 0.1, 40, 0.0),
    ]
)  # fmt: skip
_ENDS = (-18.5, 24.5)
_STEP = 0.25
_AT = np.arange(-60.0, 60.0, _STEP)


class Course(NamedTuple):
    """The curves, looked up at each point: values of the shape of the points."""

    m: Tensor
    u: Tensor
    width: Tensor
    height: Tensor
    lift: Tensor
    taper: Tensor
    b: Tensor  # the scaled position along the body


def _table(a: Person) -> Tensor:
    """(6, n): the person's curves over `_AT`, before the common scale."""
    at = np.clip(_AT, KNOTS[0, 0], KNOTS[-1, 0])
    m, u, width, height, lift, taper = PchipInterpolator(KNOTS[:, 0], KNOTS[:, 1:])(at).T
    front = 1 / (1 + np.exp((at + 3) / 2.5))
    back = 1 / (1 + np.exp(-(at - 10) / 2.5))
    size = 1 + (a.head - 1) * front + (a.tail - 1) * back
    bow = 1 - (at / 16) ** 2
    m = (
        m
        - 2.5 * a.bend * np.clip(bow, -1.5, 1)
        + (a.curl - 1) * 2.0 * front * np.clip(-at / 12, 0, 1.3)
    )
    slim = math.sqrt(a.thickness)
    rows = (m, u, width * size / slim, height * size * slim, np.deg2rad(lift), taper)
    return torch.from_numpy(np.stack(rows).astype(np.float32))


def course(p: Points, a: Person, scale: float) -> Course:
    """The curves at points (p.x: m, p.y: b, p.z: u) of a hippocampus that is `scale` times as large."""
    along = p.y / (scale * a.length)
    index = ((along - _AT[0]) / _STEP).clamp_(0, len(_AT) - 1.001)
    low = index.floor()
    t = index - low
    table = _table(a)
    first = low.long()
    value = torch.lerp(table[:, first], table[:, first + 1], t)
    value[:4] *= scale
    m, u, width, height, lift, taper = value
    return Course(m, u, width, height, lift, taper, along)


def inside(p: Points, c: Course, a: Person, fine: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Distance (mm, positive inside) from the surface, and the section's own two coordinates.

    The coordinates run along the width (inner end +1) and the height (top +1) of the section. fine: a
    smooth field of standard deviation 1 that roughens the surface.
    """
    cos, sin = torch.cos(c.lift), torch.sin(c.lift)
    dm, du = p.x - c.m, p.z - c.u
    s = cos * dm + sin * du
    h = cos * du - sin * dm
    w = s / c.width
    height = c.height * (1 - c.taper * w.clamp(-1.2, 1.2)).clamp_(min=0.2)
    # the lower side of the body is flatter, its middle bends upward: a bean lying on its belly
    v = (h + 0.9 * c.taper * (w.square() - 0.3)) / height
    front = torch.sigmoid((-3 - c.b) * 0.8)
    ripples = torch.cos(2 * math.pi * dm / 5.5 + 1.0) * front * (v > 0)
    v = v + 0.14 * a.folds * ripples * v
    level = (w.square() + v.square()).sqrt()
    slope = ((w / c.width).square() + (v / height).square() + 1e-6).sqrt()
    section = level * (1 - level) / slope
    ends = torch.minimum(c.b - _ENDS[0], _ENDS[1] - c.b) * a.length
    return torch.minimum(section + 0.35 * fine, ends), w, v


def volume_of(distance: Tensor, voxel: float, offset: float = 0.0) -> float:
    """Volume (mm^3) of what lies at more than -offset, from distances on a grid with `voxel` mm."""
    return float(((distance + offset) / voxel + 0.5).clamp(0, 1).sum()) * voxel**3
