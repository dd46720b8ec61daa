"""What this machine offers to the book, for `medda doctor`."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from medda_lib import _paths
from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.entry import data_root
from medda_lib.datasets.folder import UnreadableError
from medda_lib.datasets.registry import DATASETS, find

LIBRARIES = (
    "torch",
    "monai",
    "nibabel",
    "numpy",
    "scipy",
    "scikit-learn",
    "scikit-image",
    "matplotlib",
)
BOOK_TOOLS = ("jupyter-book", "jupytext", "papermill", "nbgrader", "nbval")


@dataclass(frozen=True)
class Finding:
    """One line of the report. `needed`: without it the book does not run."""

    what: str
    ok: bool
    remark: str
    needed: bool


def findings() -> Iterator[Finding]:
    """Python, libraries, processor, GPU, data and run store, in this order."""
    version = platform.python_version()
    yield Finding("Python", sys.version_info >= (3, 11), f"{version}, 3.11 or newer", needed=True)
    for name in (*LIBRARIES, *BOOK_TOOLS):
        yield _library(name, needed=name in LIBRARIES)
    threads = f"{os.cpu_count()} cores, torch uses {torch.get_num_threads()} threads"
    yield Finding("processor", ok=True, remark=threads, needed=False)
    yield _gpu()
    root = data_root()
    where = str(root) if root else "MEDDA_DATA is not set; phantoms work without it"
    yield Finding("real data", root is not None, where, needed=False)
    for name in DATASETS if root else ():
        yield _data(name)
    yield _store()


def _library(name: str, *, needed: bool) -> Finding:
    try:
        return Finding(name, ok=True, remark=importlib.metadata.version(name), needed=needed)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, ok=False, remark=f"pip install {name}", needed=needed)


def _gpu() -> Finding:
    if not torch.cuda.is_available():
        return Finding("GPU", ok=False, remark="none; smoke and demo do not need one", needed=False)
    card = torch.cuda.get_device_properties(0)
    remark = f"{torch.cuda.device_count()} x {card.name}, {card.total_memory >> 30} GiB"
    return Finding("GPU", ok=True, remark=remark, needed=False)


def _data(name: str) -> Finding:
    try:
        return Finding(name, ok=True, remark=str(find(name)), needed=False)
    except UnreadableError as error:
        return Finding(name, ok=False, remark=str(error), needed=False)
    except DatasetError:
        return Finding(name, ok=False, remark=f"`medda data card {name}`", needed=False)


def _store() -> Finding:
    store = _paths.run_store()
    existing = next(p for p in (store, *store.parents) if p.exists())
    free = shutil.disk_usage(existing).free >> 30
    writable = os.access(existing, os.W_OK)
    return Finding("run store", writable, f"{store}, {free} GiB free", needed=True)
