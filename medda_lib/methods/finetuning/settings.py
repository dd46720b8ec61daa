"""The numbers of a fine-tuning, the same for every adaptation method of the AIVA paper."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from medda_lib.methods.segmenter.settings import Segmenter
from medda_lib.studies.method import BestValidation, CheckpointRule


@dataclass(frozen=True)
class Finetuning:
    """How a source network is trained on.

    Attributes:
        steps: fine-tuning steps.
        batch: slices of the source and as many of the target in each step.
        learning_rate: of the first step; it decays as the source network's does.
        rule: picks the state that is returned, by Dice on the source's validation scans. The state
            before the first step is no candidate: it is the source model, a system of its own.

    Raises:
        ValueError: a number that is not positive; the message names the field.
    """

    kind: ClassVar[str] = "Finetuning"

    steps: int = 6500
    batch: int = 16
    learning_rate: float = 1e-3
    rule: CheckpointRule = BestValidation()  # noqa: RUF009 - immutable

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "learning_rate"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: {getattr(self, name)} is not positive")

    @classmethod
    def paper(cls) -> Finetuning:
        """Goodman et al., section 3, skull stripping: 6,500 steps."""
        return cls()

    @classmethod
    def prostate(cls) -> Finetuning:
        """Goodman et al., section 3, prostate: 3,500 steps."""
        return cls(steps=3500)

    def of(self, segmenter: Segmenter) -> Segmenter:
        """The source network's settings with the steps and the rate of the fine-tuning."""
        return replace(
            segmenter, steps=self.steps, batch=self.batch, learning_rate=self.learning_rate
        )
