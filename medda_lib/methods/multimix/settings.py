"""The numbers behind MultiMix and the eight systems it is compared with.

Symbols in the comments are the paper's. What it does not give is marked "choice"; the chapter lists
each as a numbered deviation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, get_args

from medda_lib.methods.augment.strong import SHARE
from medda_lib.methods.losses import ALIGNMENTS, Alignment
from medda_lib.methods.multimix.mixmatch_settings import MixMatchSettings
from medda_lib.methods.training import Adam, EachSteps, Recipe, flattened, with_recipe
from medda_lib.networks.bridge import Bridging
from medda_lib.networks.multimix import UPSAMPLINGS, Upsampling
from medda_lib.studies.method import BestValidation

WhenFull = Literal["reuse labelled", "drop the term"]
StrongViews = Literal["any number", "two draws"]
EPOCH = 522  # steps: 5,216 training images of CheX in minibatches of 10
RECIPE = Recipe(
    steps=24 * EPOCH,  # choice: the paper gives no number of epochs, the released code 100
    learning_rate=1e-4,
    optimiser=Adam(fused=True),
    schedule=EachSteps(8 * EPOCH, 0.1),  # "every 8 epochs"
    validate_every=EPOCH,
    rule=BestValidation(),
    batch=10,  # m, of each of the image sets
)
HAD = ("steps", "batch", "learning_rate", "schedule", "precision", "validate_every", "rule")


@dataclass(frozen=True)
class Settings:
    """Hyper-parameters shared by all systems; the defaults are the paper's.

    A weight of 0 makes the twin of a system: the same loop with one idea off, and from the same seed the
    same images and random numbers. That is pseudo_weight, consistency_weight, dice_weight, class_weight
    (of the whole classification loss), mixmatch.weight, and bridging.weight of the saliency map.

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
    mixmatch: MixMatchSettings = MixMatchSettings()  # noqa: RUF009 - frozen
    class_weight: float = 1.0  # of equation 1 in equation 5
    strong_views: StrongViews = "any number"  # choice; "two draws" is the released code's
    upsampling: Upsampling = "repeat"  # choice; "bilinear" is the released code's
    bridging: Bridging = Bridging()  # noqa: RUF009 - frozen

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"width: {self.width} is not positive")
        for name in ("threshold", "dropout", "strong_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: {getattr(self, name)} does not lie in [0, 1]")
        for name, allowed in (
            ("alignment", ALIGNMENTS),
            ("when_full", get_args(WhenFull)),
            ("strong_views", get_args(StrongViews)),
            ("upsampling", UPSAMPLINGS),
        ):
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

    @classmethod
    def released(cls) -> Settings:
        """`paper`, with the choices of the released code where the paper gives none.

        Enc-MM, of which no code was released, has those of MixMatch's authors. The faults of the code
        stay out: the consistency is a divergence, every image is normalised, no prediction drops values.
        """
        return replace(
            cls.paper(),
            alignment="index",
            strong_views="two draws",
            upsampling="bilinear",
            bridging=Bridging.released(),
            mixmatch=MixMatchSettings.released(),
        )
