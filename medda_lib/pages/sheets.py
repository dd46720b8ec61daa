"""The frame of a page for lecturers: at a glance, aims, exercises, from the header of the assignment.

A page says `{sheet} multimix glance` (or `aims`, `exercises`). The same facts make the introduction that
students read (`medda_lib.assignments.frame`), so points, minutes and numbers of exercises agree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from medda_lib import _paths
from medda_lib.assignments import frame

if TYPE_CHECKING:
    from sphinx.application import Sphinx

MASTERS = _paths.BOOK / "assignments"
_WORDS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}


def glance(paper: str, sheet: frame.Sheet) -> str:
    """What a lecturer wants to know first."""
    texts = [n for n, each in enumerate(sheet.exercises, 1) if each.by_hand]
    rows = [
        ("class", sheet.facts["class"]),
        ("before the class", sheet.facts["before"]),
        ("you need", "this book open in a browser, a board; no GPU, no data, no network"),
        ("homework", f"the assignment `{paper}`: {_homework(sheet)}"),
        (
            "hand it out",
            f"`medda course release {paper}` in the [course folder](../guide/teaching)",
        ),
    ]
    if texts:
        by_hand = (
            f"exercise {texts[0]}, about five minutes a student; the master says what to look for"
        )
        rows.append(("you grade by hand", by_hand))
    return frame.table(("at a glance", ""), rows)


def _homework(sheet: frame.Sheet) -> str:
    texts = sum(each.by_hand for each in sheet.exercises)
    number = len(sheet.exercises) - texts
    words = f"{_WORDS[number]} exercise{'s' * (number > 1)}"
    marked = " and a text" if texts else ", all marked by the machine"
    points = sum(each.points for each in sheet.exercises)
    return f"{words}{marked}; {points:g} points, about {sheet.minutes} minutes"


def aims(_paper: str, sheet: frame.Sheet) -> str:
    """What a student can after class and homework, and where it shows."""
    rows = ((aim, can, shown) for aim, (can, shown) in sheet.aims().items())
    table = frame.table(("aim", "a student can", "you see it in"), rows)
    return f"After the class and the assignment, without notes:\n\n{table}"


def exercises(_paper: str, sheet: frame.Sheet) -> str:
    """The exercises, and what holds for all of them."""
    return (
        "Each exercise is a *variant* of a part of the chapter: the library holds the original, and a"
        " test of the book holds that its nearest functions do not pass. No exercise depends on another"
        " one: for a shorter homework take one out of your course's copy of the master.\n\n"
        f"{frame.exercises(sheet)}\n\n"
        "An answer fails as a whole, and the feedback names the rule to look at again, not the input."
    )


PARTS: dict[str, Callable[[str, frame.Sheet], str]] = {
    "glance": glance,
    "aims": aims,
    "exercises": exercises,
}


class SheetFrame(SphinxDirective):
    """The directive `{sheet}`: a paper and a part of its frame."""

    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        """Parse the generated Markdown in the page's own language."""
        paper, part = self.arguments
        path = MASTERS / f"{paper}.py"
        if part not in PARTS or not path.is_file():
            raise self.error(f"no part {part!r} of a sheet {paper!r}: {', '.join(PARTS)}")
        self.env.note_dependency(str(path))
        box = nodes.container(classes=["sheet"])
        lines = PARTS[part](paper, frame.read(path)).splitlines()
        self.state.nested_parse(StringList(lines, str(path)), 0, box)
        return [box]


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.add_directive("sheet", SheetFrame)
