"""The same network and training on one labelled set, outside any stream.

For what is measured beside the streams: how far phantoms carry to real scans, and what the same network
reaches when it learns from real ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from medda_lib.methods.continual.settings import Trainer
from medda_lib.methods.continual.training import new_network, predictor, train
from medda_lib.methods.predictor import NetworkPredictor
from medda_lib.networks.dyn_unet import DynUNet
from medda_lib.studies.method import Run
from medda_lib.studies.setting import TEST_TIME, Role, Setting
from medda_lib.studies.task import SEGMENTATION, View


@dataclass(frozen=True)
class Supervised:
    """Plain training on the view's labelled source."""

    trainer: Trainer = field(default_factory=Trainer)

    kind: ClassVar[str] = "SupervisedVolumes"
    setting: ClassVar[Setting] = TEST_TIME

    @classmethod
    def paper(cls) -> Supervised:
        """The training of Gonzalez et al. (2022)."""
        return cls(Trainer.paper())

    @property
    def name(self) -> str:
        """The system's name."""
        return "Supervised"

    def fit(self, view: View, run: Run) -> NetworkPredictor[DynUNet]:
        """Trains by the trainer's recipe."""
        pool = view.labelled(Role.LABELLED_SOURCE, SEGMENTATION)
        network = new_network(self.trainer, run)
        train(network, pool, self.trainer, 1, run)
        return predictor(network, self.trainer, run.device)
