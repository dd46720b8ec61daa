"""A site: who is imaged, on what scanner, with what coil and protocol.

Every field of `Site` is a plain number, so a site can be printed, stored as JSON and moved:
`Site.towards` walks from one site to another, positive scale-like quantities on a logarithmic scale and
all others linearly. The presets "A" to "F" stand for the six sites of the multi-site prostate set of
Liu, Dou & Heng (MICCAI 2020). Facts that are public, from that set's description and its sources
(NCI-ISBI 2013, I2CVB: Lemaitre et al. 2015, PROMISE12: Litjens et al. 2014):

| site | source | field | coil | maker | in-plane / through-plane mm |
|---|---|---|---|---|---|
| A | RUNMC | 3 T | surface | Siemens | 0.6-0.625 / 3.6-4 |
| B | BMC | 1.5 T | endorectal | Philips | 0.4 / 3 |
| C | I2CVB | 3 T | surface | Siemens | 0.67-0.79 / 1.25 |
| D | UCL | 1.5 T and 3 T | surface | Siemens | 0.325-0.625 / 3-3.6 |
| E | BIDMC | 3 T | endorectal | GE | 0.25 / 2.2-3 |
| F | HK | 1.5 T | endorectal | Siemens | 0.625 / 3.6 |

The rest (echo times, noise, how much of the coil's shading the scanner takes out, who comes to be
imaged) is not published scan by scan: it is set to what such protocols commonly use, with the reason
beside the number. Most were set by looking at pictures. Once a network's scores had a say: in a first
version the surface array saw the skin 1.4 times better than the middle of the body and the scanners of
B and D still corrected a little; a network that learned from five sites hardly noticed the sixth. Real
arrays, uncorrected, have about three, and so has this version, with B and D uncorrected and a stronger
coil at B.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from medda_lib.phantoms.parameters import Parameters, Ranges

_RANGES = Ranges(
    logarithmic=frozenset(
        "tr te train blur thickness pitch fov noise volume age balloon near".split()
    ),
    shares=frozenset("high_field endorectal corrected gas tumour".split()),
    not_negative=frozenset("ghost shading dielectric fat".split()),
)


@dataclass(frozen=True)
class Site(Parameters):
    """Population, coil and protocol of one site."""

    ranges: ClassVar[Ranges] = _RANGES

    name: str
    # population
    age: float = 65.0  # years
    age_spread: float = 7.0
    volume: float = 1.0  # of the gland, relative to the average man of the same age
    volume_spread: float = 0.3  # of its logarithm
    tumour: float = 0.5  # share of men with a visible lesion
    fat: float = 24.0  # subcutaneous fat, mm
    gas: float = 0.5  # share of men without a coil whose rectum holds gas; else stool or nothing
    # scanner and coil
    high_field: float = 1.0  # share of scans at 3 T, the others at 1.5 T
    endorectal: float = 0.0  # how much of an endorectal coil there is: 0 none, 1 all
    balloon: float = 20.0  # radius of its balloon, mm
    near: float = 9.0  # sensitivity at the coil relative to the surface array in the centre
    shading: float = 0.9  # the surface array's own: logarithm of its sensitivity, centre to 100 mm
    dielectric: float = 0.12  # loss of transmit field towards the sides, at 3 T
    corrected: float = 0.5  # share of the receive shading that the scanner's correction removes
    # protocol
    tr: float = 4500.0  # ms
    te: float = 100.0
    train: float = 160.0
    blur: float = 0.8  # in-plane point spread, full width at half maximum, mm
    thickness: float = 3.0  # of a slice, mm
    pitch: float = 3.6  # from slice to slice, mm
    fov: float = 190.0  # side of the square picture, mm
    shift: float = 4.0  # standard deviation of where the gland lies in it, mm
    noise: float = 0.02  # standard deviation relative to water seen by the array in the centre
    ghost: float = 0.01  # amplitude of the ghost along the phase direction


_PRESETS = (
    # 3 T, surface array: the reference protocol of a detection clinic. Prescan normalisation takes
    # most of the array's shading out.
    Site(
        "A",
        tr=4480.0, te=103.0, train=165.0, blur=0.8, thickness=3.8, pitch=3.8, fov=192.0,
        noise=0.012, corrected=0.75, gas=0.5, age=64.0, volume=1.05, tumour=0.6,
    ),
    # 1.5 T with an air-filled endorectal coil; men before surgery, so smaller glands with tumour. Not
    # corrected: bright next to the coil, dark and noisy in front. Long echo.
    Site(
        "B",
        high_field=0.0, endorectal=1.0, balloon=20.0, near=12.0, corrected=0.0,
        tr=4000.0, te=120.0, train=190.0, blur=0.7, thickness=3.0, pitch=3.0, fov=160.0,
        noise=0.022, ghost=0.025, age=60.0, age_spread=6.0, volume=0.85, tumour=0.9,
        dielectric=0.02,
    ),
    # 3 T, surface array, one three-dimensional acquisition of 1.25 mm with a very long train (TE 143
    # ms): strong contrast, blurred in plane by the decay along the train, noisy because slices are
    # thin. Every third slice of it is taken. Large field of view; older men with large glands.
    Site(
        "C",
        tr=3600.0, te=143.0, train=420.0, blur=1.6, thickness=1.25, pitch=3.75, fov=235.0,
        noise=0.022, corrected=0.3, gas=0.7, age=70.0, volume=1.25, volume_spread=0.4,
        tumour=0.7, fat=28.0, dielectric=0.2,
    ),
    # Both fields, surface array; shorter echo: fat and muscle brighter, the zones flatter. No
    # correction: the array lights up skin and subcutaneous fat. Bowel gas and breathing ghosts.
    Site(
        "D",
        high_field=0.5, tr=5200.0, te=84.0, train=135.0, blur=1.0, thickness=3.2, pitch=3.4,
        fov=180.0, noise=0.024, shading=1.0, corrected=0.0, gas=0.8, age=63.0, volume=0.95,
        tumour=0.6, ghost=0.03, fat=20.0,
    ),
    # 3 T with an endorectal coil, GE's surface-coil correction on: flat but with amplified noise far
    # from the coil. The smallest field of view (0.25 mm pixels).
    Site(
        "E",
        endorectal=1.0, balloon=22.0, near=10.0, corrected=0.8, tr=4200.0, te=102.0,
        train=160.0, blur=0.6, thickness=2.4, pitch=3.0, fov=140.0, noise=0.016, age=61.0,
        volume=0.9, tumour=0.7, dielectric=0.15,
    ),
    # 1.5 T with an endorectal coil, little correction; thick slices, coarse pixels.
    Site(
        "F",
        high_field=0.0, endorectal=1.0, balloon=19.0, near=8.0, corrected=0.45,
        tr=4800.0, te=99.0, train=150.0, blur=1.1, thickness=3.6, pitch=3.6, fov=160.0, noise=0.018,
        age=63.0, volume=1.0, tumour=0.6, dielectric=0.02,
    ),
)  # fmt: skip

SITES: Mapping[str, Site] = MappingProxyType({site.name: site for site in _PRESETS})
