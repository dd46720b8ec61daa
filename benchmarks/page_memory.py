"""How much memory and processor time each page takes at `smoke`: does a small hosted machine run it?

Each page is executed as `medda freeze` would do it, one after the other, while a thread adds up the
resident memory of the kernel and of all processes that it starts, twenty times a second. Shared pages
count once per process, so the sum is an upper bound; a peak between two samples is caught by the
system's own record of the largest single process. A hosted JupyterLab has 2 GB and needs some of them,
hence the budget.

Processor time is that of the same processes. Other work on the machine hardly changes it, so this is
what a budget of time is compared with; time by the clock is printed beside it.

    python benchmarks/page_memory.py
    python benchmarks/page_memory.py fda odex
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import psutil

from medda_lib import _paths
from medda_lib.notebooks import smoke

BUDGET = 1.7e9  # bytes: 2 GB less what JupyterLab's own server takes
SECONDS = 25.0  # of processor time
EVERY = 0.05  # seconds


def descendants(children: Iterable[psutil.Process]) -> Iterator[psutil.Process]:
    """Processes and all that they started, as far as they still run."""
    for child in children:
        try:
            yield from (child, *child.children(recursive=True))
        except psutil.NoSuchProcess:
            continue  # it ended between the two calls


class Usage(NamedTuple):
    """What one process holds now, the most that it held so far (bytes), and its processor time."""

    resident: int
    peak: int
    seconds: float


def usage(process: psutil.Process) -> Usage | None:
    """None where the process has ended."""
    try:
        with process.oneshot():
            times = process.cpu_times()
            resident = process.memory_info().rss
    except psutil.NoSuchProcess:
        return None  # it ended between two calls
    return Usage(resident, _peak(process.pid), times.user + times.system)


def _peak(pid: int) -> int:
    """The most that one process held so far, where the system tells (Linux); else 0."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


class Meter:
    """Measures the processes that this one starts within its block, and all that those start.

    What runs already when the block begins (a browser that other tests keep open, say) does not count.

    Attributes: `peak`, in bytes; `samples`, how often it looked.
    """

    def __init__(self) -> None:
        self.peak = 0
        self.samples = 0
        self._seconds: dict[psutil.Process, float] = {}
        self._others: frozenset[psutil.Process] = frozenset()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Meter:
        """Start to measure."""
        self._others = frozenset(psutil.Process().children())
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self._ends.set()
        self._thread.join()

    @property
    def seconds(self) -> float:
        """Processor time of all processes, as each was last seen: its last moments are missing."""
        return sum(self._seconds.values())

    def wait(self, samples: int) -> None:
        """Return once it has looked so many times more, or has ended."""
        enough = self.samples + samples
        while self.samples < enough and self._thread.is_alive():
            time.sleep(EVERY)

    def _watch(self) -> None:
        here = psutil.Process()
        while not self._ends.wait(EVERY):
            started = set(here.children()) - self._others
            found = {process: usage(process) for process in descendants(started)}
            seen = {process: used for process, used in found.items() if used is not None}
            together = sum(used.resident for used in seen.values())
            self.peak = max(self.peak, together, *(used.peak for used in seen.values()))
            self._seconds |= {process: used.seconds for process, used in seen.items()}
            self.samples += 1


def pages(names: list[str]) -> list[Path]:
    """The sources of all pages with code, or of those named ("fda")."""
    found = sorted([*_paths.BOOK.glob("*.py"), *_paths.BOOK.glob("[cf]*s/*.py")])
    return [path for path in found if not names or path.stem in names]


def main() -> None:
    """Reads the options; see the top of the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", help="names of pages; all by default")
    for source in pages(parser.parse_args().pages):
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder, Meter() as meter:
            smoke(source, Path(folder))
        within = meter.peak < BUDGET and meter.seconds < SECONDS
        print(
            f"{source.stem:15} {meter.seconds:6.1f} s of processor time, "
            f"{time.perf_counter() - start:6.1f} s by the clock, {meter.peak / 1e6:7.0f} MB  "
            f"{'ok' if within else 'TOO MUCH'}",
            flush=True,
        )


if __name__ == "__main__":
    main()
