"""The protocol between checker and worker: what travels, what shows, and what a forger gets."""

from __future__ import annotations

import json
import math
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from medda_lib.assignments import wire
from medda_lib.assignments.exceptions import Lost
from medda_lib.assignments.remote import Peer
from medda_lib.assignments.sandbox import sandbox
from medda_lib.assignments.wire import Pack, Unpack, WireError

CELL = """
import collections, dataclasses, enum
import numpy as np
import torch

def same(*values, **named):
    return [*values, named] if named or len(values) != 1 else values[0]

def kinds(*values):
    return [type(value).__name__ for value in values]

def product(pair, scale):
    return {"product": (pair["a"] * pair["b"]).sum() * scale, "plain": pair["a"].detach() + 1}

def slope(function, x):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(function(x).sum(), x)[0]

def writes(tensor, array, rows, table):
    tensor += 1
    array[0] = 7
    rows.append(tensor.sum())
    table["new"] = rows.pop(0)

def backs(x, model):
    (model(x) * x).sum().backward()
    return model.weight

def names(model):
    return [name for name, _ in model.named_parameters()], [p.requires_grad for p in model.parameters()]

def draws(a, b):
    return torch.rand(2, generator=a), b.normal(size=2)

class Odd(ValueError):
    pass

def fails(kind):
    raise {"odd": Odd("so"), "key": KeyError("k"), "end": StopIteration(), "exit": SystemExit(3)}[kind]

Pair = collections.namedtuple("Pair", "a b")
class Colour(enum.IntEnum):
    RED = 3
class Text(str):
    pass

def subclasses():
    weight = torch.nn.Parameter(torch.ones(1))
    return Pair(1, 2), Colour.RED, Text("t"), collections.OrderedDict(a=1), weight

@dataclasses.dataclass
class Account:
    balance: float = 0.0
    def add(self, amount):
        self.balance += amount
        return self

def richer(account):
    return account.balance + 1

def lazily():
    return (i for i in range(3))

def loops(function):
    while True:
        function(1)

PI = 3.0
"""


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    with sandbox(protected=False) as made, made.worker() as (channel, _):
        channel.settimeout(600)
        found = Peer(channel)
        found.ask({"op": "run", "source": CELL}, [])
        yield found


@pytest.fixture(scope="module")
def call(peer: Peer) -> Callable[..., Any]:
    """Call a function of the cell by name."""
    known: dict[str, Any] = {}

    def by_name(name: str, *args: Any, **kwargs: Any) -> Any:
        if name not in known:
            known.update(peer.call({"op": "names"}, ([name, "PI"],), {}))
        return known[name](*args, **kwargs)

    return by_name


