"""Training a source network, once per site and repetition.

Every method of the chapters on scanner shift starts from the network of its source site. That network
depends on the site's pool, the settings and the repetition alone, never on the method, so the methods
of a repetition start from the same weights (paired comparison), and `pretrained` trains it once per run
store and hands out copies.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from medda_lib.methods.losses import dice_loss
from medda_lib.methods.normalise import standardise
from medda_lib.methods.predictor import NetworkPredictor, Slices
from medda_lib.methods.segmenter.settings import Segmenter
from medda_lib.methods.training import History, Losses, Training
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.studies.artefacts import Tensors, kept_in_memory, remembered
from medda_lib.studies.identity import seed_of
from medda_lib.studies.method import Run
from medda_lib.studies.task import Pool

KEPT = 12
BCE, DICE = 0.4, 0.6
LOSS = "segmentation"


class Trained(NamedTuple):
    """A network and the losses of its training."""

    network: ResidualUNet
    history: History


_TRAINED: OrderedDict[tuple[object, ...], tuple[Tensor, Trained]] = OrderedDict()
kept_in_memory(_TRAINED.clear)


def pretrained(pool: Pool, settings: Segmenter, name: str, run: Run) -> Trained:
    """The network of a source site, trained on `pool` (slices with masks); a fresh copy each time.

    name: of the site; with the settings and the run's repetition it seeds the training.
    """
    key = (id(pool.images), settings, name, run.repetition, str(run.device))
    if key not in _TRAINED:
        while len(_TRAINED) >= KEPT:
            _TRAINED.popitem(last=False)
        # The images are kept with the entry: while it lives their id cannot become another's.
        _TRAINED[key] = (pool.images, _once(pool, settings, name, run))
    _TRAINED.move_to_end(key)
    return copy.deepcopy(_TRAINED[key][1])


def _once(pool: Pool, settings: Segmenter, name: str, run: Run) -> Trained:
    """Trained now, or taken from the run's artefacts; in evaluation mode."""
    seed = source_seed(settings, name, run.repetition)

    def make() -> Tensors:
        found = train(pool, settings, seed, run)
        values = [losses[LOSS] for _, losses in found.history.losses]
        weights = {f"network.{key}": value for key, value in found.network.state_dict().items()}
        return weights | {"losses": torch.tensor(values, dtype=torch.float64)}

    inputs = (pool.images, pool.need_masks())
    made = dict(remembered(run, (settings, seed), inputs, (__name__,), make))
    values = enumerate(made.pop("losses").tolist(), start=1)
    history = History(tuple((step, {LOSS: value}) for step, value in values))
    with torch.random.fork_rng():  # its first weights do not matter, nor may drawing them
        network = _placed(ResidualUNet(settings.width, settings.levels), run.device)
    network.load_state_dict({key.removeprefix("network."): v for key, v in made.items()})
    return Trained(network.eval(), history)


def source_seed(settings: Segmenter, name: str, repetition: int) -> int:
    """63 bits that depend on the settings, the site's name and the repetition."""
    return seed_of(settings, name, repetition)


def train(pool: Pool, settings: Segmenter, seed: int, run: Run) -> Trained:
    """A new network trained on `pool`; the generators of the caller stay as they were."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = _placed(ResidualUNet(settings.width, settings.levels), run.device)
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


def _placed(network: ResidualUNet, device: torch.device) -> ResidualUNet:
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
