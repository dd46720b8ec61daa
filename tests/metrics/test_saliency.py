"""Marks of a map against closed forms, SciPy and a network whose answer is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor

from medda_lib.metrics import saliency as measures

MASK = np.zeros((1, 6, 6), bool)
MASK[0, 1:4, 2:5] = True


@pytest.mark.parametrize(
    ("place", "expected"), [((2, 3), 1.0), ((1, 2), 1.0), ((0, 0), 0.0), ((4, 3), 0.0)]
)
def test_pointing_looks_at_the_highest_point(place: tuple[int, int], expected: float) -> None:
    maps = np.random.default_rng(0).random((1, 6, 6))
    maps[0][place] = 2
    assert measures.pointing(maps, MASK) == [expected]


def test_pointing_of_ties_is_the_share_inside_and_of_nothing_is_zero() -> None:
    assert measures.pointing(np.ones((1, 6, 6)), MASK) == pytest.approx(9 / 36)
    assert measures.pointing(np.zeros((1, 6, 6)), MASK) == [0]
    assert measures.pointing(-np.ones((1, 6, 6)), MASK) == [0]


def test_mass_inside_counts_positive_mass_only() -> None:
    maps = np.where(MASK, 3.0, 1.0)
    assert measures.mass_inside(maps, MASK) == pytest.approx(27 / (27 + 27))
    maps[0, 0] = -5  # six places outside that spoke for it
    assert measures.mass_inside(maps, MASK) == pytest.approx(27 / (27 + 21))
    assert measures.mass_inside(-maps * MASK, MASK) == [0]
    assert measures.mass_inside(np.ones((1, 6, 6)), MASK) == pytest.approx(MASK.mean())


def test_overlap_is_intersection_over_union_at_the_level() -> None:
    maps = np.zeros((1, 6, 6))
    maps[0, 1:4, 3:6] = 1.0
    maps[0, 2, 4] = 2.0
    assert measures.overlap(maps, MASK, 0.5) == pytest.approx(6 / 12)
    assert measures.overlap(maps, MASK, 0.51) == pytest.approx(1 / 9)
    assert measures.overlap(10 * maps, MASK, 0.5) == measures.overlap(maps, MASK, 0.5)
    assert measures.overlap(-maps, MASK) == [0]


def test_rank_correlation_is_spearmans() -> None:
    rng = np.random.default_rng(1)
    one, two = rng.integers(0, 5, (3, 4, 5)), rng.random((3, 4, 5))
    two[2] = 7.0
    found = measures.rank_correlation(one, two)
    for i in range(2):
        assert found[i] == pytest.approx(spearmanr(one[i].ravel(), two[i].ravel()).statistic)
    assert found[2] == 0
    assert measures.rank_correlation(one, -one)[:2] == pytest.approx([-1, -1])


def _mean(batch: Tensor) -> Tensor:
    return batch.mean((1, 2, 3))


def test_removal_takes_the_highest_first() -> None:
    image = torch.arange(1.0, 11.0).reshape(1, 1, 2, 5)
    curve = measures.removal_curve(_mean, image, image[:, 0], torch.zeros_like(image), steps=5)
    assert curve[:, 0] == pytest.approx([5.5, 3.6, 2.1, 1.0, 0.3, 0.0])
    upwards = measures.removal_curve(_mean, image, -image[:, 0], torch.zeros_like(image), steps=5)
    assert upwards[:, 0] == pytest.approx([5.5, 5.2, 4.5, 3.4, 1.9, 0.0])


def test_insertion_is_deletion_read_backwards_in_the_opposite_order() -> None:
    rng = torch.Generator().manual_seed(0)
    images, filler = (torch.rand((3, 2, 4, 4), generator=rng) for _ in range(2))
    maps = torch.rand((3, 4, 4), generator=rng).numpy()
    deleted = measures.removal_curve(_mean, images, maps, filler, steps=8)
    inserted = measures.removal_curve(_mean, images, -maps, filler, steps=8, insert=True)
    assert inserted[::-1] == pytest.approx(deleted)
    assert deleted[0] == pytest.approx(_mean(images).numpy())
    assert deleted[-1] == pytest.approx(_mean(filler).numpy())


def test_area_of_a_straight_line() -> None:
    assert measures.area(np.linspace([1, 0.5], [0, 0.5], 11)) == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: measures.pointing(np.ones((6, 6)), MASK), "maps: expected"),
        (lambda: measures.mass_inside(np.ones((1, 3, 3)), MASK), "resize the maps"),
        (lambda: measures.overlap(np.ones((1, 6, 6)), MASK, 0), "level: 0"),
        (lambda: measures.rank_correlation(MASK, MASK[:, :3]), "same images"),
        (
            lambda: measures.removal_curve(
                _mean, torch.ones(1, 1, 4, 4), np.ones((1, 3, 3)), torch.ones(1, 1, 4, 4)
            ),
            "must agree",
        ),
    ],
)
def test_wrong_arguments_are_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
