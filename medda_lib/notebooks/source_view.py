"""Show the library's own source on a page, so that what is read is what is tested.

`show(function)` renders the source of a function, class or method as it stands in its file, with a
link to the file and the lines. In JupyterLab the link opens the file; in the built book it leads to a
page with the file's text, offline too (`medda_lib.pages.sources`).
"""

from __future__ import annotations

import ast
import inspect
import os
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medda_lib import _paths

if TYPE_CHECKING:
    from IPython.display import Markdown


def show(thing: Callable[..., Any] | type, *, docstring: bool = True) -> Markdown:
    """The source of a function, class or method as a highlighted block under a link to its file.

    docstring: False leaves its docstring out, where the prose beside it says the same.
    Raises TypeError for something that has no source (a built-in, a value).
    """
    from IPython.display import Markdown

    try:
        lines, first = inspect.getsourcelines(inspect.unwrap(thing))
        path = Path(inspect.getsourcefile(inspect.unwrap(thing)) or "").resolve()
    except (OSError, TypeError) as error:
        raise TypeError(f"show: {thing!r} has no source; pass a function or a class") from error
    text = textwrap.dedent("".join(lines)).rstrip()
    if not docstring:
        text = _without_docstring(text)
    last = first + len(lines) - 1
    return Markdown(f"{_link(path)}, lines {first} to {last}\n\n```python\n{text}\n```")


def _link(path: Path) -> str:
    """A link that works from the page's folder; the bare name where page or code lie elsewhere."""
    if not path.is_relative_to(_paths.CHECKOUT):
        return f"`{path.name}`"
    name = path.relative_to(_paths.CHECKOUT).as_posix()
    if not Path.cwd().is_relative_to(_paths.CHECKOUT):
        return f"`{name}`"
    return f"[`{name}`]({Path(os.path.relpath(path, Path.cwd())).as_posix()})"


def _without_docstring(text: str) -> str:
    """Drop the first statement of the definition where it is a string."""
    definition = ast.parse(text).body[0]
    if not isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return text
    body = definition.body
    if ast.get_docstring(definition, clean=False) is None or len(body) == 1:
        return text
    lines = text.splitlines()
    start, end = body[0].lineno - 1, body[0].end_lineno or body[0].lineno
    kept = lines[:start] + lines[end:]
    while start < len(kept) and not kept[start].strip():  # the blank line after it
        del kept[start]
    return "\n".join(kept)
