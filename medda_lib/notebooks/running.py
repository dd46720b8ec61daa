"""A page read as a notebook, and run by papermill in the page's own folder.

Parameters are written into the page's own cell for them, as a reader would do it in Jupyter. papermill
would inject a second cell behind it, which sets back whatever a reader writes into the first one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PARAMETERS = "parameters"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
PAGE = "MEDDA_PAGE"  # the variable that tells a kernel which page it runs


class NotebookError(RuntimeError):
    """A page could not be read or executed; the message names the file and the cell."""


def read(source: Path) -> Any:
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


def execute(source: Path, target: Path, parameters: Mapping[str, object]) -> Any:
    """Run the page by papermill in the page's own folder; returns the executed notebook."""
    import jupytext
    import papermill

    page = read(source)
    for cell in page["cells"]:
        if PARAMETERS in tags(cell):
            cell["source"] = with_values(cell["source"], parameters)
    with tempfile.TemporaryDirectory() as folder, _page_in_environment(source):
        blank = Path(folder) / "page.ipynb"
        jupytext.write(page, blank)
        try:
            notebook = papermill.execute_notebook(
                blank,
                target,
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
    return json.loads(json.dumps(notebook))


@contextmanager
def _page_in_environment(source: Path) -> Iterator[None]:
    """Tell the kernel which page it runs: it inherits the environment."""
    before = os.environ.get(PAGE)
    os.environ[PAGE] = str(source.resolve())
    try:
        yield
    finally:
        if before is None:
            del os.environ[PAGE]
        else:
            os.environ[PAGE] = before


def with_values(text: str, parameters: Mapping[str, object]) -> str:
    """A cell of parameters with these values, its comments kept; names that it lacks are left out."""
    for name, value in parameters.items():
        written = f"{name} = {spelled(value)}".replace("\\", r"\\")
        text = re.sub(rf"^{name} = .*?(?=( *#.*)?$)", written, text, flags=re.MULTILINE)
    return text


def spelled(value: object) -> str:
    """A text, number or truth as Python writes it, texts in double quotes as the pages do."""
    return json.dumps(value) if isinstance(value, str) else repr(value)


def tags(cell: Mapping[str, Any]) -> list[str]:
    """The tags of a cell, none where it has no list of them."""
    found: list[str] = cell["metadata"].get("tags", [])
    return found


def dump(notebook: object) -> str:
    """The text of a notebook file: sorted keys, so that equal notebooks are equal byte for byte."""
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
