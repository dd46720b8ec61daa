"""Install the library from a checkout into a Python that is already running a notebook.

The setup cell of a page calls `install` on Colab and the like. Such a machine brings its own torch,
built for its GPU, and its kernel has packages loaded that pip cannot replace under it: both stay as they
are. All else gets the versions of `constraints.txt`; where those cannot be met beside what stays, the
lower bounds of `pyproject.toml` alone have to do, and a line says so. Standard library only: nothing
else can be counted on here.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TORCH = {"torch", "torchvision", "torchaudio", "triton"}
_TOOLS = {
    "pip",
    "setuptools",
}  # every Python loads a hook of theirs; nothing in a kernel stands on them
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class InstallError(RuntimeError):
    """What the book needs could not be installed; the message ends with what pip said."""


@dataclass(frozen=True)
class Plan:
    """What pip is asked for.

    requirements: lines of `pyproject.toml`, without those for packages that stay.
    kept: packages that stay, name -> version. pins: lines of `constraints.txt` for all others.
    """

    requirements: tuple[str, ...]
    kept: Mapping[str, str]
    pins: tuple[str, ...]

    def constraints(self, *, pinned: bool) -> str:
        """The text of a constraints file; without `pinned` only what stays is fixed."""
        fixed = [f"{name}=={version}" for name, version in sorted(self.kept.items())]
        return "\n".join([*fixed, *(self.pins if pinned else ())]) + "\n"


def install(checkout: Path) -> None:
    """Install the library of a checkout, with what it needs, for the Python that runs this.

    Says what it does. Raises `InstallError` where Python is too old or pip fails.
    """
    needed = _project(checkout)["requires-python"].removeprefix(">=")
    if sys.version_info < tuple(int(part) for part in needed.split(".")):
        raise InstallError(
            f"medda needs Python {needed} or newer, this is {sys.version.split()[0]}"
        )
    made = plan(checkout, installed(), loaded())
    stays = ", ".join(f"{n} {made.kept[n]}" for n in sorted(TORCH & set(made.kept))) or "no torch"
    others = len(set(made.kept) - TORCH)
    print("Installing medda for this notebook: some minutes, once.")
    print(f"What stays as it is: {stays}, and {others} packages that the kernel has loaded.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "constraints.txt"
        file.write_text(made.constraints(pinned=True), "utf-8")
        if _pip("--constraint", str(file), *made.requirements):
            print("The pinned versions do not fit beside those; trying with newer or older ones.")
            file.write_text(made.constraints(pinned=False), "utf-8")
            if problem := _pip("--constraint", str(file), *made.requirements):
                raise InstallError(f"pip could not install what the book needs:\n{problem}")
    if problem := _pip("--no-deps", "--editable", str(checkout)):
        raise InstallError(f"pip could not install the library from {checkout}:\n{problem}")
    importlib.invalidate_caches()
    print("Done: medda_lib is ready in this notebook.")


def plan(checkout: Path, installed: Mapping[str, str], loaded: Iterable[str]) -> Plan:
    """What to install beside `installed` (name -> version), leaving torch and `loaded` alone.

    Names are normalised: lower case, with single dashes.
    """
    present_torch: set[str] = TORCH & set(installed) if "torch" in installed else set()
    kept = {name: installed[name] for name in {*present_torch, *loaded} if name in installed}
    # A torch that stays decides by itself which of its companions fit.
    free = {*kept, *TORCH} if present_torch else set(kept)
    wanted = _project(checkout)["dependencies"]
    lines = (checkout / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return Plan(
        requirements=tuple(line for line in wanted if _name(line) not in kept),
        kept=kept,
        pins=tuple(line for line in pins if _name(line) not in free),
    )


def installed() -> dict[str, str]:
    """Every distribution of this Python, normalised name -> version."""
    found = importlib.metadata.distributions()
    return {_name(one.metadata["Name"]): one.version for one in found if one.metadata["Name"]}


def loaded() -> set[str]:
    """The normalised names of the distributions that this process has loaded modules of."""
    owners = importlib.metadata.packages_distributions()
    tops = {name.partition(".")[0] for name in sys.modules}
    return {_name(owner) for top in tops for owner in owners.get(top, ())} - _TOOLS


def _pip(*arguments: str) -> str:
    """Call `pip install` of this Python; returns "", or the last lines of what it said on failing."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    return "\n".join(done.stderr.strip().splitlines()[-15:]) or f"exit code {done.returncode}"


def _project(checkout: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((checkout / "pyproject.toml").read_text("utf-8"))[
        "project"
    ]
    return project


def _name(requirement: str) -> str:
    """The normalised name at the start of a requirement: "grad-cam" of "grad_cam>=1.5"."""
    match = _NAME.match(requirement)
    return re.sub(r"[-_.]+", "-", match.group()).lower() if match else ""
