"""How much a centimetre of tissue weakens the beam, and Beer and Lambert's law.

The beam is stood in for by one effective energy. Linear coefficients are mass attenuation
coefficients times density, both from NIST Standard Reference Database 126 (Hubbell and Seltzer,
Tables of X-Ray Mass Attenuation Coefficients, NISTIR 5632, table 4; compositions of ICRU Report 44):
for instance 0.2048 cm2/g for soft tissue and 0.3148 cm2/g for cortical bone at 60 keV. Inflated lung
is lung tissue at a quarter of its density.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

_ENERGIES = np.array([40.0, 50.0, 60.0, 80.0, 100.0])  # keV
_MASS_ATTENUATION = {  # cm2/g at those energies
    "soft": np.array([0.2688, 0.2264, 0.2048, 0.1823, 0.1693]),
    "bone": np.array([0.6655, 0.4242, 0.3148, 0.2229, 0.1855]),
    "fat": np.array([0.2396, 0.2123, 0.1974, 0.1800, 0.1688]),
    "lung": np.array([0.2699, 0.2270, 0.2053, 0.1826, 0.1695]),
}
DENSITY = {"soft": 1.06, "bone": 1.92, "fat": 0.95, "lung": 0.26}  # g/cm3; lung: inflated


def linear_attenuation(tissue: str, energy: float) -> float:
    """Linear attenuation coefficient of a tissue in 1/cm at `energy` keV (40 to 100).

    Interpolated linearly in the logarithms of energy and coefficient, as the tables are meant to be.
    """
    if tissue not in DENSITY:
        raise ValueError(f"tissue: {tissue!r} is unknown; choose one of {', '.join(DENSITY)}")
    if not _ENERGIES[0] <= energy <= _ENERGIES[-1]:
        raise ValueError(f"energy: {energy} keV is outside the table, 40 to 100 keV")
    table = np.log(_MASS_ATTENUATION[tissue])
    return float(np.exp(np.interp(np.log(energy), np.log(_ENERGIES), table)) * DENSITY[tissue])


def transmission(attenuation: Tensor) -> Tensor:
    """Fraction of the quanta that pass without interacting: exp(-sum of mu times length).

    Args:
        attenuation: line integrals of the linear attenuation coefficient, no unit, any shape.
    """
    return torch.exp(-attenuation)
