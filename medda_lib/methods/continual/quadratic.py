"""Quadratic penalties on weights, sum_i importance_i (theta_i - anchor_i)^2, over one long vector.

Elastic weight consolidation and Riemannian walk differ in how they measure importance; what they do with
it is the same. Parameters are those that are trained, batch normalisation's scale and shift included;
its running statistics are no parameters and stay free.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Anchor:
    """Where parameters were (p,), and how much each matters (p,), >= 0."""

    weights: Tensor
    importance: Tensor

    def penalty(self, weights: Tensor) -> Tensor:
        """Sum over parameters of importance times squared distance; `weights` (p,) carry gradients."""
        return torch.dot(self.importance, (weights - self.weights).square())


def flat(network: nn.Module) -> Tensor:
    """All trained parameters as one vector (p,), with gradients."""
    return torch.cat([p.reshape(-1) for p in network.parameters() if p.requires_grad])


def flat_gradient(network: nn.Module) -> Tensor:
    """The gradients that the trained parameters hold now, as one vector (p,); 0 where there is none."""
    parts = [
        torch.zeros_like(p) if p.grad is None else p.grad
        for p in network.parameters()
        if p.requires_grad
    ]
    return torch.cat([part.reshape(-1) for part in parts])
