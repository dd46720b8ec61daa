"""Release, self-check and grading on a master of two exercises without torch, and their errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medda_lib import assignments
from medda_lib.assignments import AssignmentError, cells


def _meta(name: str, *, grade: bool = False, solution: bool = False) -> str:
    meta = {"grade": grade, "grade_id": name, "locked": not solution, "solution": solution}
    points = {"points": 2} if grade else {}
    return "# %% nbgrader=" + json.dumps(meta | points | {"schema_version": 3, "task": False})


def _exercise(name: str, value: int) -> str:
    return f"""
{_meta(f"{name}-answer", solution=True)}
def {name}():
    ### BEGIN SOLUTION
    return {value}
    ### END SOLUTION

{_meta(f"{name}-checks", grade=True)}
assert {name}() > 0, "a positive number,\\nplease"
### BEGIN HIDDEN TESTS
assert {name}() == {value}, "not the number"
### END HIDDEN TESTS
"""


@pytest.fixture
def masters(tmp_path: Path) -> Path:
    folder = tmp_path / "masters"
    folder.mkdir()
    (folder / "tiny.py").write_text(
        f"{_meta('setup')}\nimport math\n{_exercise('one', 1)}{_exercise('two', 2)}"
    )
    return folder


@pytest.fixture
def submit(masters: Path, tmp_path: Path) -> Callable[..., Path]:
    """Write a submission with the given bodies of `one` and `two`; returns its path."""
    released = assignments.release("tiny", tmp_path / "release", masters)

    def write(student: str, edit: Callable[[Any], None] | None = None, **bodies: str) -> Path:
        notebook = cells.read(released)
        named = cells.named(notebook)
        for name, body in bodies.items():
            named[f"{name}-answer"].source = f"def {name}():\n    {body}"
        if edit:
            edit(notebook)
        path = tmp_path / "submissions" / f"{student}.ipynb"
        cells.write(notebook, path)
        return path

    return write


def test_endless_loop_costs_its_exercise_only(
    masters: Path, submit: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells, "CELL_SECONDS", 3)
    folder = submit("loop", one="while True: pass", two="return 2").parent
    grades = assignments.grade("tiny", folder, tmp_path / "grades.csv", masters)
    assert grades.rows[0].points == {"one": 0, "two": 2}
    assert grades.possible == {"one": 2, "two": 2}


def test_last_copy_of_an_answer_counts_and_helpers_are_kept(
    masters: Path, submit: Callable[..., Path], tmp_path: Path
) -> None:
    def edit(notebook: Any) -> None:
        answer = cells.named(notebook)["one-answer"]
        copy = answer.copy()
        copy["id"], copy["source"] = "copied", "def one():\n    return helper()"
        helper = cells.named(notebook)["setup"].copy()
        helper["id"], helper["metadata"] = "helper", type(helper["metadata"])()
        helper["source"] = (
            "import sys\ndef helper():\n    print('hi', file=sys.stdout)\n    return 1"
        )
        place = notebook.cells.index(answer) + 1
        notebook.cells[place:place] = [helper, copy]

    folder = submit("copies", edit, one="return -1", two="return 3").parent
    grades = assignments.grade("tiny", folder, tmp_path / "grades.csv", masters)
    assert grades.rows[0].points == {"one": 2, "two": 0}
    assert grades.rows[0].total == 2
    assert grades.rows[0].remark == "used the last copy of: one-answer"
    with pytest.raises(AssignmentError, match="has copies of the cells one-answer: delete"):
        assignments.validate(folder / "copies.ipynb")


def test_warning_in_a_check_is_a_failure_unless_silenced(
    masters: Path, submit: Callable[..., Path], tmp_path: Path
) -> None:
    # nbgrader takes output on the error stream for a failure: masters silence warnings at the top
    loud = "import warnings; warnings.warn('x'); return 1"
    quiet = "import warnings; warnings.simplefilter('ignore'); warnings.warn('x'); return 2"
    folder = submit("loud", one=loud, two=quiet).parent
    grades = assignments.grade("tiny", folder, tmp_path / "grades.csv", masters)
    assert grades.rows[0].points == {"one": 0, "two": 2}


def test_self_check_reads_messages_and_spots_edited_checks(submit: Callable[..., Path]) -> None:
    def edit(notebook: Any) -> None:
        cells.named(notebook)["two-checks"].source = "print('all is well')"

    report = assignments.validate(submit("mine", edit, one="return -1"))
    assert report.complaints == {"one": "a positive number, please", "two": ""}
    assert report.edited == ("two-checks",)
    assert not report.ok
    assert "two-checks: this locked cell was edited" in report.text()


def test_self_check_names_the_exception(submit: Callable[..., Path]) -> None:
    report = assignments.validate(submit("mine", one="return unknown", two="return 5"))
    assert report.complaints == {"one": "NameError: name 'unknown' is not defined", "two": ""}


def test_self_check_survives_a_dead_kernel(submit: Callable[..., Path]) -> None:
    report = assignments.validate(submit("mine", one="import os; os._exit(3)"))
    assert all("the kernel died" in message for message in report.complaints.values())


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


def test_release_to_a_file_or_a_folder(masters: Path, tmp_path: Path) -> None:
    file = assignments.release("tiny", tmp_path / "a" / "week 3.ipynb", masters)
    folder = assignments.release("tiny", tmp_path / "b", masters)
    assert (file.name, folder.name) == ("week 3.ipynb", "tiny.ipynb")
    assert file.read_bytes() == folder.read_bytes()


def test_self_check_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no notebook .*mine\.ipynb"):
        assignments.validate(tmp_path / "mine.ipynb")
    (tmp_path / "mine.ipynb").write_text("not a notebook")
    with pytest.raises(AssignmentError, match=r"mine\.ipynb is not a whole Jupyter notebook"):
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
