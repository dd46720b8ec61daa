"""A trained network as a predictor: raw images in, probabilities out, dropout off.

The saliency bridge takes a gradient at test time too; that needs no labels.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from medda_lib.methods.normalise import standardise
from medda_lib.methods.training import History
from medda_lib.networks.bridge import input_gradient
from medda_lib.networks.multimix import MultiMixNet, Output

CHUNK = 64


@dataclass(frozen=True)
class NetworkPredictor:
    """A `Predictor` around a `MultiMixNet`. Results lie on the CPU."""

    network: MultiMixNet
    device: torch.device = torch.device("cpu")  # noqa: RUF009 - immutable
    history: History = field(default_factory=History, repr=False)

    def classify(self, images: Tensor) -> Tensor | None:
        """Class probabilities (n, 2) of images (n, 1, h, w) in [0, 1]; None without classifier."""
        if self.network.classifier is None:
            return None
        self.network.eval()
        found = []
        with torch.no_grad():
            for chunk in images.split(CHUNK):
                logits = self.network.classify(self.network.encode(self._inputs(chunk)))
                found.append(logits.softmax(dim=1).cpu())
        return torch.cat(found)

    def segment(self, images: Tensor) -> Tensor | None:
        """Mask probabilities (n, 1, h, w) of images in [0, 1]; None without decoder."""
        if self.network.decoder is None:
            return None
        self.network.eval()
        found = []
        with torch.no_grad():
            for chunk in images.split(CHUNK):
                output: Output = self.network(self._inputs(chunk))
                if output.mask is not None:
                    found.append(output.mask.sigmoid().cpu())
        return torch.cat(found)

    def saliency(self, images: Tensor, classes: Tensor | None = None) -> Tensor:
        """Input gradients (n, 1, h, w), signed, of the predicted class or of `classes` (n,)."""
        self.network.eval()
        chosen = [None] * len(images) if classes is None else list(classes.split(CHUNK))
        found = []
        for chunk, wanted in zip(images.split(CHUNK), chosen, strict=False):
            inputs = self._inputs(chunk).requires_grad_()
            logits = self.network.classify(self.network.encode(inputs))
            found.append(input_gradient(logits, inputs, wanted).cpu())
        return torch.cat(found)

    def features(self, images: Tensor) -> Tensor:
        """The vectors (n, 16 * width) in front of the linear layer, for maps of the feature space.

        A system without classifier gives the same pooling of its encoder's last block.
        """
        self.network.eval()
        found = []
        with torch.no_grad():
            for chunk in images.split(CHUNK):
                bottom = self.network.encode(self._inputs(chunk))[-1]
                pooled = torch.nn.functional.max_pool2d(bottom, 2).mean(dim=(2, 3))
                found.append(pooled.cpu())
        return torch.cat(found)

    def _inputs(self, images: Tensor) -> Tensor:
        return standardise(images.to(self.device))
