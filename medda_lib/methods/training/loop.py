"""The training loop of every method, and the hooks by which a method takes part in it.

A step is: `before_step`, then each of its phases (zero the gradients, follow the losses, move), then
`took_step`, then now and then a validation. A phase is a set of parameters with an optimiser of its own
and the losses that they follow. Most trainings have one. A discriminator that learns beside the network
is a second one, two players that take turns are phases chosen by the step's number.

Losses come as a generator: each dictionary that it yields is summed and followed back before the next
one is asked for. So the graph of one term can be freed before another is built, and what stands between
two yields happens when the gradients of the first are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from medda_lib.methods.training.ahead import ahead
from medda_lib.methods.training.history import SCORE, History, Keeper, floats
from medda_lib.methods.training.recipe import Recipe
from medda_lib.studies.method import Run

B = TypeVar("B")
Losses = Mapping[str, Tensor]
"""Weighted losses by name, scalars; what is minimised is their sum."""


class Phase(Generic[B]):
    """Parameters, the optimiser that moves them, and the losses that they follow.

    terms: (batch, number of the step from 1) -> the losses, group by group (see the module).
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        recipe: Recipe,
        terms: Callable[[B, int], Iterator[Losses]],
    ) -> None:
        self.parameters = [p for p in parameters if p.requires_grad]
        self.recipe = recipe
        self.terms = terms
        self.optimiser = recipe.optimiser.make(self.parameters, recipe.learning_rate)
        self.rates = [float(group["lr"]) for group in self.optimiser.param_groups]
        self.done = 0

    def take(
        self, batch: B, number: int, autocast: Callable[[], AbstractContextManager[object]]
    ) -> dict[str, Tensor]:
        """One step of these parameters; the detached losses by name."""
        factor = self.recipe.schedule.factor(self.done, self.recipe.steps)
        for group, rate in zip(self.optimiser.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor
        self.optimiser.zero_grad(set_to_none=True)
        found: dict[str, Tensor] = {}
        groups = self.terms(batch, number)
        while True:
            with autocast():
                losses = next(groups, None)
            if losses is None:
                break
            # Named inputs: what else requires gradients (a saliency's images) needs none here.
            torch.stack(list(losses.values())).sum().backward(inputs=self.parameters)
            found |= {name: loss.detach() for name, loss in losses.items()}
        self.optimiser.step()
        self.done += 1
        return found


class Training(Generic[B]):
    """One training. Subclasses give `batches` and `terms` and override what else differs."""

    def __init__(self, network: nn.Module, recipe: Recipe, run: Run) -> None:
        self.network = network
        self.recipe = recipe
        self.run = run

    # ---- what a method says

    def batches(self) -> Iterator[B]:
        """What the steps are shown, endless; on the CPU, so that it can be prepared ahead."""
        raise NotImplementedError

    def terms(self, batch: B, number: int) -> Iterator[Losses]:
        """The losses of step `number` (from 1), group by group."""
        raise NotImplementedError

    # ---- what a method may change

    def main(self) -> Phase[B]:
        """The phase of the network itself: all parameters that require gradients."""
        return Phase(self.network.parameters(), self.recipe, self.terms)

    def phases(self, number: int, main: Phase[B]) -> Sequence[Phase[B]]:
        """The phases of step `number`, in their order; `main` is that of the network."""
        return (main,)

    def before_step(self, number: int) -> None:
        """Before step `number`; the network may be in any mode."""

    def took_step(self, number: int) -> None:
        """After all parameters have moved: where a momentum teacher follows, or a memory is filled."""

    def validate(self, number: int) -> Mapping[str, float]:
        """Scores of the present state by name; "score" is what the checkpoint rule looks at."""
        raise NotImplementedError

    # ---- the loop

    def fit(self) -> History:
        """Train; the network is left in the state that the recipe's rule chose, for evaluation."""
        recipe, keeper, main = self.recipe, Keeper(self.recipe.rule), self.main()
        losses, scores = [], []
        with closing(ahead(self.batches(), self.run.device)) as batches:
            for number, batch in zip(range(1, recipe.steps + 1), batches, strict=False):
                found = self._step(batch, number, main)
                losses.append((number, floats(found)))
                if recipe.validates(number):
                    now = dict(self.validate(number))
                    keeper.offer(number, now[SCORE], self.network)
                    scores.append((number, now))
                self.run.progress(number, recipe.steps, losses[-1][1])
        if len(losses) < recipe.steps:
            raise ValueError(f"batches: only {len(losses)} for {recipe.steps} steps")
        keeper.restore(self.network)
        self.network.eval()
        return History(tuple(losses), tuple(scores), keeper.step)

    def _step(self, batch: B, number: int, main: Phase[B]) -> dict[str, Tensor]:
        self.before_step(number)
        self.network.train()
        found: dict[str, Tensor] = {}
        for phase in self.phases(number, main):
            found |= phase.take(batch, number, self._autocast)
        self.took_step(number)
        return found

    def _autocast(self) -> AbstractContextManager[object]:
        return self.recipe.autocast(self.run.device)
