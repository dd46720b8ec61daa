"""From a master notebook to the students' copy.

A master (`book/assignments/<paper>.py`) holds explanation, solution, visible self-checks and hidden
tests in one file, marked with nbgrader's cell metadata. nbgrader's own converter takes solutions
and hidden tests out. It wants a course directory and a gradebook, so each call makes both in a
temporary folder: no server, no exchange, no configuration, nothing to keep. A lecturer who runs a
full nbgrader course puts the master there instead (book/guide/teaching.md says how).
"""

from __future__ import annotations

import os
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory

from medda_lib import _paths
from medda_lib.assignments import cells, frame, master

MASTERS = _paths.BOOK / "assignments"


def available(masters: Path = MASTERS) -> tuple[str, ...]:
    """Papers that have an assignment."""
    return master.available(masters)


def release(paper: str, out: Path, masters: Path = MASTERS) -> Path:
    """Write the students' notebook: no solution, no hidden test, no output.

    Args:
        paper: key of a paper that has an assignment.
        out: a path that ends in `.ipynb`, or a folder that receives `<paper>.ipynb`.
        masters: where the master notebooks lie.

    Returns:
        The path of the notebook. The same master gives the same bytes.

    Raises:
        AssignmentError: the paper has no assignment.
    """
    target = out if out.suffix == ".ipynb" else out / f"{paper}.ipynb"
    with course(paper, masters) as made:
        cells.write(cells.read(made.released), target)
    return target


@dataclass(frozen=True)
class Course:
    """A course directory with one generated assignment, laid out as nbgrader wants it."""

    root: Path
    paper: str

    @property
    def released(self) -> Path:
        """The students' notebook."""
        return self.root / "release" / self.paper / f"{self.paper}.ipynb"

    def directory(self, student: str = "*") -> CourseDirectory:
        """The view that nbgrader has of it, for one student or for all."""
        return CourseDirectory(root=str(self.root), assignment_id=self.paper, student_id=student)


@contextmanager
def course(paper: str, masters: Path = MASTERS) -> Iterator[Course]:
    """A course directory that lasts for the block, with the assignment generated in it."""
    source = master.path_of(paper, masters)
    with tempfile.TemporaryDirectory(prefix="medda-course-") as folder, _scripts_on_path():
        # resolve(): nbgrader compares paths as text, and the temporary folder may be a link
        made = Course(Path(folder).resolve(), paper)
        cells.write(stable(jupytext.read(source)), made.root / "source" / paper / f"{paper}.ipynb")
        GenerateAssignment(coursedir=made.directory(), log=cells.NBGRADER_LOG).start()
        yield made


@contextmanager
def _scripts_on_path() -> Iterator[None]:
    """Let nbgrader start `alembic` by name in an environment that is not activated."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before


def stable(notebook: Any) -> Any:
    """Names in place of random cell ids, the frame in its place, and no trace of jupytext."""
    frame.fill(notebook)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata.pop("jupytext", None)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = cells.grade_id(cell) or f"cell-{number}"
    return notebook
