"""AdaBN: statistics against direct computation over all images, for any minibatch size."""

import pytest
import torch
from torch import Tensor, nn

from medda_lib.methods.adabn import AdaBN, adapt_statistics
from medda_lib.methods.source_model import SourceModel
from medda_lib.methods.source_network.training import inputs
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.studies.method import Run
from medda_lib.studies.setting import Role
from tests.methods.two_sites import SEGMENTER, view


def target() -> Tensor:
    return view().unlabelled(Role.UNLABELLED_TARGET, "segmentation").images


def first_layer(network: ResidualUNet) -> nn.BatchNorm2d:
    return next(m for m in network.modules() if isinstance(m, nn.BatchNorm2d))


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_first_layer_has_the_statistics_of_all_images(batch: int) -> None:
    torch.manual_seed(0)
    network, images = ResidualUNet(4, 3), target()
    adapt_statistics(network, images, batch)
    with torch.no_grad():
        first = next(m for m in network.modules() if isinstance(m, nn.Conv2d))
        values = first(images).double()  # what the first normalisation sees
    layer = first_layer(network)
    assert layer.running_mean is not None
    assert layer.running_var is not None
    torch.testing.assert_close(layer.running_mean.double(), values.mean(dim=(0, 2, 3)))
    wanted = values.transpose(0, 1).flatten(1).var(dim=1)
    torch.testing.assert_close(layer.running_var.double(), wanted)


def test_one_batch_of_all_images_is_training_mode_on_them() -> None:
    """Then every layer is exact: evaluation mode repeats what training mode did."""
    torch.manual_seed(1)
    network, images = ResidualUNet(4, 3), target()
    with torch.no_grad():
        wanted = network.train()(images)
        adapt_statistics(network, images, batch=len(images))
        found = network(images)
    # the running variance is unbiased, the one of training mode is not: n / (n - 1) apart
    torch.testing.assert_close(found, wanted, rtol=2e-2, atol=2e-2)


def test_repeated_images_weigh_as_often_as_they_appear() -> None:
    torch.manual_seed(2)
    network, images = ResidualUNet(4, 2), target()
    once, twice = images, torch.cat([images, images])
    means = []
    for shown, batch in ((once, 5), (twice, 7)):
        adapt_statistics(network, shown, batch)
        means.append(first_layer(network).running_mean.clone())  # type: ignore[union-attr]
    torch.testing.assert_close(means[0], means[1])


def test_weights_stay_and_statistics_change() -> None:
    run = Run(4)
    plain = SourceModel(SEGMENTER).fit(view(), run).network
    adapted = AdaBN(SEGMENTER).fit(view(), run).network
    for one, two in zip(plain.parameters(), adapted.parameters(), strict=True):
        assert torch.equal(one, two)
    layers = zip(plain.named_buffers(), adapted.named_buffers(), strict=True)
    changed = {name: not torch.equal(before, after) for (name, before), (_, after) in layers}
    statistics = [c for name, c in changed.items() if "running" in name]
    assert statistics
    assert all(statistics)


def test_hooks_are_gone_and_evaluation_mode_is_on() -> None:
    network = ResidualUNet(2, 2)
    adapt_statistics(network, inputs(target(), SEGMENTER), 4)
    assert not network.training
    assert all(not module._forward_pre_hooks for module in network.modules())
    before = first_layer(network).running_mean.clone()  # type: ignore[union-attr]
    network(target()[:2])
    assert torch.equal(before, first_layer(network).running_mean)  # type: ignore[arg-type]


def test_a_network_without_statistics_is_refused() -> None:
    with pytest.raises(ValueError, match="no BatchNorm2d"):
        adapt_statistics(nn.Conv2d(1, 1, 3), target())
    with pytest.raises(ValueError, match="no running statistics"):
        adapt_statistics(nn.BatchNorm2d(1, track_running_stats=False), target())
