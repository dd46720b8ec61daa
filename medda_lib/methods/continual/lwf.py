"""Learning without Forgetting (Li and Hoiem 2017): on new images, still answer as the old network did.

At each boundary the network is copied; from then on its softened answers on the present batch are
distilled into the network that learns. Nothing but the copy is kept. The paper trains an output layer
per task and warms up the new one first; here the task stays the same (hippocampus), one output layer
serves all stages, and the old answers are its own.

Left open and chosen: the distillation is a mean over voxels, as the supervised loss is; its weight is
the paper's lambda_o = 1. Only the last old network is kept (it was itself held to the one before).

Lifelong-nnUNet sums over voxels and classes and divides by the scans of a batch (branch main,
training/loss_functions/deep_supervision.py:194-196), which at equal weight is as many times stronger as
a scan has voxels: `reduction` = "scan". There it changes no weight, since the present network's answers
are detached before the loss (network_training/lwf/nnUNetTrainerLWF.py:343); here it has a gradient. It
also adds one such term for each old task, each by the present network's body with that task's head.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, get_args

from medda_lib.methods.continual.distillation import (
    Distilling,
    OldNetwork,
    Reduction,
    distillation,
)
from medda_lib.methods.continual.learner import learn_stream
from medda_lib.methods.continual.settings import Trainer
from medda_lib.networks.dyn_unet import DynUNet
from medda_lib.studies.method import Run
from medda_lib.studies.setting import Setting
from medda_lib.studies.snapshots import Snapshots
from medda_lib.studies.stream import TOLD_BOUNDARIES
from medda_lib.studies.task import View


@dataclass(frozen=True)
class LwF:
    """Learning without Forgetting.

    Attributes:
        trainer: the training of a stage.
        temperature: T of the softened answers (section 3; also in Lifelong-nnUNet).
        weight: lambda_o of the distillation (section 3).
        reduction: a mean over each "voxel", or a sum over those of a "scan" as in Lifelong-nnUNet.
    """

    trainer: Trainer = field(default_factory=Trainer)
    temperature: float = 2.0
    weight: float = 1.0
    reduction: Reduction = "voxel"

    kind: ClassVar[str] = "LwF"
    setting: ClassVar[Setting] = TOLD_BOUNDARIES

    def __post_init__(self) -> None:
        if self.reduction not in get_args(Reduction):
            raise ValueError(f"reduction: {self.reduction!r} is none of {get_args(Reduction)}")

    @classmethod
    def paper(cls) -> LwF:
        """The published values with the training of Gonzalez et al. (2022)."""
        return cls(trainer=Trainer.paper())

    @property
    def name(self) -> str:
        """The system's name."""
        return "LwF"

    def fit(self, view: View, run: Run) -> Snapshots:
        """A snapshot after each stage."""
        return learn_stream(view, run, self.trainer, OldNetwork(self.trainer, self.against))

    def against(self, old: DynUNet) -> Distilling:
        """What training is held by once there is an old network."""
        distance = partial(distillation, temperature=self.temperature, reduction=self.reduction)
        return Distilling(old, distance, self.weight)
