"""From the source of a page to its executed notebook, and back to the question whether it still holds.

A page is written as a `.py` file in cells (jupytext's percent format): that is what is edited, reviewed
and linted. `freeze` makes the notebook beside it, runs it with papermill and strips what would differ
from one run to the next, so that a second freeze of unchanged code changes nothing. Into the notebook go
a record of what it was made from and of the run (`page_record`), and a cell that installs the library
where it is missing (`setup_cell`).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from medda_lib import _paths, setup_cell
from medda_lib.page_record import RECORD, present, run_facts, sealed, what_moved_on
from medda_lib.source_view import show

__all__ = ["NotebookError", "check", "freeze", "moved_on", "show", "smoke", "what_moved_on"]

INJECTED, PARAMETERS = "injected-parameters", "parameters"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
LIMIT = 1_000_000  # bytes of a notebook: what a code host still renders and a diff still shows
_SOURCE_VARIABLE = "MEDDA_PAGE"
_ADDRESS = re.compile(r"\bat 0x[0-9a-f]{6,}")
_MODEL_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")


class NotebookError(RuntimeError):
    """A page could not be read or executed; the message names the file and the cell."""


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
        notebook = _execute(source, Path(folder) / target.name, parameters)
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
    notebook = _execute(source, target, parameters)
    target.write_text(dump(notebook), "utf-8")
    return target


def dump(notebook: object) -> str:
    """The text of a notebook file: sorted keys, so that equal notebooks are equal byte for byte."""
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def check(source: Path) -> list[str]:
    """What is wrong with a page and its frozen notebook; an empty list where nothing is."""
    path = source.with_suffix(".ipynb")
    if not path.is_file():
        return [f"{path.name} is missing: run `medda freeze {source.stem}`"]
    notebook = json.loads(path.read_text("utf-8"))
    executed = [cell for cell in notebook["cells"] if not setup_cell.is_one(cell)]
    cells = [cell for cell in executed if INJECTED not in _tags(cell)]
    return [
        *_size(path),
        *_different_cells(_read(source)["cells"], cells, path.name),
        *(f"{path.name}, {problem}" for problem in _bad_outputs(executed)),
    ]


def moved_on() -> None:
    """For a page's first cell: in an opened notebook, say what changed since it was executed."""
    from IPython.display import Markdown, display

    if os.environ.get(_SOURCE_VARIABLE):
        return  # it is being executed: whatever it shows is new
    opened = Path(os.environ.get("JPY_SESSION_NAME", ""))  # set by Jupyter for an open notebook
    if opened.suffix != ".ipynb" or not opened.is_file():
        return
    source = opened.with_suffix(".py")
    if source.is_file():
        reasons = what_moved_on(json.loads(opened.read_text("utf-8")), source)
        if reasons:
            text = f"The outputs below are older than {' and '.join(reasons)}; run the cells again."
            display(Markdown(f"**Note.** {text}"))


# --- execution -----------------------------------------------------------------------------------


def _read(source: Path) -> Any:
    """The page as a notebook without outputs, its cells with ids that depend on the text only."""
    import jupytext

    if not source.is_file():
        raise NotebookError(f"{source}: no such page")
    notebook = jupytext.read(source)
    for position, cell in enumerate(notebook["cells"]):
        cell["id"] = _cell_id(position, cell["source"])
    notebook["nbformat"], notebook["nbformat_minor"] = 4, 5
    notebook["metadata"].setdefault("kernelspec", KERNEL)
    return notebook


def _cell_id(position: int, text: str) -> str:
    return f"{position:03d}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _execute(source: Path, target: Path, parameters: Mapping[str, object]) -> Any:
    """Run the page by papermill in the page's own folder; returns the executed notebook."""
    import jupytext
    import papermill

    page = _read(source)
    wanted = any(PARAMETERS in _tags(cell) for cell in page["cells"])
    with tempfile.TemporaryDirectory() as folder, _page_in_environment(source):
        blank = Path(folder) / "page.ipynb"
        jupytext.write(page, blank)
        try:
            notebook = papermill.execute_notebook(
                blank,
                target,
                parameters=parameters if wanted else None,
                kernel_name=KERNEL["name"],
                cwd=source.parent,
                progress_bar=False,
                log_output=False,
            )
        except papermill.PapermillExecutionError as error:
            raise NotebookError(
                f"{source}, cell {error.cell_index + 1}: {error.ename}: {error.evalue}\n"
                f"{error.source}"
            ) from error
    for cell in notebook["cells"]:
        if INJECTED in _tags(cell):
            _hide(cell)
    return json.loads(json.dumps(notebook))


@contextmanager
def _page_in_environment(source: Path) -> Iterator[None]:
    """Tell the kernel which page it runs: it inherits the environment."""
    before = os.environ.get(_SOURCE_VARIABLE)
    os.environ[_SOURCE_VARIABLE] = str(source.resolve())
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SOURCE_VARIABLE]
        else:
            os.environ[_SOURCE_VARIABLE] = before


def _hide(cell: dict[str, Any]) -> None:
    """The injected cell repeats the parameters: gone from the book, folded in JupyterLab."""
    cell["id"] = "parameters"
    cell["metadata"]["tags"] = sorted({*_tags(cell), "remove-cell"})
    cell["metadata"]["jupyter"] = {"source_hidden": True}


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


# --- checks --------------------------------------------------------------------------------------


def _tags(cell: Mapping[str, Any]) -> list[str]:
    tags: list[str] = cell["metadata"].get("tags", [])
    return tags


def _size(path: Path) -> list[str]:
    size = path.stat().st_size
    if size < LIMIT:
        return []
    return [f"{path.name} has {size / 1e6:.2f} MB, the limit is 1 MB: make its figures smaller"]


def _different_cells(
    wanted: list[dict[str, Any]], found: list[dict[str, Any]], name: str
) -> list[str]:
    if len(wanted) != len(found):
        return [f"{name} has {len(found)} cells, its source {len(wanted)}: freeze it again"]

    def essence(cell: Mapping[str, Any]) -> tuple[str, str, list[str]]:
        return cell["cell_type"], "".join(cell["source"]).rstrip(), sorted(_tags(cell))

    return [
        f"{name}, cell {position}: differs from the source; freeze it again"
        for position, (ours, theirs) in enumerate(zip(wanted, found, strict=True), 1)
        if essence(ours) != essence(theirs)
    ]


def _bad_outputs(cells: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Cells that did not run, that failed, or whose output holds for one machine only."""
    home = str(Path.home())
    machine = [str(_paths.CHECKOUT), *([home] if len(home) > len("/root") else [])]
    for position, cell in enumerate(cells, 1):
        if cell["cell_type"] != "code":
            continue
        if cell["execution_count"] is None and "".join(cell["source"]).strip():
            yield f"cell {position}: was not executed"
        for output in cell["outputs"]:
            text = json.dumps({k: v for k, v in output.items() if k != "metadata"})
            if output["output_type"] == "error":
                yield f"cell {position}: ends with {output['ename']}: {output['evalue']}"
            elif _ADDRESS.search(text):
                yield f"cell {position}: prints a memory address, which differs in every run"
            elif any(f"{path}/" in text for path in machine):
                yield f"cell {position}: prints a path of the machine that it ran on"
