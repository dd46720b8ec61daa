"""What a fine-tuned system is made of: its source network's settings, and how that is trained on.

A fine-tuning is nothing but a recipe with a rule, which picks the state that is returned by Dice on the
source's validation scans. The state before the first step is no candidate: it is the source model, a
system of its own. Validations come after each epoch, whatever `validate_every` says.

Goodman et al. print the steps of a fine-tuning and no more. What else `SKULL_STRIPPING` and `PROSTATE`
hold (Adam, the rate of the source network and its decay, its batch) is what this book's first results
were made with. The other two recipes are those of the released code (yishayahu/AIVA, commit 3ae7eda).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import ClassVar, Self

from medda_lib.methods.finetuning.arrangement import Arrangement
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.training import SGD, Adam, Milestones, Poly, Recipe, flattened
from medda_lib.studies.identity import seed_of
from medda_lib.studies.method import BestValidation, Run
from medda_lib.studies.setting import UNSUPERVISED_ADAPTATION, Setting

SKULL_STRIPPING = Recipe(
    steps=6500,
    learning_rate=1e-3,
    schedule=Poly(),
    precision="auto",
    rule=BestValidation(),
    batch=16,  # slices of the source, and as many of the target
)
"""6,500 steps: Goodman et al., section 3. The rest is the source network's."""
PROSTATE = replace(SKULL_STRIPPING, steps=3500)
"""3,500 steps: Goodman et al., section 3, prostate."""
RELEASED_SKULL_STRIPPING = Recipe(
    steps=1100,
    learning_rate=5e-6,
    optimiser=SGD(weight_decay=5e-4),
    schedule=Milestones((10 / 11,)),
    precision="auto",
    rule=BestValidation(),
    batch=8,
)
"""The released code: trainer.py:536-537, configs.py:36-49.

An iteration is one minibatch of each site, a step of the optimiser comes after five (see `Arrangement`).
The first 1,000 of 6,500 iterations collect features, so 1,100 steps are left. The rate falls to a tenth
5,000 iterations later; a second milestone lies behind the end.
"""
RELEASED_PROSTATE = Recipe(
    steps=1150,
    learning_rate=1e-6,
    optimiser=Adam(weight_decay=5e-4),
    precision="auto",
    rule=BestValidation(),
    batch=8,
)
"""The released code: trainer.py:533-534, configs.py:98-111, with the 3,500 iterations of the paper.

The code has 2,500 (configs.py:83). The first 50 collect, and a step comes after three.
"""
HAD = ("steps", "batch", "learning_rate", "rule")
OF_SOURCE = ("optimiser", "schedule", "precision")
"""What a fine-tuning took from its source network's recipe before it had a whole recipe of its own."""


@dataclass(frozen=True)
class Finetuned:
    """A system that starts from the source network and is trained on: the fields that all of them have.

    Attributes:
        segmenter: the source network.
        finetuning: how it is trained on.
        arrangement: how its steps are arranged.
    """

    segmenter: Segmenter
    finetuning: Recipe
    arrangement: Arrangement = field(default=Arrangement(), kw_only=True)

    setting: ClassVar[Setting] = UNSUPERVISED_ADAPTATION

    @classmethod
    def paper(cls) -> Self:
        """On the source network and with the steps of Goodman et al., skull stripping."""
        return cls(Segmenter.aiva(), SKULL_STRIPPING)

    def chance(self, site: str, run: Run) -> Run:
        """The run, with the seed that its arrangement says. site: of the source network."""
        if not self.arrangement.paired:
            return run
        return replace(run, seed=seed_of(self.segmenter, site, run.repetition, "fine-tuning"))

    def spelled(self) -> Iterator[tuple[str, object]]:
        """As it was spelled when its first results were committed; see `identity`."""
        for each in fields(self):
            held = getattr(self, each.name)
            own = each.name == "finetuning"
            yield each.name, _Spelled(held, self.segmenter.recipe) if own else held


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
