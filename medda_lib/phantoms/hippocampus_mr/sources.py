"""The three sources of the shifting stream: who is imaged, and with what.

Numbers with a source. "decathlon": healthy people and patients with psychosis, Philips Achieva 3 T,
MPRAGE with TI / TR / TE of 860 / 8.0 / 3.7 ms (Antonelli et al., Nat Commun 13 (2022) 4128); size and
spread of the masks and of the crops are those of its odd-numbered training cases (mean 3227, standard
deviation 416 mm^3, crops of about 34 x 51 x 35 mm, all of them with the midline on the same side).
"dryad": 25 healthy people of 21 to 53 years, Siemens TimTrio 3 T, MPRAGE of 0.6 mm with TR 3000, TI
1500, TE 4.32 ms and 7 degrees (Kulaga-Yoskovitz et al., Sci Data 2 (2015) 150059). "harp": volunteers of
ADNI, most over 60, imaged at 1.5 T and at 3 T, part of them with Alzheimer's disease, segmented with the
harmonised protocol, which counts alveus and fimbria (Frisoni et al., Alzheimers Dement 11 (2015) 111);
with this protocol both hippocampi together have 5.88 (standard deviation 0.52) ml in healthy and 4.16
(0.99) ml in demented people (Brain Science Advances 2024, doi 10.26599/BSA.2024.9050009).

"harp" also takes TR, TI, TE and angle of ADNI's 1.5 T protocol (Jack et al., J Magn Reson Imaging 27
(2008) 685), rounded.

Assumptions: every other number, in particular the atrophy of healthy ageing, the width of horns and
sulci, the volume of the dryad set (subiculum included), equal numbers of left and right sides, the
label rules, and, of the protocols, what is not named above and all that concerns coils, noise and point
spread. Pulses, noise and margin of "decathlon" were set so that brightness inside and around the masks
is near that of real crops, as is the anatomy of `body` and `scene`; for that, odd-numbered training
cases of the set were looked at, and no others. Realism is to be measured on even numbers. A network
with three levels, trained for 300 steps on 60 phantoms of all sources at 1.5 mm, had a mean Dice of 0.74
on 40 even-numbered real crops.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from medda_lib.phantoms.brain_mr.sites import SITES, Site
from medda_lib.phantoms.hippocampus_mr.population import Population
from medda_lib.phantoms.parameters import Parameters


@dataclass(frozen=True)
class Source(Parameters):
    """Where scans come from: a scanner with its protocol, and a population."""

    name: str
    site: Site
    population: Population


_PRESETS = (
    Source(
        "harp",
        replace(SITES["sm15"], name="adni", tr=2400, ti=1000, te=3.5, flip=8, noise=0.05,
            blur=1.3, thickness=1.3),
        Population(
            age=74, age_sd=7, atrophy=0.45, atrophy_sd=0.35, volume=3300, volume_sd=380, horn=1.6,
            sulci=0.75, contrast_sd=0.035, alveus=1.0, margin=0.3, mixed=1.0,
            crop_x=37, crop_y=52, crop_z=37,
        ),
    ),
    Source(
        "dryad",
        replace(
            SITES["sm3"], name="timtrio", tr=3000, ti=1500, te=4.32, flip=7, spacing=10.0,
            pulses=240, noise=0.035, blur=0.8, thickness=0.8, water_only=0.0,
        ),
        Population(
            age=31, age_sd=7, atrophy=0.03, atrophy_sd=0.03, volume=3700, volume_sd=350, horn=0.7,
            sulci=0.35, contrast_sd=0.015, alveus=0.5, margin=0.2, crop_x=37, crop_y=53, crop_z=36,
        ),
    ),
    Source(
        "decathlon",
        replace(
            SITES["ph3"], name="achieva", ti=860, te=3.7, spacing=8.0, pulses=134, noise=0.07,
            blur=1.1, thickness=1.0,
        ),
        Population(
            age=36, age_sd=12, atrophy=0.1, atrophy_sd=0.1, volume=3330, volume_sd=390, horn=1.0,
            sulci=0.5, contrast_sd=0.03, alveus=0.0, margin=0.6, crop_x=34.5, crop_y=50.5, crop_z=35,
        ),
    ),
)  # fmt: skip

SOURCES: Mapping[str, Source] = MappingProxyType({source.name: source for source in _PRESETS})
APART: Mapping[str, Source] = MappingProxyType(
    dict(SOURCES)
    | {
        "harp": replace(
            SOURCES["harp"],
            site=replace(SITES["ge15"], name="adni ge"),
            population=replace(SOURCES["harp"].population, mixed=0.0),
        )
    }
)
"""The same sources, all of "harp" on one early scanner: a spoiled gradient echo without correction.

By mean grey value "harp" and "decathlon" of `SOURCES` look alike, and a network that reads brightness
cannot tell them apart. ADNI has such scanners, too; that all scans come from one is a simplification.
"""
