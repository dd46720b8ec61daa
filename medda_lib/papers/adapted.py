"""Systems that start from a source network and adapt it without the target's labels.

Each gets the same source network and the same fine-tuning, so that what differs is the idea alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from medda_lib.methods.adabn import AdaBN
from medda_lib.methods.adaptsegnet import AdaptSegNet
from medda_lib.methods.aiva import AIVA, Clustering
from medda_lib.methods.seg_jdot import SegJDOT
from medda_lib.methods.source_model import SourceModel
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.training import Recipe
from medda_lib.studies.method import Method


@dataclass(frozen=True)
class Settings:
    """How the systems of one organ are trained. `discriminator`: width of AdaptSegNet's."""

    segmenter: Segmenter
    finetuning: Recipe
    clustering: Clustering
    discriminator: int = 64

    def adapted(self) -> dict[str, Method]:
        """Every system by its name in tables, the source network first."""
        common = self.segmenter, self.finetuning
        return {
            "Source site model": SourceModel(self.segmenter),
            "AdaBN": AdaBN(self.segmenter),
            "Seg-JDOT": SegJDOT(*common),
            "AdaptSegNet": AdaptSegNet(*common, width=self.discriminator),
            "AIVA": AIVA(*common, self.clustering),
        }
