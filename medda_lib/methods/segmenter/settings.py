"""What a source network is and how it is trained: shared by the chapters on scanner shift.

The two papers start from the same thing, a 2-D U-Net trained on one site, with different recipes;
`Segmenter.fda()` and `Segmenter.aiva()` are theirs. What they leave open is ours: the widths, and
Adam where Goodman et al. name no optimiser.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from medda_lib.methods.training import (
    SGD,
    Adam,
    LastFifth,
    Optimiser,
    Poly,
    Precision,
    Recipe,
    Schedule,
)
from medda_lib.methods.training.recipe import check_precision

OPTIMISERS: Mapping[str, Optimiser] = {"adam": Adam(), "sgd": SGD()}
SCHEDULES: Mapping[str, Schedule] = {"poly": Poly(), "step": LastFifth()}
Loss = Literal["bce+dice", "bce"]
Normalise = Literal["none", "standardise"]


@dataclass(frozen=True)
class Segmenter:
    """Hyper-parameters of a source network.

    Attributes:
        width: channels of the first level.
        levels: sizes that the network works at.
        steps: training steps.
        batch: slices of a step.
        optimiser: "adam", "sgd" with Nesterov momentum 0.9, or any `Optimiser`.
        learning_rate: of the first step.
        schedule: "poly": falls to 0 as (1 - step / steps) ** 0.9; "step": a tenth of it in the last
            fifth of the training.
        loss: "bce": cross entropy; "bce+dice": 0.4 cross entropy + 0.6 Dice loss.
        crop: side of the random crops in pixels, None for whole slices.
        normalise: "none" keeps the [0, 1] of the scan, "standardise" gives each slice mean 0 and
            variance 1.
        precision: of the forward passes in training.
    """

    kind: ClassVar[str] = "Segmenter"

    width: int = 16
    levels: int = 5
    steps: int = 5000
    batch: int = 16
    optimiser: str | Optimiser = "adam"
    learning_rate: float = 1e-3
    schedule: Literal["poly", "step"] = "poly"
    loss: Loss = "bce"
    crop: int | None = None
    normalise: Normalise = "none"
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        for name in ("width", "levels", "steps", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is not positive")
        if self.learning_rate <= 0:
            raise ValueError(f"learning_rate: {self.learning_rate} is not positive")
        for name, allowed in (
            ("optimiser", tuple(OPTIMISERS)),
            ("schedule", tuple(SCHEDULES)),
            ("loss", get_args(Loss)),
            ("normalise", get_args(Normalise)),
        ):
            value = getattr(self, name)
            if isinstance(value, str) and value not in allowed:
                raise ValueError(f"{name}: {value!r} is none of {allowed}")
        check_precision(self.precision)

    @property
    def recipe(self) -> Recipe:
        """The numbers of the training as the loop needs them."""
        chosen = self.optimiser
        return Recipe(
            self.steps,
            self.learning_rate,
            OPTIMISERS[chosen] if isinstance(chosen, str) else chosen,
            SCHEDULES[self.schedule],
            self.precision,
        )

    @classmethod
    def fda(cls) -> Segmenter:
        """Zakazov et al., section 4.1: 100 epochs of 100 steps, rate / 10 at epoch 80."""
        return cls(
            steps=10_000,
            optimiser="sgd",
            schedule="step",
            loss="bce+dice",
            crop=256,
            batch=16,
            precision="auto",
        )

    @classmethod
    def aiva(cls) -> Segmenter:
        """Goodman et al., section 3, skull stripping: 5,000 steps, polynomial decay."""
        return cls(steps=5000, schedule="poly", loss="bce", batch=16, precision="auto")
