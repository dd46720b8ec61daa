"""Losses against references that share no code with them: loops, scikit-learn, distributions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, log_loss
from torch import Tensor
from torch.autograd import gradcheck
from torch.distributions import Bernoulli, kl_divergence

from medda_lib.methods import losses

RNG = torch.Generator()


def random(*shape: int, scale: float = 2.0, seed: int = 0) -> Tensor:
    x = scale * torch.randn(*shape, generator=RNG.manual_seed(seed), dtype=torch.float64)
    return x.requires_grad_()


def test_cross_entropy_is_log_loss_with_its_gradient() -> None:
    logits, labels = random(7, 2), torch.tensor([0, 1, 1, 0, 1, 0, 0])
    loss = losses.labelled_cross_entropy(logits, labels)
    probability = logits.detach().softmax(dim=1)
    assert float(loss.detach()) == pytest.approx(log_loss(labels.numpy(), probability.numpy()))
    (gradient,) = torch.autograd.grad(loss, logits)
    expected = (probability - torch.eye(2, dtype=torch.float64)[labels]) / 7
    torch.testing.assert_close(gradient, expected)


def test_pseudo_label_loss_counts_confident_images_and_divides_by_all() -> None:
    strong, weak = random(6, 2, seed=1), random(6, 2, seed=2)
    total, kept = 0.0, 0
    gradient = np.zeros((6, 2))
    for i in range(6):
        w = [math.exp(float(v)) for v in weak[i].detach()]
        p = [v / sum(w) for v in w]
        if max(p) >= 0.7:
            s = [math.exp(float(v)) for v in strong[i].detach()]
            q = [v / sum(s) for v in s]
            label = p.index(max(p))
            total -= math.log(q[label])
            kept += 1
            gradient[i] = [(q[c] - (c == label)) / 6 for c in range(2)]
    assert 0 < kept < 6
    loss = losses.pseudo_label_loss(strong, weak, 0.7)
    assert float(loss.detach()) == pytest.approx(total / 6)
    found = torch.autograd.grad(loss, (strong, weak), allow_unused=True)
    np.testing.assert_allclose(found[0].numpy(), gradient, atol=1e-12)
    assert found[1] is None  # a pseudo-label is a constant


@pytest.mark.parametrize(("threshold", "kept"), [(0.5, [True, True]), (0.7, [True, False])])
def test_threshold_includes_equality(threshold: float, kept: list[bool]) -> None:
    logits = torch.tensor([[0.0, math.log(7 / 3)], [0.0, 0.0]], dtype=torch.float64)
    exact = float(logits.softmax(dim=1)[0, 1])  # 0.7 up to rounding
    labels, found = losses.pseudo_labels(logits, min(threshold, exact))
    assert found.tolist() == kept
    assert labels.tolist() == [1, 0]


def test_dice_loss_equals_f1_on_hard_predictions() -> None:
    rng = np.random.default_rng(0)
    predicted, reference = rng.random((2, 3, 1, 16, 16)) > 0.4
    logits = torch.from_numpy(np.where(predicted, 50.0, -50.0))
    loss = float(losses.dice_loss(logits, torch.from_numpy(reference)))
    scores = []
    for p, r in zip(predicted, reference, strict=True):
        f1, total = f1_score(r.ravel(), p.ravel()), int(p.sum() + r.sum())
        scores.append((f1 * total + 1) / (total + 1))  # one pixel added above and below
    assert loss == pytest.approx(1 - np.mean(scores))


def test_dice_loss_soft_value_gradient_and_empty_masks() -> None:
    logits = random(2, 1, 3, 3)
    masks = torch.rand(2, 1, 3, 3, generator=RNG.manual_seed(3)) > 0.5
    expected = 0.0
    for z, m in zip(logits.detach(), masks, strict=True):
        p = [1 / (1 + math.exp(-float(v))) for v in z.flatten()]
        s = [float(v) for v in m.flatten()]
        overlap = sum(a * b for a, b in zip(p, s, strict=True))
        expected += (1 - (2 * overlap + 1) / (sum(p) + sum(s) + 1)) / 2
    assert float(losses.dice_loss(logits, masks).detach()) == pytest.approx(expected)
    assert gradcheck(lambda z: losses.dice_loss(z, masks), logits)
    empty = torch.full((1, 1, 4, 4), -50.0)
    assert float(losses.dice_loss(empty, torch.zeros(1, 1, 4, 4, dtype=torch.bool))) < 1e-6


@pytest.mark.parametrize("alignment", losses.ALIGNMENTS)
def test_segmentation_kl_is_the_bernoulli_divergence(alignment: losses.Alignment) -> None:
    labelled, unlabelled = random(4, 1, 5, 5, seed=1), random(4, 1, 5, 5, seed=2)
    p = labelled.sigmoid()
    if alignment == "mean map":
        p = p.mean(dim=0, keepdim=True).expand(4, 1, 5, 5)
    reference = kl_divergence(Bernoulli(p), Bernoulli(logits=unlabelled)).mean()
    ours = losses.segmentation_kl(labelled, unlabelled, alignment)
    torch.testing.assert_close(ours, reference)
    for a, b in zip(
        torch.autograd.grad(ours, (labelled, unlabelled)),
        torch.autograd.grad(reference, (labelled, unlabelled)),
        strict=True,
    ):
        torch.testing.assert_close(a, b)
    assert gradcheck(lambda a, b: losses.segmentation_kl(a, b, alignment), (labelled, unlabelled))


def softmax_over_one_channel(a: Tensor, b: Tensor) -> Tensor:
    """What the released code computes."""
    p = a.softmax(dim=1)
    return (p * (a.log_softmax(dim=1) - b.log_softmax(dim=1))).mean()


def test_segmentation_kl_cannot_vanish_as_the_released_one_does() -> None:
    for seed in range(5):
        a, b = random(3, 1, 6, 6, seed=seed), random(3, 1, 6, 6, seed=seed + 50)
        assert float(softmax_over_one_channel(a, b).detach()) == 0
        for alignment in losses.ALIGNMENTS:
            ours = losses.segmentation_kl(a, b, alignment)
            assert float(ours.detach()) > 0.1
            for gradient in torch.autograd.grad(ours, (a, b)):
                assert float(gradient.abs().max()) > 1e-4
    same = random(1, 1, 6, 6)
    assert float(losses.segmentation_kl(same, same.repeat(4, 1, 1, 1)).detach()) < 1e-9


def test_segmentation_kl_stays_finite_when_certain() -> None:
    sure = torch.tensor([[[[200.0, -200.0]]]], requires_grad=True)
    wrong = (-sure).detach().requires_grad_()
    loss = losses.segmentation_kl(sure, wrong)
    assert math.isfinite(float(loss.detach()))
    assert all(g.isfinite().all() for g in torch.autograd.grad(loss, (sure, wrong)))


def test_mean_map_ignores_order_and_size_index_does_not() -> None:
    a, b = random(4, 1, 5, 5, seed=1), random(6, 1, 5, 5, seed=2)
    torch.testing.assert_close(losses.segmentation_kl(a, b), losses.segmentation_kl(a.flip(0), b))
    with pytest.raises(ValueError, match="one size"):
        losses.segmentation_kl(a, b, "index")
    swapped = losses.segmentation_kl(a, b[:4].flip(0), "index")
    assert not torch.allclose(losses.segmentation_kl(a, b[:4], "index"), swapped)
    with pytest.raises(ValueError, match="none of"):
        losses.segmentation_kl(a, b, "nonsense")  # type: ignore[arg-type]


def test_soft_losses_of_mixmatch() -> None:
    logits, targets = random(5, 2), random(5, 2, seed=1).detach().softmax(dim=1)
    q, p = logits.detach().softmax(dim=1).numpy(), targets.numpy()
    ours = float(losses.soft_cross_entropy(logits, targets).detach())
    assert ours == pytest.approx(-(p * np.log(q)).sum(axis=1).mean())
    assert float(losses.brier(logits, targets).detach()) == pytest.approx(((q - p) ** 2).mean())
    assert gradcheck(lambda z: losses.brier(z, targets), logits)
    assert gradcheck(lambda z: losses.soft_cross_entropy(z, targets), logits)
