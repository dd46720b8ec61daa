"""A live pair of scanners: a source network and scans of the source and of a target, for pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from medda_lib.methods.predictor import NetworkPredictor
from medda_lib.methods.source_model import SourceModel
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.metrics.volumes import per_scan
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.papers.live import Live, fit, kept
from medda_lib.papers.pairs import Pair
from medda_lib.studies.setting import Role
from medda_lib.studies.spec import RunSpec
from medda_lib.studies.task import SEGMENTATION, Pool, Slot
from medda_lib.tasks.brain import Brains, BrainTask


@dataclass
class LivePair(Live):
    """A trained source network with the source's scans and those of a target."""

    @property
    def pair(self) -> Pair:
        """From where to where."""
        return Pair(self.condition["source"], self.condition["target"])

    @property
    def network(self) -> NetworkPredictor[ResidualUNet]:
        """The source network's predictor."""
        if not isinstance(self.predictor, NetworkPredictor):
            raise TypeError(f"{self.name}: expected a segmentation network")
        return self.predictor

    @property
    def sources(self) -> Pool:
        """The source's training scans."""
        return self.task.pools[Slot(Role.LABELLED_SOURCE, SEGMENTATION, self.pair.source)]

    def scan(self, number: int = 0) -> Pool:
        """One of the target's test scans."""
        return self.task.tests()[Slot(Role.TEST, SEGMENTATION, self.pair.target)].take_scans(
            [number]
        )

    def middle(self) -> int:
        """The slice of the first test scan that has most of the brain."""
        return int(self.scan().need_masks().flatten(1).sum(dim=1).argmax())

    def score(self, probabilities: Tensor, number: int = 0) -> float:
        """Surface Dice at 1 mm of a prediction (depth, 1, h, w) of one test scan."""
        scan = self.scan(number)
        if scan.spacing is None:
            raise ValueError(f"{self.pair.target}: the test scans have no spacing")
        found = per_scan(probabilities, scan.need_masks(), scan.depth, scan.spacing)
        return float(found["surface_dice"][0])


def train(
    paper: str,
    profile: str,
    recipe: Segmenter,
    brains: Brains,
    name: str,
    known: Mapping[str, Pair],
    seed: int,
    device: str = "cpu",
) -> LivePair:
    """Train the source network of a pair by its name, watched by a progress bar.

    Raises ValueError where the profile does not run that pair (`known` are those that it runs).
    """
    if name not in known:
        raise ValueError(f"{name!r} is no pair of profile {profile}; there are: {', '.join(known)}")
    source, target = known[name]
    condition = {"system": "No DA", "shift": name, "source": source, "target": target}
    task = BrainTask(brains, source, (target,))
    columns = tuple(condition.items())
    spec = RunSpec(paper, profile, "phantom", columns, SourceModel(recipe), task, seed)
    return kept(fit(spec, f"source network of {source}", device), LivePair)
