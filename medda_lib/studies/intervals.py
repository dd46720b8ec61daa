"""Intervals that cover: how far the mean of a few repetitions may lie from what it estimates.

Everything here starts from paired differences: two systems with the same seed, on the same people. Three
or five repetitions are few, so the interval is Student's, which knows how badly so few values tell their
own spread. (A percentile bootstrap of three values is the interval from the smallest to the largest and
holds the truth in three of four studies instead of nineteen of twenty; a test shows both.)

Repetitions say what another training would have given on the same test people. That other people would
have given another mean is a doubt of its own. Where every repetition is tested on the same people,
`crossed` covers both.
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


def crossed(pairs: ArrayLike) -> Interval:
    """Interval of the mean over repetitions and people of paired differences (repetitions, people).

    Both are drawn at random and cross: the variance of the mean is that of repetitions' means over their
    number, plus that of people's means over theirs, less what both hold of the rest (Brennan 2001, a
    two-way random effects design), and never below either; degrees of freedom after Satterthwaite. With
    one person, or people who do not differ, this is `student`. ValueError as there.
    """
    values = np.asarray(pairs, dtype=np.float64)
    if values.ndim != 2 or len(values) < 2 or not values.size or not np.isfinite(values).all():
        raise ValueError(f"pairs: need finite differences (repetitions, people), got {values!r}")
    n, people = values.shape
    if people < 2:
        return student(values[:, 0])
    by_run, by_person = values.mean(1), values.mean(0)
    rest = values - by_run[:, None] - by_person + values.mean()
    parts = np.array([by_run.var(ddof=1) / n, by_person.var(ddof=1) / people])
    shared = float((rest**2).sum()) / ((n - 1) * (people - 1) * n * people)
    error = math.sqrt(max(parts.sum() - shared, parts.max()))
    weights = parts**2 / np.array([n - 1, people - 1])
    freedom = parts.sum() ** 2 / weights.sum() if weights.sum() else n - 1
    return _interval(float(values.mean()), error, float(freedom))


def _interval(mean: float, error: float, freedom: float) -> Interval:
    """From the standard error of a mean and its degrees of freedom."""
    half = float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * error
    return Interval(
        mean, mean - half, mean + half, half + float(stats.t.ppf(POWER, freedom)) * error
    )


def by_chance(tested: int) -> float:
    """How many of `tested` directed verdicts are decided on average where nothing differs at all."""
    return (1 - LEVEL) * tested
