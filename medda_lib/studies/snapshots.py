"""What is left of learning stage by stage: the system as it was after each, measured on all stages.

What was forgotten shows only when a system is tested on the data of earlier stages, and what a stage
taught when it is tested before and after. So a continual method leaves `Snapshots`, one predictor per
stage, and `trial` has each measured on the test data of all stages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from medda_lib.studies.evaluate import Images, Row, evaluate
from medda_lib.studies.method import Predictor
from medda_lib.studies.stream import StreamTask
from medda_lib.studies.task import Slot, Task, TaskSpec

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


def after_each_stage(
    method: str,
    predictor: Predictor,
    task: StreamTask,
    spec: TaskSpec,
    device: torch.device,
    anew: Callable[[], AbstractContextManager[None]],
) -> tuple[list[Row], Images]:
    """Measure what a method makes of a stream: every snapshot, on the tests of all stages.

    Rows have the evaluation "after 1", "after 2" ... and the stage whose test data they are of as their
    domain; facts come first and have the domain "-" and the problem "stream". anew: fixes every source
    of chance; the last system goes on with the generators of its training, for the others they start
    anew. Raises TypeError or ValueError when `predictor` was not made for streams of so many stages.
    """
    found = _snapshots(method, predictor, len(task.stages))
    last = evaluate(found, task, _After(spec, found.last), device)
    with anew():
        earlier = [
            evaluate(found.after[number], task, _After(spec, number), device)
            for number in sorted(found.after)
            if number != found.last
        ]
    parts = [*earlier, last]
    rows = [*_facts(found), *(row for rows, _ in parts for row in rows)]
    return rows, {name: array for _, images in parts for name, array in images.items()}


def _snapshots(method: str, found: Predictor, stages: int) -> Snapshots:
    if not isinstance(found, Snapshots):
        raise TypeError(
            f"{method}: on a stream fit() must return Snapshots, one predictor per stage; "
            f"got {type(found).__name__}"
        )
    if found.last != stages:
        raise ValueError(f"{method}: the last snapshot is of stage {found.last} of {stages}")
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
