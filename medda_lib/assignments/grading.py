"""From a folder of submissions to a table of points.

Each submission is read as text, run in a sandbox and judged by the master's checks in another
process (`sandbox`, `remote`). One that cannot be graded (no notebook, another notebook) gets a
remark and no points; it does not stop the others. An exercise earns all of its points or none.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from medda_lib.assignments import master as masters_of
from medda_lib.assignments import submission
from medda_lib.assignments.cells import AssignmentError
from medda_lib.assignments.course import MASTERS
from medda_lib.assignments.limits import Limits
from medda_lib.assignments.master import Master
from medda_lib.assignments.protection import require
from medda_lib.assignments.sandbox import Sandbox, sandbox

FURTHER = "passes the checks that you have; a further one failed"


@dataclass(frozen=True)
class Points:
    """The result of one submission."""

    student: str
    points: Mapping[str, float] | None  # exercise -> points; None: it could not be graded
    remark: str
    said: Mapping[str, str] = field(default_factory=dict)  # exercise -> why it earned nothing

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


Done = Callable[[Points], None]


def grade(
    paper: str,
    submissions: Path,
    out: Path,
    masters: Path = MASTERS,
    *,
    limits: Limits | None = None,
    workers: int = 1,
    unprotected: bool = False,
    done: Done = lambda _: None,
) -> Grades:
    """Autograde submissions with visible and hidden checks, and write the points as CSV.

    Args:
        paper: key of a paper that has an assignment.
        submissions: a folder with `<student>.ipynb`, `<student>/<paper>.ipynb` or nbgrader's
            `<student>/<paper>/<paper>.ipynb`. It is only read.
        out: the CSV: student, one column an exercise, total, possible, remark. Points are empty
            for a submission that could not be graded; the remark says why.
        masters: where the master notebooks lie.
        limits: time, memory and files that a submission may use.
        workers: submissions that are graded at the same time.
        unprotected: go on although this host cannot protect itself.
        done: called with each result as it comes.

    Raises:
        FileNotFoundError: the folder does not exist.
        AssignmentError: the paper has no assignment, or the folder no submission.
        SandboxError: this host cannot protect itself from the submissions.
    """
    found = located(submissions, paper)
    master = masters_of.read(paper, masters)
    with sandbox(limits, protected=not unprotected, imports=master.imports) as made:
        if not unprotected:
            require(made)

        def one(item: tuple[str, Path]) -> Points:
            result = graded(made, master, *item)
            done(result)
            return result

        with ThreadPoolExecutor(workers) as pool:
            rows = tuple(pool.map(one, found.items()))
    possible = {name: exercise.points for name, exercise in master.exercises.items()}
    grades = Grades(out, possible, rows)
    _write(grades)
    return grades


def located(folder: Path, paper: str) -> dict[str, Path]:
    """Student -> notebook, which may be missing: the student then gets a remark.

    Raises:
        FileNotFoundError: the folder does not exist.
        AssignmentError: a student has two submissions, or nobody has one.
    """
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


def graded(made: Sandbox, master: Master, student: str, notebook: Path) -> Points:
    """Points of one submission; whatever is wrong with it must not stop the others."""
    try:
        handed_in = submission.read(notebook, master)
    except (FileNotFoundError, AssignmentError) as error:
        return Points(student, None, f"not graded: {error}")
    exercises = {
        name: {"visible": each.visible, "hidden": each.hidden}
        for name, each in master.exercises.items()
    }
    job = {"setup": master.setup, "names": list(master.names), "exercises": exercises}
    reply = made.judge(job | {"steps": [list(step) for step in handed_in.steps]})
    outcomes = reply["outcomes"]
    points, said = {}, {}
    for name, exercise in master.exercises.items():
        outcome = outcomes.get(name, {"stage": "visible", "said": reply.get("stopped", "")})
        points[name] = exercise.points if outcome["stage"] == "passed" else 0.0
        if outcome["stage"] == "visible":
            said[name] = outcome["said"]
        elif outcome["stage"] == "hidden":
            said[name] = (
                f"{FURTHER}; look again at: {outcome['said']}" if outcome["said"] else FURTHER
            )
    return Points(student, points, handed_in.remark, said)


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
