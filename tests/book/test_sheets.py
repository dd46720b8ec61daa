"""Pages for lecturers take their frame from the masters, and students read the same facts."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import jupytext
import pytest

from medda_lib import _paths
from medda_lib.assignments import frame
from medda_lib.pages import sheets
from medda_lib.pages.build import build
from tests.book.small import begin

PAPERS = sorted(path.stem for path in sheets.MASTERS.glob("*.py"))
HEADER = """# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: nbgrader
#     notebook_metadata_filter: medda
#   medda:
#     class: 90 minutes
#     before: read
#     aims: {A1: "add | the board", A2: write}
#     exercises:
#       sum: {write: a sum, varies: a mean, minutes: 20, aims: [A1]}
#       claim: {write: a claim, varies: the claims, minutes: 15, aims: [A1, A2]}
# ---

# %% [markdown]
# # Assignment: sums
#
# <!-- frame -->

# %% nbgrader={"grade": false, "grade_id": "sum-answer", "solution": true}
x = 1

# %% nbgrader={"grade": true, "grade_id": "sum-checks", "points": 3, "solution": false}
assert x

# %% [markdown] nbgrader={"grade": true, "grade_id": "claim-answer", "points": 4, "solution": true}
# A claim.
"""


def test_facts_of_a_sheet_are_the_header_s_and_nbgrader_s() -> None:
    sheet = frame.of(jupytext.reads(HEADER, "py:percent"))
    assert [(each.name, each.points, each.by_hand) for each in sheet.exercises] == [
        ("sum", 3, False),
        ("claim", 4, True),
    ]
    assert sheet.aims() == {
        "A1": ("add", "the board; exercise 1, exercise 2"),
        "A2": ("write", "exercise 2"),
    }
    assert "one exercises" not in sheets.glance("sums", sheet)
    assert "one exercise and a text; 7 points, about 35 minutes" in sheets.glance("sums", sheet)
    assert "exercise 2, about five minutes a student" in sheets.glance("sums", sheet)


def test_exercise_without_a_description_is_an_error() -> None:
    with pytest.raises(KeyError, match="claim"):
        frame.of(jupytext.reads(HEADER.replace("#       claim:", "#       other:"), "py:percent"))


def test_students_read_the_frame_and_not_the_header() -> None:
    notebook = jupytext.reads(HEADER, "py:percent")
    frame.fill(notebook)
    first = notebook.cells[0].source
    assert (
        "| 1 | a sum | 20 | 3 |\n| 2 | a claim (a text, read by your lecturer) | 15 | 4 |" in first
    )
    assert "|  | **total** | 35 | **7** |" in first
    assert frame.MARK not in first
    assert "medda" not in notebook.metadata


def test_header_survives_an_editor() -> None:
    again = jupytext.reads(
        jupytext.writes(jupytext.reads(HEADER, "py:percent"), "py:percent"), "py:percent"
    )
    assert frame.of(again) == frame.of(jupytext.reads(HEADER, "py:percent"))


@pytest.mark.parametrize("paper", PAPERS)
def test_page_for_lecturers_has_every_part_of_its_frame(paper: str) -> None:
    page = (_paths.BOOK / "teaching" / f"{paper}.md").read_text()
    assert re.findall(r"^```\{sheet\} (.+)$", page, re.MULTILINE) == [
        f"{paper} {p}" for p in sheets.PARTS
    ]
    exercises = len(frame.read(sheets.MASTERS / f"{paper}.py").exercises)
    named = [int(n) for n in re.findall(r"[Ee]xercises? (\d)", page)]
    assert named
    assert max(named) <= exercises


def test_frame_is_on_the_built_page(tmp_path: Path) -> None:
    book = begin(tmp_path, "guide/teaching", "teaching/odex")
    parts = "\n\n".join(f"```{{sheet}} odex {part}\n```" for part in sheets.PARTS)
    for name, text in {"index": "Hello.", "guide/teaching": "How.", "teaching/odex": parts}.items():
        (book / name).parent.mkdir(exist_ok=True)
        (book / f"{name}.md").write_text(f"# A page\n\n{text}\n")
    html = unescape((build(tmp_path).parent / "book" / "teaching" / "odex.html").read_text())
    sheet = frame.read(sheets.MASTERS / "odex.py")
    for each in sheet.exercises:
        assert each.write in html
    for can, _ in sheet.aims().values():
        assert can in html
    assert "three exercises and a text; 20 points" in html
    assert 'href="../guide/teaching.html"' in html
