"""Made drifts: they are what they say, and readings of ODEx's rule see what they should."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from medda_lib.methods.odex import drifts
from medda_lib.methods.odex.drifts import Alarms, Change, Drift, first_alarm
from medda_lib.methods.odex.pool import Measure

SEEDS = range(12)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Matrices are tiny: more threads only wait for one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def first() -> dict[tuple[str, str], list[int]]:
    """Stage of the first alarm of each stream of five stages, by drift and reference."""
    kinds: tuple[Drift, ...] = ("none", "steady", "jump")
    return {
        (drift, name): [
            first_alarm(drifts.features(drift, seed), drifts.REFERENCES[name]) for seed in SEEDS
        ]
        for drift in kinds
        for name in ("re-based", "first stage")
    }


def test_a_steady_drift_is_seen_from_a_fixed_reference_only(
    first: dict[tuple[str, str], list[int]],
) -> None:
    """One standard deviation a stage: a threshold that is taken anew moves along with it."""
    assert sum(stage > 0 for stage in first["steady", "re-based"]) <= 1
    assert np.mean([stage > 0 for stage in first["steady", "first stage"]]) >= 0.7


@pytest.mark.parametrize("name", ["re-based", "first stage"])
def test_a_jump_is_seen_when_it_comes_and_nothing_raises_few_alarms(
    name: str, first: dict[tuple[str, str], list[int]]
) -> None:
    assert set(first["jump", name]) == {3}
    assert sum(stage > 0 for stage in first["none", name]) <= 1


@pytest.mark.parametrize("drift", ["none", "steady", "jump", "some"])
def test_features_move_as_far_as_they_say(drift: Drift) -> None:
    """By the mean of a large stage along the way; "some" by a quarter of 10 steps."""
    stages = drifts.features(drift, 3, step=2.0, stages=4, scans=4000)
    moved = [float(torch.linalg.vector_norm(z.mean(0) - stages[0].mean(0))) for z in stages]
    wanted = {"none": [0] * 4, "steady": [0, 2, 4, 6], "jump": [0, 0, 10, 10], "some": [0, 0, 5, 5]}
    assert moved == pytest.approx(wanted[drift], abs=0.15)
    again = drifts.features(drift, 3, step=2.0, stages=4, scans=4000)
    assert all(torch.equal(a, b) for a, b in zip(stages, again, strict=True))


@pytest.mark.parametrize(
    ("change", "mean", "roughness"),
    [("none", 0, 0), ("brightness", 1, 0), ("noise", 0, 1), ("resolution", 0, -1)],
)
def test_images_change_in_one_way(change: Change, mean: int, roughness: int) -> None:
    """Brightness alone moves the grey value by standard deviations; noise and blur what is between."""
    start, *_, end = drifts.images(change, 0, scans=60)
    greys = [x.flatten(1).mean(1) for x in (start, end)]
    moved = float((greys[1].mean() - greys[0].mean()) / greys[0].std())
    assert moved == pytest.approx(4 * mean, abs=0.8)
    steps = [
        (x.diff(dim=2) / x.flatten(1).mean(1).view(-1, 1, 1, 1, 1)).std() for x in (start, end)
    ]
    assert float((steps[1] - steps[0]) / steps[0]) * roughness > 0.2 or (
        roughness == 0 and float(steps[1]) == pytest.approx(float(steps[0]), rel=0.05)
    )


def test_brightness_is_seen_by_the_global_average() -> None:
    distance = drifts.READERS["global average"]
    measure = Measure(distance, reference="first")
    seen = []
    for seed in range(3):
        stream = drifts.images("brightness", seed, step=2.0, stages=4)
        seen.append(first_alarm(drifts.read(stream, distance, drifts.reader(seed)), measure))
    assert all(seen)


def test_a_row_is_a_share_and_a_median() -> None:
    assert Alarms.of("steady", "x", [0, 3, 5, 0]) == Alarms("steady", "x", 0.5, 4.0)
    assert np.isnan(Alarms.of("none", "x", [0, 0]).stage)


def test_both_tables_have_every_cell() -> None:
    rows = drifts.by_reference([0], stages=2)
    assert {(r.drift, r.reading) for r in rows} == {
        (d, r) for d in ("none", "steady", "jump", "some") for r in drifts.REFERENCES
    }
    rows = drifts.by_reader([0], stages=2)
    assert len({(r.drift, r.reading) for r in rows}) == 4 * len(drifts.READERS)
