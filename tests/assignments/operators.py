"""The operators of `mutants`: what may stand in the place of one node of a solution's tree."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from typing import Any

Change = tuple[ast.AST, str]  # a node and the text that may stand in its place
_LIBRARIES = frozenset({"F", "cmath", "itertools", "math", "np", "torch"})
# never left out: they change the type of a result only
_CASTS = frozenset({"bool", "float", "int", "list", "range", "tolist", "tuple", "zip"})
_ALIKE = frozenset({"logaddexp", "max", "maximum", "min", "minimum"})  # whatever their order
_PAIRS = "mean sum|min max|amin amax|argmin argmax|ceil floor|zeros_like ones_like|any all"
_TWINS = {a: b for pair in _PAIRS.split("|") for a, b in (pair.split(), pair.split()[::-1])}
_TWINS |= {"nanmean": "mean", "relu": "abs", "logaddexp": "maximum", "logsumexp": "amax"}
_COMMUTATIVE = ast.Add | ast.Mult | ast.BitAnd | ast.BitOr | ast.BitXor
_OTHER: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}


def changes(node: ast.AST) -> Iterator[Change]:
    """What may stand in a node's place, or in that of its condition."""
    if isinstance(node, ast.If):
        yield from ((node.test, word) for word in ("True", "False"))
    elif isinstance(node, ast.Constant):
        yield from ((node, text) for text in _constants(node.value))
    elif isinstance(node, ast.Expr | ast.Assign | ast.AugAssign) and not _documents(node):
        yield node, "pass"
    for rule in (_RULES.get(type(node)), _turned, _fewer_filters):
        for new in rule(node) if rule else ():
            yield node, ast.unparse(new)


def _documents(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _constants(value: object) -> Iterator[str]:
    if isinstance(value, bool):
        yield str(not value)
    elif isinstance(value, int):
        yield from (str(value + 1), str(value - 1))
    elif isinstance(value, float):
        yield from (str(2 * value or 1.0), str(value / 2 or -1.0))


def _with(node: Any, **fields: object) -> Any:
    made = copy.copy(node)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def _turned(node: Any) -> Iterator[ast.AST]:
    """Another operator, another comparison."""
    if hasattr(node, "op"):
        yield from (_with(node, op=other()) for other in _OTHER.get(type(node.op), ()))
    for place, op in enumerate(getattr(node, "ops", [])):
        for other in _OTHER.get(type(op), ()):
            yield _with(node, ops=[*node.ops[:place], other(), *node.ops[place + 1 :]])


def _fewer_filters(node: Any) -> Iterator[ast.AST]:
    """A comprehension without one of its conditions."""
    parts = getattr(node, "generators", [])
    for place, part in enumerate(parts):
        for test in part.ifs:
            fewer = _with(part, ifs=[each for each in part.ifs if each is not test])
            yield _with(node, generators=[*parts[:place], fewer, *parts[place + 1 :]])


def _operands(node: Any) -> Iterator[ast.AST]:
    yield from (node.left, node.right)
    if not isinstance(node.op, _COMMUTATIVE):
        yield _with(node, left=node.right, right=node.left)


def _values(node: Any) -> Iterator[ast.AST]:
    for value in node.values:
        yield _with(node, values=[each for each in node.values if each is not value])


def _pair(node: Any) -> Iterator[ast.AST]:
    if len(node.elts) == 2 and not any(isinstance(each, ast.Slice) for each in node.elts):
        yield _with(node, elts=node.elts[::-1])


def _call(node: Any) -> Iterator[ast.AST]:
    """A call left out or exchanged with its twin; arguments left out or exchanged."""
    yield from _without(node)
    name = "attr" if isinstance(node.func, ast.Attribute) else "id"
    called = str(getattr(node.func, name, ""))
    if called in _TWINS:
        yield _with(node, func=_with(node.func, **{name: _TWINS[called]}))
    for keyword in node.keywords:
        if keyword.arg != "strict":
            yield _with(node, keywords=[each for each in node.keywords if each is not keyword])
    for place, argument in enumerate(node.args):
        before, after = node.args[:place], node.args[place + 1 :]
        if after and called not in _ALIKE:
            yield _with(node, args=[*before, after[0], argument, *after[1:]])
        if called == "range":
            for op in (ast.Add(), ast.Sub()):
                moved = ast.BinOp(argument, op, ast.Constant(1))
                yield _with(node, args=[*before, moved, *after])


def _without(node: Any) -> Iterator[ast.AST]:
    """What a call is made on, or its first argument where it is a function of a library."""
    root = node.func
    while isinstance(root, ast.Attribute):
        root = root.value
    if isinstance(root, ast.Name) and (root is node.func or root.id in _LIBRARIES):
        plain = node.args and not isinstance(node.args[0], ast.GeneratorExp | ast.Starred)
        if plain and root.id not in _CASTS:
            yield node.args[0]
    elif isinstance(node.func, ast.Attribute) and node.func.attr not in _CASTS:
        yield node.func.value


_RULES: dict[type[ast.AST], Callable[[Any], Iterator[ast.AST]]] = {
    ast.BinOp: _operands,
    ast.BoolOp: _values,
    ast.UnaryOp: lambda node: iter([node.operand]),
    ast.IfExp: lambda node: iter([node.body, node.orelse]),
    ast.Attribute: lambda node: iter([node.value] if node.attr in {"T", "real"} else []),
    ast.Subscript: lambda node: iter([node.value]),
    ast.Tuple: _pair,
    ast.Call: _call,
}
