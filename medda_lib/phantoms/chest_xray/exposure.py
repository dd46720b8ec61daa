"""One exposure: from seeds to a picture, with what lies between.

The order is that of the physics: a patient (patient), its organs and bones as lengths along the rays
(organs, skeleton, vessels, findings), the line integral, the tilt of the detector against the patient,
the exposure and the display (acquisition), and the things stuck on top (hardware).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

from medda_lib.phantoms.chest_xray import findings
from medda_lib.phantoms.chest_xray.acquisition import detect, display, smooth
from medda_lib.phantoms.chest_xray.attenuation import linear_attenuation
from medda_lib.phantoms.chest_xray.domains import Domain
from medda_lib.phantoms.chest_xray.grid import Array, Grid, plane
from medda_lib.phantoms.chest_xray.hardware import decorate, lines
from medda_lib.phantoms.chest_xray.organs import frame, organs
from medda_lib.phantoms.chest_xray.patient import Anatomy, Stream, anatomy
from medda_lib.phantoms.chest_xray.skeleton import skeleton
from medda_lib.phantoms.chest_xray.vessels import vessels

_MARGIN = 1.05  # the anatomical grid is a little larger than the tilted detector


@dataclass(frozen=True)
class Exposure:
    """Pictures (n, s, s) on the way from rays to grey values, and the truth in the same place.

    Attributes:
        integral: line integrals of the attenuation coefficient, no unit.
        blurred: the same after the detector's blur.
        counted: quanta counted relative to an empty beam, with their noise.
        shown: grey values in [0, 1].
        lungs: their outline up to the heart, bool.
        lungs_and_heart: the outline that runs on behind it, bool.
        replaced: the fraction of the air that an opacity replaces.
        kinds: what each patient has (n,): places in `findings.PATTERNS`.
    """

    integral: Tensor
    blurred: Tensor
    counted: Tensor
    shown: Tensor
    lungs: Tensor
    lungs_and_heart: Tensor
    replaced: Tensor
    kinds: findings.Kinds


@torch.no_grad()
def expose(
    domain: Domain, seeds: Sequence[int], size: int, labels: Sequence[int] | None = None
) -> Exposure:
    """One exposure per seed, all worked on together; arguments as for `render`."""
    stream = Stream(seeds)
    patient = anatomy(domain, stream)
    kinds = findings.draw_labels(domain, stream, labels)
    grid = _grid(domain, patient, stream, size)
    layers = torch.stack(_project(domain, grid, patient, stream, kinds), 1)
    layers = _tilt(layers, domain, stream)
    integral, lungs = layers[:, 0] + lines(domain, stream, size), layers[:, 1] > 0
    blurred = smooth(integral, domain.blur * size / domain.fov_width)
    dx, dy = grid.step
    counted = detect(blurred, domain, stream, dx * dy)
    shown = decorate(display(counted, lungs, domain, stream), domain, stream)
    return Exposure(integral, blurred, counted, shown, lungs, layers[:, 2] > 0, layers[:, 3], kinds)


def pixel_size(domain: Domain, seeds: Sequence[int], size: int) -> Tensor:
    """Height and width (n, 2) float64 of a pixel in mm, for radiographs of `size` pixels a side.

    Of the detector, at the scale of the patient: a child is drawn in adult centimetres, times its scale.
    """
    stream = Stream(seeds)
    scale = 10 * _zoom(domain, stream) * anatomy(domain, stream).scale / size
    return torch.from_numpy(np.stack([domain.fov_height * scale, domain.fov_width * scale], 1))


def _zoom(domain: Domain, stream: Stream) -> Array:
    """How much larger each exposure's field of view is than the domain's, (n,)."""
    factor: Array = np.exp(domain.zoom_spread * stream.normal("zoom"))
    return factor


def _grid(domain: Domain, a: Anatomy, stream: Stream, size: int) -> Grid:
    """The field of view in patient coordinates: zoom and shift of each exposure."""
    z = stream.normal
    zoom = _zoom(domain, stream)
    half_x = 0.5 * domain.fov_width * zoom * _MARGIN
    half_y = 0.5 * domain.fov_height * zoom * _MARGIN
    at = (np.arange(size) + 0.5) / size * 2 - 1
    x = half_x[:, None] * at + (domain.shift_x * z("shift_x"))[:, None]
    middle = 0.5 * a.height + 0.3 + domain.shift_y * z("shift_y")
    return Grid(x, half_y[:, None] * at + middle[:, None])


def _project(
    domain: Domain, grid: Grid, a: Anatomy, stream: Stream, kinds: findings.Kinds
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Line integral of the attenuation, the two lung outlines and the fraction of air replaced."""
    shape = grid.shape[1:]
    coarse = findings.mottle(stream.block(9, 9), shape)
    fine = findings.mottle(stream.block(44, 44), shape)
    tree = vessels(grid, a, stream)
    f = frame(grid, a)
    soft = organs(f, a, stream, 0.7 * coarse + 0.7 * fine)
    bone = skeleton(f, a, stream)
    filled = findings.consolidation(domain, grid, a, stream, kinds, (coarse, fine))
    haze = findings.confounders(stream, coarse, fine) * domain.texture
    fat = torch.minimum(soft.body, plane(1.3 * a.wall)) * (1 + 0.4 * coarse)
    kinds_of_tissue = ("soft", "bone", "lung", "fat")
    tissue, mineral, lung, oil = (linear_attenuation(t, domain.energy) for t in kinds_of_tissue)
    air = soft.air
    lost = (filled + haze).clamp_(max=0.95).mul_(air)
    lost += tree.minimum(air)
    total = soft.body * tissue
    total -= (air - lost) * (tissue - lung)
    total -= fat * (tissue - oil)
    total -= torch.minimum(soft.gas, soft.body) * tissue
    total += bone * (mineral - tissue)
    total = total.clamp_(min=0) * plane(a.scale)
    return total, soft.lungs, soft.lungs_and_heart, filled


def _tilt(layers: Tensor, domain: Domain, stream: Stream) -> Tensor:
    """Turn the detector against the patient by each exposure's angle; layers (n, c, s, s)."""
    angle = np.deg2rad(domain.rotation * stream.normal("rotation"))
    c, s = np.cos(angle) / _MARGIN, np.sin(angle) / _MARGIN
    aspect = domain.fov_height / domain.fov_width
    size = layers.shape[-1]
    at = torch.from_numpy(((np.arange(size) + 0.5) / size * 2 - 1).astype(np.float32))
    x, y = at[None, None, :], at[None, :, None]
    gx = plane(c) * x - plane(s * aspect) * y
    gy = plane(s / aspect) * x + plane(c) * y
    wobble = torch.from_numpy(stream.block(2, 6, 6)).clamp_(-2.5, 2.5)
    wobble = interpolate(wobble, size=(32, 32), mode="bicubic", align_corners=True)
    wobble = interpolate(wobble, size=(size, size), mode="bilinear", align_corners=True)
    gx = gx + wobble[:, 0] * (2 * domain.warp / domain.fov_width)
    gy = gy + wobble[:, 1] * (2 * domain.warp / domain.fov_height)
    where = torch.stack([gx, gy], -1)
    return grid_sample(layers, where, mode="bilinear", padding_mode="border", align_corners=False)
