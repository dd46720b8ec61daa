"""Everything around the gland, from the skin inwards: muscles, bones, fat, bladder and rectum.

Sizes are those of an average man on axial slices at the level of the prostate; the person's random
numbers scale them. Order matters: what is painted later covers what is painted earlier.
"""

from __future__ import annotations

import math

import numpy as np

from medda_lib.phantoms.prostate_mr.contrast import Contrast
from medda_lib.phantoms.prostate_mr.patient import Draws, Man
from medda_lib.phantoms.prostate_mr.space import Array, Box, Canvas, Point, Space

SIDES = (-1.0, 1.0)  # the patient's right and left
_ALL: Box = (slice(None), slice(None), slice(None))


class Painter:
    """Paints named tissues of one person: canvas, space, contrast and textures in one place."""

    def __init__(
        self,
        canvas: Canvas,
        space: Space,
        contrast: Contrast,
        fine: Array,
        coarse: Array,
        broad: Array,
    ) -> None:
        self.canvas, self.space, self.contrast = canvas, space, contrast
        self.fine, self.coarse, self.broad = fine, coarse, broad

    def body(
        self, tissue: str, centre: Point, radii: Point, turn: float = 0.0, texture: float = 0.0
    ) -> None:
        """An ellipsoid; `texture` is the standard deviation of its log T2 over millimetres."""
        around = radii if not turn else (max(radii[:2]), max(radii[:2]), radii[2])
        box = self.space.box(centre, around)
        if box is not None:
            self.fill(tissue, box, self.space.ellipsoid(box, centre, radii, turn), texture)

    def rod(self, tissue: str, start: Point, end: Point, radius: float) -> None:
        """A rod with round ends."""
        middle = [(s + e) / 2 for s, e in zip(start, end, strict=True)]
        half = [abs(s - e) / 2 + radius for s, e in zip(start, end, strict=True)]
        box = self.space.box((middle[0], middle[1], middle[2]), (half[0], half[1], half[2]))
        if box is not None:
            self.fill(tissue, box, self.space.rod(box, start, end, radius), 0.0)

    def fill(self, tissue: str, box: Box, depth: Array, texture: float = 0.0) -> Array:
        """Any body by its depth; returns how much of each point it covers."""
        value: Array | float = self.contrast.value(tissue)
        if texture:
            value = self.contrast.varied(tissue, texture * self.fine[box])
        return self.canvas.paint(box, depth, value, self.contrast.label(tissue))


def surroundings(p: Painter, who: Man, draws: Draws) -> None:
    """From the air outside to the pelvic cavity with the levator; no organ yet."""
    _trunk(p, who, draws)
    _bones(p, who, draws)
    _fat_spaces(p, who, draws)
    _levator(p, who)
    _vessels(p, draws)


def _trunk(p: Painter, who: Man, draws: Draws) -> None:
    z = draws.normal
    x, y = 178 + 9 * z("body_x") + who.fat, 96 + 5 * z("body_y") + who.fat
    centre = (0.0, 8.0, 0.0)
    for tissue, less in (("skin", 0.0), ("fat", 2.5)):
        p.body(tissue, centre, (x - less, y - less, 900.0), texture=0.1 if less else 0.0)
    depth = p.space.ellipsoid(_ALL, centre, (x - who.fat, y - who.fat, 900.0))
    # Muscles with planes of fat between them: thin sheets where a smooth field crosses zero.
    planes = np.clip(1 - np.abs(p.broad) * 9, 0, 1) * np.clip(p.coarse + 0.9, 0, 1)
    muscle = p.contrast.varied("muscle", 0.10 * p.fine + 0.05 * p.coarse)
    value = muscle + planes * (0.75 * (p.contrast.value("fat") - muscle))
    p.canvas.paint(_ALL, depth, value, p.contrast.label("muscle"))
    for side in SIDES:  # the obturator muscle is one compact plate
        box = p.space.box((side * 50, 2.0, 0.0), (15.0, 42.0, 60.0))
        if box is not None:
            plate = p.space.ellipsoid(box, (side * 50, 2.0, 0.0), (15.0, 42.0, 90.0), side * 0.08)
            p.canvas.paint(box, plate, muscle[box], p.contrast.label("muscle"))


def _fat_spaces(p: Painter, who: Man, draws: Draws) -> None:
    """Fat beside the bladder, in the ischioanal fossae, before the pubis and between the buttocks."""
    a, b, c = who.radii
    wide = max(46 + 2.5 * draws.normal("cavity"), a + 9)
    space = p.space
    q = np.sqrt((space.x / wide) ** 2 + ((space.y - 12) / 54) ** 2)
    p.fill("fat", _ALL, np.minimum((1 - q) * wide, space.z - 0.75 * c), texture=0.12)
    for side in SIDES:
        at = (side * 31, 47.0 + 0.3 * who.rectum[1], -20.0)
        p.body("fat", at, (14.0, 34.0, 32.0), -side * 0.42, texture=0.12)
        p.body("fat", (side * 74, 56.0, 5.0), (2.5, 34.0, 70.0), -side * 0.7, texture=0.3)
    p.body("fat", (0.0, 104.0, -25.0), (7.0, 26.0, 44.0))
    p.body("fat", (0.0, -b - 56, -5.0), (42.0, 19.0, 50.0), texture=0.2)
    for side in SIDES:  # spermatic cords in the fat before the pubis
        p.rod("muscle", (side * 16, -b - 50, -40), (side * 34, -b - 52, 40), 5.5)
        p.rod("vessel", (side * 16, -b - 50, -40), (side * 34, -b - 52, 40), 2.5)
    p.body("fat", (0.0, -b - 6.0, 6.0), (24.0, 9.0, c + 8), texture=0.12)  # behind the pubis


