"""ODEx: what is read of a scan, the Gaussian of a stage, and distances to it."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import mahalanobis as scipys
from torch import Tensor
from torch.nn import functional as F

from medda_lib.methods.continual.training import new_network, scans, train
from medda_lib.methods.odex.distances import (
    Distance,
    Gram,
    Mahalanobis,
    gram_distance,
    held_out,
    mahalanobis,
)
from medda_lib.methods.odex.statistics import (
    Gaussian,
    first_outputs,
    gram_matrices,
    scan_features,
)
from medda_lib.networks.dyn_unet import DynUNet
from tests.methods.continual_toy import SHAPE, TRAINER, balls, toy_run

CPU = torch.device("cpu")


def trained() -> DynUNet:
    network = new_network(TRAINER, toy_run())
    train(network, balls("a", 2, 0.9), TRAINER, 1, toy_run())
    return network


def images(count: int = 3) -> Tensor:
    return scans(balls("b", count, 0.7))[0]


@torch.no_grad()
def by_hand(network: DynUNet, x: Tensor) -> list[Tensor]:
    """The first block written out: convolution, normalisation by the running statistics, twice."""
    weights = network.state_dict()
    found = []
    for k in ("1", "2"):
        x = F.conv3d(x, weights[f"input_block.conv{k}.conv.weight"], padding=1)
        norm = {
            name: weights[f"input_block.norm{k}.{name}"].view(1, -1, 1, 1, 1)
            for name in ("running_mean", "running_var", "weight", "bias")
        }
        x = (x - norm["running_mean"]) / (norm["running_var"] + 1e-5).sqrt()
        x = x * norm["weight"] + norm["bias"]
        found.append(x)
        x = F.leaky_relu(x, 0.01)
    return found


def test_features_are_means_of_both_layers_of_the_first_block() -> None:
    network = trained().train()
    wanted = torch.cat([out.mean((2, 3, 4)) for out in by_hand(network, images())], dim=1)
    found = scan_features(network, images(), CPU)
    assert found.shape == (3, 2 * TRAINER.filters[0])
    assert found.dtype == torch.float64
    assert not network.training
    torch.testing.assert_close(found, wanted.double(), rtol=1e-4, atol=1e-5)


def test_a_scans_features_do_not_depend_on_the_others() -> None:
    network, three = trained(), images()
    together = scan_features(network, three, CPU)
    for k in range(3):
        assert torch.equal(scan_features(network, three[k : k + 1], CPU)[0], together[k])


def test_only_the_first_block_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    network = trained()
    before = {name: value.clone() for name, value in network.state_dict().items()}

    def refuse(*_: object) -> None:
        raise AssertionError("the whole network ran")

    monkeypatch.setattr(type(network), "forward", refuse)
    odd = torch.rand(1, 1, 5, 7, 9)
    assert first_outputs(network, odd, CPU).shape == (2, TRAINER.filters[0], 5 * 7 * 9)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_the_gaussian_is_that_of_equation_3() -> None:
    z = torch.randn(7, 4, dtype=torch.float64)
    found = Gaussian.of(z)
    np.testing.assert_allclose(found.mean.numpy(), z.numpy().mean(0))
    np.testing.assert_allclose(found.covariance.numpy(), np.cov(z.numpy().T, bias=True))
    with pytest.raises(ValueError, match="two scans"):
        Gaussian.of(z[:1])


@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_shrinkage_keeps_the_trace(share: float) -> None:
    found = Gaussian.of(torch.randn(9, 4, dtype=torch.float64))
    shrunk = found.shrunk(share)
    torch.testing.assert_close(shrunk.trace(), found.covariance.trace())
    size = found.covariance.diagonal().mean()
    values = torch.linalg.eigvalsh(found.covariance)
    wanted = (1 - share) * values + share * size
    torch.testing.assert_close(torch.linalg.eigvalsh(shrunk), wanted)


def test_the_default_bounds_the_condition_number() -> None:
    """At most 9 d + 1 for a share of 0.1, which two scans (a covariance of rank 1) attain."""
    for n, d in ((2, 16), (5, 64), (20, 16)):
        gaussian = Gaussian.of(torch.randn(n, d, dtype=torch.float64))
        values = torch.linalg.eigvalsh(gaussian.shrunk(0.1))
        condition = float(values[-1] / values[0])
        assert condition <= (9 * d + 1) * (1 + 1e-9)
        if n == 2:
            assert condition == pytest.approx(9 * d + 1)


@pytest.mark.parametrize("share", [0.05, 0.1, 0.7])
def test_mahalanobis_is_the_distance_of_scipy(share: float) -> None:
    z, x = torch.randn(2, 12, 5, dtype=torch.float64)
    gaussian = Gaussian.of(z)
    inverse = np.linalg.inv(gaussian.shrunk(share).numpy())
    wanted = [scipys(row, gaussian.mean.numpy(), inverse) for row in x.numpy()]
    np.testing.assert_allclose(mahalanobis(x, gaussian, share).numpy(), wanted)
    distance = Mahalanobis(share)
    np.testing.assert_allclose(distance.between(x, distance.kept(z)).numpy(), wanted)


def test_a_singular_covariance_is_refused() -> None:
    z = torch.randn(3, 6, dtype=torch.float64)
    with pytest.raises(ValueError, match="singular"):
        mahalanobis(z, Gaussian.of(z), 0.0)
    same = torch.ones(4, 6, dtype=torch.float64)
    with pytest.raises(ValueError, match="do not differ"):
        mahalanobis(same, Gaussian.of(same))
    with pytest.raises(ValueError, match="shrinkage"):
        Mahalanobis(1.5)


def test_gram_matrices_and_distance_by_brute_force() -> None:
    network, three = trained(), images()
    channels, voxels = TRAINER.filters[0], int(np.prod(SHAPE))
    wanted = np.zeros((3, 2, channels, channels))
    for n in range(3):
        for layer, maps in enumerate(first_outputs(network, three[n : n + 1], CPU).numpy()):
            for i in range(channels):
                for j in range(channels):
                    wanted[n, layer, i, j] = (maps[i] * maps[j]).sum() / (channels * voxels)
    grams = gram_matrices(network, three, CPU)
    np.testing.assert_allclose(grams.numpy(), wanted)
    kept = Gram().kept(grams[:2])
    mean = (wanted[0] + wanted[1]) / 2
    far = sum(((wanted[2, k] - mean[k]) ** 2).sum() / channels**2 for k in range(2))
    np.testing.assert_allclose(Gram().between(grams, kept)[2].item(), far)
    assert float(gram_distance(grams[:1], grams[0])) == 0


@pytest.mark.parametrize("distance", [Mahalanobis(0.2), Gram()])
def test_held_out_distances_are_to_the_others(distance: Distance) -> None:
    shape = (5, 2, 3, 3) if isinstance(distance, Gram) else (5, 4)
    features = torch.randn(shape, dtype=torch.float64)
    found = held_out(distance, features)
    for k in range(5):
        others = torch.cat([features[:k], features[k + 1 :]])
        wanted = distance.between(features[k : k + 1], distance.kept(others))
        torch.testing.assert_close(found[k : k + 1], wanted)
    with pytest.raises(ValueError, match="three"):
        held_out(distance, features[:2])
