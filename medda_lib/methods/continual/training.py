"""One stage of training, with the places where a continual method may take part.

A step of plain training draws scans, computes the loss of Gonzalez et al. (2022, section 3: Dice and
binary cross entropy, equally weighted) and follows its gradient. A `Regulariser` may add a loss on
outputs (distillation) or on parameters (a quadratic penalty), and may watch gradients and steps (path
integrals); the plain one does nothing. Draws and initial weights depend on the trainer, the repetition
and the stage's number alone, so that the methods of a repetition see the same batches and differ by
what they add. Plain training from given weights is made once per run store (`train_plain`): sequential
training and every variant that expands a pool walk the same way for as long as they decide the same.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from medda_lib.methods.continual.augmentation import augmented
from medda_lib.methods.continual.settings import Trainer
from medda_lib.methods.losses import dice_loss
from medda_lib.methods.predictor import NetworkPredictor, Scan
from medda_lib.methods.training import History, Losses, Recipe, Training
from medda_lib.networks.dyn_unet import DynUNet, dyn_unet
from medda_lib.studies.artefacts import Tensors, remembered
from medda_lib.studies.identity import seed_of
from medda_lib.studies.method import Run
from medda_lib.studies.task import Pool, volumes

LOSS, NOTED = "segmentation", "losses"


def predictor(
    network: DynUNet, trainer: Trainer, device: torch.device
) -> NetworkPredictor[DynUNet]:
    """A trained network as a predictor, which takes all slices of one scan."""
    return NetworkPredictor(network, device, passage=Scan(trainer.patch))


class Regulariser:
    """What a method adds to plain training: here, nothing. Methods override what they need."""

    def forward(self, network: DynUNet, images: Tensor) -> Tensor:
        """Logits of images (b, 1, d, h, w); override to record what lies between."""
        logits: Tensor = network(images)
        return logits

    def on_outputs(self, images: Tensor, logits: Tensor) -> Tensor | None:
        """A loss on this batch's outputs, for example against those of an older network."""
        return None

    def on_parameters(self, network: DynUNet) -> Tensor | None:
        """A loss on the parameters alone."""
        return None

    def saw_gradients(self, network: DynUNet) -> None:
        """Called when `.grad` holds the gradient of the losses on data, before that of parameters."""

    def took_step(self, network: DynUNet) -> None:
        """Called after the optimiser moved the parameters."""


PLAIN = Regulariser()


def new_network(trainer: Trainer, run: Run) -> DynUNet:
    """A network as it is before the first stage; the same for all methods of a repetition."""
    with torch.random.fork_rng():
        torch.manual_seed(stage_seed(trainer, run.repetition, 0))
        network = dyn_unet(trainer.filters, trainer.deep_supervision)
    network.to(run.device).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return network.eval()


def stage_seed(trainer: Trainer, repetition: int, number: int) -> int:
    """63 bits for stage `number` (0: before the first)."""
    return seed_of(trainer, repetition, number)


def train_plain(network: DynUNet, pool: Pool, trainer: Trainer, number: int, run: Run) -> None:
    """Train `network` in place without any regulariser, or take the result from the run store."""
    start, made_now = network.state_dict(), False

    def make() -> Tensors:
        nonlocal made_now
        made_now = True
        history = train(network, pool, trainer, number, run)
        losses = [found[LOSS] for _, found in history.losses]
        return network.state_dict() | {NOTED: torch.tensor(losses, dtype=torch.float64)}

    seed = stage_seed(trainer, run.repetition, number)
    inputs = (*start.values(), pool.images, pool.need_masks())
    found = remembered(run, (trainer, seed), inputs, (__name__,), make)
    losses = found.pop(NOTED).tolist()
    network.load_state_dict(found)
    network.eval()
    for step, loss in enumerate(losses if not made_now else (), start=1):
        run.progress(step, len(losses), {LOSS: loss})  # as whoever trained it saw it


def train(
    network: DynUNet,
    pool: Pool,
    trainer: Trainer,
    number: int,
    run: Run,
    regulariser: Regulariser = PLAIN,
    recipe: Recipe | None = None,
) -> History:
    """Train `network` in place on the scans of a stage; it is left in evaluation mode.

    number: of the stage, which seeds the draws. recipe: the trainer's unless given.
    """
    generator = torch.Generator().manual_seed(stage_seed(trainer, run.repetition, number))
    return StageTraining(network, pool, trainer, generator, run, regulariser, recipe).fit()


