"""Batches prepared ahead of the step that needs them, where the step runs on a GPU.

Drawing, augmenting and copying take as long as a step in three dimensions; a thread does them for the
next batches while the GPU works, and leaves them in pinned memory, from which copies do not wait. On the
CPU there is nothing to gain, and batches are made when they are asked for.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from typing import Any, TypeVar

import torch
from torch import Tensor

B = TypeVar("B")
DEPTH = 3
BATCH, END, ERROR = "batch", "end", "error"


def ahead(
    batches: Iterator[B], device: torch.device, threaded: bool | None = None
) -> Generator[B, None, None]:
    """The same batches in the same order. Errors in making them are raised where they are asked for.

    threaded: None means on a GPU. Close the generator to end its thread.
    """
    if device.type == "cuda" if threaded is None else threaded:
        return _threaded(batches, pin=device.type == "cuda")
    return _plain(batches)


def _plain(batches: Iterator[B]) -> Generator[B, None, None]:
    yield from batches


def _threaded(batches: Iterator[B], pin: bool) -> Generator[B, None, None]:
    made: queue.Queue[tuple[str, Any]] = queue.Queue(DEPTH)
    over = threading.Event()

    def work() -> None:
        try:
            for batch in batches:
                if not _put(made, (BATCH, pinned(batch) if pin else batch), over):
                    return
            _put(made, (END, None), over)
        except BaseException as error:  # noqa: BLE001 - handed over to whoever asks for the batch
            _put(made, (ERROR, error), over)

    thread = threading.Thread(target=work, name="batches", daemon=True)
    thread.start()
    try:
        while True:
            what, item = made.get()
            if what == ERROR:
                raise item
            if what == END:
                return
            yield item
    finally:
        over.set()
        thread.join()


def _put(made: queue.Queue[tuple[str, Any]], item: tuple[str, Any], over: threading.Event) -> bool:
    """Hand an item over; False when nobody wants it any more."""
    while not over.is_set():
        try:
            made.put(item, timeout=0.1)
        except queue.Full:
            continue
        return True
    return False


def pinned(batch: Any) -> Any:
    """The batch with its tensors in pinned memory; tuples, named tuples, lists and dictionaries kept."""
    if isinstance(batch, Tensor):
        return batch.pin_memory()
    if isinstance(batch, dict):
        return {name: pinned(item) for name, item in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(pinned(item) for item in batch))
    if isinstance(batch, list | tuple):
        return type(batch)(pinned(item) for item in batch)
    return batch
