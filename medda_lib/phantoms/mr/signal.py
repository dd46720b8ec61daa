"""The signal of an inversion-prepared spoiled gradient echo: the MPRAGE family.

An inversion pulse turns the magnetisation over, a pause lets tissues recover to different degrees, and
a train of small, spoiled pulses reads them out; the pulse at the centre of k-space sets the contrast.
Then the magnetisation recovers until the next inversion. Between and at pulses the longitudinal
magnetisation M goes through affine maps, so its steady state over a repetition is one division. With

    E(t) = exp(-t / T1),   c = E(tau) cos(a),   M* = (1 - E(tau)) / (1 - c)

the map of n pulses with spacing tau is M -> M* + (M - M*) c^n, free recovery over t is
M -> 1 + (M - 1) E(t), and the inversion is M -> -f M with efficiency f (f = -1: no inversion, f = 0:
saturation). The signal is PD M sin(a) exp(-TE / T2*) with M just before the central pulse; it keeps
its sign, because tissues of opposite sign cancel within a voxel before the magnitude is taken. Where
the transmit field is b times its nominal value, a becomes b a; inversion pulses of MPRAGE are
adiabatic and do not care. The derivation follows Deichmann et al., NeuroImage 12 (2000) 112 and
Wang et al., PLoS ONE 9 (2014) e96899; without inversion and in a long train M goes to M*, Ernst's
steady state of a spoiled gradient echo.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class GradientEcho:
    """Timing of an inversion-prepared spoiled gradient echo; ms and degrees.

    Attributes:
        tr: from one inversion to the next.
        ti: from the inversion to the pulse at the centre of k-space.
        te: echo time.
        flip: flip angle of the read-out pulses.
        spacing: time between read-out pulses.
        pulses: read-out pulses per inversion.
        centre: the pulse that fills the centre of k-space, as a fraction of the train.
        inversion: efficiency: 1 perfect inversion, 0 saturation, -1 none.
    """

    tr: float
    ti: float
    te: float
    flip: float
    spacing: float
    pulses: float = 160.0
    centre: float = 0.5
    inversion: float = 0.96

    def __post_init__(self) -> None:
        if min(self.tr, self.te, self.flip, self.spacing, self.pulses) <= 0:
            raise ValueError(f"{self}: times, angle and number of pulses must be positive")
        if not 0 <= self.centre <= 1 or not -1 <= self.inversion <= 1:
            raise ValueError(f"{self}: centre must lie in [0, 1], inversion in [-1, 1]")
        if self.pause < 0 or self.rest < 0:
            raise ValueError(
                f"{self}: a train of {self.pulses * self.spacing:.0f} ms around TI does not fit "
                f"between inversions; lengthen ti or tr, or use fewer pulses"
            )

    @property
    def pause(self) -> float:
        """Time from the inversion to the first pulse."""
        return self.ti - self.centre * self.pulses * self.spacing

    @property
    def rest(self) -> float:
        """Time from the end of the train to the next inversion."""
        return self.tr - self.pause - self.pulses * self.spacing

    def longitudinal(self, t1: ArrayLike, b: ArrayLike = 1.0) -> Array:
        """Magnetisation just before the central pulse (1 = equilibrium); t1 and b broadcast."""
        t1 = np.asarray(t1, np.float64)
        cosine = np.cos(np.deg2rad(self.flip) * np.asarray(b, np.float64))
        short = np.exp(-self.spacing / t1)
        steady = (1 - short) / (1 - short * cosine)
        before = self.centre * self.pulses
        first = _free(self.pause, t1)
        to_centre = _train(short * cosine, steady, before)
        to_end = _train(short * cosine, steady, self.pulses - before)
        last = _free(self.rest, t1)
        inversion = (-self.inversion, 0.0)
        slope, offset = _chain(inversion, first, to_centre, to_end, last)
        start = offset / (1 - slope)  # steady state, just before the inversion
        slope, offset = _chain(inversion, first, to_centre)
        result: Array = np.asarray(slope * start + offset)
        return result

    def signal(
        self, density: ArrayLike, t1: ArrayLike, t2star: ArrayLike, b: ArrayLike = 1.0
    ) -> Array:
        """Signed signal for proton density (units of the result) and relaxation times in ms."""
        angle = np.deg2rad(self.flip) * np.asarray(b, np.float64)
        decay = np.exp(-self.te / np.asarray(t2star, np.float64))
        size: Array = np.asarray(density, np.float64) * np.sin(angle) * decay
        return size * self.longitudinal(t1, b)

    def polynomial(
        self, density: float, t1: float, t2star: float, reach: float = 0.35
    ) -> tuple[float, float, float]:
        """The signal as c0 + c1 (b - 1) + c2 (b - 1)^2, for b within `reach` of 1.

        c0 is exact; the other two are the least-squares fit on 15 points.
        """
        u = np.linspace(-reach, reach, 15)
        exact = self.signal(density, t1, t2star, 1 + u)
        middle = float(self.signal(density, t1, t2star))
        fit, *_ = np.linalg.lstsq(np.stack([u, u**2], 1), exact - middle, rcond=None)
        return middle, float(fit[0]), float(fit[1])


Map = tuple[Any, Any]  # M -> slope M + offset; numbers or arrays


def _free(time: float, t1: Array) -> Map:
    left = np.exp(-time / t1)
    return left, 1 - left


def _train(factor: Array, steady: Array, pulses: float) -> Map:
    left = factor**pulses
    return left, steady * (1 - left)


def _chain(*maps: Map) -> Map:
    slope, offset = maps[0]
    for a, b in maps[1:]:
        slope, offset = a * slope, a * offset + b
    return slope, offset
