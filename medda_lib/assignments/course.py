"""From a master notebook to the students' copy.

A master (`book/assignments/<paper>.py`) holds explanation, solution, visible self-checks and hidden
tests in one file, marked with nbgrader's cell metadata. nbgrader's own steps take solutions and hidden
tests out, in the order in which its converter takes them; that one wants a course directory and a
database besides. A lecturer who runs a full nbgrader course puts the master there instead
(book/guide/teaching.md says how).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jupytext
from nbgrader import preprocessors
from nbgrader.nbgraderformat import ValidationError

from medda_lib import _paths
from medda_lib.assignments import cells, frame, master

MASTERS = _paths.BOOK / "assignments"
STEPS = (
    preprocessors.LockCells,
    preprocessors.ClearSolutions,
    preprocessors.ClearOutput,
    preprocessors.CheckCellMetadata,
    preprocessors.ClearHiddenTests,
    preprocessors.ClearMarkScheme,
    preprocessors.ComputeChecksums,
    preprocessors.CheckCellMetadata,
)


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
        AssignmentError: the paper has no assignment, or its master is damaged.
    """
    target = out if out.suffix == ".ipynb" else out / f"{paper}.ipynb"
    source = master.path_of(paper, masters)
    notebook = stable(jupytext.read(source))
    try:
        with cells.heard():  # nbgrader would log what is raised here
            for step in STEPS:
                notebook, _ = step(log=cells.NBGRADER_LOG).preprocess(notebook, {})
    except (RuntimeError, ValidationError) as error:  # a region without end, a name twice
        raise cells.AssignmentError(f"{source}: {error.__context__ or error}") from error
    cells.write(notebook, target)
    return target


def stable(notebook: Any) -> Any:
    """Names in place of random cell ids, the frame in its place, and no trace of jupytext."""
    frame.fill(notebook)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata.pop("jupytext", None)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = cells.grade_id(cell) or f"cell-{number}"
    return notebook
