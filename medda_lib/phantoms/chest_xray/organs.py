"""Soft organs: the outline of the body, the lungs, and what takes room from them.

A lung is the space between a chest wall, a mediastinum and a diaphragm. Each of the three is a
function of one coordinate (half width of the cavity per row, mediastinal border per row and side,
height of the dome per column), which makes both the ray's length in air and the outline that a
radiologist would draw closed formulas. The heart is an ellipsoid inside: its chord is taken from the
air, and its outline belongs to the border only under the label rule "lungs".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medda_lib.phantoms.chest_xray.grid import Array, Grid, columns, ellipse, plane, root, rows
from medda_lib.phantoms.chest_xray.patient import Anatomy, Stream


@dataclass(frozen=True)
class Frame:
    """Grid and the one-dimensional borders that all organs share."""

    grid: Grid
    across: Array  # (n, w): distance from the midline, corrected for a turned patient
    left: NDArray[np.bool_]  # (n, w): the patient's left, right in the picture
    cavity: Array  # (n, h): half width of the cavity
    border: tuple[Array, Array]  # (n, h): mediastinum and heart, right and left
    spine_border: tuple[Array, Array]  # (n, h): mediastinum without the heart
    dome: Array  # (n, w): height of the diaphragm


def frame(grid: Grid, a: Anatomy) -> Frame:
    """Borders of the lungs along the rows and columns of the grid."""
    left = grid.x > 0
    sign = np.where(left, 1.0, -1.0)
    across = np.abs(grid.x) / (1 + sign * a.turn[:, None])
    plain = (_base_border(grid.y, a, 0), _base_border(grid.y, a, 1))
    heart = heart_extent(grid.y, a)
    bumps = _bump(grid.y, a.height * 0.26, a.height * 0.10, a.knob)
    trunk = _bump(grid.y, a.height * 0.46, a.height * 0.20, a.trunk)
    hilum = _bump(grid.y, a.height * 0.47, a.height * 0.22, a.hilum)
    atrium = _bump(grid.y, a.heart[1] + 0.02 * a.height, a.height * 0.3, a.atrium)
    border = (
        _soft_maximum(plain[0], -heart[0], atrium, hilum),
        _soft_maximum(plain[1], heart[1], bumps, trunk),
    )
    return Frame(grid, across, left, cavity(grid.y, a), border, plain, _dome(across, left, a))


def cavity(y: Array, a: Anatomy, outside: float = 0.0) -> Array:
    """Half width of the cavity at heights y (n, k), cm; `outside` grows it by a shell."""
    bend, width = (a.apex_bend * a.height)[:, None], a.width[:, None]
    y = y + outside
    start = a.apex_x[:, None] * (1 - 0.12 * outside)
    top = np.clip(y / bend, 0, 1)
    curve = (1 - (1 - top) ** 2) ** a.apex_power[:, None]
    flare = a.flare[:, None] * (np.maximum(y - bend, 0) / (a.height[:, None] - bend))
    full = start + (width * 0.93 - start) * curve + width * flare * 0.6
    return np.asarray(np.where(y > 0, full + outside, start + 40 * np.minimum(y, 0)))


def _base_border(y: Array, a: Anatomy, side: int) -> Array:
    """Mediastinal border without the heart; bends outwards to meet the chest wall at the apex."""
    base = a.base[side][:, None]
    apex = np.clip(1 - y / (0.07 * a.height[:, None]), 0, 1)
    lower = 0.6 * np.clip(y / a.height[:, None] - 0.5, 0, 1)
    closed = (a.apex_x[:, None] - base) * apex**2.2 - 40 * np.minimum(y, 0)
    return np.asarray(base + lower + closed)


def heart_extent(y: Array, a: Anatomy) -> tuple[Array, Array]:
    """Leftmost and rightmost x of the heart's ellipse on each row; far away where there is none."""
    cx, cy, long, short, angle = (v[:, None] for v in a.heart)
    y = settled(y, a)
    c, s = np.cos(angle), np.sin(angle)
    xx, yy = (c / long) ** 2 + (s / short) ** 2, (s / long) ** 2 + (c / short) ** 2
    xy = c * s * (1 / long**2 - 1 / short**2)
    dy = y - cy
    inside = (xy * dy) ** 2 - xx * (yy * dy**2 - 1)
    half = np.sqrt(np.maximum(inside, 0)) / xx
    middle = cx - xy * dy / xx
    far = np.where(inside > 0, 0.0, 60.0)
    return middle - half + far, middle + half - far


