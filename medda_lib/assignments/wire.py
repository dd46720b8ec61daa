"""Plain data on a socket: a JSON header and the raw bytes of its tensors and arrays.

Between the checker and a submission only data travel. The header says how lists, numbers and
strings are nested; numbers of tensors follow as bytes, in their order. Reading makes new objects of
exactly the classes listed in `remote` and checks every length before it allocates: the other end
may be hostile. Nothing is ever unpickled here; `remote` adds what only the trusted end may send.
"""

from __future__ import annotations

import json
import math
import socket
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

Blob = Tensor | np.ndarray

HEADER_BYTES = 16 * 2**20
BLOB_BYTES = 64 * 2**20  # all tensors of one message
DEPTH = 40  # of nested containers
_FRAME = struct.Struct(">IQ")
_TORCH = {
    str(t).removeprefix("torch."): t
    for t in (
        *(torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
        *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
        *(torch.complex64, torch.complex128),
    )
}
_NUMPY = {
    *("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
}


class WireError(Exception):
    """What arrived is no message, or too much of one."""


class Pack:
    """Turns a value into nested JSON and gathers its tensors and arrays, each once, in `blobs`."""

    def __init__(self, other: Send) -> None:
        """`other` gives the JSON of what is not plain data, or raises TypeError."""
        self.blobs: list[Blob] = []
        self._places: dict[int, int] = {}
        self._other = other

    def __call__(self, value: Any, depth: int = 0) -> Any:
        """The JSON of a value; raises TypeError for one that nests too deeply."""
        if depth > DEPTH:
            raise TypeError(f"lists and dicts nest more than {DEPTH} deep, or contain themselves")
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (Tensor, np.ndarray, np.generic)):
            return self._numeric(value)
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, (int, float)):
            return int(value) if isinstance(value, int) else float(value)
        return self._tagged(value, depth + 1)

    def _tagged(self, value: Any, depth: int) -> Any:
        if isinstance(value, complex):
            return ["c", value.real, value.imag]
        if isinstance(value, torch.dtype):
            return ["y", str(value).removeprefix("torch.")]
        if isinstance(value, dict):
            return ["d", *([self(k, depth), self(v, depth)] for k, v in dict.items(value))]
        for tag, kind in (("l", list), ("t", tuple), ("s", set), ("z", frozenset)):
            if isinstance(value, kind):
                return [tag, *(self(v, depth) for v in kind(value))]
        return self._other(value, self)

    def _numeric(self, value: Tensor | np.ndarray | np.generic) -> list[Any]:
        if isinstance(value, Tensor):
            if value.layout != torch.strided or value.is_quantized or value.is_meta:
                raise TypeError("a sparse, quantised or meta tensor is no plain data")
            if str(value.dtype).removeprefix("torch.") not in _TORCH:
                raise TypeError(f"a tensor of dtype {value.dtype} is no plain data")
            return ["T", self.place(value)]
        if value.dtype.name not in _NUMPY:
            raise TypeError(f"an array of dtype {value.dtype} is no plain data; use numbers")
        if isinstance(value, np.generic):
            return ["N", self.place(np.asarray(value))]
        return ["A", self.place(value)]

    def place(self, blob: Blob) -> int:
        """The number of a tensor or array in `blobs`."""
        if id(blob) not in self._places:
            self._places[id(blob)] = len(self.blobs)
            self.blobs.append(blob)
        return self._places[id(blob)]


class Unpack:
    """The way back: new objects from JSON and blobs; WireError for anything else."""

    def __init__(self, blobs: list[Blob], other: Made) -> None:
        """`other` makes a value of JSON whose tag is none of the plain ones."""
        self.blobs = blobs
        self._other = other

    def __call__(self, body: Any) -> Any:
        """The value that JSON stands for."""
        if body is None or type(body) in (bool, int, float, str):
            return body
        if type(body) is not list or not body or type(body[0]) is not str:
            raise WireError("untagged value")
        tag, *rest = body
        if tag in _MAKERS:
            try:
                return _MAKERS[tag](self(v) for v in rest)
            except TypeError as error:  # a set of lists
                raise WireError("unhashable value") from error
        if tag in ("d", "T", "A", "N"):
            return self._dict(rest) if tag == "d" else self._numeric(tag, rest)
        if tag == "c" and [type(v) for v in rest] == [float, float]:
            return complex(*rest)
        if tag == "y" and len(rest) == 1 and type(rest[0]) is str and rest[0] in _TORCH:
            return _TORCH[rest[0]]
        return self._other(body, self.blobs)

    def _dict(self, pairs: list[Any]) -> dict[Any, Any]:
        if not all(type(pair) is list and len(pair) == 2 for pair in pairs):
            raise WireError("a dict is made of pairs")
        try:
            return {self(key): self(value) for key, value in pairs}
        except TypeError as error:
            raise WireError("unhashable key") from error

    def _numeric(self, tag: str, rest: list[Any]) -> Any:
        if len(rest) != 1 or type(rest[0]) is not int or not 0 <= rest[0] < len(self.blobs):
            raise WireError("no such tensor")
        blob = self.blobs[rest[0]]
        if isinstance(blob, Tensor) != (tag == "T") or (tag == "N" and blob.shape != ()):
            raise WireError("a tensor where an array was announced, or the reverse")
        return blob if tag != "N" else blob[()]


