"""Whether a frozen notebook is that of its page and fit to be committed, and whether it has aged."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from medda_lib import _paths
from medda_lib.notebooks import setup_cell
from medda_lib.notebooks.record import what_moved_on
from medda_lib.notebooks.running import PAGE, read, tags

LIMIT = 1_000_000  # bytes of a notebook: what a code host still renders and a diff still shows
_ADDRESS = re.compile(r"\bat 0x[0-9a-f]{6,}")


def check(source: Path) -> list[str]:
    """What is wrong with a page and its frozen notebook; an empty list where nothing is."""
    path = source.with_suffix(".ipynb")
    if not path.is_file():
        return [f"{path.name} is missing: run `medda freeze {source.stem}`"]
    notebook = json.loads(path.read_text("utf-8"))
    executed = [cell for cell in notebook["cells"] if not setup_cell.is_one(cell)]
    return [
        *_size(path),
        *_different_cells(read(source)["cells"], executed, path.name),
        *(f"{path.name}, {problem}" for problem in _bad_outputs(executed)),
    ]


def moved_on() -> None:
    """For a page's first cell: in an opened notebook, say what changed since it was executed."""
    from IPython.display import Markdown, display

    if os.environ.get(PAGE):
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
        return cell["cell_type"], "".join(cell["source"]).rstrip(), sorted(tags(cell))

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
