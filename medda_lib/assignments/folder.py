"""A course: a folder with one file of settings, laid out as nbgrader lays it out.

    course.toml                     title, assignments, points, deadlines, late rule
    source/<a>/<a>.ipynb            masters with solutions and hidden checks: yours to change
    release/<a>/<a>.ipynb           what students get
    submitted/<student>/<a>/        what they hand in, with a timestamp.txt
    marks/<student>/<a>.json        what grading found
    feedback/<student>/<a>/<a>.html
    grades.csv

The masters are copied when the course is made. From then on the course's own are used, so that a
lecturer can change an exercise and its numbers, which the book shows to everybody.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jupytext

from medda_lib.assignments import cells, course, master
from medda_lib.assignments.cells import AssignmentError
from medda_lib.assignments.limits import Limits
from medda_lib.assignments.master import Master

SETTINGS = "course.toml"
_HEAD = """\
# The course. Everything that you decide is in this file; `medda course --help` lists the commands.
title = "{title}"

# What being late costs: so many percent of the points that were earned, for each day that has begun
# since the deadline; nothing is earned after so many days. Ignored where there is no deadline.
[late]
grace_minutes = 15
percent_per_day = 10
days = 7

# What a submission may use while it is graded. A cell, and the checks of one exercise, may take
# `cell_seconds`; the whole submission `submission_seconds`.
[limits]
cell_seconds = {limits.cell_seconds:g}
submission_seconds = {limits.submission_seconds:g}
memory_mb = {limits.memory_mb}
"""
_ASSIGNMENT = """
# {title}
[assignments.{paper}]
# deadline = 2026-01-31T23:59:00+01:00   # with the time zone; without a deadline nobody is late
[assignments.{paper}.points]
"""
_NBGRADER = '''\
"""Lets plain nbgrader go on with this folder (nbgrader autograde, formgrader, ...)."""

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = {title!r}
c.Execute.timeout = {seconds:g}
'''


@dataclass(frozen=True)
class Late:
    """What being late costs."""

    grace_minutes: float = 15.0
    percent_per_day: float = 10.0
    days: int = 7

    def days_late(self, deadline: datetime | None, handed_in: datetime | None) -> int:
        """Days that have begun since the deadline; 0 if it was met or is not known."""
        if deadline is None or handed_in is None:
            return 0
        minutes = (handed_in - deadline).total_seconds() / 60
        return 0 if minutes <= self.grace_minutes else int((minutes - 1e-9) // 1440) + 1

    def kept(self, days_late: int) -> float:
        """The share of the points that is kept."""
        if days_late > self.days:
            return 0.0
        return max(0.0, 1 - days_late * self.percent_per_day / 100)


@dataclass(frozen=True)
class Course:
    """A course folder and its settings."""

    root: Path
    title: str
    deadlines: Mapping[str, datetime | None]  # assignment -> deadline
    points: Mapping[str, Mapping[str, float]]  # assignment -> exercise -> points
    late: Late
    limits: Limits

    @property
    def assignments(self) -> tuple[str, ...]:
        """The assignments, in the file's order."""
        return tuple(self.deadlines)

    @property
    def source(self) -> Path:
        """Where the masters lie."""
        return self.root / "source"

    def chosen(self, names: Sequence[str]) -> tuple[str, ...]:
        """The assignments of these names; all for none.

        Raises:
            AssignmentError: the course has no assignment of that name.
        """
        for name in names:
            if name not in self.deadlines:
                raise AssignmentError(
                    f"{self.root / SETTINGS} has no assignment {name!r}; it has: "
                    + ", ".join(self.assignments)
                )
        return tuple(names) or self.assignments

    def master(self, name: str) -> Master:
        """The course's own master, with the points of the settings.

        Raises:
            AssignmentError: it is not there, or the settings give points to an unknown exercise.
        """
        found = master.read(name, self.source)
        points = self.points.get(name, {})
        if unknown := set(points) - set(found.exercises) - set(found.by_hand):
            raise AssignmentError(
                f"{self.root / SETTINGS}: {name} has no exercise {', '.join(sorted(unknown))}; "
                f"it has: {', '.join([*found.exercises, *found.by_hand])}"
            )
        exercises = {
            key: dataclasses.replace(each, points=points.get(key, each.points))
            for key, each in found.exercises.items()
        }
        by_hand = {key: points.get(key, value) for key, value in found.by_hand.items()}
        return dataclasses.replace(found, exercises=exercises, by_hand=by_hand)

    def submitted(self, name: str) -> dict[str, Path]:
        """Student -> the notebook handed in."""
        paths = sorted(self.root.glob(f"submitted/*/{name}/{name}.ipynb"))
        return {path.parent.parent.name: path for path in paths}


def init(
    root: Path, papers: Sequence[str] = (), title: str = "", masters: Path = course.MASTERS
) -> Course:
    """Make a course folder with all assignments of the book, or the chosen ones.

    Raises:
        AssignmentError: the folder is not empty, or a paper has no assignment.
    """
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise AssignmentError(f"{root} is not empty: choose a new folder for the course")
    chosen = papers or course.available(masters)
    read = {paper: master.read(paper, masters) for paper in chosen}
    text = _HEAD.format(title=title or root.resolve().name, limits=Limits())
    for paper, each in read.items():
        text += _ASSIGNMENT.format(paper=paper, title=each.title)
        points = {name: e.points for name, e in each.exercises.items()} | dict(each.by_hand)
        text += "".join(
            f"{name} = {value:g}{_words(name, each)}\n" for name, value in points.items()
        )
        notebook = course.stable(jupytext.read(master.path_of(paper, masters)))
        cells.write(notebook, root / "source" / paper / f"{paper}.ipynb")
    for name in ("release", "submitted", "feedback"):
        (root / name).mkdir(parents=True, exist_ok=True)
    settings = _NBGRADER.format(title=title or root.resolve().name, seconds=Limits().cell_seconds)
    (root / "nbgrader_config.py").write_text(settings, encoding="utf-8")
    (root / SETTINGS).write_text(text, encoding="utf-8")
    return load(root)


def _words(name: str, each: Master) -> str:
    return "   # answered in words: you give these points" if name in each.by_hand else ""


def load(root: Path) -> Course:
    """The course in a folder.

    Raises:
        AssignmentError: there is none, or a setting is wrong; names the setting.
    """
    path = root / SETTINGS
    if not path.is_file():
        raise AssignmentError(
            f"{root} holds no {SETTINGS}: make a course with `medda course init`, or go into its"
            " folder, or give --course FOLDER"
        )
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
        entries = settings["assignments"]
        return Course(
            root,
            str(settings.get("title", root.resolve().name)),
            {name: _deadline(name, entry) for name, entry in entries.items()},
            {name: _points(name, entry) for name, entry in entries.items()},
            Late(**settings.get("late", {})),
            Limits(**settings.get("limits", {})),
        )
    except KeyError as error:
        raise AssignmentError(f"{path} lacks {error}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise AssignmentError(f"{path}: {error}") from error


def _deadline(name: str, entry: Mapping[str, Any]) -> datetime | None:
    value = entry.get("deadline")
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise ValueError(f"{name}: write the deadline as 2026-01-31T23:59:00+01:00, not {value!r}")
    return value.astimezone()  # without a zone: this machine's


def _points(name: str, entry: Mapping[str, Any]) -> dict[str, float]:
    points = entry.get("points", {})
    for exercise, value in points.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            raise ValueError(f"{name}: {exercise} = {value!r} is no number of points")
    return {exercise: float(value) for exercise, value in points.items()}
