"""Making the notebook of a page: executed, and stripped of what would differ from one run to the next.

So a second freeze of unchanged code changes nothing. Into the notebook go a record of what it was made
from and of the run (`record`), and a cell that installs the library where it is missing (`setup_cell`).
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from medda_lib import _paths
from medda_lib.notebooks.record import RECORD, present, run_facts, sealed
from medda_lib.notebooks.running import dump, execute

_MODEL_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")


def freeze(
    source: Path, profile: str = "demo", data: str = "phantom", seed: int = 0, device: str = "cpu"
) -> Path:
    """Execute a page and write the notebook beside it, as the book renders it.

    source: the page's `.py`. The four parameters go to the cell tagged `parameters`.
    Returns the path of the `.ipynb`; an older one is replaced only when every cell ran.
    Raises `NotebookError` with the failing cell's own error.
    """
    parameters = {"profile": profile, "data": data, "seed": seed, "device": device}
    target = source.with_suffix(".ipynb")
    with tempfile.TemporaryDirectory() as folder:
        notebook = execute(source, Path(folder) / target.name, parameters)
    facts = run_facts(source, device, notebook["metadata"]["papermill"]["duration"])
    _strip(notebook)
    notebook["metadata"][RECORD] = {**parameters, **present(source)}
    stable = _with_stable_widget_ids(notebook)
    partial = target.with_suffix(".ipynb.partial")
    partial.write_text(dump(sealed(stable, facts, _earlier(target))), "utf-8")
    partial.replace(target)
    return target


def _earlier(target: Path) -> Any:
    """The notebook that is about to be replaced; None where there is none that can be read."""
    try:
        return json.loads(target.read_text("utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None  # the first freeze, or a file that was damaged


def smoke(source: Path, folder: Path | None = None) -> Path:
    """Execute a page at the `smoke` profile; returns the executed notebook in `folder`.

    folder: `_build/smoke` of the checkout by default. The notebook can be run again and compared:
    ``pytest --nbval-lax NOTEBOOK``. Raises `NotebookError` with the failing cell's own error.
    """
    folder = folder or _paths.CHECKOUT / "_build" / "smoke"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{source.stem}.ipynb"
    parameters = {"profile": "smoke", "data": "phantom", "seed": 0, "device": "cpu"}
    notebook = execute(source, target, parameters)
    target.write_text(dump(notebook), "utf-8")
    return target


def _strip(notebook: dict[str, Any]) -> None:
    """Take out what differs between two runs of the same page: times, host, patch versions."""
    metadata = notebook["metadata"]
    metadata.pop("papermill", None)
    metadata.get("language_info", {}).pop("version", None)
    for cell in notebook["cells"]:
        for key in ("papermill", "execution"):
            cell["metadata"].pop(key, None)
        if cell["cell_type"] == "code":
            cell["outputs"] = list(_joined_streams(cell["outputs"]))


def _joined_streams(outputs: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Join neighbouring pieces of one stream, and of a rewritten line keep what stayed on screen."""
    last: dict[str, Any] | None = None
    for output in outputs:
        if output["output_type"] != "stream":
            last = None
            yield output
        elif last is not None and last["name"] == output["name"]:
            last["text"] = _settled(last["text"] + "".join(output["text"]))
        else:
            last = {**output, "text": _settled("".join(output["text"]))}
            yield last


def _settled(text: str) -> str:
    return re.sub(r"[^\n]*\r(?!\n)(?=[^\n])", "", text)


def _with_stable_widget_ids(notebook: Mapping[str, Any]) -> Any:
    """Number the widgets in the order in which the page made them; their own ids are random."""
    states = notebook["metadata"].get("widgets", {}).values()
    made = dict.fromkeys(key for state in states for key in state.get("state", {}))
    names = {old: f"{position:032x}" for position, old in enumerate(made, 1)}
    text = _MODEL_ID.sub(
        lambda match: names.get(match.group(), match.group()), json.dumps(notebook)
    )
    return json.loads(text)
