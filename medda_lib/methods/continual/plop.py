"""PLOP (Douillard et al. 2021): features may move, but not their means along lines.

At each boundary the network is copied. On every batch after it, the outputs of each block of the present
network are compared with those of the copy by `pooled_outputs`, and so are the logits, with a smaller
weight. The second half of PLOP, pseudo-labels, repairs labels of stages that each name other classes.
Every stage here labels the hippocampus, so no old class hides in the background: they would leave labels
and weights as they are, and are left out (as in the authors' own domain-incremental runs on Cityscapes).
Their factor sqrt(classes so far / classes now) is 1 for the same reason.

Left open, and chosen here: the blocks are all of the U-Net, down and up; distances are norms of
differences, neither squared nor of normalised features, since the factors 0.01 (blocks) and 0.0005
(logits) belong to such norms in the authors' code (argparser.py:51-53; it also squares the features,
train.py:839-841: not here, and not in the paper's equations). Its domain-incremental runs weigh both by
0.0001 (scripts/cityscapesDomain). Sums over channels and lines are larger in 3-D; the factors stay.
Lifelong-nnUNet takes 0.01 and a mean of norms over single lines, smaller than the norm over all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from medda_lib.methods.continual.distillation import OldNetwork
from medda_lib.methods.continual.learner import learn_stream
from medda_lib.methods.continual.pooled_outputs import pod_loss
from medda_lib.methods.continual.settings import Trainer
from medda_lib.methods.continual.training import Regulariser
from medda_lib.networks.dyn_unet import DynUNet, levels, recorded
from medda_lib.studies.method import Run
from medda_lib.studies.setting import Setting
from medda_lib.studies.snapshots import Snapshots
from medda_lib.studies.stream import TOLD_BOUNDARIES
from medda_lib.studies.task import View


class PooledOutputs(Regulariser):
    """Adds Local POD between the present network and an older one on each batch."""

    def __init__(self, old: DynUNet, settings: PLOP) -> None:
        self.old, self.settings = old, settings
        self._features: list[Tensor] = []

    def forward(self, network: DynUNet, images: Tensor) -> Tensor:
        """Logits; what the blocks put out on the way is kept until the loss is computed."""
        with recorded(levels(network)) as self._features:
            return super().forward(network, images)

    def on_outputs(self, images: Tensor, logits: Tensor) -> Tensor:
        """Local POD over all blocks and the logits (equation 5)."""
        with torch.no_grad(), recorded(levels(self.old)) as wanted:
            answer = self.old(images)
        ours, self._features = [f.float() for f in self._features], []
        weights = [self.settings.features] * len(ours) + [self.settings.logits]
        theirs = [f.float() for f in (*wanted, answer)]
        return pod_loss(
            [*ours, logits],
            theirs,
            weights,
            self.settings.scales,
            normalise=self.settings.normalise,
        )


@dataclass(frozen=True)
class PLOP:
    """Pseudo-labels and Local POD, of which the latter is what equal classes leave.

    Attributes:
        trainer: the training of a stage.
        features: weight of the blocks' distances.
        logits: weight of the logits' distance.
        scales: levels of the pyramid: whole, halves, quarters.
        normalise: compare embeddings of length 1, see `pod_distance`.
    """

    trainer: Trainer = field(default_factory=Trainer)
    features: float = 0.01
    logits: float = 0.0005
    scales: int = 3
    normalise: bool = False

    kind: ClassVar[str] = "PLOP"
    setting: ClassVar[Setting] = TOLD_BOUNDARIES

    def __post_init__(self) -> None:
        if self.scales < 1:
            raise ValueError(f"scales: {self.scales} must be at least 1")

    @classmethod
    def paper(cls) -> PLOP:
        """The published values with the training of Gonzalez et al. (2022)."""
        return cls(trainer=Trainer.paper())

    @property
    def name(self) -> str:
        """The system's name."""
        return "PLOP"

    def fit(self, view: View, run: Run) -> Snapshots:
        """A snapshot after each stage."""
        return learn_stream(view, run, self.trainer, OldNetwork(self.trainer, self.against))

    def against(self, old: DynUNet) -> PooledOutputs:
        """What training is held by once there is an old network."""
        return PooledOutputs(old, self)
