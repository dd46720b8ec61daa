"""What a source network is and how it is trained: shared by the chapters on scanner shift.

The two papers start from the same thing, a 2-D U-Net trained on one site, with different recipes;
`Segmenter.fda()` and `Segmenter.aiva()` are theirs; widths and depth, which the papers do not give, are
those of their released code (16 to 128 channels on four levels in both), and so is the optimiser of
`Segmenter.aiva_released()`, which Goodman et al. do not name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, get_args

from medda_lib.methods.training import SGD, Adam, LastFifth, Poly, Recipe, flattened

WORDS = {Adam(): "adam", SGD(): "sgd", Poly(): "poly", LastFifth(): "step"}
HAD = ("steps", "batch", "optimiser", "learning_rate", "schedule")
Loss = Literal["bce+dice", "bce"]
Normalise = Literal["none", "standardise"]


@dataclass(frozen=True)
class Segmenter:
    """Hyper-parameters of a source network.

    Attributes:
        recipe: of the training.
        width: channels of the first level.
        levels: sizes that the network works at.
        loss: "bce": cross entropy; "bce+dice": 0.4 cross entropy + 0.6 Dice loss.
        crop: side of the random crops in pixels, None for whole slices.
        normalise: "none" keeps the [0, 1] of the scan, "standardise" gives each slice mean 0 and
            variance 1.

    Raises:
        ValueError: a number that is not positive or an unknown word; the message names the field.
    """

    kind: ClassVar[str] = "Segmenter"

    recipe: Recipe
    width: int = 16
    levels: int = 5
    loss: Loss = "bce"
    crop: int | None = None
    normalise: Normalise = "none"

    def __post_init__(self) -> None:
        for name in ("width", "levels"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is not positive")
        for name, allowed in (("loss", get_args(Loss)), ("normalise", get_args(Normalise))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name}: {getattr(self, name)!r} is none of {allowed}")

    def spelled(self) -> Iterator[tuple[str, object]]:
        """As it was spelled when its first results were committed; see `identity`."""
        return flattened(self, HAD, WORDS)

    @classmethod
    def fda(cls) -> Segmenter:
        """Zakazov et al., section 4.1: 100 epochs of 100 steps, rate / 10 at epoch 80."""
        recipe = Recipe(10_000, optimiser=SGD(), schedule=LastFifth(), precision="auto", batch=16)
        return cls(recipe, levels=4, loss="bce+dice", crop=256)

    @classmethod
    def aiva(cls) -> Segmenter:
        """Goodman et al., section 3, skull stripping: 5,000 steps, polynomial decay."""
        return cls(Recipe(5000, schedule=Poly(), precision="auto", batch=16), levels=4)

    @classmethod
    def aiva_released(cls) -> Segmenter:
        """Skull stripping in the code of Goodman et al. (yishayahu/AIVA 3ae7eda, trainer.py:548-549)."""
        return cls(replace(cls.aiva().recipe, optimiser=SGD(weight_decay=5e-4)), levels=4)

    @classmethod
    def aiva_released_prostate(cls) -> Segmenter:
        """Prostates there (trainer.py:545-546), with the 3,500 steps of the paper; 2,500 in the code."""
        recipe = replace(cls.aiva().recipe, steps=3500, optimiser=Adam(weight_decay=5e-4))
        return cls(recipe, levels=4, normalise="standardise")
