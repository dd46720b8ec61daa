"""Fine-tuning with nothing added: the twin of AIVA, Seg-JDOT and AdaptSegNet with the idea off.

The target's slices go through the network as they do there, so they take part in the statistics of
batch normalisation; no term of the loss looks at them. What a method gains over this twin is what its
term does, and what this twin gains over the source model is what training on, and the statistics, do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from medda_lib.methods.finetuning.loop import Objective, finetune
from medda_lib.methods.finetuning.settings import Finetuned
from medda_lib.methods.finetuning.sites import sites_of
from medda_lib.methods.predictor import NetworkPredictor
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.studies.method import Run
from medda_lib.studies.task import View


@dataclass(frozen=True)
class FineTuning(Finetuned):
    """Fine-tuning on the source's labels alone, beside the target's slices."""

    kind: ClassVar[str] = "FineTuning"

    @property
    def name(self) -> str:
        """The system's name in tables."""
        return "Fine-tuning alone"

    def fit(self, view: View, run: Run) -> NetworkPredictor[ResidualUNet]:
        """Trains the source network of the view on."""
        sites = sites_of(view)
        common = sites, self.segmenter, self.finetuning, self.chance(sites.name, run)
        return finetune(*common, Objective(), self.arrangement)
