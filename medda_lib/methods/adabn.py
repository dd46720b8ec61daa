"""AdaBN: put the target's statistics into every batch normalisation, and change nothing else.

Li et al. ("Revisiting Batch Normalization for Practical Domain Adaptation", arXiv:1603.04779; Pattern
Recognition 80, 2018) take the mean and the variance of a neuron's inputs for a property of the site
and the weights for a property of the task. So they keep the weights and compute each neuron's mean
and variance again over all bare images of the target. No label is needed, no gradient, and one pass.

PyTorch's running averages forget: images seen early count less. Here sums over all images give the
mean and the variance of the whole set exactly, whatever the sizes of the minibatches. A layer's inputs
are those of training, normalised upstream by the statistics of the minibatch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from medda_lib.methods.predictor import NetworkPredictor
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.source_network.shared import source_predictor
from medda_lib.methods.source_network.training import inputs
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.studies.method import Run
from medda_lib.studies.setting import UNSUPERVISED_ADAPTATION, Role, Setting
from medda_lib.studies.task import SEGMENTATION, View

BATCH = 64


@dataclass(frozen=True)
class AdaBN:
    """The source network with batch normalisation recomputed on the target's bare images.

    batch: images of a pass; large ones make the layers below the first more exact.
    """

    segmenter: Segmenter
    batch: int = BATCH

    kind: ClassVar[str] = "AdaBN"
    setting: ClassVar[Setting] = UNSUPERVISED_ADAPTATION

    @classmethod
    def paper(cls) -> AdaBN:
        """On the source network of Goodman et al.; the method has no number of its own."""
        return cls(Segmenter.aiva())

    @property
    def name(self) -> str:
        """The system's name in Tables 1 and 2 of Goodman et al."""
        return "AdaBN"

    def fit(self, view: View, run: Run) -> NetworkPredictor[ResidualUNet]:
        """Trains the source network, then replaces its statistics."""
        predictor = source_predictor(view, self.segmenter, run)
        images = view.unlabelled(Role.UNLABELLED_TARGET, SEGMENTATION).images
        restate(predictor.network, images, self.segmenter, run, self.batch)
        return predictor


def restate(
    network: ResidualUNet, images: Tensor, segmenter: Segmenter, run: Run, batch: int = BATCH
) -> None:
    """Put the statistics of raw images (n, 1, h, w) into a network, in an order drawn by the run."""
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(run.seed))
    shuffled = images[order].to(run.device, memory_format=torch.channels_last)
    adapt_statistics(network, inputs(shuffled, segmenter), batch)


def adapt_statistics(network: nn.Module, images: Tensor, batch: int = BATCH) -> None:
    """Set mean and variance of every `BatchNorm2d` of a network to those of its inputs for `images`.

    images: (n, c, h, w), in random order, as the network takes them. The variance is the unbiased
    one, as in PyTorch. The weights stay, and the network is left in evaluation mode.
    Raises ValueError when the network has no batch normalisation.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    if not layers:
        raise ValueError("the network has no BatchNorm2d: there are no statistics to adapt")
    sums = {layer: _Sums() for layer in layers}
    with torch.no_grad(), _watched(sums):
        network.train()
        for part in images.split(batch):
            network(part)
    for layer, found in sums.items():
        found.write(layer)
    network.eval()


class _Sums:
    """Count, sum and sum of squares per channel, in double precision."""

    def __init__(self) -> None:
        self.count = 0
        self.first: Tensor | float = 0.0
        self.second: Tensor | float = 0.0

    def __call__(self, layer: nn.Module, args: tuple[Any, ...]) -> None:
        """The hook that sees a layer's inputs (n, c, h, w)."""
        x = args[0].double()
        self.count += x.numel() // x.shape[1]
        self.first = self.first + x.sum(dim=(0, 2, 3))
        self.second = self.second + x.square().sum(dim=(0, 2, 3))

    def write(self, layer: nn.BatchNorm2d) -> None:
        """Hand the statistics to the layer."""
        if layer.running_mean is None or layer.running_var is None:
            raise ValueError(
                "a BatchNorm2d keeps no running statistics: it always uses the batch's"
            )
        mean = torch.as_tensor(self.first) / self.count
        spread = torch.as_tensor(self.second) / self.count - mean.square()
        layer.running_mean.copy_(mean)
        layer.running_var.copy_(spread.clamp_min(0) * self.count / max(self.count - 1, 1))


@contextmanager
def _watched(sums: dict[nn.BatchNorm2d, _Sums]) -> Iterator[None]:
    hooks = [layer.register_forward_pre_hook(found) for layer, found in sums.items()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
