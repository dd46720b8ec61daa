"""Who is imaged: random numbers per person, and the anatomy they stand for.

Each person owns a table of standard normal numbers that the seed alone fills, and each quantity a fixed
place in it; the site only says how a number becomes years or millimetres. So one seed is one person at
all sites, and along a dial between two sites a picture moves continuously.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from medda_lib.phantoms.prostate_mr.sites import Site

_NAMES = (
    "age volume peripheral tumour width depth wide dent field gas rectum_x rectum_r stool body_x "
    "body_y fat cavity shift_x shift_y shift_z turn tilt_x tilt_y bladder bladder_x vesicle_l "
    "vesicle_r vesicle_y bone femur plexus t2_gland t2_zone t2_muscle t2_fat lesion_angle lesion_z "
    "lesion_r lesion_2 bulb collapse nodules balloon balloon_x bias_x bias_y bias_z ghost skew pubis"
).split()
_PLACE = {name: place for place, name in enumerate(_NAMES)}
_RESERVED = 96  # places kept for named quantities
_STREAMS = ("table", "warp", "texture", "coarse", "broad", "nodules", "noise")


class Draws:
    """The random numbers of one person."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._table = self.stream("table").standard_normal(_RESERVED)

    def normal(self, name: str) -> float:
        """A standard normal number, cut at 2.2 so that nobody is a monster."""
        return float(np.clip(self._table[_PLACE[name]], -2.2, 2.2))

    def uniform(self, name: str) -> float:
        """A number between 0 and 1."""
        return float(ndtr(self._table[_PLACE[name]]))

    def stream(self, name: str) -> np.random.Generator:
        """The generator of one block of numbers, such as the noise; no stream disturbs another."""
        sequence = np.random.SeedSequence([self._seed, _STREAMS.index(name)])
        return np.random.Generator(np.random.SFC64(sequence))


@dataclass(frozen=True)
class Man:
    """One person at one site; mm, years, millilitres.

    radii: half axes of the gland along x, y, z. inner: those of the central gland. coil: how much of
    an endorectal coil is in place. rectum: half axes of its lumen and wall along x and y.
    """

    age: float
    volume: float
    field: float
    coil: float
    radii: tuple[float, float, float]
    inner: tuple[float, float, float]
    dent: float
    rectum: tuple[float, float]
    rectum_x: float
    rectum_y: float
    content: str
    tumour: bool
    fat: float


def man(site: Site, draws: Draws) -> Man:
    """The person of these draws at a site.

    The peripheral zone of adults hardly changes in volume; what grows with age is the gland inside it
    (benign hyperplasia), which makes large glands round.
    """
    z = draws.normal
    age = min(max(site.age + site.age_spread * z("age"), 40.0), 88.0)
    typical = site.volume * (27.0 + 0.9 * (age - 50.0))
    volume = min(max(typical * math.exp(site.volume_spread * z("volume")), 18.0), 130.0)
    peripheral = min(15.0 * math.exp(0.2 * z("peripheral")) * (volume / 40.0) ** 0.25, 0.6 * volume)
    coil = site.endorectal
    width = 1.26 * math.exp(0.05 * z("width")) * (1 + 0.09 * coil)
    depth = 0.86 * math.exp(0.06 * z("depth")) * (volume / 40.0) ** 0.12 * (1 - 0.12 * coil)
    unit = (volume * 1000 * 3 / (4 * math.pi)) ** (1 / 3)
    radii = (unit * width, unit * depth, unit / (width * depth))
    share = (1 - peripheral / volume) ** (1 / 3)
    inner = (radii[0] * share * 0.97, radii[1] * share * 0.98, radii[2] * share)
    rectum, content = _rectum(site, draws)
    dent = 2.0 + 0.8 * z("dent") + 3.0 * coil
    return Man(
        age=age,
        volume=volume,
        field=3.0 if draws.uniform("field") < site.high_field else 1.5,
        coil=coil,
        radii=radii,
        inner=inner,
        dent=dent,
        rectum=rectum,
        rectum_x=2.5 * z("rectum_x") * (1 - 0.5 * coil),
        rectum_y=radii[1] - dent + rectum[1] - 0.5,
        content=content,
        tumour=draws.uniform("tumour") < site.tumour,
        fat=max(site.fat * math.exp(0.3 * z("fat")), 6.0),
    )


def _rectum(site: Site, draws: Draws) -> tuple[tuple[float, float], str]:
    """Half axes of the rectum with its wall and what it holds: a balloon, gas, stool or nothing."""
    radius = 11.5 * math.exp(0.22 * draws.normal("rectum_r"))
    kind = draws.uniform("gas")
    content = "air" if kind < site.gas else "stool"
    if content == "stool":
        radius *= 0.85
    wide = 1.15 + 0.1 * draws.normal("collapse")
    balloon = site.balloon * math.exp(0.05 * draws.normal("balloon"))
    e = site.endorectal
    x = (1 - e) * radius * wide + e * balloon * 1.12
    y = (1 - e) * radius / wide + e * balloon * 0.92
    return (x, y), "air" if e > 0.5 else content
