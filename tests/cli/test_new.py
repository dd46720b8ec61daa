"""`medda new` in a copy of the checkout: what it writes runs, is clean, and never overwrites."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medda_lib import _paths
from medda_lib.cli import app
from medda_lib.commands.new import write_method, write_paper

KEY, METHOD = "avagrad", "mean_gap"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library, its settings and the toys of the methods' tests, with a new chapter and a method."""
    top = tmp_path_factory.mktemp("copy")
    skip = shutil.ignore_patterns("__pycache__")
    for name in ("medda_lib", "tests/methods"):
        shutil.copytree(_paths.CHECKOUT / name, top / name, ignore=skip)
    for name in ("pyproject.toml", "tests/__init__.py", "tests/benchmarks.py", "_toc.yml"):
        shutil.copy(_paths.CHECKOUT / name, top / name)
    (top / "book").mkdir()
    for name in ("references.bib", "glossary.md"):
        shutil.copy(_paths.BOOK / name, top / "book" / name)
    write_paper(KEY, top)
    write_method(METHOD, top)
    return top


def python(copy: Path, *command: str) -> subprocess.CompletedProcess[str]:
    where = {**os.environ, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}
    where["MYPY_CACHE_DIR"] = str(_paths.CHECKOUT / ".mypy_cache")  # the copy has the same files
    command = (sys.executable, *command)
    return subprocess.run(command, cwd=copy, env=where, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_what_is_written_runs_at_once_and_lacks_what_is_to_be_filled_in(copy: Path) -> None:
    done = python(copy, "-m", "medda_lib", "new", "gaps", KEY)
    assert done.returncode == 1, done.stderr
    told = done.stdout.splitlines()
    assert "study.py: 'S-1000' is run, and paper.toml says 'not yet'" in told
    for text in ("reported/: no table is", "claims.toml: no claim", "notes.toml: no pitfall"):
        assert any(line.startswith(text) for line in told)
    assert not [line for line in told if f"book/teaching/{KEY}.md is missing" in line]
    store = ("run", KEY, "--profile", "smoke", "--store", "runs")
    ran = python(copy, "-m", "medda_lib", *store)
    assert "2 of 2 runs" in ran.stdout, ran.stderr
    tests = python(copy, "-m", "pytest", "-q", f"tests/methods/test_{METHOD}.py")
    assert "3 passed" in tests.stdout, tests.stdout


@pytest.mark.slow
@pytest.mark.parametrize("tool", [("ruff", "check"), ("ruff", "format", "--check"), ("mypy",)])
def test_what_is_written_is_clean(copy: Path, tool: tuple[str, ...]) -> None:
    files = [f"medda_lib/papers/{KEY}", f"medda_lib/methods/{METHOD}.py"]
    files += [f"tests/methods/test_{METHOD}.py", f"tests/papers/test_{KEY}.py"]
    files += [f"book/{room}/{KEY}.py" for room in ("chapters", "assignments")] * (tool[0] == "ruff")
    done = python(copy, "-m", *tool, *files)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_is_overwritten(copy: Path) -> None:
    file = copy / "medda_lib/papers" / KEY / "study.py"
    for name in ("claims.toml", "notes.toml", "reported/table1.csv"):
        (file.parent / name).unlink(missing_ok=True)
    text = file.read_text("utf-8")
    with pytest.raises(FileExistsError, match=r"avagrad.study\.py is there already; nothing was"):
        write_paper(KEY, copy)
    assert not (file.parent / "claims.toml").exists()
    assert file.read_text("utf-8") == text
    assert (file.parent / "paper.toml").read_text("utf-8").count("[[data]]") == 1
    with pytest.raises(FileExistsError, match="mean_gap"):
        write_method(METHOD, copy)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("paper", "nosuch"), 2, "unknown paper 'nosuch'"),
        (("paper", "odex"), 2, "is there already; nothing was written"),
        (("method", "Seg-JDOT"), 2, "no name of a module"),
        (("method", "adabn"), 2, "adabn.py is there already"),
        (("gaps", "nosuch"), 2, "unknown paper 'nosuch'"),
        (("gaps", "popar"), 1, "popar has no study yet"),
        (("gaps", "odex"), 0, "odex: nothing is missing"),
    ],
)
def test_the_command_says_what_it_did(arguments: tuple[str, ...], code: int, message: str) -> None:
    result = CliRunner().invoke(app, ["new", *arguments])
    assert result.exit_code == code
    assert message in result.output.replace("\n", " ")
