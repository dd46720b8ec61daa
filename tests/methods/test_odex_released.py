"""ODEx read as the code of its group has it, and with a fixed reference."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.covariance import EmpiricalCovariance
from torch import Tensor
from torch.nn import AvgPool3d

from medda_lib.methods.continual.training import new_network
from medda_lib.methods.odex import ODEx, PoolPredictor, Range, load, save
from medda_lib.methods.odex.distances import Mahalanobis, mahalanobis
from medda_lib.methods.odex.pool import Measure, Model
from medda_lib.methods.odex.statistics import Gaussian, first_outputs, pooled, pooled_features
from medda_lib.methods.odex.thin import thin, thin_square
from medda_lib.studies.setting import CONTINUAL
from tests.methods.compare import same
from tests.methods.continual_toy import TRAINER, balls, toy_run, toy_task
from tests.methods.test_odex_pool import CPU, Level, grey, learned


def gauss(n: int, d: int, seed: int = 0) -> Tensor:
    """n vectors whose d directions have different spreads."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(n, d, dtype=torch.float64, generator=generator)
    return z * torch.linspace(0.5, 3, d, dtype=torch.float64) + 2


@pytest.mark.parametrize(("n", "d"), [(30, 5), (8, 40), (20, 20)])
def test_squares_are_those_of_the_empirical_covariance_of_scikit_learn(n: int, d: int) -> None:
    """As the group's estimator: centred by the mean, fitted, squared distances by a pseudo-inverse."""
    z, x = gauss(n, d), gauss(6, d, 1)
    mean = z.mean(0)
    estimator = EmpiricalCovariance(assume_centered=False).fit((z - mean).numpy())
    wanted = estimator.mahalanobis((x - mean).numpy())
    distance = Mahalanobis(0.0, squared=True)
    found = distance.between(x, distance.kept(z))
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-6)
    plain = Mahalanobis(0.0)
    np.testing.assert_allclose(plain.between(x, plain.kept(z)).square().numpy(), wanted, rtol=1e-6)


@pytest.mark.parametrize("share", [0.05, 0.5, 1.0])
@pytest.mark.parametrize(("n", "d"), [(30, 5), (8, 40)])
def test_a_thin_root_gives_the_shrunk_distance(n: int, d: int, share: float) -> None:
    z, x = gauss(n, d), gauss(6, d, 1)
    kept = thin(z)
    found = thin_square(x, kept["mean"], kept["root"], share).sqrt()
    torch.testing.assert_close(found, mahalanobis(x, Gaussian.of(z), share))


def test_with_fewer_scans_than_numbers_all_lie_equally_far() -> None:
    """n - 1 each: in-distribution values without a spread, and nothing outside of the span counts."""
    z = gauss(6, 50)
    mean, root = (thin(z)[name] for name in ("mean", "root"))
    assert root.shape == (5, 50)
    five = torch.full((6,), 5.0, dtype=torch.float64)
    torch.testing.assert_close(thin_square(z, mean, root), five)
    outside = torch.linalg.qr(root.T, mode="complete").Q[:, -1]
    torch.testing.assert_close(thin_square(z + 1e3 * outside, mean, root), five)


@pytest.mark.parametrize("features", [torch.ones(4, 3), torch.rand(1, 3)])
def test_scans_that_do_not_differ_are_refused(features: Tensor) -> None:
    with pytest.raises(ValueError, match=r"differ|two scans"):
        thin(features.double())


def test_maps_are_halved_until_they_are_small() -> None:
    """Two layers of 3 channels: 3 * 8 * 12 * 8 = 2304 numbers, 288, 36; a side of 1 ends it."""
    maps, half = torch.rand(2, 3, 8, 12, 8), AvgPool3d((2, 2, 2), stride=(2, 2, 2))
    assert pooled(maps, 2304) is maps
    torch.testing.assert_close(pooled(maps, 2303), half(maps))
    torch.testing.assert_close(pooled(maps, 40), half(half(maps)))
    assert pooled(maps, 1).shape == (2, 3, 1, 1, 1)
    assert pooled(torch.rand(2, 3, 1, 12, 8), 1).shape == (2, 3, 1, 12, 8)


def test_pooled_features_keep_where_things_are() -> None:
    network = new_network(TRAINER, toy_run())
    images = torch.rand(3, 1, 8, 12, 8)
    found = pooled_features(network, images, CPU, 24)
    c = TRAINER.filters[0]
    assert found.shape == (3, 2 * c * 2 * 3 * 2)
    maps = first_outputs(network, images[1:2], CPU).view(2, c, 8, 12, 8)
    torch.testing.assert_close(found[1], pooled(maps, 24).flatten())
    moved = pooled_features(network, images.flip(2), CPU, 24)
    assert not torch.allclose(found, moved)


def test_one_number_a_channel_is_the_average() -> None:
    network = new_network(TRAINER, toy_run())
    images = torch.rand(3, 1, 8, 8, 8)
    pairs = [(Mahalanobis(), "average"), (Mahalanobis(maps="pooled", elements=2), "pooled")]
    one, other = (distance.features(network, images, CPU) for distance, _ in pairs)
    torch.testing.assert_close(one, other)


