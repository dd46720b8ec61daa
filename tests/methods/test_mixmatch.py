"""MixMatch's pieces against the equations of its paper."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from medda_lib.methods import mixmatch


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_sharpen() -> None:
    p = torch.tensor([[0.6, 0.4], [0.5, 0.5], [1.0, 0.0]], dtype=torch.float64)
    expected = torch.tensor([[0.36 / 0.52, 0.16 / 0.52], [0.5, 0.5], [1.0, 0.0]]).double()
    torch.testing.assert_close(mixmatch.sharpen(p, 0.5), expected, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(mixmatch.sharpen(p, 1.0), p)
    assert float(mixmatch.sharpen(p, 0.05)[0, 0]) > 0.999


def test_guess_is_the_sharpened_mean_and_has_no_gradient() -> None:
    weight = torch.randn(4, 2, generator=generator(), requires_grad=True)
    views = [torch.randn(3, 4, generator=generator(k)) for k in (1, 2)]
    calls = []

    def classify(x: Tensor) -> Tensor:
        calls.append(len(x))
        return x @ weight

    guessed = mixmatch.guess(classify, views, 0.5)
    first, second = ((v @ weight).softmax(dim=1).detach().numpy() for v in views)
    mean = (first + second) / 2
    squared = mean**2
    np.testing.assert_allclose(guessed.numpy(), squared / squared.sum(axis=1, keepdims=True), 1e-5)
    assert not guessed.requires_grad
    assert calls == [6]


def test_weights_follow_the_folded_beta_distribution() -> None:
    weights = mixmatch.mix_weights(4000, 0.75, generator()).numpy()
    assert weights.min() >= 0.5
    assert weights.max() <= 1
    beta = stats.beta(0.75, 0.75)
    # P(max(l, 1 - l) <= x) = F(x) - F(1 - x)
    result = stats.kstest(weights, lambda x: beta.cdf(x) - beta.cdf(1 - x))
    assert result.pvalue > 0.01


def test_weights_come_from_the_generator() -> None:
    first, again = (mixmatch.mix_weights(5, 0.75, generator(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, mixmatch.mix_weights(5, 0.75, generator(4)))


def test_mix_up_mixes_images_and_targets_with_the_same_weight() -> None:
    images = torch.rand(4, 1, 3, 3, generator=generator())
    targets = torch.eye(2)[torch.tensor([0, 1, 1, 0])]
    partners, weights = torch.tensor([2, 0, 3, 1]), torch.tensor([0.5, 0.6, 0.9, 1.0])
    x, y = mixmatch.mix_up(images, targets, partners, weights)
    for i, (j, w) in enumerate(zip(partners.tolist(), weights.tolist(), strict=True)):
        torch.testing.assert_close(x[i], w * images[i] + (1 - w) * images[j])
        torch.testing.assert_close(y[i], w * targets[i] + (1 - w) * targets[j])


@pytest.mark.parametrize(
    ("step", "steps", "value"),
    [(0, 10, 0.0), (5, 10, 0.5), (10, 10, 1.0), (99, 10, 1.0), (1, 0, 1.0)],
)
def test_ramp_up(step: int, steps: int, value: float) -> None:
    assert mixmatch.ramp_up(step, steps) == value
