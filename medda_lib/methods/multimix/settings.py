"""The numbers behind MultiMix and the eight systems it is compared with.

Symbols in the comments are the paper's. What it does not give is marked "choice"; the chapter lists
each as a numbered deviation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from medda_lib.methods.augment.strong import SHARE
from medda_lib.methods.losses import ALIGNMENTS, Alignment
from medda_lib.methods.training import Adam, EachSteps, Precision, Recipe
from medda_lib.methods.training.recipe import check_precision
from medda_lib.studies.method import BestValidation, CheckpointRule

WhenFull = Literal["reuse labelled", "drop the term"]
EPOCH = 522  # steps: 5,216 training images of CheX in minibatches of 10


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

    steps: int = 24 * EPOCH  # choice: the paper gives no number of epochs
    batch: int = 10  # m, of each of the image sets
    learning_rate: float = 1e-4
    decay_every: int = 8 * EPOCH  # steps; "every 8 epochs"
    decay: float = 0.1
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
    precision: Precision = "float32"
    validate_every: int = EPOCH
    rule: CheckpointRule = BestValidation()  # noqa: RUF009 - frozen

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "decay_every", "width", "validate_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is not at least 1")
        for name in ("threshold", "dropout", "strong_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: {getattr(self, name)} does not lie in [0, 1]")
        if self.learning_rate <= 0:
            raise ValueError(f"learning_rate: {self.learning_rate} is not positive")
        for name, allowed in (
            ("alignment", ALIGNMENTS),
            ("when_full", WhenFull.__args__),  # type: ignore[attr-defined]
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name}: {getattr(self, name)!r} is none of {tuple(allowed)}")
        check_precision(self.precision)

    @property
    def recipe(self) -> Recipe:
        """The numbers of the training as the loop needs them."""
        return Recipe(
            self.steps,
            self.learning_rate,
            Adam(fused=True),
            EachSteps(self.decay_every, self.decay),
            self.precision,
            self.validate_every,
            self.rule,
        )

    @classmethod
    def paper(cls) -> Settings:
        """The values of section 3.2, with the choices where it gives none."""
        return cls(precision="auto")
