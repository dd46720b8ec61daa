"""The numbers of a training, whatever is trained."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import torch

from medda_lib.methods.training.optimisers import Adam, Optimiser
from medda_lib.methods.training.schedules import Constant, Schedule
from medda_lib.studies.method import CheckpointRule, LastStep

Precision = Literal["float32", "bfloat16", "auto"]
"""Of the forward passes. "auto": half precision on a GPU that has it, single precision elsewhere."""


@dataclass(frozen=True)
class Recipe:
    """How something is trained.

    Attributes:
        steps: training steps.
        learning_rate: of the first step.
        optimiser: makes the optimiser.
        schedule: of the learning rate.
        precision: of the forward passes; losses and weights stay in single precision.
        validate_every: steps between two validations, the last step included; None: no validation.
        rule: picks the validated state that is returned.

    Raises:
        ValueError: a number that is not positive or an unknown precision; the message names the field.
    """

    kind: ClassVar[str] = "Recipe"

    steps: int
    learning_rate: float = 1e-3
    optimiser: Optimiser = Adam()  # noqa: RUF009 - immutable
    schedule: Schedule = Constant()  # noqa: RUF009 - immutable
    precision: Precision = "float32"
    validate_every: int | None = None
    rule: CheckpointRule = LastStep()  # noqa: RUF009 - immutable

    def __post_init__(self) -> None:
        for name in ("steps", "learning_rate", "validate_every"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{name}: {value} is not positive")
        check_precision(self.precision)

    def validates(self, number: int) -> bool:
        """Whether the state after step `number` is validated."""
        if self.validate_every is None:
            return False
        return number % self.validate_every == 0 or number == self.steps

    def autocast(self, device: torch.device) -> AbstractContextManager[object]:
        """The context of a forward pass on `device`."""
        if not half(self.precision, device):
            return nullcontext()
        return torch.autocast(device.type, torch.bfloat16)


def check_precision(precision: str) -> None:
    """Raise ValueError for anything but a `Precision`."""
    if precision not in get_args(Precision):
        raise ValueError(f"precision: {precision!r} is none of {get_args(Precision)}")


def half(precision: Precision, device: torch.device) -> bool:
    """Whether forward passes on `device` are in bfloat16."""
    if precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported()
    return precision == "bfloat16"
