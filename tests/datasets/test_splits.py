"""Properties of the splits, over many random data sets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.splits import (
    first_labelled,
    refuse_shared_patients,
    shared_patients,
    split_by_patient,
)

SHARES = {"train": 0.65, "validation": 0.10, "test": 0.25}


@st.composite
def cohorts(draw: st.DrawFn) -> tuple[list[str], list[int]]:
    """Patients with up to 8 images, each image of one of up to 3 classes, in mixed order."""
    sizes = draw(st.lists(st.integers(1, 8), min_size=1, max_size=60))
    patients = [f"p{i}" for i, n in enumerate(sizes) for _ in range(n)]
    order = draw(st.permutations(range(len(patients))))
    labels = draw(st.lists(st.integers(0, 2), min_size=len(order), max_size=len(order)))
    return [patients[i] for i in order], labels


@given(cohorts(), st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=150, deadline=None)
def test_no_patient_is_in_two_parts(
    cohort: tuple[list[str], list[int]], seed: int, stratify: bool
) -> None:
    patients, labels = cohort
    parts = split_by_patient(patients, SHARES, seed, labels if stratify else None)
    assert list(parts) == list(SHARES)
    together = np.concatenate(list(parts.values()))
    assert sorted(together.tolist()) == list(range(len(patients)))
    owners = [{patients[i] for i in part} for part in parts.values()]
    assert sum(map(len, owners)) == len(set(patients))
    assert shared_patients(parts, patients) == {}
    again = split_by_patient(patients, SHARES, seed, labels if stratify else None)
    assert all(np.array_equal(parts[p], again[p]) for p in parts)


@given(cohorts(), st.integers(0, 1000))
@settings(max_examples=100, deadline=None)
def test_sizes_miss_their_target_by_less_than_the_largest_patient(
    cohort: tuple[list[str], list[int]], seed: int
) -> None:
    patients, _ = cohort
    largest = max(patients.count(p) for p in set(patients))
    for part, indices in split_by_patient(patients, SHARES, seed).items():
        assert abs(len(indices) - SHARES[part] * len(patients)) <= largest


@pytest.mark.parametrize("seed", range(20))
def test_one_image_per_patient_is_stratified_to_the_image(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, 200)
    parts = split_by_patient([str(i) for i in range(200)], SHARES, seed, labels)
    for part, indices in parts.items():
        for label in range(3):
            target = SHARES[part] * (labels == label).sum()
            assert abs((labels[indices] == label).sum() - target) <= 1


@pytest.mark.parametrize("seed", range(20))
def test_patients_of_many_sizes_are_stratified_well(seed: int) -> None:
    """1,000 images of patients with 1 to 20 images: class shares within three points of the whole."""
    rng = np.random.default_rng(seed)
    patients = [str(i) for i, n in enumerate(rng.geometric(0.3, 400).clip(1, 20)) for _ in range(n)]
    labels = rng.random(len(patients)) < 0.3
    for part, indices in split_by_patient(patients, SHARES, seed, labels).items():
        assert abs(len(indices) / len(patients) - SHARES[part]) < 0.01
        assert abs(labels[indices].mean() - labels.mean()) < 0.03


def test_every_patient_can_go_anywhere() -> None:
    """No part is reserved for patients with few or many images."""
    sizes = [1] * 30 + [2] * 30 + [3] * 30
    patients = [str(i) for i, n in enumerate(sizes) for _ in range(n)]
    tested = {
        patients[i] for seed in range(60) for i in split_by_patient(patients, SHARES, seed)["test"]
    }
    assert len(tested) == 90


def test_names_do_not_matter_but_seeds_do() -> None:
    patients = [f"p{i // 2}" for i in range(80)]
    renamed = [f"q{79 - i // 2}" for i in range(80)]
    one, two = (split_by_patient(p, SHARES, 5) for p in (patients, renamed))
    assert all(np.array_equal(one[p], two[p]) for p in SHARES)
    other = split_by_patient(patients, SHARES, 6)
    assert any(not np.array_equal(one[p], other[p]) for p in SHARES)


def test_shares_are_scaled() -> None:
    parts = split_by_patient([str(i) for i in range(100)], {"a": 3, "b": 1}, 0)
    assert [len(p) for p in parts.values()] == [75, 25]


def test_nobody_to_split() -> None:
    assert all(len(p) == 0 for p in split_by_patient([], SHARES, 0).values())


@pytest.mark.parametrize("fractions", [{}, {"a": 0.0, "b": 1.0}, {"a": -1.0}, {"a": float("nan")}])
def test_bad_fractions(fractions: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="fractions"):
        split_by_patient(["a", "b"], fractions, 0)


def test_labels_of_another_length() -> None:
    with pytest.raises(ValueError, match="labels: 1 labels for 2"):
        split_by_patient(["a", "b"], SHARES, 0, [1])


def test_shared_patients_are_found_and_refused() -> None:
    parts: dict[str, Any] = {"train": np.array([0, 1]), "test": np.array([2, 3])}
    patients = ["a", "b", "b", "c"]
    assert shared_patients(parts, patients) == {"b": ("train", "test")}
    with pytest.raises(DatasetError, match="xyz: patient 'b' is in the splits 'train' and 'test'"):
        refuse_shared_patients(parts, patients, "xyz")
    refuse_shared_patients(parts, ["a", "b", "c", "d"], "xyz")


@given(st.lists(st.integers(0, 1), min_size=1, max_size=200), st.integers(0, 1000), st.data())
@settings(max_examples=150, deadline=None)
def test_few_labelled_are_nested_and_stratified(
    labels: list[int], seed: int, data: st.DataObject
) -> None:
    n = data.draw(st.integers(0, len(labels)))
    more = data.draw(st.integers(n, len(labels)))
    few, many = first_labelled(labels, n, seed), first_labelled(labels, more, seed)
    assert np.array_equal(few, many[:n])
    assert len(set(few.tolist())) == n
    share = n * np.mean(labels)
    assert abs(np.asarray(labels)[few].sum() - share) <= 1


def test_few_labelled_of_three_classes() -> None:
    labels = np.repeat([0, 1, 2], [100, 60, 40])
    drawn = labels[first_labelled(labels, 20, 0)]
    assert [int((drawn == c).sum()) for c in range(3)] == [10, 6, 4]


def test_another_seed_draws_others() -> None:
    draws = {tuple(first_labelled([0] * 50 + [1] * 50, 10, seed)) for seed in range(20)}
    assert len(draws) == 20
    first = {int(first_labelled([0] * 50 + [1] * 50, 1, seed)[0]) // 50 for seed in range(20)}
    assert first == {0, 1}  # neither class always comes first


@pytest.mark.parametrize("n", [-1, 4])
def test_too_many_labelled(n: int) -> None:
    with pytest.raises(ValueError, match="out of 3"):
        first_labelled([0, 1, 0], n, 0)
