"""What a student can know before handing in: the visible checks of a notebook, run afresh.

The notebook is executed from top to bottom in a new kernel, as grading will do it, so an answer
that only worked because of the order in which cells were run shows here. Each exercise gets one
line: passed, not answered yet, the message of the first check that complained, or not judged, where
the checks are edited or gone. An answer in words, which a lecturer reads, is only looked at for
being there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbclient.exceptions import DeadKernelError
from nbconvert.filters import strip_ansi
from nbgrader import utils
from nbgrader.nbgraderformat import ValidationError as FormatError
from nbgrader.validator import Validator

from medda_lib.assignments import cells
from medda_lib.assignments.cells import AssignmentError

NOT_JUDGED = "not judged: its check cell was edited (copy it back from the released notebook)"
GONE = "not judged: its check cell was deleted (copy it back from the released notebook)"
_NO_CHECK = ("", cells.BLANK, cells.KERNEL_DIED, NOT_JUDGED, GONE)  # what no check has said


@dataclass(frozen=True)
class Validation:
    """What the self-checks of one notebook said."""

    notebook: Path
    complaints: Mapping[str, str]  # exercise -> message, empty if its checks passed
    edited: tuple[str, ...]  # locked cells that are not as released; grading puts them back
    numbers: Mapping[str, int] = field(default_factory=dict)  # exercise -> place in the notebook

    @property
    def ok(self) -> bool:
        """Every visible check passes and no locked cell was edited."""
        return not self.edited and not any(self.complaints.values())

    def text(self) -> str:
        """One line an exercise, for a terminal."""
        lines = [
            f"{cells.called(name, self.numbers)}: {_shown(message)}"
            for name, message in self.complaints.items()
        ]
        lines += [
            f"{name}: this locked cell was edited. It costs no points, since grading uses the"
            " original; copying it back from the released notebook shows what the real checks say"
            for name in self.edited
        ]
        verdict = "all self-checks pass" if self.ok else "not ready to hand in"
        return "\n".join([*lines, f"{self.notebook.name}: {verdict}"])


def _shown(message: str) -> str:
    return (message or "passed") if message in _NO_CHECK else f"{cells.FIRST}: {message}"


def validate(notebook: Path) -> Validation:
    """Run a notebook in a fresh kernel and collect what its visible checks say.

    Raises:
        FileNotFoundError: there is no such file.
        AssignmentError: the file is no notebook, or none that was released as an assignment.
    """
    path = notebook.resolve()
    if path.is_dir() or (path.is_file() and path.suffix != ".ipynb"):
        raise AssignmentError(f"{path} is no notebook: give the .ipynb file that you work in")
    content = cells.read(path)
    named = cells.named(content)
    graded = [name for name, cell in named.items() if utils.is_grade(cell)]
    if not graded:
        raise AssignmentError(
            f"{path} has no graded cell: validate the notebook that `medda assignment release`"
            " wrote (some editors drop the cell metadata when they save)"
        )
    names = [cells.grade_id(cell) for cell in content.cells]
    if copied := [name for name in named if names.count(name) > 1]:
        raise AssignmentError(
            f"{path} has copies of the cells {', '.join(copied)}: delete all but one of each"
        )
    edited = tuple(name for name, cell in named.items() if _is_edited(cell))
    errors = _failures(path)
    complaints = {
        cells.exercise(name): _complaint(errors.get(named[name].source.strip(), errors.get("", "")))
        for name in graded
        if not utils.is_solution(named[name])
    }
    blank = [n for n in graded if utils.is_solution(named[n]) and not _is_changed(named[n])]
    complaints |= {cells.exercise(name): cells.BLANK for name in blank}
    complaints |= {cells.exercise(name): NOT_JUDGED for name in edited if name in graded}
    complaints |= dict.fromkeys(_without_check(named), GONE)
    return Validation(path, complaints, edited, cells.numbers(named))


def _without_check(named: Mapping[str, Any]) -> list[str]:
    """Exercises whose check cell is gone; an answer that is graded itself never had one."""
    answers = (
        n for n, cell in named.items() if n.endswith(cells.ANSWER) and not utils.is_grade(cell)
    )
    return [e for e in map(cells.exercise, answers) if f"{e}{cells.CHECKS}" not in named]


def _is_edited(cell: Any) -> bool:
    """Whether a locked cell differs from the released one."""
    return bool(utils.is_locked(cell) and _is_changed(cell))


def _is_changed(cell: Any) -> bool:
    """Whether a cell is no longer as it was released."""
    checksum = cell.metadata["nbgrader"].get("checksum", "")
    return bool(checksum != utils.compute_checksum(cell))


def _failures(path: Path) -> dict[str, str]:
    """Source of a failing cell -> its traceback; the empty source stands for every cell."""
    config = cells.execution()
    # Left to itself nbgrader stops at an edited cell; one look should tell everything.
    config.Validator.ignore_checksums = True
    try:
        with cells.heard():
            result = Validator(config=config, log=cells.NBGRADER_LOG).validate(str(path))
    except DeadKernelError:
        return {"": cells.KERNEL_DIED}
    except FormatError as error:
        raise AssignmentError(f"{path} has damaged cell metadata: {error}") from error
    return {entry["source"]: entry["raw_error"] for entry in result.get("failed", [])}


def _complaint(traceback: str) -> str:
    """The message at the end of a traceback, without colours and the word AssertionError."""
    lines: list[str] = strip_ansi(traceback).strip().splitlines()  # type: ignore[no-untyped-call]
    if not lines:
        return ""
    # A message may run over several lines; it starts at the last line that names an exception.
    starts = [
        i for i, line in enumerate(lines) if re.match(r"[A-Z]\w*(Error|Exception|Exit)\b", line)
    ]
    message = " ".join(lines[starts[-1] :] if starts else lines[-1:])
    if message.startswith("NotImplementedError"):
        return cells.BLANK
    return message.removeprefix("AssertionError: ")
