"""A domain is a site: who is imaged, how they stand, with what beam, and how the picture is shown.

Every field of `Domain` is a plain number (or the name of the label rule), so a domain can be printed,
stored as JSON and moved. `Domain.towards` walks from one site to another: at strength 0 it is the
first, at 1 the second, and in between every number is interpolated, positive scale-like quantities on
a logarithmic scale and all others linearly. The four presets play the parts of the four data sets of
the MultiMix paper; they imitate how such films look, not any particular image.

Lengths are centimetres of an adult of average size; a child is the same geometry with other
proportions, times a body scale that multiplies the path lengths of the rays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from medda_lib.phantoms.parameters import Parameters, Ranges

RULES = ("lungs", "lungs_and_heart")
_RANGES = Ranges(
    logarithmic=frozenset(
        "energy exposure blur gamma fov_width fov_height height width heart severity".split()
    ),
    shares=frozenset(
        "female prevalence tubes wires markers collimation age ap border_grey lung_grey "
        "bright_grey".split()
    ),
    not_negative=frozenset(
        "wall shift_x shift_y rotation scatter equalise texture warp heel edges".split()
    ),
)


@dataclass(frozen=True)
class Domain(Parameters):
    """Population and acquisition of one site. Means come with a standard deviation `*_spread`."""

    ranges: ClassVar[Ranges] = _RANGES

    name: str
    # population
    age: float = 1.0  # adultness of the average patient: 0 toddler, 1 adult
    age_spread: float = 0.0
    female: float = 0.5
    height: float = 1.0  # lung height and thoracic width relative to the average adult
    height_spread: float = 0.08
    width: float = 1.0
    width_spread: float = 0.07
    heart: float = 1.0
    heart_spread: float = 0.1
    wall: float = 2.6  # soft tissue outside the ribs, cm
    wall_spread: float = 0.7
    inspiration: float = 0.0  # +1: diaphragm one standard step lower
    inspiration_spread: float = 1.0
    warp: float = 0.35  # smooth wobble of all outlines, cm
    shape_spread: float = 1.0  # multiplies every other anatomical variation
    # pose and field of view
    ap: float = 0.0  # 0 postero-anterior, upright; 1 antero-posterior, portable
    fov_width: float = 40.0
    fov_height: float = 36.0
    zoom_spread: float = 0.06
    shift_x: float = 0.8
    shift_y: float = 1.2
    rotation: float = 1.5  # degrees, standard deviation
    # beam, detector, display
    energy: float = 62.0  # effective energy, keV
    exposure: float = 600000.0  # quanta per cm2 that would reach the detector through air
    exposure_spread: float = 0.3
    scatter: float = 0.8  # scatter-to-primary ratio behind the average patient
    blur: float = 0.10  # detector blur, cm, standard deviation
    heel: float = 0.1  # slope of the exposure across the field, logarithm from centre to edge
    edges: float = 0.3  # edge enhancement by the reader's workstation
    gamma: float = 1.0
    gamma_spread: float = 0.1
    lung_grey: float = 0.32  # where the display puts the mean of the lungs ...
    bright_grey: float = 0.9  # ... and the brightest 5% of the field
    window_spread: float = 0.04
    floor: float = 0.15  # the blackest grey is drawn between 0 and this
    equalise: float = 0.3  # how much of the slow variation the display removes
    texture: float = 1.0  # parenchymal mottle
    # things that are not the patient
    tubes: float = 0.0
    wires: float = 0.0
    markers: float = 0.5
    collimation: float = 0.1
    border_grey: float = 0.0
    # disease and label
    prevalence: float = 0.5
    lobar: float = 1.0  # weights of the three patterns
    interstitial: float = 1.0
    diffuse: float = 1.0
    severity: float = 0.9  # median fraction of air that an opacity replaces
    severity_spread: float = 0.2  # of its logarithm
    rule: str = "lungs"

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ValueError(f"rule: {self.rule!r} is unknown; choose one of {', '.join(RULES)}")
        super().__post_init__()
        if not 40 <= self.energy <= 100:
            raise ValueError(
                f"energy: {self.energy} keV is outside the table of coefficients, 40 to 100"
            )
        if min(self.lobar, self.interstitial, self.diffuse) < 0:
            raise ValueError("lobar, interstitial, diffuse: weights must not be negative")
        if self.lobar + self.interstitial + self.diffuse <= 0:
            raise ValueError("lobar, interstitial, diffuse: at least one weight must be positive")


_PRESETS = (
    Domain(
        "chex",
        age=0.3, age_spread=0.22, female=0.15, fov_width=37.0, fov_height=30.0, zoom_spread=0.13,
        shift_x=1.6, shift_y=2.0, rotation=5.0, ap=0.6, energy=48.0, exposure=150000.0,
        exposure_spread=0.5, scatter=0.4, blur=0.16, heel=0.15, edges=0.0, gamma=1.15,
        gamma_spread=0.25, lung_grey=0.34, bright_grey=0.84, window_spread=0.08, equalise=0.15,
        wires=0.5, tubes=0.15, markers=0.8, collimation=0.2, prevalence=0.73, heart=1.05, wall=1.8,
        inspiration=-0.6, severity=0.95,
    ),
    Domain(
        "jsrt",
        fov_width=36.0, fov_height=36.0, zoom_spread=0.04, shift_x=0.5, shift_y=0.9, rotation=0.8,
        energy=66.0, exposure=1600000.0, exposure_spread=0.15, scatter=0.4, blur=0.06, heel=0.03,
        edges=0.2, gamma=1.05, gamma_spread=0.06, lung_grey=0.30, bright_grey=0.82,
        window_spread=0.03, equalise=0.2, markers=0.15, collimation=0.0, prevalence=0.0,
        inspiration=0.5, inspiration_spread=0.7, wall=2.4, heart=0.95, floor=0.05,
    ),
    Domain(
        "mcu",
        fov_width=44.0, fov_height=36.0, zoom_spread=0.08, shift_x=0.9, shift_y=1.3, rotation=1.8,
        energy=60.0, exposure=900000.0, exposure_spread=0.3, scatter=0.7, blur=0.10, heel=0.08,
        edges=0.6, gamma=0.8, lung_grey=0.38, bright_grey=0.9, window_spread=0.05, equalise=0.6,
        markers=0.9, collimation=0.6, prevalence=0.42, lobar=1.5, interstitial=0.8, diffuse=0.5,
        inspiration=0.2, severity=0.9,
    ),
    Domain(
        "nihx",
        female=0.45, fov_width=41.0, fov_height=41.0, zoom_spread=0.14, shift_x=2.0, shift_y=2.4,
        rotation=4.5, ap=0.75, energy=72.0, exposure=120000.0, exposure_spread=0.5, scatter=2.2,
        blur=0.18, heel=0.3, edges=0.0, gamma=0.75, gamma_spread=0.25, lung_grey=0.52,
        bright_grey=0.93, window_spread=0.08, equalise=0.2, tubes=0.5, wires=0.5, markers=0.6,
        collimation=0.3, prevalence=0.34, heart=1.15, heart_spread=0.14, wall=3.3, wall_spread=1.2,
        inspiration=-0.9, inspiration_spread=1.2, severity=0.95, severity_spread=0.3, floor=0.25,
    ),
)  # fmt: skip

DOMAINS: Mapping[str, Domain] = MappingProxyType({domain.name: domain for domain in _PRESETS})
