"""Arguments that are copied to a worker though they are no plain data: modules, random generators.

Only this direction may carry a pickle, from the checker to the worker, for a pickle can run any code
where it is read. `Reader` lives in the worker alone.
"""

from __future__ import annotations

import base64
import io
import pickle
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from medda_lib.assignments.wire import Blob, Pack


def packed(value: Any, pack: Pack) -> list[Any] | None:
    """The JSON of a module or generator, whose tensors join those of `pack`; None for others."""
    if isinstance(value, torch.Generator):
        return ["G", pack.place(value.get_state())]
    if not isinstance(value, (nn.Module, np.random.Generator)):
        return None
    file = io.BytesIO()
    try:
        _Writer(file, pack).dump(value)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TypeError(
            f"a check passes a {type(value).__name__} that cannot be copied ({error}); "
            "pass a function that calls it"
        ) from error
    return ["P", base64.b64encode(file.getvalue()).decode()]


def unpacked(body: list[Any], blobs: list[Blob]) -> Any:
    """What such JSON stands for; for the worker, which trusts the checker."""
    if body[0] == "G":
        generator = torch.Generator()
        generator.set_state(blobs[body[1]])
        return generator
    return _Reader(io.BytesIO(base64.b64decode(body[1])), blobs).load()


class _Writer(pickle.Pickler):
    """Pickles a module; its tensors go among the others, so that gradients and changes find them."""

    def __init__(self, file: io.BytesIO, pack: Pack) -> None:
        super().__init__(file)
        self._pack = pack

    def persistent_id(self, obj: Any) -> tuple[bool, int] | None:
        """Called for each object: the place of a tensor, None for what is pickled as usual."""
        if not isinstance(obj, Tensor):
            return None
        return isinstance(obj, nn.Parameter), self._pack.place(obj)


class _Reader(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, blobs: list[Blob]) -> None:
        super().__init__(file)
        self._blobs = blobs

    def persistent_load(self, pid: Any) -> Blob:
        """The tensor at a place; a parameter takes the place of the tensor that carried it."""
        is_parameter, place = pid
        blob = self._blobs[place]
        if is_parameter and isinstance(blob, Tensor) and not isinstance(blob, nn.Parameter):
            parameter = nn.Parameter(blob.detach(), requires_grad=blob.requires_grad)
            parameter.grad = blob.grad
            self._blobs[place] = parameter
        found: Blob = self._blobs[place]
        return found
