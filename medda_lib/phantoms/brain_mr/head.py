"""The head around the brain: scalp, skull, dura, face, eyes, sinuses, muscles and vessels.

A skull-stripping network has to learn what is not brain, so what lies next to the brain counts most:
marrow in the skull, dura and venous sinuses along its inside, eyes and optic nerves below the frontal
lobes, the temporal muscles beside the temporal lobes, neck muscles behind the cerebellum, and the patchy
mixture of bone, air and vessels of the skull base. Sizes are those of textbook anatomy, rounded to mm.
"""

from __future__ import annotations

import torch
from torch import Tensor

from medda_lib.phantoms.brain_mr.brain import Compartments
from medda_lib.phantoms.brain_mr.canvas import Canvas
from medda_lib.phantoms.brain_mr.person import Anatomy
from medda_lib.phantoms.brain_mr.shapes import Points, capsule, ellipsoid, join, share


def outline(p: Points, hull: Tensor, a: Anatomy, uneven: Tensor | float = 0.0) -> Tensor:
    """Distance inside the skin, which follows the brain's hull above and the face and neck below."""
    vault = hull + (a.gap + a.skull + a.scalp) + uneven
    trunk = ellipsoid(p.x, p.y, p.z, (0, 8, -128), (73, 83, 82))
    face = ellipsoid(p.x, p.y, p.z, (0, -46, -145), (57, 52, 70))
    head = join(join(vault, trunk, 18.0), face, 14.0)
    nose = ellipsoid(p.x, p.y, p.z, (0, -93, -130), (13, 14 + 2 * a.nose, 26))
    ear = ellipsoid(p.side, p.y - 0.25 * p.z, p.z, (76 + a.ear, 40, -112), (4.5, 13, 26))
    return torch.maximum(join(head, nose, 6.0), ear)


def paint_shell(
    canvas: Canvas, p: Points, c: Compartments, a: Anatomy, fields: Tensor, skin: Tensor
) -> None:
    """Skin, fat, muscle, face and skull, from the outside to the dura; then fluid.

    fields: (5, ...): thickness of skull, of scalp, of the fluid; patches; fine patches.
    """
    low = float(p.z.amin())
    thick, soft, _, patch, fine = fields
    canvas.lay("skin", share(skin, 1.8))
    canvas.lay("fat", share(skin - 1.8, 1.8))
    fat = a.fat * (1 + 0.25 * soft)
    lower = (-(p.z + 70) * (1 / 40)).clamp_(0, 1)
    canvas.lay("muscle", share(skin - 1.8 - fat - 2.0 * lower, 2.0))
    skull = c.cavity + a.skull * (1 + 0.18 * thick) + 7 * lower * (0.6 + 0.4 * patch).clamp_(0, 1.4)
    skull = torch.minimum(skull, skin - 0.7 * a.scalp)  # bone stays below the scalp
    if low < -62:
        _temple(canvas, p, a)
    if low < -78:
        _face(canvas, p, patch, fine)
    _bone(canvas, c, a, skull, patch, fine)
    if low < -72:
        _eyes(canvas, p, a, fine, skin)
        _base(canvas, p, a, patch, fine)


def paint_meninges(canvas: Canvas, p: Points, c: Compartments, a: Anatomy, patch: Tensor) -> None:
    """Dura and the fluid inside it; the great venous sinuses in the dura."""
    low = float(p.z.amin())
    canvas.lay("dura", share(c.cavity + 0.9, 1.5).mul_(a.dura * (1 + 0.3 * patch).clamp_(0, 1.6)))
    canvas.lay("fluid", share(c.cavity - 0.3, 1.5))
    edge = (c.cavity - 1.0).abs_()
    sagittal = 3.2 - torch.hypot(p.x, edge)
    sagittal = torch.minimum(sagittal, p.y + 75 + 0.4 * p.z + 40)
    canvas.lay("blood", share(sagittal, 1.8).mul_(0.6))
    if low < -80:
        lateral = 3.8 - torch.hypot(p.z + 95 - 0.06 * p.y, c.cavity.abs())
        lateral = torch.minimum(lateral, p.y - 25)
        canvas.lay("blood", share(lateral, 1.8).mul_(0.7))


def paint_midline(canvas: Canvas, p: Points, c: Compartments, a: Anatomy) -> None:
    """The falx, which hangs in the fissure between the hemispheres."""
    arch = ellipsoid(p.x, p.y, p.z, (0, -8, -80), (60, 46, 33))
    falx = torch.minimum(0.6 - p.side, torch.minimum(-arch, c.cavity))
    falx = torch.minimum(falx, p.z + 92)
    canvas.lay("dura", share(falx, 1.5).mul_(0.9 * a.dura))


