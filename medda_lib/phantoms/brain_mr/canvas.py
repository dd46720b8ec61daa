"""A stack of slices on which tissues are laid over each other, in proportion.

A voxel at an edge holds two tissues, and its signal is the sum of theirs by volume. Layers are laid from
the outside in: each one covers, voxel by voxel, its share of what is there. What is added up is not a
grey value but the three coefficients of the tissue's signal as a function of the local flip angle
(`GradientEcho.polynomial`), so that fields can be applied afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from medda_lib.phantoms.mr.tissues import TISSUES

_NUMBER = {name: i for i, name in enumerate(TISSUES)}
Paints = Mapping[str, Tensor]  # tissue -> (3, 1, 1, 1)


class Canvas:
    """Signal coefficients (3, s, h, w) and labels (s, h, w) of a stack of slices; air at first."""

    def __init__(self, paints: Paints, shape: tuple[int, ...]) -> None:
        self.paints = paints
        self.signal = torch.zeros(3, *shape)
        self.labels = torch.zeros(shape, dtype=torch.uint8)

    def lay(self, tissue: str, share: Tensor) -> None:
        """Cover each voxel with `share` (s, h, w) in [0, 1] of a tissue."""
        self.signal.lerp_(self.paints[tissue], share)
        self.labels.masked_fill_(share > 0.5, _NUMBER[tissue])

    def at(self, b: Tensor) -> Tensor:
        """Signed signal (s, h, w) where the transmit field is b times its nominal value."""
        u = b - 1
        return self.signal[2].mul(u).add_(self.signal[1]).mul_(u).add_(self.signal[0])
