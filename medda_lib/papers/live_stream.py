"""A live part along a stream: a system trained stage by stage, with all its snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from medda_lib.papers.catalogue import study_module
from medda_lib.papers.live import Live, fitted, kept
from medda_lib.studies.setting import Role
from medda_lib.studies.snapshots import Snapshots
from medda_lib.studies.stream import StreamTask
from medda_lib.studies.task import SEGMENTATION, Pool, Slot, volumes


@dataclass
class LiveStream(Live):
    """A system as it was after each stage of a stream."""

    @property
    def snapshots(self) -> Snapshots:
        """The predictor after each stage; TypeError for a run that is not along a stream."""
        if not isinstance(self.predictor, Snapshots):
            raise TypeError(f"{self.name}: expected a stream and its snapshots")
        return self.predictor

    @property
    def stages(self) -> range:
        """The numbers of the stages; TypeError for a task without any."""
        if not isinstance(self.task, StreamTask):
            raise TypeError(f"{self.spec.task.name}: expected a stream")
        return range(1, len(self.task.stages) + 1)

    def train(self, stage: int) -> Pool:
        """The scans that a stage was learned from."""
        return self.task.pools[Slot(Role.STAGE, SEGMENTATION, f"stage {stage}")]

    def tests(self, stage: int) -> Pool:
        """The test scans of a stage."""
        return self.task.tests()[Slot(Role.TEST, SEGMENTATION, f"stage {stage}")]

    def scan(self, stage: int, number: int = 0) -> tuple[Tensor, Tensor]:
        """Image and mask (d, h, w) of one test scan of a stage."""
        pool = self.tests(stage)
        images, masks = volumes(pool.images, pool.depth), volumes(pool.need_masks(), pool.depth)
        return images[number], masks[number]

    def predicted(self, after: int, stage: int, number: int = 0) -> Tensor:
        """Probabilities (d, h, w) for one test scan by the system as it was after a stage."""
        image, _ = self.scan(stage, number)
        found = self.snapshots.after[after].segment(image[:, None])
        if found is None:
            raise TypeError(f"{self.name} does not segment")
        return found[:, 0]


def train(
    paper: str,
    profile: str,
    data: str,
    wanted: Mapping[str, str],
    seed: int,
    device: str = "cpu",
    artefacts: Path | None = None,
) -> LiveStream:
    """Train one system of a paper's study along its stream; see `live.train`."""
    study = study_module(paper).study(profile, data, seed + 1)
    return kept(fitted(study, wanted, seed, device, artefacts), LiveStream)
