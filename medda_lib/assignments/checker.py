"""Runs the master's checks on a submission that lives in another process; finds which ones pass.

First the visible parts of all check cells, then the hidden ones (`remote` says why checks are
written as they are). A message of a visible check is kept as it stands. Nothing that the
submission says after it has seen a hidden input is kept, since it could hold that input: of a
failing hidden check only the topic is, which the master names.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import sys
import time
import traceback
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from medda_lib.assignments import linux, wire
from medda_lib.assignments.exceptions import Lost, TimeUp
from medda_lib.assignments.limits import Limits
from medda_lib.assignments.remote import Peer

Outcome = dict[str, str]  # "stage": passed, visible or hidden (where it failed); "said": why
BLANK = "not answered yet"
CHANGED = "it changes an argument that it was given, where it should not; work on a copy"
MEMORY_BYTES = 4 << 30  # of the checker: a huge but allowed result must not exhaust the machine


class Session:
    """A worker that has run the submission's cells; a new one when it was lost."""

    def __init__(self, nursery: socket.socket, job: dict[str, Any]) -> None:
        """`job`: limits, protected, steps (cells to run and exercises to bind), names."""
        self._nursery, self._job = nursery, job
        self.limits = Limits(**job["limits"])
        self._ends = time.monotonic() + self.limits.submission_seconds
        self._peer: Peer | None = None
        self._leash: socket.socket | None = None
        self._skipped: set[int] = set()
        self.bound: dict[str, dict[str, Any]] = {}
        self.notes: dict[int, str] = {}  # step -> why it did not finish

    def ready(self) -> None:
        """Have a worker that has run all cells which do not kill it; TimeUp if there is no time."""
        while self._peer is None:
            if time.monotonic() >= self._ends:
                raise TimeUp
            peer = self._peer = self._start()
            for number, step in enumerate(self._job["steps"]):
                if number in self._skipped:
                    continue
                try:
                    self._step(peer, number, step)
                except Lost as error:
                    self._skipped.add(number)
                    self.notes[number] = self.end(error)
                    break

    def _start(self) -> Peer:
        channel, theirs = socket.socketpair()
        self._leash, other = socket.socketpair()
        order = {
            "role": "worker",
            "limits": self._job["limits"],
            "protected": self._job["protected"],
        }
        numbers = [theirs.fileno(), other.fileno()]
        socket.send_fds(self._nursery, [json.dumps(order).encode()], numbers)
        theirs.close()
        other.close()
        missing = _word(self._leash).get("missing", ["its keeper died"])
        if missing and self._job["protected"]:
            raise RuntimeError("a worker without walls: " + "; ".join(missing))
        return Peer(channel)

    def _step(self, peer: Peer, number: int, step: list[str]) -> None:
        """Run a cell, or look up what an exercise's answer has defined by now."""
        kind, what = step
        with self.limit():
            try:
                if kind == "cell":
                    peer.ask({"op": "run", "source": what}, [])
                else:
                    request = {"op": "names"}
                    self.bound[what] = peer.call(request, (self._job["names"],), {})
            except Exception as error:  # noqa: BLE001 - the student's, whatever it is
                if kind == "bind":
                    self.bound[what] = {}
                self.notes.setdefault(number, f"{type(error).__name__}: {error}")

    def check_alive(self) -> None:
        """Raise Lost if the worker does not answer as agreed, though the check did not mind."""
        if self._peer is not None and self._peer.call({"op": "names"}, ([],), {}) != {}:
            raise Lost("answers that nobody asked for")

    @contextmanager
    def changes(self, *, shows: bool) -> Iterator[Callable[[], bool]]:
        """Let what calls do to their arguments show in the block; gives whether there was any."""
        peer = self._peer
        if peer is not None:
            peer.shows, peer.changed = shows, False
        yield lambda: peer is not None and peer.changed

    @contextmanager
    def limit(self) -> Iterator[None]:
        """Raise TimeUp in the block when a cell's, or the submission's, time is over."""
        seconds = min(self.limits.cell_seconds, max(self._ends - time.monotonic(), 0.001))
        signal.setitimer(signal.ITIMER_REAL, seconds, 1)  # again, should the first one be swallowed
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def end(self, error: BaseException) -> str:
        """Kill the worker; what happened, in words for the student."""
        ended = ""
        if self._peer is not None and self._leash is not None:
            self._leash.shutdown(socket.SHUT_WR)
            self._leash.settimeout(10)
            ended = str(_word(self._leash).get("ended", ""))
            self._leash.close()
            self._peer.channel.close()
        self._peer = self._leash = None
        if isinstance(error, TimeUp):
            if time.monotonic() >= self._ends:
                return f"the {self.limits.submission_seconds:g} s for a submission are used up"
            return f"it took longer than {self.limits.cell_seconds:g} s: does a loop never end?"
        if ended == "memory":
            return f"it used more than {self.limits.memory_mb} MB of memory"
        if ended.startswith(("exit", "signal")):
            return f"Python ended while it ran ({ended}): it exits, or was killed"
        return "its process stopped answering as agreed"


