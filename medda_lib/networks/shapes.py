"""The shapes that go through a network, layer by layer: observed by hooks, not derived."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn


class Layer(NamedTuple):
    """A layer that ran: its name in the network, its kind, and what went in and out."""

    name: str
    kind: str
    before: tuple[int, ...]
    after: tuple[int, ...]


def observed(network: nn.Module, x: Tensor) -> list[Layer]:
    """Every layer without layers of its own, in running order, for an input x."""
    seen: list[Layer] = []
    handles = []
    for name, module in network.named_modules():
        if next(module.children(), None) is None:

            def note(
                layer: nn.Module, inputs: tuple[Tensor], output: Tensor, name: str = name
            ) -> None:
                kind = type(layer).__name__
                seen.append(Layer(name, kind, tuple(inputs[0].shape), tuple(output.shape)))

            handles.append(module.register_forward_hook(note))
    try:
        network(x)
    finally:
        for handle in handles:
            handle.remove()
    return seen
