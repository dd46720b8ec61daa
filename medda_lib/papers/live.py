"""Live parts: one training before the reader's eyes, kept in memory for pictures.

What is trained is a run of the study itself (same specification, same seed, one thread), so it gives the
numbers of the study, bit for bit, and `Live` keeps the predictor, the task with its test images and the
losses. A chapter that shows pictures of it trains on phantoms, so that anybody may see them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from medda_lib.figures.progress import Progress
from medda_lib.papers.catalogue import study_module
from medda_lib.studies.method import Predictor, Run
from medda_lib.studies.run import Study
from medda_lib.studies.spec import RunSpec
from medda_lib.studies.task import Pool, Task
from medda_lib.studies.trial import fixed_chance

Curve = tuple[list[int], list[float]]


class Fitted(NamedTuple):
    """A system after its training, its task, and the progress bar that has noted the losses."""

    spec: RunSpec
    task: Task
    predictor: Predictor
    watch: Progress


@dataclass
class Live:
    """A system after its training, with its task; `losses` map a term to (steps, values)."""

    spec: RunSpec
    task: Task
    predictor: Predictor
    losses: dict[str, Curve]

    @property
    def condition(self) -> dict[str, str]:
        """The columns of the run's condition."""
        return dict(self.spec.condition)

    @property
    def name(self) -> str:
        """The system's name."""
        return self.condition["system"]

    @property
    def on_phantoms(self) -> bool:
        """Whether the images are phantoms, of which everything is known."""
        return not self.spec.reads

    @property
    def measured_on(self) -> str:
        """What to print beside a picture of this run."""
        where = self.spec.task.name.split(",")[0]
        told = [f"{k} {v}" for k, v in self.condition.items() if k != "system" and v != "-"]
        words = ", ".join([self.name, *told, f"profile {self.spec.profile}"])
        return f"Live on {where}: {words}, repetition {self.spec.seed}."

    def test(self, problem: str, evaluation: str) -> tuple[str, Pool]:
        """Domain and test images of a problem; KeyError where the task has no such test."""
        for slot, name in self.spec.task.evaluations().items():
            if (slot.problem, name) == (problem, evaluation):
                return slot.domain, self.task.tests()[slot]
        raise KeyError(f"{self.spec.task.name} has no {evaluation} test of {problem}")

    def segment(self, images: Tensor) -> Tensor:
        """Foreground probabilities (n, 1, h, w) on the CPU; ValueError for a system without them."""
        predicted = self.predictor.segment(images)
        if predicted is None:
            raise ValueError(f"{self.name} has no decoder; train a system that segments")
        return predicted.detach().cpu()


L = TypeVar("L", bound=Live)


def train(
    paper: str,
    profile: str,
    data: str,
    wanted: Mapping[str, str],
    seed: int,
    device: str = "cpu",
    artefacts: Path | None = None,
) -> Live:
    """Train one condition of a paper's study, watched by a progress bar.

    wanted: columns of the condition and their values, as many as single it out. artefacts: a folder for
    what several runs share. Raises ValueError if the study has no such condition or repetition.
    """
    study = study_module(paper).study(profile, data, seed + 1)
    return kept(fitted(study, wanted, seed, device, artefacts), Live)


def fitted(
    study: Study,
    wanted: Mapping[str, str],
    seed: int,
    device: str = "cpu",
    artefacts: Path | None = None,
) -> Fitted:
    """Train the first run of a study that has these columns; ValueError if it has none."""
    for spec in study.specs:
        if wanted.items() <= dict(spec.condition).items() and spec.seed == seed:
            return fit(spec, ", ".join(wanted.values()), device, artefacts)
    raise ValueError(f"{study.name} has no condition {dict(wanted)}, repetition {seed}")


def fit(spec: RunSpec, label: str, device: str = "cpu", artefacts: Path | None = None) -> Fitted:
    """Do a run here and now; `label` stands before the progress bar."""
    task = spec.task.build(spec.seed)
    watch = Progress(label)
    with fixed_chance(spec.random_seed, threads=1):
        run = Run(spec.random_seed, torch.device(device), watch, spec.seed, artefacts)
        predictor = spec.method.fit(task.view(spec.method.setting), run)
    return Fitted(spec, task, predictor, watch)


def kept(found: Fitted, kind: type[L]) -> L:
    """A fitted run for pictures, with the curves of its losses.

    Where the predictor brings its own, those are taken: what was trained before in this process, or is
    shared, is not trained again, and then the watch saw nothing.
    """
    own: tuple[tuple[str, tuple[tuple[int, float], ...]], ...] = getattr(
        found.predictor, "losses", ()
    )
    curves = {name: ([s for s, _ in pairs], [v for _, v in pairs]) for name, pairs in own}
    return kind(found.spec, found.task, found.predictor, curves or found.watch.curves())
