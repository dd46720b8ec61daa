"""How a network is trained on one stage of a stream: the same for every continual method.

The methods of a table differ by what they add to plain training, never by the training itself.
`Trainer.paper()` is the recipe of Gonzalez et al. (2022), which is nnU-Net's for the hippocampus with
batch normalisation; what a profile leaves out of it is listed in the chapter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from medda_lib.methods.training import SGD, Adam, Optimiser, Poly, Precision, Recipe
from medda_lib.methods.training.recipe import check_precision

OPTIMISERS: Mapping[str, Optimiser] = {"adam": Adam(), "sgd": SGD(momentum=0.99, weight_decay=3e-5)}


@dataclass(frozen=True)
class Trainer:
    """Network and training of a stage.

    Attributes:
        filters: channels per level of the network.
        steps: training steps of a stage.
        batch: scans (or patches) of a step.
        optimiser: "adam", "sgd" with Nesterov momentum 0.99 and weight decay 3e-5 (nnU-Net), or any
            `Optimiser`.
        learning_rate: at the first step of each stage; falls to 0 as (1 - step / steps) ** 0.9.
        patch: sides (slice, row, column) of random patches in voxels; None for whole scans.
        deep_supervision: lower levels that get a loss of their own, each half as heavy as the last.
        augment: nnU-Net's augmentations (see `augmentation`).
        precision: of the convolutions.
    """

    kind: ClassVar[str] = "Trainer"

    filters: tuple[int, ...] = (8, 16, 32)
    steps: int = 100
    batch: int = 2
    optimiser: str | Optimiser = "adam"
    learning_rate: float = 3e-3
    patch: tuple[int, int, int] | None = None
    deep_supervision: int = 0
    augment: bool = False
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "learning_rate"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: {getattr(self, name)} is not positive")
        if isinstance(self.optimiser, str) and self.optimiser not in OPTIMISERS:
            raise ValueError(f"optimiser: {self.optimiser!r} is none of {tuple(OPTIMISERS)}")
        check_precision(self.precision)
        factor = 2 ** (len(self.filters) - 1)
        if self.patch is not None and any(side < 1 or side % factor for side in self.patch):
            raise ValueError(f"patch: sides {self.patch} must be positive multiples of {factor}")

    def recipe(self, steps: int | None = None) -> Recipe:
        """The numbers of a training of so many steps (a stage's) as the loop needs them."""
        chosen = self.optimiser
        return Recipe(
            self.steps if steps is None else steps,
            self.learning_rate,
            OPTIMISERS[chosen] if isinstance(chosen, str) else chosen,
            Poly(),
            self.precision,
        )

    @classmethod
    def paper(cls) -> Trainer:
        """200 epochs of 250 steps per stage (section 3.2; the 250 are nnU-Net's), nnU-Net's network."""
        return cls(
            filters=(32, 64, 128, 256),
            steps=50_000,
            batch=9,
            optimiser="sgd",
            learning_rate=1e-2,
            patch=(40, 56, 40),
            deep_supervision=2,
            augment=True,
            precision="auto",
        )
