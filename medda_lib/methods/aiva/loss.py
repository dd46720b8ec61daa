"""The alignment loss and the rule that weighs it: equations 2 and 3 of Goodman et al.

The target slices of a minibatch that belong to one cluster are averaged in bottleneck space, and the
average is pulled to the centroid of the matched source cluster. Centroids are fixed for an epoch; the
gradient flows through the target slices alone. A cluster of which no slice is in the minibatch has no
average and is left out (the paper does not say so, but a sum over all k has no value then; the released
code leaves it out as well, trainer.py:458).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional as F


def centroids(features: Tensor, clusters: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Mean feature (k, d) of every cluster and its size (k,); zeros for an empty one.

    features: (n, d); clusters: (n,) int64 in 0 ... k - 1.
    """
    members = F.one_hot(clusters, k).to(features.dtype)
    sizes = members.sum(dim=0)
    return (members.T @ features) / sizes.clamp_min(1)[:, None], sizes


def matched_distances(
    target: Tensor, clusters: Tensor, source_centroids: Tensor, matching: Tensor
) -> tuple[Tensor, Tensor]:
    """||x_i^t - nu_pi(i)^s||^2 (k,) for every target cluster i, and whether it is present (k,).

    target: features (b, d) of the minibatch; clusters (b,) of its slices; source_centroids (k, d);
    matching (k,), the permutation pi of equation 1. The entry of an absent cluster means nothing.
    """
    means, sizes = centroids(target, clusters, len(matching))
    return (means - source_centroids.detach()[matching]).square().sum(dim=1), sizes > 0


def alignment_loss(
    target: Tensor, clusters: Tensor, source_centroids: Tensor, matching: Tensor
) -> Tensor:
    """Equation 2: the sum of `matched_distances` over the clusters that are present, a scalar."""
    distances, present = matched_distances(target, clusters, source_centroids, matching)
    return torch.where(present, distances, 0.0).sum()


def alignment_by_size(
    target: Tensor, clusters: Tensor, source_centroids: Tensor, matching: Tensor
) -> Tensor:
    """sum_i n_i ||x_i^t - nu_pi(i)^s||^2 / (d sum_i n_i), a scalar; n_i slices are of cluster i.

    The released code's form of equation 2 (trainer.py:457-467): a mean over slices and the d values of
    a feature, so that a cluster with one slice in the minibatch pulls less than one with five.
    """
    means, sizes = centroids(target, clusters, len(matching))
    distances = (means - source_centroids.detach()[matching]).square().mean(dim=1)
    return (sizes * distances).sum() / sizes.sum()


def reciprocal_weight(losses: Iterable[float]) -> float:
    """The weight lambda of equation 3: one over the mean of the first alignment losses.

    So the weighted alignment loss starts near 1, the size of a segmentation loss. Raises ValueError
    when there is no loss to average or their mean is not positive.
    """
    values = list(losses)
    if not values or not sum(values) > 0:
        raise ValueError(f"lambda is one over the mean alignment loss; there is none in {values}")
    return len(values) / sum(values)
