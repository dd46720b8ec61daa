"""One training, live: the run that a reader watches, with everything kept that a picture may need.

It is a run of the study itself (same specification, same seed), but it stays in memory: the
predictor, the task with its test images, and the losses of every step.
"""

from __future__ import annotations

from dataclasses import dataclass

from medda_lib.methods.multimix.predictor import NetworkPredictor
from medda_lib.papers.live import fitted
from medda_lib.papers.multimix.study import study
from medda_lib.studies.spec import RunSpec
from medda_lib.studies.task import Pool, Task

Curve = tuple[list[int], list[float]]


@dataclass
class Live:
    """A trained system with its task; `losses` map a term to (steps, values)."""

    spec: RunSpec
    task: Task
    predictor: NetworkPredictor
    losses: dict[str, Curve]

    @property
    def name(self) -> str:
        """The system's name."""
        return dict(self.spec.condition)["system"]

    @property
    def on_phantoms(self) -> bool:
        """Whether the images are phantoms, of which everything is known."""
        return self.spec.data == "phantom"

    @property
    def measured_on(self) -> str:
        """What to print beside a picture of this run."""
        c = dict(self.spec.condition)
        return (
            f"Live run on {self.spec.task.name.split(',')[0]}: {c['system']}, {c['labels']} labels, "
            f"{c['masks']} masks, repetition {self.spec.seed}."
        )

    def test(self, problem: str, evaluation: str) -> tuple[str, Pool]:
        """Domain and test images of a problem; KeyError where the task has no such test."""
        for slot, name in self.spec.task.evaluations().items():
            if (slot.problem, name) == (problem, evaluation):
                return slot.domain, self.task.tests()[slot]
        raise KeyError(f"{self.spec.task.name} has no {evaluation} test of {problem}")


def train(
    profile: str, data: str, system: str, *, labels: str, masks: str, seed: int, device: str
) -> Live:
    """Train one condition of the study, watched by a progress bar.

    Raises ValueError if the study has no such condition.
    """
    wanted = {"system": system, "labels": labels, "masks": masks}
    spec, task, predictor, watch = fitted(study(profile, data, seed + 1), wanted, seed, device)
    if not isinstance(predictor, NetworkPredictor):
        raise TypeError(f"{system}: expected a network of MultiMix, got {type(predictor)}")
    return Live(spec, task, predictor, watch.curves())
