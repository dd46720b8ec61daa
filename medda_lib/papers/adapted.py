"""Systems that start from a source network and adapt it without the target's labels.

Each gets the same source network and the same fine-tuning, so that what differs is the idea alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from medda_lib.methods.adabn import AdaBN
from medda_lib.methods.adaptsegnet import AdaptSegNet
from medda_lib.methods.aiva import AIVA, Clustering, Pull
from medda_lib.methods.finetuning import Arrangement, FineTuning
from medda_lib.methods.seg_jdot import SegJDOT
from medda_lib.methods.source_model import SourceModel
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.training import Recipe
from medda_lib.studies.method import Method

ALONE = "Fine-tuning alone"
"""The twin of all three trained systems: the same loop and minibatches, the idea off."""
RESTATED = "AIVA, target's statistics"


@dataclass(frozen=True)
class Settings:
    """How the systems of one organ are trained.

    Attributes:
        discriminator: width of AdaptSegNet's.
        arrangement: of all fine-tunings; `paired` gives the systems of a repetition one order of slices.
        pull: AIVA's.
        adversary: AdaptSegNet's weight; see its module for how it is chosen.
        twins: whether the fine-tuning alone, and AIVA and it with AdaBN's statistics, are systems too.
    """

    segmenter: Segmenter
    finetuning: Recipe
    clustering: Clustering
    discriminator: int = 64
    arrangement: Arrangement = Arrangement()  # noqa: RUF009 - immutable
    pull: Pull = Pull()  # noqa: RUF009 - immutable
    adversary: float = 1e-3
    twins: bool = False

    def adapted(self) -> dict[str, Method]:
        """Every system by its name in tables, the source network first."""
        common, how = (self.segmenter, self.finetuning), self.arrangement
        known: dict[str, Method] = {
            "Source site model": SourceModel(self.segmenter),
            "AdaBN": AdaBN(self.segmenter),
            "Seg-JDOT": SegJDOT(*common, arrangement=how),
            "AdaptSegNet": AdaptSegNet(
                *common, self.adversary, self.discriminator, arrangement=how
            ),
            "AIVA": self.aiva(self.clustering),
        }
        return known | (self._twins() if self.twins else {})

    def aiva(self, clustering: Clustering) -> AIVA:
        """AIVA with another clustering."""
        common = self.segmenter, self.finetuning
        return AIVA(*common, clustering, self.pull, arrangement=self.arrangement)

    def _twins(self) -> dict[str, Method]:
        """What tells the idea from what training on does, and from what AdaBN does."""
        common, how = (self.segmenter, self.finetuning), self.arrangement
        late = replace(how, restate=True)
        return {
            ALONE: FineTuning(*common, arrangement=how),
            f"{ALONE}, target's statistics": FineTuning(*common, arrangement=late),
            RESTATED: replace(self.aiva(self.clustering), arrangement=late),
        }
