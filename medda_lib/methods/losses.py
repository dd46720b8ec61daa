"""The losses of MultiMix, one function per term of its equations 1, 2 and 5.

Every function returns the mean over the minibatch as equation 5 does (sum over images divided by m).
The paper's segmentation consistency is a KL divergence between predictions for labelled and for
unlabelled images, which are different images: how to align them is left open. The released code takes
a softmax over the one channel there is, gets the constant 1 for every pixel, and so a divergence that
is zero for any input. Here each pixel is a Bernoulli variable (lung or not), and `alignment` says what
is compared.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Alignment = Literal["mean map", "index"]
ALIGNMENTS: tuple[Alignment, ...] = ("mean map", "index")
TINY = 1e-6


def labelled_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """L_l of equation 1: cross-entropy of logits (n, classes) and labels (n,), mean over n."""
    return F.cross_entropy(logits, labels)


def pseudo_labels(weak_logits: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """Pseudo-label (n,) of each weak view and whether it is kept (n,) bool.

    The paper writes "arg max >= t"; what is compared with t is the largest probability.
    """
    confidence, labels = weak_logits.detach().softmax(dim=1).max(dim=1)
    return labels, confidence >= threshold


def pseudo_label_loss(strong_logits: Tensor, weak_logits: Tensor, threshold: float) -> Tensor:
    """L_u of equation 1: cross-entropy of the strong view against the weak view's pseudo-label.

    Images below the threshold add 0 to the sum and still count in m: a step with few confident
    images has a small loss. No gradient flows into the weak view.

    Args:
        strong_logits: (m, classes), of the strongly augmented images.
        weak_logits: (m, classes), of the same images weakly augmented.
        threshold: t, 0.7 in the paper.
    """
    labels, kept = pseudo_labels(weak_logits, threshold)
    each = F.cross_entropy(strong_logits, labels, reduction="none")
    return (each * kept).mean()


def dice_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """L_l of equation 2: 1 - soft Dice of logits and masks (n, 1, h, w), mean over images.

    Soft Dice is 2 sum(p s) / (sum(p) + sum(s)) with the predicted probability p and the reference s;
    one pixel is added above and below, so that an empty mask predicted empty has loss 0.
    """
    probability = logits.sigmoid().flatten(1)
    reference = masks.to(probability.dtype).flatten(1)
    overlap = (probability * reference).sum(dim=1)
    total = probability.sum(dim=1) + reference.sum(dim=1)
    return (1 - (2 * overlap + 1) / (total + 1)).mean()


def bernoulli_kl(p: Tensor, q_logits: Tensor) -> Tensor:
    """KL(p || q) per pixel for probabilities p and logits of q, >= 0, zero only where p = q."""
    p = p.clamp(TINY, 1 - TINY)
    on = p * (p.log() - F.logsigmoid(q_logits))
    off = (1 - p) * ((-p).log1p() - F.logsigmoid(-q_logits))
    return on + off


def segmentation_kl(
    labelled_logits: Tensor, unlabelled_logits: Tensor, alignment: Alignment = "mean map"
) -> Tensor:
    """L_u of equation 2: KL(labelled || unlabelled predictions), mean over pixels and images.

    "mean map" compares each unlabelled prediction with the mean of the labelled ones, a soft outline
    of where lungs are: it does not depend on the order of the images, nor do the two sets have to be
    of one size. "index" pairs image i with image i, as the released code does. Gradients
    flow into both sides, as equation 2 is printed.

    Args:
        labelled_logits: (m, 1, h, w).
        unlabelled_logits: (k, 1, h, w); k = m for "index".
        alignment: "mean map" or "index".
    """
    if alignment not in ALIGNMENTS:
        raise ValueError(f"alignment: {alignment!r} is none of {ALIGNMENTS}")
    reference = labelled_logits.sigmoid()
    if alignment == "mean map":
        reference = reference.mean(dim=0, keepdim=True)
    elif len(labelled_logits) != len(unlabelled_logits):
        raise ValueError(
            f'alignment "index" needs sets of one size, got {len(labelled_logits)} and '
            f'{len(unlabelled_logits)}; use "mean map"'
        )
    return bernoulli_kl(reference, unlabelled_logits).mean()


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of logits against class probabilities, both (n, classes), mean over n."""
    return -(targets * logits.log_softmax(dim=1)).sum(dim=1).mean()


def brier(logits: Tensor, targets: Tensor) -> Tensor:
    """Squared distance of softmax and class probabilities (n, classes), mean over both axes."""
    return torch.square(logits.softmax(dim=1) - targets).mean()
