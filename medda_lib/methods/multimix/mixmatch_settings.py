"""The numbers of MixMatch for Enc-MM, and the one rule by which a short training takes them over.

Berthelot et al. train for 2**20 steps. Three of their numbers count in such steps: the ramp of the
weight on guessed labels (16,384), the memory of the moving average (1,000) and that of the weight decay
(25,000). A training shorter than the ramp would end with a fraction of the weight, an average that
still holds untrained parameters, and no decay to speak of. The rule (`MixMatchSettings.adapted`): such a
training is the authors' ramp in fewer steps. Each of its steps stands for as many of theirs as make the
ramp end with the training, and all three numbers shrink by that one factor. A longer training takes them
as they are. A steep ramp may make a short training of two classes call everything by one name, since
guesses that agree with themselves cost nothing: a finding to be told, no reason for a weaker baseline.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar


@dataclass(frozen=True)
class MixMatchSettings:
    """Hyper-parameters of MixMatch (Berthelot et al. 2019, section 4.1) for Enc-MM.

    By default the weight grows over the 16,000 steps that the authors print, whatever the length of
    training: after 300 steps it is 1.9% of `weight`, and what is trained is MixUp. `released` is
    MixMatch.

    Raises:
        ValueError: a number outside its range; the message names the field.
    """

    kind: ClassVar[str] = "MixMatchSettings"

    guesses: int = 2  # K
    temperature: float = 0.5  # T
    alpha: float = 0.75  # of Beta(alpha, alpha)
    weight: float = 75.0  # of the loss on guessed labels, lambda_U for CIFAR-10
    ramp_steps: int = 16_000  # over which the weight grows from 0
    adapt: bool = False  # shorten what is counted in steps, see the module
    average: float | None = None  # decay of a moving average of the weights, which predicts
    decay: float = 0.0  # the share of each kernel that a step takes off

    def __post_init__(self) -> None:
        if self.average is not None and not 0 <= self.average < 1:
            raise ValueError(f"average: {self.average} does not lie in [0, 1)")
        if not 0 <= self.decay < 1:
            raise ValueError(f"decay: {self.decay} does not lie in [0, 1)")

    @classmethod
    def released(cls) -> MixMatchSettings:
        """The values of the authors' code for CIFAR-10, adapted to the length of training.

        google-research/mixmatch: K and T (mixmatch.py:52, 63), alpha and weight (runs/table5.sh:24), a
        ramp of 1,024 kibi-images (mixmatch.py:52, 58) in batches of 64 (144), the moving average that
        predicts (88, 107, 137), decay of kernels by 0.02 times the rate of 0.002 (57, 92, 136, 145).
        """
        return cls(ramp_steps=1024 * 1024 // 64, adapt=True, average=0.999, decay=0.02 * 0.002)

    def adapted(self, steps: int) -> MixMatchSettings:
        """These settings for a training of so many steps; the same where `adapt` is off."""
        if not self.adapt or steps >= self.ramp_steps:
            return self
        pace = self.ramp_steps / steps  # the authors' steps that one of ours stands for
        average = None if self.average is None else self.average**pace
        decay = 1 - (1 - self.decay) ** pace
        return replace(self, ramp_steps=steps, adapt=False, average=average, decay=decay)
