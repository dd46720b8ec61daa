"""The training of the MultiMix family: the steps' losses, problem by problem, and the validation.

A step runs its parts (classification, segmentation) one after the other, each with its own backward
pass; the gradients add up to that of the sum of the losses, and only one graph is alive at a time. With
MixMatch a step may also take a share off the kernels and move an average of the weights, which is then
what is validated, kept and returned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat

from medda_lib.methods.multimix.batches import ImageSets
from medda_lib.methods.multimix.mixmatch_settings import MixMatchSettings
from medda_lib.methods.multimix.scores import validation_scores
from medda_lib.methods.multimix.settings import Settings
from medda_lib.methods.multimix.steps import Step
from medda_lib.methods.normalise import standardise
from medda_lib.methods.predictor import NetworkPredictor
from medda_lib.methods.training import Losses, MovingAverage, Training, shrink
from medda_lib.networks.multimix import MultiMixNet
from medda_lib.studies.method import Run


class MultiTaskTraining(Training[None]):
    """Minimises the losses of `parts`; these draw their images themselves, on the device."""

    def __init__(
        self,
        network: MultiMixNet,
        parts: Sequence[Step],
        sets: Mapping[str, ImageSets],
        settings: Settings,
        run: Run,
        mixmatch: MixMatchSettings | None = None,
    ) -> None:
        super().__init__(network, settings.recipe, run)
        self.parts, self.sets = parts, sets
        self.decay = mixmatch.decay if mixmatch else 0.0
        wanted = mixmatch.average if mixmatch else None
        self.average = None if wanted is None else MovingAverage(network, wanted)
        self.predictor = NetworkPredictor(network, run.device, standardise)

    def batches(self) -> Iterator[None]:
        """Nothing: the parts draw."""
        return repeat(None)

    def terms(self, batch: None, number: int) -> Iterator[Losses]:
        """Each part's losses."""
        return (part(number) for part in self.parts)

    def before_step(self, number: int) -> None:
        """The weights themselves are trained, not their average."""
        if self.average:
            self.average.hide()

    def took_step(self, number: int) -> None:
        """Decay, which follows the learning rate; then the average, shown where somebody will look."""
        if self.decay:
            factor = self.recipe.schedule.factor(number - 1, self.recipe.steps)
            shrink(self.network.parameters(), self.decay * factor)
        if self.average:
            self.average.follow()
            if self.recipe.validates(number) or number == self.recipe.steps:
                self.average.show()

    def validate(self, number: int) -> Mapping[str, float]:
        """Accuracy, Dice and their mean on the source's validation images."""
        return validation_scores(self.predictor, self.sets)


def train(
    network: MultiMixNet,
    parts: Sequence[Step],
    sets: Mapping[str, ImageSets],
    settings: Settings,
    run: Run,
    mixmatch: MixMatchSettings | None = None,
) -> NetworkPredictor[MultiMixNet]:
    """Minimises the parts' losses and returns the network in the state that the rule chose.

    mixmatch: what MixMatch does to the weights beside the steps, None for systems without it.
    """
    history = MultiTaskTraining(network, parts, sets, settings, run, mixmatch).fit()
    return NetworkPredictor(network, run.device, standardise, history=history)
