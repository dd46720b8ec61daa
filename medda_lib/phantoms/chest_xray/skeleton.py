"""Bones: ribs as bands on the shell of the chest wall, clavicles, scapulae, spine, upper arms.

A ray crosses the shell twice, behind and in front. At distance x from the midline, where the shell is
W wide, it does so at the angles asin(x / W) and its supplement around the chest. A rib descends along
that angle, so the distance of a ray from the nearest rib is a closed formula of x and y, the same for
all ribs at once: their index is a rounded phase. Two evaluations draw the whole cage, with posterior
ribs that fall gently outwards, anterior ribs that fall steeply inwards, and the bright edge where the
bands turn along the ray.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from medda_lib.phantoms.chest_xray.grid import Array, Grid, columns, plane, root, rows
from medda_lib.phantoms.chest_xray.organs import Frame, cavity
from medda_lib.phantoms.chest_xray.patient import Anatomy, Stream


def skeleton(f: Frame, a: Anatomy, stream: Stream) -> Tensor:
    """Length of compact bone along each ray, cm, (n, h, w)."""
    bone = _ribs(f, a, stream)
    bone += _spine(f.grid, a, stream)
    shoulder = _clavicles(f.grid, a, stream)
    shoulder = torch.maximum(shoulder, _scapulae(f.grid, a, stream))
    shoulder = torch.maximum(shoulder, _humerus(f.grid, a))
    return bone.add_(shoulder)


def _ribs(f: Frame, a: Anatomy, stream: Stream) -> Tensor:
    z = stream.normal
    y = f.grid.y
    spacing = a.height * (0.098 + 0.005 * z("rib_space")) / (1 + 0.04 * a.child)
    shell = np.maximum(cavity(y, a, outside=0.7), 0.05)
    sine = (columns(f.across) * rows(1 / shell)).clamp_(max=1)
    angle = torch.asin(sine)
    cosine = (1 - sine * sine).clamp_(min=0).sqrt_()
    drop = a.height * (0.215 + 0.03 * z("rib_drop") - 0.06 * a.child)
    front = drop * (0.95 + 0.15 * z("rib_front"))
    start = spacing * (0.1 + 0.4 * z("rib_phase"))
    half = 0.25 * spacing * (1 + 0.08 * z("rib_size"))
    level = rows((y - start[:, None]) / spacing[:, None])
    # behind, a rib falls slowly at first and then with the curve of the shell; in front, steadily
    fall = plane(drop / spacing)
    behind = level - fall * (0.25 * angle + 0.6 * (1 - cosine))
    back = _band(behind, half / spacing, 0.5, 11.5)
    back *= ((sine - 0.10) * 12).clamp_(0, 1)
    around = 1.15 * (np.pi / 2 - angle) - 0.35 * cosine
    ahead = level - fall * (0.25 * np.pi / 2 + 0.6) - plane(front / spacing) * around
    fore = _band(ahead, 1.1 * half / spacing, 0.5, 8.5)
    fore *= ((sine - 0.40) * 5).clamp_(0, 1)
    shape = 0.62 / cosine.clamp_(min=0.5) * (sine < 1)
    fade = rows(1 - 0.5 * np.clip(y / a.height[:, None] * 3 - 2, 0, 1))
    return (back * 1.1).add_(fore.mul_(0.7)).mul_(shape).mul_(fade)


def _band(phase: Tensor, half: Array, first: float, last: float) -> Tensor:
    """Chord profile of bands at whole phases between `first` and `last`: a tube with a hard rim."""
    index = phase.round()
    q = ((phase - index) * plane(1 / half)).square_()
    profile = root(1 - q) * (0.75 + 0.5 * q)
    return profile.mul_((index > first) & (index < last))


def _spine(grid: Grid, a: Anatomy, stream: Stream) -> Tensor:
    """Vertebral bodies with discs between them, and the spinous processes behind."""
    half = 1.75 + 0.12 * stream.normal("spine")
    pitch = a.height * 0.092
    phase = 2 * np.pi * grid.y / pitch[:, None]
    body = 0.7 - 0.25 * np.clip(np.cos(phase) * 3 - 1.6, 0, 1) + 0.012 * np.clip(grid.y, 0, None)
    across = np.sqrt(np.clip(1.1 - (grid.x / half[:, None]) ** 2, 0, 1))
    spine = rows(body) * columns(across)
    process = np.clip(1 - (np.cos(phase * 0.5 + 0.7) / 0.55) ** 2, 0, 1)
    return spine + rows(0.9 * process) * columns(np.exp(-((grid.x / 0.4) ** 2)))


def _clavicles(grid: Grid, a: Anatomy, stream: Stream) -> Tensor:
    z = stream.normal
    side = np.where(grid.x > 0, 1.0, -1.0)
    along = (np.abs(grid.x) - 1.9) / (a.width[:, None] * 1.08)
    inside = np.clip(along * 14, 0, 1) * np.clip((1.04 - along) * 14, 0, 1)
    s = np.clip(along, 0, 1)
    lift = (2.2 + 1.5 * z("clav_tilt") + 0.8 * a.ap)[:, None] + 0.7 * z("tilt")[:, None] * side
    base = (a.height * (0.095 - 0.05 * a.ap) + 0.9 * z("clav_y"))[:, None]
    bend = (0.9 + 0.3 * z("clav_bend"))[:, None]
    centre = base - lift * s - bend * np.sin(2 * np.pi * s) * 0.8
    half = 0.58 + 0.25 * (2 * s - 1) ** 2
    q = ((rows(grid.y) - columns(centre)) * columns(1 / half)).square_()
    return (root(1 - q) * (0.7 + 0.5 * q)).mul_(columns(1.4 * inside))


def _scapulae(grid: Grid, a: Anatomy, stream: Stream) -> Tensor:
    """A thin triangular blade with thick borders; it overlays the lung in AP pictures."""
    z = stream.normal
    side = np.where(grid.x > 0, 1.0, -1.0)
    x = np.abs(grid.x) - 0.5 * side * z("scap_x")[:, None]
    inner = a.width * 0.86 + 0.8 * z("scap_x") - 2.2 * a.ap
    top = 0.5 + 0.8 * z("scap_y")
    tilt = 0.16 + 0.06 * z("scap_tilt")
    y = grid.y - top[:, None]
    medial = columns(x - inner[:, None]) - rows(tilt[:, None] * y)
    lateral = columns(7.2 - (x - inner[:, None])) - rows(0.36 * y)
    upper = rows(y) + columns(0.25 * (x - inner[:, None]))
    depth = torch.minimum(torch.minimum(medial, lateral * 0.93), upper)
    rim = (depth - 0.35).square_().mul_(-9).exp_()
    return (depth * 2).clamp_(0, 1).mul_(0.4).add_(rim, alpha=0.8)


def _humerus(grid: Grid, a: Anatomy) -> Tensor:
    """Head and shaft of the upper arm."""
    centre = a.width + 4.0 + 0.3 * a.wall
    x = np.abs(grid.x)
    height = 2.2 - 0.8 * a.ap
    qy = ((grid.y - height[:, None]) / 2.3) ** 2
    head = root(1 - rows(qy) - columns(((x - centre[:, None]) / 2.2) ** 2)) * 1.0
    shaft = (centre + 0.8)[:, None] + 0.22 * np.maximum(grid.y - height[:, None], 0)
    away = (columns(x) - rows(shaft)).square_()
    below = np.where(grid.y > height[:, None], 0.9, 0.0)
    tube = root(1 - away * (1 / 1.1**2)) * rows(below)
    return torch.maximum(head, tube)
