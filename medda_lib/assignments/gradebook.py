"""Grading a course: marks per submission, each written when it is found, and one table of all.

Marks are filed with the digest of all that they depend on: the submission, the master, the
points and the limits. Grading again does what is new or was interrupted, and nothing twice. Lateness is
worked out when the table is written, so a deadline may move without a new grading.
"""

from __future__ import annotations

import csv
import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from medda_lib.assignments import submission
from medda_lib.assignments.collecting import read_time
from medda_lib.assignments.folder import Course
from medda_lib.assignments.grading import Points, graded
from medda_lib.assignments.master import Master
from medda_lib.assignments.protection import require
from medda_lib.assignments.sandbox import sandbox

TABLE = "grades.csv"


@dataclass(frozen=True)
class Mark:
    """One student's result in one assignment, lateness included."""

    student: str
    assignment: str
    result: Points
    possible: Mapping[str, float]  # exercise -> points
    by_hand: Mapping[str, float]
    days_late: int
    kept: float  # the share of the points that lateness leaves

    @property
    def total(self) -> float | None:
        """What counts."""
        earned = self.result.total
        return None if earned is None else round(earned * self.kept, 4)

    @property
    def remark(self) -> str:
        """What a lecturer should know."""
        remarks = [self.result.remark] if self.result.remark else []
        if self.days_late:
            remarks.append(f"{self.days_late} day(s) late: {self.kept:.0%} of the points count")
        if self.by_hand:
            remarks.append("to be added by hand: " + ", ".join(self.by_hand))
        return "; ".join(remarks)


@dataclass(frozen=True)
class Task:
    """One submission to be graded."""

    student: str
    assignment: str
    path: Path


Progress = Callable[[Task, bool], None]  # told after each; True: its marks were there already


def grade(
    course: Course,
    names: Sequence[str] = (),
    *,
    workers: int = 1,
    unprotected: bool = False,
    progress: Progress = lambda *_: None,
) -> Path:
    """Grade what was handed in and write `grades.csv`.

    Args:
        course: the course.
        names: assignments; all for none.
        workers: submissions that are graded at the same time.
        unprotected: go on although this host cannot protect itself.
        progress: called after each submission.

    Returns:
        The table.

    Raises:
        AssignmentError: an assignment or a setting is wrong.
        SandboxError: this host cannot protect itself from the submissions.
    """
    masters = {name: course.master(name) for name in course.chosen(names)}
    new = []
    for task in tasks(course, names):
        key = _key(course, masters[task.assignment], task.path)
        if _filed(course, task).get("key") == key:
            progress(task, True)
        else:
            new.append((task, key))
    if new:
        imports = [name for master in masters.values() for name in master.imports]
        with sandbox(course.limits, protected=not unprotected, imports=imports) as made:
            if not unprotected:
                require(made)

            def one(item: tuple[Task, str]) -> None:
                task, key = item
                result = graded(made, masters[task.assignment], task.student, task.path)
                _put(_place(course, task), json.dumps({"key": key} | asdict(result), indent=1))
                progress(task, False)

            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(one, new))
    return write(course)


def tasks(course: Course, names: Sequence[str] = ()) -> list[Task]:
    """What was handed in, by assignment and student."""
    return [
        Task(student, name, path)
        for name in course.chosen(names)
        for student, path in course.submitted(name).items()
    ]


def marks(course: Course, names: Sequence[str] = ()) -> list[Mark]:
    """The results that grading has filed so far."""
    found = []
    masters = {name: course.master(name) for name in course.chosen(names)}
    for task in tasks(course, names):
        filed = _filed(course, task)
        if not filed:
            continue
        filed.pop("key")
        master = masters[task.assignment]
        handed_in = read_time(task.path.parent / "timestamp.txt")
        days = course.late.days_late(course.deadlines[task.assignment], handed_in)
        possible = {name: exercise.points for name, exercise in master.exercises.items()}
        kept = course.late.kept(days)
        result = Points(**filed)
        found.append(
            Mark(task.student, task.assignment, result, possible, master.by_hand, days, kept)
        )
    return found


def write(course: Course) -> Path:
    """Write the table of all marks: a row for each student and assignment.

    Columns: student, assignment, one for each exercise (empty where it belongs to another
    assignment), total (after lateness), possible, days_late, remark.
    """
    rows = marks(course)
    exercises = list(dict.fromkeys(name for row in rows for name in row.possible))
    path = course.root / TABLE
    with tempfile.NamedTemporaryFile(
        "w", newline="", encoding="utf-8", dir=course.root, delete=False
    ) as file:
        table = csv.writer(file)
        head = ["student", "assignment", *exercises, "total", "possible", "days_late", "remark"]
        table.writerow(head)
        for row in rows:
            points: Mapping[str, Any] = row.result.points or {}
            total = "" if row.total is None else row.total
            cells = [row.student, row.assignment, *(points.get(name, "") for name in exercises)]
            cells += [total, sum(row.possible.values()), row.days_late, row.remark]
            table.writerow([harmless(cell) for cell in cells])
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)
    return path


def harmless(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: names and file names are the students'."""
    if isinstance(cell, str) and cell.lstrip()[:1] in ("=", "+", "-", "@"):
        return "'" + cell
    return cell


def _key(course: Course, master: Master, path: Path) -> str:
    """Digest of all that a mark depends on, but lateness."""
    content = path.read_bytes() if path.stat().st_size <= submission.LARGEST else b"too large"
    parts = [repr(master).encode(), repr(course.limits).encode(), content]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _place(course: Course, task: Task) -> Path:
    return course.root / "marks" / task.student / f"{task.assignment}.json"


def _filed(course: Course, task: Task) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(_place(course, task).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found


def _put(path: Path, text: str) -> None:
    """Write a file at once, so that an interrupted grading leaves no half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
