"""Distillation losses against hand-computed values and brute force over voxels and classes."""

from math import exp, log

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from medda_lib.methods.continual.distillation import (
    Distilling,
    OldNetwork,
    as_classes,
    distillation,
    unbiased_distillation,
)
from medda_lib.methods.continual.lwf import LwF
from medda_lib.methods.continual.mib import MiB
from medda_lib.methods.continual.training import PLAIN, new_network, train
from tests.methods.continual_toy import TRAINER, balls, toy_run


def sigmoid(z: float) -> float:
    return 1 / (1 + exp(-z))


def softmax(values: list[float]) -> list[float]:
    total = sum(exp(v) for v in values)
    return [exp(v) / total for v in values]


def voxels(logits: Tensor) -> list[list[float]]:
    """The logits of each voxel, (n, classes, ...) in any order of voxels that is always the same."""
    return logits.detach().double().movedim(1, -1).flatten(0, -2).tolist()


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
def test_one_logit_is_two_classes(temperature: float) -> None:
    z = torch.randn(2, 1, 3, 4, 5)
    found = (as_classes(z) / temperature).softmax(dim=1)
    torch.testing.assert_close(found[:, 1:], (z / temperature).sigmoid())
    with pytest.raises(ValueError, match="one channel"):
        as_classes(found)


def test_distillation_of_one_voxel_by_hand() -> None:
    """Old logit 2, new logit -1, T = 2: cross entropy of Bernoulli variables at 1 and -1/2."""
    new, old = torch.full((1, 1, 1, 1, 1), -1.0), torch.full((1, 1, 1, 1, 1), 2.0)
    q, p = sigmoid(1.0), sigmoid(-0.5)
    wanted = -(q * log(p) + (1 - q) * log(1 - p))
    assert float(distillation(as_classes(new), as_classes(old))) == pytest.approx(wanted, rel=1e-6)


def test_a_sum_over_a_scan_has_the_gradient_of_public_codes_divergence() -> None:
    """Lifelong-nnUNet: KL of softened answers, summed over voxels and classes, divided by the batch."""
    new, old = torch.randn(3, 2, 4, 5, 6, requires_grad=True), torch.randn(3, 2, 4, 5, 6)
    logs = [(z / 2).log_softmax(dim=1) for z in (new, old)]
    wanted = F.kl_div(logs[0], logs[1], reduction="batchmean", log_target=True)
    found = distillation(new, old, 2.0, "scan")
    gradients = [torch.autograd.grad(loss, new)[0] for loss in (found, wanted)]
    torch.testing.assert_close(*gradients)
    torch.testing.assert_close(found, 4 * 5 * 6 * distillation(new, old, 2.0))
    entropy = -(logs[1].exp() * logs[1]).sum() / 3
    torch.testing.assert_close(found, wanted + entropy)


def test_per_class_is_the_codes_way_to_average() -> None:
    new, old = torch.randn(2, 2, 3, 4, 5), torch.randn(2, 2, 3, 4, 5)
    whole = unbiased_distillation(new, old, 0.9)
    torch.testing.assert_close(unbiased_distillation(new, old, 0.9, per_class=True), whole / 2)


def test_lwf_and_mib_hand_their_ways_on() -> None:
    """The group's code at its own settings; by default a mean over voxels and the printed equation."""
    network = new_network(TRAINER, toy_run())
    images, logits = torch.rand(2, 1, 8, 12, 8), torch.randn(2, 1, 8, 12, 8)
    voxels = images[0].numel()
    plain, summed = LwF(TRAINER), LwF(TRAINER, reduction="scan")
    one, other = (m.against(network.eval()).on_outputs(images, logits) for m in (plain, summed))
    torch.testing.assert_close(other, voxels * one)
    halves = (MiB(TRAINER), MiB(TRAINER, per_class=True))
    one, other = (m.against(network.eval()).on_outputs(images, logits) for m in halves)
    torch.testing.assert_close(other, one / 2)
    with pytest.raises(ValueError, match="reduction"):
        LwF(TRAINER, reduction="batch")  # type: ignore[arg-type]


@pytest.mark.parametrize(("classes", "temperature"), [(2, 2.0), (4, 2.0), (5, 1.0)])
def test_distillation_voxel_by_voxel(classes: int, temperature: float) -> None:
    new, old = torch.randn(2, classes, 3, 4), 2 * torch.randn(2, classes, 3, 4)
    each = []
    for a, b in zip(voxels(new), voxels(old), strict=True):
        p = softmax([v / temperature for v in a])
        # As printed: y^(1/T) / sum of y^(1/T)
        powers = [y ** (1 / temperature) for y in softmax(b)]
        q = [y / sum(powers) for y in powers]
        each.append(-sum(qc * log(pc) for qc, pc in zip(q, p, strict=True)))
    found = float(distillation(new, old, temperature))
    assert found == pytest.approx(sum(each) / len(each), rel=1e-5)


