"""The two ends of continual learning: no memory at all, and all stages at once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch

from medda_lib.methods.continual.learner import learn_stream
from medda_lib.methods.continual.settings import Trainer
from medda_lib.methods.continual.training import new_network, predictor, train
from medda_lib.studies.method import Run
from medda_lib.studies.setting import CONTINUAL, Role, Setting
from medda_lib.studies.snapshots import Snapshots
from medda_lib.studies.stream import ALL_AT_ONCE
from medda_lib.studies.task import SEGMENTATION, Pool, View


@dataclass(frozen=True)
class Sequential:
    """Training goes on with whatever comes: what forgets."""

    trainer: Trainer = field(default_factory=Trainer)

    kind: ClassVar[str] = "Sequential"
    setting: ClassVar[Setting] = CONTINUAL

    @classmethod
    def paper(cls) -> Sequential:
        """The training of Gonzalez et al. (2022)."""
        return cls(Trainer.paper())

    @property
    def name(self) -> str:
        """The system's name."""
        return "Sequential"

    def fit(self, view: View, run: Run) -> Snapshots:
        """A snapshot after each stage."""
        return learn_stream(view, run, self.trainer)


@dataclass(frozen=True)
class JointTraining:
    """All stages together, for as many steps as the stream has in all: the upper bound."""

    trainer: Trainer = field(default_factory=Trainer)

    kind: ClassVar[str] = "JointTraining"
    setting: ClassVar[Setting] = ALL_AT_ONCE

    @classmethod
    def paper(cls) -> JointTraining:
        """The training of Gonzalez et al. (2022)."""
        return cls(Trainer.paper())

    @property
    def name(self) -> str:
        """The system's name."""
        return "Joint training"

    def fit(self, view: View, run: Run) -> Snapshots:
        """One snapshot, filed under the last stage."""
        stages = view.domains(Role.STAGE, SEGMENTATION)
        pools = [view.labelled(Role.STAGE, SEGMENTATION, stage) for stage in stages]
        network = new_network(self.trainer, run)
        recipe = replace(self.trainer.recipe, steps=self.trainer.recipe.steps * len(stages))
        train(network, _joined(pools), self.trainer, 1, run, recipe=recipe)
        return Snapshots({len(stages): predictor(network, self.trainer, run.device)})


def _joined(pools: list[Pool]) -> Pool:
    """All stages' scans as one pool."""
    return Pool(
        torch.cat([pool.images for pool in pools]),
        tuple(name for pool in pools for name in pool.patients),
        masks=torch.cat([pool.need_masks() for pool in pools]),
        spacing=pools[0].spacing,
    )