class StageTraining(Training[tuple[Tensor, Tensor]]):
    """Training on the scans of one stage, held by a regulariser."""

    def __init__(
        self,
        network: DynUNet,
        pool: Pool,
        trainer: Trainer,
        generator: torch.Generator,
        run: Run,
        regulariser: Regulariser = PLAIN,
        recipe: Recipe | None = None,
    ) -> None:
        super().__init__(network, recipe or trainer.recipe, run)
        self.pool, self.trainer, self.generator = pool, trainer, generator
        self.unet, self.regulariser = network, regulariser

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Scans or patches and their masks, drawn with replacement and augmented."""
        images, masks = scans(self.pool)
        while True:
            yield draw(images, masks, self.trainer, self.generator)

    def terms(self, batch: tuple[Tensor, Tensor], number: int) -> Iterator[Losses]:
        """The loss on the data with what the regulariser adds to it; then its penalty on weights."""
        images, masks = shown(batch[0], self.run.device), batch[1].to(self.run.device)
        logits = self.regulariser.forward(self.unet, images).float()
        loss = supervised(logits, masks)
        extra = self.regulariser.on_outputs(images, finest(logits))
        yield {LOSS: loss} | ({} if extra is None else {"memory": extra})
        self.regulariser.saw_gradients(self.unet)
        penalty = self.regulariser.on_parameters(self.unet)
        if penalty is not None:
            yield {"penalty": penalty}

    def took_step(self, number: int) -> None:
        """Tells the regulariser."""
        self.regulariser.took_step(self.unet)


def shown(images: Tensor, device: torch.device) -> Tensor:
    """Scans on the device, channels last."""
    return images.to(device, memory_format=torch.channels_last_3d, non_blocking=True)


def supervised(logits: Tensor, masks: Tensor) -> Tensor:
    """Dice loss + binary cross entropy of logits (b, 1, d, h, w) against masks of the same shape.

    Under deep supervision logits are (b, outputs, 1, d, h, w), and output k counts 2^-k of the first.
    """
    if logits.ndim == masks.ndim:
        entropy = F.binary_cross_entropy_with_logits(logits, masks.to(logits.dtype))
        return entropy + dice_loss(logits, masks)
    weights = [2.0**-k for k in range(logits.shape[1])]
    losses = [w * supervised(logits[:, k], masks) for k, w in enumerate(weights)]
    return torch.stack(losses).sum() / sum(weights)


def finest(logits: Tensor) -> Tensor:
    """The output of full resolution, (b, 1, d, h, w), with or without deep supervision."""
    return logits[:, 0] if logits.ndim == 6 else logits


def scans(pool: Pool) -> tuple[Tensor, Tensor]:
    """Images (n, 1, d, h, w) and bool masks of the same shape; views of the pool's slices."""
    return volumes(pool.images, pool.depth)[:, None], volumes(pool.need_masks(), pool.depth)[
        :, None
    ]


def draw(
    images: Tensor, masks: Tensor, trainer: Trainer, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """A batch of scans or patches and their masks, drawn with replacement."""
    chosen = torch.randint(len(images), (trainer.recipe.batch,), generator=generator)
    x, y = images[chosen], masks[chosen]
    if trainer.patch is not None:
        x, y = _patches(x, y, trainer.patch, generator)
    if trainer.augment:
        x, y = augmented(x, y, generator)
    return x, y


def _patches(
    images: Tensor, masks: Tensor, patch: tuple[int, int, int], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """One window of `patch` voxels per scan; a scan that is too small is filled up with zeros."""
    short = [max(p - side, 0) for p, side in zip(patch, images.shape[2:], strict=True)]
    padding = [n for p in reversed(short) for n in (p // 2, p - p // 2)]
    images, masks = F.pad(images, padding), F.pad(masks, padding)
    parts = []
    for one, mask in zip(images, masks, strict=True):
        starts = [
            int(torch.randint(side - p + 1, (1,), generator=generator))
            for side, p in zip(one.shape[1:], patch, strict=True)
        ]
        window = (slice(None), *(slice(s, s + p) for s, p in zip(starts, patch, strict=True)))
        parts.append((one[window], mask[window]))
    return torch.stack([p[0] for p in parts]), torch.stack([p[1] for p in parts])
