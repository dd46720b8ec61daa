"""Freezing a page: same cells, nothing that varies, a record that notices change."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from medda_lib import _paths
from medda_lib.notebooks import (
    NotebookError,
    check,
    freeze,
    record,
    setup_cell,
    show,
    smoke,
    what_moved_on,
)
from medda_lib.notebooks.record import sealed
from medda_lib.notebooks.running import with_values
from medda_lib.notebooks.source_view import _without_docstring
from medda_lib.studies.setting import Setting

PAGE = """# %% [markdown]
# # A page

# %% tags=["parameters"]
profile = "smoke"
data = "phantom"
seed = 7
device = "cpu"

# %%
import sys

import ipywidgets as widgets
from medda_lib.notebooks import moved_on, show
from medda_lib.studies.setting import _setting

moved_on()
print("one\\rtwo", flush=True)
print("three", flush=True)
slider = widgets.IntSlider(max=3)
widgets.jslink((slider, "value"), (widgets.IntText(), "value"))
slider

# %% tags=["nbval-check-output"]
profile, seed

# %%
show(_setting)
"""


def write(folder: Path, text: str = PAGE) -> Path:
    source = folder / "page.py"
    source.write_text(text, "utf-8")
    return source


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return freeze(write(tmp_path_factory.mktemp("pages")), profile="smoke", seed=7)


def test_frozen_notebook_passes_its_own_check(frozen: Path) -> None:
    assert check(frozen.with_suffix(".py")) == []


def test_parameters_are_written_into_the_cell_that_a_reader_edits(tmp_path: Path) -> None:
    source = write(tmp_path, PAGE.replace("smoke", "demo"))
    cells = read(smoke(source, tmp_path / "out"))["cells"]
    result = next(c for c in cells if "nbval-check-output" in c["metadata"].get("tags", []))
    assert result["outputs"][0]["data"]["text/plain"] == "('smoke', 0)"
    (visible,) = [c for c in cells if "profile =" in "".join(c["source"])]
    assert visible["metadata"]["tags"] == ["parameters"]
    assert "".join(visible["source"]).splitlines()[::2] == ['profile = "smoke"', "seed = 0"]


def test_values_replace_values_and_keep_comments() -> None:
    text = 'profile = "demo"  # smoke | demo\nseed = 0\nresults = ""'
    wanted = 'profile = "smoke"  # smoke | demo\nseed = 3\nresults = ""'
    assert with_values(text, {"profile": "smoke", "seed": 3, "device": "cpu"}) == wanted


def test_progress_lines_keep_their_last_state(frozen: Path) -> None:
    streams = [o for c in read(frozen)["cells"] for o in c.get("outputs", []) if "name" in o]
    assert [o["text"] for o in streams if o["name"] == "stdout"] == ["two\nthree\n"]


def test_nothing_of_the_run_remains(frozen: Path) -> None:
    text = frozen.read_text("utf-8")
    assert "papermill" not in text
    assert not re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d", text)
    assert str(frozen.parent) not in text


def test_second_freeze_is_equal_byte_for_byte(frozen: Path) -> None:
    before = frozen.read_bytes()
    freeze(frozen.with_suffix(".py"), profile="smoke", seed=7)
    assert frozen.read_bytes() == before


def test_record_tells_of_the_run(frozen: Path) -> None:
    record = read(frozen)["metadata"]["medda"]
    assert (record["profile"], record["seed"]) == ("smoke", 7)
    run = record["run"]
    assert sorted(run) == sorted("commit dirty date seconds machine gpu python torch".split())
    assert re.fullmatch(r"[0-9a-f]{40}|", run["commit"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", run["date"])
    assert run["dirty"] is True  # this page lies outside the checkout
    assert 0.1 < run["seconds"] < 600
    assert re.search(r", \d+ cores?$", run["machine"])
    assert run["gpu"] is None
    assert run["python"] == platform.python_version()
    assert re.fullmatch(r"\d+\.\d+\.\d+", run["torch"])


def test_setup_cell_comes_first_and_changes_no_other_cell(frozen: Path) -> None:
    cells = read(frozen)["cells"]
    kinds = [cell["cell_type"] for cell in cells]
    assert cells[kinds.index("code")]["metadata"]["tags"] == ["nbval-skip", "remove-cell", "setup"]
    assert sum(map(setup_cell.is_one, cells)) == 1
    ids = [c["id"] for c in cells if "parameters" not in c["id"] and not setup_cell.is_one(c)]
    assert [name.split("-")[0] for name in ids] == [f"{k:03d}" for k in range(len(ids))]


def test_frozen_notebook_runs_again(frozen: Path) -> None:
    assert nbval(frozen).returncode == 0


FACTS = {"commit": "a" * 40, "dirty": False, "date": "2026-01-02", "seconds": 1.5}


def blank(text: str = "1") -> dict[str, Any]:
    """A notebook as it comes from the kernel, before it is sealed."""
    cells = [{"cell_type": "code", "id": "0", "metadata": {}, "source": text, "outputs": []}]
    return {"metadata": {"medda": {"profile": "demo", "library": "0" * 16}}, "cells": cells}


def test_equal_notebook_keeps_the_record_of_its_first_run() -> None:
    first = sealed(blank(), FACTS, None)
    later = FACTS | {"commit": "b" * 40, "seconds": 9.0}
    assert sealed(blank(), later, first) == first
    assert sealed(blank("2"), later, first)["metadata"]["medda"]["run"] == later
    changed = blank()
    changed["metadata"]["medda"]["library"] = "1" * 16
    assert sealed(changed, later, first)["metadata"]["medda"]["run"] == later


def test_notebook_from_before_the_records_gets_one() -> None:
    assert sealed(blank(), FACTS, blank())["metadata"]["medda"]["run"] == FACTS
    assert (
        sealed(blank(), FACTS, {"metadata": {}, "cells": []})["metadata"]["medda"]["run"] == FACTS
    )


def test_setup_cell_names_the_commit_only_where_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDDA_REPOSITORY", "owner/name")
    clean = sealed(blank(), FACTS, None)["cells"][0]["source"]
    assert f'set_up(repository="owner/name", commit="{"a" * 40}")' in clean
    dirty = sealed(blank(), FACTS | {"dirty": True}, None)["cells"][0]["source"]
    assert 'set_up(repository="owner/name", commit="")' in dirty


def test_address_stays_once_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDDA_REPOSITORY", "owner/name")
    first = sealed(blank(), FACTS, None)
    monkeypatch.delenv("MEDDA_REPOSITORY")
    monkeypatch.setenv("GITHUB_REPOSITORY", "somebody/fork")
    assert sealed(blank(), FACTS, first) == first
    assert sealed(blank(), FACTS, None)["metadata"]["medda"]["repository"] == "somebody/fork"


def test_a_checkout_is_dirty_by_page_library_and_results_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_paths, "CHECKOUT", tmp_path)
    for name in ("medda_lib/a.py", "book/results/a.csv", "book/page.py", "book/other.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1\n", "utf-8")
    source = tmp_path / "book" / "page.py"
    assert record._differs(source)  # no repository yet
    git = ["git", "-C", str(tmp_path), "-c", "user.name=A", "-c", "user.email=a@b.c"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run([*git, *command], check=True)
    assert not record._differs(source)
    (tmp_path / "book" / "other.py").write_text("2\n", "utf-8")
    (tmp_path / "book" / "page.ipynb").write_text("{}", "utf-8")
    assert not record._differs(source)
    for name in ("medda_lib/new.py", "book/results/a.csv", "book/page.py"):
        before = (tmp_path / name).read_text("utf-8") if (tmp_path / name).is_file() else None
        (tmp_path / name).write_text("3\n", "utf-8")
        assert record._differs(source), name
        if before is None:
            (tmp_path / name).unlink()
        else:
            (tmp_path / name).write_text(before, "utf-8")


def test_the_machinery_of_pages_is_no_part_of_their_library(tmp_path: Path) -> None:
    names = record._behind("from medda_lib.notebooks import moved_on, show\n")
    assert list(names) == ["medda_lib.notebooks.source_view"]


def test_widgets_are_numbered_as_made(frozen: Path) -> None:
    states = read(frozen)["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]
    names = sorted(states["state"])
    assert names == [f"{k:032x}" for k in range(1, len(names) + 1)]
    link = next(s for s in states["state"].values() if s["model_name"] == "LinkModel")
    assert link["state"]["source"][0].removeprefix("IPY_MODEL_") in names


def test_smoke_gives_a_notebook_that_runs_again_to_the_same_output(tmp_path: Path) -> None:
    path = smoke(write(tmp_path), tmp_path / "out")
    assert nbval(path).returncode == 0
    path.write_text(path.read_text("utf-8").replace("('smoke', 0)", "('smoke', 1)"), "utf-8")
    assert nbval(path).returncode == 1


def nbval(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, "-c", os.devnull, str(path)], capture_output=True, text=True, check=False
    )


def test_failing_cell_is_named_and_the_old_notebook_stays(tmp_path: Path) -> None:
    source = write(tmp_path, "# %%\n1\n\n# %%\n1 / 0\n")
    source.with_suffix(".ipynb").write_text("the old one", "utf-8")
    with pytest.raises(NotebookError, match=r"page\.py, cell 2: ZeroDivisionError"):
        freeze(source)
    assert source.with_suffix(".ipynb").read_text("utf-8") == "the old one"


def test_missing_page_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotebookError, match=r"nowhere\.py: no such page"):
        freeze(tmp_path / "nowhere.py")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda cells: cells.pop(), "has 4 cells, its source 5"),
        (lambda cells: cells[0].update(source="# Another"), "cell 1: differs from the source"),
        (lambda cells: cells[-1].update(execution_count=None), "was not executed"),
        (
            lambda cells: cells[-1]["outputs"].append(
                {"output_type": "error", "ename": "E", "evalue": "no", "traceback": []}
            ),
            "ends with E: no",
        ),
        (
            lambda cells: cells[-1]["outputs"].append(
                {"output_type": "stream", "name": "stdout", "text": "<f at 0x7f0011223344>"}
            ),
            "memory address",
        ),
        (
            lambda cells: cells[-1]["outputs"].append(
                {"output_type": "stream", "name": "stdout", "text": f"{_paths.BOOK}"}
            ),
            "path of the machine",
        ),
        (lambda cells: cells[0].update(id="x" * 1_000_000), "the limit is 1 MB"),
    ],
)
def test_check_names_each_fault(frozen: Path, tmp_path: Path, change: Any, problem: str) -> None:
    source = write(tmp_path)
    notebook = read(frozen)
    change(notebook["cells"])
    source.with_suffix(".ipynb").write_text(json.dumps(notebook), "utf-8")
    problems = check(source)
    assert len(problems) == 1
    assert problem in problems[0]


def test_check_asks_for_a_missing_notebook(tmp_path: Path) -> None:
    assert check(write(tmp_path)) == ["page.ipynb is missing: run `medda freeze page`"]


def test_record_notices_text_and_library(frozen: Path, tmp_path: Path) -> None:
    notebook = read(frozen)
    source = write(tmp_path)
    assert what_moved_on(notebook, source) == []
    write(tmp_path, PAGE + "\n# %% [markdown]\n# More.\n")
    assert what_moved_on(notebook, source) == ["its text"]
    notebook["metadata"]["medda"]["library"] = "0" * 16
    assert what_moved_on(notebook, source) == ["its text", "the library"]
    del notebook["metadata"]["medda"]
    assert what_moved_on(notebook, source)


def test_record_notices_the_results_of_its_paper(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results"
    (results / "multimix").mkdir(parents=True)
    monkeypatch.setattr(_paths, "RESULTS", results)
    monkeypatch.setattr(_paths, "CHECKOUT", tmp_path)
    (tmp_path / "medda_lib" / "papers" / "multimix").mkdir(parents=True)
    source = tmp_path / "multimix.py"
    source.write_text("# %%\n1\n", "utf-8")
    notebook = {"metadata": {"medda": record.present(source)}}
    assert what_moved_on(notebook, source) == []
    (results / "multimix" / "demo-phantom.csv").write_text("value\n1\n", "utf-8")
    assert what_moved_on(notebook, source) == ["the results"]


def test_show_renders_the_source_as_it_stands() -> None:
    text = show(Setting).data
    assert "medda_lib/studies/setting.py" in text
    assert "class Setting:" in text
    assert '"""What may be seen' in text
    assert '"""What may be seen' not in show(Setting, docstring=False).data
    with pytest.raises(TypeError, match="pass a function or a class"):
        show(len)


def test_docstring_goes_and_nothing_else() -> None:
    text = 'def f(x):\n    """One.\n\n    Two.\n    """\n\n    y = x\n    return y'
    assert _without_docstring(text) == "def f(x):\n    y = x\n    return y"
    assert _without_docstring("def f():\n    return 1") == "def f():\n    return 1"
    assert _without_docstring('def f():\n    """Only."""') == 'def f():\n    """Only."""'
