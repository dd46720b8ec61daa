"""What the commands say: results on standard output, everything else beside them on standard error."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer
from rich.console import Console
from rich.table import Table


def say(what: str | Table) -> None:
    """A result; plain text when nobody is at a terminal, so that logs and pipes stay readable."""
    width = None if sys.stdout.isatty() else 160
    console = Console(width=width, soft_wrap=isinstance(what, str))
    console.print(what, highlight=False, markup=False)


def note(text: str) -> None:
    """What is being done, where it takes seconds."""
    Console(stderr=True, soft_wrap=True).print(text, highlight=False, markup=False)


def fail(message: str, code: int = 2) -> NoReturn:
    """Say what is wrong and how to mend it, and leave with `code`."""
    note(f"medda: {message}")
    raise typer.Exit(code)
