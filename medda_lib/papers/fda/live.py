"""One pair of scanners, live: a source network trained before the reader's eyes, and scans to adapt.

The network is the one of the study (same seed, one thread, the same bits). It is trained on phantoms
whatever the page's data, so that every picture on the page may be shown to anybody.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from medda_lib.figures.progress import Progress
from medda_lib.methods.fda import FourierAdaptation, FourierPredictor
from medda_lib.methods.fda.donors import Choice
from medda_lib.methods.segmenter.predictor import SegmenterPredictor
from medda_lib.methods.segmenter.source_model import SEGMENTATION, source_predictor
from medda_lib.metrics.volumes import per_scan
from medda_lib.papers.fda.pairs import Pair, pairs_of
from medda_lib.papers.fda.study import BUDGETS, Budget
from medda_lib.studies.method import Run
from medda_lib.studies.setting import TEST_TIME, Role
from medda_lib.studies.task import Pool, Slot, Task
from medda_lib.studies.trial import fixed_chance
from medda_lib.tasks.brain import BrainTask

Curve = tuple[list[int], list[float]]


@dataclass
class Live:
    """A trained source network with the source's scans and those of a target."""

    name: str
    pair: Pair
    profile: str
    repetition: int
    task: Task
    network: SegmenterPredictor
    losses: dict[str, Curve]

    @property
    def budget(self) -> Budget:
        """What the profile spends."""
        return BUDGETS[self.profile]

    @property
    def measured_on(self) -> str:
        """What to print beside a picture of this run."""
        return (
            f"Live on phantoms, {self.name.lower()} shift ({self.pair}), profile {self.profile}, "
            f"repetition {self.repetition}."
        )

    @property
    def sources(self) -> Pool:
        """The source's training scans: candidates for donors."""
        return self.task.pools[Slot(Role.LABELLED_SOURCE, SEGMENTATION, self.pair.source)]

    @property
    def tests(self) -> Pool:
        """The target's test scans."""
        return self.task.pools[Slot(Role.TEST, SEGMENTATION, self.pair.target)]

    def scan(self, number: int = 0) -> Pool:
        """One of the target's test scans."""
        return self.tests.take_scans([number])

    def middle(self) -> int:
        """The slice of the first test scan that has most of the brain."""
        area = self.scan().need_masks().flatten(1).sum(dim=1)
        return int(area.argmax())

    def adaptation(self, choice: Choice, donors: int, beta: float) -> FourierPredictor:
        """The source network behind a swap."""
        method = FourierAdaptation(self.budget.live, choice, donors, beta)
        pool = self.sources
        return FourierPredictor(method, self.network, pool.images, pool.depth, self.repetition)

    def score(self, probabilities: Tensor, number: int = 0) -> float:
        """Surface Dice at 1 mm of a prediction (depth, 1, h, w) of one test scan."""
        scan = self.scan(number)
        if scan.spacing is None:
            raise ValueError(f"{self.pair.target}: the test scans have no spacing")
        found = per_scan(probabilities, scan.need_masks(), scan.depth, scan.spacing)
        return float(found["surface_dice"][0])


def train(profile: str, name: str, seed: int, device: str = "cpu") -> Live:
    """Train the source network of a pair ("Severe #1" ...), watched by a progress bar.

    Raises ValueError where the profile does not run that pair.
    """
    budget = BUDGETS[profile]
    known = budget.chosen("phantom")
    if name not in known:
        raise ValueError(f"{name!r} is no pair of profile {profile}; there are: {', '.join(known)}")
    pair = pairs_of("phantom")[name]
    task = BrainTask(budget.phantoms, pair.source, (pair.target,)).build(seed)
    watch = Progress(f"source network of {pair.source}")
    with fixed_chance(seed, threads=1):
        run = Run(seed, torch.device(device), watch, seed)
        network = source_predictor(task.view(TEST_TIME), budget.live, run)
    # Not the watch's curves: a network that this process has trained before is not trained again.
    losses = {term: _unzipped(values) for term, values in network.losses}
    return Live(name, pair, profile, seed, task, network, losses)


def _unzipped(values: tuple[tuple[int, float], ...]) -> Curve:
    return [step for step, _ in values], [value for _, value in values]
