"""Who is imaged: a population as numbers, and one person drawn from it.

A seed owns a table of standard normal numbers, one for each quantity; a population only says how such a
number becomes a volume or a tilt. So the same seed is the same person everywhere, seen through the mean
and the spread of another population, and moving a population's dial moves the picture continuously.
Atrophy is one number, 0 in a healthy brain and about 1 in the dementia stage of Alzheimer's disease; it
takes volume from the hippocampus and gives it to the temporal horn and the sulci.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from medda_lib.phantoms.brain_mr.person import Stream
from medda_lib.phantoms.parameters import Parameters, Ranges

LOSS = 0.30  # of the hippocampus at atrophy 1: 4.16 against 5.88 ml for both (see `SOURCES`)
_KIND = 2  # of the random stream; the head phantom uses 0 and 1
_RANGES = Ranges(
    positive=frozenset("age volume volume_sd horn sulci length crop_x crop_y crop_z".split()),
    shares=frozenset("atrophy left alveus mixed".split()),
    not_negative=frozenset({"variety"}),
)
_PLACE = {  # places are for good: a name may fall out of use, but none may move
    name: i
    for i, name in enumerate(
        "age atrophy volume horn sulci length bend head tail thickness roll pitch yaw folds cortex "
        "grey white cistern side amygdala collateral stem_x stem_y thalamus crop_x crop_y crop_z "
        "at_x at_y at_z shift_x shift_y shift_z mixed fresh tilt curl vessel noise blur tent "
        "insula mantle dentate hidden f0 f1 f2 f3 f4 f5 f6 f7 f8".split()
    )
}


@dataclass(frozen=True)
class Population(Parameters):
    """What people of one source have in common; lengths in mm, volumes in mm^3.

    Attributes:
        age: mean, years; `age_sd` its standard deviation. It describes; what age does to a brain is in
            `atrophy`, `horn` and `sulci`.
        atrophy: mean of the amount of atrophy, in [0, 1]; `atrophy_sd` its standard deviation.
        volume: mean of the mask without atrophy; `volume_sd` its standard deviation.
        horn: width of the temporal horn relative to a young adult's.
        sulci: half width of the sulci.
        length: of the hippocampus relative to its thickness, 1 on average.
        bend: mean curvature of the body, seen from above; 0 on average.
        variety: how much people differ in shape, 1 as in the decathlon's crops.
        contrast_sd: spread of T1 of grey and white matter between people, relative.
        left: share of left hippocampi; the others are their mirror images.
        alveus: how much of alveus and fimbria the label rule counts, 0 to 1.
        margin: how far (mm) the traced outline runs outside of what the label rule counts.
        mixed: scanners lie between the source's own (0) and this share of the way to 3 T MPRAGE.
        crop_x, crop_y, crop_z: mean size of the crop box.
    """

    ranges: ClassVar[Ranges] = _RANGES

    age: float = 40.0
    age_sd: float = 12.0
    atrophy: float = 0.1
    atrophy_sd: float = 0.1
    volume: float = 3300.0
    volume_sd: float = 400.0
    horn: float = 1.0
    sulci: float = 0.5
    length: float = 1.0
    bend: float = 0.0
    variety: float = 1.0
    contrast_sd: float = 0.02
    left: float = 0.5
    alveus: float = 0.0
    margin: float = 0.0
    mixed: float = 0.0
    crop_x: float = 35.0
    crop_y: float = 51.0
    crop_z: float = 35.0


class Draws(Stream):
    """A seed's standard normal numbers by name, cut at 2.3."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, _KIND)

    def normal(self, name: str) -> float:
        """The number of this name."""
        return float(min(2.3, max(-2.3, self._table[_PLACE[name]])))

    def uniform(self, name: str) -> float:
        """The same as a uniform number on (0, 1)."""
        return 0.5 * (1 + math.erf(float(self._table[_PLACE[name]]) / math.sqrt(2)))


@dataclass(frozen=True)
class Person:
    """One person: lengths in mm, angles in degrees, volumes in mm^3, the rest relative to 1."""

    age: float
    atrophy: float
    volume: float  # of the mask
    horn: float
    sulci: float
    length: float
    bend: float
    head: float
    tail: float
    thickness: float  # height over width of the section
    curl: float  # how far the uncus bends inward
    turn: tuple[float, float, float]  # pitch, roll, yaw
    folds: float
    cortex: float
    cistern: float
    left: bool
    amygdala: float
    collateral: float
    stem: tuple[float, float]
    thalamus: float
    tent: float
    insula: float
    dentate: float
    vessel: float
    alveus: float
    margin: float
    grey: float  # factors on T1
    white: float


def person(p: Population, s: Draws) -> Person:
    """The person of a stream of numbers, as one of this population."""
    n, v = s.normal, p.variety
    age = p.age + p.age_sd * n("age")
    atrophy = min(1.3, max(0.0, p.atrophy + p.atrophy_sd * n("atrophy")))
    volume = max(0.5 * p.volume, p.volume + p.volume_sd * n("volume"))
    return Person(
        age=age,
        atrophy=atrophy,
        volume=volume * (1 - LOSS * atrophy),
        horn=p.horn * math.exp(0.35 * v * n("horn")) + 1.6 * atrophy,
        sulci=max(0.1, p.sulci + 0.15 * v * n("sulci") + 0.5 * atrophy),
        length=p.length * math.exp(0.06 * v * n("length")),
        bend=p.bend + 0.35 * v * n("bend"),
        head=1 + 0.08 * v * n("head"),
        tail=1 + 0.10 * v * n("tail"),
        thickness=math.exp(0.09 * v * n("thickness")),
        curl=1 + 0.5 * v * n("curl"),
        turn=(6.0 * v * n("pitch"), 6.0 * v * n("roll"), 6.0 * v * n("yaw")),
        folds=math.exp(0.3 * v * n("folds")),
        cortex=2.7 - 0.3 * atrophy + 0.2 * n("cortex"),
        cistern=2.0 * v * n("cistern"),
        left=s.uniform("side") < p.left,
        amygdala=1 + 0.08 * v * n("amygdala"),
        collateral=2.0 * v * n("collateral"),
        stem=(1.3 * v * n("stem_x") + 0.6, 2.0 * v * n("stem_y")),
        thalamus=1.5 * v * n("thalamus"),
        tent=1.5 * v * n("tent"),
        insula=1.5 * v * n("insula"),
        dentate=0.25 + 0.1 * n("dentate"),
        vessel=math.exp(0.4 * n("vessel")),
        alveus=p.alveus,
        margin=p.margin,
        grey=1 + p.contrast_sd * n("grey"),
        white=1 + p.contrast_sd * n("white"),
    )
