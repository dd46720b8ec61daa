"""Numbers beside an embedding against scikit-learn, brute force and closed forms."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from medda_lib.metrics import embedding as measures

RNG = np.random.default_rng(4)
FEATURES = RNG.normal(0, 1, (40, 5))
DOMAIN = np.arange(40) >= 16


def test_knn_overlap_is_one_for_a_rotation_and_agrees_with_sklearn() -> None:
    turn = np.linalg.qr(RNG.normal(0, 1, (5, 5)))[0]
    assert measures.knn_overlap(FEATURES, FEATURES @ turn * 3 + 1, 7) == 1
    points = FEATURES[:, :2]
    near = [
        NearestNeighbors(n_neighbors=7).fit(x).kneighbors(return_distance=False)
        for x in (FEATURES, points)
    ]
    shared = [len(set(a) & set(b)) / 7 for a, b in zip(*near, strict=True)]
    assert measures.knn_overlap(FEATURES, points, 7) == pytest.approx(np.mean(shared))


def test_knn_overlap_of_unrelated_points_is_that_of_chance() -> None:
    rng = np.random.default_rng(0)
    found = measures.knn_overlap(rng.normal(size=(400, 6)), rng.normal(size=(400, 2)), 20)
    assert found == pytest.approx(20 / 399, abs=0.01)


def test_distance_correlation_sees_order_only() -> None:
    line = np.arange(9.0)[:, None] ** 2
    assert measures.distance_correlation(line, 5 * line) == pytest.approx(1)
    square = np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]])
    folded = measures.distance_correlation(square, np.array([[0.0], [3], [1], [2]]))
    assert folded < 0.5


def test_same_domain_share_by_brute_force() -> None:
    hits = 0
    for i, x in enumerate(FEATURES):
        distance = ((FEATURES - x) ** 2).sum(1)
        distance[i] = np.inf
        hits += int((DOMAIN[np.argsort(distance)[:6]] == DOMAIN[i]).sum())
    assert measures.same_domain_share(FEATURES, 6)(DOMAIN) == pytest.approx(hits / 240)


def test_same_domain_share_under_chance_has_the_stated_mean() -> None:
    found = measures.permutation_test(measures.same_domain_share(FEATURES, 6), DOMAIN, 999)
    expected = (16 * 15 + 24 * 23) / (40 * 39)
    assert found.chance.mean() == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize("shift", [0.0, 0.8])
def test_linear_probe_is_ridge_regression_on_held_out_folds(shift: float) -> None:
    features = FEATURES + shift * DOMAIN[:, None]
    called = np.zeros(40, bool)
    for held in np.array_split(np.random.default_rng(3).permutation(40), 4):
        kept = np.setdiff1d(np.arange(40), held)
        scaler = StandardScaler().fit(features[kept])
        model = RidgeClassifier(alpha=2.0).fit(scaler.transform(features[kept]), DOMAIN[kept])
        called[held] = model.predict(scaler.transform(features[held]))
    expected = (called[DOMAIN].mean() + (~called[~DOMAIN]).mean()) / 2
    found = measures.linear_probe(features, folds=4, penalty=2.0, seed=3)(DOMAIN)
    assert found == pytest.approx(expected)


def test_mmd_by_its_definition() -> None:
    def kernel(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
        return float(np.exp(-((a - b) ** 2).sum() / (2 * 1.7**2)))

    one, two = FEATURES[DOMAIN], FEATURES[~DOMAIN]
    m, n = len(one), len(two)
    within = sum(kernel(one[i], one[j]) for i, j in product(range(m), repeat=2) if i != j)
    other = sum(kernel(two[i], two[j]) for i, j in product(range(n), repeat=2) if i != j)
    cross = sum(kernel(a, b) for a, b in product(one, two))
    expected = within / (m * (m - 1)) + other / (n * (n - 1)) - 2 * cross / (m * n)
    assert measures.mmd(FEATURES, bandwidth=1.7)(DOMAIN) == pytest.approx(expected)


def test_mmd_is_unbiased() -> None:
    rng = np.random.default_rng(1)
    values = [measures.mmd(rng.normal(size=(24, 3)), 1.5)(np.arange(24) < 10) for _ in range(400)]
    assert abs(np.mean(values)) < 4 * np.std(values) / 20
    assert min(values) < 0 < max(values)


def test_frechet_of_a_shift_and_of_a_scale() -> None:
    moved = np.concatenate([FEATURES[:20], FEATURES[:20] + np.array([3, 0, 0, 4, 0])])
    half = np.arange(40) >= 20
    assert measures.frechet(moved)(half) == pytest.approx(25, abs=1e-5)
    centred = FEATURES[:20] - FEATURES[:20].mean(0)
    scaled = np.concatenate([centred, 3 * centred])
    spread = np.trace(np.cov(centred.T))
    # (1 - 3)^2 of each standard deviation, so four times the total variance
    assert measures.frechet(scaled)(half) == pytest.approx(4 * spread, abs=1e-5)


def test_permutation_counts_the_true_labelling() -> None:
    found = measures.permutation_test(lambda d: float(d[:16].sum()), ~DOMAIN, times=49)
    assert found.value == 16
    assert found.p == 1 / 50
    constant = measures.permutation_test(lambda _: 1.0, DOMAIN, times=49)
    assert constant.p == 1


def test_permutation_keeps_units_together() -> None:
    unit = np.repeat(np.arange(8), 5)
    domain = unit >= 4
    seen: list[NDArray[np.bool_]] = []

    def record(labels: NDArray[np.bool_]) -> float:
        seen.append(labels.copy())
        return 0.0

    measures.permutation_test(record, domain, times=30, units=unit)
    for labels in seen:
        rows = labels.reshape(8, 5)
        assert (rows == rows[:, :1]).all()
        assert rows[:, 0].sum() == 4


def test_patients_and_not_slices_keep_the_false_alarms_at_their_level() -> None:
    alarms = []
    for repeat in range(60):
        rng = np.random.default_rng(repeat)
        unit = np.repeat(np.arange(14), 8)
        features = rng.normal(0, 1, (14, 4))[unit] + rng.normal(0, 1, (112, 4))
        statistic, domain = measures.mmd(features), unit >= 7
        alarms.append(
            [
                measures.permutation_test(statistic, domain, 39, units=u).p <= 0.05
                for u in (None, unit)
            ]
        )
    by_slice, by_patient = np.mean(alarms, axis=0)
    assert by_slice > 0.5
    assert by_patient < 0.15


def test_mixed_to_the_eye_and_separable_by_a_line() -> None:
    rng = np.random.default_rng(2)
    features = rng.normal(0, 1, (200, 20))
    domain = np.arange(200) >= 100
    features[:, 0] = np.where(domain, 0.5, -0.5) + rng.normal(0, 0.1, 200)
    assert measures.linear_probe(features)(domain) == 1
    assert measures.same_domain_share(features)(domain) < 0.62


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: measures.knn_overlap(FEATURES, FEATURES[:9], 3), "same samples"),
        (lambda: measures.knn_overlap(FEATURES, FEATURES, 40), "k: 40"),
        (lambda: measures.same_domain_share(np.full((5, 2), np.nan)), "finite"),
        (lambda: measures.linear_probe(FEATURES, folds=1), "folds: 1"),
        (lambda: measures.mmd(np.ones((6, 2))), "bandwidth"),
        (lambda: measures.permutation_test(lambda _: 0.0, np.zeros(9)), "two domains"),
        (
            lambda: measures.permutation_test(lambda _: 0.0, DOMAIN, units=np.arange(40) // 7),
            "both domains",
        ),
        (lambda: measures.permutation_test(lambda _: 0.0, DOMAIN, units=[1, 2]), "units"),
    ],
)
def test_wrong_arguments_are_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