class Checks:
    """The checks of all exercises on one session."""

    def __init__(self, session: Session, job: dict[str, Any]) -> None:
        """`job`: setup, and for each of the exercises the visible and hidden source."""
        self._session, self._job = session, job
        self._spaces: dict[str, dict[str, Any]] = {}
        self._known: dict[str, dict[str, Any]] = {}
        self._changed: set[str] = set()  # exercises whose functions change their arguments

    def run(self) -> dict[str, Outcome]:
        """Exercise -> outcome."""
        exercises = self._job["exercises"]
        found = {name: self._attempt(name, "visible") for name in exercises}
        for name in exercises:
            if found[name]["stage"] == "passed":
                found[name] = self._attempt(name, "hidden")
            if found[name]["stage"] == "passed" and name in self._changed:
                found[name] = self._again(name)
        return found

    def _again(self, exercise: str) -> Outcome:
        """The checks of an exercise that passed, now on arguments that show what calls did to them."""
        self._spaces.pop(exercise)
        self._known.pop(exercise)
        for stage in ("visible", "hidden"):
            if self._attempt(exercise, stage, shows=True)["stage"] != "passed":
                return {"stage": "visible", "said": CHANGED}
        return {"stage": "passed", "said": ""}

    def _attempt(self, exercise: str, stage: str, *, shows: bool = False) -> Outcome:
        """Run one part of a check cell; whatever it raises is a failure."""
        source = self._job["exercises"][exercise][stage]
        try:
            self._session.ready()
        except TimeUp as error:
            return {"stage": stage, "said": self._session.end(error)}
        raised = Lost.raised
        try:
            space = self._space(exercise)
            with self._session.limit(), self._session.changes(shows=shows) as changed:
                _execute(source, stage, space)
                self._session.check_alive()
            if changed():
                self._changed.add(exercise)
            if Lost.raised != raised:  # a check with a bare `except:` may have swallowed it
                raise Lost("lost within a check")
        except Lost as error:
            return {"stage": stage, "said": self._session.end(error)}
        except BaseException as error:  # noqa: BLE001 - a check fails by whatever it raises
            said = _said(error) if stage == "visible" else _topic(error, source)
            self._settle()
            return {"stage": stage, "said": said}
        return {"stage": "passed", "said": ""}

    def _settle(self) -> None:
        """Go on with another worker if the present one has messed up its channel."""
        try:
            with self._session.limit():
                self._session.check_alive()
        except Exception as error:  # noqa: BLE001 - a forged one
            self._session.end(Lost(str(error)))
        except Lost as error:
            self._session.end(error)

    def _space(self, exercise: str) -> dict[str, Any]:
        """The exercise's names: set-up, stand-ins of the present worker, what its checks defined."""
        session = self._session
        if exercise not in self._spaces:
            module = types.ModuleType("__main__")
            self._spaces[exercise] = module.__dict__
            _execute(self._job["setup"], "setup", module.__dict__)
        space, old = self._spaces[exercise], self._known.get(exercise, {})
        new = session.bound.get(exercise, {})
        for name, value in new.items():
            if name not in old or space.get(name) is old[name]:
                space[name] = value
        self._known[exercise] = new
        return space


def _execute(source: str, name: str, space: dict[str, Any]) -> None:
    """Run source of the master's; `name` stands in tracebacks."""
    exec(compile(source, f"<{name}>", "exec", dont_inherit=True), space)  # noqa: S102


def _said(error: BaseException) -> str:
    """The message of a visible check."""
    text = " ".join(str(error).split())
    if isinstance(error, NotImplementedError):
        return BLANK
    if isinstance(error, AssertionError):
        return text or "a check without a message failed"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _topic(error: BaseException, source: str) -> str:
    """The words of the last `# topic:` above the line of a hidden check that failed."""
    lines, frames = source.splitlines(), []
    trace = error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == "<hidden>":
            frames.append((trace.tb_frame.f_code.co_firstlineno, trace.tb_lineno))
        trace = trace.tb_next
    for first, last in reversed(frames):
        for line in reversed(lines[first - 1 : last]):
            if line.strip().startswith("# topic:"):
                return line.partition("# topic:")[2].strip()
    return ""


def _word(leash: socket.socket) -> dict[str, Any]:
    """The keeper's next line; empty if there is none."""
    line = b""
    try:
        while not line.endswith(b"\n"):
            part = leash.recv(1)
            if not part:
                return {}
            line += part
    except OSError:
        return {}
    found: dict[str, Any] = json.loads(line)
    return found


def main(job: socket.socket, nursery: socket.socket) -> None:
    """Grade the one submission that comes through a socket, and send the outcomes back."""

    def stop(*_: object) -> None:
        raise TimeUp

    if sys.platform == "linux":
        linux.die_with_parent()
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    signal.signal(signal.SIGALRM, stop)
    warnings.simplefilter("ignore")
    wire.send(job, {"pid": os.getpid()}, [])
    task, _ = wire.receive(job)
    try:
        session = Session(nursery, task)
        outcomes = Checks(session, task).run()
        session.end(Lost())
        notes = {str(number): note for number, note in session.notes.items()}
        wire.send(job, {"outcomes": outcomes, "notes": notes}, [])
    except Exception:  # noqa: BLE001 - whoever started the grading gets to know
        wire.send(job, {"crash": traceback.format_exc()}, [])
