"""Optimisers as part of a specification: frozen dataclasses that make the real ones.

Any dataclass with a `kind` and a `make` will do, so an optimiser that a paper invents needs no change
of the loop and is hashed with the run that uses it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch.nn import Parameter


class Optimiser(Protocol):
    """A frozen dataclass with a `kind`; its fields are the numbers of the optimiser."""

    def make(self, parameters: Iterable[Parameter], rate: float) -> torch.optim.Optimizer:
        """A fresh optimiser of these parameters; `rate` is the learning rate of the first step."""
        ...


@dataclass(frozen=True)
class Adam:
    """Kingma and Ba (2015). fused: one kernel for all parameters, which rounds differently."""

    kind: ClassVar[str] = "Adam"

    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    fused: bool = False

    def make(self, parameters: Iterable[Parameter], rate: float) -> torch.optim.Optimizer:
        """A fresh optimiser of these parameters."""
        return torch.optim.Adam(
            parameters,
            rate,
            betas=self.betas,
            weight_decay=self.weight_decay,
            fused=self.fused or None,
        )


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent, by default with Nesterov momentum."""

    kind: ClassVar[str] = "SGD"

    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 0.0

    def make(self, parameters: Iterable[Parameter], rate: float) -> torch.optim.Optimizer:
        """A fresh optimiser of these parameters."""
        return torch.optim.SGD(
            parameters,
            rate,
            momentum=self.momentum,
            nesterov=self.nesterov,
            weight_decay=self.weight_decay,
        )
