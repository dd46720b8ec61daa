"""Training a source network: random slices of one site, the supervised loss, nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from medda_lib.methods.losses import dice_loss
from medda_lib.methods.normalise import standardise
from medda_lib.methods.predictor import NetworkPredictor, Slices
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.training import History, Losses, Training
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.studies.method import Run
from medda_lib.studies.task import Pool

BCE, DICE = 0.4, 0.6
LOSS = "segmentation"


class Trained(NamedTuple):
    """A network and the losses of its training."""

    network: ResidualUNet
    history: History


def train(pool: Pool, settings: Segmenter, seed: int, run: Run) -> Trained:
    """A new network trained on `pool`; the generators of the caller stay as they were."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = placed(ResidualUNet(settings.width, settings.levels), run.device)
        generator = torch.Generator().manual_seed(seed)
        history = SourceTraining(network, pool, settings, generator, run).fit()
    return Trained(network, history)


class SourceTraining(Training[tuple[Tensor, Tensor]]):
    """Plain training of a `ResidualUNet` on random slices of a pool."""

    def __init__(
        self,
        network: ResidualUNet,
        pool: Pool,
        settings: Segmenter,
        generator: torch.Generator,
        run: Run,
    ) -> None:
        super().__init__(network, settings.recipe, run)
        self.pool, self.settings, self.generator = pool, settings, generator

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Slices and masks, drawn with replacement."""
        while True:
            yield draw(self.pool, self.settings, self.generator)

    def terms(self, batch: tuple[Tensor, Tensor], number: int) -> Iterator[Losses]:
        """The supervised loss."""
        images, masks = shown(batch[0], self.run.device), batch[1].to(self.run.device)
        logits = self.network(inputs(images, self.settings)).float()
        yield {LOSS: segmentation_loss(logits, masks, self.settings)}


def draw(pool: Pool, settings: Segmenter, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A batch of slices (b, 1, h, w) and masks of the same shape, drawn with replacement."""
    chosen = torch.randint(len(pool), (settings.recipe.batch,), generator=generator)
    images, masks = pool.images[chosen], pool.need_masks()[chosen]
    if settings.crop is not None:
        images, masks = _cropped(images, masks, settings.crop, generator)
    return images, masks


def shown(images: Tensor, device: torch.device) -> Tensor:
    """Images on the device, channels last: a third less time on the CPU."""
    return images.to(device, memory_format=torch.channels_last, non_blocking=True)


def inputs(images: Tensor, settings: Segmenter) -> Tensor:
    """What the network is shown of images (n, 1, h, w) in [0, 1]."""
    return standardise(images) if settings.normalise == "standardise" else images


def predictor(
    network: ResidualUNet, settings: Segmenter, device: torch.device, history: History | None = None
) -> NetworkPredictor[ResidualUNet]:
    """A network with such settings as a predictor."""
    prepare = partial(inputs, settings=settings)
    passage = Slices(torch.channels_last)
    return NetworkPredictor(network, device, prepare, passage, history or History())


def segmentation_loss(logits: Tensor, masks: Tensor, settings: Segmenter) -> Tensor:
    """The supervised loss of logits (n, 1, h, w) against bool masks of the same shape."""
    entropy = F.binary_cross_entropy_with_logits(logits, masks.to(logits.dtype))
    return entropy if settings.loss == "bce" else BCE * entropy + DICE * dice_loss(logits, masks)


def placed(network: ResidualUNet, device: torch.device) -> ResidualUNet:
    """The network on the device, channels last."""
    network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def _cropped(
    images: Tensor, masks: Tensor, crop: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """One window of crop x crop for the whole batch; whole slices where they are not larger."""
    window = []
    for side in images.shape[-2:]:
        room = max(side - crop, 0)
        start = int(torch.randint(room + 1, (1,), generator=generator))
        window.append(slice(start, start + min(crop, side)))
    return images[..., window[0], window[1]], masks[..., window[0], window[1]]
