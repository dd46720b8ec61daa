"""WAug: what is safe to do to an image whose label must survive (Haque et al., section 3.2).

"Random horizontal flip and 32x32 crop" of a 256x256 image can mean three things: a patch of 32 pixels
(a sixteenth of the lung, and the network wants 256), a crop of 224 pixels scaled up again, or padding
by 32 and cropping 256, that is a shift by up to 32 pixels. The third is taken: it is the weak
augmentation of FixMatch (Sohn et al. 2020), which the paper follows, whose shift of 12.5% is 32 of 256,
and what the released code does (MultiMix.py:262). The border is mirrored, there too.
"""

from __future__ import annotations

import torch
from torch import Tensor

from medda_lib.methods.augment.geometry import flip_and_shift

SHIFT = 32 / 256


def uniform(n: int, low: float, high: float, rng: torch.Generator) -> Tensor:
    """Numbers (n,) float32 between `low` and `high`."""
    return torch.rand(n, generator=rng) * (high - low) + low


def weak(images: Tensor, rng: torch.Generator) -> Tensor:
    """Random flip (one half) and shift (up to an eighth of the size) of images (n, c, h, w).

    Args:
        images: values in [0, 1], any device.
        rng: a generator of the CPU; equal states give equal results on every device.
    """
    n = len(images)
    coins = torch.ones(n, dtype=torch.bool)
    return move(images, coins, coins, rng)


def move(
    images: Tensor,
    may_flip: Tensor,
    may_shift: Tensor,
    rng: torch.Generator,
    shift: float = SHIFT,
) -> Tensor:
    """`weak`, with flips and shifts only where `may_flip`, `may_shift` (n,) allow them.

    shift: the largest, as a share of the size.
    """
    n, (h, w) = len(images), images.shape[2:]
    flips = (torch.rand(n, generator=rng) < 1 / 2) & may_flip
    rows, columns = (_shifts(n, round(size * shift), rng) * may_shift for size in (h, w))
    device = images.device
    return flip_and_shift(images, flips.to(device), rows.to(device), columns.to(device))


def _shifts(n: int, reach: int, rng: torch.Generator) -> Tensor:
    return torch.randint(-reach, reach + 1, (n,), generator=rng)
