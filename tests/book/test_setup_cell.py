"""The cell that installs the library where it is missing, and the configurations of hosted machines."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from medda_lib import _paths, install
from medda_lib.install import InstallError, plan
from medda_lib.notebooks import address as addresses
from medda_lib.notebooks import setup_cell

COMMIT = "0123456789abcdef0123456789abcdef01234567"
STUB = """def install(checkout):
    print("installing from", checkout.name, (checkout / "version").read_text().strip())
"""


def text(address: str = "owner/name", commit: str = COMMIT) -> str:
    """The source of a setup cell."""
    cells: list[dict[str, Any]] = []
    setup_cell.insert(cells, address, commit)
    return str(cells[0]["source"])


# --- the cell --------------------------------------------------------------------------------------


def test_cell_stands_before_the_first_code_and_is_hidden() -> None:
    cells: list[dict[str, Any]] = [
        {"cell_type": kind, "metadata": {}} for kind in ("markdown", "code", "code")
    ]
    setup_cell.insert(cells, "owner/name", COMMIT)
    assert [setup_cell.is_one(cell) for cell in cells] == [False, True, False, False]
    assert {"remove-cell", "nbval-skip"} <= set(cells[1]["metadata"]["tags"])
    compile(str(cells[1]["source"]), "cell", "exec")
    assert max(map(len, str(cells[1]["source"]).splitlines())) <= 105


def test_cell_does_nothing_silently_where_the_library_is() -> None:
    done = run(text(), python=[sys.executable])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_cell_asks_before_it_installs_on_a_machine_of_ones_own(tmp_path: Path) -> None:
    done = run(text(), folder=tmp_path)
    assert done.returncode == 1
    assert "run `make env`" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def public(tmp_path: Path) -> tuple[str, str]:
    """A repository with two versions of a library that only says what it would do: address, first."""
    folder = tmp_path / "public"
    (folder / "medda_lib").mkdir(parents=True)
    (folder / "medda_lib" / "__init__.py").write_text("", "utf-8")
    (folder / "medda_lib" / "install.py").write_text(STUB, "utf-8")
    git(folder, "init", "--quiet")
    commits = []
    for version in ("first", "second"):
        (folder / "version").write_text(version, "utf-8")
        git(folder, "add", ".")
        git(folder, "-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "-qm", version)
        commits.append(git(folder, "rev-parse", "HEAD"))
    return folder.as_uri(), commits[0]


def test_cell_fetches_the_commit_of_the_page(public: tuple[str, str], tmp_path: Path) -> None:
    address, first = public
    done = run(text("owner/name", first), tmp_path / "empty", MEDDA_REPOSITORY=address)
    assert done.returncode == 0, done.stderr
    assert f"Fetching {address} at {first} ..." in done.stdout
    assert "installing from medda first" in done.stdout
    again = run(
        text("owner/name", first), tmp_path / "empty"
    )  # the clone is there: no address needed
    assert again.stdout == "installing from medda first\n"


@pytest.mark.parametrize("commit", ["", COMMIT])
def test_cell_takes_the_newest_version_without_a_public_commit(
    public: tuple[str, str], tmp_path: Path, commit: str
) -> None:
    done = run(text("", commit), tmp_path / "empty", MEDDA_REPOSITORY=public[0])
    assert done.returncode == 0, done.stderr
    assert f"Fetching {public[0]} at HEAD ..." in done.stdout
    assert "installing from medda second" in done.stdout


def test_cell_names_an_address_that_cannot_be_fetched(tmp_path: Path) -> None:
    missing = (tmp_path / "nowhere").as_uri()
    done = run(text(), tmp_path / "empty", MEDDA_REPOSITORY=missing)
    assert done.returncode == 1
    assert f"{missing} could not be fetched: fatal" in done.stderr


def run(
    cell: str, folder: Path | None = None, python: list[str] | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Execute a cell; by default in a Python without packages (-S), hosted where variables are given."""
    if folder is not None:
        folder.mkdir(exist_ok=True)
    hosted = {"COLAB_RELEASE_TAG": "x"} if folder is not None and folder.name == "empty" else {}
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [*(python or [sys.executable, "-S"]), "-c", cell],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=kept | hosted | variables,
    )


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


# --- stamping --------------------------------------------------------------------------------------


def test_stamp_writes_the_address_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "page.ipynb"
    run = {"commit": COMMIT, "dirty": False}
    cells: list[dict[str, Any]] = [{"cell_type": "code", "id": "a", "metadata": {}, "source": "1"}]
    setup_cell.insert(cells, "", COMMIT)
    path.write_text(json.dumps({"cells": cells, "metadata": {"medda": {"run": run}}}), "utf-8")
    assert addresses.stamp(path, "owner/name")
    notebook = json.loads(path.read_text("utf-8"))
    assert f'set_up(repository="owner/name", commit="{COMMIT}")' in notebook["cells"][0]["source"]
    assert notebook["cells"][1:] == cells[1:]
    assert notebook["metadata"]["medda"] == {"run": run, "repository": "owner/name"}
    assert not addresses.stamp(path, "owner/name")


