"""A method is one named system with its hyper-parameters; fitting it on a view gives a predictor.

Methods are frozen dataclasses, so that a run's key can hash every number that shaped the result. They
get a `Run` with the seed, the device and a progress callback, and never see test data. Which of the
trained states is returned is decided by a named `CheckpointRule`; a rule that needs target labels is
called an oracle, in its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from medda_lib.studies.setting import Setting
from medda_lib.studies.task import View


def _silent(step: int, steps: int, losses: dict[str, float]) -> None:
    """The default progress callback: no output."""


@dataclass(frozen=True)
class Run:
    """What a fit may use besides its data: seed (63 bits), device, progress callback.

    repetition: the index behind the seed. What several methods share, such as the source network that
    all of them adapt, is seeded by it, so that they differ by what they do and not by where they start.
    artefacts: a folder of the run store where such things may be kept, None outside a study.
    """

    seed: int
    device: torch.device = torch.device("cpu")  # noqa: RUF009 - immutable
    progress: Callable[[int, int, dict[str, float]], None] = _silent
    repetition: int = 0
    artefacts: Path | None = None


class Predictor(Protocol):
    """A trained system. Inputs are raw images (n, 1, h, w) in [0, 1]; outputs probabilities."""

    def classify(self, images: Tensor) -> Tensor | None:
        """Class probabilities (n, classes), or None when the system has no classifier."""
        ...

    def segment(self, images: Tensor) -> Tensor | None:
        """Foreground probabilities (n, 1, h, w), or None when the system has no decoder."""
        ...


class Method(Protocol):
    """A frozen dataclass of hyper-parameters that fits on a view."""

    setting: ClassVar[Setting]

    @property
    def name(self) -> str:
        """The system's name as the paper's tables print it."""
        ...

    def fit(self, view: View, run: Run) -> Predictor:
        """Train on what the view shows; equal view and run give equal predictors."""
        ...


@dataclass(frozen=True)
class CheckpointRule:
    """Which state of a training is returned. `scores` maps a step to a validation score."""

    name: ClassVar[str]
    oracle: ClassVar[bool] = False

    def choose(self, scores: dict[int, float]) -> int:
        """The step to return; `scores` are of validation data, higher is better."""
        raise NotImplementedError


@dataclass(frozen=True)
class LastStep(CheckpointRule):
    """The final state, whatever the scores."""

    kind: ClassVar[str] = "LastStep"
    name: ClassVar[str] = "last step"

    def choose(self, scores: dict[int, float]) -> int:
        """The last validated step."""
        return max(scores)


@dataclass(frozen=True)
class BestValidation(CheckpointRule):
    """The state with the highest score on source validation data; the earliest one on a tie."""

    kind: ClassVar[str] = "BestValidation"
    name: ClassVar[str] = "best validation"

    def choose(self, scores: dict[int, float]) -> int:
        """The step with the highest score; `ValueError` when there is none."""
        if not scores:
            raise ValueError("no validation score was recorded: validate at least once")
        return min(scores, key=lambda step: (-scores[step], step))
