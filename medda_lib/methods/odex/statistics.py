"""What the first block of a network says of a scan, and the Gaussian of a stage.

ODEx reads "the first set of batch normalization layers" (Gonzalez et al. 2022, section 2): both layers
of the first block, since a set is more than one. Their outputs, in evaluation mode, are averaged over
the voxels of the scan, so z has 2 * filters[0] numbers. The average is over the whole scan, the empty
surroundings of the crop included, also where the network learned from patches: the block is
convolutional and takes any size, and it alone is run, so that reading a scan costs little beside
segmenting it. Statistics are kept in double precision on the CPU, as the paper's section 4.1 allows.

A global average of a convolution follows the brightness of a scan and little else. The paper prints no
pooling; the code of its group (`pooled_features`) keeps where things are, in blocks of voxels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from medda_lib.networks.dyn_unet import DynUNet, first_norms, recorded
from medda_lib.networks.one_scan import of_one

ELEMENTS = 10_000
"""Numbers that `pooled_features` leaves of a layer at most."""


@torch.no_grad()
def first_outputs(network: DynUNet, scan: Tensor, device: torch.device) -> Tensor:
    """Outputs of the first block's batch norms for one scan (1, 1, d, h, w).

    Returns (layers, channels, d * h * w), float64. The network is left in evaluation mode.
    """
    network.eval()
    with recorded(first_norms(network)) as outputs:
        moved = scan.to(device, memory_format=torch.channels_last_3d)
        of_one(network.get_submodule("input_block"), moved)
    return torch.stack([output[0].flatten(1).double() for output in outputs])


def scan_features(network: DynUNet, images: Tensor, device: torch.device) -> Tensor:
    """The vectors z of scans (n, 1, d, h, w), eq. 3: (n, layers * channels), float64, on the CPU.

    Scans are read one at a time: what a scan gives does not depend on its neighbours.
    """
    found = [first_outputs(network, scan[None], device).mean(-1).flatten() for scan in images]
    return torch.stack(found).cpu()


def pooled_features(
    network: DynUNet, images: Tensor, device: torch.device, elements: int = ELEMENTS
) -> Tensor:
    """The same maps, averaged in blocks instead of wholly: (n, layers * numbers), float64, on the CPU.

    images: scans (n, 1, d, h, w). After Lifelong-nnUNet, branch dev-cl_ood,
    calibration/mahalanobis/get_model_activations.py:10 and 25-43, where a named convolution is read, a
    patch at a time; here both layers are those of the paper, and a scan is one patch.
    """
    found = []
    for scan in images:
        maps = first_outputs(network, scan[None], device)
        maps = maps.unflatten(-1, scan.shape[1:])  # the first block keeps the sides of a scan
        found.append(pooled(maps, elements).flatten())
    return torch.stack(found).cpu()


def pooled(maps: Tensor, elements: int = ELEMENTS) -> Tensor:
    """Means of 2 x 2 x 2 voxels of maps (layers, C, d, h, w), repeated until a layer is small enough.

    elements: how many numbers of a layer, channels included, are small enough. A map with a side of one
    voxel stays as it is.
    """
    while maps[0].numel() > elements and min(maps.shape[2:]) > 1:
        maps = F.avg_pool3d(maps, 2)
    return maps


def gram_matrices(network: DynUNet, images: Tensor, device: torch.device) -> Tensor:
    """G = F F' / (C V) of each layer's map F (C channels, V voxels): (n, layers, C, C), float64.

    images: scans (n, 1, d, h, w). The maps are those that `scan_features` averages.
    """
    found = []
    for scan in images:
        maps = first_outputs(network, scan[None], device)
        found.append(maps @ maps.mT / (maps.shape[1] * maps.shape[2]))
    return torch.stack(found).cpu()


@dataclass(frozen=True)
class Gaussian:
    """N(mu, Sigma) of a stage: mean (d,) and covariance (d, d) divided by N, not N - 1 (eq. 3)."""

    mean: Tensor
    covariance: Tensor

    @classmethod
    def of(cls, features: Tensor) -> Gaussian:
        """The Gaussian of features (n, d). Raises ValueError for fewer than two scans."""
        if features.ndim != 2 or len(features) < 2:
            raise ValueError(
                f"features: need (scans, d) of at least two scans, got {tuple(features.shape)}"
            )
        mean = features.mean(0)
        centred = features - mean
        return cls(mean, centred.T @ centred / len(features))

    def shrunk(self, share: float) -> Tensor:
        """(1 - share) Sigma + share tr(Sigma) / d I: the covariance that can be inverted."""
        d = len(self.covariance)
        size = self.covariance.trace() / d
        return (1 - share) * self.covariance + share * size * torch.eye(d, dtype=size.dtype)
