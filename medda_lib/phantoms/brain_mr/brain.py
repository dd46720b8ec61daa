"""The brain: its compartments, its folded cortex, what lies deep inside, and the mask around it.

Compartments are unions of ellipsoids and tubes. The cortex follows from one number per point, the
distance from the pial surface, which is the smallest of the distances from the outer surface, from the
fissure between the hemispheres, from the Sylvian fissure and from the sulci. Sulci are the zero level of
a band-limited noise that runs (nearly) straight down from the surface and ends at a depth; grey matter
is what lies within a cortex' thickness of the pia, white matter what lies deeper.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from medda_lib.phantoms.brain_mr.canvas import Canvas
from medda_lib.phantoms.brain_mr.person import Anatomy
from medda_lib.phantoms.brain_mr.shapes import Points, capsule, cut, ellipsoid, join, share

CENTRE = (0.0, 0.0, -75.0)
RADII = (65.5, 80.5, 60.0)
WAVES = ((26.0, 1.0), (15.0, 0.5))  # mm: gyri and their side branches
_SLOPE = 2 * math.pi / 22.0  # of that noise where it crosses zero, per mm
FOLDS_SIZE, FOLDS_SPACING = 64, 3.2
RIM = 1.2  # mm of fluid over the gyri that belong to the mask
_NONE = -99.0  # distance of what is not in these slices


class Compartments(NamedTuple):
    """Distances (mm, positive inside) of the brain's parts and of what surrounds them."""

    upper: Tensor  # the ellipsoid that the vault follows
    cerebrum: Tensor
    cerebellum: Tensor
    stem: Tensor
    hull: Tensor  # all parts, with the clefts between them closed
    cavity: Tensor  # inside the dura


def compartments(p: Points, a: Anatomy) -> Compartments:
    """Distances at all points; the lower parts are left out where the slices lie above them."""
    x = p.x / (1 + a.egg * (1 / 80) * p.y)
    side = x.abs()
    back = (-68 - p.z).clamp_(min=0).mul_(-0.15).add_(p.y)  # the occiput bulges low down
    upper = ellipsoid(x, back, p.z, CENTRE, RADII)
    if float(p.z.amin()) > -72:
        none = torch.full_like(upper, _NONE)
        return Compartments(upper, upper, none, none, upper, upper + a.gap)
    roof = ((side - 27) * (1 / 15)).square_().neg_().exp_().mul_(6)  # over the orbits
    roof *= ((-p.y - 20) * (1 / 15)).clamp_(0, 1)
    floor = p.z + (89 + a.floor) - roof
    cerebrum = cut(upper, floor, 8.0)
    t = a.temporal
    temporal = ellipsoid(side - 0.12 * p.y, p.y, p.z, (42.5, -3, -99), (22 * t, 42, 24))
    pole = ellipsoid(side, p.y, p.z, (38, -25, -104), (20 * t, 20.5, 18))
    temporal = join(temporal, pole, 6.0)
    occipital = ellipsoid(side, p.y, p.z, (33, 39, -92), (28 * t, 40, 19))
    cerebrum = join(join(cerebrum, occipital, 12.0), temporal, 5.0)
    c = a.cerebellum
    lobes = ellipsoid(side, p.y, p.z, (21, 43, -117), (34 * c, 32 * c, 28 * c))
    vermis = ellipsoid(p.x, p.y, p.z, (0, 40, -111), (16, 31 * c, 27 * c))
    tent = -81.0 - p.z - 0.5 * side - 0.1 * (p.y - 40).abs()  # the tentorium falls to the sides
    cerebellum = cut(join(lobes, vermis, 8.0), tent, 6.0)
    s = a.stem
    pons = ellipsoid(p.x, p.y, p.z, (0, 4, -108), (17.5 * s, 13.5 * s, 14))
    cord = capsule(p.x, p.y, p.z, (0, 10, -116), (0, 17, -150), 8.5 * s)
    middle = capsule(p.side, p.y, p.z, (7, 4, -82), (5, 3, -102), 9.5 * s)
    stem = join(join(pons, cord, 5.0), middle, 4.0)
    cerebrum = torch.minimum(cerebrum, -1.5 - cerebellum)
    hull = join(join(cerebrum, cerebellum, 7.0), stem, 7.0)
    centre = ellipsoid(p.x, p.y, p.z, (0, 2, -92), (24, 18, 14))
    hull = join(hull, centre, 6.0)
    cavity = join(hull + a.gap, capsule(p.x, p.y, p.z, (0, 12, -118), (0, 18, -160), 15.0), 8.0)
    return Compartments(upper, cerebrum, cerebellum, stem, hull, cavity)


