"""AdaptSegNet: predictions on the target should not be told from predictions on the source.

Tsai et al. ("Learning to Adapt Structured Output Space for Semantic Segmentation", CVPR 2018) adapt in
the space of outputs: however different two sites look, brains in them have the same shape. A
discriminator learns which site a predicted mask came from; the segmentation network learns to make
masks for target slices that pass as masks of the source. This is their single-level form, on the
final output.

**How strong.** The authors' weight of 0.001 belongs to 150,000 steps of stochastic gradient descent. At
a small budget it does nothing: the gradient of the weighted term was 0.0005 of the segmentation's over
120 steps, and the system is `FineTuning` with a discriminator that nobody listens to. One rule on source
data, made before any test: on one source site, take of 0.001, 0.01, 0.1 and 1 the largest weight whose
fine-tuned network has a Dice on the source's validation scans no more than 0.01 below that of weight 0
on the same minibatches (`Arrangement.paired`); keep it for all pairs and say so. No label of a target
takes part. `gradient_norms` (methods/finetuning/balance.py) tells what a weight amounts to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar, Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medda_lib.methods.finetuning import (
    RELEASED_SKULL_STRIPPING,
    Arrangement,
    Batch,
    Finetuned,
    Objective,
    finetune,
    sites_of,
)
from medda_lib.methods.predictor import NetworkPredictor
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.training import SGD, Adam, Losses, Milestones, Phase, Poly, Recipe
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.studies.method import BestValidation, Run
from medda_lib.studies.task import View

BETAS = (0.9, 0.99)  # section 5.2, of the discriminator's Adam


@dataclass(frozen=True)
class AdaptSegNet(Finetuned):
    """Fine-tuning against a discriminator of predicted masks.

    Attributes:
        weight: lambda_adv, of the adversarial loss; 0.001 for the single level (section 5.2).
        width: channels of the discriminator's first layer, 64 in the paper.
        rate: of its Adam; 1e-4 in the paper, with the network's decay.

    The multi-level form has a second discriminator on the output of an earlier level, whose segmentation
    loss counts 0.1, and weights 0.0002 there and 0.001 at the end (wasidennis/AdaptSegNet, commit
    fca9ff0, train_gta2cityscapes_multi.py:51-53; with its port to PyTorch 0.4 smaller ones, 0.00005 and
    0.0005, README.md). Its weight with squared errors in place of cross entropies is 0.01.
    """

    weight: float = 1e-3
    width: int = 64
    rate: float = 1e-4

    kind: ClassVar[str] = "AdaptSegNet"

    @property
    def name(self) -> str:
        """The system's name in Tables 1 and 2 of Goodman et al."""
        return "AdaptSegNet"

    @classmethod
    def released(cls) -> Self:
        """The single level as its authors run it (README.md, train_gta2cityscapes_multi.py:27-53, 243).

        Each site by itself (299, 319), plain momentum. Steps, minibatches and source network are those
        of Goodman et al.; the tenfold rate of the last layer (model/deeplab_multi.py:222-224) is left
        out, since this network has no such classifier on a pretrained one.
        """
        recipe = Recipe(
            steps=6500,
            learning_rate=2.5e-4,
            optimiser=SGD(nesterov=False, weight_decay=5e-4),
            schedule=Poly(),
            precision="auto",
            rule=BestValidation(),
            batch=8,
        )
        return cls(Segmenter.aiva_released(), recipe, arrangement=Arrangement(passes="apart"))

    @classmethod
    def of_goodman(cls) -> Self:
        """As Goodman et al. ran it on heads, by the first author's working copy.

        yishayahu/AdaptSegNet, branch shaya, commit cc39a57: configs.py:28-36,
        train_gta2cityscapes_multi.py:88-91, 275-446. Neither their paper nor its code has it. There the
        discriminator's rate decays polynomially (317-318), here as the network's does.
        """
        schedule = Milestones((5000 / 6500, 6000 / 6500))
        recipe = replace(RELEASED_SKULL_STRIPPING, steps=6500, schedule=schedule)
        return cls(Segmenter.aiva_released(), recipe, arrangement=Arrangement(passes="apart"))

    def fit(self, view: View, run: Run) -> NetworkPredictor[ResidualUNet]:
        """Adapts the source network of the view."""
        sites = sites_of(view)
        run = self.chance(sites.name, run)
        with torch.random.fork_rng():
            torch.manual_seed(run.seed)
            discriminator = Discriminator(self.width).to(run.device)
        recipe = replace(self.finetuning, optimiser=Adam(BETAS), learning_rate=self.rate)
        adversary = _Adversary(discriminator, self.weight, recipe)
        common = sites, self.segmenter, self.finetuning, run
        return finetune(*common, adversary, self.arrangement)


class Discriminator(nn.Module):
    """Five convolutions of 4 x 4 with stride 2, leaky ReLU 0.2 between them (section 4.2).

    Maps probabilities (n, 1, h, w) to logits (n, 1, h', w') of "this mask is of the source". The
    paper enlarges them to the image's size, which weighs the same decisions by interpolation; we
    take them as they are, as the authors' code does (model/discriminator.py:17, 31).
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        channels = [1, width, 2 * width, 4 * width, 8 * width, 1]
        self.layers = nn.ModuleList(
            nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the masks; h and w at least 32."""
        for layer in self.layers[:-1]:
            x = F.leaky_relu(layer(x), 0.2)
        return cast(Tensor, self.layers[-1](x))


def adversarial_loss(discriminator: Discriminator, target: Tensor) -> Tensor:
    """L_adv: cross entropy of calling target predictions (n, 1, h, w) those of the source.

    Its gradient reaches the predictions and leaves the discriminator alone.
    """
    frozen = {name: value.detach() for name, value in discriminator.named_parameters()}
    logits = torch.func.functional_call(discriminator, frozen, (target,))
    return F.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))


def discriminator_loss(discriminator: Discriminator, source: Tensor, target: Tensor) -> Tensor:
    """L_d: cross entropy of source predictions as 1 and target predictions as 0, mean of both.

    Its gradient reaches the discriminator and leaves the predictions alone.
    """
    real, made = (discriminator(x.detach()) for x in (source, target))
    one, zero = torch.ones_like(real), torch.zeros_like(made)
    losses = (
        F.binary_cross_entropy_with_logits(real, one),
        F.binary_cross_entropy_with_logits(made, zero),
    )
    return (losses[0] + losses[1]) / 2


class _Adversary(Objective):
    """The objective: after each step of the network the discriminator takes one of its own."""

    def __init__(self, discriminator: Discriminator, weight: float, recipe: Recipe) -> None:
        self.discriminator, self.weight, self.recipe = discriminator, weight, recipe
        self._made = torch.empty(0)

    def term(self, bottleneck: Tensor, logits: Tensor, masks: Tensor, batch: Batch) -> Tensor:
        """lambda_adv L_adv."""
        self._made = logits.detach().sigmoid()
        return self.weight * adversarial_loss(self.discriminator, logits[len(masks) :].sigmoid())

    def players(self) -> Sequence[Phase[Batch]]:
        """The discriminator."""
        return (Phase(self.discriminator.parameters(), self.recipe, self._judge),)

    def _judge(self, batch: Batch, number: int) -> Iterator[Losses]:
        """L_d of the same predictions."""
        source, target = self._made.chunk(2)
        yield {"discriminator": discriminator_loss(self.discriminator, source, target)}
