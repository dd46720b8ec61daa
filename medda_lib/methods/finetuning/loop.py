"""Fine-tuning for all: segmentation loss on the source plus what an `Objective` adds.

Source and target slices go through the network together, as one minibatch. So batch normalisation
uses one set of statistics for both sites, and the running averages that the finished network is
tested with belong to the function that was trained. (Two passes, each normalised by its own site's
statistics, would train one function and test another: an average of both sites' statistics that no
training step ever used.) The released code of AIVA does take two passes; `Arrangement` has them, and
what else differs there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from medda_lib.methods.adabn import restate
from medda_lib.methods.finetuning.arrangement import Arrangement, trained
from medda_lib.methods.finetuning.sites import Batch, Sites
from medda_lib.methods.predictor import NetworkPredictor
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.source_network.shared import pretrained
from medda_lib.methods.source_network.training import inputs, predictor, segmentation_loss, shown
from medda_lib.methods.training import Losses, Phase, Recipe, Training
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.studies.method import Run

AS_PRINTED = Arrangement()


class Objective:
    """What a method adds to the segmentation loss; as it stands, nothing."""

    def epoch(self, network: ResidualUNet, upcoming: list[Batch]) -> None:
        """Called before every epoch with its minibatches; may look at the network."""

    def term(self, bottleneck: Tensor, logits: Tensor, masks: Tensor, batch: Batch) -> Tensor:
        """The weighted term, a scalar.

        bottleneck (2b, c, h', w') and logits (2b, 1, h, w): first b source slices, then b target
        slices; masks (b, 1, h, w) bool of the source slices.
        """
        return logits.sum() * 0

    def players(self) -> Sequence[Phase[Batch]]:
        """Whoever else learns: phases that follow the network's in every step."""
        return ()


def finetune(
    sites: Sites,
    segmenter: Segmenter,
    recipe: Recipe,
    run: Run,
    objective: Objective,
    arrangement: Arrangement = AS_PRINTED,
) -> NetworkPredictor[ResidualUNet]:
    """Trains the source network on and returns it in the state that the rule of `recipe` chose.

    Its history's scores are those of the source validation.
    """
    network = pretrained(sites.source, segmenter, sites.name, run).network
    history = Tuning(network, sites, segmenter, recipe, run, objective, arrangement).fit()
    if arrangement.restate:
        restate(network, sites.target, segmenter, run)
    return predictor(network, segmenter, run.device, history)


class Tuning(Training[Batch]):
    """A training whose steps see as many slices of the source as of the target."""

    def __init__(
        self,
        network: ResidualUNet,
        sites: Sites,
        segmenter: Segmenter,
        recipe: Recipe,
        run: Run,
        objective: Objective,
        arrangement: Arrangement = AS_PRINTED,
    ) -> None:
        self.sites, self.objective, self.arrangement = sites, objective, arrangement
        self.segmenter = segmenter
        batch = recipe.batch * arrangement.parts
        self.length = arrangement.epoch or sites.epoch(batch)
        super().__init__(network, replace(recipe, validate_every=self.length), run)
        generator = torch.Generator().manual_seed(run.seed)
        self.order = list(sites.batches(recipe.steps, batch, generator))
        self.unet, self.players = network, objective.players()

    def main(self) -> Phase[Batch]:
        """The phase of the layers that are trained."""
        return Phase(trained(self.unet, self.arrangement.layers), self.recipe, self.terms)

    def batches(self) -> Iterator[Batch]:
        """Numbers of slices; the slices themselves are gathered in the step."""
        return iter(self.order)

    def before_step(self, number: int) -> None:
        """Tells the objective of a new epoch."""
        if (number - 1) % self.length == 0:
            upcoming = self.order[number - 1 : number - 1 + self.length]
            self.objective.epoch(self.unet.eval(), upcoming)

    def terms(self, batch: Batch, number: int) -> Iterator[Losses]:
        """The loss on the source's masks and the objective's term."""
        source, target = self.sites.source, self.sites.target
        images = shown(
            torch.cat([source.images[batch.source], target[batch.target]]), self.run.device
        )
        masks = source.need_masks()[batch.source].to(self.run.device)
        bottleneck, logits = self._through(images)
        supervised = segmentation_loss(logits[: len(masks)], masks, self.segmenter)
        added = self.objective.term(bottleneck, logits, masks, batch)
        yield {"segmentation": supervised, "adaptation": added}

    def _through(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Bottleneck and logits of the slices of a step, in one pass or in one of each minibatch."""
        if self.arrangement.passes == "together":
            return self._passed(images)
        parts = images.split(self.recipe.batch)
        half = len(parts) // 2
        turns = [k for pair in zip(range(half), range(half, 2 * half), strict=True) for k in pair]
        found = {k: self._passed(parts[k]) for k in turns}
        bottlenecks, logits = zip(*(found[k] for k in sorted(found)), strict=True)
        return torch.cat(bottlenecks), torch.cat(logits)

    def _passed(self, images: Tensor) -> tuple[Tensor, Tensor]:
        values = self.unet.encode(inputs(images, self.segmenter))
        return values[-1].float(), self.unet.decode(values).float()

    def phases(self, number: int, main: Phase[Batch]) -> Sequence[Phase[Batch]]:
        """The network, then whoever else learns."""
        return (main, *self.players)

    def validate(self, number: int) -> dict[str, float]:
        """Dice on the source's validation scans."""
        score = validation_dice(self.unet, self.sites, self.segmenter, self.run.device)
        return {"score": score}


def validation_dice(
    network: ResidualUNet, sites: Sites, segmenter: Segmenter, device: torch.device
) -> float:
    """Mean Dice over the source's validation scans, of masks cut at 0.5."""
    pool = sites.validation
    predicted = predictor(network, segmenter, device).masks(pool.images) >= 0.5
    found, truth = (x.view(-1, pool.depth * x[0].numel()) for x in (predicted, pool.need_masks()))
    both, either = (found & truth).sum(dim=1), found.sum(dim=1) + truth.sum(dim=1)
    return float((2 * both / either.clamp_min(1)).mean())
