"""Intervals: by hand, against scipy, and their coverage by simulation."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from medda_lib.studies.intervals import by_chance, crossed, student

Floats = NDArray[np.float64]
STUDIES = 2000
ERROR = 3 * math.sqrt(0.05 * 0.95 / STUDIES)  # of a simulated coverage, three standard errors

DRAWS: dict[str, Callable[[np.random.Generator, tuple[int, ...]], Floats]] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "heavy tails": lambda rng, shape: rng.standard_t(3, size=shape),
    "skewed": lambda rng, shape: rng.lognormal(sigma=0.75, size=shape) - math.exp(0.75**2 / 2),
}


def coverage(make: Callable[[np.random.Generator], tuple[float, float]]) -> float:
    """How often an interval holds zero, the mean of what `make` draws from."""
    rng = np.random.default_rng(7)
    found = [make(rng) for _ in range(STUDIES)]
    return float(np.mean([low <= 0 <= high for low, high in found]))


def test_student_agrees_with_scipy() -> None:
    pairs = np.random.default_rng(3).normal(0.1, 0.2, 5)
    found, wanted = student(pairs), stats.ttest_1samp(pairs, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))
    assert found.mean == pytest.approx(pairs.mean())


@pytest.mark.parametrize("n", [3, 5, 10])
def test_students_interval_covers_normal_differences(n: int) -> None:
    def make(rng: np.random.Generator) -> tuple[float, float]:
        found = student(DRAWS["normal"](rng, (n,)))
        return found.low, found.high

    assert coverage(make) == pytest.approx(0.95, abs=ERROR)


@pytest.mark.parametrize(("n", "skewed"), [(3, 0.89), (5, 0.88), (10, 0.89)])
def test_what_students_interval_covers_elsewhere(n: int, skewed: float) -> None:
    """Heavy tails make it wide; skewed differences cost some points, whatever the number."""

    def of(kind: str) -> Callable[[np.random.Generator], tuple[float, float]]:
        def make(rng: np.random.Generator) -> tuple[float, float]:
            found = student(DRAWS[kind](rng, (n,)))
            return found.low, found.high

        return make

    assert 0.95 - ERROR <= coverage(of("heavy tails")) <= 0.98 + ERROR
    assert coverage(of("skewed")) == pytest.approx(skewed, abs=0.025)


def test_a_percentile_bootstrap_of_three_would_cover_three_of_four() -> None:
    def make(rng: np.random.Generator) -> tuple[float, float]:
        values = rng.normal(size=3)  # of three values the bootstrap's interval is their range
        return float(values.min()), float(values.max())

    assert coverage(make) == pytest.approx(0.75, abs=0.03)


def test_an_effect_that_shows_is_decided_in_four_of_five_studies() -> None:
    rng = np.random.default_rng(5)
    spread = 0.3
    shows = (stats.t.ppf(0.975, 4) + stats.t.ppf(0.8, 4)) * spread / math.sqrt(5)
    found = [student(rng.normal(shows, spread, 5)) for _ in range(STUDIES)]
    assert np.mean([one.low > 0 for one in found]) == pytest.approx(0.8, abs=0.04)
    one = student([0.1, 0.2, 0.3])
    assert one.shows == pytest.approx(
        (stats.t.ppf(0.975, 2) + stats.t.ppf(0.8, 2)) * 0.1 / math.sqrt(3)
    )


@pytest.mark.parametrize("pairs", [[], [0.1], [0.1, math.nan], [[0.1, 0.2]]])
def test_too_little_for_an_interval(pairs: list[float]) -> None:
    with pytest.raises(ValueError, match="pairs"):
        student(pairs)


def test_verdicts_by_chance() -> None:
    assert by_chance(60) == pytest.approx(3.0)


@pytest.mark.parametrize(("n", "people"), [(3, 4), (5, 12), (5, 5)])
@pytest.mark.parametrize("spreads", [(1.0, 1.0, 1.0), (1.0, 0.0, 1.0), (0.2, 1.0, 0.5)])
def test_crossed_intervals_cover_repetitions_and_people(
    n: int, people: int, spreads: tuple[float, float, float]
) -> None:
    """Runs, people and the rest vary; few of both make the interval too wide rather than too narrow."""

    def make(rng: np.random.Generator) -> tuple[float, float]:
        of_run, of_person, rest = (
            scale * rng.normal(size=shape)
            for scale, shape in zip(spreads, ((n, 1), (1, people), (n, people)), strict=True)
        )
        found = crossed(of_run + of_person + rest)
        return found.low, found.high

    assert 0.93 <= coverage(make) <= 0.995


def test_students_interval_alone_does_not_cover_people() -> None:
    def make(rng: np.random.Generator) -> tuple[float, float]:
        values = 0.1 * rng.normal(size=(5, 1)) + rng.normal(size=(1, 4))
        found = student(values.mean(axis=1))
        return found.low, found.high

    assert coverage(make) < 0.3


def test_people_who_do_not_differ_change_nothing() -> None:
    pairs = np.random.default_rng(5).normal(size=4)
    found, alone = crossed(np.tile(pairs[:, None], (1, 6))), student(pairs)
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high))
    assert crossed(pairs[:, None]) == alone
    with pytest.raises(ValueError, match="finite"):
        crossed([[0.1, math.nan], [0.2, 0.3]])