def _bone(
    canvas: Canvas, c: Compartments, a: Anatomy, skull: Tensor, patch: Tensor, fine: Tensor
) -> None:
    canvas.lay("compact bone", share(skull, 1.6))
    room = (skull - c.cavity) * (0.5 * a.marrow)
    middle = room - ((skull + c.cavity) * 0.5).abs_()
    filled = (0.75 + 0.4 * patch + 0.2 * fine).clamp_(0, 1)
    canvas.lay("marrow", share(middle, 1.8).mul_(filled))


def _temple(canvas: Canvas, p: Points, a: Anatomy) -> None:
    x, y, z = p.side, p.y, p.z
    temporal = ellipsoid(x, y, z, (66, -28, -98), (9 * a.temple, 29, 34))
    canvas.lay("muscle", share(temporal, 1.8))
    pad = ellipsoid(x, y, z, (60, -52, -106), (7, 10, 14))
    canvas.lay("fat", share(pad, 2.0))


def _face(canvas: Canvas, p: Points, patch: Tensor, fine: Tensor) -> None:
    x, y, z = p.side, p.y, p.z
    block = ellipsoid(x, y, z, (0, -45, -125), (50, 42, 40))
    canvas.lay("compact bone", share(block, 4.0).mul_((0.35 - 0.5 * patch).clamp_(0, 0.9)))
    canvas.lay("fat", share(block, 4.0).mul_((0.5 * patch + 0.3 * fine - 0.1).clamp_(0, 0.8)))
    cheek = ellipsoid(x, y, z, (46, -46, -135), (12, 16, 20))
    canvas.lay("fat", share(cheek, 2.0).mul_((0.8 + 0.4 * fine).clamp_(0, 1)))
    canvas.lay("muscle", share(ellipsoid(x, y, z, (57, -30, -136), (8, 17, 22)), 2.0))
    canvas.lay("muscle", share(ellipsoid(x, y, z, (32, -18, -136), (10, 14, 20)), 2.0))
    gland = ellipsoid(x, y, z, (63, 0, -138), (9, 14, 16))
    canvas.lay("fat", share(gland, 2.0).mul_(0.6))
    cheekbone = capsule(x, y, z, (44, -72, -116), (66, -32, -114), 4.0)
    canvas.lay("compact bone", share(cheekbone, 1.8))
    canvas.lay("marrow", share(cheekbone - 1.8, 1.8))
    condyle = capsule(x, y, z, (53, 0, -118), (52, -8, -150), 5.0)
    canvas.lay("compact bone", share(condyle, 1.8))
    canvas.lay("marrow", share(condyle - 1.8, 1.8))


def _eyes(canvas: Canvas, p: Points, a: Anatomy, fine: Tensor, skin: Tensor) -> None:
    x, y, z = p.side, p.y, p.z
    if float(z.amax()) < -130:
        return
    brow = ellipsoid(x, y, z, (31, -81, -82), (20, 8, 9))
    brow = torch.minimum(brow, skin - 2)
    canvas.lay("muscle", share(brow, 2.0).mul_(0.7))
    canvas.lay("fat", share(brow - 2, 3.0).mul_((0.5 + 0.5 * fine).clamp_(0, 1)))
    globe = ellipsoid(x, y, z, (32, -74, -98), (a.eyes, a.eyes, a.eyes))
    cone = join(
        ellipsoid(x, y, z, (31, -68, -98), (16, 16, 15)),
        capsule(x, y, z, (29, -62, -97), (14, -34, -93), 7.0), 8.0,
    )  # fmt: skip
    canvas.lay("compact bone", share(cone + 1.8, 1.8))
    canvas.lay("fat", share(cone, 1.8))
    for start, middle in (((19, -70, -98), (15, -50, -96)), ((44, -70, -98), (33, -48, -96))):
        muscle = join(
            capsule(x, y, z, start, middle, 2.6), capsule(x, y, z, middle, (14, -33, -93), 2.3), 2.0
        )
        canvas.lay("muscle", share(muscle, 1.6))
    above = capsule(x, y, z, (31, -66, -84), (14, -30.0, -91), 2.4)
    below = capsule(x, y, z, (31, -66, -111), (15, -30.0, -96), 2.4)
    canvas.lay("muscle", share(torch.maximum(above, below), 1.6))
    nerve = capsule(x, y, z, (29, -62, -98), (7, -20, -91), 2.2)
    canvas.lay("white matter", share(nerve, 1.6))
    canvas.lay("muscle", share(globe + 1.2, 1.6))  # sclera
    canvas.lay("eye", share(globe, 1.6))
    lens = ellipsoid(x, y, z, (33, -82.5, -98), (4.6, 2.2, 4.6))
    canvas.lay("lens", share(lens, 1.6))


