"""From a notebook that was handed in to the cells that a worker runs."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medda_lib.assignments import cells
from medda_lib.assignments.cells import ANSWER, CHECKS, AssignmentError
from medda_lib.assignments.master import Master

LARGEST = 20 * 2**20  # bytes; pictures in outputs take a few


@dataclass(frozen=True)
class Submission:
    """What is run, and what was noticed while reading."""

    steps: tuple[tuple[str, str], ...]  # ("cell", source) or ("bind", exercise)
    remark: str


def read(path: Path, master: Master) -> Submission:
    """The student's own cells in their order; locked ones are replaced by the master's, checks left out.

    Raises:
        FileNotFoundError: there is no such file.
        AssignmentError: it is no notebook, too large, or not this assignment.
    """
    notebook = load(path)
    try:
        names = [cells.grade_id(cell) for cell in notebook.cells]
        sources = [str(cell.source) for cell in notebook.cells]
        is_code = [cell.cell_type == "code" for cell in notebook.cells]
    except (AttributeError, TypeError, KeyError) as error:
        raise AssignmentError(f"{path} is damaged: a cell is no cell; save it again") from error
    if not set(names) & set(master.cell_names):
        raise AssignmentError(
            f"{path} has none of the assignment's cells: is it the notebook that was released?"
            " (some editors drop the cell metadata when they save)"
        )
    steps = [("cell", master.setup)]
    waiting = list(master.exercises)
    for name, source, code in zip(names, sources, is_code, strict=True):
        exercise = name.removesuffix(CHECKS)
        if name.endswith(CHECKS) and exercise in waiting:
            steps.append(("bind", exercise))
            waiting.remove(exercise)
        elif code and (name.endswith(ANSWER) or name not in master.cell_names):
            steps.append(("cell", plain(source)))
    steps += [("bind", exercise) for exercise in waiting]
    return Submission(tuple(steps), _remark(names, master))


def load(path: Path) -> Any:
    """A notebook of a stranger's.

    Raises:
        FileNotFoundError: there is no such file.
        AssignmentError: it is no notebook, or too large.
    """
    if path.is_file() and path.stat().st_size > LARGEST:
        raise AssignmentError(f"{path} is larger than {LARGEST >> 20} MB; clear its outputs")
    return cells.read(path)


def plain(source: str) -> str:
    """A cell without IPython's magics and shell commands, which only a notebook knows."""
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        without = re.sub(r"^([ \t]*)[%!?].*$", r"\1pass", source, flags=re.MULTILINE)
        return re.sub(r"^[^\n'\"#=]*\?\s*$", "pass", without, flags=re.MULTILINE)
    return source


def _remark(names: list[str], master: Master) -> str:
    wanted = [f"{e}{ANSWER}" for e in master.exercises]
    missing = [name for name in wanted if name not in names]
    copied = sorted({name for name in wanted if names.count(name) > 1})
    remarks = [f"these cells are missing: {', '.join(missing)}"] if missing else []
    remarks += [f"used the last copy of: {', '.join(copied)}"] if copied else []
    return "; ".join(remarks)