Send = Callable[[Any, Pack], Any]
"""How one end spells what is not plain data; raises TypeError for what cannot travel."""
Made = Callable[[list[Any], list[Blob]], Any]
"""What one end makes of such JSON."""

_MAKERS: dict[str, Callable[[Any], Any]] = {"l": list, "t": tuple, "s": set, "z": frozenset}


def raw(blob: Blob) -> bytes:
    """The numbers of a tensor or array, row by row."""
    if isinstance(blob, np.ndarray):
        return np.ascontiguousarray(blob, dtype=blob.dtype.newbyteorder("=")).tobytes()
    flat = blob.detach().cpu().resolve_conj().resolve_neg()
    flat = flat.clone(memory_format=torch.contiguous_format).reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""


def send(channel: socket.socket, message: dict[str, Any], blobs: list[Blob]) -> None:
    """Write one message."""
    parts = [raw(blob) for blob in blobs]
    message["blobs"] = [[isinstance(blob, Tensor), _name(blob), *blob.shape] for blob in blobs]
    header = json.dumps(message).encode()
    payload = sum(map(len, parts))
    if len(header) > HEADER_BYTES or payload > BLOB_BYTES:
        raise TypeError(f"{(len(header) + payload) >> 20} MB are too much for one call")
    channel.sendall(b"".join([_FRAME.pack(len(header), payload), header, *parts]))


def _name(blob: Blob) -> str:
    return str(blob.dtype).removeprefix("torch.") if isinstance(blob, Tensor) else blob.dtype.name


def receive(channel: socket.socket) -> tuple[dict[str, Any], list[Blob]]:
    """Read one message.

    Raises:
        EOFError: the other end is gone.
        WireError: it is no message, or larger than the limits of this module.
    """
    length, payload = _FRAME.unpack(_exactly(channel, _FRAME.size))
    if length > HEADER_BYTES or payload > BLOB_BYTES:
        raise WireError("a message larger than agreed")
    header, data = _exactly(channel, length), _exactly(channel, payload)
    try:
        message = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise WireError("a header that is no JSON") from error
    if type(message) is not dict or type(message.get("blobs")) is not list:
        raise WireError("a header without fields")
    return message, _blobs(message.pop("blobs"), data)


def _exactly(channel: socket.socket, count: int) -> bytearray:
    data = bytearray(count)
    view, done = memoryview(data), 0
    while done < count:
        got = channel.recv_into(view[done:])
        if not got:
            raise EOFError("the other end is gone")
        done += got
    return data


def _blobs(specs: list[Any], data: bytearray) -> list[Blob]:
    """Tensors and arrays from their bytes, each with memory of its own."""
    blobs: list[Blob] = []
    start = 0
    for spec in specs:
        if type(spec) is not list or len(spec) < 2:
            raise WireError("a tensor without a description")
        is_tensor, name, *shape = spec
        known = _TORCH if is_tensor is True else _NUMPY
        if type(is_tensor) is not bool or type(name) is not str or name not in known:
            raise WireError("an unknown dtype")
        if len(shape) > 32 or not all(type(n) is int and 0 <= n < 2**40 for n in shape):
            raise WireError("an impossible shape")
        # numpy has no bfloat16, and no bool that may be trusted: any byte but 0 is True
        flat = "int16" if name == "bfloat16" else "uint8" if name == "bool" else name
        count = math.prod(shape)
        size = count * np.dtype(flat).itemsize
        if start + size > len(data):
            raise WireError("fewer numbers than announced")
        array = np.frombuffer(data, flat, count, start).copy().reshape(shape)
        blobs.append(_as_named(array if name != "bool" else array != 0, name, is_tensor))
        start += size
    if start != len(data):
        raise WireError("more numbers than announced")
    return blobs


def _as_named(array: np.ndarray, name: str, is_tensor: bool) -> Blob:
    array = np.asarray(array)  # an operation on an array without axes gives a scalar
    if not is_tensor:
        return array
    tensor = torch.from_numpy(array)
    return tensor.view(torch.bfloat16) if name == "bfloat16" else tensor
