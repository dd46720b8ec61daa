"""One repetition of a stream: learn stage by stage, and measure the system as it was after each.

What was forgotten shows only when a system is tested on the data of earlier stages, and what a stage
taught when it is tested before and after. So a continual method leaves `Snapshots`, one predictor per
stage, and each is measured on the test data of all stages. Everything else is `trial`'s work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from torch import Tensor

from medda_lib.studies.evaluate import Images, Row, evaluate
from medda_lib.studies.method import Method, Predictor, Run
from medda_lib.studies.setting import Setting
from medda_lib.studies.stream import StreamTask
from medda_lib.studies.task import Slot, Task, TaskSpec, View
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
    method: Method,
    task_spec: TaskSpec,
    task: Task,
    random_seed: int,
    device: str = "cpu",
    threads: int = 1,
    repetition: int = 0,
    artefacts: Path | None = None,
) -> tuple[list[Row], Images]:
    """As `trial`, and on a stream the system is measured after every stage.

    Rows of a stream have the evaluation "after 1", "after 2" ... and the stage whose test data they are
    of as their domain. Facts have the domain "-" and the problem "stream".
    """
    arguments = (random_seed, device, threads, repetition, artefacts)
    if not isinstance(task, StreamTask):
        return trial(method, task_spec, task, *arguments)
    kept = _Keeping(method)
    # Its setting is that of one instance, where the protocol asks for the class's.
    last = trial(cast("Method", kept), _After(task_spec, len(task.stages)), task, *arguments)
    found = kept.snapshots(len(task.stages))
    earlier = []
    with fixed_chance(random_seed, threads):
        for number in sorted(found.after):
            if number != found.last:
                spec = _After(task_spec, number)
                earlier.append(evaluate(found.after[number], task, spec, device))
    parts = [*earlier, last]
    rows = [*_facts(found), *(row for rows, _ in parts for row in rows)]
    return rows, {name: array for _, images in parts for name, array in images.items()}


class _Keeping:
    """A method that remembers what its fit returned; the trial itself hands out numbers only."""

    def __init__(self, method: Method) -> None:
        self.method = method
        self.found: Predictor | None = None

    @property
    def setting(self) -> Setting:
        """The method's setting."""
        return self.method.setting

    @property
    def name(self) -> str:
        """The method's name."""
        return self.method.name

    def fit(self, view: View, run: Run) -> Predictor:
        """The method's own fit."""
        self.found = self.method.fit(view, run)
        return self.found

    def snapshots(self, stages: int) -> Snapshots:
        """What was fitted. Raises TypeError when it was not made for streams of so many stages."""
        if not isinstance(self.found, Snapshots):
            raise TypeError(
                f"{self.name}: on a stream fit() must return Snapshots, one predictor per stage; "
                f"got {type(self.found).__name__}"
            )
        if self.found.last != stages:
            raise ValueError(
                f"{self.name}: the last snapshot is of stage {self.found.last} of {stages}"
            )
        return self.found


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