def sulci(p: Points, noise: Tensor) -> Tensor:
    """The noise (size, size, size) along lines that run down from the surface: like p.x, std 1."""
    dz = p.z - CENTRE[2]
    level = (p.x / RADII[0]).square_() + (p.y / RADII[1]).square_() + (dz / RADII[2]).square_()
    stretch = level.clamp_(min=0.04).pow_(-0.2)  # rho ** -0.4
    half = 0.5 * FOLDS_SIZE * FOLDS_SPACING
    where = torch.stack([p.x, p.y, dz], -1).mul_(stretch[..., None] / half)
    sample = grid_sample(
        noise[None, None], where[None], mode="bilinear", padding_mode="reflection",
        align_corners=False,
    )  # fmt: skip
    return sample[0, 0]


def pia(p: Points, c: Compartments, a: Anatomy, noise: Tensor, uneven: Tensor) -> Tensor:
    """Distance below the pial surface of the cerebrum, negative in the fluid.

    uneven (2, ...): smooth fields that vary the depth of sulci and the shrinkage of gyri.
    """
    surface = c.cerebrum - shrinkage(a, uneven[0])
    arch = ellipsoid(p.x, p.y, p.z, (0, -8, -82), (60, 40, 25))  # outer edge of the corpus callosum
    falx = torch.hypot(p.x - 0.8 * uneven[0], arch.clamp_(min=0))
    falx -= 0.4 + 0.6 * a.sulci
    depth = torch.minimum(surface, falx)
    core = ellipsoid(p.x, p.y, p.z, (0, -2, -84), (33, 56, 36))  # where no sulcus reaches
    if float(p.z.amin()) < -45 and float(p.z.amax()) > -100:
        depth = torch.minimum(depth, _sylvian(p, a))
    sheet = sulci(p, noise).abs_().mul_(1 / _SLOPE)
    beyond = torch.maximum(depth - a.fold_depth * (1 + 0.25 * uneven[1]), core).clamp_(min=0)
    opening = a.sulci * (1.4 - 0.07 * depth.clamp(0, 20))  # sulci close towards their floor
    return torch.minimum(depth, torch.hypot(sheet, beyond).sub_(opening))


def shrinkage(a: Anatomy, uneven: Tensor) -> Tensor:
    """How far (mm) the crowns of gyri have drawn back from where the hull was in youth."""
    return a.crown * (1 + 0.5 * uneven).clamp_(0, 3)


def envelope(c: Compartments, a: Anatomy, uneven: Tensor) -> Tensor:
    """The mask, bool: all within a smooth surface `RIM` mm outside the crowns of the gyri.

    Brain masks of DLMUSE, and those that several methods agree on, run through the fluid over the
    gyri, about a millimetre outside them.
    """
    return c.hull > shrinkage(a, uneven) - RIM


def _sylvian(p: Points, a: Anatomy) -> Tensor:
    """Distance from the lateral fissure: a rising sheet between temporal lobe and the lobes above."""
    height = p.z + 86 - 0.38 * (p.y + 30)
    inward = (37 - p.side).clamp_(min=0)
    behind = (p.y - 30).clamp_(min=0)
    before = (-34 - p.y).clamp_(min=0)
    edge = inward.square_() + behind.square_() + before.square_()
    insula = ((p.side - 40) * (1 / 5)).square_().neg_().exp_().mul_(1.5 * a.sulci)
    return (height.square_() + edge).sqrt_() - 0.6 * a.sulci - insula - 0.2


