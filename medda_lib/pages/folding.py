"""Code that only draws a figure is folded in the book: the figure is what a reader came for.

The rule looks at the code, so that no page has to remember a tag: besides imports a cell gives names to
nothing but the parts of a figure (`NAMES`), and it ends in `show_figure`, or in a loop that does. A cell
that computes something first stays open; `hide-input` folds any other cell by hand, and `show-input`
keeps one open. Notebooks are not touched: in JupyterLab all code is open.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

NAMES = {"figure", "picture", "sheet", "alt", "caption", "title", "titles", "description"}
FOLD, OPEN = "hide-input", "show-input"


def only_draws(code: str) -> bool:
    """Whether a cell's code makes and shows figures and does nothing else; False for no Python."""
    try:
        body = ast.parse(code).body
    except SyntaxError:  # a cell in another language, or with a command of IPython
        return False
    rest = [one for one in body if not isinstance(one, ast.Import | ast.ImportFrom)]
    return bool(rest) and all(_of_a_figure(one) for one in rest) and _shows(rest[-1])


def _of_a_figure(statement: ast.stmt) -> bool:
    """A figure that is shown, a part of one that gets its name, or a loop over such statements."""
    if isinstance(statement, ast.For):
        return all(_of_a_figure(one) for one in statement.body)
    if isinstance(statement, ast.Assign):
        targets = [node for target in statement.targets for node in ast.walk(target)]
        named = {node.id for node in targets if isinstance(node, ast.Name)}
        return named <= NAMES and all(
            isinstance(n, ast.Name | ast.Tuple | ast.Store) for n in targets
        )
    return _shows(statement)


def _shows(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.For):
        return _shows(statement.body[-1])
    call = statement.value if isinstance(statement, ast.Expr) else None
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "show_figure"
    )


def folded(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook with the tag on every cell that only draws; its cells are changed in place."""
    for cell in notebook["cells"]:
        tags = cell["metadata"].get("tags", [])
        if cell["cell_type"] != "code" or {FOLD, OPEN} & set(tags):
            continue
        if only_draws("".join(cell["source"])):
            cell["metadata"]["tags"] = [*tags, FOLD]
    return notebook


def _on_read(app: Sphinx, page: str, source: list[str]) -> None:
    """Tag the cells of a notebook that Sphinx is about to parse."""
    if Path(app.env.doc2path(page)).suffix == ".ipynb":
        source[0] = json.dumps(folded(json.loads(source[0])))


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.connect("source-read", _on_read)
