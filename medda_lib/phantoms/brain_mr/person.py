"""Who is in the scanner: random numbers per head, and the anatomy they stand for.

A seed starts two streams of random numbers: one for the person, one for the examination. Each quantity
owns a fixed place in its stream, and a site only says how a standard normal number becomes a shift or a
tilt. So the same seed is the same person at every site, and moving a site's dial moves the picture
continuously. Ages are even from 20 to 80 years; what grows with age (ventricles, sulci, the fluid
between brain and skull) follows the direction and rough size of published curves (Fjell & Walhovd, Rev
Neurosci 21 (2010) 187: the ventricles about double from 40 to 75), with a wide spread of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtr
from torch import Tensor

_BODY, _EXAM = 0, 1
_PLACES = 96

_PERSON = (
    "age female width length height egg skull scalp gap vent vent_side third sulci crown cortex "
    "pitch roll yaw eyes sinus frontal_sinus mastoid fat marrow cerebellum temporal fold_depth "
    "falx jaw nose ear temple tissue_grey tissue_white dura basilar neck floor stem warp"
).split()
_VISIT = "shift_x shift_y shift_z noise blur inflow " + " ".join(f"field_{i}" for i in range(9))
_PLACE = {
    _BODY: {name: i for i, name in enumerate(_PERSON)},
    _EXAM: {name: i for i, name in enumerate(_VISIT.split())},
}


class Stream:
    """Standard normal numbers by name, and the generator for all that has no name."""

    def __init__(self, seed: int, kind: int) -> None:
        self.kind = kind
        sequence = np.random.SeedSequence([int(seed), kind])
        self.generator = np.random.Generator(np.random.SFC64(sequence))
        self._table: NDArray[np.float64] = self.generator.standard_normal(_PLACES)

    def normal(self, name: str) -> float:
        """Standard normal, cut at 2.3 so that nobody is a monster."""
        return float(np.clip(self._table[_PLACE[self.kind][name]], -2.3, 2.3))

    def uniform(self, name: str) -> float:
        """Uniform on (0, 1)."""
        return float(ndtr(self._table[_PLACE[self.kind][name]]))

    def block(self, *shape: int) -> Tensor:
        """The next standard normal numbers, float32."""
        return torch.from_numpy(self.generator.standard_normal(shape, dtype=np.float32))


def body(seed: int) -> Stream:
    """The person's stream."""
    return Stream(seed, _BODY)


def examination(seed: int) -> Stream:
    """The examination's stream."""
    return Stream(seed, _EXAM)


@dataclass(frozen=True)
class Anatomy:
    """One person's sizes in mm (of the average head; `scale` multiplies them) and proportions."""

    age: float
    scale: tuple[float, float, float]  # x, y, z
    turn: Tensor  # (3, 3) rotation of the head
    egg: float  # how much narrower the front is
    gap: float  # fluid between brain and dura
    skull: float
    scalp: float
    ventricles: float  # radius relative to a young adult
    ventricle_side: float
    third: float  # half width of the third ventricle
    sulci: float  # half width of sulci
    crown: float  # how far gyri shrink from the dura
    cortex: float  # thickness
    fold_depth: float
    dura: float  # how visible
    fat: float  # thickness of subcutaneous fat
    marrow: float  # thickness of the diploe as a share of the skull
    eyes: float
    sinus: float
    frontal_sinus: float
    mastoid: float
    cerebellum: float
    temporal: float
    floor: float
    stem: float
    temple: float  # temporal muscle
    nose: float
    ear: float
    warp: float
    grey: float  # factors on T1 of grey and white matter
    white: float


def anatomy(s: Stream) -> Anatomy:
    """The person of a stream."""
    n, u = s.normal, s.uniform
    age = 20 + 60 * u("age")
    old = max(0.0, (age - 30) / 50)
    size = -0.035 if u("female") < 0.5 else 0.015
    scale = (1 + size + 0.035 * n("width"), 1 + size + 0.035 * n("length"),
             1 + size + 0.03 * n("height"))  # fmt: skip
    return Anatomy(
        age=age,
        scale=scale,
        turn=_rotation(-2 + 5.0 * n("pitch"), 1.7 * n("roll"), 2.0 * n("yaw")),
        egg=0.06 + 0.03 * n("egg"),
        gap=1.5 + 1.6 * old + 0.5 * abs(n("gap")),
        skull=6.3 + 1.1 * n("skull"),
        scalp=5.6 + 1.2 * n("scalp"),
        ventricles=(0.85 + 1.1 * old**1.5) * math.exp(0.25 * n("vent")),
        ventricle_side=0.08 * n("vent_side"),
        third=(1.0 + 2.2 * old**1.5) * math.exp(0.25 * n("third")),
        sulci=max(0.05, 0.2 + 0.7 * old + 0.15 * n("sulci")),
        crown=0.2 + 0.8 * old + 0.2 * abs(n("crown")),
        cortex=2.9 - 0.35 * old + 0.15 * n("cortex"),
        fold_depth=15 + 2.0 * n("fold_depth"),
        dura=0.35 + 0.3 * u("dura"),
        fat=3.0 * math.exp(0.4 * n("fat")),
        marrow=0.45 + 0.15 * n("marrow"),
        eyes=11.8 + 0.5 * n("eyes"),
        sinus=1 + 0.18 * n("sinus"),
        frontal_sinus=0.9 + 0.35 * n("frontal_sinus"),
        mastoid=1 + 0.25 * n("mastoid"),
        cerebellum=1 + 0.05 * n("cerebellum"),
        temporal=1 + 0.05 * n("temporal"),
        floor=2.5 * n("floor"),
        stem=1 + 0.05 * n("stem"),
        temple=math.exp(0.25 * n("temple")),
        nose=n("nose"),
        ear=n("ear"),
        warp=2.2,
        grey=1 + 0.02 * n("tissue_grey"),
        white=1 + 0.02 * n("tissue_white"),
    )


def _rotation(pitch: float, roll: float, yaw: float) -> Tensor:
    """Degrees about x (nod), y (tilt to a shoulder), z (shake): (3, 3), x y z."""
    a, b, c = (math.radians(angle) for angle in (pitch, roll, yaw))
    nod = [[1, 0, 0], [0, math.cos(a), -math.sin(a)], [0, math.sin(a), math.cos(a)]]
    tilt = [[math.cos(b), 0, math.sin(b)], [0, 1, 0], [-math.sin(b), 0, math.cos(b)]]
    shake = [[math.cos(c), -math.sin(c), 0], [math.sin(c), math.cos(c), 0], [0, 0, 1]]
    turns = [torch.tensor(m, dtype=torch.float32) for m in (nod, tilt, shake)]
    return turns[0] @ turns[1] @ turns[2]
