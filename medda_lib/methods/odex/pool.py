"""A pool of models, what each of them has learned from, and the rule by which it grows.

A model is a network with a history: what is kept of each stage that shaped its weights. Scans lie from
it at the sum of their distances to the entries of its history (eq. 4), in the features of its present
weights; what older entries hold was measured with the weights of their time, as printed. Distances are
normalised by a `Range` of in-distribution values, which also gives the threshold. What these values are,
and which model is nearest, the paper leaves open; three choices are made here.

1. They are the summed distances of the scans that the model was trained on last, taken at the end of
   that stage: the same sum, over the same entries, in the same weights as for the scans that come next.
   (Values noted for each entry when it was made would be of other weights. Training moves the features,
   and the pool would grow for that alone, without any change of the data.) The price: the threshold is
   taken anew after each stage, drift included, so that a steady drift of a standard deviation a stage
   is hardly ever a shift. `reference` = "own" sums the ranges that each entry's scans had when it was
   made; "first" takes distance and range from the stage alone that began the model. Either goes with
   `weights` = "first": all scans are read by the weights after the first stage, and features stay.
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
from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from torch import Tensor

from medda_lib.methods.odex.distances import Distance, held_out
from medda_lib.methods.odex.ranges import Range
from medda_lib.networks.dyn_unet import DynUNet
from medda_lib.studies.artefacts import Tensors

Compare = Literal["normalised", "sum", "mean"]
Within = Literal["held out", "training"]
Reference = Literal["last", "own", "first"]
Weights = Literal["present", "first"]


@dataclass(frozen=True, eq=False)
class Model:
    """Weights and what they were trained on; `within` is known once they have been.

    Models are never changed: training makes a new one, so what a snapshot holds stays as it was.
    dice: on the scans of the last stage, where that is asked for. ranges: of each entry's scans from
    their own stage, where the reference is fixed. reader: the network that reads scans, if another.
    began: the place in the history of the stage that began the model; entries before are inherited.
    """

    network: DynUNet
    history: tuple[Tensors, ...] = ()
    within: Range | None = None
    dice: float | None = None
    ranges: tuple[Range, ...] = ()
    reader: DynUNet | None = None
    began: int = 0


@dataclass(frozen=True)
class Measure:
    """How far scans lie from a model.

    Attributes:
        distance: from a scan to one entry of a history.
        history: over all entries; otherwise to the last one only.
        compare: what the nearest model is nearest by (choice 3 above).
        within: how distances to a scan's own stage are taken (choice 2 above).
        reference: whose distances the range is made of (choice 1 above).
        weights: which weights of a model read a scan (choice 1 above).
        clipped: a scan's distance counts from the range's minimum to its doubled maximum only.
    """

    distance: Distance
    history: bool = True
    compare: Compare = "normalised"
    within: Within = "held out"
    reference: Reference = "last"
    weights: Weights = "present"
    clipped: bool = False

    def __post_init__(self) -> None:
        every = {
            "compare": Compare, "within": Within, "reference": Reference, "weights": Weights
        }  # fmt: skip
        for name, allowed in every.items():
            if getattr(self, name) not in get_args(allowed):
                raise ValueError(f"{name}: {getattr(self, name)!r} is none of {get_args(allowed)}")

    def trained(
        self,
        start: Model,
        network: DynUNet,
        images: Tensor,
        device: torch.device,
        *,
        new: bool = False,
    ) -> Model:
        """The model that training `start` on scans (n, 1, d, h, w) made: weights `network`.

        new: whether it is a copy that begins here, beside `start`.
        """
        first = self.weights == "first"
        reader = (start.reader or network) if first else network
        features = self.distance.features(reader, images, device)
        kept = self.distance.kept(features)
        if self.within == "held out":
            own = held_out(self.distance, features)
        else:
            own = self.distance.between(features, kept)
        before = start.history if self.history else ()
        summed = sum((self.distance.between(features, entry) for entry in before), start=own)
        made = Model(network, (*start.history, kept), Range.of(summed))
        if self.reference != "last":
            began = len(start.history) if new else start.began
            made = replace(made, ranges=(*start.ranges, Range.of(own)), began=began)
        return replace(made, reader=reader) if first else made

    def entries(self, model: Model) -> tuple[Tensors, ...]:
        """The part of a model's history that counts."""
        if self.reference == "first":
            return model.history[model.began : model.began + 1]
        return model.history if self.history else model.history[-1:]

    def limits(self, model: Model) -> Range:
        """The in-distribution range of the summed distance. Raises ValueError before any training."""
        if model.within is None:
            raise ValueError("models: one has not been trained on any stage yet")
        if self.reference == "last":
            return model.within
        if self.reference == "first":
            return model.ranges[model.began]
        return Range.total(model.ranges if self.history else model.ranges[-1:])

    def summed(self, model: Model, images: Tensor, device: torch.device) -> Tensor:
        """Distances (n,) of scans (n, 1, d, h, w) to a model, summed over its history (eq. 4)."""
        features = self.distance.features(model.reader or model.network, images, device)
        each = [self.distance.between(features, entry) for entry in self.entries(model)]
        return torch.stack(each).sum(0)

    def arrival(self, models: Sequence[Model], images: Tensor, device: torch.device) -> Arrival:
        """Where scans (n, 1, d, h, w) lie from each model, on average over the scans."""
        each = [(model, self.summed(model, images, device)) for model in models]
        if self.clipped:
            each = [(model, self.limits(model).clipped(found)) for model, found in each]
        return self.seen(models, [float(found.mean()) for _, found in each])

    def seen(self, models: Sequence[Model], summed: Sequence[float]) -> Arrival:
        """What the summed distance to each model comes to."""
        ranges = [self.limits(model) for model in models]
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
