"""The numbers of a training, whatever is trained.

Settings of a method hold a `Recipe` and beside it what is no training: the size of a network, a crop,
weights of losses. `flattened` spells such settings as they were spelled while each had fields of its own
for its training; results were committed under those names.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import Field, dataclass, fields, replace
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Protocol, TypeVar, get_args

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
        batch: images of a step, of each of the sets that it draws from.

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
    batch: int = 1

    def __post_init__(self) -> None:
        for name in ("steps", "learning_rate", "validate_every", "batch"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{name}: {value} is not positive")
        if self.precision not in get_args(Precision):
            raise ValueError(f"precision: {self.precision!r} is none of {get_args(Precision)}")

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


class HasRecipe(Protocol):
    """A frozen dataclass of settings with a recipe."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def recipe(self) -> Recipe:
        """How it is trained."""
        ...


S = TypeVar("S", bound=HasRecipe)


def with_recipe(settings: S, **changes: Any) -> S:
    """The same settings with changes of their recipe: `with_recipe(segmenter, steps=400)`."""
    return replace(settings, recipe=replace(settings.recipe, **changes))


def flattened(
    settings: HasRecipe,
    had: Container[str],
    words: Mapping[object, str] = MappingProxyType({}),
    neutral: Mapping[str, object] = MappingProxyType({}),
) -> Iterator[tuple[str, object]]:
    """Names and values of settings with those of their recipe among them, for `spelled`.

    had: the fields of a recipe that the settings had of their own. Any other field is left out where it
    has the value that nothing else was possible for then: that in `neutral`, else its default.
    words: what values of the recipe were called.
    """
    for field in fields(settings):
        held = getattr(settings, field.name)
        if field.name != "recipe":
            yield field.name, held
            continue
        for part in fields(held):
            value = getattr(held, part.name)
            if part.name in had or value != neutral.get(part.name, part.default):
                yield part.name, words.get(value, value)


def half(precision: Precision, device: torch.device) -> bool:
    """Whether forward passes on `device` are in bfloat16."""
    if precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported()
    return precision == "bfloat16"
