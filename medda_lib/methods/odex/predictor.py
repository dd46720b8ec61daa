"""A pool as a predictor: each scan is segmented by the model that it lies nearest to (eq. 2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from medda_lib.methods.odex.pool import Arrival, Measure, Model
from medda_lib.methods.predictor import NetworkPredictor, Scan, as_scan
from medda_lib.networks.dyn_unet import DynUNet


@dataclass(frozen=True)
class PoolPredictor:
    """A `Predictor` around a pool of models, which sees one scan at a time. patch: see `Scan`."""

    models: tuple[Model, ...]
    measure: Measure
    patch: tuple[int, int, int] | None = None
    device: torch.device = torch.device("cpu")  # noqa: RUF009 - immutable

    def classify(self, images: Tensor) -> Tensor | None:
        """None: there is no classifier."""
        return None

    def segment(self, images: Tensor) -> Tensor:
        """Mask probabilities (depth, 1, h, w) of all slices of one scan, by the nearest model."""
        return self.of_model(self.chosen(images)).masks(images)

    def of_model(self, number: int) -> NetworkPredictor[DynUNet]:
        """Model `number` (1 ...) alone."""
        return NetworkPredictor(
            self.models[number - 1].network, self.device, passage=Scan(self.patch)
        )

    def chosen(self, images: Tensor) -> int:
        """The number (1 ...) of the model that segments the scan with slices (d, 1, h, w)."""
        return self.seen(images).chosen + 1

    def seen(self, images: Tensor) -> Arrival:
        """The distances of the scan with slices (d, 1, h, w) to each model."""
        return self.measure.arrival(self.models, as_scan(images), self.device)

    def features(self, images: Tensor, number: int = 1) -> Tensor:
        """What model `number` reads of scans (n, 1, d, h, w), one row each: for maps of the features.

        z (n, layers * channels), or all entries of the Gram matrices.
        """
        network = self.models[number - 1].network
        return self.measure.distance.features(network, images, self.device).flatten(1)