def test_stamp_wants_owner_and_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert addresses.main(["https://example.org"]) == 2
    assert "owner/name" in capsys.readouterr().err


# --- what is installed -----------------------------------------------------------------------------


def test_plan_leaves_torch_and_the_kernel_alone() -> None:
    installed = {
        "torch": "2.9.0+cu126",
        "torchvision": "0.24.0",
        "ipython": "7.34.0",
        "numpy": "2.0.2",
    }
    made = plan(_paths.CHECKOUT, installed, loaded={"ipython", "not-installed"})
    assert made.kept == {"torch": "2.9.0+cu126", "torchvision": "0.24.0", "ipython": "7.34.0"}
    names = {re.split("[<>=;]", line)[0] for line in made.requirements}
    assert {"numpy", "monai", "umap-learn"} <= names
    assert not names & {"torch", "torchvision", "ipython"}
    fixed = made.constraints(pinned=True).splitlines()
    assert [line for line in fixed if line.startswith(("torch", "ipython=="))] == [
        "ipython==7.34.0",
        "torch==2.9.0+cu126",
        "torchvision==0.24.0",
    ]
    assert any(line.startswith("numpy==") for line in fixed)
    assert made.constraints(pinned=False).splitlines() == fixed[:3]


def test_plan_lets_a_torch_choose_its_own_torchvision() -> None:
    made = plan(_paths.CHECKOUT, {"torch": "2.9.0"}, loaded=())
    assert any(line.startswith("torchvision>=") for line in made.requirements)
    assert "torchvision" not in made.constraints(pinned=True)


def test_plan_without_torch_pins_everything() -> None:
    made = plan(_paths.CHECKOUT, {}, loaded=())
    assert made.kept == {}
    pins = set(made.pins)
    text = (_paths.CHECKOUT / "constraints.txt").read_text("utf-8")
    assert pins == {line for line in text.splitlines() if "==" in line}
    assert any(line.startswith("torch==") for line in pins)


def test_what_is_loaded_is_found_by_distribution() -> None:
    found = install.loaded()
    assert "pytest" in found
    assert "setuptools" not in found
    assert install.installed()["pytest"] == pytest.__version__


@pytest.mark.parametrize(
    ("codes", "raises", "calls"),
    [
        ((0, 0), None, 2),
        ((1, 0, 0), None, 3),
        ((1, 1), "needs:\nno", 2),
        ((0, 1), "library from", 2),
    ],
)
def test_install_tries_the_pins_first(
    codes: tuple[int, ...],
    raises: str | None,
    calls: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    called: list[list[str]] = []
    pins: list[int] = []

    def pip(command: list[str], **_: Any) -> SimpleNamespace:
        called.append(command)
        if "--constraint" in command:
            file = Path(command[command.index("--constraint") + 1])
            pins.append(len(file.read_text("utf-8").splitlines()))
        return SimpleNamespace(returncode=codes[len(called) - 1], stderr="no\n")

    monkeypatch.setattr("medda_lib.install.subprocess.run", pip)
    if raises is None:
        install.install(_paths.CHECKOUT)
        assert "medda_lib is ready" in capsys.readouterr().out
        assert called[-1][4:] == [*called[-1][4:6], "--no-deps", "--editable", str(_paths.CHECKOUT)]
    else:
        with pytest.raises(InstallError, match=raises):
            install.install(_paths.CHECKOUT)
    assert len(called) == calls
    assert all(command[1:4] == ["-m", "pip", "install"] for command in called)
    assert pins == sorted(pins, reverse=True)


def test_install_refuses_an_old_python(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nrequires-python = ">=9.1"\n', "utf-8")
    with pytest.raises(InstallError, match=r"needs Python 9\.1 or newer, this is 3"):
        install.install(tmp_path)


# --- hosted machines -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [".binder/postBuild", ".binder/start", ".devcontainer/create.sh"])
def test_scripts_of_hosted_machines_are_sound(name: str) -> None:
    path = _paths.CHECKOUT / name
    assert subprocess.run(["bash", "-n", str(path)], check=False).returncode == 0
    assert path.suffix == ".sh" or os.access(path, os.X_OK)
    commands = path.read_text("utf-8")
    if "pip install" in commands:
        assert "--torch-backend cpu" in commands
        assert "--constraint constraints.txt" in commands


def test_hosted_machines_have_the_python_of_the_project() -> None:
    version = (_paths.CHECKOUT / ".binder" / "runtime.txt").read_text("utf-8").strip()
    container = json.loads(
        (_paths.CHECKOUT / ".devcontainer" / "devcontainer.json").read_text("utf-8")
    )
    assert version == "python-3.11"
    assert container["image"].startswith("python:3.11-")
    assert container["containerEnv"] == {"OMP_NUM_THREADS": "1"}
    assert container["postCreateCommand"].split()[-1] == ".devcontainer/create.sh"
