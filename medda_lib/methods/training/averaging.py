"""What a training does to its weights beside its steps: a moving average to be judged by, and decay.

Berthelot et al. (2019) train MixMatch at a constant rate and predict with an exponential moving average
of the weights; after each step every kernel loses a small share of itself. Both are hooks of a
`Training`: `MovingAverage.hide` belongs into `before_step`, the rest into `took_step`.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn
from torch.nn import Parameter


class MovingAverage:
    """The average a of a network's parameters w: a <- decay a + (1 - decay) w after each step.

    It starts at the untrained parameters and is not corrected for that, as in the authors' code. `show`
    puts it into the network, where it can be validated, kept and predicted with; `hide` takes it out.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay: {decay} does not lie in [0, 1)")
        self.parameters = list(network.parameters())
        self.decay = decay
        self.values = [p.detach().clone() for p in self.parameters]
        self.shown = False

    @torch.no_grad()
    def follow(self) -> None:
        """Move the average towards the present parameters."""
        if self.shown:
            raise RuntimeError("the network holds the average: hide it before the next step")
        for value, parameter in zip(self.values, self.parameters, strict=True):
            value.lerp_(parameter, 1 - self.decay)

    def show(self) -> None:
        """From now on the network predicts with the average."""
        if not self.shown:
            self._exchange()

    def hide(self) -> None:
        """From now on the network holds the parameters that are trained."""
        if self.shown:
            self._exchange()

    @torch.no_grad()
    def _exchange(self) -> None:
        for value, parameter in zip(self.values, self.parameters, strict=True):
            held = parameter.clone()
            parameter.copy_(value)
            value.copy_(held)
        self.shown = not self.shown


@torch.no_grad()
def shrink(parameters: Iterable[Parameter], share: float) -> None:
    """Take a share off every kernel, w <- (1 - share) w; biases (of one dimension) stay as they are."""
    for parameter in parameters:
        if parameter.ndim > 1:
            parameter.mul_(1 - share)
