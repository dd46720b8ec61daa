"""ODEx and the four ways in which Table 2 of Gonzalez et al. (2022) takes it apart.

When scans arrive, the nearest model of the pool is found. If they lie near enough it is trained on
them; if not, a copy of it is, with a copy of its history, and the pool has grown. Nobody tells the
method where one distribution ends, and nothing but statistics of the first batch normalisation layers
outlives a stage. Training itself is plain: while a variant has not expanded, its weights are those of
sequential training, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, get_args

import torch

from medda_lib.methods.continual.learner import stream_of
from medda_lib.methods.continual.settings import Trainer
from medda_lib.methods.continual.training import new_network, predictor, scans, train_plain
from medda_lib.methods.odex.distances import SHRINKAGE, Gram, Mahalanobis, Maps
from medda_lib.methods.odex.pool import (
    Arrival,
    Compare,
    Measure,
    Model,
    Reference,
    Weights,
    Within,
)
from medda_lib.methods.odex.predictor import PoolPredictor
from medda_lib.methods.odex.statistics import ELEMENTS
from medda_lib.metrics.segmentation import dice
from medda_lib.networks.dyn_unet import DynUNet, copied
from medda_lib.studies.method import Run
from medda_lib.studies.setting import CONTINUAL, Setting
from medda_lib.studies.snapshots import Snapshots
from medda_lib.studies.stream import Stage
from medda_lib.studies.task import Pool, View

DistanceName = Literal["mahalanobis", "gram"]
Trigger = Literal["distance", "dice", "always"]
Facts = dict[str, float]


@dataclass(frozen=True)
class ODEx:
    """Expansion of a pool of models when new scans lie too far from all of them.

    Attributes:
        trainer: network and training of a stage.
        trigger: what makes the pool grow: a "distance" of xi or more; a fall of the training "dice" by
            more than `fall`; or every stage, "always" (xi = -infinity).
        distance: from a scan to a stage.
        history: distances over all stages of a model, otherwise to its last one only.
        threshold: xi as a multiple of mu; "xi = 2 mu".
        fall: share of the Dice on the model's last stage by which DiceEx lets it fall.
        shrinkage, maps, elements, squared: of the Mahalanobis distance (see `distances`).
        compare, within, reference, weights, clipped: see `pool`.
    """

    trainer: Trainer = field(default_factory=Trainer)
    trigger: Trigger = "distance"
    distance: DistanceName = "mahalanobis"
    history: bool = True
    threshold: float = 2.0
    fall: float = 0.1
    shrinkage: float = SHRINKAGE
    compare: Compare = "normalised"
    within: Within = "held out"
    maps: Maps = "average"
    elements: int = ELEMENTS
    squared: bool = False
    reference: Reference = "last"
    weights: Weights = "present"
    clipped: bool = False

    kind: ClassVar[str] = "ODEx"
    setting: ClassVar[Setting] = CONTINUAL

    def __post_init__(self) -> None:
        for name, allowed in (("trigger", Trigger), ("distance", DistanceName)):
            if getattr(self, name) not in get_args(allowed):
                raise ValueError(f"{name}: {getattr(self, name)!r} is none of {get_args(allowed)}")
        if not 0 <= self.fall < 1:
            raise ValueError(f"fall: {self.fall} must lie in [0, 1)")
        _ = self.measure  # names wrong values of its own

    @classmethod
    def paper(cls) -> ODEx:
        """The proposed system of Gonzalez et al. (2022), section 3."""
        return cls(Trainer.paper())

    @classmethod
    def released(cls, trainer: Trainer | None = None) -> ODEx:
        """What the paper leaves open about distances as the code of its group has it (Lifelong-nnUNet).

        Pooled maps, no shrinkage, squares, clipping; layers, history and threshold are the paper's.
        """
        return cls(
            trainer or Trainer.paper(), maps="pooled", shrinkage=0.0, squared=True, clipped=True
        )

    @property
    def name(self) -> str:
        """The system's name."""
        if self.trigger == "dice":
            return "DiceEx"
        if self.trigger == "always":
            return "ODEx, a model per stage"
        if self.distance == "gram":
            return "ODEx with Gram distance"
        return "ODEx" if self.history else "ODEx without history"

    @property
    def measure(self) -> Measure:
        """How far scans lie from a model."""
        mahalanobis = Mahalanobis(self.shrinkage, self.maps, self.elements, self.squared)
        distance = Gram() if self.distance == "gram" else mahalanobis
        return Measure(
            distance,
            self.history,
            self.compare,
            self.within,
            self.reference,
            self.weights,
            self.clipped,
        )

    def fit(self, view: View, run: Run) -> Snapshots:
        """A pool after each stage, and what was decided when its scans arrived."""
        models: tuple[Model, ...] = ()
        after, facts = {}, {}
        for stage in stream_of(view).stream():
            models, facts[stage.number] = self._learn(models, stage, run)
            after[stage.number] = PoolPredictor(
                models, self.measure, self.trainer.patch, run.device
            )
        return Snapshots(after, facts)

    def _learn(
        self, models: tuple[Model, ...], stage: Stage, run: Run
    ) -> tuple[tuple[Model, ...], Facts]:
        """The pool after a stage: one model of it is new, in the place of an old one or at the end."""
        pool = stage.pool
        start, place, facts = self._start(models, pool, run)
        network = copied(start.network, self.trainer.filters, self.trainer.deep_supervision)
        train_plain(network, pool, self.trainer, stage.number, run)
        new = place == len(models)
        trained = self.measure.trained(start, network, scans(pool)[0], run.device, new=new)
        if self.trigger == "dice":
            trained = replace(trained, dice=self._dice(network, pool, run))
        grown = (*models[:place], trained, *models[place + 1 :])
        expanded = len(grown) > max(len(models), 1)
        counts = {"models": len(grown), "trained": place + 1, "expanded": int(expanded)}
        return grown, {**counts, **facts}

    def _start(self, models: tuple[Model, ...], pool: Pool, run: Run) -> tuple[Model, int, Facts]:
        """Where training goes on from, the place of its result in the pool, and why."""
        if not models:
            return Model(new_network(self.trainer, run)), 0, {}
        arrival = self.measure.arrival(models, scans(pool)[0], run.device)
        nearest = models[arrival.chosen]
        facts = self._told(arrival)
        expand = self.trigger == "always" or arrival.shifted(self.threshold)
        if self.trigger == "dice" and nearest.dice is not None:
            found = self._dice(nearest.network, pool, run)
            expand = found < (1 - self.fall) * nearest.dice
            facts |= {"training Dice": found, "training Dice before": nearest.dice}
        return nearest, len(models) if expand else arrival.chosen, facts

    def _told(self, arrival: Arrival) -> Facts:
        """Normalised distances to each model, and the thresholds where they decide."""
        facts = {"distance": arrival.distances[arrival.chosen]}
        facts |= {f"distance to model {k}": d for k, d in enumerate(arrival.distances, 1)}
        if self.trigger == "distance":
            xi = [self.threshold * mu for mu in arrival.mu]
            facts["threshold"] = xi[arrival.chosen]
            facts |= {f"threshold of model {k}": value for k, value in enumerate(xi, 1)}
        return facts

    def _dice(self, network: DynUNet, pool: Pool, run: Run) -> float:
        """Mean Dice of a network on the scans that it is or would be trained on."""
        masks = predictor(network, self.trainer, run.device).masks
        pairs = zip(*(x.transpose(1, 2) for x in scans(pool)), strict=True)
        found = [dice((masks(x) >= 0.5)[None], y[None]) for x, y in pairs]
        return float(torch.tensor([float(value[0]) for value in found]).mean())
