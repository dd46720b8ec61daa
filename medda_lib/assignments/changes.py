"""What a call does to its arguments, told to the process that passed them.

In one process a function may write into a tensor or a list that it was given. Here it gets copies;
so that a check of "leave it as it was" means the same, the worker compares its copies before and
after the call, and the checker makes the differences in its own objects.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from medda_lib.assignments import wire
from medda_lib.assignments.wire import Blob, Made, Pack, Send, Unpack, WireError

SAME = -1  # in place of a number of a blob


def gradients(blobs: list[Blob]) -> tuple[list[list[int]], list[Blob]]:
    """Pairs (number of a tensor, number of its .grad), and the .grads, which follow the blobs."""
    pairs: list[list[int]] = []
    extra: list[Blob] = []
    for i, blob in enumerate(blobs):
        if isinstance(blob, Tensor) and blob.is_leaf and blob.grad is not None:
            pairs.append([i, len(blobs) + len(extra)])
            extra.append(blob.grad)
    return pairs, extra


class Watch:
    """The worker's part: arguments as they were, to be compared with what they have become."""

    def __init__(self, send: Send, arguments: list[Any], blobs: list[Blob]) -> None:
        """`arguments`: positional and named ones; `blobs`: the tensors and arrays in them."""
        self._send, self._arguments, self._blobs = send, arguments, blobs
        self._before = [_state(blob) for blob in blobs]
        self._body = self._packed()[0]

    def found(self, pack: Pack) -> dict[str, Any]:
        """The differences as plain data; new values join the blobs of the reply."""
        changed = []
        for i, (blob, old) in enumerate(zip(self._blobs, self._before, strict=True)):
            new = _state(blob)
            if new != old:
                value = _new(blob, pack) if new[:2] != old[:2] else SAME
                gradient: int | None = SAME
                if new[3] != old[3]:
                    gradient = None if new[3] is None else _new(blob.grad, pack)  # type: ignore[union-attr,arg-type]
                changed.append([i, value, new[2], gradient])
        body, more = self._packed()
        if body == self._body:
            return {"changed": changed}
        return {"changed": changed, "after": body, "more": [_new(blob, pack) for blob in more]}

    def _packed(self) -> tuple[Any, list[Blob]]:
        pack = Pack(self._send)
        for blob in self._blobs:
            pack.place(blob)
        count = len(pack.blobs)
        return pack(self._arguments), pack.blobs[count:]


def _state(blob: Blob) -> tuple[Any, ...]:
    """All that a call could change: numbers, shape, requires_grad, .grad."""
    if isinstance(blob, np.ndarray):
        return wire.raw(blob), blob.shape, False, None
    grad = blob.grad if blob.is_leaf else None
    return wire.raw(blob), blob.shape, blob.requires_grad, None if grad is None else wire.raw(grad)


def _new(blob: Blob, pack: Pack) -> int:
    pack.blobs.append(blob)
    return len(pack.blobs) - 1


def apply(
    reply: dict[str, Any], inputs: list[Blob], outputs: list[Blob], arguments: Any, made: Made
) -> None:
    """Make the differences of a reply in the objects that were sent; WireError for nonsense."""
    changed = reply.get("changed", [])
    if type(changed) is not list:
        raise WireError("no list of changes")
    for entry in changed:
        if type(entry) is not list or len(entry) != 4:
            raise WireError("no change")
        place, value, requires, gradient = entry
        target = _at(inputs, place)
        if value != SAME:
            _write(target, _at(outputs, value))
        if isinstance(target, Tensor) and target.is_leaf:
            if target.is_floating_point() and type(requires) is bool:
                target.requires_grad_(requires)
            if gradient is None:
                target.grad = None
            elif gradient != SAME:
                _gradient(target, _at(outputs, gradient))
    if "after" in reply:
        more = reply.get("more")
        new = [_at(outputs, place) for place in more] if type(more) is list else []
        _update(arguments, Unpack([*inputs, *new], made)(reply["after"]))


def _at(blobs: list[Blob], place: Any) -> Blob:
    if type(place) is not int or not 0 <= place < len(blobs):
        raise WireError("no such tensor")
    return blobs[place]


def _write(target: Blob, value: Blob) -> None:
    """Numbers and shape of an argument after the call."""
    if type(target) is not type(value) and not (
        isinstance(target, Tensor) and isinstance(value, Tensor)
    ):
        raise WireError("another kind of value")
    if target.dtype != value.dtype:
        raise WireError("another dtype")
    if isinstance(target, np.ndarray):
        if target.shape != value.shape:
            raise RuntimeError("the shape of an array that was passed has changed")
        np.copyto(target, value)
    elif target.shape == value.shape:
        with torch.no_grad():
            target.copy_(value)  # type: ignore[arg-type]
    else:
        target.data = value  # type: ignore[assignment]


def _gradient(target: Tensor, value: Blob) -> None:
    if not isinstance(value, Tensor) or (value.shape, value.dtype) != (target.shape, target.dtype):
        raise WireError("a gradient that is not like its tensor")
    target.grad = value


def _update(old: Any, new: Any) -> None:
    """Make a list, dict or set equal to its copy, keeping the objects where that is possible."""
    if type(old) is not type(new):
        return
    if isinstance(old, (list, tuple)):
        if len(old) == len(new):
            pairs = list(zip(old, new, strict=True))
            merged = [_kept(a, b) for a, b in pairs]
        else:
            merged = list(new)
        if isinstance(old, list):
            old[:] = merged
    elif isinstance(old, dict):
        merged_dict = {k: _kept(old[k], v) if k in old else v for k, v in new.items()}
        old.clear()
        old.update(merged_dict)
    elif isinstance(old, set):
        old.clear()
        old.update(new)


def _kept(old: Any, new: Any) -> Any:
    """The old object, brought up to date where it is a container; otherwise the new one."""
    if type(old) is type(new) and isinstance(old, (list, dict, set, tuple)):
        _update(old, new)
        return old
    return old if callable(old) else new
