"""A site: the scanner, its T1-weighted protocol, its coil, and what its sampling does to the picture.

Every field of `Site` is a plain number, so a site can be printed, stored as JSON and moved:
`Site.towards` walks from one site to another, positive scale-like quantities on a logarithmic scale and
all others linearly. The six presets play the parts of CC359's scanners (Souza et al., NeuroImage 170
(2018) 482: Siemens and Philips MPRAGE, GE spoiled gradient echo, at 1.5 T and 3 T). Protocols are each
vendor's common ones, not those of any particular image; who is imaged is the same everywhere, so that
nothing but the acquisition differs between sites.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from medda_lib.phantoms.mr.signal import GradientEcho
from medda_lib.phantoms.parameters import Parameters, Ranges

_RANGES = Ranges(
    logarithmic=frozenset("field tr ti te flip spacing pulses blur thickness fov".split()),
    shares=frozenset("water_only inflow corrected".split()),
    not_negative=frozenset("shading falloff uneven dielectric noise ghost positioning".split()),
    keeps_equal=True,
)


@dataclass(frozen=True)
class Site(Parameters):
    """Scanner and protocol of one site; times in ms, angles in degrees, lengths in mm."""

    ranges: ClassVar[Ranges] = _RANGES

    name: str
    # protocol: see `GradientEcho`
    field: float = 3.0  # tesla
    tr: float = 2300.0
    ti: float = 900.0
    te: float = 3.0
    flip: float = 9.0
    spacing: float = 7.1
    pulses: float = 160.0
    centre: float = 0.5
    inversion: float = 0.96
    water_only: float = 0.0  # share of the fat signal that water-selective excitation removes
    inflow: float = 0.5  # how far arterial blood is fresh: 0 as tissue, 1 never tipped before
    # fields
    shading: float = 0.5  # logarithm of the coil's sensitivity at the scalp over that in the middle
    corrected: float = 0.5  # share of it that the scanner's own correction removes
    falloff: float = 0.15  # of the logarithm of the sensitivity, from the ears to the vertex
    uneven: float = 0.1  # standard deviation of the other terms of the receive field
    dielectric: float = 0.1  # relative excess of the transmit field in the middle
    # sampling
    noise: float = 0.02  # standard deviation relative to white matter
    blur: float = 1.2  # point spread within the slices, full width at half maximum
    thickness: float = 1.2  # of the (sagittal) slices
    fov: float = 240.0  # along rows (phase direction); what sticks out wraps around
    ghost: float = 0.0  # amplitude of the ghost along rows
    positioning: float = 1.0  # standard deviation of the placing of a head on the grid

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1.5 <= self.field <= 3:
            raise ValueError(f"field: {self.field} T is outside the table of tissues, 1.5 to 3 T")
        if self.fov < 140:
            raise ValueError(f"fov: {self.fov} mm folds a head more than once; 140 mm or more")
        self.sequence()  # timing that does not fit is an error here

    def sequence(self) -> GradientEcho:
        """The protocol as a sequence."""
        return GradientEcho(
            self.tr, self.ti, self.te, self.flip, self.spacing, self.pulses, self.centre,
            self.inversion,
        )  # fmt: skip


_PRESETS = (
    # MPRAGE with a long inversion time and a large angle, as was usual at 1.5 T: moderate contrast.
    # A circularly polarised head coil: little shading, nothing much to correct.
    Site(
        "sm15",
        field=1.5, tr=1900, ti=1100, te=3.9, flip=15, spacing=8.4, pulses=160, inflow=0.4,
        shading=0.3, corrected=0.3, uneven=0.12, dielectric=0.03, noise=0.035, blur=1.4,
        thickness=1.3,
    ),
    # MPRAGE as in the large 3 T studies: strong contrast. Its array is normalised with a prescan, and
    # water is excited selectively, which darkens scalp and marrow: nothing is brighter than the white
    # matter, so that scaling to [0, 1] puts the brain at the top of the range.
    Site(
        "sm3",
        field=3.0, tr=2300, ti=900, te=3.0, flip=9, spacing=7.1, pulses=160, inflow=0.3,
        water_only=0.7, shading=0.7, corrected=0.9, uneven=0.06, dielectric=0.14, noise=0.02,
        blur=1.1, thickness=1.0,
    ),
    # Spoiled gradient echo without preparation, large angle: T1 contrast by saturation. An early array
    # without correction: scalp fat next to its elements is several times as bright as the brain, so
    # scaling to [0, 1] makes the brain dark. Slabs of 1.6 mm; three quarters of the phase encoding
    # (180 mm) to save time, less than a long head: nose and occiput fold; a faint ghost of the pulsating
    # vessels. Less signal per voxel and no averaging: the noisiest.
    Site(
        "ge15",
        field=1.5, tr=2200, ti=600, te=4.2, flip=20, spacing=10.0, pulses=120, inversion=-1.0,
        inflow=0.8, shading=0.7, corrected=0.0, uneven=0.15, dielectric=0.03, noise=0.05, blur=1.6,
        thickness=1.6, fov=180.0, ghost=0.015,
    ),
    # Prepared spoiled gradient echo: the console's preparation time of 450 ms ends where the train
    # begins, and half a train of 160 pulses later is the centre. Short recovery. The array is corrected
    # by a third only; at 3 T the transmit field peaks in the middle of the head.
    Site(
        "ge3",
        field=3.0, tr=2000, ti=1040, te=3.0, flip=12, spacing=7.4, pulses=160, inflow=0.7,
        shading=0.8, corrected=0.35, uneven=0.12, dielectric=0.18, noise=0.03, blur=1.3,
        thickness=1.2,
    ),
    # Turbo field echo (MPRAGE) at a small angle: strong contrast, less signal. The array is mostly
    # corrected; a faint ghost.
    Site(
        "ph15",
        field=1.5, tr=2000, ti=850, te=4.0, flip=8, spacing=8.3, pulses=180, inflow=0.6,
        shading=0.5, corrected=0.7, uneven=0.1, dielectric=0.03, noise=0.045, blur=1.5,
        thickness=1.4, ghost=0.01,
    ),
    # The same with a longer train at 3 T, one transmit channel: the strongest dielectric peak. Arteries
    # flow in from outside the transmitting coil and are the brightest thing in the picture.
    Site(
        "ph3",
        field=3.0, tr=2600, ti=1000, te=3.2, flip=8, spacing=7.0, pulses=220, inflow=0.9,
        shading=0.8, corrected=0.6, uneven=0.12, dielectric=0.22, noise=0.03, blur=1.2,
        thickness=1.1,
    ),
)  # fmt: skip

SITES: Mapping[str, Site] = MappingProxyType({site.name: site for site in _PRESETS})
