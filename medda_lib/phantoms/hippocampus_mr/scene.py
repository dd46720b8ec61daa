"""What surrounds the hippocampus, laid from the outside in.

White matter fills the crop first. The temporal lobe has a smooth hull; what lies outside it towards the
midline and below is fluid (the cisterns), in which brain stem, thalamus, cerebellum and arteries stand.
Grey matter is what lies within the thickness of the cortex of the hull or of a sulcus; the collateral
sulcus has a fixed place, the others come from band-limited noise as in the head phantom. Then the
amygdala in front, the temporal horn as a crescent on the outer and upper side, the choroid fissure, a
thin coat of white matter (alveus and fimbria), and the hippocampus itself. Positions are those of
textbook anatomy, checked against the mean of the odd-numbered crops of the decathlon's set.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from medda_lib.phantoms.brain_mr.canvas import Canvas
from medda_lib.phantoms.brain_mr.shapes import Points, capsule, ellipsoid, join, share
from medda_lib.phantoms.hippocampus_mr.body import Course
from medda_lib.phantoms.hippocampus_mr.population import Person

WAVES = ((24.0, 1.0), (13.0, 0.45))  # mm: gyri and their side branches
FOLDS_SIZE, FOLDS_SPACING = 36, 2.4
_SLOPE = 2 * math.pi / 20.0
ALVEUS = 0.6  # thickness of the white coat of the hippocampus


class Body(NamedTuple):
    """The hippocampus at each point: distance inside its grey matter, section coordinates."""

    distance: Tensor
    w: Tensor
    v: Tensor
    course: Course


def coat(body: Body) -> Tensor:
    """Thickness (mm) of alveus and fimbria: on the upper and outer side, thickest at the fimbria."""
    upper = torch.sigmoid(4 * (body.v + 0.15))
    fimbria = torch.exp(-((body.w - 0.75) / 0.3).square()) * torch.sigmoid((body.course.b - 0) / 2)
    return upper * (ALVEUS + 1.0 * fimbria)


def _level(p: Points) -> tuple[Tensor, Tensor]:
    """Points in a frame that follows the temporal lobe, which rises and turns inward to the back."""
    front, back = p.y.clamp(-30, 0), p.y.clamp(0, 30)
    return p.x - 0.15 * back, p.z - 0.12 * front - 0.4 * back


def hull(p: Points, a: Person) -> Tensor:
    """Distance inside the temporal lobe."""
    m, u = _level(p)
    gyrus = ellipsoid(m, p.y, u, (-3.0, -4.0, -6.5), (13.0, 60.0, 12.5))
    lobe = ellipsoid(m, p.y, u, (-20.0, 0.0, 4.0), (24.5, 70.0, 24.5))
    uncus = ellipsoid(p.x, p.y, p.z, (4.5, -14.0, -2.0), (8.5, 11.5, 9.5))
    return join(join(gyrus, lobe, 6.0), uncus, 4.0) - 0.4 * a.cistern


def _mantle(p: Points) -> Tensor:
    """Distance inside what lies above the hippocampus: white matter down to the choroid fissure.

    Its lower surface is level above the hippocampus and falls along the brain stem further in.
    """
    front, back = (-p.y).clamp(min=0), p.y.clamp(min=0)
    floor = 5.0 + 0.05 * front + 0.25 * back
    edge = 3.0 + 0.5 * front + 0.8 * back
    slope = 0.95 * torch.sigmoid((p.y + 11) / 1.5)
    falling = (p.x - edge).clamp(min=0) * slope
    return (p.z - floor + falling) / (1 + slope.square()).sqrt()


def _stem(p: Points, a: Person) -> tuple[Tensor, Tensor]:
    """Distances inside brain stem and thalamus."""
    dx, dy = a.stem
    middle = ellipsoid(p.x, p.y, p.z, (28.0 + dx, -2.0 + dy, -8.0), (16.0, 14.0, 30.0))
    peduncle = capsule(p.x, p.y, p.z, (26.0 + dx, -4.0 + dy, 0.0), (16.0, -8.0 + dy, 22.0), 10.0)
    nuclei = ellipsoid(p.x, p.y, p.z, (17.0, 5.0, 21.0 + a.thalamus), (20.0, 20.0, 14.5))
    return join(middle, peduncle, 5.0), nuclei


def sulci(p: Points, noise: Tensor) -> Tensor:
    """Band-limited noise (size, size, size) at points, standard deviation 1."""
    half = 0.5 * FOLDS_SIZE * FOLDS_SPACING
    where = torch.stack([p.x, 0.5 * p.y, p.z], -1).div_(half)
    sample = grid_sample(
        noise[None, None], where[None], mode="bilinear", padding_mode="reflection",
        align_corners=False,
    )  # fmt: skip
    return sample[0, 0]


def _pia(p: Points, lobe: Tensor, near: Tensor, a: Person, noise: Tensor, uneven: Tensor) -> Tensor:
    """Distance below the surface of the temporal lobe, negative in fluid."""
    m, u = _level(p)
    # collateral sulcus: from below, upward and outward, to a depth that ends under the hippocampus
    sheet = (m + 4.0 + a.collateral + 0.6 * (u + 16.0) + 1.2 * uneven).abs()
    beyond = (u + 8.5 + 0.5 * a.collateral).clamp(min=0)
    collateral = torch.hypot(sheet, beyond) - 0.7 * a.sulci
    margin = 3.0 + 3.5 * torch.sigmoid((p.y + 7) / 2)
    other = sulci(p, noise).abs() / _SLOPE
    deep = torch.maximum((lobe - 13.0).clamp(min=0), (near + margin).clamp(min=0))
    core = ellipsoid(p.x, p.y, p.z, (-19.0, 0.0, 5.0), (13.0, 70.0, 15.0))  # stem of the lobe
    deep = torch.maximum(deep, torch.maximum(5.0 - sheet, core).clamp(min=0))
    other = torch.hypot(other, deep) - a.sulci
    return torch.minimum(torch.minimum(lobe, collateral), other)


def paint(canvas: Canvas, p: Points, body: Body, a: Person, noise: Tensor, fields: Tensor) -> None:
    """Everything in the crop. fields: (3, ...) smooth fields, two slow, one fine."""
    canvas.lay("white matter", torch.ones_like(p.x))
    lobe = hull(p, a) + 0.5 * fields[0]
    mantle = _mantle(p) + 0.8 * fields[0]
    depth = _pia(p, lobe, body.distance, a, noise, fields[1])
    canvas.lay("fluid", share(-torch.maximum(lobe, mantle), 1.3))
    cortex = a.cortex * (1 + 0.15 * fields[1])
    inner = share(cortex - depth, 1.6) * share(-mantle + 2.0, 3.0)
    canvas.lay("grey matter", inner * share(lobe, 1.3))
    canvas.lay("fluid", share(-depth, 1.3) * share(lobe, 1.3) * share(-mantle + 1.0, 3.0))
    _deep(canvas, p, a, fields)
    _hindbrain(canvas, p, lobe, a, fields)
    _hippocampus(canvas, p, body, a, fields)
    _vessels(canvas, p, a)


def _deep(canvas: Canvas, p: Points, a: Person, fields: Tensor) -> None:
    stem, nuclei = _stem(p, a)
    canvas.lay("white matter", share(nuclei + 1.2, 1.5))
    canvas.lay("thalamus", share(nuclei - 1.0 + 0.6 * fields[1], 3.0) * 0.8)
    canvas.lay("brain stem", share(stem + 0.3 * fields[0], 1.5))
    lentiform = ellipsoid(p.x, p.y, p.z, (-14 + a.insula, -10, 16 + a.insula), (5.5, 18, 9.5))
    canvas.lay("putamen", share(lentiform + 0.8 * fields[0], 1.8))
    insula = ellipsoid(p.x, p.y, p.z, (-23 + a.insula, -10, 13), (4.5, 22, 12))
    canvas.lay("grey matter", share(insula + 0.8 * fields[1], 1.8))
    k = a.amygdala
    amygdala = ellipsoid(p.x, p.y, p.z, (3.0, -15.5, 1.5), (9.0 * k, 9.0 * k, 7.5 * k))
    canvas.lay("grey matter", share(amygdala + 0.5 * fields[1], 2.5) * 0.8)


def _hindbrain(canvas: Canvas, p: Points, lobe: Tensor, a: Person, fields: Tensor) -> None:
    """The cerebellum below the tentorium, with folia that radiate from the midline."""
    cerebellum = ellipsoid(p.x, p.y, p.z, (24.0, 26.0, -24.0 + a.tent), (30.0, 27.0, 25.0))
    cerebellum = torch.minimum(cerebellum, -lobe - 2.0)
    angle = torch.atan2(p.z + 24.0, p.y - 12.0)
    leaves = torch.cos(angle * 26 + 0.35 * p.x + 1.5 * fields[2])
    canvas.lay("cerebellar cortex", share(cerebellum, 1.4))
    twigs = torch.maximum(leaves * 1.2, cerebellum - 9.0)
    canvas.lay("white matter", share(torch.minimum(cerebellum - 1.5, twigs), 2.0) * 0.7)
    canvas.lay("dura", share(0.6 - (cerebellum + 1.2).abs(), 1.2) * 0.4)


def _hippocampus(canvas: Canvas, p: Points, body: Body, a: Person, fields: Tensor) -> None:
    d, w, v, c = body
    trigone = capsule(p.x, p.y, p.z, (-7.0, 16.0, 9.5), (-1.0, 26.0, 18.5), 1.2 + 1.4 * a.horn)
    canvas.lay("fluid", share(trigone, 1.3))
    white = d + coat(body)
    # temporal horn: on the outer and upper side, wide at the outer end, closed towards the midline
    outer = torch.sigmoid(-3.5 * (w + 0.35))
    upper = torch.sigmoid(3.5 * (v - 0.1))
    front = torch.sigmoid((c.b + 15) / 1.5)
    atrium = 2.5 * torch.sigmoid((c.b - 14) / 2.5)
    horn = front * (
        1.3 * outer * upper + 0.2 * upper + atrium * upper * torch.sigmoid(-2 * (w - 0.6))
    )
    horn = a.horn * (1 + 0.5 * fields[1]).clamp(min=0) * horn * torch.sigmoid(-5 * (w - 1.1))
    near = torch.where(c.b.abs() < 40, white, white - 9.0)
    canvas.lay("fluid", share(near + horn, 1.2) * (horn > 0.1))
    fissure = torch.sigmoid(5 * (w - 0.45)) * torch.sigmoid(4 * (v - 0.2)) * torch.sigmoid(c.b + 9)
    canvas.lay("fluid", share(near + 1.6 * fissure * (0.6 + 0.4 * a.horn), 1.2) * (fissure > 0.15))
    canvas.lay("white matter", share(white, 1.2) * 0.8)
    canvas.lay("grey matter", share(d, 1.2))
    # the myelinated layer between Ammon's horn and the dentate gyrus, and the old sulcus within it
    ring = 1.0 - ((w.square() * 1.1 + v.square()).sqrt() - 0.5).abs() * c.height
    canvas.lay("white matter", share(ring - 0.4, 1.2) * share(d - 1.2, 1.0) * 0.7 * a.dentate)


def _vessels(canvas: Canvas, p: Points, a: Person) -> None:
    """Posterior cerebral artery around the stem, carotid and its branches in front."""
    back = capsule(p.x, p.y, p.z, (12.0, -4.0, 0.0), (11.5, 14.0, 3.0), 0.8 * a.vessel)
    front = capsule(p.x, p.y, p.z, (17.0, -20.0, -2.0), (8.0, -26.0, 5.0), 1.2 * a.vessel)
    canvas.lay("artery", share(torch.maximum(back, front), 1.2) * 0.6)
