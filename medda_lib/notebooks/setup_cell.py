"""The first code cell of a frozen notebook: on Colab and the like it fetches and installs the library.

A committed notebook may be opened where nothing of this project is: the cell then clones the public
repository at the commit that the page was executed at (its default branch where that commit is not
public) and hands over to `medda_lib/install.py` of the clone. Where `medda_lib` can be imported the cell
does nothing. On a machine that is not a hosted one it asks before it installs anything. The book leaves
the cell out.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from typing import Any

from medda_lib import _paths

TAG = "setup"
_GITHUB = re.compile(r"(?:^|[/@.])github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?$")
NAME = re.compile(r"[\w.-]+/[\w.-]+")

TEXT = '''# @title Setup (where medda_lib is installed, this does nothing)
def set_up(repository, commit):
    """Fetch the code of this book and install it into the Python of this notebook."""
    import importlib.util
    import os
    import subprocess
    import sys
    from pathlib import Path

    if importlib.util.find_spec("medda_lib") is not None:
        return
    hosts = "COLAB_RELEASE_TAG KAGGLE_KERNEL_RUN_TYPE BINDER_LAUNCH_HOST CODESPACES MEDDA_SETUP"
    if not any(name in os.environ for name in hosts.split()):
        raise RuntimeError(
            "This kernel has no medda_lib. With a checkout of the book: run `make env` there and "
            "choose the kernel of its .venv. To fetch the book and install it into this very Python: "
            "run `%env MEDDA_SETUP=1` in a new cell, then this cell again."
        )
    places = (Path.cwd(), *Path.cwd().parents, Path.cwd() / "medda")
    folder = next((p for p in places if (p / "medda_lib" / "install.py").is_file()), None)
    if folder is None:
        folder = places[-1]
        repository = os.environ.get("MEDDA_REPOSITORY") or repository
        repository = repository or input("Repository of this notebook on GitHub (owner/name): ")
        address = repository if "://" in repository else f"https://github.com/{repository}"
        subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
        git = ["git", "-C", str(folder)]
        for version in filter(None, (commit, "HEAD")):
            print(f"Fetching {address} at {version} ...", flush=True)
            fetch = [*git, "fetch", "--quiet", "--depth", "1", address, version]
            done = subprocess.run(fetch, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                break
        else:
            raise RuntimeError(f"{address} could not be fetched: {done.stderr.strip()}")
        subprocess.run([*git, "checkout", "--quiet", "FETCH_HEAD"], check=True)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    from medda_lib.install import install

    install(folder)


set_up(repository="@REPOSITORY@", commit="@COMMIT@")
del set_up
'''


def repository(fallback: str = "") -> str:
    """The project's address on GitHub as "owner/name", "" where none is known.

    First `MEDDA_REPOSITORY`, then `fallback`, then `GITHUB_REPOSITORY`, then the remote `origin` of the
    checkout where that lies on GitHub. Raises ValueError for a variable that is no "owner/name".
    """
    for variable in ("MEDDA_REPOSITORY", "", "GITHUB_REPOSITORY"):
        value = os.environ.get(variable, "").strip() if variable else fallback
        if value and not NAME.fullmatch(value):
            raise ValueError(f"{variable or 'repository'} is {value!r}; expected owner/name")
        if value:
            return value
    match = _GITHUB.search(_origin())
    return match.group(1) if match else ""


def _origin() -> str:
    """The address that the checkout was cloned from, "" where there is none."""
    command = ["git", "-C", str(_paths.CHECKOUT), "remote", "get-url", "origin"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return ""  # no git on this machine
    return done.stdout.strip()


def insert(cells: list[dict[str, Any]], address: str, commit: str) -> None:
    """Put the setup cell before the first code cell, in place.

    address: "owner/name" or "". commit: 40 hex digits, or "" for the newest version.
    """
    text = TEXT.replace("@REPOSITORY@", address).replace("@COMMIT@", commit).rstrip("\n")
    cell: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "id": TAG,
        "metadata": {
            "cellView": "form",  # folded in Colab, as `source_hidden` does in JupyterLab
            "jupyter": {"source_hidden": True},
            "tags": ["nbval-skip", "remove-cell", TAG],
        },
        "outputs": [],
        "source": text,
    }
    first = next((i for i, c in enumerate(cells) if c["cell_type"] == "code"), len(cells))
    cells.insert(first, cell)


def is_one(cell: Mapping[str, Any]) -> bool:
    """Whether a cell of a notebook is a setup cell."""
    return TAG in cell["metadata"].get("tags", []) and cell.get("id") == TAG
