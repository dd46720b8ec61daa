"""AdaptSegNet: both losses against their formulas, and whose parameters each one moves."""

from contextlib import nullcontext

import pytest
import torch
from torch import Tensor, nn

from medda_lib.methods.adaptsegnet import (
    BETAS,
    AdaptSegNet,
    Discriminator,
    _Adversary,
    adversarial_loss,
    discriminator_loss,
)
from medda_lib.methods.finetuning import Batch, Tuning, sites_of
from medda_lib.methods.finetuning.balance import gradient_norms
from medda_lib.methods.source_network.shared import pretrained
from medda_lib.methods.training import SGD, Adam, Poly, Recipe
from medda_lib.studies.method import Run
from tests.methods.two_sites import FINETUNING, SEGMENTER, view


@pytest.fixture
def discriminator() -> Discriminator:
    torch.manual_seed(0)
    return Discriminator(4)


def masks(seed: int) -> Tensor:
    return torch.rand(3, 1, 32, 32, generator=torch.Generator().manual_seed(seed))


def test_architecture_of_the_paper() -> None:
    layers = [m for m in Discriminator(64).modules() if isinstance(m, nn.Conv2d)]
    assert [m.out_channels for m in layers] == [64, 128, 256, 512, 1]
    assert {(m.kernel_size, m.stride) for m in layers} == {((4, 4), (2, 2))}
    assert Discriminator(64)(masks(0)).shape == (3, 1, 1, 1)
    assert (AdaptSegNet.paper().weight, AdaptSegNet.paper().width) == (1e-3, 64)


def test_leaky_between_the_layers_and_none_after(discriminator: Discriminator) -> None:
    x = masks(1)
    for i, layer in enumerate(discriminator.layers):
        x = layer(x)
        if i < 4:
            x = torch.where(x > 0, x, 0.2 * x)
    torch.testing.assert_close(discriminator(masks(1)), x)


def test_losses_are_cross_entropies(discriminator: Discriminator) -> None:
    source, target = masks(1), masks(2)
    p, q = (discriminator(x).sigmoid() for x in (source, target))
    torch.testing.assert_close(adversarial_loss(discriminator, target), -q.log().mean())
    wanted = -(p.log().mean() + (1 - q).log().mean()) / 2
    torch.testing.assert_close(discriminator_loss(discriminator, source, target), wanted)


def test_each_loss_moves_its_own_network_only(discriminator: Discriminator) -> None:
    source, target = masks(1).requires_grad_(), masks(2).requires_grad_()
    adversarial_loss(discriminator, target).backward()
    assert target.grad is not None
    assert bool(target.grad.any())
    assert all(p.grad is None for p in discriminator.parameters())
    target.grad = None
    discriminator_loss(discriminator, source, target).backward()
    assert source.grad is None
    assert target.grad is None
    assert all(p.grad is not None and bool(p.grad.any()) for p in discriminator.parameters())


def test_adversarial_gradient_against_differences(discriminator: Discriminator) -> None:
    double = discriminator.double()
    x = masks(4)[:1].double().requires_grad_()
    assert torch.autograd.gradcheck(lambda t: adversarial_loss(double, t), (x,), fast_mode=True)


def test_discriminator_learns_to_tell_the_sites(discriminator: Discriminator) -> None:
    adversary = _Adversary(discriminator, 1.0, Recipe(1000, 1e-2, Adam(BETAS)))
    (player,) = adversary.players()
    source, target = 4 * torch.ones(4, 1, 32, 32), -4 * torch.ones(4, 1, 32, 32)
    logits = torch.cat([source, target])

    def loss() -> float:
        found = discriminator_loss(discriminator, source.sigmoid(), target.sigmoid())
        return float(found.detach())

    before = loss()
    nobody = Batch(torch.arange(4), torch.arange(4))
    for number in range(40):
        adversary.term(torch.zeros(8), logits, torch.zeros(4), nobody)
        player.take(nobody, number, nullcontext)
    assert loss() < 0.3 < before


def test_term_is_weighted_and_about_the_target(discriminator: Discriminator) -> None:
    adversary = _Adversary(discriminator, 0.25, Recipe(1))
    logits = torch.randn(6, 1, 32, 32)
    batch = Batch(torch.arange(3), torch.arange(3))
    found = adversary.term(torch.zeros(6, 2, 4, 4), logits, torch.zeros(3, 1, 32, 32), batch)
    wanted = 0.25 * adversarial_loss(discriminator, logits[3:].sigmoid())
    torch.testing.assert_close(found, wanted)


def test_numbers_of_the_authors() -> None:
    method = AdaptSegNet.released()
    recipe = method.finetuning
    assert (method.weight, method.width, method.rate) == (1e-3, 64, 1e-4)
    assert recipe.optimiser == SGD(0.9, nesterov=False, weight_decay=5e-4)
    assert (recipe.learning_rate, recipe.schedule) == (2.5e-4, Poly())
    compared = AdaptSegNet.of_goodman()
    assert compared.finetuning.learning_rate == 5e-6
    assert [compared.finetuning.schedule.factor(n, 6500) for n in (4999, 5000)] == [1, 0.1]
    for one in (method, compared):
        assert (one.finetuning.steps, one.arrangement.passes) == (6500, "apart")


@pytest.mark.parametrize("weight", [1e-3, 1.0])
def test_how_strong_the_adversary_is_beside_the_segmentation(weight: float) -> None:
    """At the authors' weight the term hardly moves a network of this size; see the module."""
    sites, run = sites_of(view()), Run(0)
    torch.manual_seed(0)
    adversary = _Adversary(Discriminator(4), weight, Recipe(1))
    network = pretrained(sites.source, SEGMENTER, sites.name, run).network
    tuning = Tuning(network, sites, SEGMENTER, FINETUNING, run, adversary)
    found = gradient_norms(tuning, tuning.order[0])
    share = found["adaptation"] / found["segmentation"]
    assert 0 < share < 0.1 * weight
