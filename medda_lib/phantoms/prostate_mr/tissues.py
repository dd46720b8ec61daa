"""Tissues of the male pelvis: proton density and relaxation times at 1.5 T and 3 T.

Sources. T1 and T2 at both fields of prostate, muscle, subcutaneous fat and bone marrow: de Bazelaire et
al., Radiology 230 (2004), table 1. T2 of the zones and of tumour (149, 125 and 97 ms): Simpkin et al.,
Br J Radiol 86 (2013) 20120469, who found a spread of a third between people. Muscle's and vessels' T1
and T2 agree with Stanisz et al., Magn Reson Med 54 (2005), table 1, within their spread. Fluids, walls,
stroma and cartilage are not tabulated in one place: their T2 are set by how they look beside muscle
(dark) and urine (bright) on any T2-weighted image, their T1 by the rule that T1 grows by about a fifth
from 1.5 T to 3 T. Fat and marrow have their apparent T2 within a train of closely spaced refocusing
pulses, taken as 1.5 times the one of single echoes (see `mr.spin_echo`; why it is longer: Henkelman et
al., 1992; the factor is ours). Muscle too outlasts its T2 in such a train, by
stimulated echoes (its factor, 1.45, is ours as well). Proton densities are water and fat fractions by
volume, rounded. Between 1.5 T and 3 T a time is interpolated on a logarithmic scale.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class Tissue(NamedTuple):
    """Proton density (water = 1), T1 and T2 in ms at 1.5 T and at 3 T."""

    density: float
    t1_low: float
    t2_low: float
    t1_high: float
    t2_high: float


_FAT_TRAIN, _MUSCLE_TRAIN = 1.5, 1.45
PROPERTIES: dict[str, Tissue] = {
    "air": Tissue(0.0, 1000.0, 1.0, 1000.0, 1.0),  # outside, bowel gas, the balloon of a coil
    "fat": Tissue(0.90, 343.0, 58.0 * _FAT_TRAIN, 382.0, 68.0 * _FAT_TRAIN),
    "skin": Tissue(0.60, 600.0, 35.0, 700.0, 33.0),
    "muscle": Tissue(0.80, 856.0, 35.0 * _MUSCLE_TRAIN, 898.0, 33.0 * _MUSCLE_TRAIN),
    "cortex": Tissue(0.15, 300.0, 2.0, 300.0, 2.0),  # compact bone
    "marrow": Tissue(0.80, 549.0, 49.0 * _FAT_TRAIN, 586.0, 49.0 * _FAT_TRAIN),
    "cartilage": Tissue(0.70, 900.0, 36.0, 1060.0, 33.0),  # symphysis
    "bladder wall": Tissue(0.80, 900.0, 45.0, 1000.0, 42.0),
    "urine": Tissue(1.00, 3200.0, 1200.0, 3600.0, 1000.0),
    "rectal wall": Tissue(0.80, 900.0, 58.0, 1050.0, 54.0),
    "stool": Tissue(0.55, 700.0, 60.0, 800.0, 55.0),
    "vessel": Tissue(0.90, 1450.0, 190.0, 1700.0, 150.0),  # slow blood of the venous plexus
    "flow void": Tissue(0.04, 1450.0, 190.0, 1700.0, 150.0),  # fast blood leaves the slice
    "seminal fluid": Tissue(0.95, 1800.0, 330.0, 2100.0, 290.0),
    "seminal wall": Tissue(0.80, 950.0, 55.0, 1100.0, 52.0),
    "urethra": Tissue(0.85, 1200.0, 110.0, 1450.0, 100.0),
    "bulb": Tissue(0.90, 1400.0, 180.0, 1650.0, 160.0),  # erectile tissue below the apex
    "capsule": Tissue(0.75, 900.0, 42.0, 1050.0, 40.0),
    "stroma": Tissue(0.78, 900.0, 54.0, 1050.0, 51.0),  # anterior fibromuscular stroma
    "central gland": Tissue(0.83, 1317.0, 104.0, 1597.0, 96.0),
    "peripheral zone": Tissue(0.88, 1450.0, 165.0, 1750.0, 152.0),
    "tumour": Tissue(0.82, 1250.0, 88.0, 1500.0, 80.0),
}
TISSUES: tuple[str, ...] = tuple(PROPERTIES)
"""Names of the label values of a phantom: `tissues == TISSUES.index("urine")`."""


def relaxation(name: str, field: float) -> tuple[float, float, float]:
    """Proton density, T1 and T2 (ms) of a tissue at `field` tesla, 1.5 to 3.

    Raises ValueError for an unknown tissue or a field outside the tables.
    """
    if name not in PROPERTIES:
        raise ValueError(f"tissue {name!r} is unknown; there are: {', '.join(TISSUES)}")
    if not 1.5 <= field <= 3:
        raise ValueError(f"field: {field} T is outside the tables, 1.5 to 3 T")
    share = math.log(field / 1.5) / math.log(2)
    tissue = PROPERTIES[name]
    t1 = tissue.t1_low ** (1 - share) * tissue.t1_high**share
    t2 = tissue.t2_low ** (1 - share) * tissue.t2_high**share
    return tissue.density, t1, t2
