"""The code behind a run: every module that its method, its task and the evaluation import.

A result is stale when the code that made it has changed, and only then. So a run's key holds one hash
per module of the *closure*: starting from the modules that define the method and the task, follow the
imports (also those inside functions) through `medda_lib`, without running anything. A module's hash is
taken of its syntax tree with docstrings left out, so that a comment, a docstring or a line break costs
no re-run, while any change to what is executed does. Libraries outside the closure are named by their
versions instead. Imports by a computed name cannot be seen: write them as import statements.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARY = "medda_lib"
LIBRARIES = ("torch", "numpy", "scipy", "monai", "scikit-image", "scikit-learn")


class ClosureError(RuntimeError):
    """The source behind a class cannot be found, so a result could not be tied to it."""


@dataclass(frozen=True)
class Source:
    """One module as the walk needs it: the hash of what it executes and the names it imports."""

    digest: str
    imports: frozenset[str]


def code_closure(modules: Iterable[str]) -> dict[str, str]:
    """Hash every module that `modules` reach through imports of their own packages and `medda_lib`.

    modules: dotted names, e.g. ``["medda_lib.methods.multimix.umtl"]``. Modules outside `medda_lib`
    are followed within their own top-level package.
    Returns: module name -> 16 hex digits, sorted by name; equal code gives an equal dictionary.
    Raises `ClosureError` for a module without a source file (a notebook, an interactive session).
    """
    waiting = sorted(set(modules))
    followed = {LIBRARY, *(name.partition(".")[0] for name in waiting)}
    found: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        source = read_source(name)
        found[name] = source.digest
        reached = (m for m in source.imports if m.partition(".")[0] in followed)
        waiting += [m for m in (*_parents(name), *reached) if find_file(m) is not None]
    return dict(sorted(found.items()))


@cache
def read_source(module: str) -> Source:
    """Hash and imports of one module, read once per process (call `forget` to read it again)."""
    path = find_file(module)
    if path is None:
        raise ClosureError(
            f"the source file of module {module!r} was not found; define methods and tasks in a "
            "module that can be imported, so that their code can be hashed and workers rebuild them"
        )
    tree = ast.parse(path.read_bytes(), filename=str(path))
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return Source(digest(tree), frozenset(imported_names(tree, package)))


def forget() -> None:
    """Drop what was read, so that the next call sees the files as they are now."""
    read_source.cache_clear()
    find_file.cache_clear()
    _root.cache_clear()


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    found = []
    for name in LIBRARIES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            found.append((name, "not installed"))
    return tuple(found)


def versions() -> dict[str, str]:
    """The versions of the numerical libraries as installed; ``not installed`` where one is missing."""
    return dict(_versions())


def digest(tree: ast.Module) -> str:
    """16 hex digits of a syntax tree without docstrings and positions; leaves `tree` as it was."""
    return hashlib.sha256("".join(_spell(tree)).encode()).hexdigest()[:16]


def imported_names(tree: ast.AST, package: str) -> Iterator[str]:
    """Every dotted name that an import in `tree` could load; names of attributes are among them.

    package: the package that holds the module, against which relative imports are resolved.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")
        elif isinstance(node, ast.Call) and _called(node.func) == "import_module":
            yield from (
                arg.value
                for arg in node.args[:1]
                if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
            )


@cache
def find_file(module: str) -> Path | None:
    """The source file of a dotted name, found without importing it; None when there is none."""
    top, _, rest = module.partition(".")
    root = _root(top)
    if root is None or root.is_file():
        return root if not rest else None
    base = root.joinpath(*rest.split(".")) if rest else root
    candidates = (base / "__init__.py", base.with_name(f"{base.name}.py"))
    return next((c for c in candidates[: 2 if rest else 1] if c.is_file()), None)


@cache
def _root(top: str) -> Path | None:
    """The folder of a top-level package, or the file of a top-level module written in Python."""
    spec = importlib.util.find_spec(top) if top != "__main__" else None
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None


def _parents(module: str) -> list[str]:
    """The packages above a module: importing it runs their `__init__` first."""
    parts = module.split(".")[:-1]
    return [".".join(parts[: i + 1]) for i in range(len(parts))]


def _base(node: ast.ImportFrom, package: str) -> str:
    """The absolute name behind ``from ..x import y``."""
    if not node.level:
        return node.module or ""
    above = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def _called(func: ast.expr) -> str:
    if isinstance(func, ast.Attribute):
        return func.attr
    return func.id if isinstance(func, ast.Name) else ""


def _spell(node: object) -> Iterator[str]:
    """Write a node so that equal code reads equal on every Python version.

    Empty fields are left out: new versions of Python add such fields to old nodes.
    """
    if isinstance(node, ast.AST):
        yield f"({type(node).__name__}"
        for name, value in ast.iter_fields(node):
            kept = value[1:] if name == "body" and _has_docstring(node) else value
            if isinstance(node, ast.Constant) or kept not in (None, []):
                yield f" {name}="
                yield from _spell(kept)
        yield ")"
    elif isinstance(node, list):
        yield "["
        for item in node:
            yield from _spell(item)
        yield "]"
    else:
        yield f"{type(node).__name__}:{node!r}"


def _has_docstring(node: ast.AST) -> bool:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    if not isinstance(node, kinds) or not node.body:
        return False
    first = node.body[0]
    return (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )
