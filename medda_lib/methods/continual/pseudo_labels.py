"""PLOP's pseudo-labels (Douillard et al. 2021): the old network names what "background" may hide.

Where a stage labels only its own classes, a voxel of its background may show an old class. PLOP asks the
old network there: its answer becomes the label if it is certain enough, otherwise the voxel is left out.
Certain means an entropy below the median of all background voxels with that answer. The cross entropy of
a scan is weighted by the share of its background that got a label, so that scans of which little is
known do not pull towards new classes.

Where each stage labels the same classes, nothing hides in the background: labels stay, weights are 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import torch
from torch import Tensor

IGNORED = 255
LEAST = 1e-3
"""The lowest threshold of the released code, as a share of the largest entropy."""


def relative_entropy(logits: Tensor) -> Tensor:
    """Entropy of each voxel's classes over its largest value, log(classes): (n, c, ...) to (n, ...)."""
    logs = logits.log_softmax(dim=1)
    return -(logs.exp() * logs).sum(dim=1) / log(logits.shape[1])


def entropy_thresholds(old: Tensor, labels: Tensor) -> Tensor:
    """Median relative entropy (classes,) of background voxels by the class that the old network names.

    Args:
        old: logits (n, classes, ...) of the old network.
        labels: (n, ...) of the present stage, 0 for background.
    """
    background = labels == 0
    entropy, named = relative_entropy(old)[background], old.argmax(dim=1)[background]
    medians = [entropy[named == c].quantile(0.5) for c in range(old.shape[1]) if (named == c).any()]
    found = torch.full((old.shape[1],), LEAST, device=old.device)
    found[named.unique()] = torch.stack(medians).clamp_min(LEAST) if medians else found[:0]
    return found


def pseudo_labels(
    labels: Tensor, old: Tensor, thresholds: Tensor, hidden: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Labels (n, ...) with the old network's certain answers, and the weight (n,) of each scan.

    Equations 6 to 8 of the paper. `IGNORED` marks background about which the old network is not certain,
    or for which it names a class that this stage does label.

    Args:
        labels: (n, ...) int64 of the present stage, 0 for background.
        old: logits (n, classes, ...) of the old network.
        thresholds: (classes,), see `entropy_thresholds`.
        hidden: old classes that this stage's labels leave in the background.
    """
    if not hidden:
        return labels, torch.ones(len(labels), device=labels.device)
    background, named = labels == 0, old.argmax(dim=1)
    possible = torch.isin(named, torch.tensor([0, *hidden], device=named.device))
    certain = background & possible & (relative_entropy(old) < thresholds[named])
    changed = torch.where(certain, named, torch.where(background, IGNORED, labels))
    share = certain.flatten(1).sum(dim=1) / background.flatten(1).sum(dim=1).clamp_min(1)
    return changed, share