def _levator(p: Painter, who: Man) -> None:
    """A funnel of muscle around gland and rectum, filled with fat; narrow at the apex."""
    a, b, c = who.radii
    space = p.space
    below = np.clip((space.z + c) / c, 0, 1)
    front, back = -b - 8, who.rectum_y + who.rectum[1] + 7
    width = (0.62 * a + 6) + (0.38 * a - 0.5) * below
    width = np.maximum(width, who.rectum[0] + 3.5)
    long, middle = (back - front) / 2, (back + front) / 2
    x, y = np.abs(space.x), space.y - middle
    q = np.cbrt((x / width) ** 3 + np.abs(y / long) ** 3)
    inside = (1 - q) * width
    roof = (0.8 * c + 2) - space.z  # above it the cavity is open to the side walls
    sheet = np.minimum(np.minimum(inside + 3.0, roof), space.y - front - 4)
    p.fill("muscle", _ALL, sheet)
    p.fill("fat", _ALL, np.minimum(inside, roof + 1), texture=0.14)


def _bones(p: Painter, who: Man, draws: Draws) -> None:
    """Marrow in a shell of compact bone: pubis, its branches, ischium, femoral head, coccyx."""
    front = -who.radii[1] - 24.0 + 2.0 * draws.normal("pubis")
    bones: list[tuple[Point, Point, float]] = []
    rods: list[tuple[Point, Point, float]] = []
    for side in SIDES:
        bones += [
            ((side * 19, front - 2, -2.0), (17.0, 9.5, 19.0), side * 0.42),
            ((side * 68, 34.0, -18.0), (12.0, 19.0, 27.0), side * 0.3),  # ischium
            ((side * 80, 2.0, 31.0), (17.0, 36.0, 34.0), 0.0),  # acetabulum
        ]
        rods += [
            ((side * 27, front, 4.0), (side * 72, -30.0, 22.0), 8.5),
            ((side * 14, front + 4, -16.0), (side * 58, 26.0, -40.0), 6.0),
        ]
    bones.append(((0.0, who.rectum_y + who.rectum[1] + 22, 16.0), (11.0, 6.0, 16.0), 0.0))
    for centre, radii, turn in bones:
        p.body("cortex", centre, (radii[0] + 1.6, radii[1] + 1.6, radii[2] + 1.6), turn)
        p.body("marrow", centre, radii, turn, texture=0.2)
    for start, end, radius in rods:
        p.rod("cortex", start, end, radius + 1.5)
        p.rod("marrow", start, end, radius)
    p.body("cartilage", (0.0, front + 1, -4.0), (3.5, 13.0, 20.0))
    head = 24.0 * math.exp(0.04 * draws.normal("femur"))
    for side in SIDES:  # the joint's cartilage and fluid, then the head in its shell
        for tissue, grown in (
            ("cortex", 4.4),
            ("cartilage", 3.3),
            ("cortex", 1.3),
            ("marrow", 0.0),
        ):
            r = head + grown
            p.body(tissue, (side * 92, -6.0, 30.0), (r, r, r), texture=0.15)


def _vessels(p: Painter, draws: Draws) -> None:
    """Fast blood in the femoral artery is black; slow blood in its vein less so."""
    shift = 2.0 * draws.normal("bone")
    for side in SIDES:
        for tissue, at, radius in (("flow void", 64.0, 5.0), ("flow void", 53.0, 5.5)):
            p.rod(tissue, (side * at, -62 + shift, -60), (side * (at - 6), -48 + shift, 60), radius)
        # internal iliac branches and the obturator bundle along the side wall
        p.rod("vessel", (side * 44, -12.0, 8.0), (side * 41, 18.0, 40.0), 2.0)


def bladder(p: Painter, who: Man, draws: Draws) -> None:
    """A wall full of urine on top of the gland, a little in front of its centre."""
    fill = math.exp(0.25 * draws.normal("bladder"))
    height = 20.0 * fill
    centre = (
        2 * draws.normal("bladder_x"),
        -0.35 * who.radii[1] - 2,
        0.86 * who.radii[2] + height,
    )
    wall = 4.5 + 0.03 * max(who.volume - 30, 0)  # an obstructed bladder thickens
    radii = (34 * fill**0.5, 25 * fill**0.5, height)
    p.body("bladder wall", centre, radii)
    p.body("urine", centre, (radii[0] - wall, radii[1] - wall, radii[2] - wall))


def rectum(p: Painter, who: Man) -> None:
    """A tube behind the gland that leans back above and below it; its wall and what it holds."""
    space = p.space
    a, b = who.rectum
    # Above and below the gland the tube leans back.
    lean = np.maximum((0.16 - 0.10 * who.coil) * space.z, (-0.10 + 0.06 * who.coil) * space.z)
    taper = 1 - (0.22 - 0.12 * who.coil) * np.clip(-space.z / 25, 0, 1.6)
    x, y = space.x - who.rectum_x, space.y - who.rectum_y - lean
    q = np.sqrt((x / a) ** 2 + (y / b) ** 2)
    depth: Array = (taper - q) * min(a, b)
    p.fill("rectal wall", _ALL, depth, texture=0.12)
    wall = 3.2 - 1.2 * who.coil  # stretched by the balloon
    p.fill(who.content, _ALL, depth - wall, texture=0.5 if who.content == "stool" else 0.0)
