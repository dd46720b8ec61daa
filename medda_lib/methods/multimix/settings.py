"""The numbers behind MultiMix and the eight systems it is compared with.

Symbols in the comments are the paper's. What it does not give is marked "choice"; the chapter lists
each as a numbered deviation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from medda_lib.methods.augment.strong import SHARE
from medda_lib.methods.losses import ALIGNMENTS, Alignment
from medda_lib.methods.training import Adam, EachSteps, Recipe, flattened, with_recipe
from medda_lib.studies.method import BestValidation

WhenFull = Literal["reuse labelled", "drop the term"]
EPOCH = 522  # steps: 5,216 training images of CheX in minibatches of 10
RECIPE = Recipe(
    steps=24 * EPOCH,  # choice: the paper gives no number of epochs
    learning_rate=1e-4,
    optimiser=Adam(fused=True),
    schedule=EachSteps(8 * EPOCH, 0.1),  # "every 8 epochs"
    validate_every=EPOCH,
    rule=BestValidation(),
    batch=10,  # m, of each of the image sets
)
HAD = ("steps", "batch", "learning_rate", "schedule", "precision", "validate_every", "rule")


@dataclass(frozen=True)
class MixMatchSettings:
    """Hyper-parameters of MixMatch (Berthelot et al. 2019, section 4.1) for Enc-MM.

    The weight grows over 16,000 steps whatever the length of training, as published. Growing over a
    share of a short training instead makes a two-class encoder call everything by one name: guesses
    that agree with themselves cost nothing.
    """

    kind: ClassVar[str] = "MixMatchSettings"

    guesses: int = 2  # K
    temperature: float = 0.5  # T
    alpha: float = 0.75  # of Beta(alpha, alpha)
    weight: float = 75.0  # of the loss on guessed labels, lambda_U for CIFAR-10
    ramp_steps: int = 16_000  # over which the weight grows from 0


@dataclass(frozen=True)
class Settings:
    """Hyper-parameters shared by all systems; the defaults are the paper's.

    Raises:
        ValueError: a number outside its range; the message names the field.
    """

    kind: ClassVar[str] = "MultiMixSettings"

    recipe: Recipe = RECIPE
    threshold: float = 0.7  # t
    pseudo_weight: float = 0.25  # lambda
    dice_weight: float = 5.0  # alpha, "for smaller |D_s|"; used for all
    consistency_weight: float = 0.01  # beta
    width: int = 16
    dropout: float = 0.25
    detach: bool = True  # choice: no second derivative through the saliency map
    alignment: Alignment = "mean map"  # choice
    when_full: WhenFull = "reuse labelled"  # choice: which unlabelled images when all are labelled
    strong_share: float = SHARE  # choice
    mixmatch: MixMatchSettings = MixMatchSettings()

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"width: {self.width} is not positive")
        for name in ("threshold", "dropout", "strong_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: {getattr(self, name)} does not lie in [0, 1]")
        for name, allowed in (("alignment", ALIGNMENTS), ("when_full", get_args(WhenFull))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name}: {getattr(self, name)!r} is none of {allowed}")

    def spelled(self) -> Iterator[tuple[str, object]]:
        """As it was spelled when its first results were committed; see `identity`."""
        for name, held in flattened(self, HAD, neutral={"optimiser": RECIPE.optimiser}):
            if name == "schedule" and isinstance(held, EachSteps):
                yield from (("decay_every", held.every), ("decay", held.decay))
            else:
                yield name, held

    @classmethod
    def paper(cls) -> Settings:
        """The values of section 3.2, with the choices where it gives none."""
        return with_recipe(cls(), precision="auto")
