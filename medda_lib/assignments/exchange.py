"""One call from one process to the other, as a step of autograd where gradients are wanted.

The tensors among the arguments become the inputs of a function whose forward pass sends the call
and whose backward pass asks the other process for the gradients of what it computed. The other
process keeps the graph until nobody here can ask any more.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from medda_lib.assignments import changes
from medda_lib.assignments.exceptions import Lost
from medda_lib.assignments.wire import Blob, Pack, Unpack, WireError


class Asking(Protocol):
    """What an exchange needs of its end of the channel, which `remote.Peer` is."""

    dropped: list[int]
    shows: bool
    changed: bool

    def ask(self, message: dict[str, Any], blobs: list[Blob]) -> tuple[dict[str, Any], list[Blob]]:
        """Send a request; the other end's answer."""

    def send_other(self, value: Any, pack: Pack) -> Any:
        """A `wire.Send`."""

    def made_other(self, body: list[Any], blobs: list[Blob]) -> Any:
        """A `wire.Made`."""


class Exchange:
    """A request with its arguments, and its reply."""

    def __init__(
        self, peer: Asking, request: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Nothing is sent yet. Raises TypeError for arguments that cannot travel."""
        self.peer, self._request, self._arguments = peer, request, [args, kwargs]
        pack = Pack(peer.send_other)
        request |= {"body": pack(self._arguments), "grad": torch.is_grad_enabled()}
        self.inputs: list[Blob] = pack.blobs
        self.flagged = [i for i, b in enumerate(pack.blobs) if getattr(b, "requires_grad", False)]
        self.outputs: list[Blob] = []
        self.grown: list[int] = []  # outputs that require a gradient
        self.graph = 0

    def value(self) -> Any:
        """Send it; the result."""
        if torch.is_grad_enabled() and self.flagged:
            tensors = [self.inputs[place] for place in self.flagged]
            found = list(_Call.apply(self, *tensors))  # type: ignore[no-untyped-call]
            self.outputs = [found.pop(0) if isinstance(b, Tensor) else b for b in self.outputs]
        else:
            self.run()
            for place in self.grown:
                self.outputs[place].requires_grad_()  # type: ignore[union-attr]
        try:
            return Unpack(self.outputs, self.peer.made_other)(self._reply.get("body"))
        except (WireError, RecursionError, ValueError) as error:
            raise Lost(f"a result that is no plain data: {error}") from error

    def run(self) -> None:
        """Send the request and take the reply in."""
        request = self._request | {"flags": self.flagged}
        request["grads"], extra = changes.gradients(self.inputs)
        self._reply, self.outputs = self.peer.ask(request, [*self.inputs, *extra])
        self.grown = places(self._reply.get("flags"), self.outputs)
        graph = self._reply.get("graph")
        self.graph = graph if type(graph) is int else 0
        if not self._reply.get("changed") and "after" not in self._reply:
            return
        self.peer.changed = True
        try:
            if self.peer.shows:
                made = self.peer.made_other
                changes.apply(self._reply, self.inputs, self.outputs, self._arguments, made)
        except (WireError, RecursionError) as error:
            raise Lost(f"changes of something else: {error}") from error


class _Graph:
    """What a backward pass needs; tells the peer when nobody can ask for it any more."""

    def __init__(self, exchange: Exchange) -> None:
        self.peer, self.number = exchange.peer, exchange.graph
        self.grown = [
            i in exchange.grown for i, b in enumerate(exchange.outputs) if isinstance(b, Tensor)
        ]
        self.like = [(exchange.inputs[i].shape, exchange.inputs[i].dtype) for i in exchange.flagged]

    def __del__(self) -> None:
        self.peer.dropped.append(self.number)

    def backward(self, gradients: list[Tensor | None]) -> list[Tensor | None]:
        """Gradients of the inputs from those of the tensors among the outputs."""
        of = [i for i, g in enumerate(gradients) if g is not None and self.grown[i]]
        message = {"op": "back", "graph": self.number, "of": of}
        reply, blobs = self.peer.ask(message, [gradients[i] for i in of])  # type: ignore[misc]
        found: list[Tensor | None] = [None] * len(self.like)
        to = places(reply.get("of"), None)
        if len(to) != len(blobs) or any(place >= len(found) for place in to):
            raise Lost("gradients of something else")
        for place, blob in zip(to, blobs, strict=True):
            if not isinstance(blob, Tensor) or (blob.shape, blob.dtype) != self.like[place]:
                raise Lost("a gradient that is not like its tensor")
            found[place] = blob
        return found


class _Call(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, exchange: Exchange, *_: Tensor) -> tuple[Tensor, ...]:
        exchange.run()
        ctx.set_materialize_grads(False)
        ctx.graph = _Graph(exchange)
        end = torch.zeros(0)  # a function of autograd has to return something
        plain = [
            b
            for i, b in enumerate(exchange.outputs)
            if isinstance(b, Tensor) and i not in exchange.grown
        ]
        ctx.mark_non_differentiable(end, *plain)
        return (*(b for b in exchange.outputs if isinstance(b, Tensor)), end)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        return (None, *ctx.graph.backward(list(gradients[:-1])))


def places(found: Any, blobs: list[Blob] | None) -> list[int]:
    """A list of places, all different; with `blobs`, of tensors that can have a gradient."""
    if type(found) is not list or not all(type(p) is int and p >= 0 for p in found):
        raise Lost("no list of places")
    if len(set(found)) != len(found):
        raise Lost("a place is named twice")
    for place in found if blobs is not None else []:
        blob = blobs[place] if blobs is not None and place < len(blobs) else None
        if not isinstance(blob, Tensor) or not (blob.is_floating_point() or blob.is_complex()):
            raise Lost("no tensor that could have a gradient")
    return list(found)
