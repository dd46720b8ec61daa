"""From a site and a list of seeds to T2-weighted scans of the male pelvis with their truth.

A person (patient) is painted from the outside in (pelvis, gland) with the signal that each tissue has
under the site's protocol (contrast), averaged over the thickness of the slices, and acquired by the
site's coil (acquisition).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medda_lib.phantoms.mr.spin_echo import SpinEcho
from medda_lib.phantoms.prostate_mr import gland, pelvis
from medda_lib.phantoms.prostate_mr.acquisition import acquire, transmit
from medda_lib.phantoms.prostate_mr.contrast import Contrast
from medda_lib.phantoms.prostate_mr.patient import Draws, Man, man
from medda_lib.phantoms.prostate_mr.sites import Site
from medda_lib.phantoms.prostate_mr.space import Array, Axes, Canvas, Space, smooth_field

_LAYERS = 3  # sampling planes within a slice
_BEND = 2.0  # mm, standard deviation of the displacement
_LARGEST = 3.5  # its largest value in standard deviations


@dataclass(frozen=True)
class Glands:
    """Scans of one site.

    volumes: (n, d, h, w) float32 in [0, 1]. prostate: whole gland, bool. tissues: uint8, values are
    places in `TISSUES`. spacing: of slices, rows and columns in mm. Slices run from the feet to the
    head, rows from front to back, columns from the patient's right to the left.
    """

    volumes: Tensor
    prostate: Tensor
    tissues: Tensor
    spacing: tuple[float, float, float]

    def __len__(self) -> int:
        return len(self.volumes)


def render(site: Site, seeds: Sequence[int], size: int = 96, slices: int = 16) -> Glands:
    """Make one scan per seed.

    Args:
        site: where the scans are made.
        seeds: non-negative integers; the same seed is the same man at every site.
        size: side of the square slices in pixels, 32 to 512; the field of view is the site's.
        slices: slices of a scan, 1 to 64, centred on the gland.
    """
    if not 32 <= size <= 512:
        raise ValueError(f"size: {size} must lie between 32 and 512 pixels")
    if not 1 <= slices <= 64:
        raise ValueError(f"slices: {slices} must lie between 1 and 64")
    numbers = [int(seed) for seed in seeds]
    if any(seed < 0 for seed in numbers):
        raise ValueError("seeds: must not be negative")
    scans = [_scan(site, seed, size, slices) for seed in numbers]
    shape = (0, slices, size, size)
    kinds = (np.float32, np.bool_, np.uint8)
    parts = [
        np.stack([scan[k] for scan in scans]) if scans else np.zeros(shape, kind)
        for k, kind in enumerate(kinds)
    ]
    volumes, prostate, tissues = (torch.from_numpy(part) for part in parts)
    side = site.fov / size
    return Glands(volumes, prostate, tissues, (site.pitch, side, side))


def _scan(
    site: Site, seed: int, size: int, slices: int
) -> tuple[Array, NDArray[np.bool_], NDArray[np.uint8]]:
    draws = Draws(seed)
    who = man(site, draws)
    axes = _axes(site, draws, size, slices)
    echo = SpinEcho(site.tr, site.te, site.train)
    contrast = Contrast(echo, who.field, draws)
    layers = _layers(site, axes)
    canvas, box, share = _paint(who, draws, contrast, layers)
    averaged = _average(canvas.signal) * transmit(site, who, axes, echo)
    covered = np.zeros(canvas.signal.shape, np.float32)
    covered[box] = share
    picture = acquire(averaged, site, who, draws, axes)
    return picture, _average(covered) >= 0.5, canvas.labels[_LAYERS // 2 :: _LAYERS]


def _axes(site: Site, draws: Draws, size: int, slices: int) -> Axes:
    """Centres of pixels and slices in patient coordinates; nobody lies exactly in the middle."""
    side = site.fov / size
    at = (np.arange(size) - (size - 1) / 2) * side
    z = (np.arange(slices) - (slices - 1) / 2) * site.pitch
    x0, y0 = (site.shift * draws.normal(f"shift_{axis}") for axis in "xy")
    z0 = 3.0 + 2.0 * draws.normal("shift_z")
    f = np.float32
    return Axes((z + z0).astype(f), (at + y0 + 4).astype(f), (at + x0).astype(f), side)


def _layers(site: Site, axes: Axes) -> Axes:
    """The sampling planes within the slices."""
    inside = (np.arange(_LAYERS) - (_LAYERS - 1) / 2) * (site.thickness / _LAYERS)
    z = (axes.z[:, None] + inside[None, :]).reshape(-1).astype(np.float32)
    return Axes(z, axes.y, axes.x, axes.pixel)


def _average(layers: Array) -> Array:
    """Mean over the sampling planes of each slice."""
    mean: Array = layers.reshape(-1, _LAYERS, *layers.shape[1:]).mean(axis=1)
    return mean


def _space(draws: Draws, axes: Axes) -> Space:
    """The person's coordinates of the grid: turned a little about z, then bent."""
    generator = draws.stream("warp")
    bent = [
        smooth_field(generator, axes, (26.0, 30.0, 30.0), (78.0, 180.0, 180.0)) for _ in range(3)
    ]
    limit = _BEND * _LARGEST
    dz, dy, dx = (np.clip(_BEND * field, -limit, limit) for field in bent)
    turn = 0.035 * draws.normal("turn")
    c, s = float(np.cos(turn)), float(np.sin(turn))
    x, y = axes.x[None, None, :], axes.y[None, :, None]
    margin = limit + abs(s) * float(max(np.abs(axes.x).max(), np.abs(axes.y).max()))
    return Space(axes, axes.z[:, None, None] + dz, c * y - s * x + dy, c * x + s * y + dx, margin)


def _paint(
    who: Man, draws: Draws, contrast: Contrast, axes: Axes
) -> tuple[Canvas, tuple[slice, slice, slice], Array]:
    """The whole picture; returns it with the gland's box and how much of it the gland covers."""
    space = _space(draws, axes)
    shape = space.x.shape
    canvas = Canvas(np.zeros(shape, np.float32), np.zeros(shape, np.uint8), axes.pixel)
    fine = smooth_field(draws.stream("texture"), axes, (2.6, 2.2, 2.2), (62.0, 140.0, 140.0))
    coarse = smooth_field(draws.stream("coarse"), axes, (12.0, 7.0, 7.0), (72.0, 140.0, 140.0))
    broad = smooth_field(draws.stream("broad"), axes, (26.0, 15.0, 15.0), (78.0, 150.0, 150.0))
    p = pelvis.Painter(canvas, space, contrast, fine, coarse, broad)
    pelvis.surroundings(p, who, draws)
    pelvis.bladder(p, who, draws)
    gland.neighbours(p, who, draws)
    gland.seminal_vesicles(p, who, draws)
    pelvis.rectum(p, who)
    box, share = gland.prostate(p, who, draws)
    return canvas, box, share
