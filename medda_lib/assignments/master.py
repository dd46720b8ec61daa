"""What grading needs to know of a master: exercises, points and the two parts of the checks."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext

from medda_lib.assignments import cells
from medda_lib.assignments.cells import ANSWER, CHECKS, AssignmentError

_HIDDEN = re.compile(
    r"^### BEGIN HIDDEN TESTS[^\n]*\n(.*?)^### END HIDDEN TESTS[^\n]*$", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True)
class Exercise:
    """One pair of answer and checks."""

    name: str
    points: float
    visible: str  # source of the checks that students have
    hidden: str  # source of the others


@dataclass(frozen=True)
class Master:
    """One assignment, read from `<masters>/<paper>.py`."""

    paper: str
    title: str
    setup: str  # source of the locked cells that are no checks
    exercises: Mapping[str, Exercise]
    by_hand: Mapping[str, float]  # exercises answered in words -> points
    names: tuple[str, ...]  # what the answer cells define
    cell_names: tuple[str, ...]

    @property
    def imports(self) -> tuple[str, ...]:
        """Modules that the set-up cell imports."""
        found: list[str] = []
        for node in ast.walk(ast.parse(self.setup)):
            if isinstance(node, ast.Import):
                found += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.append(node.module)
        return tuple(dict.fromkeys(found))


def available(masters: Path) -> tuple[str, ...]:
    """Papers that have an assignment, as `<paper>.py` or, in a course, as `<paper>/<paper>.ipynb`."""
    folders = (p.parent.name for p in masters.glob("*/*.ipynb") if p.stem == p.parent.name)
    return tuple(sorted({*(path.stem for path in masters.glob("*.py")), *folders}))


def path_of(paper: str, masters: Path) -> Path:
    """The master's file.

    Raises:
        AssignmentError: there is none for this paper.
    """
    if re.fullmatch(r"[\w-]+", paper):
        for path in (masters / f"{paper}.py", masters / paper / f"{paper}.ipynb"):
            if path.is_file():
                return path
    known = ", ".join(available(masters)) or f"none ({masters} holds no master notebook)"
    raise AssignmentError(f"no assignment for {paper!r}; there is one for: {known}")


def read(paper: str, masters: Path) -> Master:
    """The master of a paper.

    Raises:
        AssignmentError: there is none, or a hidden part is not closed.
    """
    path = path_of(paper, masters)
    content = jupytext.read(path)
    named = cells.named(content)
    setup, names, exercises, by_hand = [], [], {}, {}
    for name, cell in named.items():
        meta = cell.metadata["nbgrader"]
        if name.endswith(CHECKS):
            exercise = name.removesuffix(CHECKS)
            hidden = "\n".join(_HIDDEN.findall(cell.source))
            visible = _HIDDEN.sub("", cell.source)
            if "HIDDEN TESTS" in visible:
                raise AssignmentError(f"{path}: {name} has a hidden part without begin or end")
            exercises[exercise] = Exercise(exercise, float(meta["points"]), visible, hidden)
        elif name.endswith(ANSWER) and meta.get("grade"):
            by_hand[name.removesuffix(ANSWER)] = float(meta["points"])
        elif name.endswith(ANSWER):
            names += _defined(cell.source)
        elif cell.cell_type == "code":
            setup.append(cell.source)
    return Master(
        paper,
        _title(content, paper),
        "\n\n".join(setup),
        exercises,
        by_hand,
        tuple(dict.fromkeys(names)),
        tuple(named),
    )


def _defined(source: str) -> list[str]:
    """Names of the functions, classes and values that a cell defines at its top level."""
    found = []
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.append(node.name)
        elif isinstance(node, ast.Assign):
            found += [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.append(node.target.id)
    return found


def _title(content: Any, paper: str) -> str:
    first = str(content.cells[0].source) if content.cells else ""
    match = re.match(r"# (.+)", first)
    return match[1].strip() if match else paper
