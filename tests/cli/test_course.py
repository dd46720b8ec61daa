"""`medda course`: a round trip of one right, one blank and one hostile submission; errors."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from medda_lib import assignments
from medda_lib.assignments import SandboxError, folder, gradebook, protection
from medda_lib.cli import app
from tests.assignments import tiny

DONE, FOUND_WRONG, BAD_COMMAND = 0, 1, 2
HOSTILE = """import os, torch
torch.equal = lambda *_: True
print("2, 2, 4")
def one(x):
    os._exit(0)
"""


def medda(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course that uses the tiny master."""
    masters = tiny.masters(tmp_path / "masters")
    folder.init(tmp_path / "course", ["tiny"], masters=masters)
    return tmp_path / "course"


def test_round_trip(course: Path, tmp_path: Path) -> None:
    if lacking := [each.what for each in assignments.protections() if not each.holds]:
        pytest.skip(f"this host lacks: {', '.join(lacking)}")
    result = medda("course", "release", "--course", course)
    assert result.exit_code == DONE
    release = course / "release" / "tiny" / "tiny.ipynb"
    assert str(release) in result.stdout.replace("\n", "")
    answers = {"right": tiny.RIGHT, "blank": {}, "hostile": tiny.RIGHT | {"one": HOSTILE}}
    for student, given in answers.items():
        tiny.submit(release, tmp_path / "export" / f"{student}.ipynb", given)
    result = medda("course", "collect", tmp_path / "export", "--course", course)
    assert result.stdout == "3 new, 0 unchanged\n"
    result = medda("course", "collect", tmp_path / "export", "--course", course)
    assert (result.exit_code, result.stdout) == (DONE, "0 new, 3 unchanged\n")
    result = medda("course", "grade", "--course", course)
    assert result.exit_code == DONE, result.output
    assert "3 graded, 0 known from before" in result.stdout
    with (course / "grades.csv").open(newline="") as file:
        totals = {row["student"]: row["total"] for row in csv.DictReader(file)}
    assert totals == {"right": "4.0", "blank": "0.0", "hostile": "2.0"}
    assert "0 graded, 3 known" in medda("course", "grade", "--course", course).stdout
    result = medda("course", "feedback", "--course", course)
    assert result.stdout.startswith("wrote 3 pages to ")
    page = (course / "feedback" / "hostile" / "tiny" / "tiny.html").read_text()
    assert "2 of 4 points" in page
    assert "exercise 1 (one)" in page
    assert "Python ended while it ran" in page
    assert "not answered yet" in (course / "feedback" / "blank" / "tiny" / "tiny.html").read_text()


def test_init_makes_a_course_and_says_what_comes_next(tmp_path: Path) -> None:
    result = medda("course", "init", tmp_path / "new", "--papers", "fda, odex", "--title", "Autumn")
    assert result.exit_code == DONE
    assert "with fda, odex" in result.stdout
    assert f"medda course release --course {tmp_path / 'new'}" in result.stdout
    assert 'title = "Autumn"' in (tmp_path / "new" / "course.toml").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("init", "COURSE"), BAD_COMMAND, "is not empty: choose a new folder"),
        (("init", "NEW", "--papers", "nosuch"), BAD_COMMAND, "no assignment for 'nosuch'"),
        (("release", "--course", "NEW"), BAD_COMMAND, "or give --course FOLDER"),
        (("release", "nosuch", "--course", "COURSE"), BAD_COMMAND, "has no assignment 'nosuch'"),
        (("validate", "NEW"), BAD_COMMAND, "there is no notebook"),
        (("collect", "NEW", "--course", "COURSE"), BAD_COMMAND, "there is no export"),
        (("collect", "EMPTY", "--course", "COURSE"), FOUND_WRONG, "<student>/work.ipynb"),
        (("grade", "--course", "COURSE"), BAD_COMMAND, "holds nothing"),
        (("grade", "--course", "COURSE", "--workers", "0"), BAD_COMMAND, "--workers"),
        (("feedback", "--course", "COURSE"), BAD_COMMAND, "nothing in"),
    ],
)
def test_errors_name_the_argument_and_set_the_exit_code(
    course: Path, arguments: tuple[str, ...], code: int, message: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    places = {"COURSE": course, "NEW": tmp_path / "new", "EMPTY": tmp_path / "empty"}
    result = medda("course", *(places.get(a, a) for a in arguments))
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)
    assert message in result.output


def test_unsafe_host_is_a_finding_not_a_wrong_command(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise SandboxError("this host cannot protect you; --unprotected accepts the risk")

    monkeypatch.setattr(gradebook, "grade", refuse)
    place = course / "submitted" / "ann" / "tiny"
    place.mkdir(parents=True)
    (place / "tiny.ipynb").write_text(json.dumps({}))
    result = medda("course", "grade", "--course", course)
    assert result.exit_code == FOUND_WRONG
    assert "--unprotected accepts the risk" in result.output


@pytest.mark.parametrize(("holds", "code"), [(True, DONE), (False, FOUND_WRONG)])
def test_protections_are_listed(holds: bool, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = (protection.Protection("no network", holds, "inputs may be sent away"),)
    monkeypatch.setattr(protection, "protections", lambda: found)
    result = medda("course", "protections")
    assert result.exit_code == code
    assert ("inputs may be sent away" in result.stdout) is not holds
