"""The signal of each tissue of one person under one protocol.

People differ: each tissue group's T2 is multiplied by the person's own factor. `varied` gives the signal
where T2 also differs from place to place, such as in the septa of the peripheral zone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from dataclasses import field as attribute

import numpy as np

from medda_lib.phantoms.mr.spin_echo import SpinEcho
from medda_lib.phantoms.prostate_mr.patient import Draws
from medda_lib.phantoms.prostate_mr.space import Array
from medda_lib.phantoms.prostate_mr.tissues import TISSUES, relaxation

_FACTORS = {
    "central gland": ("t2_gland", 0.12),
    "peripheral zone": ("t2_zone", 0.16),
    "muscle": ("t2_muscle", 0.06),
    "fat": ("t2_fat", 0.08),
    "marrow": ("t2_fat", 0.10),
}


@dataclass(frozen=True)
class Contrast:
    """Signals in units of fully relaxed water; `field` in tesla."""

    echo: SpinEcho
    field: float
    draws: Draws
    _known: dict[str, float] = attribute(default_factory=dict, repr=False)

    def value(self, tissue: str) -> float:
        """The tissue's signal."""
        if tissue not in self._known:
            self._known[tissue] = float(self.echo.signal(*self._properties(tissue)))
        return self._known[tissue]

    def varied(self, tissue: str, log_t2: Array, factor: float = 1.0) -> Array:
        """Its signal where the logarithm of T2 is off by `log_t2`, and T2 by `factor` besides."""
        density, t1, t2 = self._properties(tissue)
        whole = self.echo.signal(density, t1, math.inf)
        # -TE / T2 as one array: exp(log TE - log T2 - log_t2)
        rate = np.exp(-log_t2) * np.float32(-self.echo.te / (t2 * factor))
        signal: Array = np.exp(rate) * np.float32(whole)
        return signal

    def label(self, tissue: str) -> int:
        """The tissue's label value."""
        return TISSUES.index(tissue)

    def _properties(self, tissue: str) -> tuple[float, float, float]:
        density, t1, t2 = relaxation(tissue, self.field)
        name, spread = _FACTORS.get(tissue, ("t2_gland", 0.0))
        return density, t1, t2 * math.exp(spread * self.draws.normal(name))
