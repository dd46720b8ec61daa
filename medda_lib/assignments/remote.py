"""The protocol between checks and a submission: functions of another process, called with plain data.

In one Python process nothing can be hidden from a student's code, and nothing is safe from it. So
grading uses two. The *worker*, in a sandbox, runs the cells of the submission. The *checker* runs
the master's checks and never sees the submission; what an answer cell defines is there as a
*stand-in* that sends its arguments to the worker and returns what comes back. The worker knows no
check, only calls. Whatever it does to itself, it can only return data, and data earn marks by
being right.

What a check may do with a name that an answer cell (`<exercise>-answer`) defines:

- **Functions** are called, with positional and keyword arguments.
- **Plain data** go in and come out: None, bool, int, float, complex, str, list, tuple, dict, set,
  torch tensors (dense, CPU), NumPy arrays and NumPy scalars, torch dtypes. dtype, shape, nan and
  signed zeros are kept, and `requires_grad` of tensors. Subclasses arrive as their base: a named
  tuple as a tuple, a Parameter as a tensor, a defaultdict as a dict. What arrives is a new
  object, made by the checker, so no `==` of the student's can run in a check. A result is never
  *identical* (`is`) to an argument.
- **Gradients** flow through: results carry `requires_grad` as they did in the worker,
  `.backward()` and `torch.autograd.grad` reach all tensors among the arguments, also those inside
  of lists and dicts and parameters of modules (`allow_unused` and a missing gradient included).
  `torch.no_grad()` around a call holds in the worker, too. Not supported: derivatives of
  derivatives *through* a stand-in (within the student's function they are free to differentiate
  as often as they like).
- **Changed arguments show, in a second run.** If the function changes a tensor, an array, a list
  or a dict that it was given, or its `requires_grad` or `.grad`, the check's own objects stay as
  they are at first, or a function could pass by setting its arguments to zero before the check
  works the truth out from them. An exercise that passes so is checked once more, and now the
  changes are made in the check's own objects, too. So "leave the argument as it was" is checked
  as in one process (copy before, compare afterwards); ask for results, never for such effects.
- **Exceptions** arrive as the nearest built-in class (`ValueError`, `KeyError`, ...; a subclass
  of the student's or of a library as its base) with their text. `try: f([]) except ValueError:`
  works. Exits, `StopIteration` and the like become a RuntimeError.
- **Callables as arguments** (a function or lambda of the check): the worker gets a stand-in; its
  calls come back, run in the checker, and return plain data. Gradients flow through these as
  well, so `torch.autograd.grad(classifier(x).sum(), x)` works within the student's function. At
  most 20 000 such calls for each call.
- **Modules as arguments**: an `nn.Module` built from `torch.nn` classes is copied to the worker
  (the student's code sees a real module: `named_parameters`, hooks and so on). Changes of
  parameters, buffers, `.grad` and `requires_grad` show in the check's module. Modules whose class
  is defined in a notebook are passed as callables only: `lambda x: module(x)`.
- **Generators of random numbers** (`torch.Generator`, `numpy.random.Generator`) are copied with
  their state. The check's own one does not advance, and `torch.manual_seed` in a check does not
  reach the worker: pass a generator or a seed if the numbers matter.
- **Classes and objects** of the student's stay in the worker. The check gets a handle: create one
  by calling the class, call methods, read attributes (plain data or methods), pass the handle
  back as an argument. No operators, no `len`, no `isinstance`, no iteration on handles: ask for
  plain data.
- **Values** (a constant that the answer cell assigns) are copied when the checks begin.

What does not work, so masters avoid it: looking into functions (`inspect`, `__code__`,
signatures), iterating over a generator that the student returns (it fails; ask for a list),
patching what the function uses, capturing what it prints, printing in checks, importing
`medda_lib` in the set-up cell (the checkout does not exist in the sandbox; the standard library
and everything in site-packages does), files.

How a check cell is run: the set-up cell (`setup`) runs in both processes. The submission's cells
run in the worker first, in their order, without checks. Then the *visible* part of each check
cell runs in the checker, each exercise in a namespace of its own (set-up plus stand-ins of all
exercises). When all visible parts are done, the `### BEGIN HIDDEN TESTS ... ### END HIDDEN TESTS`
parts run, each in the namespace that its visible part left. So hidden parts may use names of the
visible part, and regions start at column 0 of the cell. A cell of the submission, and the checks
of an exercise, may take 60 seconds each. Thousands of calls are fine: a call costs less than a
millisecond.

What students are told: the message of a failing *visible* check, as it stands. Of a hidden one,
nothing but a hint: inside a hidden part, write comments `# topic: <words>` above the assertions;
the words of the last one above the line that failed are shown ("a further check failed; look
again at: <words>"). They name the rule of the exercise's text, never an input or a value.
"""