def paint(
    canvas: Canvas, p: Points, c: Compartments, a: Anatomy, noise: Tensor, fields: Tensor
) -> None:
    """Everything inside the dura. fields: (4, ...) smooth fields, two slow, two fine."""
    low, high = float(p.z.amin()), float(p.z.amax())
    depth = pia(p, c, a, noise, fields[:2])
    canvas.lay("grey matter", share(depth, 1.6))
    canvas.lay("white matter", share(depth - a.cortex * (1 + 0.12 * fields[2]), 1.8))
    if high > -105 and low < -40:
        _deep(canvas, p, a)
    if low < -72:
        _hindbrain(canvas, p, c, a, fields[3])
    if high > -110 and low < -40:
        _ventricles(canvas, p, a)


def _deep(canvas: Canvas, p: Points, a: Anatomy) -> None:
    x, y, z = p.side, p.y, p.z
    v = a.ventricles
    tilt = x + 0.25 * y  # nuclei diverge towards the back
    canvas.lay("thalamus", share(ellipsoid(tilt, y, z, (14, 12, -76), (9, 15, 9)), 2.0))
    canvas.lay("putamen", share(ellipsoid(x - 0.15 * y, y, z, (28, -6, -80), (5.5, 18, 11)), 1.6))
    canvas.lay("pallidum", share(ellipsoid(x - 0.2 * y, y, z, (20.5, -3, -82), (4, 10, 7)), 2.0))
    head = ellipsoid(x, y, z, (13 + 2 * v, -24, -70), (5, 12, 9))
    tail = capsule(x, y, z, (15 + 2 * v, -14, -64), (22 + 2 * v, 16, -65), 3.0)
    canvas.lay("caudate", share(join(head, tail, 3.0), 1.6))
    hippocampus = capsule(x, y, z, (25, -6, -105), (29, 22, -92), 5.0)
    canvas.lay("grey matter", share(hippocampus, 2.0))


def _ventricles(canvas: Canvas, p: Points, a: Anatomy) -> None:
    x, y, z, v = p.side, p.y, p.z, a.ventricles
    x = x * (1 + a.ventricle_side * torch.sign(p.x))
    horn = capsule(x, y, z, (6 + v, -36, -71), (8 + 2 * v, -12, -66), 3.4 * v)
    body = capsule(x, y, z, (8 + 2 * v, -12, -65), (12 + 3 * v, 18, -66), 3.6 * v)
    atrium = capsule(x, y, z, (14 + 3 * v, 20, -67), (23 + 2 * v, 32, -76), 4.8 * v)
    back = capsule(x, y, z, (23 + 2 * v, 32, -77), (24, 46, -80), 3.2 * v)
    lower = capsule(x, y, z, (28 + 2 * v, 26, -82), (31, -4, -99), 1.9 * v)
    lateral = join(join(horn, body, 4.0), join(atrium, join(back, lower, 4.0), 4.0), 4.0)
    lateral = torch.minimum(lateral, x - 1.0)  # the septum
    third = cut(a.third - x, ellipsoid(p.x, y, z, (0, 2, -82), (12, 16, 11)), 1.0)
    canvas.lay("fluid", share(torch.maximum(lateral, third), 1.7))


def _hindbrain(canvas: Canvas, p: Points, c: Compartments, a: Anatomy, fine: Tensor) -> None:
    depth = c.cerebellum - a.crown
    angle = torch.atan2(p.z + 112, p.y - 22)
    leaves = torch.cos(
        angle * 30 + 2.0 * fine + 0.08 * p.side
    )  # folia radiate from the fourth ventricle
    canvas.lay("cerebellar cortex", share(depth, 1.6))
    core = ellipsoid(p.side, p.y, p.z, (17, 32, -112), (18, 13, 8))
    twigs = torch.maximum(core, (depth - 4).clamp_(max=2).add_(leaves * 2.5 - 2.5))
    canvas.lay("white matter", share(twigs, 5.0).mul_(0.8))
    gaps = (leaves < -0.75) & (depth < 11) & (core < -3)
    canvas.lay("fluid", share(depth, 1.6).mul_(gaps).mul_(0.05 + 0.15 * a.sulci))
    canvas.lay("brain stem", share(c.stem, 1.8))
    peduncle = capsule(p.side, p.y, p.z, (12, 6, -108), (18, 26, -112), 6.0)
    canvas.lay("white matter", share(peduncle, 2.0))
    fourth = ellipsoid(p.x, p.y, p.z, (0, 19.5, -110), (7.0, 4.0 + a.third, 10.0))
    canvas.lay("fluid", share(fourth, 1.7))
