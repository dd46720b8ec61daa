"""ODEx: ranges, thresholds, and which model is chosen, on distances made by hand."""

import pytest
import torch
from torch import Tensor

from medda_lib.methods.continual.training import new_network
from medda_lib.methods.odex.distances import Mahalanobis
from medda_lib.methods.odex.pool import Arrival, Measure, Model
from medda_lib.methods.odex.ranges import Range
from medda_lib.networks.dyn_unet import DynUNet
from medda_lib.studies.artefacts import Tensors
from tests.methods.continual_toy import TRAINER, toy_run

CPU = torch.device("cpu")


class Level:
    """A distance for tests: how far a scan's mean grey lies from that of a stage, times 10."""

    def features(self, network: DynUNet, images: Tensor, device: torch.device) -> Tensor:
        """The mean of each scan."""
        return images.flatten(1).double().mean(1)

    def kept(self, features: Tensor) -> Tensors:
        """The mean over the stage."""
        return {"level": features.mean()}

    def between(self, features: Tensor, kept: Tensors) -> Tensor:
        """Absolute difference, times 10."""
        return 10 * (features - kept["level"]).abs()


def grey(*levels: float) -> Tensor:
    """Scans (n, 1, 2, 2, 2) of one grey each."""
    return torch.tensor(levels, dtype=torch.float64).view(-1, 1, 1, 1, 1).expand(-1, 1, 2, 2, 2)


def learned(measure: Measure, *stages: Tensor) -> Model:
    """A model that went through stages."""
    network = new_network(TRAINER, toy_run())
    model = Model(network)
    for images in stages:
        model = measure.trained(model, network, images, CPU)
    return model


def test_the_range_maps_the_minimum_to_0_and_the_doubled_maximum_to_1() -> None:
    found = Range.of(torch.tensor([2.0, 3.0, 7.0]))
    assert found == Range(2.0, 4.0, 7.0)
    assert found.normalised(2.0) == 0
    assert found.normalised(14.0) == 1
    assert found.normalised(26.0) == 2, "distances beyond the range are not clipped"
    assert found.mu == pytest.approx((4 - 2) / (14 - 2))


@pytest.mark.parametrize("values", [(0.0, 0.0, 0.0), (3.0, 2.0, 1.0), (-1.0, 0.0, 1.0)])
def test_impossible_ranges_are_refused(values: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="do the scans differ"):
        Range(*values)


def test_training_adds_to_the_history_and_takes_the_range_anew() -> None:
    """Own stage: |z - mean| * 10 of training values; with history, the older entry's on top."""
    measure = Measure(Level(), within="training")
    one = learned(measure, grey(0.1, 0.2, 0.3))
    two = learned(measure, grey(0.1, 0.2, 0.3), grey(0.5, 0.6, 1.0))
    assert [float(entry["level"]) for entry in two.history] == pytest.approx([0.2, 0.7])
    assert one.within is not None
    assert (one.within.low, one.within.high) == pytest.approx((0, 1))
    assert two.within is not None
    summed = [3 + 2, 4 + 1, 8 + 3]
    assert two.within.low == pytest.approx(min(summed))
    assert two.within.high == pytest.approx(max(summed))
    assert two.within.middle == pytest.approx(sum(summed) / 3)
    last = learned(Measure(Level(), False, within="training"), grey(0.1, 0.3), grey(0.5, 0.6, 1.0))
    assert last.within is not None
    assert last.within.high == pytest.approx(3)
    assert len(last.history) == 2


def test_held_out_values_are_to_the_others_of_the_stage() -> None:
    model = learned(Measure(Level()), grey(0.1, 0.2, 0.6))
    assert model.within is not None
    assert model.within.low == pytest.approx(10 * abs(0.2 - 0.35))
    assert model.within.high == pytest.approx(10 * abs(0.6 - 0.15))


def test_the_distance_to_a_model_is_the_sum_over_its_history() -> None:
    stages = (grey(0.0, 0.2, 0.1), grey(0.3, 0.4, 0.5), grey(0.8, 0.9, 1.0))
    model = learned(Measure(Level()), *stages)
    x = grey(0.2, 0.7)
    wanted = [10 * sum(abs(v - level) for level in (0.1, 0.4, 0.9)) for v in (0.2, 0.7)]
    assert Measure(Level()).summed(model, x, CPU).tolist() == pytest.approx(wanted)
    last = Measure(Level(), history=False).summed(model, x, CPU)
    assert last.tolist() == pytest.approx([7, 2])


