"""Transfer along a stream against counting stage by stage, and where it is undefined."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest

from medda_lib.metrics.continual import (
    averages,
    backward_transfer,
    backward_transfer_on_the_way,
    final,
    forward_transfer,
    gap_at_end,
    gap_when_learned,
    gaps,
    spreads,
)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("stages", [1, 2, 5])
def test_every_stage_against_its_definition(stages: int, seed: int) -> None:
    scores = np.random.default_rng(seed).random((stages, stages))
    after = scores.tolist()
    last = stages - 1
    for j in range(stages):
        assert final(scores)[j] == after[last][j]
        back, forth = backward_transfer(scores)[j], forward_transfer(scores)[j]
        if j == last:
            assert math.isnan(back)
        else:
            assert back == after[last][j] - after[j][j]
        if j == 0:
            assert math.isnan(forth)
        else:
            assert forth == after[j][j] - after[j - 1][j]


@pytest.mark.parametrize("seed", range(4))
def test_averages_and_spreads_against_lists(seed: int) -> None:
    scores = np.random.default_rng(seed).random((5, 5))
    r = scores.tolist()
    lists = {
        "dice": r[4],
        "bwt": [r[4][j] - r[j][j] for j in range(4)],
        "fwt": [r[j][j] - r[j - 1][j] for j in range(1, 5)],
    }
    assert tuple(lists) == tuple(averages(scores)) == tuple(spreads(scores))
    for name, values in lists.items():
        assert averages(scores)[name] == pytest.approx(statistics.fmean(values))
        assert spreads(scores)[name] == pytest.approx(statistics.stdev(values))


@pytest.mark.parametrize("stages", [1, 2, 5])
def test_transfer_on_the_way_averages_every_later_stage(stages: int) -> None:
    scores = np.random.default_rng(stages).random((stages, stages))
    found = backward_transfer_on_the_way(scores)
    assert math.isnan(found[-1])
    for j in range(stages - 1):
        later = [float(scores[i, j] - scores[j, j]) for i in range(j + 1, stages)]
        assert found[j] == pytest.approx(statistics.fmean(later))
    if stages > 1:  # one stage is left for the last but one: both readings agree
        assert found[-2] == pytest.approx(backward_transfer(scores)[-2])


def test_a_method_that_forgets_all_and_one_that_learns_nothing() -> None:
    forgets = averages(np.eye(4))
    assert forgets == {"dice": 0.25, "bwt": -1.0, "fwt": 1.0}
    rigid = averages(np.full((4, 4), 0.6))
    assert rigid == {"dice": pytest.approx(0.6), "bwt": 0.0, "fwt": 0.0}


def test_only_the_scores_that_a_metric_needs_change_it() -> None:
    """R[i, j] for j > i + 1 (stages far ahead) and inner cells below the diagonal enter nothing."""
    scores = np.random.default_rng(9).random((5, 5))
    needed = np.eye(5, dtype=bool) | np.eye(5, k=1, dtype=bool)
    needed[-1] = True
    spoiled = np.where(needed, scores, np.nan)
    assert averages(spoiled) == averages(scores)
    assert spreads(spoiled) == spreads(scores)


def test_joint_training_has_a_last_row_and_no_transfer() -> None:
    scores = np.full((5, 5), np.nan)
    scores[-1] = 0.8, 0.9, 0.8, 0.9, 0.8
    found = averages(scores)
    assert found["dice"] == pytest.approx(0.84)
    assert math.isnan(found["bwt"])
    assert math.isnan(found["fwt"])
    assert math.isnan(spreads(scores)["bwt"])


def test_a_missing_score_is_not_averaged_away() -> None:
    scores = np.random.default_rng(0).random((3, 3))
    scores[0, 0] = np.nan
    found = averages(scores)
    assert math.isnan(found["bwt"])
    assert not math.isnan(found["dice"])
    assert not math.isnan(found["fwt"])


def test_one_stage_has_a_score_and_nothing_else() -> None:
    found = averages([[0.7]])
    assert found["dice"] == 0.7
    assert math.isnan(found["bwt"])
    assert math.isnan(found["fwt"])
    assert math.isnan(spreads([[0.7]])["dice"])


def test_the_matrix_is_left_alone() -> None:
    scores = np.random.default_rng(1).random((3, 3))
    before = scores.copy()
    final(scores)[:] = 0
    backward_transfer(scores)
    assert np.array_equal(scores, before)


@pytest.mark.parametrize("shape", [(2, 3), (4,), (0, 0)])
def test_a_matrix_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="scores: need"):
        averages(np.zeros(shape))


@pytest.mark.parametrize("stages", [1, 2, 5])
def test_gaps_to_joint_training_against_lists(stages: int) -> None:
    """And what is missing at the end was never learned, or was lost since."""
    rng = np.random.default_rng(stages)
    scores, joint = rng.random((stages, stages)), rng.random(stages)
    learned, end = gap_when_learned(scores, joint), gap_at_end(scores, joint)
    for j in range(stages):
        assert learned[j] == joint[j] - scores[j, j]
        assert end[j] == joint[j] - scores[-1, j]
    np.testing.assert_allclose(end[:-1], (learned - backward_transfer(scores))[:-1])
    found = gaps(scores, joint)
    assert found["gap_learned"] == pytest.approx(statistics.fmean(learned.tolist()))
    assert found["gap_end"] == pytest.approx(statistics.fmean(end.tolist()))
    if stages > 1:
        past = found["gap_learned_past"] - averages(scores)["bwt"]
        assert found["gap_past"] == pytest.approx(past)
    else:
        assert math.isnan(found["gap_past"])


def test_short_stages_hide_what_is_lost() -> None:
    """No stage learns more than .8 of .9 and nothing is forgotten: BWT is 0, the gap is not."""
    scores = np.full((4, 4), 0.8)
    assert averages(scores)["bwt"] == 0
    assert gaps(scores, [0.9] * 4)["gap_end"] == pytest.approx(0.1)


def test_a_gap_needs_a_bound_for_each_stage() -> None:
    with pytest.raises(ValueError, match="joint: need"):
        gaps(np.ones((3, 3)), [0.9, 0.9])
    assert math.isnan(gaps(np.ones((2, 2)), [0.9, np.nan])["gap_end"])
