"""What a training leaves behind: its losses, its scores, and the state that a rule chose."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from medda_lib.studies.method import CheckpointRule

Noted = tuple[tuple[int, dict[str, float]], ...]
"""(step, values by name)."""
SCORE = "score"
"""The name of the validation score that a checkpoint rule looks at."""


@dataclass(frozen=True)
class History:
    """Losses of every step, scores of every validation, and the step whose state was returned."""

    losses: Noted = ()
    scores: Noted = ()
    chosen: int = 0

    def curves(self) -> dict[str, tuple[tuple[int, float], ...]]:
        """Each loss as (step, value) pairs, for training curves."""
        names = dict.fromkeys(name for _, found in self.losses for name in found)
        return {
            name: tuple((step, found[name]) for step, found in self.losses if name in found)
            for name in names
        }


@dataclass
class Keeper:
    """Holds the state that a checkpoint rule would return if training ended now."""

    rule: CheckpointRule
    scores: dict[int, float] = field(default_factory=dict)
    state: dict[str, Tensor] = field(default_factory=dict)
    step: int = 0

    def offer(self, step: int, score: float, network: nn.Module) -> None:
        """Takes a copy of the network's state if the rule prefers this step to all before."""
        self.scores[step] = score
        if self.rule.choose(self.scores) == step:
            self.state, self.step = copy.deepcopy(network.state_dict()), step

    def restore(self, network: nn.Module) -> None:
        """Puts the chosen state back; a training without validation stays as it ended."""
        if self.state:
            network.load_state_dict(self.state)


def floats(losses: dict[str, Any]) -> dict[str, float]:
    """Detached losses as numbers."""
    return {name: float(loss) for name, loss in losses.items()}
