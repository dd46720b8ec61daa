"""What the tests of every assignment do with its master: run cells, exchange words, fill in answers."""

from __future__ import annotations

import re
import signal
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import CodeType
from typing import Any

import jupytext

from medda_lib.assignments import cells, frame
from medda_lib.assignments.course import MASTERS

Swap = tuple[str, ...]  # words of the solution, words in their place, and so on


class Master:
    """The master of one paper: its text, cells by name, exercises, points and solutions."""

    def __init__(self, paper: str) -> None:
        self.paper = paper
        self.path = MASTERS / f"{paper}.py"
        content = jupytext.read(self.path)
        self.sheet = frame.of(content)
        self.text = "\n".join(cell.source for cell in content.cells)
        self.cells = cells.named(content)
        checks = [name for name in self.cells if name.endswith("-checks")]
        self.exercises = [name.removesuffix("-checks") for name in checks]
        self.points = {e.name: e.points for e in self.sheet.exercises if not e.by_hand}
        self.solutions = {e: str(self.cells[f"{e}-answer"].source) for e in self.exercises}
        self._checks: dict[str, CodeType] = {}

    @cached_property
    def _setup(self) -> dict[str, Any]:
        """What the set-up cell leaves behind; the checks overwrite none of it but in a copy."""
        return run(self.cells["setup"].source)

    def mutated(self, exercise: str, swaps: Swap) -> str:
        """The master's answer with the words of one mistake."""
        source = self.solutions[exercise]
        for right, wrong in zip(swaps[::2], swaps[1::2], strict=True):
            assert right in source, f"the solution of {exercise} no longer has {right!r}"
            source = source.replace(right, wrong)
        return source

    def run_checks(self, exercise: str, answer: str) -> None:
        """Execute set-up, an answer and the checks of its exercise, hidden ones included."""
        if exercise not in self._checks:
            source = self.cells[f"{exercise}-checks"].source
            self._checks[exercise] = compile(source, f"<{exercise}>", "exec")
        run(answer, self._checks[exercise], names=dict(self._setup))

    def fails(self, exercise: str, answer: str) -> bool:
        """Whether an answer earns nothing: a check complains, or it takes as long as grading allows."""
        try:
            with limited(cells.CELL_SECONDS):
                self.run_checks(exercise, answer)
        except Exception:  # noqa: BLE001 - in grading, too, an answer fails by whatever it raises
            return True
        return False

    def solved(self) -> dict[str, Any]:
        """What set-up and all solutions leave behind: the functions of the exercises by name."""
        return run(*self.solutions.values(), names=dict(self._setup))

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


def run(*sources: str | CodeType, names: dict[str, Any] | None = None) -> dict[str, Any]:
    """Execute cells one after the other; what they leave behind."""
    namespace: dict[str, Any] = {} if names is None else names
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for source in sources:
            exec(source, namespace)
    return namespace


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """A TimeoutError after so many seconds, which no loop outlives."""

    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def notebook(released: Path, answers: Mapping[str, str]) -> Any:
    """The released notebook with answers filled in."""
    copy = cells.read(released)
    for name, cell in cells.named(copy).items():
        if name.endswith("-answer") and name.removesuffix("-answer") in answers:
            cell.source = answers[name.removesuffix("-answer")]
    return copy
