"""From a folder of submissions to a table of points.

nbgrader puts the original checks, visible and hidden, in place of whatever the student left there,
runs each notebook in a kernel of its own and reads off which checks passed. One submission that
cannot be graded (no notebook, another notebook, a dead kernel) gets a remark and no points; it does
not stop the others. Students' code runs with the rights of the caller: use a container if in doubt.
"""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.nbgraderformat import ValidationError as FormatError
from sqlalchemy.exc import SAWarning

from medda_lib.assignments import cells
from medda_lib.assignments.cells import AssignmentError
from medda_lib.assignments.course import MASTERS, Course, course


@dataclass(frozen=True)
class Points:
    """The result of one submission."""

    student: str
    points: Mapping[str, float] | None  # exercise -> points; None: it could not be graded
    remark: str

    @property
    def total(self) -> float | None:
        """Sum over the exercises."""
        return None if self.points is None else sum(self.points.values())


@dataclass(frozen=True)
class Grades:
    """All submissions, the points that can be had, and the file that holds them."""

    path: Path
    possible: Mapping[str, float]  # exercise -> points
    rows: tuple[Points, ...]

    def __str__(self) -> str:
        """The file, and a line for each submission that needs a look."""
        remarks = [f"  {row.student}: {row.remark}" for row in self.rows if row.remark]
        return "\n".join([f"{self.path} ({len(self.rows)} submissions)", *remarks])


def grade(paper: str, submissions: Path, out: Path, masters: Path = MASTERS) -> Grades:
    """Autograde submissions with visible and hidden tests, and write the points as CSV.

    Args:
        paper: key of a paper that has an assignment.
        submissions: a folder with `<student>.ipynb`, `<student>/<paper>.ipynb` or nbgrader's
            `<student>/<paper>/<paper>.ipynb`. It is only read.
        out: the CSV: student, one column an exercise, total, possible, remark. Points are empty
            for a submission that could not be graded; the remark says why.
        masters: where the master notebooks lie.

    Raises:
        FileNotFoundError: the folder does not exist.
        AssignmentError: the paper has no assignment, or the folder no submission.
    """
    found = _submissions(submissions, paper)
    with course(paper, masters) as made:
        released = cells.read(made.released)
        possible = {
            cells.exercise(name): float(cell.metadata["nbgrader"]["points"])
            for name, cell in cells.named(released).items()
            if name.endswith(cells.CHECKS)
        }
        rows = tuple(_grade_one(made, released, who, path) for who, path in found.items())
    grades = Grades(out, possible, rows)
    _write(grades)
    return grades


def _submissions(folder: Path, paper: str) -> dict[str, Path]:
    """Student -> notebook, which may be missing: the student then gets a remark."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder of submissions")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "_")) or not (path.is_dir() or path.suffix == ".ipynb"):
            continue
        student, notebook = (path.name, path / f"{paper}.ipynb")
        if path.is_file():
            student, notebook = path.stem, path
        elif (nested := path / paper / f"{paper}.ipynb").is_file():
            notebook = nested
        if student in found:
            raise AssignmentError(f"{folder} has two submissions of {student!r}: keep one")
        found[student] = notebook
    if not found:
        raise AssignmentError(
            f"{folder} holds no submission: expected <student>.ipynb or <student>/{paper}.ipynb"
        )
    return found


def _grade_one(made: Course, released: Any, student: str, notebook: Path) -> Points:
    """Points of one submission; whatever is wrong with it must not stop the others."""
    key = re.sub(r"[^A-Za-z0-9.-]", lambda match: f"_{ord(match[0])}_", student)
    target = made.root / "submitted" / key / made.paper / f"{made.paper}.ipynb"
    try:
        submitted = cells.read(notebook)
        remark = _repair(submitted, released, notebook)
        cells.write(submitted, target)
        _autograde(made, key)
    except (FileNotFoundError, AssignmentError) as error:
        return Points(student, None, f"not graded: {error}")
    with Gradebook(made.directory().db_url) as book:
        scores = book.find_submission_notebook(made.paper, made.paper, key).grades
        return Points(student, {cells.exercise(s.name): float(s.score) for s in scores}, remark)


def _autograde(made: Course, key: str) -> None:
    """Run one submission; nbgrader leaves the points in the gradebook."""
    # nbgrader 0.9 builds its records in an order that makes SQLAlchemy warn on every submission
    with cells.heard() as messages, warnings.catch_warnings(action="ignore", category=SAWarning):
        grader = Autograde(
            coursedir=made.directory(key), config=cells.execution(), log=cells.NBGRADER_LOG
        )
        try:
            grader.start()
        except (NbGraderException, FormatError) as error:
            if any("DeadKernelError" in message for message in messages):
                raise AssignmentError(cells.KERNEL_DIED) from error
            # the last line of the traceback that nbgrader logged says what happened
            reason = [*messages, str(error)][0].strip().splitlines()[-1]
            raise AssignmentError(f"nbgrader stopped: {reason}") from error


def _repair(submitted: Any, released: Any, path: Path) -> str:
    """Put deleted cells back behind the one they followed, and tell copies apart; says what it did.

    A locked cell that is gone would take the points of its exercise, silently. A cell that was
    copied carries the name of its original, which nbgrader does not survive: the last one keeps it.
    """
    expected, present = cells.named(released), cells.named(submitted)
    missing = [name for name in expected if name not in present]
    if len(missing) == len(expected):
        raise AssignmentError(
            f"{path} has none of the assignment's cells: is it the notebook that was released?"
            " (some editors drop the cell metadata when they save)"
        )
    copied: set[str] = set()
    for cell in submitted.cells:
        if cells.grade_id(cell) and cell is not present[cells.grade_id(cell)]:
            copied.add(cells.grade_id(cell))
            del cell.metadata["nbgrader"]
    before = ""
    for name, cell in expected.items():
        if name in missing:
            names = [cells.grade_id(other) for other in submitted.cells]
            place = names.index(before) + 1 if before else 0
            submitted.cells.insert(place, cell.copy())
        before = name
    remarks = [f"put back deleted cells: {', '.join(missing)}"] if missing else []
    remarks += [f"used the last copy of: {', '.join(sorted(copied))}"] if copied else []
    return "; ".join(remarks)


def _write(grades: Grades) -> None:
    """One row a student; empty points where there is no grade."""
    grades.path.parent.mkdir(parents=True, exist_ok=True)
    possible = sum(grades.possible.values())
    with grades.path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["student", *grades.possible, "total", "possible", "remark"])
        for row in grades.rows:
            points: Sequence[float | str] = [""] * len(grades.possible)
            if row.points is not None:
                points = [row.points[name] for name in grades.possible]
            total = "" if row.total is None else row.total
            table.writerow([row.student, *points, total, possible, row.remark])
