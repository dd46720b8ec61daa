"""The Gaussian of a stage where scans have more numbers than there are scans: a thin root of Sigma.

n scans with d numbers each span n - 1 directions, so Sigma (d, d) has a root of at most n - 1 rows, and
nothing of size d x d is ever made. With the share 0 distances are by the pseudo-inverse, which sees the
span of the stage's scans only: what leaves the span costs nothing, and with n <= d each scan lies at
n - 1 (squared) from the Gaussian that the n scans make, all of them alike.
"""

from __future__ import annotations

import torch
from torch import Tensor

from medda_lib.studies.artefacts import Tensors


def thin(features: Tensor) -> Tensors:
    """Mean (d,) and root (r, d) of the covariance of features (n, d): Sigma = root' root, r < n.

    The rows of the root are Sigma's directions, as long as the standard deviation along them.
    Directions in which nothing varies but rounding are left out, by scikit-learn's rule. Raises
    ValueError for fewer than two scans, or scans that do not differ.
    """
    n, d = features.shape
    if n < 2:
        raise ValueError(f"features: need (scans, d) of at least two scans, got {(n, d)}")
    mean = features.mean(0)
    _, sizes, directions = torch.linalg.svd((features - mean) / n**0.5, full_matrices=False)
    variances = sizes.square()
    some = variances > variances.max() * d * torch.finfo(features.dtype).eps
    if not some.any():
        raise ValueError("covariance: singular; the stage's scans do not differ")
    return {"mean": mean, "root": sizes[some, None] * directions[some]}


def thin_square(features: Tensor, mean: Tensor, root: Tensor, share: float = 0.0) -> Tensor:
    """(z - mu)' S^-1 (z - mu) of features (n, d), (n,), with S shrunk from Sigma = root' root.

    share: of tr(Sigma) / d I in S; at 0 S^-1 is the pseudo-inverse of Sigma.
    """
    variances = root.square().sum(1)
    centred = features - mean
    along = (centred @ root.T).square() / variances
    if share == 0:
        inside: Tensor = (along / variances).sum(1)
        return inside
    other = share * variances.sum() / len(mean)
    rest = (centred.square().sum(1) - along.sum(1)).clamp_min(0)
    shrunk: Tensor = (along / ((1 - share) * variances + other)).sum(1)
    return shrunk + rest / other
