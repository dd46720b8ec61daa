"""The submission's process: runs its cells, then answers calls. Everything here may be hostile.

It starts as a fork of a process that has imported torch and nothing secret, builds the walls
around itself (`walls`) and only then meets the student's code. It knows no check.
"""

from __future__ import annotations

import os
import socket
import sys
import types
from collections.abc import Iterator
from typing import Any

from medda_lib.assignments import changes, copying
from medda_lib.assignments.exceptions import Lost
from medda_lib.assignments.remote import Message, Peer, number_at
from medda_lib.assignments.wire import Blob, Pack, WireError


class Worker(Peer):
    """The submission's end of the channel."""

    caught = BaseException  # also exits: only the end of the process ends it

    def __init__(self, channel: socket.socket) -> None:
        """A notebook that has run no cell."""
        super().__init__(channel)
        module = types.ModuleType("__main__")
        module.__dict__["display"] = lambda *_, **__: None
        sys.modules["__main__"] = module  # dataclasses and pickle look there for a notebook's names
        self.names = module.__dict__

    def check_count(self, served: int) -> None:
        """The checker may ask as often as it likes."""

    def respond(self, message: Message, blobs: list[Blob]) -> tuple[Message, list[Blob]]:
        """Besides calls: run a cell, look names up, read an attribute."""
        operation = message["op"]
        if operation == "run":
            code = compile(message["source"], "<cell>", "exec", dont_inherit=True)
            exec(code, self.names)  # noqa: S102
            return {"op": "value", "flags": []}, []
        if operation == "names":
            return self.respond_call(self._known, message, blobs)
        if operation == "get":
            owner, name = self.exports[message["id"]], message["name"]
            return self.respond_call(lambda: getattr(owner, name), message, blobs)
        return super().respond(message, blobs)

    def _known(self, names: list[str]) -> dict[str, Any]:
        """Those of the names that the cells have defined, if they can travel."""
        found = {}
        for name in names:
            if name in self.names:
                try:
                    Pack(self.send_other)(self.names[name])
                except TypeError:
                    continue
                found[name] = self.names[name]
        return found

    def arguments(
        self, message: Message, blobs: list[Blob]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """As everywhere, with the .grad that the tensors had."""
        count = len(blobs)
        for place, gradient in message.get("grads", []):
            blobs[place].grad = blobs[gradient]
            count = min(count, gradient)
        del blobs[count:]
        return super().arguments(message, blobs)

    def watch(self, args: Any, kwargs: Any, blobs: list[Blob]) -> changes.Watch | None:
        """Report what a call does to its arguments."""
        return changes.Watch(self.send_other, [args, kwargs], blobs)

    def send_other(self, value: Any, pack: Pack) -> Any:
        """A handle to anything that is no plain data."""
        if number := number_at(value, self):
            return ["Y", number]
        if isinstance(value, (Iterator, range, type({}.keys()), type({}.values()))):
            raise TypeError(f"a {type(value).__name__} is no plain data; return a list")
        return self.export(value)

    def made_other(self, body: list[Any], blobs: list[Blob]) -> Any:
        """Modules and generators come from the checker only."""
        if body[0] in ("G", "P"):
            return copying.unpacked(body, blobs)
        return super().made_other(body, blobs)


def main(channel: socket.socket) -> None:
    """Answer until the checker is gone."""
    worker = Worker(channel)
    for name in [name for name in sys.modules if name.split(".")[0] == "medda_lib"]:
        del sys.modules[name]  # what is imported stays usable here, but `import medda_lib` fails
    try:
        while True:
            worker.serve(*worker.receive())
    except (Lost, WireError, OSError):
        os._exit(0)
