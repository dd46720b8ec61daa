"""What a fine-tuned system is made of: its source network's settings, and how that is trained on.

A fine-tuning is nothing but a recipe with a rule, which picks the state that is returned by Dice on the
source's validation scans. The state before the first step is no candidate: it is the source model, a
system of its own. Validations come after each epoch, whatever `validate_every` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Self

from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.training import Poly, Recipe, flattened
from medda_lib.studies.method import BestValidation
from medda_lib.studies.setting import UNSUPERVISED_ADAPTATION, Setting

SKULL_STRIPPING = Recipe(
    steps=6500,
    learning_rate=1e-3,
    schedule=Poly(),
    precision="auto",
    rule=BestValidation(),
    batch=16,  # slices of the source, and as many of the target
)
"""Goodman et al., section 3; the rate decays as the source network's does."""
PROSTATE = replace(SKULL_STRIPPING, steps=3500)
"""Goodman et al., section 3, prostate."""
HAD = ("steps", "batch", "learning_rate", "rule")
OF_SOURCE = ("optimiser", "schedule", "precision")
"""What a fine-tuning took from its source network's recipe before it had a whole recipe of its own."""


@dataclass(frozen=True)
class Finetuned:
    """A system that starts from the source network and is trained on: the fields that all of them have.

    Attributes:
        segmenter: the source network.
        finetuning: how it is trained on.
    """

    segmenter: Segmenter
    finetuning: Recipe

    setting: ClassVar[Setting] = UNSUPERVISED_ADAPTATION

    @classmethod
    def paper(cls) -> Self:
        """On the source network and with the steps of Goodman et al., skull stripping."""
        return cls(Segmenter.aiva(), SKULL_STRIPPING)

    def spelled(self) -> Iterator[tuple[str, object]]:
        """As it was spelled when its first results were committed; see `identity`."""
        for field in fields(self):
            held = getattr(self, field.name)
            own = field.name == "finetuning"
            yield field.name, _Spelled(held, self.segmenter.recipe) if own else held


@dataclass(frozen=True)
class _Spelled:
    """A fine-tuning's recipe as it is spelled, beside that of its source network."""

    recipe: Recipe
    source: Recipe

    kind: ClassVar[str] = "Finetuning"

    def spelled(self) -> Iterator[tuple[str, object]]:
        """The numbers that a fine-tuning had of its own, and where it departs from the source's."""
        neutral = {name: getattr(self.source, name) for name in OF_SOURCE}
        found = flattened(self, HAD, neutral=neutral)
        return (pair for pair in found if pair[0] != "source")