def _base(canvas: Canvas, p: Points, a: Anatomy, patch: Tensor, fine: Tensor) -> None:
    """Nose, paranasal sinuses, clivus, petrous bones, mastoids, great arteries."""
    x, y, z, s = p.side, p.y, p.z, a.sinus
    frontal = ellipsoid(x, y, z, (10, -82, -82), (11 * a.frontal_sinus, 4.5, 9 * a.frontal_sinus))
    canvas.lay("air", share(frontal, 1.6))
    clivus = capsule(p.side, y, z, (5, -14, -106), (6, 1, -132), 6.5)
    canvas.lay("compact bone", share(clivus + 1.5, 1.8))
    canvas.lay("marrow", share(clivus, 1.8).mul_((0.95 + 0.3 * patch).clamp_(0, 1)))
    neck = ellipsoid(x, y, z, (10, -8, -144), (10, 8, 18))  # long muscles before the spine
    canvas.lay("muscle", share(neck, 2.0))
    petrous = capsule(x, y, z, (20, -2, -112), (56, 22, -116), 9.5)
    canvas.lay("compact bone", share(petrous, 2.5).mul_((1.0 - 0.2 * fine).clamp_(0, 1)))
    mastoid = ellipsoid(x, y, z, (56, 27, -124), (11 * a.mastoid, 13, 17 * a.mastoid))
    canvas.lay("air", share(mastoid, 2.0).mul_((0.7 + 0.5 * fine).clamp_(0, 1)))
    canal = capsule(x, y, z, (50, 8, -121), (80, 10, -121), 3.5)
    canvas.lay("air", share(canal, 1.6))
    nasal = ellipsoid(x, y, z, (0, -55, -118), (15, 36, 22))
    canvas.lay("mucosa", share(nasal, 2.0))
    canvas.lay("air", share(nasal - 1.0, 2.0).mul_((0.45 + 0.9 * fine).clamp_(0, 1)))
    ethmoid = ellipsoid(x, y, z, (0, -56, -98), (13, 22, 9))
    canvas.lay("air", share(ethmoid, 2.0).mul_((0.65 + 0.6 * fine).clamp_(0, 1)))
    sphenoid = ellipsoid(x, y, z, (7, -27, -107), (9 * s, 11 * s, 9 * s))
    canvas.lay("air", share(sphenoid, 1.6))
    maxilla = ellipsoid(x, y, z, (30, -56, -128), (14 * s, 16 * s, 16 * s))
    canvas.lay("mucosa", share(maxilla + 1.5, 1.6))
    canvas.lay("air", share(maxilla, 1.6))
    throat = ellipsoid(x, y, z, (0, -16, -140), (14, 7, 14))
    canvas.lay("air", share(throat, 1.8))
    pituitary = ellipsoid(p.x, y, z, (0, -13, -98), (6, 4.5, 3.5))
    canvas.lay("grey matter", share(pituitary, 1.8))


def paint_arteries(canvas: Canvas, p: Points) -> None:
    """Internal carotids, basilar and vertebral arteries, middle cerebral arteries."""
    x, y, z = p.side, p.y, p.z
    tubes = (
        ((24, -4, -150), (26, 2, -122), 2.6), ((26, 2, -121), (14, -6, -111), 2.5),
        ((14, -6, -110), (12, -20, -100), 2.5), ((12, -20, -99), (11, -11, -93), 2.2),
        ((11, -11, -92), (34, -16, -92), 1.4), ((11, -11, -92), (2, -22, -88), 1.2),
        ((1, -10, -96), (2, -6, -118), 1.7), ((3, -5, -119), (14, 8, -140), 1.7),
        ((14, 8, -140), (22, 12, -150), 1.8), ((1, -10, -95), (14, 2, -92), 1.2),
    )  # fmt: skip
    whole = capsule(x, y, z, *tubes[0])
    for tube in tubes[1:]:
        whole = torch.maximum(whole, capsule(x, y, z, *tube))
    canvas.lay("artery", share(whole, 1.6))
