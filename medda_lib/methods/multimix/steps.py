"""The losses of one training step, problem by problem (Algorithm 1, equations 1, 2 and 5).

No layer of the network mixes images, so the five image sets of a step may share passes as suits the
machine: labelled and strongly augmented images go through the encoder together, weakly augmented ones
without a graph (nothing flows back from a pseudo-label), and only images whose mask is used are
decoded or get a saliency map. The classification loss and the segmentation loss share parameters but
no image, so the first one's graph is freed before the second one is built.

A step is a function from (network, randomness, step number) to its weighted losses by name; their sum
is what is minimised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from medda_lib.methods import losses, mixmatch
from medda_lib.methods.augment.strong import strong
from medda_lib.methods.augment.two_draws import two_draws
from medda_lib.methods.augment.weak import weak
from medda_lib.methods.multimix.batches import ImageSets, shuffled
from medda_lib.methods.multimix.settings import Settings
from medda_lib.methods.normalise import standardise
from medda_lib.networks.multimix import MultiMixNet

Losses = dict[str, Tensor]
Step = Callable[[int], Losses]
CLASSES = 2


@dataclass
class Context:
    """What every step function needs."""

    network: MultiMixNet
    settings: Settings
    rng: torch.Generator

    def logits(self, images: Tensor) -> Tensor:
        """Class logits (n, 2) of raw images (n, 1, h, w), in float32."""
        return self.network.classify(self.network.encode(standardise(images))).float()

    def strong(self, images: Tensor) -> Tensor:
        """Strong views of raw images."""
        if self.settings.strong_views == "two draws":
            return two_draws(images, self.rng)
        return strong(images, self.rng, self.settings.strong_share)

    def indices(self, images: Tensor) -> Iterator[Tensor]:
        """Endless minibatches of indices of `images`."""
        return shuffled(len(images), self.settings.recipe.batch, self.rng)


def supervised(context: Context, sets: ImageSets) -> Step:
    """Enc, UMTL: cross-entropy of weakly augmented labelled images."""
    order = context.indices(sets.images)

    def step(_: int) -> Losses:
        i = next(order).to(sets.images.device)
        logits = context.logits(weak(sets.images[i], context.rng))
        return {"cross-entropy": losses.labelled_cross_entropy(logits, sets.truth[i])}

    return step


def confidence(context: Context, sets: ImageSets, unlabelled: Tensor) -> Step:
    """Enc-SSL, UMTL-SSL, MultiMix: labelled images and two views of unlabelled ones."""
    order, bare = context.indices(sets.images), context.indices(unlabelled)

    def step(_: int) -> Losses:
        i, j = next(order).to(unlabelled.device), next(bare).to(unlabelled.device)
        return confidence_losses(
            context,
            weak(sets.images[i], context.rng),
            sets.truth[i],
            weak(unlabelled[j], context.rng),
            context.strong(unlabelled[j]),
        )

    return step


def confidence_losses(
    context: Context, labelled: Tensor, labels: Tensor, weak_view: Tensor, strong_view: Tensor
) -> Losses:
    """Equation 1: cross-entropy of the labelled and, from pseudo-labels, of the strong view."""
    settings = context.settings
    with torch.no_grad():
        weak_logits = context.logits(weak_view)
    logits = context.logits(torch.cat([labelled, strong_view]))
    known, unknown = logits[: len(labelled)], logits[len(labelled) :]
    unsupervised = losses.pseudo_label_loss(unknown, weak_logits, settings.threshold)
    return {
        "cross-entropy": losses.labelled_cross_entropy(known, labels),
        "pseudo-label": settings.pseudo_weight * unsupervised,
    }


def mixed(context: Context, sets: ImageSets, unlabelled: Tensor) -> Step:
    """Enc-MM: MixMatch. Images are mixed before the normalisation, so the network sees the usual."""
    settings = context.settings
    mm = settings.mixmatch.adapted(settings.recipe.steps)
    order, bare = context.indices(sets.images), context.indices(unlabelled)

    def step(number: int) -> Losses:
        i, j = next(order).to(unlabelled.device), next(bare).to(unlabelled.device)
        views = [weak(unlabelled[j], context.rng) for _ in range(mm.guesses)]
        guessed = mixmatch.guess(context.logits, views, mm.temperature)
        known = F.one_hot(sets.truth[i], CLASSES).to(guessed.dtype)
        images = torch.cat([weak(sets.images[i], context.rng), *views])
        targets = torch.cat([known, *[guessed] * mm.guesses])
        weights = mixmatch.mix_weights(len(images), mm.alpha, context.rng).to(images.device)
        partners = torch.randperm(len(images), generator=context.rng).to(images.device)
        images, targets = mixmatch.mix_up(images, targets, partners, weights)
        logits = context.logits(images)
        m, weight = settings.recipe.batch, mm.weight * mixmatch.ramp_up(number, mm.ramp_steps)
        return {
            "cross-entropy": losses.soft_cross_entropy(logits[:m], targets[:m]),
            "guessed": weight * losses.brier(logits[m:], targets[m:]),
        }

    return step


def weighted(step: Step, weight: float) -> Step:
    """The same step with a factor on each of its losses."""
    if weight == 1:
        return step
    return lambda number: {name: weight * loss for name, loss in step(number).items()}


def segmentation(context: Context, sets: ImageSets, unlabelled: Tensor | None) -> Step:
    """U-Net, UMTL and the rest: Dice; with `unlabelled` images the consistency too."""
    order = context.indices(sets.images)
    bare = None if unlabelled is None else context.indices(unlabelled)

    def step(_: int) -> Losses:
        i = next(order).to(sets.images.device)
        more = None
        if unlabelled is not None and bare is not None:
            more = unlabelled[next(bare).to(unlabelled.device)]
        return segmentation_losses(context, sets.images[i], sets.truth[i], more)

    return step


def segmentation_losses(
    context: Context, labelled: Tensor, masks: Tensor, unlabelled: Tensor | None
) -> Losses:
    """Equation 2: Dice of the labelled images, divergence between them and the unlabelled ones."""
    settings = context.settings
    images = labelled if unlabelled is None else torch.cat([labelled, unlabelled])
    logits = mask_logits(context, images)
    known, unknown = logits[: len(labelled)], logits[len(labelled) :]
    found = {"dice": settings.dice_weight * losses.dice_loss(known, masks)}
    if unlabelled is not None:
        kl = losses.segmentation_kl(known, unknown, settings.alignment)
        found["consistency"] = settings.consistency_weight * kl
    return found


def mask_logits(context: Context, images: Tensor) -> Tensor:
    """Mask logits (n, 1, h, w) of raw images, in float32; with a bridge, by way of the saliency."""
    network, inputs = context.network, standardise(images)
    if not network.bridge:
        return network.decode(network.encode(inputs)).float()
    inputs.requires_grad_()
    values = network.encode(inputs)
    logits = network.classify(values)
    bridged = network.bridged(inputs, logits, detach=context.settings.detach)
    return network.decode(values, bridged).float()
