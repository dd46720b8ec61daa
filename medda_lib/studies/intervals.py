"""Intervals that cover: how far the mean of a few repetitions may lie from what it estimates.

Everything here starts from paired differences: two systems with the same seed, on the same people. Three
or five repetitions are few, so the interval is Student's, which knows how badly so few values tell their
own spread. (A percentile bootstrap of three values is the interval from the smallest to the largest and
holds the truth in three of four studies instead of nineteen of twenty; a test shows both.)

Repetitions say what another training would have given on the same test people. That other people would
have given another mean is a doubt of its own, which no interval here covers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

LEVEL = 0.95
POWER = 0.8

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A mean with its interval.

    shows: the smallest true effect that a study like this one decides in four of five cases. It says
    what "undecided" rules out: an effect much larger would hardly have stayed undecided.
    """

    mean: float
    low: float
    high: float
    shows: float


def student(pairs: ArrayLike) -> Interval:
    """Student's interval of the mean of paired differences (n,), n >= 2.

    Exact for normal differences. ValueError for fewer than two, or values that are not finite.
    """
    values = np.asarray(pairs, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise ValueError(f"pairs: need at least two finite differences (n,), got {values!r}")
    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    return _interval(float(values.mean()), error, len(values) - 1)


def _interval(mean: float, error: float, freedom: float) -> Interval:
    """From the standard error of a mean and its degrees of freedom."""
    half = float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * error
    return Interval(
        mean, mean - half, mean + half, half + float(stats.t.ppf(POWER, freedom)) * error
    )


def by_chance(tested: int) -> float:
    """How many of `tested` directed verdicts are decided on average where nothing differs at all."""
    return (1 - LEVEL) * tested
