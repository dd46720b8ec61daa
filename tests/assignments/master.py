"""What the tests of every assignment do with its master: run cells, exchange words, fill in answers."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jupytext

from medda_lib.assignments import cells
from medda_lib.assignments.course import MASTERS

Swap = tuple[tuple[str, str], ...]


class Master:
    """The master of one paper: its text, cells by name, exercises, points and solutions."""

    def __init__(self, paper: str) -> None:
        self.paper = paper
        self.path = MASTERS / f"{paper}.py"
        content = jupytext.read(self.path)
        self.introduction = str(content.cells[0].source)
        self.text = "\n".join(cell.source for cell in content.cells)
        self.cells = cells.named(content)
        checks = [name for name in self.cells if name.endswith("-checks")]
        self.exercises = [name.removesuffix("-checks") for name in checks]
        self.points = {
            e: float(self.cells[f"{e}-checks"].metadata["nbgrader"]["points"])
            for e in self.exercises
        }
        self.solutions = {e: str(self.cells[f"{e}-answer"].source) for e in self.exercises}

    def mutated(self, exercise: str, swaps: Swap) -> str:
        """The master's answer with the words of one mistake."""
        source = self.solutions[exercise]
        for right, wrong in swaps:
            assert right in source, f"the solution of {exercise} no longer has {right!r}"
            source = source.replace(right, wrong)
        return source

    def run_checks(self, exercise: str, answer: str) -> None:
        """Execute set-up, an answer and the checks of its exercise, hidden ones included."""
        run(self.cells["setup"].source, answer, self.cells[f"{exercise}-checks"].source)

    def solved(self) -> dict[str, Any]:
        """What set-up and all solutions leave behind: the functions of the exercises by name."""
        return run(self.cells["setup"].source, *self.solutions.values())

    def regions(self, marker: str) -> set[str]:
        """Lines between BEGIN and END of a marker, without the shortest ones."""
        pattern = rf"### BEGIN {marker}\n(.*?)### END {marker}"
        found = re.findall(pattern, self.path.read_text(), flags=re.DOTALL)
        assert found, f"the master has no {marker}"
        return {
            line.strip()
            for region in found
            for line in region.splitlines()
            if len(line.strip()) > 24
        }


def run(*sources: str) -> dict[str, Any]:
    """Execute cells one after the other; what they leave behind."""
    namespace: dict[str, Any] = {}
    with warnings.catch_warnings():
        for source in sources:
            exec(source, namespace)
    return namespace


def notebook(released: Path, answers: Mapping[str, str]) -> Any:
    """The released notebook with answers filled in."""
    copy = cells.read(released)
    for name, cell in cells.named(copy).items():
        if name.endswith("-answer") and name.removesuffix("-answer") in answers:
            cell.source = answers[name.removesuffix("-answer")]
    return copy
