"""The signal of a T2-weighted turbo spin echo.

A 90 degree pulse tips the magnetisation, a train of refocusing pulses makes echoes of it, and the echo
that fills the centre of k-space (the effective echo time) sets the contrast. At the end of the train
nothing is left to tip; the magnetisation recovers over what remains of the repetition time. Where the
transmit field is off its nominal value by a factor b, all pulses tip by b times their angle:

    S = PD (1 - exp(-(TR - T_train) / T1)) exp(-TE / T2) sin(b a) sin^2(b r / 2)

with a the excitation and r the refocusing angle (Hahn's echo; Bernstein, King & Zhou, Handbook of MRI
Pulse Sequences, 2004, sections 14.3 and 16.4). Stimulated echoes are left out, with one exception: fat
is brighter in a train of closely spaced pulses than its T2 says, because the train suppresses its
J-modulation (Henkelman et al., J Magn Reson Imaging 2, 1992); give it a longer apparent T2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Values = TypeVar("Values", float, NDArray[np.float32], NDArray[np.float64])


@dataclass(frozen=True)
class SpinEcho:
    """Timing of a turbo spin echo, ms and degrees.

    Attributes:
        tr: repetition time.
        te: effective echo time.
        train: duration of the echo train, from the excitation to the last echo; at least `te`.
        refocusing: nominal angle of the refocusing pulses, degrees.
    """

    tr: float
    te: float
    train: float
    refocusing: float = 180.0

    def __post_init__(self) -> None:
        if not 0 <= self.te <= self.train < self.tr:
            raise ValueError(
                f"te {self.te}, train {self.train}, tr {self.tr} ms: need 0 <= te <= train < tr"
            )
        if not 0 < self.refocusing <= 180:
            raise ValueError(f"refocusing: {self.refocusing} degrees must lie in (0, 180]")

    def signal(self, density: Values, t1: Values, t2: Values) -> Values:
        """Magnitude for density (relative to water) and relaxation times in ms, all positive.

        Arguments broadcast against each other; the result is in units of `density`.
        """
        recovered = 1 - np.exp(-(self.tr - self.train) / t1)
        signal: Values = density * recovered * np.exp(-self.te / t2)
        return signal

    def transmit_factor(self, b: Values) -> Values:
        """What a transmit field of b times its nominal value leaves of the signal; 1 at b = 1."""
        refocusing = math.radians(self.refocusing) / 2
        whole = np.abs(np.sin(b * np.pi / 2)) * np.sin(b * refocusing) ** 2
        share: Values = whole / math.sin(refocusing) ** 2
        return share
