"""How a network is trained on one stage of a stream: the same for every continual method.

The methods of a table differ by what they add to plain training, never by the training itself.
`Trainer.paper()` is the recipe of Gonzalez et al. (2022), which is nnU-Net's for the hippocampus with
batch normalisation; what a profile leaves out of it is listed in the chapter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from medda_lib.methods.training import SGD, Adam, Poly, Recipe, flattened

NNUNET = SGD(momentum=0.99, weight_decay=3e-5)
WORDS = {Adam(): "adam", NNUNET: "sgd"}
HAD = ("steps", "batch", "optimiser", "learning_rate", "precision")


@dataclass(frozen=True)
class Trainer:
    """Network and training of a stage.

    Attributes:
        recipe: of the training of a stage; a step sees `batch` scans or patches.
        filters: channels per level of the network.
        patch: sides (slice, row, column) of random patches in voxels; None for whole scans.
        deep_supervision: lower levels that get a loss of their own, each half as heavy as the last.
        augment: nnU-Net's augmentations (see `augmentation`).
    """

    kind: ClassVar[str] = "Trainer"

    recipe: Recipe = Recipe(100, 3e-3, schedule=Poly(), batch=2)  # noqa: RUF009 - immutable
    filters: tuple[int, ...] = (8, 16, 32)
    patch: tuple[int, int, int] | None = None
    deep_supervision: int = 0
    augment: bool = False

    def __post_init__(self) -> None:
        factor = 2 ** (len(self.filters) - 1)
        if self.patch is not None and any(side < 1 or side % factor for side in self.patch):
            raise ValueError(f"patch: sides {self.patch} must be positive multiples of {factor}")

    def spelled(self) -> Iterator[tuple[str, object]]:
        """As it was spelled when its first results were committed; see `identity`."""
        return flattened(self, HAD, WORDS, {"schedule": Poly()})

    @classmethod
    def paper(cls) -> Trainer:
        """200 epochs of 250 steps per stage (section 3; the 250 are nnU-Net's), nnU-Net's network."""
        return cls(
            Recipe(50_000, 1e-2, NNUNET, Poly(), precision="auto", batch=9),
            filters=(32, 64, 128, 256),
            patch=(40, 56, 40),
            deep_supervision=2,
            augment=True,
        )
