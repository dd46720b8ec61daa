"""One repetition of a stream: learn stage by stage, and measure the system as it was after each.

What was forgotten shows only when a system is tested on the data of earlier stages, and what a stage
taught when it is tested before and after. So a continual method leaves `Snapshots`, one predictor per
stage, and each is measured on the test data of all stages. Everything else is `trial`'s work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from medda_lib.studies.evaluate import Images, Row, evaluate
from medda_lib.studies.method import Method, Predictor, Run
from medda_lib.studies.stream import StreamTask
from medda_lib.studies.task import Slot, Task, TaskSpec
from medda_lib.studies.trial import fixed_chance, trial

STREAM = "stream"
"""The problem under which facts about a system are filed."""


@dataclass(frozen=True)
class Snapshots:
    """What a method makes of a stream: the system as it was after each stage (by stage number).

    It predicts as the last one does. facts: numbers about the system after a stage, for the ledger
    (how many models it keeps, how far the data lay).
    """

    after: Mapping[int, Predictor]
    facts: Mapping[int, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.after:
            raise ValueError("after: a method must leave at least one predictor")

    @property
    def last(self) -> int:
        """The number of the last stage."""
        return max(self.after)

    def classify(self, images: Tensor) -> Tensor | None:
        """Class probabilities of the last system."""
        return self.after[self.last].classify(images)

    def segment(self, images: Tensor) -> Tensor | None:
        """Mask probabilities (depth, 1, h, w) of one scan by the last system."""
        return self.after[self.last].segment(images)


def stream_trial(
    method: Method, task_spec: TaskSpec, task: Task, run: Run, threads: int = 1
) -> tuple[list[Row], Images]:
    """As `trial`, and on a stream the system is measured after every stage.

    Rows of a stream have the evaluation "after 1", "after 2" ... and the stage whose test data they are
    of as their domain. Facts have the domain "-" and the problem "stream".
    """
    if not isinstance(task, StreamTask):
        return trial(method, task_spec, task, run, threads)
    protocol = _AfterEachStage(method.name, len(task.stages), run.seed, threads)
    return trial(method, task_spec, task, run, threads, protocol.measure)


@dataclass(frozen=True)
class _AfterEachStage:
    """Measures what a method makes of a stream: every snapshot, on the tests of all stages."""

    method: str
    stages: int
    seed: int
    threads: int

    def measure(
        self, predictor: Predictor, task: Task, spec: TaskSpec, device: torch.device
    ) -> tuple[list[Row], Images]:
        """As `evaluate`, with facts first and the stages in order."""
        found = self._snapshots(predictor)
        # The last system goes on with the generators of its training; for the others they start anew.
        last = evaluate(found, task, _After(spec, self.stages), device)
        with fixed_chance(self.seed, self.threads):
            earlier = [
                evaluate(found.after[number], task, _After(spec, number), device)
                for number in sorted(found.after)
                if number != found.last
            ]
        parts = [*earlier, last]
        rows = [*_facts(found), *(row for rows, _ in parts for row in rows)]
        return rows, {name: array for _, images in parts for name, array in images.items()}

    def _snapshots(self, found: Predictor) -> Snapshots:
        """What was fitted. Raises an error when it was not made for streams of so many stages."""
        if not isinstance(found, Snapshots):
            raise TypeError(
                f"{self.method}: on a stream fit() must return Snapshots, one predictor per stage; "
                f"got {type(found).__name__}"
            )
        if found.last != self.stages:
            raise ValueError(
                f"{self.method}: the last snapshot is of stage {found.last} of {self.stages}"
            )
        return found


@dataclass(frozen=True)
class _After:
    """A task's specification with all its tests filed under the stage that has just been learned."""

    spec: TaskSpec
    stage: int

    @property
    def name(self) -> str:
        """The task's name."""
        return self.spec.name

    def build(self, seed: int) -> Task:
        """The task itself."""
        return self.spec.build(seed)

    def evaluations(self) -> Mapping[Slot, str]:
        """Every test slot: "after" this stage."""
        return dict.fromkeys(self.spec.evaluations(), f"after {self.stage}")


def _facts(found: Snapshots) -> list[Row]:
    return [
        {
            "evaluation": f"after {number}",
            "domain": "-",
            "problem": STREAM,
            "metric": name,
            "value": float(value),
        }
        for number, facts in sorted(found.facts.items())
        for name, value in facts.items()
    ]
