"""A pool of models, what each of them has learned from, and the rule by which it grows.

A model is a network with a history: what is kept of each stage that shaped its weights. Scans lie from
it at the sum of their distances to the entries of its history (eq. 4), in the features of its present
weights; what older entries hold was measured with the weights of their time, as printed. "We normalize
the distances between the minimum and doubled maximum in-distribution values, and set xi = 2 mu" (section
2): a summed distance D is mapped to (D - minimum) / (2 maximum - minimum), not clipped, and mu is taken
for where that puts the mean. What the in-distribution values are, and which model is nearest, the paper
leaves open; three choices are made here.

1. They are the summed distances of the scans that the model was trained on last, taken at the end of
   that stage: the same sum, over the same entries, in the same weights as for the scans that come next.
   (Values noted for each entry when it was made would be of other weights. Training moves the features,
   and the pool would grow for that alone, without any change of the data.)
2. The distance of such a scan to its own stage is taken to the others of the stage, held out one by one.
   The paper reads far more training patches than z has numbers; with 20 scans and 16 numbers a Gaussian
   lies so close to the scans that made it that any others, of the very same kind, would be called a
   shift. With many scans both agree. `within` = "training" is the literal reading.
3. The nearest model is that of the smallest normalised distance. Bare sums (`compare` = "sum", eq. 4
   taken alone) cannot compare models: a copy inherits a history and adds an entry, so its sum is never
   smaller than the original's where their features agree; where they do not, sums differ by how far each
   network has moved since its older entries were made. Means over the history mend the first only. The
   price: if features did not move at all, scans of an earlier stage would lie about as near to the copy
   as to the model that stayed behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from medda_lib.methods.odex.distances import Distance, held_out
from medda_lib.networks.dyn_unet import DynUNet
from medda_lib.studies.artefacts import Tensors

Compare = Literal["normalised", "sum", "mean"]
Within = Literal["held out", "training"]


@dataclass(frozen=True)
class Range:
    """Smallest, mean and largest in-distribution distance."""

    low: float
    middle: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high or self.high == 0:
            raise ValueError(
                f"range: distances from {self.low} to {self.high}; do the scans differ?"
            )

    @classmethod
    def of(cls, distances: Tensor) -> Range:
        """The range of distances (n,)."""
        return cls(float(distances.min()), float(distances.mean()), float(distances.max()))

    def normalised(self, distance: float) -> float:
        """The minimum to 0 and the doubled maximum to 1."""
        return (distance - self.low) / (2 * self.high - self.low)

    @property
    def mu(self) -> float:
        """The mean, normalised: xi is a multiple of it."""
        return self.normalised(self.middle)


@dataclass(frozen=True, eq=False)
class Model:
    """Weights and what they were trained on; `within` is known once they have been.

    Models are never changed: training makes a new one, so what a snapshot holds stays as it was.
    dice: on the scans of the last stage, where that is asked for.
    """

    network: DynUNet
    history: tuple[Tensors, ...] = ()
    within: Range | None = None
    dice: float | None = None


@dataclass(frozen=True)
class Measure:
    """How far scans lie from a model.

    Attributes:
        distance: from a scan to one entry of a history.
        history: over all entries; otherwise to the last one only.
        compare: what the nearest model is nearest by (choice 3 above).
        within: how distances to a scan's own stage are taken (choice 2 above).
    """

    distance: Distance
    history: bool = True
    compare: Compare = "normalised"
    within: Within = "held out"

    def __post_init__(self) -> None:
        for name, allowed in (("compare", Compare), ("within", Within)):
            if getattr(self, name) not in get_args(allowed):
                raise ValueError(f"{name}: {getattr(self, name)!r} is none of {get_args(allowed)}")

    def trained(
        self, start: Model, network: DynUNet, images: Tensor, device: torch.device
    ) -> Model:
        """The model that training `start` on scans (n, 1, d, h, w) made: weights `network`."""
        features = self.distance.features(network, images, device)
        kept = self.distance.kept(features)
        if self.within == "held out":
            own = held_out(self.distance, features)
        else:
            own = self.distance.between(features, kept)
        before = start.history if self.history else ()
        summed = sum((self.distance.between(features, entry) for entry in before), start=own)
        return Model(network, (*start.history, kept), Range.of(summed))

    def entries(self, model: Model) -> tuple[Tensors, ...]:
        """The part of a model's history that counts."""
        return model.history if self.history else model.history[-1:]

    def summed(self, model: Model, images: Tensor, device: torch.device) -> Tensor:
        """Distances (n,) of scans (n, 1, d, h, w) to a model, summed over its history (eq. 4)."""
        features = self.distance.features(model.network, images, device)
        each = [self.distance.between(features, entry) for entry in self.entries(model)]
        return torch.stack(each).sum(0)

    def arrival(self, models: Sequence[Model], images: Tensor, device: torch.device) -> Arrival:
        """Where scans (n, 1, d, h, w) lie from each model, on average over the scans."""
        summed = [float(self.summed(model, images, device).mean()) for model in models]
        return self.seen(models, summed)

    def seen(self, models: Sequence[Model], summed: Sequence[float]) -> Arrival:
        """What the summed distance to each model comes to."""
        ranges = [_range(model) for model in models]
        normalised = tuple(r.normalised(d) for r, d in zip(ranges, summed, strict=True))
        compared = {
            "normalised": normalised,
            "sum": tuple(summed),
            "mean": tuple(d / len(self.entries(m)) for d, m in zip(summed, models, strict=True)),
        }
        return Arrival(normalised, compared[self.compare], tuple(r.mu for r in ranges))


@dataclass(frozen=True)
class Arrival:
    """For each model: normalised distance, the one that models are compared by, and mu."""

    distances: tuple[float, ...]
    compared: tuple[float, ...]
    mu: tuple[float, ...]

    @property
    def chosen(self) -> int:
        """The place of the nearest model; of the oldest one on a tie."""
        return min(range(len(self.compared)), key=lambda k: self.compared[k])

    def shifted(self, multiple: float) -> bool:
        """Case 2: the nearest model lies at xi = multiple * mu or farther."""
        return self.distances[self.chosen] >= multiple * self.mu[self.chosen]


def _range(model: Model) -> Range:
    if model.within is None:
        raise ValueError("models: one has not been trained on any stage yet")
    return model.within