def settled(y: Array, a: Anatomy) -> Array:
    """Heights as the heart sees them: below its middle it rests on the diaphragm, drawn out."""
    below = np.maximum(y - a.heart[1][:, None], 0)
    return y - 0.5 * below


def _bump(y: Array, centre: Array, half: Array, reach: Array) -> Array:
    q = 1 - ((y - centre[:, None]) / half[:, None]) ** 2
    return np.where(q > 0, reach[:, None] * np.sqrt(np.maximum(q, 1e-9)) ** 0.7, -60.0)


def _soft_maximum(*borders: Array, softness: float = 0.55) -> Array:
    stack = np.stack(borders) / softness
    top = stack.max(0)
    return np.asarray(softness * (top + np.log(np.exp(stack - top).sum(0))))


def _dome(across: Array, left: NDArray[np.bool_], a: Anatomy) -> Array:
    """Height of the diaphragm under each column."""
    out = np.empty_like(across)
    for side in (0, 1):
        peak = a.dome_x[side][:, None]
        outer = np.clip((across - peak) / (1.0 * a.width[:, None] - peak), 0, 1)
        inner = np.clip((peak - across) / peak, 0, 1)
        rise = a.dome_lateral[side][:, None] * (1 - (1 - outer**2) ** 0.72)
        y = a.dome_y[side][:, None] + rise + a.dome_medial[:, None] * inner**2
        out = np.where(left == bool(side), y, out)
    return out


@dataclass(frozen=True)
class Organs:
    """Lengths along the rays in cm and signed outlines in cm (positive inside), all (n, h, w)."""

    body: Tensor
    air: Tensor  # inflated lung
    gas: Tensor  # stomach, bowel, trachea
    heart: Tensor
    lungs: Tensor
    lungs_and_heart: Tensor


def organs(f: Frame, a: Anatomy, stream: Stream, mottled: Tensor) -> Organs:
    """Trace the soft organs; `mottled` (n, h, w) is a random field that shapes the bowel's gas."""
    grid = f.grid
    left = torch.from_numpy(f.left)[:, None, :]
    across = columns(f.across)
    wall = rows(f.cavity) - across
    above = columns(f.dome) - rows(grid.y)
    inner = across - torch.where(left, rows(f.border[1]), rows(f.border[0]))
    inner_plain = across - torch.where(left, rows(f.spine_border[1]), rows(f.spine_border[0]))
    outline = torch.minimum(wall, above)
    lungs = torch.minimum(outline, inner).clamp_(-3, 3)
    resting = Grid(grid.x, settled(grid.y, a))
    heart = root(ellipse(resting, *a.heart)) * plane(2 * a.heart_thick)
    bulge = ellipse(
        resting, -0.25 * a.atrium, a.heart[1] + 0.02 * a.height, 0.75 * a.atrium, 0.28 * a.height
    )
    heart = torch.maximum(heart, root(bulge) * plane(1.2 * a.heart_thick))
    both = torch.minimum(outline, inner_plain).clamp_(-3, 3)
    air = _air(f, a, across, inner_plain, above) - heart
    air = air.clamp_(min=0) * (lungs * 2.5 + 0.5).clamp_(0.25, 1)
    gas = _gas(grid, a, stream, above, mottled)
    return Organs(_body(grid, a, stream), air, gas, heart, lungs, both)


def _air(f: Frame, a: Anatomy, across: Tensor, inner: Tensor, above: Tensor) -> Tensor:
    """Chord of the cavity, opened at the mediastinum and closed by the dome and its deep recess."""
    grid, (share, deep) = f.grid, a.recess
    top = np.clip(1 - grid.y / (0.4 * a.height[:, None]), 0, 1)
    depth = a.depth[:, None] * (1 - 0.48 * top**2)
    ratio = across * rows(1 / np.maximum(f.cavity, 0.1))
    chord = root(1 - ratio * ratio * ratio) * rows(1.9 * depth)
    medial = (inner * 1.4).clamp_(0, 1).sqrt_()
    domed = (above * 1.1).clamp_(0, 1).sqrt_().mul_(plane(1 - share))
    recess = (above * plane(1 / deep) + 1).clamp_(0, 1).mul_(plane(share))
    return chord.mul_(medial).mul_(domed.add_(recess))


