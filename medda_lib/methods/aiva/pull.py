"""How the matched clusters are pulled together: what equations 2 and 3 leave open, and what code does.

The paper prints the loss of a minibatch and says that lambda is one over its mean "in the first
minibatches". The defaults are what this book's first results were made with; `released` has the values
of the authors' code (yishayahu/AIVA, commit 3ae7eda; lines of trainer.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from torch import Tensor

from medda_lib.methods.aiva.loss import reciprocal_weight

Features = Literal["fresh", "passes"]


@dataclass(frozen=True)
class Pull:
    """Settings of the alignment.

    Attributes:
        strength: what the weighted loss starts near; 0 is the twin with the idea off. In the code 0.9
            for heads and 0.8 for prostates (470; configs.py:44, 105).
        first: losses that lambda is the reciprocal mean of. None: all minibatches of the first epoch,
            before the first step. A number: so many positive losses as they come, which are not
            divided by their mean themselves; 6 in the code (471-475).
        by_size: whether a cluster counts by its slices in the minibatch, as a mean over slices and
            values (457-467); else every cluster counts once, as printed.
        features: what is clustered. "fresh": the network looks at all slices again before each
            clustering. "passes": the latest feature that each slice had in a step (398, 429); the
            first clustering looks at all slices, as nothing is trained before it (260-261, 494-495).
            The code forgets features at a clustering (378-379) and leaves out the source's slices that
            did not come again since; here their older feature stays.

    Raises:
        ValueError: a negative strength, `first` below 1, or an unknown word.
    """

    kind: ClassVar[str] = "Pull"

    strength: float = 1.0
    first: int | None = None
    by_size: bool = False
    features: Features = "fresh"

    def __post_init__(self) -> None:
        if self.strength < 0 or (self.first is not None and self.first < 1):
            raise ValueError(f"{self}: strength is not negative, first at least 1")
        if self.features not in get_args(Features):
            raise ValueError(f"features: {self.features!r} is none of {get_args(Features)}")

    @classmethod
    def released(cls) -> Pull:
        """Skull stripping in the released code."""
        return cls(0.9, first=6, by_size=True, features="passes")

    @classmethod
    def released_prostate(cls) -> Pull:
        """Prostates in the released code."""
        return cls(0.8, first=6, by_size=True, features="passes")


class Scale:
    """Lambda: set at once, or by the first losses that come by. `weight` is None until it is set."""

    def __init__(self, pull: Pull) -> None:
        self.pull = pull
        self.weight: float | None = None
        self._seen: list[float] = []

    def set(self, losses: list[float]) -> None:
        """The weight from the losses that the rule averages."""
        self.weight = self.pull.strength * reciprocal_weight(losses)

    def __call__(self, loss: Tensor) -> Tensor:
        """The weighted loss; before there is a weight, the loss times the strength."""
        if self.weight is not None:
            return self.weight * loss
        value = float(loss.detach())
        self._seen += [value] if value > 0 else []
        if len(self._seen) == self.pull.first:
            self.set(self._seen)
        return self.pull.strength * loss