def test_distillation_is_least_where_both_agree() -> None:
    old = torch.randn(2, 3, 4, 4)
    new = old.clone().requires_grad_()
    loss = distillation(new, old)
    (gradient,) = torch.autograd.grad(loss, new)
    assert float(gradient.abs().max()) < 1e-7
    assert float(distillation(old + torch.randn_like(old), old)) > float(loss.detach())
    with pytest.raises(ValueError, match="differ"):
        distillation(old, old[:, :2])


def test_the_gradient_of_distillation_is_the_difference_of_softened_answers() -> None:
    new = torch.randn(2, 3, 4, requires_grad=True)
    old = torch.randn(2, 3, 4, requires_grad=True)
    loss = distillation(new, old, 2.0)
    gradients = torch.autograd.grad(loss, [new, old], allow_unused=True)
    wanted = ((new / 2).softmax(1) - (old / 2).softmax(1)) / 2 / (2 * 4)
    torch.testing.assert_close(gradients[0], wanted)
    assert gradients[1] is None, "the old network's answers are targets"


@pytest.mark.parametrize(("known", "classes", "alpha"), [(2, 4, 1.0), (3, 4, 0.9), (3, 6, 2.0)])
def test_unbiased_distillation_voxel_by_voxel(known: int, classes: int, alpha: float) -> None:
    new, old = torch.randn(2, classes, 3, 4), torch.randn(2, known, 3, 4)
    each = []
    for a, b in zip(voxels(new), voxels(old), strict=True):
        p, q = softmax(a), softmax([alpha * v for v in b])
        merged = [p[0] + sum(p[known:]), *p[1:known]]
        each.append(-sum(qc * log(pc) for qc, pc in zip(q, merged, strict=True)))
    found = float(unbiased_distillation(new, old, alpha))
    assert found == pytest.approx(sum(each) / len(each), rel=1e-5)
    with pytest.raises(ValueError, match="fewer"):
        unbiased_distillation(old, new)


def test_with_equal_classes_mib_is_plain_distillation() -> None:
    """What the stream of hippocampi leaves of Modelling the Background, values and gradients."""
    z, old = torch.randn(2, 1, 3, 4, 5, requires_grad=True), torch.randn(2, 1, 3, 4, 5)
    pairs = [
        (
            unbiased_distillation(as_classes(z), as_classes(old)),
            F.binary_cross_entropy_with_logits(z, old.sigmoid()),
        ),
        (
            unbiased_distillation(as_classes(z), as_classes(old)),
            distillation(as_classes(z), as_classes(old), temperature=1.0),
        ),
    ]
    for found, wanted in pairs:
        torch.testing.assert_close(found, wanted)
        gradients = [torch.autograd.grad(loss, z, retain_graph=True)[0] for loss in (found, wanted)]
        torch.testing.assert_close(gradients[0], gradients[1])


def test_methods_weigh_their_distance_from_the_old_network() -> None:
    old, images = new_network(TRAINER, toy_run()), torch.rand(2, 1, 8, 12, 8)
    logits = torch.randn(2, 1, 8, 12, 8)
    with torch.no_grad():
        answer = old(images)
    lwf = LwF(TRAINER, weight=3.0).against(old).on_outputs(images, logits)
    q, p = (answer / 2).sigmoid(), (logits / 2).sigmoid()
    torch.testing.assert_close(lwf, 3 * F.binary_cross_entropy(p, q))
    mib = MiB(TRAINER, lkd=0.5).against(old).on_outputs(images, logits)
    torch.testing.assert_close(
        mib, 0.5 * F.binary_cross_entropy_with_logits(logits, answer.sigmoid())
    )


def test_the_old_network_is_that_of_the_last_boundary() -> None:
    network, pool, run = new_network(TRAINER, toy_run()), balls("a", 2, 0.9), toy_run()
    memory = OldNetwork(TRAINER, LwF(TRAINER).against)
    memory.commit()
    assert memory.regulariser(network) is PLAIN, "nothing has been seen yet"
    memory.observe(network, pool, 1, run)
    assert memory.regulariser(network) is PLAIN, "no boundary yet"
    wanted = {name: value.clone() for name, value in network.state_dict().items()}
    memory.commit()
    train(network, pool, TRAINER, 2, run)
    memory.observe(network, pool, 2, run)
    kept = memory.regulariser(network)
    assert isinstance(kept, Distilling)
    assert not kept.old.training
    assert not any(p.requires_grad for p in kept.old.parameters())
    for name, value in kept.old.state_dict().items():
        assert torch.equal(value, wanted[name])
