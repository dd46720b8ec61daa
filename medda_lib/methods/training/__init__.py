"""The one way to train: a recipe, a loop, and the places where a method takes part.

A method describes its training by a subclass of `Training`, which says what a step is shown and which
losses it follows, and overrides further hooks where it differs. `Recipe` holds the numbers.
"""

from medda_lib.methods.training.averaging import MovingAverage, shrink
from medda_lib.methods.training.history import History, Keeper
from medda_lib.methods.training.loop import Losses, Phase, Training
from medda_lib.methods.training.optimisers import SGD, Adam, Optimiser
from medda_lib.methods.training.recipe import Precision, Recipe, flattened, with_recipe
from medda_lib.methods.training.schedules import (
    Constant,
    EachSteps,
    LastFifth,
    Milestones,
    Poly,
    Schedule,
)

__all__ = [
    "SGD",
    "Adam",
    "Constant",
    "EachSteps",
    "History",
    "Keeper",
    "LastFifth",
    "Losses",
    "Milestones",
    "MovingAverage",
    "Optimiser",
    "Phase",
    "Poly",
    "Precision",
    "Recipe",
    "Schedule",
    "Training",
    "flattened",
    "shrink",
    "with_recipe",
]
