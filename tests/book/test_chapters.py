"""Every page with code: its notebook is the executed form of its source, and it runs at `smoke`.

A source that the table of contents does not list is a draft: it has to run, but need not be executed.
The processor time of a page is reported at the end beside its budget; see `tests/conftest.py`.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from medda_lib import _paths
from medda_lib.notebooks import check, smoke
from medda_lib.notebooks.running import PARAMETERS, read, tags
from tests.benchmarks import benchmark
from tests.conftest import PROCESSOR

MEMORY = benchmark("page_memory")
PAGES = [
    path
    for path in sorted([*_paths.BOOK.glob("*.py"), *_paths.BOOK.glob("[cf]*s/*.py")])
    if path.parent.name != "assignments"
]
NBVAL = [sys.executable, "-m", "pytest", "--nbval-lax", "-q", "-c", os.devnull]
NBVAL += ["-p", "no:cacheprovider", "--nbval-kernel-startup-timeout=600"]
NAMES = [str(path.relative_to(_paths.BOOK)) for path in PAGES]


def listed(source: Path) -> bool:
    """Whether a page stands in the table of contents."""
    name = str(source.with_suffix("").relative_to(_paths.CHECKOUT))
    return name in (_paths.CHECKOUT / "_toc.yml").read_text("utf-8").split()


READ = [path for path in PAGES if listed(path)]


@pytest.mark.parametrize("source", READ, ids=[str(p.relative_to(_paths.BOOK)) for p in READ])
def test_notebook_is_the_executed_source(source: Path) -> None:
    assert check(source) == []


@pytest.mark.parametrize("source", PAGES, ids=NAMES)
def test_no_later_cell_sets_back_what_a_reader_edits(source: Path) -> None:
    cells = [cell for cell in read(source)["cells"] if cell["cell_type"] == "code"]
    (first,) = [i for i, cell in enumerate(cells) if PARAMETERS in tags(cell)]
    mine = _assigned(cells[first]["source"])
    assert {"profile", "data", "seed", "device"} <= mine
    later = [name for cell in cells[first + 1 :] for name in _assigned(cell["source"]) & mine]
    assert later == []


def _assigned(text: str) -> set[str]:
    """The names that a cell's own lines assign, functions and classes left out."""
    targets = [
        t for line in ast.parse(text).body if isinstance(line, ast.Assign) for t in line.targets
    ]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def test_every_executed_page_is_in_the_table_of_contents() -> None:
    made = [path for path in PAGES if path.with_suffix(".ipynb").is_file()]
    assert [path.name for path in made if not listed(path)] == []


@pytest.mark.parametrize("source", PAGES, ids=NAMES)
def test_cells_are_short(source: Path) -> None:
    import jupytext

    code = [
        cell["source"] for cell in jupytext.read(source)["cells"] if cell["cell_type"] == "code"
    ]
    long = [text.splitlines()[0] for text in code if len(text.splitlines()) > 40]
    assert not long, f"cells of more than 40 lines: {long}"


@pytest.mark.slow
@pytest.mark.parametrize("source", PAGES, ids=NAMES)
def test_page_runs_at_smoke_and_twice_the_same(
    source: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with MEMORY.Meter() as meter:
        notebook = smoke(source, tmp_path)
    name = str(source.relative_to(_paths.BOOK))
    record_property(PROCESSOR, (name, round(meter.seconds, 1), MEMORY.SECONDS))
    assert 0 < meter.peak < MEMORY.BUDGET, (
        f"{source.name} held {meter.peak / 1e6:.0f} MB at smoke: too much for a hosted notebook; "
        f"see benchmarks/page_memory.py"
    )
    again = subprocess.run(
        [*NBVAL, str(notebook)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert again.returncode == 0, again.stdout[-4000:]
