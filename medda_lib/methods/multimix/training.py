"""The training loop: Adam with step decay, validation now and then, the best state returned.

A step runs its parts (classification, segmentation) one after the other, each with its own backward
pass; the gradients add up to that of the sum of the losses, and only one graph is alive at a time.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from medda_lib.methods.multimix.batches import ImageSets
from medda_lib.methods.multimix.predictor import History, NetworkPredictor
from medda_lib.methods.multimix.scores import validation_scores
from medda_lib.methods.multimix.settings import Settings
from medda_lib.methods.multimix.steps import Step
from medda_lib.networks.multimix import MultiMixNet
from medda_lib.studies.method import CheckpointRule, Run


def gradients(parts: Sequence[Step], parameters: list[Tensor], number: int) -> dict[str, Tensor]:
    """Adds the gradients of all parts of step `number` to `parameters`; returns the losses."""
    found: dict[str, Tensor] = {}
    for part in parts:
        losses = part(number)
        # Named inputs: the saliency's images require gradients too, which nobody reads.
        torch.stack(list(losses.values())).sum().backward(inputs=parameters)
        found |= {name: loss.detach() for name, loss in losses.items()}
    return found


class Keeper:
    """Holds the state that a checkpoint rule would return if training ended now."""

    def __init__(self, rule: CheckpointRule) -> None:
        self.rule = rule
        self.scores: dict[int, float] = {}
        self.state: dict[str, Tensor] = {}
        self.step = 0

    def offer(self, step: int, score: float, network: MultiMixNet) -> None:
        """Takes a copy of the network's state if the rule prefers this step to all before."""
        self.scores[step] = score
        if self.rule.choose(self.scores) == step:
            self.state, self.step = copy.deepcopy(network.state_dict()), step


def train(
    network: MultiMixNet,
    parts: Sequence[Step],
    sets: Mapping[str, ImageSets],
    settings: Settings,
    run: Run,
) -> NetworkPredictor:
    """Minimises the parts' losses and returns the network in the state that the rule chose."""
    parameters: list[Tensor] = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=settings.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, settings.decay_every, settings.decay)
    keeper = Keeper(settings.rule)
    losses, scores = [], []
    for number in range(1, settings.steps + 1):
        network.train()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(
            run.device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"
        ):
            found = gradients(parts, parameters, number)
        optimizer.step()
        schedule.step()
        if number % settings.validate_every == 0 or number == settings.steps:
            now = validation_scores(NetworkPredictor(network, run.device), sets)
            keeper.offer(number, now["score"], network)
            losses.append((number, {name: float(loss) for name, loss in found.items()}))
            scores.append((number, now))
        run.progress(number, settings.steps, {name: float(loss) for name, loss in found.items()})
    network.load_state_dict(keeper.state)
    network.eval()
    return NetworkPredictor(network, run.device, History(tuple(losses), tuple(scores), keeper.step))
