"""What a run does before rounding has its say: its data, its first forward values, its first losses.

Two instruction sets round differently, and a network that is trained for a while makes a visible
difference of it. Before that the numbers of a run agree to many digits on any machine, so these are what
a fingerprint compares where bits cannot be equal. They are watched from outside, for any method: losses
through the run's progress callback, forward values through PyTorch's hooks on all modules. In half
precision losses part from the first step on, so they are not noted there.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules import module as hooks
from torch.utils.hooks import RemovableHandle

from medda_lib.studies.task import Task

STEPS = 3
TRAININGS = 2
"""Of a run whose first losses are noted: a source network and its adaptation, two stages of a stream."""
PLACES = ("pass", "step", "next step")
"""How the places of forward values and of losses begin (in the second training); a number follows."""

Values = dict[tuple[str, str], float]
"""(place, quantity) -> value."""


class FirstSteps:
    """Within the block the first three network passes are noted; `progress` notes the first losses."""

    def __init__(self) -> None:
        self.values: Values = {}
        self._passes = self._trainings = self._depth = 0
        self._half = False
        self._handles: list[RemovableHandle] = []

    def __enter__(self) -> FirstSteps:
        self._handles = [
            hooks.register_module_forward_pre_hook(self._begins),
            hooks.register_module_forward_hook(self._ends, always_call=True),
        ]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def progress(self, step: int, _steps: int, losses: dict[str, float]) -> None:
        """The progress callback of a `Run`; a step 1 begins another training."""
        self._trainings += step == 1 or not self._trainings
        if step <= STEPS and self._trainings <= TRAININGS and not self._half:
            place = f"{PLACES[self._trainings]} {step}"
            self.values |= {(place, f"loss {n}"): float(value) for n, value in losses.items()}

    def _begins(self, _module: torch.nn.Module, _inputs: Any) -> None:
        self._depth += 1
        self._half |= torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda")

    def _ends(self, _module: torch.nn.Module, _inputs: Any, output: Any) -> None:
        self._depth -= 1
        if self._depth:
            return  # a part of a network
        self._passes += 1
        for number, tensor in enumerate(_tensors(output), 1):
            self.values |= _summary(f"pass {self._passes}", f"output {number}", tensor)
        if self._passes == STEPS:
            self._stop()

    def _stop(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []


def of_data(task: Task) -> Values:
    """Mean and spread of each pool's images, and the mean of its truth."""
    found: Values = {}
    for slot, pool in task.pools.items():
        place = f"{slot.role.value}/{slot.problem}/{slot.domain}"
        found |= _summary(place, "images", pool.images)
        for name, truth in (("labels", pool.labels), ("masks", pool.masks)):
            if truth is not None:
                found[place, f"{name} mean"] = float(truth.double().mean())
    return found


def _summary(place: str, name: str, tensor: Tensor) -> Values:
    values = tensor.detach().double()
    return {
        (place, f"{name} mean"): float(values.mean()),
        (place, f"{name} spread"): float(values.std(correction=0)),
    }


def _tensors(output: Any) -> list[Tensor]:
    """The floating tensors of what a module returns: one, or those in a tuple, list or dictionary."""
    if isinstance(output, Tensor):
        return [output] if output.is_floating_point() and output.numel() else []
    items = output.values() if isinstance(output, dict) else output
    return [t for item in items for t in _tensors(item)] if isinstance(items, list | tuple) else []
