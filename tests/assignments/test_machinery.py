"""Release, self-check and reading of submissions on the tiny master, and their errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from medda_lib import assignments
from medda_lib.assignments import AssignmentError, Points, cells, master, selfcheck, submission
from tests.assignments import tiny


@pytest.fixture
def masters(tmp_path: Path) -> Path:
    return tiny.masters(tmp_path / "masters")


@pytest.fixture
def submit(masters: Path, tmp_path: Path) -> Callable[..., Path]:
    """Write a submission with the given bodies of `one` and `two`; returns its path."""
    released = assignments.release("tiny", tmp_path / "release", masters)

    def write(student: str, edit: Callable[[Any], None] | None = None, **bodies: str) -> Path:
        notebook = cells.read(released)
        named = cells.named(notebook)
        for name, body in bodies.items():
            head = "def one(x)" if name == "one" else f"def {name}()"
            named[f"{name}-answer"].source = f"{head}:\n    {body}"
        if edit:
            edit(notebook)
        path = tmp_path / "submissions" / f"{student}.ipynb"
        cells.write(notebook, path)
        return path

    return write


def test_submission_is_read_cell_by_cell(masters: Path, submit: Callable[..., Path]) -> None:
    def edit(notebook: Any) -> None:
        named = cells.named(notebook)
        copy = named["one-answer"].copy()
        copy["id"], copy["source"] = "copied", "%time\ndef one(x):\n    return helper(x)"
        helper = nbformat.v4.new_code_cell("def helper(x):\n    return 2 * x")  # type: ignore[no-untyped-call]
        prose = nbformat.v4.new_markdown_cell("def three(): pass")  # type: ignore[no-untyped-call]
        place = notebook.cells.index(named["one-answer"]) + 1
        notebook.cells[place:place] = [helper, prose, copy]
        named["two-checks"].source = "assert True"
        named["setup"].source = "import os"

    path = submit("mine", edit, one="return -1", two="return 3")
    read = submission.read(path, master.read("tiny", masters))
    assert read.steps == (
        ("cell", "import torch"),
        ("cell", "def one(x):\n    return -1"),
        ("cell", "def helper(x):\n    return 2 * x"),
        ("cell", "pass\ndef one(x):\n    return helper(x)"),
        ("bind", "one"),
        ("cell", "def two():\n    return 3"),
        ("bind", "two"),
    )
    assert read.remark == "used the last copy of: one-answer"
    with pytest.raises(AssignmentError, match="has copies of the cells one-answer: delete"):
        assignments.validate(path)


def test_magics_are_left_out_of_cells_that_need_it() -> None:
    assert submission.plain("%matplotlib inline\n!ls\nx = 1\nx?") == "pass\npass\nx = 1\npass"
    modulo = 'x = (7\n% 4)\ny = """\n!no\n"""'
    assert submission.plain(modulo) == modulo


def test_master_is_split_into_visible_and_hidden_checks(masters: Path) -> None:
    found = master.read("tiny", masters)
    one = found.exercises["one"]
    assert found.title == "Assignment: two small things"
    assert found.names == ("one", "two")
    assert found.imports == ("torch",)
    assert "torch.equal" in one.visible
    assert tiny.SECRET not in one.visible
    assert tiny.SECRET in one.hidden
    assert "HIDDEN" not in one.visible + one.hidden
    path = masters / "tiny.py"
    path.write_text(path.read_text().replace("### END HIDDEN TESTS", "", 1))
    with pytest.raises(AssignmentError, match="has a hidden part without begin or end"):
        master.read("tiny", masters)


def test_self_check_reads_messages_and_spots_edited_checks(submit: Callable[..., Path]) -> None:
    def edit(notebook: Any) -> None:
        cells.named(notebook)["two-checks"].source = "print('all is well')"

    report = assignments.validate(submit("mine", edit, one="return x"))
    not_judged = "not judged: its check cell was edited (copy it back from the released notebook)"
    assert report.complaints == {"one": "twice one is two, not [1.0, 1.0]", "two": not_judged}
    assert report.edited == ("two-checks",)
    assert not report.ok
    remark = (
        "It costs no points, since grading uses the original; copying it back from the released"
        " notebook shows what the real checks say"
    )
    assert report.text().splitlines() == [
        "exercise 1 (one): first check that failed: twice one is two, not [1.0, 1.0]",
        f"exercise 2 (two): {not_judged}",
        f"two-checks: this locked cell was edited. {remark}",
        "mine.ipynb: not ready to hand in",
    ]


def test_emptied_or_deleted_check_is_not_judged_and_numbers_stay(
    submit: Callable[..., Path],
) -> None:
    def edit(notebook: Any) -> None:
        cells.named(notebook)["two-checks"].source = ""
        notebook.cells.remove(cells.named(notebook)["one-checks"])

    report = assignments.validate(submit("mine", edit, two="return 5"))
    assert not report.ok
    assert sorted(report.text().splitlines()[:2]) == [
        f"exercise 1 (one): {selfcheck.GONE}",
        f"exercise 2 (two): {selfcheck.NOT_JUDGED}",
    ]


def test_self_check_names_the_exception(submit: Callable[..., Path]) -> None:
    report = assignments.validate(submit("mine", one="return unknown", two="return 5"))
    assert report.complaints == {"one": "NameError: name 'unknown' is not defined", "two": ""}


def test_self_check_survives_a_dead_kernel(submit: Callable[..., Path]) -> None:
    report = assignments.validate(submit("mine", one="import os; os._exit(3)"))
    assert all("the kernel died" in message for message in report.complaints.values())


# --- damaged submissions -------------------------------------------------------------------------


@pytest.fixture
def rows(masters: Path, submit: Callable[..., Path], tmp_path: Path) -> dict[str, Points]:
    """What came of submissions that are damaged in one way each, by student."""
    right = {"one": "return 2 * x", "two": "return 2"}

    def cheat(notebook: Any) -> None:  # friendlier checks, which are worth more
        for name, cell in cells.named(notebook).items():
            if name.endswith("-checks"):
                cell.source, cell.metadata["nbgrader"]["points"] = "assert True", 100

    def lose(notebook: Any) -> None:
        gone = ("one-answer", "one-checks", "two-checks")
        notebook.cells = [cell for cell in notebook.cells if cells.grade_id(cell) not in gone]

    def strip(notebook: Any) -> None:
        for cell in notebook.cells:
            cell.metadata.pop("nbgrader", None)

    submit("Ann Ö. Other", cheat)
    submit("lost", lose, two="return 2")
    submit("syntax", one="return (", two="return 2")
    submit("crash", one="import os; os._exit(1)", two="return 2")
    folder = submit("other", strip, **right).parent
    (folder / "absent").mkdir()
    (folder / "broken.ipynb").write_text('{"cells": [')
    (folder / "notes.txt").write_text("not a submission")
    grades = assignments.grade("tiny", folder, tmp_path / "grades.csv", masters)
    return {row.student: row for row in grades.rows}


def test_damage_costs_only_the_damaged_exercise(rows: dict[str, Points]) -> None:
    assert rows["Ann Ö. Other"].points == {"one": 0, "two": 0}
    for student in ("lost", "syntax", "crash"):
        assert rows[student].points == {"one": 0, "two": 2}
    assert rows["lost"].remark == "these cells are missing: one-answer"
    for student, words in {
        "other": "none of the assignment's cells",
        "absent": "there is no notebook",
        "broken": "not a whole Jupyter notebook",
    }.items():
        assert rows[student].points is None
        assert rows[student].remark.startswith("not graded: ")
        assert words in rows[student].remark
    assert len(rows) == 7


# --- what is not there ---------------------------------------------------------------------------


def test_unknown_paper_names_the_known_ones(masters: Path, tmp_path: Path) -> None:
    with pytest.raises(AssignmentError, match=r"no assignment for 'nosuch'; .*: .*multimix"):
        assignments.release("nosuch", tmp_path)
    (tmp_path / "submissions").mkdir()
    (tmp_path / "submissions" / "a.ipynb").write_text("{}")
    with pytest.raises(AssignmentError, match="there is one for: tiny"):
        assignments.grade("nosuch", tmp_path / "submissions", tmp_path / "g.csv", masters)
    with pytest.raises(AssignmentError, match="holds no master notebook"):
        assignments.release("nosuch", tmp_path, tmp_path / "empty")
    assert "multimix" in assignments.available()


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ("    ### END SOLUTION\n", "", r"[Nn]o end.*solution|solution.*end"),
        ('"two-answer"', '"one-answer"', "one-answer"),
    ],
)
def test_damaged_master_is_not_released(
    masters: Path, tmp_path: Path, right: str, wrong: str, words: str
) -> None:
    path = masters / "tiny.py"
    path.write_text(path.read_text().replace(right, wrong, 1))
    with pytest.raises(AssignmentError, match=rf"tiny\.py: .*(?:{words})"):
        assignments.release("tiny", tmp_path / "mine.ipynb", masters)
    assert not (tmp_path / "mine.ipynb").exists()


def test_release_to_a_file_or_a_folder(masters: Path, tmp_path: Path) -> None:
    file = assignments.release("tiny", tmp_path / "a" / "week 3.ipynb", masters)
    folder = assignments.release("tiny", tmp_path / "b", masters)
    assert (file.name, folder.name) == ("week 3.ipynb", "tiny.ipynb")
    assert file.read_bytes() == folder.read_bytes()


def test_self_check_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no notebook .*mine\.ipynb"):
        assignments.validate(tmp_path / "mine.ipynb")
    (tmp_path / "notes.txt").write_text("not a notebook")
    for path in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(AssignmentError, match=r"is no notebook: give the \.ipynb file"):
            assignments.validate(path)
    whole = r"mine\.ipynb is not a whole Jupyter notebook: .*the last copy that did"
    for text in ("not a notebook", "[" * 100_000):
        (tmp_path / "mine.ipynb").write_text(text)
        with pytest.raises(AssignmentError, match=whole):
            assignments.validate(tmp_path / "mine.ipynb")
    plain = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "mine.ipynb").write_text(json.dumps(plain))
    with pytest.raises(AssignmentError, match="has no graded cell"):
        assignments.validate(tmp_path / "mine.ipynb")


def test_folders_without_submissions(masters: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is not a folder of submissions"):
        assignments.grade("tiny", tmp_path / "nowhere", tmp_path / "g.csv", masters)
    folder = tmp_path / "submissions"
    folder.mkdir()
    (folder / ".DS_Store").write_text("")
    (folder / "README.md").write_text("")
    with pytest.raises(AssignmentError, match=r"holds no submission: expected <student>\.ipynb"):
        assignments.grade("tiny", folder, tmp_path / "g.csv", masters)
    (folder / "ann.ipynb").write_text("{}")
    (folder / "ann").mkdir()
    with pytest.raises(AssignmentError, match="two submissions of 'ann'"):
        assignments.grade("tiny", folder, tmp_path / "g.csv", masters)
