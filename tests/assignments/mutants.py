"""Wrong answers by rule: each mutant is a solution with one expression or statement changed.

The changes are those that people make: a factor, a summand, a mask or a call is forgotten, two things
are exchanged, a sign or a comparison is turned, an axis, a bound or a constant is off. Hidden tests that
let such an answer pass have a gap, unless the change changes nothing.

A mutant is named by what it changes, and not by its line, so that a table of mutants outlives edits
above it: `audit: 2 * jaccard -> jaccard`, with a number behind it where the same text occurs again.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from tests.assignments.operators import Change, changes

LONG = 32  # characters: a name shows a longer text in part


def mutants(source: str) -> dict[str, str]:
    """Name of each mutant of a cell -> its source, in the order of the text; no two mean the same."""
    seen, times, found = {ast.dump(ast.parse(source))}, Counter[str](), {}
    for function in ast.parse(source).body:
        for node in _visited(function):
            for place, text in [*changes(node), *_names(node, function)]:
                changed = _spliced(source, place, text)
                meaning = ast.dump(ast.parse(changed))
                if meaning not in seen:
                    seen.add(meaning)
                    name = _name(function, ast.unparse(place), text)
                    times[name] += 1
                    found[f"{name} ({times[name]})" if times[name] > 1 else name] = changed
    return found


def _name(function: ast.stmt, old: str, new: str) -> str:
    """The function and what is changed in it, without most of what long texts have in common."""
    if len(old) > LONG:
        start, end = (_common(old[::step], new[::step]) for step in (1, -1))
        start = max(old.rfind(mark, 0, max(start - 8, 0)) for mark in " .(") + 1
        end = max(min(end, len(old) - start, len(new) - start) - 12, 0)
        old, new = (text[start : len(text) - end] for text in (old, new))
    old, new = (" ".join(text.split()) for text in (old, new))
    old, new = (text if len(text) <= LONG else f"{text[:16]}...{text[-16:]}" for text in (old, new))
    return f"{getattr(function, 'name', 'cell')}: {old} -> {new}"


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _visited(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes to change: no annotation, no target, no words of an error."""
    if isinstance(node, ast.Raise | ast.JoinedStr) or getattr(node, "arg", "") == "strict":
        return  # `strict` checks, and does nothing else
    yield node
    for name, value in ast.iter_fields(node):
        if name not in {"annotation", "returns", "targets", "target"}:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _visited(child)


def _spliced(source: str, node: ast.AST, text: str) -> str:
    """The source with other text in a node's place; the columns of a tree count bytes."""
    lines = [line.encode() for line in source.splitlines(keepends=True)]
    first, last = (
        sum(map(len, lines[: getattr(node, line) - 1])) + getattr(node, column)
        for line, column in (("lineno", "col_offset"), ("end_lineno", "end_col_offset"))
    )
    text = f"({text})" if isinstance(node, ast.expr) else text
    whole = b"".join(lines)
    return (whole[:first] + text.encode() + whole[last:]).decode()


def _names(node: ast.AST, function: ast.AST) -> Iterator[Change]:
    """One argument or variable of a function in place of another one."""
    if isinstance(node, ast.Name):
        every = list(ast.walk(function))
        known = [each.arg for each in every if isinstance(each, ast.arg)]
        names = (each for each in every if isinstance(each, ast.Name))
        known += [each.id for each in names if isinstance(each.ctx, ast.Store)]
        if node.id in known:
            yield from ((node, other) for other in dict.fromkeys(known) if other != node.id)
