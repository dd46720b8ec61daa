"""A stream, live: a system trained stage by stage before the reader's eyes, with all its snapshots.

It is trained on phantoms whatever the page's data, so that every picture may be shown to anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from medda_lib.papers.live import fitted
from medda_lib.papers.odex.study import study
from medda_lib.studies.setting import Role
from medda_lib.studies.spec import RunSpec
from medda_lib.studies.stream import StreamTask
from medda_lib.studies.stream_trial import Snapshots
from medda_lib.studies.task import Pool, Slot, volumes

SEGMENTATION = "segmentation"
ON_PHANTOMS = ("shifting", "transformed")


@dataclass
class Live:
    """A system as it was after each stage of a stream."""

    spec: RunSpec
    task: StreamTask
    snapshots: Snapshots

    @property
    def name(self) -> str:
        """The system's name."""
        return dict(self.spec.condition)["system"]

    @property
    def stages(self) -> range:
        """The numbers of the stages."""
        return range(1, len(self.task.stages) + 1)

    @property
    def measured_on(self) -> str:
        """What to print beside a picture of this run."""
        return (
            f"Live on {self.spec.task.name}: {self.name}, profile {self.spec.profile}, "
            f"repetition {self.spec.seed}."
        )

    def train(self, stage: int) -> Pool:
        """The scans that a stage was learned from."""
        return self.task.pools[Slot(Role.STAGE, SEGMENTATION, f"stage {stage}")]

    def test(self, stage: int) -> Pool:
        """The test scans of a stage."""
        return self.task.tests()[Slot(Role.TEST, SEGMENTATION, f"stage {stage}")]

    def scan(self, stage: int, number: int = 0) -> tuple[Tensor, Tensor]:
        """Image and mask (d, h, w) of one test scan of a stage."""
        pool = self.test(stage)
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
    profile: str,
    data: str,
    system: str,
    *,
    seed: int,
    device: str = "cpu",
    artefacts: Path | None = None,
) -> Live:
    """Train one system of the study along its stream, watched by a progress bar.

    artefacts: a folder where systems that walk the same way share their training.
    Raises ValueError if the study has no such system, or is not about phantoms.
    """
    if data not in ON_PHANTOMS:
        raise ValueError(f"{data!r}: live runs are on phantoms, {' or '.join(ON_PHANTOMS)}")
    plan = study(profile, data, seed + 1)
    spec, task, snapshots, _ = fitted(plan, {"system": system}, seed, device, artefacts)
    if not isinstance(task, StreamTask) or not isinstance(snapshots, Snapshots):
        raise TypeError(f"{system} on {data}: expected a stream and its snapshots")
    return Live(spec, task, snapshots)
