"""MixMatch (Berthelot et al. 2019, arXiv:1905.02249): guess, sharpen, mix.

An unlabelled image is augmented K times; the mean of the K predictions, sharpened, becomes the target
of all K copies. Then every image, labelled or guessed, is mixed with another one of the whole pot, and
so is its target. Mixing weights come from Beta(alpha, alpha) and are pushed above one half, so that an
image stays closer to itself than to its partner. Guessed targets are fitted with a squared loss, whose
weight grows from zero at the start of training.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def sharpen(probabilities: Tensor, temperature: float) -> Tensor:
    """Equation 7: p ** (1 / T), made to sum to 1 again, for (n, classes)."""
    powered = probabilities ** (1 / temperature)
    return powered / powered.sum(dim=1, keepdim=True)


def guess(classify: Callable[[Tensor], Tensor], views: list[Tensor], temperature: float) -> Tensor:
    """Targets (n, classes): the sharpened mean prediction over K augmented views (equation 6).

    Args:
        classify: maps network inputs (k * n, c, h, w) to logits; called once, without gradients.
        views: K tensors (n, c, h, w) of the same n images.
        temperature: T, 0.5 in the paper.
    """
    with torch.no_grad():
        probabilities = classify(torch.cat(views)).float().softmax(dim=1)
    mean = torch.stack(probabilities.chunk(len(views))).mean(dim=0)
    return sharpen(mean, temperature)


def mix_weights(n: int, alpha: float, rng: torch.Generator) -> Tensor:
    """Equations 8 and 9: n weights max(l, 1 - l) with l from Beta(alpha, alpha), in [0.5, 1].

    A Beta variable is g1 / (g1 + g2) of two Gamma(alpha) ones, which torch draws from a generator.
    """
    shape = torch.full((2, n), alpha, dtype=torch.float64)
    # torch.distributions takes no generator; the function beneath it does.
    g1, g2 = torch._standard_gamma(shape, generator=rng)  # noqa: SLF001
    # A pair of Gammas that both underflow (tiny alpha) would give 0 / 0; it means "either end".
    weight = torch.where(g1 + g2 > 0, g1 / (g1 + g2), torch.ones_like(g1))
    return torch.maximum(weight, 1 - weight).to(torch.float32)


def mix_up(
    images: Tensor, targets: Tensor, partners: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor]:
    """Equations 10 and 11: image i becomes w_i x_i + (1 - w_i) x_partner(i); targets likewise.

    Args:
        images: (n, c, h, w).
        targets: (n, classes) class probabilities.
        partners: (n,) int64, a permutation.
        weights: (n,).
    """
    w = weights[:, None]
    mixed = torch.lerp(images[partners], images, w[:, :, None, None])
    return mixed, torch.lerp(targets[partners], targets, w)


def ramp_up(step: int, steps: int) -> float:
    """Linear from 0 to 1 over the first `steps` steps; 1 afterwards or when `steps` is 0."""
    return 1.0 if steps <= 0 else min(step / steps, 1.0)
