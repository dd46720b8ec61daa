"""AdaptSegNet: predictions on the target should not be told from predictions on the source.

Tsai et al. ("Learning to Adapt Structured Output Space for Semantic Segmentation", CVPR 2018) adapt in
the space of outputs: however different two sites look, brains in them have the same shape. A
discriminator learns which site a predicted mask came from; the segmentation network learns to make
masks for target slices that pass as masks of the source. This is their single-level form, on the
final output.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medda_lib.methods.finetuning import Batch, Finetuned, Objective, finetune, sites_of
from medda_lib.methods.predictor import NetworkPredictor
from medda_lib.methods.training import Adam, Losses, Phase, Recipe
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.studies.method import Run
from medda_lib.studies.task import View

BETAS = (0.9, 0.99)  # section 5.2, of the discriminator's Adam


@dataclass(frozen=True)
class AdaptSegNet(Finetuned):
    """Fine-tuning against a discriminator of predicted masks.

    Attributes:
        weight: lambda_adv, of the adversarial loss; 0.001 for the single level (section 5.2).
        width: channels of the discriminator's first layer, 64 in the paper.
        rate: of its Adam; 1e-4 in the paper, with the network's decay.
    """

    weight: float = 1e-3
    width: int = 64
    rate: float = 1e-4

    kind: ClassVar[str] = "AdaptSegNet"

    @property
    def name(self) -> str:
        """The system's name in Tables 1 and 2 of Goodman et al."""
        return "AdaptSegNet"

    def fit(self, view: View, run: Run) -> NetworkPredictor[ResidualUNet]:
        """Adapts the source network of the view."""
        sites = sites_of(view)
        with torch.random.fork_rng():
            torch.manual_seed(run.seed)
            discriminator = Discriminator(self.width).to(run.device)
        recipe = replace(self.finetuning, optimiser=Adam(BETAS), learning_rate=self.rate)
        adversary = _Adversary(discriminator, self.weight, recipe)
        return finetune(sites, self.segmenter, self.finetuning, run, adversary)


class Discriminator(nn.Module):
    """Five convolutions of 4 x 4 with stride 2, leaky ReLU 0.2 between them (section 4.2).

    Maps probabilities (n, 1, h, w) to logits (n, 1, h', w') of "this mask is of the source". The
    paper enlarges them to the image's size, which weighs the same decisions by interpolation; we
    take them as they are.
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
