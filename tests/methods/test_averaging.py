"""The moving average of weights and the decay of kernels, against loops."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from medda_lib.methods.training import MovingAverage, shrink


def test_the_average_follows_and_is_exchanged() -> None:
    torch.manual_seed(0)
    network = nn.Linear(3, 2)
    average = MovingAverage(network, 0.9)
    expected = network.weight.detach().clone()
    for _ in range(4):
        with torch.no_grad():
            network.weight.add_(torch.randn(2, 3))
        average.follow()
        expected = 0.9 * expected + 0.1 * network.weight.detach()
    trained = network.weight.detach().clone()
    average.show()
    average.show()
    torch.testing.assert_close(network.weight.detach(), expected)
    with pytest.raises(RuntimeError, match="hide it"):
        average.follow()
    average.hide()
    average.hide()
    assert torch.equal(network.weight.detach(), trained)


def test_kernels_shrink_and_biases_do_not() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(4, 2))
    before = [p.detach().clone() for p in network.parameters()]
    shrink(network.parameters(), 0.25)
    for parameter, value in zip(network.parameters(), before, strict=True):
        torch.testing.assert_close(parameter.detach(), value * (0.75 if value.ndim > 1 else 1))


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_a_decay_that_is_none_is_refused(decay: float) -> None:
    with pytest.raises(ValueError, match="decay"):
        MovingAverage(nn.Linear(1, 1), decay)
