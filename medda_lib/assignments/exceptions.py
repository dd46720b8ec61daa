"""Exceptions that cross from one process to the other, and those that must not be caught.

An exception travels as the name of a built-in class and a text. It is made anew on the other side,
so that nobody raises a class of his own there.
"""

from __future__ import annotations

import builtins
from typing import Any

TEXT = 2000  # characters of an exception's text
# StopIteration and its like are missing on purpose: raised within a check's `all(map(...))` they
# would end it early, and a check that ends early passes.
ERRORS: dict[str, type[Exception]] = {
    name: getattr(builtins, name)
    for name in (
        *("Exception", "ArithmeticError", "AssertionError", "AttributeError", "BufferError"),
        *("FileNotFoundError", "FloatingPointError", "ImportError", "IndexError", "KeyError"),
        *("LookupError", "MemoryError", "ModuleNotFoundError", "NameError", "OSError"),
        *("NotImplementedError", "OverflowError", "PermissionError", "RecursionError"),
        *("RuntimeError", "SyntaxError", "TypeError", "UnicodeError", "ValueError"),
        "ZeroDivisionError",
    )
}


class Lost(BaseException):
    """The worker is gone or talks nonsense. No Exception: a check that catches those must not pass."""

    raised = 0  # how often in this process; a bare `except:` hides the exception, not the count

    def __init__(self, *args: object) -> None:
        """Count it."""
        super().__init__(*args)
        Lost.raised += 1


class TimeUp(Lost):
    """A cell or a check ran for too long; what it left behind cannot be used."""


def described(error: BaseException) -> dict[str, Any]:
    """An exception as plain data: its nearest built-in class and its text."""
    name = next((k.__name__ for k in type(error).__mro__ if k.__name__ in ERRORS), "")
    try:
        text = error.args[0] if len(error.args) == 1 and type(error.args[0]) is str else str(error)
    except Exception:  # noqa: BLE001 - a __str__ of the student's that fails
        text = "(an exception without a readable text)"
    if not name or name == "Exception":
        name, text = "RuntimeError", f"{type(error).__name__}: {text}"
    return {"op": "error", "type": name, "text": text[:TEXT]}


def rebuilt(reply: dict[str, Any]) -> Exception:
    """The exception that such data describe; Lost if they describe none."""
    name, text = reply.get("type"), reply.get("text")
    if type(name) is not str or type(text) is not str or name not in ERRORS:
        raise Lost("an exception without a built-in class")
    return ERRORS[name](text[:TEXT]) if text else ERRORS[name]()
