"""The keeper of one worker: starts it behind walls, watches its memory, and ends all of it.

A keeper is a small process of ours between the nursery and the worker. The checker holds it on a
leash, a socket: when that closes, for whatever reason, the keeper kills everything that the worker
started. Its two words on the leash are how the start went and why it ended.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import tempfile
import time
from pathlib import Path

from medda_lib.assignments import linux, walls, worker
from medda_lib.assignments.limits import Limits

TICK = 0.1  # seconds between two looks at the memory
PAGE = os.sysconf("SC_PAGE_SIZE")


def main(channel: socket.socket, leash: socket.socket, limits: Limits, *, protected: bool) -> None:
    """Start a worker on a channel and keep it until it, or the leash, ends.

    Args:
        channel: the worker's end.
        leash: says first {"missing": [...]}, at last {"ended": "..."}.
        limits: what the worker may use.
        protected: end at once, with nothing run, if a wall cannot be built.
    """
    os.setsid()
    scratch = tempfile.mkdtemp(prefix="medda-scratch-")
    try:
        missing, owner = walls.separate(), walls.owner(os.getpid())
        if missing:
            _adopt()
        listen, tell = os.pipe()
        if not (pid := os.fork()):
            _become_worker(channel, tell, missing, limits, scratch, owner, protected=protected)
        channel.close()
        os.close(tell)
        missing = json.loads(_all(listen) or '["the worker died while its walls were built"]')
        leash.sendall(json.dumps({"missing": missing}).encode() + b"\n")
        ended = _watch(pid, leash, limits)
        _sweep()
        leash.sendall(json.dumps({"ended": ended}).encode() + b"\n")
    except OSError:
        _sweep()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _become_worker(
    channel: socket.socket,
    tell: int,
    missing: list[str],
    limits: Limits,
    scratch: str,
    owner: tuple[int, int],
    *,
    protected: bool,
) -> None:
    """In the new process: walls, then the submission; never returns."""
    code = 1
    try:
        os.setsid()
        number = os.dup2(channel.fileno(), 3) if tell != 3 else os.dup2(channel.fileno(), 4)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nowhere, standard)
        _close_all_but({0, 1, 2, number, tell})
        missing = missing + walls.build(limits, Path(scratch), owner)
        os.write(tell, json.dumps(missing).encode())
        os.close(tell)
        if not (missing and protected):
            worker.main(socket.socket(fileno=number))
        code = 0
    except Exception as error:  # noqa: BLE001 - the keeper passes it on
        os.write(tell, json.dumps([f"{type(error).__name__}: {error}"]).encode())
    finally:
        os._exit(code)


def _close_all_but(kept: set[int]) -> None:
    """No file, socket or pipe of ours is left open in the worker."""
    start = 0
    for number in [*sorted(kept), 65536]:
        if start < number:  # closerange(0, 0) would close them all
            os.closerange(start, number)
        start = number + 1


def _all(pipe: int) -> str:
    with os.fdopen(pipe, "rb") as file:
        return file.read().decode()


def _watch(pid: int, leash: socket.socket, limits: Limits) -> str:
    """Wait for the end of the worker, or make it; why it ended."""
    looked, family = 0.0, [pid]
    while True:
        let_go = bool(select.select([leash], [], [], TICK)[0])
        if let_go:
            time.sleep(TICK / 5)  # it may be ending by itself, just now
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return f"signal {-code}" if code < 0 else f"exit {code}"
        if let_go:
            _kill(pid)
            return "leash"
        if time.monotonic() - looked > 1 or _resident([pid]) > limits.memory_mb / 2:
            looked = time.monotonic()
            family = _family(pid, _children())
        if _resident(family) > limits.memory_mb and _share(family) > limits.memory_mb:
            _kill(pid)
            return "memory"


def _kill(pid: int) -> None:
    """The worker ends; in a process namespace that ends everything in it."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _adopt() -> None:
    """Without a process namespace, orphans come to us, so that they can be found."""
    try:
        linux.adopt_orphans()
    except OSError:
        return  # not on this system: what a submission starts in the background may survive it


def _sweep() -> None:
    """Kill what is left of the worker's descendants; in a process namespace there is nothing."""
    for _ in range(1000):
        family = [pid for pid in _family(os.getpid(), _children()) if pid != os.getpid()]
        if not family:
            return
        for pid in family:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            continue


def _children() -> dict[int, list[int]]:
    """Parent -> children, of all processes; empty where there is no /proc."""
    found: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue  # it ended meanwhile
        found.setdefault(parent, []).append(int(path.parent.name))
    return found


def _family(pid: int, children: dict[int, list[int]]) -> list[int]:
    members = [pid]
    for member in members:
        members.extend(children.get(member, []))
    return members


def _resident(family: list[int]) -> float:
    """Megabytes of some processes; what a fork still shares with its parent counts for both."""
    total = 0
    for member in family:
        try:
            resident, shared = Path(f"/proc/{member}/statm").read_text().split()[1:3]
        except (OSError, ValueError):
            continue  # it ended meanwhile
        total += (int(resident) - int(shared)) * PAGE
    return total / 2**20


def _share(family: list[int]) -> float:
    """The same with shared pages divided among their owners; slower to ask for."""
    total = 0.0
    for member in family:
        try:
            text = Path(f"/proc/{member}/smaps_rollup").read_text()
            total += int(text.partition("\nPss:")[2].split()[0]) / 1024
        except (OSError, IndexError):
            total += _resident([member])
    return total
