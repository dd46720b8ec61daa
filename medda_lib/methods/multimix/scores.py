"""The validation score that chooses a checkpoint: the mean of accuracy and Dice, where both exist.

Both come from thresholded predictions of validation images of the source, normalised like the training
images. (The released code computes no loss in validation, so every epoch ties at 0 and the first one
wins.)
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from medda_lib.methods.multimix.batches import ImageSets
from medda_lib.methods.predictor import NetworkPredictor
from medda_lib.networks.multimix import MultiMixNet

CUT = 0.5


def accuracy(probabilities: Tensor, labels: Tensor) -> float:
    """Share of images (n, classes) whose most probable class is the label (n,)."""
    return float((probabilities.argmax(dim=1) == labels).float().mean())


def mean_dice(probabilities: Tensor, masks: Tensor) -> float:
    """Mean over images (n, 1, h, w) of 2 |P and S| / (|P| + |S|); 1 where both are empty."""
    predicted, reference = (probabilities >= CUT).flatten(1), masks.flatten(1)
    both = (predicted & reference).sum(dim=1)
    total = predicted.sum(dim=1) + reference.sum(dim=1)
    return float(torch.where(total > 0, 2 * both / total.clamp_min(1), 1.0).mean())


def validation_scores(
    predictor: NetworkPredictor[MultiMixNet], sets: Mapping[str, ImageSets]
) -> dict[str, float]:
    """Scores by name: "accuracy" and "dice", where the system has them, and their mean "score"."""
    found: dict[str, float] = {}
    if "classification" in sets:
        pool = sets["classification"].validation
        classes = predictor.classify(pool.images)
        if classes is not None:
            found["accuracy"] = accuracy(classes, pool.need_labels())
    if "segmentation" in sets:
        pool = sets["segmentation"].validation
        masks = predictor.segment(pool.images)
        if masks is not None:
            found["dice"] = mean_dice(masks, pool.need_masks())
    return {**found, "score": sum(found.values()) / len(found)}
