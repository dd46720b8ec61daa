"""The prostate and what belongs to it: zones, nodules, lesions, seminal vesicles, nerves and veins.

The gland is an ellipsoid that is wider at its base, narrower in front and hollowed behind by the rectum.
The peripheral zone is what the growing central gland leaves of it: a crescent behind and beside, bright
for its fluid, crossed by fine septa. Nodules of hyperplasia are round, bright (glandular) or dark
(stromal), with a dark rim; their number grows with the central gland. The label of a scan is all of it
inside the capsule.
"""

from __future__ import annotations

import math

import numpy as np

from medda_lib.phantoms.prostate_mr.patient import Draws, Man
from medda_lib.phantoms.prostate_mr.pelvis import SIDES, Painter
from medda_lib.phantoms.prostate_mr.space import Array, Box

_RIM = 0.9  # thickness of the capsule, mm
_NODULES = 22  # at most


def prostate(p: Painter, who: Man, draws: Draws) -> tuple[Box, Array]:
    """Paint the gland; returns where it may be and how much of each point there it covers."""
    a, b, c = who.radii
    box = p.space.box((0.0, 0.0, 0.0), (1.2 * a, b + 2, c), 2.0)
    if box is None:
        raise ValueError("fov: the gland lies outside the field of view; make it larger")
    depth = _outline(p, who, box)
    p.fill("capsule", box, depth + _RIM)
    share = p.canvas.paint(
        box, depth, _peripheral(p, who, box), p.contrast.label("peripheral zone")
    )
    inner = _central(p, who, draws, box, depth)
    _stroma(p, who, box, depth)
    if who.tumour:
        _lesions(p, who, draws, box, np.minimum(depth, -inner - 0.5))
    return box, share