def test_the_settings_are_those_of_the_groups_code() -> None:
    method = ODEx.released(TRAINER)
    assert (method.maps, method.elements, method.shrinkage) == ("pooled", 10_000, 0.0)
    assert method.squared
    assert method.clipped
    assert (method.threshold, method.history, method.reference) == (2.0, True, "last")


def test_a_clipped_scan_counts_up_to_the_doubled_maximum() -> None:
    """Group's code: between the minimum and twice the maximum, then (D - min) / (2 max - min)."""
    plain, clipped = Measure(Level()), Measure(Level(), clipped=True)
    model = learned(plain, grey(0.1, 0.2, 0.6))
    low, high = plain.limits(model).low, plain.limits(model).high
    each = plain.summed(model, grey(0.3, 0.5, 9.0), CPU)
    possible = [min(max(float(d), low), 2 * high) for d in each]
    wanted = np.mean([(d - low) / (2 * high - low) for d in possible])
    assert clipped.arrival([model], grey(0.3, 0.5, 9.0), CPU).distances[0] == pytest.approx(wanted)
    assert plain.arrival([model], grey(0.3, 0.5, 9.0), CPU).distances[0] > wanted


def test_fixed_references_add_up_over_the_history() -> None:
    stages = (grey(0.1, 0.2, 0.6), grey(0.3, 0.4, 0.5), grey(0.2, 0.3, 0.8))
    alone = [learned(Measure(Level()), stage).within for stage in stages]
    own = learned(Measure(Level(), reference="own"), *stages)
    assert own.ranges == tuple(alone)
    assert Measure(Level(), reference="own").limits(own) == Range.total([r for r in alone if r])
    last = Measure(Level(), history=False, reference="own")
    assert last.limits(learned(last, *stages)) == alone[-1]
    assert learned(Measure(Level()), *stages).ranges == ()


def test_the_first_reference_is_the_stage_that_began_a_model() -> None:
    """Distance and range; a copy has its own from the stage where it began, not what it inherited."""
    measure, network = Measure(Level(), reference="first"), new_network(TRAINER, toy_run())
    old = learned(measure, grey(0.1, 0.2, 0.6), grey(0.3, 0.4, 0.5))
    assert [float(entry["level"]) for entry in measure.entries(old)] == pytest.approx([0.3])
    assert measure.limits(old) == learned(Measure(Level()), grey(0.1, 0.2, 0.6)).within
    copy = measure.trained(old, network, grey(0.7, 0.8, 0.9), CPU, new=True)
    copy = measure.trained(copy, network, grey(0.9, 1.0, 1.1), CPU)
    assert (len(copy.history), copy.began) == (4, 2)
    assert [float(entry["level"]) for entry in measure.entries(copy)] == pytest.approx([0.8])
    assert measure.limits(copy) == copy.ranges[2]


def test_the_first_weights_read_all_scans() -> None:
    """Training moves the present weights only, so the features of one scan stay as they were."""
    measure = Measure(Mahalanobis(), reference="own", weights="first")
    networks = [new_network(TRAINER, toy_run(repetition=k)) for k in (0, 1)]
    images = torch.rand(2, 5, 1, 4, 4, 4)
    model = Model(networks[0])
    for network, stage in zip(networks, images, strict=True):
        model = measure.trained(model, network, stage, CPU)
    assert model.network is networks[1]
    assert model.reader is networks[0]
    z = [measure.distance.features(networks[0], x, CPU) for x in (*images, images[0])]
    wanted = sum(mahalanobis(z[2], Gaussian.of(z[k])) for k in (0, 1))
    torch.testing.assert_close(measure.summed(model, images[0], CPU), wanted)


@pytest.mark.parametrize(
    "method",
    [
        ODEx.released(TRAINER),
        ODEx(TRAINER, reference="own", weights="first", maps="pooled", elements=20),
    ],
)
def test_variants_walk_the_stream_and_are_one_file(method: ODEx, tmp_path: Path) -> None:
    found = method.fit(toy_task(6).view(CONTINUAL), toy_run())
    pool = found.after[3]
    assert isinstance(pool, PoolPredictor)
    save(pool, tmp_path / "pool.pt")
    again = load(tmp_path / "pool.pt")
    assert again.measure == pool.measure
    for one, other in zip(pool.models, again.models, strict=True):
        assert (one.ranges, one.began) == (other.ranges, other.began)
        assert (one.reader is None) == (other.reader is None)
        if one.reader is not None and other.reader is not None:
            assert same(one.reader, other.reader)
    scan = balls("x", 1, 0.5).images
    assert pool.seen(scan) == again.seen(scan)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"maps": "whole"}, "maps"),
        ({"elements": 0}, "elements"),
        ({"reference": "second"}, "reference"),
        ({"weights": "last"}, "weights"),
    ],
)
def test_wrong_settings_are_named(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ODEx(TRAINER, **arguments)  # type: ignore[arg-type]
