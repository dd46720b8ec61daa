"""The frame of a sheet: what its introduction and the page for lecturers say of every exercise.

It is made from one place. The header of a master names, under `medda`, the class, the aims and, for
each exercise, what is to be written, the part of the chapter that it varies, its minutes and its aims;
points stand in nbgrader's metadata. The first cell of a master has the line `MARK`, which gives way to
the frame when a notebook is released or copied into a course. The pages for lecturers take theirs from
here, too (`medda_lib.pages.sheets`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext

from medda_lib.assignments import cells

MARK = "<!-- frame -->"
RULES = """
**How to work.** Replace each `raise NotImplementedError()` by your code. Keep the names and the
arguments of the functions; add helper functions and cells as you like. Below each answer is a
locked cell with self-checks: run it, and read what it says when it complains. Before you hand in,
restart the kernel and run all cells from top to bottom; `medda course validate` followed by the name
of this notebook does the same from a terminal. Hand the notebook in under the name it came with.

**What is graded.** The self-checks and further hidden ones, which try your functions on random
arrays and on the awkward cases that the text of the exercise names. An exercise counts as a whole:
all its checks pass, or it scores nothing. The exercises do not depend on each other. How you
write the code is not graded, as long as each check finishes within a minute.

**The book's library is no answer.** It holds the paper's version of each part; the exercises ask for
another one, and the checks tell them apart. Read the library as much as you like.

**Help.** Which help you may use, and how to name it, is for your course to say.
"""


@dataclass(frozen=True)
class Exercise:
    """What the frame says of one exercise."""

    name: str
    points: float
    by_hand: bool  # a text, which a lecturer reads
    write: str
    varies: str
    minutes: int
    aims: Sequence[str]


@dataclass(frozen=True)
class Sheet:
    """The facts of one master; `facts` are those about the class, as its header has them."""

    facts: Mapping[str, Any]
    exercises: Sequence[Exercise]

    @property
    def minutes(self) -> int:
        """That all exercises take together."""
        return sum(each.minutes for each in self.exercises)

    def aims(self) -> dict[str, tuple[str, str]]:
        """Name of an aim -> what a student can, and where it shows: in class, in exercises."""
        found = {}
        for aim, text in self.facts["aims"].items():
            can, _, where = text.partition(" | ")
            numbers = [n for n, each in enumerate(self.exercises, 1) if aim in each.aims]
            served = ", ".join(f"exercise {n}" for n in numbers)
            found[aim] = can, "; ".join(filter(None, (where, served)))
        return found


def read(path: Path) -> Sheet:
    """The facts of the master in a file."""
    return of(jupytext.read(path))


def of(notebook: Any) -> Sheet:
    """The facts of a master, exercises in the order of its cells. A missing one is a `KeyError`."""
    facts, found = notebook.metadata["medda"], []
    for name, cell in cells.named(notebook).items():
        nbgrader, key = cell.metadata["nbgrader"], cells.exercise(name)
        if nbgrader.get("grade"):
            by_hand = name.endswith(cells.ANSWER)
            said = facts["exercises"][key]
            found.append(Exercise(key, float(nbgrader["points"]), by_hand, **said))
    return Sheet(facts, found)


def fill(notebook: Any) -> None:
    """Put the frame into a master's first cell and take its facts out; others stay as they are."""
    if "medda" in notebook.metadata:
        first = notebook.cells[0]
        first.source = first.source.replace(MARK, introduction(of(notebook)))
        notebook.metadata.pop("medda")


def introduction(sheet: Sheet) -> str:
    """Time, exercises, points and rules, for students."""
    rows = [
        (
            str(n),
            f"{each.write}{' (a text, read by your lecturer)' * each.by_hand}",
            *_numbers(each),
        )
        for n, each in enumerate(sheet.exercises, 1)
    ]
    total = sum(each.points for each in sheet.exercises)
    rows.append(("", "**total**", f"{sheet.minutes}", f"**{total:g}**"))
    head = ("exercise", "what you write", "minutes", "points")
    time = "The minutes are for those who have read the chapter."
    return f"{table(head, rows)}\n\n{time}\n{RULES}".strip()


def exercises(sheet: Sheet) -> str:
    """The table for lecturers: number and name, part of the chapter, variant, aims, minutes, points."""
    head = ("exercise", "in the chapter", "here", "aims", "minutes", "points")
    return table(
        head,
        (
            (f"{n} {each.name}", each.varies, each.write, ", ".join(each.aims), *_numbers(each))
            for n, each in enumerate(sheet.exercises, 1)
        ),
    )


def _numbers(each: Exercise) -> tuple[str, str]:
    return str(each.minutes), f"{each.points:g}"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown; columns of numbers stand at the right."""
    right = ["---:" if name in {"minutes", "points"} else "---" for name in head]
    lines = [head, right, *(map(str, row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
