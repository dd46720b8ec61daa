"""The network of one site as it is, adapted to nothing: the lower bound of both papers.

Tested on its own site it is the upper bound: "Target site model" in Goodman et al. is this method
with the target as its source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from medda_lib.methods.predictor import NetworkPredictor
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.source_network.shared import source_predictor
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.studies.method import Run
from medda_lib.studies.setting import TEST_TIME, Setting
from medda_lib.studies.task import View


@dataclass(frozen=True)
class SourceModel:
    """What Zakazov et al. call "No DA" and Goodman et al. "Source site model"."""

    segmenter: Segmenter

    kind: ClassVar[str] = "SourceModel"
    setting: ClassVar[Setting] = TEST_TIME

    @classmethod
    def paper(cls) -> SourceModel:
        """The network of Goodman et al.; that of Zakazov et al. is `Segmenter.fda()`."""
        return cls(Segmenter.aiva())

    @property
    def name(self) -> str:
        """The system's name."""
        return "Source model"

    def fit(self, view: View, run: Run) -> NetworkPredictor[ResidualUNet]:
        """Trains on the view's labelled source."""
        return source_predictor(view, self.segmenter, run)
