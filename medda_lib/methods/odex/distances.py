"""How far a scan lies from a stage that has passed: Mahalanobis, and the Gram distance beside it.

The Mahalanobis distance is a distance, not its square, as D_M is written. With as few scans as numbers
in z, Sigma is nearly or truly singular, so that directions in which the few scans happened to agree
would decide everything. It is therefore shrunk towards tr(Sigma) / d I by a fixed share. The default of
0.1 keeps the condition number at 9 d + 1 or less whatever the scans were, and takes a tenth off the
large variances at most. A share that the data choose (Ledoit and Wolf) would make distances to two
stages incomparable, each being measured with a yardstick of its own.

The code of the paper's group shrinks nothing, inverts by a pseudo-inverse and takes the square
(Lifelong-nnUNet, branch dev-cl_ood, calibration/mahalanobis/density_estimation.py:25 and 33-38, by
scikit-learn): `shrinkage` = 0 and `squared`; see `thin` for what that means with few scans.

The Gram distance is that of Perkonigg et al. (2021), which the paper cites for its ablation: the squared
differences of two Gram matrices, averaged over their entries and summed over layers. That work compares
scans with stored scans; nothing but statistics may be kept here, so a stage is its mean Gram matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import torch
from torch import Tensor

from medda_lib.methods.odex.statistics import (
    ELEMENTS,
    Gaussian,
    gram_matrices,
    pooled_features,
    scan_features,
)
from medda_lib.methods.odex.thin import thin, thin_square
from medda_lib.networks.dyn_unet import DynUNet
from medda_lib.studies.artefacts import Tensors

SHRINKAGE = 0.1
Maps = Literal["average", "pooled"]


class Distance(Protocol):
    """What is read of a scan, what is kept of a stage, and how far one lies from the other."""

    def features(self, network: DynUNet, images: Tensor, device: torch.device) -> Tensor:
        """What is read of scans (n, 1, d, h, w): (n, ...), float64, on the CPU."""
        ...

    def kept(self, features: Tensor) -> Tensors:
        """What is kept of a stage whose scans have these features."""
        ...

    def between(self, features: Tensor, kept: Tensors) -> Tensor:
        """Distances (n,) of scans to a stage."""
        ...


@dataclass(frozen=True)
class Mahalanobis:
    """Distance to the Gaussian of a stage.

    Attributes:
        shrinkage: the share of tr(Sigma) / d I, in [0, 1]; at 0 the pseudo-inverse of Sigma is taken.
        maps: what z has of the first layers: their "average" over the scan, or "pooled" maps.
        elements: numbers of a layer that pooling leaves at most.
        squared: the square of the distance.
    """

    shrinkage: float = SHRINKAGE
    maps: Maps = "average"
    elements: int = ELEMENTS
    squared: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.shrinkage <= 1:
            raise ValueError(f"shrinkage: {self.shrinkage} must lie in [0, 1]")
        if self.maps not in get_args(Maps):
            raise ValueError(f"maps: {self.maps!r} is none of {get_args(Maps)}")
        if self.elements < 1:
            raise ValueError(f"elements: {self.elements} must be at least 1")

    def features(self, network: DynUNet, images: Tensor, device: torch.device) -> Tensor:
        """The scans' z, (n, d)."""
        if self.maps == "pooled":
            return pooled_features(network, images, device, self.elements)
        return scan_features(network, images, device)

    def kept(self, features: Tensor) -> Tensors:
        """Mean and covariance, or its root, as they are: shrinkage comes with the distance."""
        if self._thin:
            return thin(features)
        gaussian = Gaussian.of(features)
        return {"mean": gaussian.mean, "covariance": gaussian.covariance}

    def between(self, features: Tensor, kept: Tensors) -> Tensor:
        """D_M (n,) of features (n, d), or its square."""
        if self._thin:
            square = thin_square(features, kept["mean"], kept["root"], self.shrinkage)
            return square if self.squared else square.sqrt()
        found = mahalanobis(features, Gaussian(kept["mean"], kept["covariance"]), self.shrinkage)
        return found.square() if self.squared else found

    @property
    def _thin(self) -> bool:
        return self.maps == "pooled" or self.shrinkage == 0


@dataclass(frozen=True)
class Gram:
    """Distance to the mean Gram matrices of a stage."""

    def features(self, network: DynUNet, images: Tensor, device: torch.device) -> Tensor:
        """Gram matrices (n, layers, C, C)."""
        return gram_matrices(network, images, device)

    def kept(self, features: Tensor) -> Tensors:
        """The mean Gram matrix of each layer."""
        return {"gram": features.mean(0)}

    def between(self, features: Tensor, kept: Tensors) -> Tensor:
        """The Gram distance (n,) of features (n, layers, C, C)."""
        return gram_distance(features, kept["gram"])


def mahalanobis(features: Tensor, gaussian: Gaussian, shrinkage: float = SHRINKAGE) -> Tensor:
    """sqrt((z - mu)' S^-1 (z - mu)) of features (n, d) with the shrunk covariance S: (n,).

    Raises ValueError when S is singular.
    """
    root, failed = torch.linalg.cholesky_ex(gaussian.shrunk(shrinkage))
    if int(failed):
        raise ValueError(
            "covariance: singular; the stage's scans do not differ, or shrinkage is too small"
        )
    scaled = torch.linalg.solve_triangular(root, (features - gaussian.mean).T, upper=False)
    distances: Tensor = torch.linalg.vector_norm(scaled, dim=0)
    return distances


def gram_distance(grams: Tensor, other: Tensor) -> Tensor:
    """|G - G'|^2 / C^2 of (n, layers, C, C) against (layers, C, C), summed over layers: (n,)."""
    return (grams - other).square().mean((-2, -1)).sum(-1)


def held_out(distance: Distance, features: Tensor) -> Tensor:
    """Distances (n,) of each scan to the stage as the n - 1 others describe it.

    Raises ValueError for fewer than three scans, since two must remain.
    """
    n = len(features)
    if n < 3:
        raise ValueError(
            f"features: {n} scans in a stage; at least three are needed to hold one out"
        )
    others = [torch.arange(n) != i for i in range(n)]
    found = [
        distance.between(features[i : i + 1], distance.kept(features[others[i]])) for i in range(n)
    ]
    return torch.cat(found)