def _outline(p: Painter, who: Man, box: Box) -> Array:
    """Depth in the gland."""
    a, b, c = who.radii
    x, y, z = p.space.x[box], p.space.y[box], p.space.z[box]
    level = np.clip(z / c, -1, 1)
    front = np.clip(-y / b, 0, 1)
    x = x * (1 + 0.20 * front) / (1 + 0.12 * level)
    hollow = np.exp(-((x / (0.55 * a)) ** 2)) * np.clip(y / (0.6 * b), 0, 1)
    y = y + who.dent * hollow + 0.10 * z  # the apex lies in front of the base
    q = np.sqrt((x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2)
    depth: Array = (1 - q) * (0.5 * (a + b))
    return depth


def _peripheral(p: Painter, who: Man, box: Box) -> Array:
    """Bright, with septa; patchier with age (inflammation, atrophy)."""
    patchy = 0.10 + 0.006 * max(who.age - 50, 0)
    patches: Array = np.minimum(p.coarse[box], 0.3)
    log_t2: Array = 0.13 * p.fine[box] + patchy * patches
    return p.contrast.varied("peripheral zone", log_t2)


def _central(p: Painter, who: Man, draws: Draws, box: Box, depth: Array) -> Array:
    """Central gland with its false capsule, nodules and urethra; returns its depth."""
    a, b, c = who.inner
    centre = (0.0, -0.16 * who.radii[1], 0.10 * who.radii[2])
    inner: Array = np.minimum(p.space.ellipsoid(box, centre, (a, b, c)), depth - 0.4)
    p.fill("capsule", box, np.minimum(inner + 0.6, depth))
    p.canvas.paint(
        box,
        inner,
        p.contrast.varied("central gland", 0.16 * p.fine[box] + 0.12 * p.coarse[box]),
        p.contrast.label("central gland"),
    )
    _nodules(p, who, draws, centre)
    for side in SIDES:  # the central zone around the ejaculatory ducts
        at = (side * 6.0, 0.42 * who.radii[1], 0.55 * who.radii[2])
        p.body("stroma", at, (6.0, 3.5, 0.25 * who.radii[2]))
    p.rod("urethra", (0.0, -1.0, -1.1 * who.radii[2]), (0.0, 1.0, 2.0), 2.6)
    return inner


def _nodules(p: Painter, who: Man, draws: Draws, centre: tuple[float, float, float]) -> None:
    """Balls inside the central gland; more and larger ones the larger it is."""
    table = draws.stream("nodules").standard_normal((_NODULES, 6))
    size = (math.prod(who.inner)) ** (1 / 3)
    count = int(np.clip(2 + (size - 9) * 1.1, 1, _NODULES))
    for row in table[:count]:
        radius = min(float(size * 0.24 * math.exp(0.35 * row[0])), 0.55 * min(who.inner))
        way = row[1:4] / np.linalg.norm(row[1:4])
        far = 0.85 * (1 - radius / size) * min(abs(float(row[4])), 1.0)
        at = (
            centre[0] + far * who.inner[0] * float(way[0]),
            centre[1] + far * who.inner[1] * float(way[1]),
            centre[2] + far * who.inner[2] * float(way[2]),
        )
        box = p.space.box(at, (radius, radius, radius), 1.0)
        if box is None:
            continue
        depth = p.space.ellipsoid(box, at, (radius, radius, 1.1 * radius))
        p.canvas.paint(
            box, depth + 0.7, p.contrast.value("stroma"), p.contrast.label("central gland")
        )
        factor = math.exp(0.42 * float(row[5]))
        value = p.contrast.varied("central gland", 0.22 * p.fine[box], factor)
        p.canvas.paint(box, depth, value, p.contrast.label("central gland"))


def _stroma(p: Painter, who: Man, box: Box, depth: Array) -> None:
    """The dark fibromuscular apron in front."""
    a, b, c = who.radii
    apron = p.space.ellipsoid(box, (0.0, -1.02 * b, 0.0), (0.55 * a, 0.27 * b, 0.95 * c))
    p.fill("stroma", box, np.minimum(apron, depth), texture=0.15)


def _lesions(p: Painter, who: Man, draws: Draws, box: Box, room: Array) -> None:
    """One or two dark lesions in the peripheral zone."""
    a, b, c = who.radii
    for name, size in (("lesion_angle", 1.0), ("lesion_2", 0.7)):
        angle = math.pi / 2 + 1.1 * draws.normal(name)
        level = 0.35 * draws.normal("lesion_z") * size
        radius = 6.0 * size * math.exp(0.3 * draws.normal("lesion_r"))
        at = (0.82 * a * math.cos(angle), 0.78 * b * math.sin(angle), level * c)
        depth = p.space.ellipsoid(box, at, (radius, 0.8 * radius, 1.1 * radius))
        p.fill("tumour", box, np.minimum(depth, room), texture=0.1)


def neighbours(p: Painter, who: Man, draws: Draws) -> None:
    """Veins in front, nerves and vessels at five and seven o'clock, urethra and bulb below."""
    a, b, c = who.radii
    z = draws.normal
    wide = 15 + 2 * z("plexus")
    p.body("vessel", (0.0, -b - 4.5, -3.0), (wide, 4.5, 0.9 * c), texture=0.6)
    for side in SIDES:
        p.body("vessel", (side * (a + 3.0), -0.2 * b, 0.0), (3.0, 0.5 * b, 0.9 * c), texture=0.7)
        for tissue, dx, dy, radius in (
            ("capsule", 0.72, 0.86, 1.6),
            ("vessel", 0.80, 0.78, 1.5),
            ("vessel", 0.64, 0.95, 1.2),
        ):
            at = (side * dx * a, dy * b)
            p.rod(tissue, (at[0] * 0.85, at[1], -0.9 * c), (at[0] * 1.05, at[1], 0.9 * c), radius)
    p.rod("muscle", (0.0, -3.0, -c - 14), (0.0, -2.0, -0.8 * c), 8.0)  # sphincter
    p.rod("urethra", (0.0, -3.0, -c - 14), (0.0, -2.0, -0.8 * c), 4.0)
    p.body("bulb", (0.0, 2.0, -c - 19), (11.0, 13.0, 9.0), texture=0.1)


def seminal_vesicles(p: Painter, who: Man, draws: Draws) -> None:
    """Coiled tubes full of fluid above and behind the gland, like a bow tie."""
    _, b, c = who.radii
    y = 0.55 * b + 2 + draws.normal("vesicle_y")
    for side, name in zip(SIDES, ("vesicle_r", "vesicle_l"), strict=True):
        size = math.exp(0.2 * draws.normal(name))
        centre = (side * 18.0, y, c + 4.0)
        radii = (16.0 * size, 5.5 * size, 8.5 * size)
        box = p.space.box(centre, (17 * size, 12 * size, 9 * size), 2.0)
        if box is None:
            continue
        depth = p.space.ellipsoid(box, centre, radii, side * 0.25)
        p.fill("seminal wall", box, depth)
        # The tubes: where the texture is high, away from the wall.
        tubes = np.minimum(depth - 0.8, 1.6 * (p.fine[box] + 0.35))
        p.fill("seminal fluid", box, tubes)
        p.rod("seminal wall", (side * 3.0, y, 0.8 * c), (side * 3.5, y - 1, c + 14), 2.2)
