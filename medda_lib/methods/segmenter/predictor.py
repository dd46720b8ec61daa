"""A trained segmentation network as a predictor, with a look at its bottleneck."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from medda_lib.methods.segmenter.settings import Segmenter
from medda_lib.methods.segmenter.training import inputs
from medda_lib.networks.residual_unet import ResidualUNet

CHUNK = 64


@dataclass(frozen=True)
class SegmenterPredictor:
    """A `Predictor` around a `ResidualUNet`. Results lie on the CPU.

    losses: name -> (step, value) pairs of its training, for curves.
    """

    network: ResidualUNet
    settings: Segmenter
    device: torch.device = torch.device("cpu")  # noqa: RUF009 - immutable
    losses: tuple[tuple[str, tuple[tuple[int, float], ...]], ...] = ()

    def classify(self, images: Tensor) -> Tensor | None:
        """None: there is no classifier."""
        return None

    def segment(self, images: Tensor) -> Tensor:
        """Mask probabilities (n, 1, h, w) of images in [0, 1]."""
        return self._chunks(images, lambda x: self.network(x).sigmoid())

    def bottleneck(self, images: Tensor) -> Tensor:
        """The encoder's last value (n, c, h / 2^k, w / 2^k)."""
        return self._chunks(images, lambda x: self.network.encode(x)[-1])

    def features(self, images: Tensor) -> Tensor:
        """The bottleneck averaged over its pixels, (n, c): for maps of the feature space."""
        return self.bottleneck(images).mean(dim=(2, 3))

    def _chunks(self, images: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
        self.network.eval()
        with torch.no_grad():
            return torch.cat([function(self._inputs(part)).cpu() for part in images.split(CHUNK)])

    def _inputs(self, images: Tensor) -> Tensor:
        moved = images.to(self.device, memory_format=torch.channels_last)
        return inputs(moved, self.settings)
