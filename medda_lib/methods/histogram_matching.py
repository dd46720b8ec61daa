"""Histogram matching: the cheapest thing that could make one scanner's grey values another's.

The grey values of a target scan are replaced, rank by rank, so that their distribution is that of the
source site's training scans (Nyul and Udupa 1999 standardise MR scans by landmarks of the same curve).
Where an image is bright or dark in the wrong place (coil shading), nothing changes: rank keeps its
place. No image is trained on, one sort a scan. A row for it stands beside methods that claim more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medda_lib.methods.predictor import NetworkPredictor
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.source_network.shared import source_of, source_predictor
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.studies.method import Run
from medda_lib.studies.setting import TEST_TIME, Setting
from medda_lib.studies.task import View

LEVELS = 1024


@dataclass(frozen=True)
class HistogramMatching:
    """The source network on scans whose grey values are those of the source. levels: of the curve."""

    segmenter: Segmenter
    levels: int = LEVELS

    kind: ClassVar[str] = "HistogramMatching"
    setting: ClassVar[Setting] = TEST_TIME

    @classmethod
    def paper(cls) -> HistogramMatching:
        """Before the network of Zakazov et al.; the method has no number of its own."""
        return cls(Segmenter.fda())

    @property
    def name(self) -> str:
        """The system's name."""
        return "Histogram matching"

    def fit(self, view: View, run: Run) -> MatchedPredictor:
        """Trains the source network and notes the source's curve of grey values."""
        network = source_predictor(view, self.segmenter, run)
        _, pool = source_of(view)
        return MatchedPredictor(network, curve(pool.images, self.levels))


@dataclass(frozen=True)
class MatchedPredictor:
    """Segments one scan at a time after matching all of its slices together to `curve`."""

    network: NetworkPredictor[ResidualUNet]
    curve: NDArray[np.float32]

    def classify(self, images: Tensor) -> Tensor | None:
        """None: there is no classifier."""
        return None

    def segment(self, images: Tensor) -> Tensor:
        """Mask probabilities (depth, 1, h, w) of one scan (depth, 1, h, w)."""
        return self.network.masks(matched(images, self.curve))


def curve(images: Tensor, levels: int) -> NDArray[np.float32]:
    """Grey values of images at `levels` equal steps of rank, from the least to the largest."""
    values = images.detach().cpu().numpy().ravel()
    return np.asarray(np.quantile(values, np.linspace(0, 1, levels)), dtype=np.float32)


def matched(images: Tensor, target: NDArray[np.float32]) -> Tensor:
    """Images with the distribution of grey values that a curve describes; equal values stay equal.

    The rank of a value is the share of smaller values plus half the share of equal ones.
    """
    values = images.detach().cpu().numpy()
    _, at, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2) / values.size
    moved = np.interp(ranks, np.linspace(0, 1, len(target)), target)
    return torch.from_numpy(moved[at].reshape(values.shape).astype(np.float32)).to(images.device)