def equal(a: Any, b: Any) -> bool:
    """Same type, dtype, shape and numbers; nan equals nan, and zeros have signs."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.generic):
        a, b = np.asarray(a), np.asarray(b)
    if isinstance(a, (Tensor, np.ndarray)):
        return a.dtype == b.dtype and a.shape == b.shape and wire.raw(a) == wire.raw(b)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(equal(a[key], b[key]) for key in a)
    return repr(a) == repr(b)


PLAIN = [
    *(None, True, False, 0, -(10**30), 0.1, -0.0, math.inf, math.nan, 1 - 2j, "", "Ünï\n\ud800"),
    *([], (), {}, set(), [1, [2.0, (None,)]], {1: "a", (2, "b"): [None], None: 1.5}, {1, 2}),
    *(frozenset({3}), torch.float64, np.float32(1.5), np.int64(-3), np.bool_(True)),
    *(torch.tensor(2.5), torch.zeros(0, 3), torch.tensor([1, -1], dtype=torch.int8)),
    *(torch.tensor([math.nan, -0.0, math.inf]), torch.tensor([True, False])),
    *(torch.tensor([1.5], dtype=torch.bfloat16), torch.tensor([1 + 2j]), torch.ones(2, 3).T),
    *(torch.tensor([1 + 2j]).conj(), np.arange(6.0).reshape(2, 3).T, np.array(1, np.uint8)),
    *(np.zeros((0, 2), np.float16), np.array([True]), np.array([1j]), np.array([1.0], ">f8")),
]


@pytest.mark.parametrize("value", PLAIN, ids=lambda value: repr(value)[:30])
def test_plain_data_come_back_as_they_went(call: Callable[..., Any], value: Any) -> None:
    back = call("same", value)
    if isinstance(value, np.ndarray):
        value = value.astype(value.dtype.newbyteorder("="))
    assert equal(back, value)
    assert equal(call("same", [value], x=(value,)), [[value], {"x": (value,)}])


def test_subclasses_arrive_as_their_base(call: Callable[..., Any]) -> None:
    found = call("subclasses")
    assert [type(value) for value in found] == [tuple, int, str, dict, Tensor]
    assert call("kinds", True, 1, np.float32(1), torch.ones(1), ()) == [
        *("bool", "int", "float32", "Tensor", "tuple")
    ]


def test_gradients_reach_everything_among_the_arguments(call: Callable[..., Any]) -> None:
    a, b = torch.tensor([1.0, 2.0]).requires_grad_(), torch.tensor([3.0, 4.0]).requires_grad_()
    scale, unused = torch.tensor(2.0).requires_grad_(), torch.ones(1).requires_grad_()
    found = call("product", {"a": a, "b": b, "c": unused}, scale)
    assert found["product"].item() == 22
    assert not found["plain"].requires_grad
    grads = torch.autograd.grad(
        found["product"] * 3, (a, b, scale, unused), allow_unused=True, retain_graph=True
    )
    assert grads[0].tolist() == [18, 24]
    assert grads[1].tolist() == [6, 12]
    assert grads[2].item() == 33
    nothing: object = grads[3]  # torch does not say in its types that this is possible
    assert nothing is None
    found["product"].backward()
    assert a.grad is not None
    assert a.grad.tolist() == [6, 8]
    with torch.no_grad():
        assert not call("product", {"a": a, "b": b}, 1.0)["product"].requires_grad


def test_result_requires_a_gradient_as_in_the_worker(call: Callable[..., Any]) -> None:
    leaf = torch.ones(2).requires_grad_()
    assert call("same", leaf).requires_grad
    assert not call("same", leaf.detach()).requires_grad
    with torch.no_grad():
        assert call("same", leaf).requires_grad  # it was handed back, as it is in one process


def test_callables_are_called_back_with_gradients(call: Callable[..., Any]) -> None:
    x, seen = torch.tensor([1.0, 2.0]), []

    def cube(value: Tensor) -> Tensor:
        seen.append(value.requires_grad)
        return value**3

    assert call("slope", cube, x).tolist() == [3, 12]
    assert seen == [True]

    def broken(value: Tensor) -> Tensor:
        raise ValueError("not today")

    with pytest.raises(ValueError, match="not today"):
        call("slope", broken, x)


def test_changed_arguments_show(call: Callable[..., Any]) -> None:
    tensor, array = torch.zeros(2), np.zeros(2)
    inner = [1]
    rows, table = [inner, "kept"], {"old": 1}
    call("writes", tensor, array, rows, table)
    assert tensor.tolist() == [1, 1]
    assert array.tolist() == [7, 0]
    assert rows[0] == "kept"
    assert equal(rows[1], torch.tensor(2.0))
    assert table == {"old": 1, "new": [1]}
    before = tensor.clone()
    call("same", tensor, array)
    assert torch.equal(tensor, before)


def test_modules_are_copied_and_their_changes_show(call: Callable[..., Any]) -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 3.0)
    assert call("names", model) == (["weight"], [True])
    weight = call("backs", torch.tensor([[2.0]]), model)
    assert weight.item() == 3
    assert model.weight.grad is not None
    assert model.weight.grad.item() == 4
    loss = call("same", [model.weight])[0].sum() * 5
    assert torch.autograd.grad(loss, model.weight)[0].item() == 5

    class Own(nn.Module):
        pass

    with pytest.raises(TypeError, match="pass a function that calls it"):
        call("same", Own())


def test_generators_are_copied_with_their_state(call: Callable[..., Any]) -> None:
    a, b = torch.Generator().manual_seed(3), np.random.default_rng(3)
    first, second = call("draws", a, b)
    assert torch.equal(first, torch.rand(2, generator=a))
    assert np.array_equal(second, b.normal(size=2))


@pytest.mark.parametrize(
    ("kind", "error", "text"),
    [
        ("odd", ValueError, "so"),
        ("key", KeyError, "'k'"),
        ("end", RuntimeError, "StopIteration: "),
        ("exit", RuntimeError, "SystemExit: 3"),
    ],
)
def test_exceptions_arrive_as_built_in_ones(
    call: Callable[..., Any], kind: str, error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as caught:
        call("fails", kind)
    assert type(caught.value) is error
    assert str(caught.value) == text


def test_objects_stay_where_they_are(call: Callable[..., Any]) -> None:
    account = call("Account", balance=2.0)
    account.add(3.0)
    assert account.balance == 5
    assert call("richer", account.add(1.0)) == 7
    with pytest.raises(AttributeError, match="nothing"):
        _ = account.nothing
    with pytest.raises(TypeError):
        len(account)


def test_what_cannot_travel_is_refused_with_a_reason(peer: Peer, call: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match="generator is no plain data; return a list"):
        call("lazily")
    with pytest.raises(TypeError, match="a sparse, quantised or meta tensor"):
        call("same", torch.eye(2).to_sparse())
    with pytest.raises(TypeError, match="array of dtype object is no plain data"):
        call("same", np.array([object()]))
    with pytest.raises(TypeError, match="a range is no plain data"):
        call("same", range(3))
    with pytest.raises(TypeError, match="are too much for one call"):
        call("same", torch.zeros(2**25))
    assert peer.call({"op": "names"}, (["PI", "missing"],), {}) == {"PI": 3.0}


# --- a hostile other end -------------------------------------------------------------------------


def framed(header: Any, payload: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack(">IQ", len(text), len(payload)) + text + payload


def value(body: Any, *blobs: Any, **more: Any) -> dict[str, Any]:
    return {"op": "value", "body": body, "flags": [], "graph": 0, "blobs": [*blobs], **more}


FLOAT = [True, "float32", 1]
FORGED = {
    "no JSON": framed(b"{"),
    "no dict": framed([1]),
    "deep JSON": framed(b"[" * 10**5),
    "too long": struct.pack(">IQ", 2**31, 0),
    "too much": struct.pack(">IQ", 2, 2**40) + b"{}",
    "cut off": framed(value(1))[:-3],
    "untagged list": framed(value([])),
    "list of lists": framed(value([["l"]])),
    "pickle": framed(value(["P", "gASVBgAAAAAAAABdlC4="])),
    "generator": framed(value(["G", 0], FLOAT), bytes(4)),
    "unknown tag": framed(value(["x", 1])),
    "no such tensor": framed(value(["T", 0])),
    "negative place": framed(value(["T", -1], FLOAT), bytes(4)),
    "true place": framed(value(["T", True], FLOAT, FLOAT), bytes(8)),
    "array for tensor": framed(value(["A", 0], FLOAT), bytes(4)),
    "scalar with axes": framed(value(["N", 0], [False, "float32", 2]), bytes(8)),
    "objects": framed(value(["A", 0], [False, "object", 1]), bytes(8)),
    "dtype no string": framed(value(["A", 0], [False, ["float32"], 1]), bytes(4)),
    "negative shape": framed(value(["T", 0], [True, "float32", -1]), bytes(4)),
    "huge shape": framed(value(["T", 0], [True, "float32", 2**39, 2**39]), bytes(4)),
    "numbers missing": framed(value(["T", 0], [True, "float32", 2]), bytes(4)),
    "numbers left": framed(value(["T", 0], FLOAT), bytes(8)),
    "unhashable key": framed(value(["d", [["l"], 1]])),
    "no pair": framed(value(["d", [1, 2, 3]])),
    "unhashable member": framed(value(["s", ["l"]])),
    "complex of strings": framed(value(["c", "1", "2"])),
    "digits": framed(b'{"op": "value", "body": ' + b"9" * 5000 + b', "flags": [], "blobs": []}'),
    "flags no list": framed(value(1) | {"flags": 7}),
    "flag of nothing": framed(value(1) | {"flags": [3]}),
    "flag of integers": framed(value(["T", 0], [True, "int64", 1]) | {"flags": [0]}, bytes(8)),
    "flag twice": framed(value(["T", 0], FLOAT) | {"flags": [0, 0]}, bytes(4)),
    "change of nothing": framed(value(1, changed=[[9, -1, False, -1]])),
    "change of shape": framed(value(1, changed=[[0]])),
    "change to integers": framed(
        value(1, [True, "int64", 1], changed=[[0, 0, False, -1]]), bytes(8)
    ),
    "change to an array": framed(
        value(1, [False, "float32", 1], changed=[[0, 0, 0, -1]]), bytes(4)
    ),
    "gradient of another shape": framed(
        value(1, [True, "float32", 2], changed=[[0, -1, True, 0]]), bytes(8)
    ),
    "exception of its own": framed({"op": "error", "type": "SystemExit", "text": "", "blobs": []}),
    "exception without text": framed({"op": "error", "type": "ValueError", "text": 3, "blobs": []}),
    "unknown request": framed({"op": "run", "source": "print(1)", "blobs": []}),
    "call of nothing": framed({"op": "call", "id": 99, "body": ["l"], "blobs": []}),
    "call without arguments": framed(
        {"op": "call", "id": 1, "flags": [], "body": ["l", 1, 2], "blobs": []}
    ),
    "names": framed({"op": "get", "id": 1, "name": "__globals__", "blobs": []}),
    "backward of nothing": framed({"op": "back", "graph": 1, "of": [], "blobs": []}),
}


@pytest.mark.parametrize("name", list(FORGED))
def test_forged_message_ends_the_conversation(name: str) -> None:
    mine, theirs = socket.socketpair()
    with mine, theirs:
        mine.settimeout(120)
        theirs.sendall(FORGED[name])
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(Lost):
            Peer(mine).call({"op": "call", "id": 1}, (torch.ones(1), lambda x: x), {})


def test_bool_of_any_byte_is_a_bool() -> None:
    mine, theirs = socket.socketpair()
    with mine, theirs:
        theirs.sendall(framed(value(["T", 0], [True, "bool", 3]), b"\x00\x02\xff"))
        found = Peer(mine).call({"op": "call", "id": 1}, (), {})
        assert wire.raw(found) == b"\x00\x01\x01"


def test_calls_back_are_counted(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    from medda_lib.assignments import remote

    monkeypatch.setattr(remote, "CALLBACKS", 50)
    loops = peer.call({"op": "names"}, (["loops"],), {})["loops"]
    with pytest.raises(Lost, match="more than 50 calls back"):  # last: the worker is busy now
        loops(lambda _: None)


def test_cycles_are_refused() -> None:
    ring: list[Any] = []
    ring.append(ring)

    def nothing(*_: Any) -> Any:
        raise TypeError

    with pytest.raises(TypeError, match="or contain themselves"):
        Pack(nothing)(ring)
    with pytest.raises((WireError, RecursionError)):
        Unpack([], nothing)(json.loads("[" * 900 + "]" * 900))
