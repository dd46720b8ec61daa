"""The project's public address, for notebooks that were frozen where none was known.

    python -m medda_lib.notebooks.address owner/name

writes it into every notebook of the book; no page is run.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from medda_lib import _paths
from medda_lib.notebooks import setup_cell
from medda_lib.notebooks.record import RECORD
from medda_lib.notebooks.running import dump


def stamp(path: Path, address: str) -> bool:
    """Write an address into the setup cell of a frozen notebook; returns whether the file changed."""
    before = path.read_text("utf-8")
    notebook = json.loads(before)
    record = notebook["metadata"].get(RECORD, {})
    if "run" not in record:
        return False
    run, record["repository"] = record["run"], address
    notebook["cells"] = [cell for cell in notebook["cells"] if not setup_cell.is_one(cell)]
    setup_cell.insert(notebook["cells"], address, "" if run["dirty"] else run["commit"])
    after = dump(notebook)
    path.write_text(after, "utf-8")
    return after != before


def main(arguments: list[str]) -> int:
    """Stamp every notebook of the book; see the top of this file."""
    if len(arguments) != 1 or not setup_cell.NAME.fullmatch(arguments[0]):
        print("usage: python -m medda_lib.notebooks.address owner/name", file=sys.stderr)
        return 2
    for path in sorted(_paths.BOOK.rglob("*.ipynb")):
        if ".ipynb_checkpoints" not in path.parts and stamp(path, arguments[0]):
            print(f"wrote {path.relative_to(_paths.CHECKOUT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
