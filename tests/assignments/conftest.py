"""What the tests of an assignment start from: its release, and grades of submissions."""

from __future__ import annotations

import csv
import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from medda_lib import assignments

# before the module is imported, or its assertions would fail without saying what they compared
pytest.register_assert_rewrite("tests.assignments.shared")


@pytest.fixture(scope="session")
def release_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Release the assignment of a paper, once for all classes that look at it."""

    @functools.cache
    def release(paper: str) -> Path:
        return assignments.release(paper, tmp_path_factory.mktemp("release"))

    return release


@pytest.fixture(scope="class")
def released(request: pytest.FixtureRequest, release_of: Callable[[str], Path]) -> Path:
    """The released notebook of the class's case."""
    return release_of(request.cls.case.paper)


@pytest.fixture(scope="class")
def graded(
    request: pytest.FixtureRequest, released: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, str]]:
    """Rows of the CSV by student, for one run over the class's submissions."""
    folder = tmp_path_factory.mktemp("submissions")
    request.cls.submit(released, folder)
    table = tmp_path_factory.mktemp("grades") / "new folder" / "grades.csv"
    grades = assignments.grade(request.cls.case.paper, folder, table)
    assert str(grades).startswith(f"{table} (6 submissions)")
    with table.open(newline="", encoding="utf-8") as file:
        return {row["student"]: row for row in csv.DictReader(file)}