from __future__ import annotations

import socket
from typing import Any

import torch
from torch import Tensor

from medda_lib.assignments import copying, wire
from medda_lib.assignments.changes import Watch
from medda_lib.assignments.exceptions import Lost, described, rebuilt
from medda_lib.assignments.exchange import Exchange, places
from medda_lib.assignments.wire import Blob, Pack, Unpack, WireError

CALLBACKS = 20_000  # that one call may make
Message = dict[str, Any]


class Handle:
    """A function, class or object of the other process: call it, read its attributes."""

    def __init__(self, peer: Peer, number: int, name: str) -> None:
        """Peers make them."""
        self._peer, self._number, self.__name__ = peer, number, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it there."""
        return self._peer.call({"op": "call", "id": self._number}, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        """Read an attribute there."""
        if name.startswith("__"):  # copy and pickle look for those: a handle has none of its own
            raise AttributeError(name)
        return self._peer.call({"op": "get", "id": self._number, "name": name}, (), {})

    def __repr__(self) -> str:
        """Its name, and where it is."""
        return f"<{self.__name__} of the other process>"


def number_at(value: Any, peer: Peer) -> int:
    """The number under which the other end of `peer` knows an object; 0 if it is not from there."""
    # names without an underscore are the student's: a handle passes them on
    if isinstance(value, Handle) and value._peer is peer:  # noqa: SLF001
        return value._number  # noqa: SLF001
    return 0


class Peer:
    """One end of the channel. Both can call what the other one exported, also within a call.

    This is the checker's end; `worker.Worker` adds what only a submission does.
    """

    def __init__(self, channel: socket.socket) -> None:
        """`channel`: a connected socket."""
        self.channel = channel
        self.exports: dict[int, Any] = {}
        self._numbers: dict[int, int] = {}  # id of an exported object -> its number
        self._graphs: dict[int, tuple[list[Tensor], list[Tensor]]] = {}
        self.dropped: list[int] = []  # graphs of the other end that nobody here needs any more
        self._made = self._served = 0
        self.shows = True  # whether a call's changes of its arguments are made in the check's own
        self.changed = False  # whether a call has changed any

    # --- asking ----------------------------------------------------------------------------------

    def call(self, request: Message, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Send a request with arguments; what comes back, or the exception that was raised there."""
        self._served = 0
        return Exchange(self, request, args, kwargs).value()

    def ask(self, message: Message, blobs: list[Blob]) -> tuple[Message, list[Blob]]:
        """Send a request and serve the other end's own until the answer is there."""
        message["drop"], self.dropped = self.dropped, []
        try:
            wire.send(self.channel, message, blobs)
        except OSError as error:
            raise Lost(str(error)) from error
        while True:
            reply, received = self.receive()
            if reply.get("op") == "error":
                raise rebuilt(reply)
            if reply.get("op") == "value":
                return reply, received
            self.serve(reply, received)

    def receive(self) -> tuple[Message, list[Blob]]:
        """The next message; Lost if there is none."""
        try:
            return wire.receive(self.channel)
        except (EOFError, OSError, WireError) as error:
            raise Lost(str(error)) from error

    # --- serving ---------------------------------------------------------------------------------

    def serve(self, message: Message, blobs: list[Blob]) -> None:
        """Answer one request of the other end; exceptions are sent there."""
        self._served += 1
        self.check_count(self._served)
        drop = message.get("drop")
        for number in drop if isinstance(drop, list) else []:
            self._graphs.pop(number if isinstance(number, int) else 0, None)
        try:
            wire.send(self.channel, *self.respond(message, blobs))
        except (WireError, BrokenPipeError) as error:
            raise Lost(str(error)) from error
        except self.caught as error:
            wire.send(self.channel, described(error), [])

    caught: type[BaseException] = Exception  # what a function that is called here may raise

    def check_count(self, served: int) -> None:
        """Stop a function that calls back for ever."""
        if served > CALLBACKS:
            raise Lost(f"more than {CALLBACKS} calls back")

    def respond(self, message: Message, blobs: list[Blob]) -> tuple[Message, list[Blob]]:
        """The reply to a request; exceptions are those of the function that was called."""
        if message.get("op") == "back":
            return self._respond_back(message, blobs)
        number = message.get("id")
        if message.get("op") != "call" or type(number) is not int or number not in self.exports:
            raise WireError("a request that nobody answers here")
        return self.respond_call(self.exports[number], message, blobs)

    def respond_call(
        self, target: Any, message: Message, blobs: list[Blob]
    ) -> tuple[Message, list[Blob]]:
        """Call a function with the arguments of a message."""
        flagged = places(message.get("flags"), blobs)
        for place in flagged:
            blobs[place].requires_grad_()  # type: ignore[union-attr]
        args, kwargs = self.arguments(message, blobs)
        changes = self.watch(args, kwargs, blobs)
        with torch.set_grad_enabled(message.get("grad") is True):
            pack = Pack(self.send_other)
            body = pack(target(*args, **kwargs))
        outputs = [blob for blob in pack.blobs if isinstance(blob, Tensor)]
        flags = [i for i, blob in enumerate(pack.blobs) if getattr(blob, "requires_grad", False)]
        reply: Message = {"op": "value", "body": body, "flags": flags, "graph": 0}
        if changes is not None:
            reply |= changes.found(pack)
        if flags and flagged:
            self._made += 1
            self._graphs[self._made] = outputs, [blobs[i] for i in flagged]  # type: ignore[misc]
            reply["graph"] = self._made
        return reply, pack.blobs

    def arguments(
        self, message: Message, blobs: list[Blob]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Positional and named arguments of a call."""
        try:
            args, kwargs = Unpack(blobs, self.made_other)(message.get("body"))
            if type(args) is tuple and type(kwargs) is dict:
                return args, kwargs
        except (ValueError, TypeError, RecursionError) as error:
            raise WireError("a call without arguments") from error
        raise WireError("a call without arguments")

    def watch(self, args: Any, kwargs: Any, blobs: list[Blob]) -> Watch | None:
        """What notes how a call changes its arguments; the checker's own functions need none."""
        return None

    def _respond_back(self, message: Message, blobs: list[Blob]) -> tuple[Message, list[Blob]]:
        """Gradients of an earlier call that was answered here."""
        number, to = message.get("graph"), places(message.get("of"), None)
        if type(number) is not int or number not in self._graphs:
            raise WireError("no such graph")
        outputs, leaves = self._graphs[number]
        if len(to) != len(blobs) or any(place >= len(outputs) for place in to):
            raise WireError("gradients of something else")
        found: tuple[Tensor | None, ...] = torch.autograd.grad(
            [outputs[place] for place in to],
            leaves,
            [blob for blob in blobs if isinstance(blob, Tensor)],
            retain_graph=True,
            allow_unused=True,
        )
        of = [i for i, gradient in enumerate(found) if gradient is not None]
        return {"op": "value", "of": of}, [g for g in found if g is not None]

    # --- what is not plain data ------------------------------------------------------------------

    def send_other(self, value: Any, pack: Pack) -> Any:
        """The JSON of a handle, a function, a module or a generator."""
        if number := number_at(value, self):
            return ["Y", number]
        if copied := copying.packed(value, pack):
            return copied
        if not callable(value):
            raise TypeError(f"a {type(value).__name__} is no plain data")
        return self.export(value)

    def made_other(self, body: list[Any], blobs: list[Blob]) -> Any:
        """What such JSON stands for."""
        tag, *rest = body
        kinds = [type(value) for value in rest]
        if tag == "R" and kinds == [int, str]:
            return Handle(self, rest[0], rest[1][:80])
        if tag == "Y" and kinds == [int] and rest[0] in self.exports:
            return self.exports[rest[0]]
        raise WireError(f"an unknown kind of value {str(body[0])[:20]!r}")

    def export(self, value: Any) -> list[Any]:
        """Let the other end call an object: the JSON of its stand-in."""
        number = self._numbers.setdefault(id(value), len(self._numbers) + 1)
        self.exports[number] = value  # keeps it alive, so that its id stays its own
        return ["R", number, str(getattr(value, "__name__", type(value).__name__))[:80]]
