"""Training a source network, once per site and repetition.

Every method of the chapters on scanner shift starts from the network of its source site. That network
depends on the site's pool, the settings and the repetition alone, never on the method, so the methods
of a repetition start from the same weights (paired comparison), and `pretrained` trains it once
per run store (`shelf`) and hands out copies.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from medda_lib.methods.losses import dice_loss
from medda_lib.methods.normalise import standardise
from medda_lib.methods.segmenter import shelf
from medda_lib.methods.segmenter.settings import Segmenter
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.studies.artefacts import kept_in_memory
from medda_lib.studies.identity import seed_of
from medda_lib.studies.method import Run
from medda_lib.studies.task import Pool

KEPT = 12
BCE, DICE = 0.4, 0.6

Progress = Callable[[int, int, dict[str, float]], None]


@dataclass(frozen=True)
class Trained:
    """A network and the losses of its training, (step, value)."""

    network: ResidualUNet
    losses: tuple[tuple[int, float], ...]


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
        _TRAINED[key] = (pool.images, _from_shelf(pool, settings, name, run))
    _TRAINED.move_to_end(key)
    return copy.deepcopy(_TRAINED[key][1])


def _from_shelf(pool: Pool, settings: Segmenter, name: str, run: Run) -> Trained:
    seed = source_seed(settings, name, run.repetition)
    file = shelf.place(pool, settings, seed, run)
    if file is not None and file.is_file():
        return Trained(*shelf.take(file, settings, run.device))
    found = train(pool, settings, seed, run.device, run.progress)
    if file is not None:
        shelf.put(file, found.network, found.losses)
    return found


def source_seed(settings: Segmenter, name: str, repetition: int) -> int:
    """63 bits that depend on the settings, the site's name and the repetition."""
    return seed_of(settings, name, repetition)


def train(
    pool: Pool, settings: Segmenter, seed: int, device: torch.device, progress: Progress
) -> Trained:
    """A new network trained on `pool`; the generators of the caller stay as they were."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = ResidualUNet(settings.width, settings.levels)
        # Channels last: a third less time on the CPU.
        network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        generator = torch.Generator().manual_seed(seed)
        losses = _minimise(network, pool, settings, generator, device, progress)
    network.eval()
    return Trained(network, tuple(losses))


def _minimise(
    network: ResidualUNet,
    pool: Pool,
    settings: Segmenter,
    generator: torch.Generator,
    device: torch.device,
    progress: Progress,
) -> list[tuple[int, float]]:
    optimizer = optimiser(network, settings)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: decay(n, settings))
    network.train()
    losses = []
    for number in range(1, settings.steps + 1):
        images, masks = draw(pool, settings, generator, device)
        loss = segmentation_loss(network(inputs(images, settings)), masks, settings)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append((number, float(loss.detach())))
        progress(number, settings.steps, {"segmentation": losses[-1][1]})
    return losses


def optimiser(network: torch.nn.Module, settings: Segmenter) -> torch.optim.Optimizer:
    """Adam, or SGD with Nesterov momentum, over all parameters of the network."""
    parameters = list(network.parameters())
    if settings.optimiser == "sgd":
        return torch.optim.SGD(parameters, settings.learning_rate, momentum=0.9, nesterov=True)
    return torch.optim.Adam(parameters, settings.learning_rate)


def decay(number: int, settings: Segmenter) -> float:
    """The factor on the learning rate after `number` steps (see `Segmenter.schedule`)."""
    if settings.schedule == "step":
        return 1.0 if number < 0.8 * settings.steps else 0.1
    return float(max(1 - number / settings.steps, 0.0) ** 0.9)


def draw(
    pool: Pool, settings: Segmenter, generator: torch.Generator, device: torch.device
) -> tuple[Tensor, Tensor]:
    """A batch of slices (b, 1, h, w) and masks of the same shape, drawn with replacement."""
    chosen = torch.randint(len(pool), (settings.batch,), generator=generator)
    images, masks = pool.images[chosen], pool.need_masks()[chosen]
    if settings.crop is not None:
        images, masks = _cropped(images, masks, settings.crop, generator)
    return images.to(device, memory_format=torch.channels_last), masks.to(device)


def inputs(images: Tensor, settings: Segmenter) -> Tensor:
    """What the network is shown of images (n, 1, h, w) in [0, 1]."""
    return standardise(images) if settings.normalise == "standardise" else images


def segmentation_loss(logits: Tensor, masks: Tensor, settings: Segmenter) -> Tensor:
    """The supervised loss of logits (n, 1, h, w) against bool masks of the same shape."""
    entropy = F.binary_cross_entropy_with_logits(logits, masks.to(logits.dtype))
    return entropy if settings.loss == "bce" else BCE * entropy + DICE * dice_loss(logits, masks)


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
