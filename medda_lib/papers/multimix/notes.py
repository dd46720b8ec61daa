"""Deviations and pitfalls of the chapter, as tables (their texts stand in notes.toml)."""

from __future__ import annotations

import tomllib
from importlib import resources

import pandas as pd

from medda_lib.figures.tables import Table, cell, page


def read() -> dict[str, list[dict[str, str]]]:
    """The entries of notes.toml: "deviation" and "pitfall"."""
    text = resources.files("medda_lib.papers.multimix").joinpath("notes.toml").read_text("utf-8")
    return tomllib.loads(text)


def deviations() -> Table:
    """Where the paper is silent or contradicts itself, and what was chosen."""
    heads = {
        "id": "",
        "where": "in the paper",
        "paper": "what it says",
        "choice": "our choice",
        "code": "code",
    }
    return _table(read()["deviation"], heads, "Numbered deviations from the paper.")


def pitfalls() -> Table:
    """Faults of the released code, and the test that would catch each of them here."""
    heads = {"id": "", "text": "pitfall", "test": "test"}
    return _table(read()["pitfall"], heads, "Pitfalls of the released code and their tests.")


def _table(entries: list[dict[str, str]], heads: dict[str, str], caption: str) -> Table:
    head = "".join(cell(text, "h", "th") for text in heads.values())
    body = ["".join(cell(entry[key], "t") for key in heads) for entry in entries]
    return page([head], body, caption, pd.DataFrame(entries))
