"""Tissues of the head: proton density, T1 and T2* at 1.5 T and 3 T.

Sources. T1 of grey and white matter and of the deep nuclei at both fields (grey 1197 and 1607 ms, white
646 and 838, caudate 1109 and 1395, putamen 1084 and 1332): Wright et al., MAGMA 21 (2008) 121, who
measured them with an MPRAGE. T1 of cerebrospinal fluid (about 4300 ms at any field): Rooney et al.,
Magn Reson Med 57 (2007) 308. T2* of grey and white matter (84 and 66 ms at 1.5 T, 66 and 53 ms at 3 T):
Peters et al., Magn Reson Imaging 25 (2007) 748. Fat, muscle and bone marrow: T1 of de Bazelaire et al.,
Radiology 230 (2004) 652, table 1. Blood: T1 1441 ms at 1.5 T, 1664 ms at 3 T (Lu et al., Magn Reson Med
52 (2004) 679; Stanisz et al., Magn Reson Med 54 (2005) 507). Water contents 0.70, 0.82 and 1.00 of
white matter, grey matter and fluid: Neeb et al., NeuroImage 31 (2006) 1156, rounded. Tissues that these
do not tabulate are set next to one that they do, and say so in the table. T2* of fat, marrow and muscle
are those of a voxel, shorter than the tissue's T2; with echo times of 2 to 5 ms they hardly matter.
Between the two fields a time is interpolated on a logarithmic scale.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class Tissue(NamedTuple):
    """Proton density (water = 1), T1 and T2* in ms at 1.5 T and at 3 T."""

    density: float
    t1_low: float
    t2star_low: float
    t1_high: float
    t2star_high: float


HEAD: dict[str, Tissue] = {
    "air": Tissue(0.0, 1000.0, 1.0, 1000.0, 1.0),
    "skin": Tissue(0.65, 600.0, 25.0, 700.0, 20.0),  # between fat and muscle, much collagen
    "fat": Tissue(0.75, 343.0, 14.0, 382.0, 9.0),  # a fifth of it septa; its many lines dephase
    "muscle": Tissue(0.80, 856.0, 30.0, 898.0, 25.0),
    "compact bone": Tissue(
        0.12, 250.0, 1.5, 250.0, 1.0
    ),  # water seen only at ultrashort echo times
    "marrow": Tissue(0.60, 549.0, 18.0, 586.0, 12.0),  # diploe: half of it is trabeculae
    "dura": Tissue(0.60, 700.0, 20.0, 800.0, 15.0),  # collagen, as skin
    "fluid": Tissue(1.0, 4300.0, 500.0, 4300.0, 300.0),
    "grey matter": Tissue(0.82, 1197.0, 84.0, 1607.0, 66.0),
    "white matter": Tissue(0.70, 646.0, 66.0, 838.0, 53.0),
    "caudate": Tissue(0.81, 1109.0, 78.0, 1395.0, 60.0),
    "putamen": Tissue(0.80, 1084.0, 74.0, 1332.0, 55.0),
    "pallidum": Tissue(0.75, 800.0, 52.0, 1000.0, 34.0),  # iron: nearer to white matter, short T2*
    "thalamus": Tissue(0.77, 900.0, 70.0, 1150.0, 55.0),  # between grey and white matter
    "brain stem": Tissue(0.72, 720.0, 68.0, 940.0, 54.0),  # white matter with nuclei
    "cerebellar cortex": Tissue(0.82, 1150.0, 84.0, 1500.0, 66.0),  # as cortex, a little shorter
    "blood": Tissue(0.88, 1441.0, 120.0, 1664.0, 60.0),  # of veins
    "artery": Tissue(0.88, 1441.0, 200.0, 1664.0, 120.0),  # more oxygen
    "eye": Tissue(1.0, 3500.0, 400.0, 3900.0, 250.0),  # vitreous: nearly fluid
    "lens": Tissue(0.70, 1000.0, 25.0, 1150.0, 20.0),  # much protein, as muscle
    "mucosa": Tissue(0.85, 1000.0, 45.0, 1150.0, 35.0),  # and glands: a little wetter than muscle
}
TISSUES: tuple[str, ...] = tuple(HEAD)
"""Names of the label values: `tissues == TISSUES.index("grey matter")`."""


def relaxation(name: str, field: float) -> tuple[float, float, float]:
    """Proton density, T1 and T2* (ms) of a tissue of the head at `field` tesla, 1.5 to 3.

    Raises ValueError for an unknown tissue or a field outside the table.
    """
    if name not in HEAD:
        raise ValueError(f"tissue {name!r} is unknown; there are: {', '.join(HEAD)}")
    if not 1.5 <= field <= 3:
        raise ValueError(f"field: {field} T is outside the table, 1.5 to 3 T")
    share = math.log2(field / 1.5)
    tissue = HEAD[name]
    t1 = tissue.t1_low ** (1 - share) * tissue.t1_high**share
    t2star = tissue.t2star_low ** (1 - share) * tissue.t2star_high**share
    return tissue.density, t1, t2star
