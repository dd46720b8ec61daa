"""Work on many files at once: by a few threads, in order, with a progress bar where it takes long."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
R = TypeVar("R")

PATIENCE = 1.0  # seconds: a bar is shown for many items, unless all are done within these


def in_parallel(
    work: Callable[[T], R],
    items: Iterable[T],
    what: str,
    *,
    unit: str,
    threads: int,
    many: int,
    progress: bool = True,
) -> Iterator[R]:
    """`work` over `items` in order, by at most `threads` threads. Stops at the first error.

    Shows a progress bar for more than `many` items: plain and rarely refreshed without a terminal.
    """
    todo = list(items)
    terminal = sys.stderr.isatty()
    with ThreadPoolExecutor(min(threads, os.cpu_count() or 1)) as pool:
        try:
            yield from tqdm(
                pool.map(work, todo),
                total=len(todo),
                desc=what,
                unit=unit,
                disable=not progress or len(todo) <= many,
                ascii=not terminal,
                mininterval=0.2 if terminal else 10.0,
                leave=terminal,
                delay=PATIENCE,
            )
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # a bad file: do not read the rest
            raise
