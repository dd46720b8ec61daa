"""Where submissions are run and judged: the processes, and how they are started and ended.

Four kinds of process take part. The caller reads files and writes marks. The `nursery` forks the
others. A `checker` runs the master's checks on one submission. A `worker`, behind `walls` and under a
`keeper`, runs that submission. There is a worker for each submission and not for each
exercise, because all cells of a notebook belong together; when one cell or call hangs or ends
Python, a new worker runs the other cells, so it costs its exercise only.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from medda_lib.assignments.limits import Limits

START_SECONDS = 120.0  # importing torch from a cold disk takes its time
GRACE_SECONDS = 30.0
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "SYSTEMROOT")


class SandboxError(RuntimeError):
    """Submissions cannot be run safely here, or not at all; says why and what to do."""


class Sandbox:
    """A running nursery; grades submissions, several at once if asked from several threads."""

    def __init__(self, limits: Limits, orders: socket.socket, *, protected: bool) -> None:
        """Use `sandbox()`."""
        self.limits, self.protected, self._orders = limits, protected, orders

    def judge(self, job: dict[str, Any]) -> dict[str, Any]:
        """Outcomes and notes of one submission.

        Args:
            job: setup, steps, names and exercises, as `checker` wants them.

        Raises:
            SandboxError: the walls could not be built, or the checker failed for a reason of its own.
        """
        from medda_lib.assignments import wire

        mine, theirs = socket.socketpair()
        with mine, theirs:
            self._order("checker", theirs, self._orders, protected=self.protected)
            theirs.close()
            mine.settimeout(
                self.limits.submission_seconds + self.limits.cell_seconds + GRACE_SECONDS
            )
            pid = 0
            try:
                pid = int(wire.receive(mine)[0]["pid"])
                task = job | {"limits": asdict(self.limits), "protected": self.protected}
                wire.send(mine, task, [])
                reply = wire.receive(mine)[0]
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                return {"outcomes": {}, "notes": {}, "stopped": "a check never ended"}
            except (EOFError, OSError) as error:
                return {"outcomes": {}, "notes": {}, "stopped": f"the checker died ({error})"}
        if "crash" in reply:
            raise SandboxError(f"grading failed:\n{reply['crash']}")
        return reply

    def _order(self, role: str, *sockets: socket.socket, protected: bool) -> None:
        order = {"role": role, "limits": asdict(self.limits), "protected": protected}
        numbers = [s.fileno() for s in sockets]
        socket.send_fds(self._orders, [json.dumps(order).encode()], numbers)

    @contextmanager
    def worker(self) -> Iterator[tuple[socket.socket, list[str]]]:
        """The channel to a bare worker, and the walls that it lacks; for `protection`."""
        channel, theirs = socket.socketpair()
        leash, other = socket.socketpair()
        with channel, theirs, leash, other:
            self._order("worker", theirs, other, protected=False)
            theirs.close()
            other.close()
            leash.settimeout(START_SECONDS)
            with leash.makefile("rb") as words:
                yield (
                    channel,
                    json.loads(words.readline() or b'{"missing": ["it died"]}')["missing"],
                )


@contextmanager
def sandbox(
    limits: Limits | None = None, *, protected: bool = True, imports: Sequence[str] = ()
) -> Iterator[Sandbox]:
    """Start a nursery for the block.

    Args:
        limits: what a submission may use.
        protected: refuse to run a submission where a wall is missing.
        imports: modules that set-up cells import; imported once for all.

    Raises:
        SandboxError: the platform has no fork, or the nursery did not start.
    """
    if not hasattr(os, "fork"):
        raise SandboxError(
            "grading needs Linux or macOS: on Windows, use WSL 2 or a Linux container"
        )
    mine, theirs = socket.socketpair(
        socket.AF_UNIX, socket.SOCK_SEQPACKET if _LINUX else socket.SOCK_DGRAM
    )
    environment = {k: os.environ[k] for k in _ENVIRONMENT if k in os.environ}
    environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    environment |= {"MKL_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [
        sys.executable,
        "-m",
        "medda_lib.assignments.nursery",
        str(theirs.fileno()),
        *imports,
    ]
    with tempfile.TemporaryFile() as errors, mine:
        process = subprocess.Popen(
            command,
            env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        theirs.close()
        try:
            mine.settimeout(START_SECONDS)
            if _greeting(mine) != b"ready":
                errors.seek(0)
                raise SandboxError(f"grading could not start:\n{errors.read().decode()}")
            mine.settimeout(None)
            yield Sandbox(limits or Limits(), mine, protected=protected)
        finally:
            mine.close()
            process.terminate()
            process.wait()


_LINUX = sys.platform == "linux"


def _greeting(orders: socket.socket) -> bytes:
    try:
        return orders.recv(16)
    except OSError:
        return b""