def test_the_sum_of_mahalanobis_distances_by_brute_force() -> None:
    """Equation 4 on features of a real network."""
    measure, network = Measure(Mahalanobis(0.3)), new_network(TRAINER, toy_run())
    stages = torch.rand(2, 5, 1, 4, 4, 4)
    model = Model(network)
    for images in stages:
        model = measure.trained(model, network, images, CPU)
    x = torch.rand(2, 1, 4, 4, 4)
    read = [measure.distance.features(network, images, CPU) for images in (*stages, x)]
    for k in range(2):
        wanted = 0.0
        for z in read[:2]:
            covariance = torch.cov(z.T, correction=0)
            shrunk = 0.7 * covariance + 0.3 * covariance.diagonal().mean() * torch.eye(len(z.T))
            away = read[2][k] - z.mean(0)
            wanted += float((away @ shrunk.inverse() @ away).sqrt())
        assert float(measure.summed(model, x, CPU)[k]) == pytest.approx(wanted)


def test_the_nearest_model_is_chosen_and_the_oldest_on_a_tie() -> None:
    assert Arrival((3.0, 1.0, 2.0), (3.0, 1.0, 2.0), (1.0,) * 3).chosen == 1
    assert Arrival((2.0, 1.0, 1.0), (2.0, 1.0, 1.0), (1.0,) * 3).chosen == 1


@pytest.mark.parametrize(
    ("multiple", "wanted"),
    [(2.0, False), (1.25, True), (1.0, True), (float("-inf"), True), (1e9, False)],
)
def test_case_2_begins_at_the_threshold(multiple: float, wanted: bool) -> None:
    """The chosen model's own threshold counts; a distance equal to it is a shift."""
    arrival = Arrival((0.3, 9.0), (0.3, 9.0), (0.2, 10.0))
    assert arrival.shifted(multiple) is wanted
    assert Arrival((0.5,), (0.5,), (0.25,)).shifted(2.0)


def test_models_are_compared_by_what_is_asked_for() -> None:
    one = Model(new_network(TRAINER, toy_run()), ({},), Range(1.0, 2.0, 3.0))
    two = Model(one.network, ({}, {}), Range(2.0, 4.0, 8.0))
    summed = (4.0, 6.0)
    found = {
        compare: Measure(Level(), compare=compare).seen((one, two), summed)
        for compare in ("normalised", "sum", "mean")
    }
    assert list(found["sum"].compared) == [4, 6]
    assert list(found["mean"].compared) == [4, 3]
    assert list(found["normalised"].compared) == pytest.approx([3 / 5, 4 / 14])
    assert [arrival.chosen for arrival in found.values()] == [1, 0, 1]
    assert all(a.distances == found["normalised"].compared for a in found.values())
    assert found["sum"].mu == pytest.approx((1 / 5, 2 / 14))


def test_by_bare_sums_no_scan_finds_the_copy() -> None:
    """The copy's history holds the original's: with equal features its sum is never smaller."""
    old, new = grey(0.0, 0.1, 0.2), grey(0.8, 0.9, 1.0)
    measure = Measure(Level(), compare="sum")
    models = (learned(measure, old), learned(measure, old, new))
    chosen = [measure.arrival(models, grey(x), CPU).chosen for x in torch.linspace(0, 1, 9)]
    assert set(chosen) == {0}
    normalised = Measure(Level())
    assert normalised.arrival(models, grey(0.9), CPU).chosen == 1


def test_held_out_values_raise_no_false_alarm_where_training_values_do() -> None:
    """20 scans of 16 numbers, nothing changes: the literal reading calls (nearly) all a shift."""

    class Given(Mahalanobis):
        def features(self, network: DynUNet, images: Tensor, device: torch.device) -> Tensor:
            return images.flatten(1).double()

    generator = torch.Generator().manual_seed(0)
    network = new_network(TRAINER, toy_run())
    alarms = {"held out": 0, "training": 0}
    missed = 0
    for _ in range(20):
        first, second = torch.randn(2, 20, 1, 4, 2, 2, generator=generator)
        for within in alarms:
            measure = Measure(Given(), within=within)  # type: ignore[arg-type]
            model = measure.trained(Model(network), network, first, CPU)
            alarms[within] += measure.arrival((model,), second, CPU).shifted(2.0)
            if within == "held out":
                missed += not measure.arrival((model,), second + 3, CPU).shifted(2.0)
    assert alarms["held out"] <= 1
    assert alarms["training"] >= 15
    assert missed == 0


def test_wrong_settings_and_untrained_models_are_named() -> None:
    with pytest.raises(ValueError, match="compare"):
        Measure(Level(), compare="median")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="within"):
        Measure(Level(), within="test")  # type: ignore[arg-type]
    untrained = Model(new_network(TRAINER, toy_run()), ({},))
    with pytest.raises(ValueError, match="not been trained"):
        Measure(Level()).seen((untrained,), (1.0,))
