"""One fine-tuning loop for all: segmentation loss on the source plus what an `Objective` adds.

Source and target slices go through the network together, as one minibatch. So batch normalisation
uses one set of statistics for both sites, and the running averages that the finished network is
tested with belong to the function that was trained. (Two passes, each normalised by its own site's
statistics, would train one function and test another: an average of both sites' statistics that no
training step ever used.)
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from medda_lib.methods.finetuning.settings import Finetuning
from medda_lib.methods.finetuning.sites import Batch, Sites
from medda_lib.methods.segmenter.predictor import SegmenterPredictor
from medda_lib.methods.segmenter.settings import Segmenter
from medda_lib.methods.segmenter.training import (
    decay,
    inputs,
    optimiser,
    pretrained,
    segmentation_loss,
)
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.studies.method import Run

Curve = tuple[tuple[int, float], ...]


class Objective(Protocol):
    """What a method adds to the segmentation loss."""

    def epoch(self, network: ResidualUNet, upcoming: list[Batch]) -> None:
        """Called before every epoch with its minibatches; may look at the network."""
        ...

    def term(self, bottleneck: Tensor, logits: Tensor, masks: Tensor, batch: Batch) -> Tensor:
        """The weighted term, a scalar.

        bottleneck (2b, c, h', w') and logits (2b, 1, h, w): first b source slices, then b target
        slices; masks (b, 1, h, w) bool of the source slices.
        """
        ...

    def after(self, logits: Tensor) -> None:
        """Called after the network's step with the detached logits (2b, 1, h, w)."""
        ...


@dataclass(frozen=True)
class Outcome:
    """A fine-tuned network; `losses` name -> (step, value), `scores` of the source validation."""

    predictor: SegmenterPredictor
    scores: Curve
    chosen: int


def finetune(
    sites: Sites,
    segmenter: Segmenter,
    settings: Finetuning,
    run: Run,
    objective: Objective,
) -> Outcome:
    """Trains the source network on and returns it in the state that the rule of `settings` chose."""
    network = pretrained(sites.source, segmenter, sites.name, run).network
    tuned = settings.of(segmenter)
    steps = Steps(network, optimiser(network, tuned), tuned, sites, run.device, objective)
    generator = torch.Generator().manual_seed(run.seed)
    batches = list(sites.batches(settings, generator))
    length = sites.epoch(settings)
    losses: list[tuple[int, dict[str, float]]] = []
    scores: dict[int, float] = {}
    best: dict[str, Tensor] = {}
    for number, batch in enumerate(batches, start=1):
        if (number - 1) % length == 0:
            objective.epoch(network.eval(), batches[number - 1 : number - 1 + length])
        steps.rate(number - 1)
        losses.append((number, steps.take(batch)))
        run.progress(number, settings.steps, losses[-1][1])
        if number % length == 0 or number == settings.steps:
            scores[number] = validation_dice(network, sites, segmenter, run.device)
            if settings.rule.choose(scores) == number:
                best = copy.deepcopy(network.state_dict())
    network.load_state_dict(best)
    predictor = SegmenterPredictor(network.eval(), segmenter, run.device, _curves(losses))
    return Outcome(predictor, tuple(scores.items()), settings.rule.choose(scores))


@dataclass
class Steps:
    """A training step: the network, its optimiser, the data, and what the method adds."""

    network: ResidualUNet
    optimiser: torch.optim.Optimizer
    segmenter: Segmenter
    sites: Sites
    device: torch.device
    objective: Objective

    def rate(self, done: int) -> None:
        """Sets the learning rate after `done` steps."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.segmenter.learning_rate * decay(done, self.segmenter)

    def take(self, batch: Batch) -> dict[str, float]:
        """One step; the losses by name."""
        self.network.train()
        images = torch.cat(
            [self.sites.source.images[batch.source], self.sites.target[batch.target]]
        )
        images = images.to(self.device, memory_format=torch.channels_last)
        masks = self.sites.source.need_masks()[batch.source].to(self.device)
        values = self.network.encode(inputs(images, self.segmenter))
        logits = self.network.decode(values)
        supervised = segmentation_loss(logits[: len(masks)], masks, self.segmenter)
        added = self.objective.term(values[-1], logits, masks, batch)
        self.optimiser.zero_grad(set_to_none=True)
        (supervised + added).backward()
        self.optimiser.step()
        self.objective.after(logits.detach())
        return {"segmentation": float(supervised.detach()), "adaptation": float(added.detach())}


def validation_dice(
    network: ResidualUNet, sites: Sites, segmenter: Segmenter, device: torch.device
) -> float:
    """Mean Dice over the source's validation scans, of masks cut at 0.5."""
    pool = sites.validation
    predicted = SegmenterPredictor(network, segmenter, device).segment(pool.images) >= 0.5
    found, truth = (x.view(-1, pool.depth * x[0].numel()) for x in (predicted, pool.need_masks()))
    both, either = (found & truth).sum(dim=1), found.sum(dim=1) + truth.sum(dim=1)
    return float((2 * both / either.clamp_min(1)).mean())


def _curves(losses: list[tuple[int, dict[str, float]]]) -> tuple[tuple[str, Curve], ...]:
    names = losses[0][1]
    return tuple((name, tuple((step, found[name]) for step, found in losses)) for name in names)