def _gas(grid: Grid, a: Anatomy, stream: Stream, above: Tensor, mottled: Tensor) -> Tensor:
    """Trachea and main bronchi, gastric bubble and a loop of bowel."""
    z = stream.normal
    carina = 0.29 * a.height
    shift = 0.25 + 0.25 * z("trachea")
    down = np.clip((carina[:, None] - grid.y) / 1.0, 0, 1)
    trachea = root(1 - columns(((grid.x - shift[:, None]) / 0.85) ** 2)) * rows(1.5 * down)
    size = np.clip(1.8 + 1.1 * z("gas_size"), 0.3, 4.5)
    x = 8.0 + 2.0 * z("gas_x")
    y = a.dome_y[1] + 1.2 + 0.8 * size
    present = np.where(stream.uniform("gas") < 0.7, 1.6 * size, 0.0)
    bubble = root(ellipse(grid, x, y, 1.35 * size + 0.2, 0.75 * size + 0.2)) * plane(present)
    zone = rows(((grid.y - y[:, None]) / 4.5) ** 2) + columns(
        ((grid.x - x[:, None] - 1) / 6.5) ** 2
    )
    bowel = (mottled - 0.25).clamp_(0, 0.6) * zone.neg_().exp_()
    bubble = torch.maximum(bubble, bowel * plane(1.8 * present))
    return trachea + bubble * (-above * 1.5).clamp_(0, 1)


def _body(grid: Grid, a: Anatomy, stream: Stream) -> Tensor:
    """Torso, shoulders, neck, arms and breasts; lengths of soft tissue in cm."""
    z = stream.normal
    y, x = grid.y, np.abs(grid.x)
    shoulder = -2.2 + 0.8 * z("shoulder") - 1.2 * a.ap
    half = cavity(np.maximum(y, 0.05) + 0.2 * a.height[:, None], a) + a.wall[:, None]
    half = half + 7.5 * np.exp(-((np.maximum(y, 0) / (0.3 * a.height[:, None])) ** 2))
    belly = 1 + 0.1 * np.clip(y / a.height[:, None] - 0.75, 0, 1)
    depth = (
        (a.depth + 0.75 * a.wall)[:, None] * (1 - 0.32 * np.exp(-np.maximum(y + 3, 0) / 7)) * belly
    )
    ratio = columns(x) * rows(1 / half)
    torso = root(1 - ratio.square_().square_().clamp_(max=1)) * rows(2 * depth)
    slope = 0.30 + 0.06 * z("slope")
    top = (
        shoulder[:, None] + slope[:, None] * np.maximum(x - 5.5, 0) - 16 * np.exp(-((x / 6.8) ** 3))
    )
    torso = torso * ((rows(y) - columns(top)) * 0.22).clamp_(0, 1).sqrt_()
    lean = 0.27 + 0.08 * z("arm")
    centre = a.width[:, None] + 4.6 + lean[:, None] * np.maximum(y, 0) + 0.5 * a.wall[:, None]
    radius = (3.6 + 0.35 * a.wall)[:, None]
    away = (columns(x) - rows(centre)).square_()
    arm = root(plane((radius**2)[:, 0]) - away) * rows(2 * np.clip((y + 1.5) / 3, 0, 1) ** 0.5)
    return torch.maximum(torso, arm) + _breasts(grid, a, stream)


def _breasts(grid: Grid, a: Anatomy, stream: Stream) -> Tensor:
    z = stream.normal
    size = np.clip(5.6 + 1.0 * z("breast_size") + 0.4 * a.wall, 3, 9)
    thick = a.female * (1 - a.child) * np.clip(2.4 + 1.2 * z("breast_size"), 0, 6)
    thick = thick + (1 - a.female) * 0.5
    y0 = a.height * 0.66 + 1.3 * z("breast_y")
    dy = (grid.y - y0[:, None]) / size[:, None]
    vertical = rows(np.where(dy > 0, dy, 0.62 * dy) ** 2)
    dx = (np.abs(grid.x) - (8.4 + 0.8 * z("breast_x") + 0.2 * size)[:, None]) / (
        1.05 * size[:, None]
    )
    return root(1 - vertical - columns(dx**2)) * plane(thick)
