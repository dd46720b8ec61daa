"""Modelling the Background (Cermelli et al. 2020): what is background depends on the stage.

Made for streams in which each stage labels other classes: then a pixel labelled "background" may show
an old class, and one that the old network calls background may show a new class. Two losses account for
that: an unbiased cross entropy (their equations 5 and 6) and `unbiased_distillation`.

In domain-incremental data every stage labels the same classes (here background and hippocampus). No old
class hides in the background and none is new, so that the first loss is plain cross entropy and the
second plain distillation at temperature 1: MiB differs from LwF by the temperature alone (both weigh 1),
and the training's own loss (Dice and cross entropy) stays as it is. Its initialisation of new output
channels has nothing to initialise.

Left open: Gonzalez et al. (2022) "reduce the lkd to prevent loss explosion" without saying to what. The
default on the command line of Lifelong-nnUNet is 1 (branch main, run/run_training.py:213; its trainer's
own is 10), taken here. Its alpha is 0.9 (line 210), that of MiB's own code 1 (argparser.py:182), taken
here. Both codes divide by the number of old classes, background included (MiB's utils/loss.py:160), the
paper's equation 7 does not; here the equation counts, and `per_class` is the codes' way. Both train by
cross entropy alone; here all methods have one loss.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

from medda_lib.methods.continual.distillation import Distilling, OldNetwork, unbiased_distillation
from medda_lib.methods.continual.learner import learn_stream
from medda_lib.methods.continual.settings import Trainer
from medda_lib.networks.dyn_unet import DynUNet
from medda_lib.studies.method import Run
from medda_lib.studies.setting import Setting
from medda_lib.studies.snapshots import Snapshots
from medda_lib.studies.stream import TOLD_BOUNDARIES
from medda_lib.studies.task import View


@dataclass(frozen=True)
class MiB:
    """Modelling the Background.

    Attributes:
        trainer: the training of a stage.
        lkd: weight of the distillation (lambda of equation 3).
        alpha: factor of the old network's logits; at 1 its answers stay as they are.
        per_class: divide the distillation by the number of old classes, 2.
    """

    trainer: Trainer = field(default_factory=Trainer)
    lkd: float = 1.0
    alpha: float = 1.0
    per_class: bool = False

    kind: ClassVar[str] = "MiB"
    setting: ClassVar[Setting] = TOLD_BOUNDARIES

    @classmethod
    def paper(cls) -> MiB:
        """The defaults with the training of Gonzalez et al. (2022), who do not print lkd."""
        return cls(trainer=Trainer.paper())

    @property
    def name(self) -> str:
        """The system's name."""
        return "MiB"

    def fit(self, view: View, run: Run) -> Snapshots:
        """A snapshot after each stage."""
        return learn_stream(view, run, self.trainer, OldNetwork(self.trainer, self.against))

    def against(self, old: DynUNet) -> Distilling:
        """What training is held by once there is an old network."""
        distance = partial(unbiased_distillation, alpha=self.alpha, per_class=self.per_class)
        return Distilling(old, distance, self.lkd)
