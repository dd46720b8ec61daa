"""Deviations and pitfalls of a paper, as tables (their texts stand in its notes.toml)."""

from __future__ import annotations

import re
import tomllib
from importlib import resources

import pandas as pd

from medda_lib.figures.tables import Table, cell, page

Notes = dict[str, list[dict[str, str]]]
NAMES = ("code", "test")
"""Columns of names in the library, longer than a column of a printed page."""
BREAK = "\N{ZERO WIDTH SPACE}"


def read(paper: str) -> Notes:
    """The entries of a paper's notes.toml: "deviation" and "pitfall"."""
    file = resources.files("medda_lib.papers").joinpath(paper, "notes.toml")
    return tomllib.loads(file.read_text("utf-8"))


def deviations(paper: str) -> Table:
    """Where the paper is silent or contradicts itself, and what was chosen."""
    heads = {
        "id": "",
        "where": "in the paper",
        "paper": "what it says",
        "choice": "our choice",
        "code": "code",
    }
    return _table(read(paper)["deviation"], heads, "Numbered deviations from the paper.")


def pitfalls(paper: str) -> Table:
    """Faults of the released code, and the test that would catch each of them here."""
    heads = {"id": "", "text": "pitfall", "test": "test"}
    return _table(read(paper)["pitfall"], heads, "Pitfalls of the released code and their tests.")


def _table(entries: list[dict[str, str]], heads: dict[str, str], caption: str) -> Table:
    head = "".join(cell(text, "h", "th") for text in heads.values())
    body = ["".join(_cell(key, entry[key]) for key in heads) for entry in entries]
    return page([head], body, caption, pd.DataFrame(entries))


def _cell(key: str, text: str) -> str:
    """One cell; a name may break behind each of its words."""
    if key not in NAMES:
        return cell(text, "t")
    return cell(re.sub(r"(::|[_./:])", rf"\1{BREAK}", text), "t").replace(BREAK, "<wbr>")
