"""Notebooks and their nbgrader cells: reading, writing, names.

An exercise is a pair of cells, `<exercise>-answer` and `<exercise>-checks`. The first is the
student's, the second is locked and worth points. Both carry their name in nbgrader's metadata; the
names are all that release, validation and grading need to agree on.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from nbformat.reader import NotJSONError
from traitlets.config import Config

CHECKS, ANSWER = "-checks", "-answer"
MEND = (
    "open it in Jupyter and save it again; if it does not open, take the last copy that did (Jupyter"
    " keeps one in the folder .ipynb_checkpoints beside it)"
)
BLANK = "not answered yet"
FIRST = "first check that failed"  # the ones after it have not been run
CELL_SECONDS = 60  # a cell that takes longer has failed; an endless loop must not stop a grading
KERNEL_DIED = "the kernel died while the notebook ran; does a cell exit Python or use all memory?"

# nbgrader logs what it finds and raises an error without words; `heard` keeps the words.
NBGRADER_LOG = logging.getLogger("medda.nbgrader")
NBGRADER_LOG.setLevel(logging.ERROR)
NBGRADER_LOG.propagate = False

# What nbformat raises for a file that is no notebook, or is nested without end.
_NO_NOTEBOOK = (
    NotJSONError,
    nbformat.ValidationError,
    AttributeError,
    UnicodeDecodeError,
    RecursionError,
)


class AssignmentError(ValueError):
    """An assignment, notebook or submission that cannot be used; says which one and what to do."""


def read(path: Path) -> Any:
    """A notebook as nbformat's version 4.

    Raises:
        FileNotFoundError: there is no such file.
        AssignmentError: the file is no whole notebook.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no notebook {path}")
    damaged = AssignmentError(f"{path} is not a whole Jupyter notebook: {MEND}")
    try:
        notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except _NO_NOTEBOOK as error:
        raise damaged from error
    if not isinstance(getattr(notebook, "cells", None), list):
        raise damaged
    return notebook


def write(notebook: Any, path: Path) -> None:
    """Write a notebook; makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


def grade_id(cell: Any) -> str:
    """The cell's name in nbgrader's metadata; empty for other cells."""
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def named(notebook: Any) -> dict[str, Any]:
    """The cells that nbgrader looks after, by name and in order."""
    return {grade_id(cell): cell for cell in notebook.cells if grade_id(cell)}


def execution() -> Config:
    """How nbgrader runs a notebook: a time limit, no history file, and a kernel that keeps quiet."""
    config = Config()
    config.Execute.timeout = CELL_SECONDS
    config.Execute.extra_arguments = ["--HistoryManager.hist_file=:memory:", "--log-level=ERROR"]
    return config


@contextmanager
def heard() -> Iterator[list[str]]:
    """The errors that nbgrader logs within the block, in place of printing them."""
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    NBGRADER_LOG.addHandler(handler)
    try:
        yield messages
    finally:
        NBGRADER_LOG.removeHandler(handler)


def exercise(name: str) -> str:
    """The exercise that a named cell belongs to."""
    return name.removesuffix(CHECKS).removesuffix(ANSWER)


def numbers(names: Iterable[str]) -> dict[str, int]:
    """Exercise -> its number in the notebook, from the names of the cells in their order."""
    pairs = (name for name in names if name.endswith((CHECKS, ANSWER)))
    found = dict.fromkeys(exercise(name) for name in pairs)
    return {name: number for number, name in enumerate(found, 1)}


def called(name: str, known: Mapping[str, int]) -> str:
    """An exercise as both the notebook and the table of grades call it: `exercise 2 (outline)`."""
    return f"exercise {known[name]} ({name})" if name in known else name
