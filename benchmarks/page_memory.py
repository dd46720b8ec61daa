"""How much memory each page takes at `smoke`: does it run on a small hosted machine?

Each page is executed as `medda freeze` would do it, one after the other, while a thread adds up the
resident memory of the kernel and of all processes that it starts, twenty times a second. Shared pages
count once per process, so the sum is an upper bound; a peak between two samples is caught by the
system's own record of the largest single process. A hosted JupyterLab has 2 GB and needs some of them,
hence the budget.

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

import psutil

from medda_lib import _paths
from medda_lib.notebooks import smoke

BUDGET = 1.7e9  # bytes: 2 GB less what JupyterLab's own server takes
EVERY = 0.05  # seconds


def descendants(children: Iterable[psutil.Process]) -> Iterator[psutil.Process]:
    """Processes and all that they started, as far as they still run."""
    for child in children:
        try:
            yield from (child, *child.children(recursive=True))
        except psutil.NoSuchProcess:
            continue  # it ended between the two calls


def resident(processes: Iterable[psutil.Process]) -> tuple[int, int]:
    """Bytes that all of these processes hold now; the largest peak of one of them so far."""
    now, largest = 0, 0
    for process in processes:
        try:
            now += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue  # it ended between the two calls
        largest = max(largest, _peak(process.pid))
    return now, largest


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

    def wait(self, samples: int) -> None:
        """Return once it has looked so many times more, or has ended."""
        enough = self.samples + samples
        while self.samples < enough and self._thread.is_alive():
            time.sleep(EVERY)

    def _watch(self) -> None:
        here = psutil.Process()
        while not self._ends.wait(EVERY):
            started = set(here.children()) - self._others
            self.peak = max(self.peak, *resident(descendants(started)))
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
        seconds, verdict = time.perf_counter() - start, "ok" if meter.peak < BUDGET else "TOO MUCH"
        print(
            f"{source.stem:15} {seconds:6.1f} s {meter.peak / 1e6:7.0f} MB  {verdict}", flush=True
        )


if __name__ == "__main__":
    main()
