"""A master of two small exercises, and submissions of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import nbformat

from medda_lib import assignments
from medda_lib.assignments import cells

SECRET = "swordfish-7391"  # stands in a hidden check, and nowhere else
RIGHT = {
    "one": "def one(x):\n    return 2 * x",
    "two": "def two():\n    return 2",
}


def meta(name: str, *, grade: bool = False, solution: bool = False) -> str:
    """The head of a cell that nbgrader looks after."""
    found = {"grade": grade, "grade_id": name, "locked": not solution, "solution": solution}
    points = {"points": 2} if grade else {}
    return "# %% nbgrader=" + json.dumps(found | points | {"schema_version": 3, "task": False})


MASTER = f"""# %% [markdown]
# # Assignment: two small things

{meta("setup")}
import torch

{meta("one-answer", solution=True)}
def one(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION

{meta("one-checks", grade=True)}
found = one(torch.ones(2))
assert torch.equal(found, torch.full((2,), 2.0)), f"twice one is two,\\nnot {{found.tolist()}}"
### BEGIN HIDDEN TESTS
# topic: numbers below zero
x = torch.tensor([-3.25])
found = one(x)
assert torch.allclose(found, 2 * x), "{SECRET}"
### END HIDDEN TESTS

{meta("two-answer", solution=True)}
def two():
    ### BEGIN SOLUTION
    return 2
    ### END SOLUTION

{meta("two-checks", grade=True)}
assert two() > 0, "a positive number,\\nplease"
### BEGIN HIDDEN TESTS
assert two() == 2, "not the number"
### END HIDDEN TESTS
"""


def masters(folder: Path) -> Path:
    """Write the master; returns the folder of masters."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiny.py").write_text(MASTER)
    return folder


def released(folder: Path) -> Path:
    """The students' notebook of the master in a folder."""
    return assignments.release("tiny", folder / "release", masters(folder / "masters"))


def submit(
    release: Path,
    path: Path,
    answers: Mapping[str, str],
    outputs: tuple[Mapping[str, object], ...] = (),
) -> Path:
    """Write a submission with answers; outputs go to the first answer."""
    notebook = cells.read(release)
    named = cells.named(notebook)
    for name, source in answers.items():
        named[f"{name}-answer"].source = source
    named["one-answer"].outputs = [nbformat.from_dict(dict(o)) for o in outputs]  # type: ignore[no-untyped-call]
    cells.write(notebook, path)
    return path
