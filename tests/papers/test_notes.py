"""Of every paper with notes: deviations point at code that exists, pitfalls at tests that exist."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

from medda_lib.papers import notes
from medda_lib.papers.catalogue import FOLDER

ROOT = Path(__file__).resolve().parents[2]
PAPERS = sorted(path.parent.name for path in FOLDER.glob("*/notes.toml"))
DEVIATIONS = [(paper, entry) for paper in PAPERS for entry in notes.read(paper)["deviation"]]
PITFALLS = [(paper, entry) for paper in PAPERS for entry in notes.read(paper)["pitfall"]]


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize(("letter", "kind"), [("D", "deviation"), ("P", "pitfall")])
def test_ids_are_consecutive(paper: str, letter: str, kind: str) -> None:
    entries = notes.read(paper)[kind]
    assert [entry["id"] for entry in entries] == [f"{letter}{i + 1}" for i in range(len(entries))]
    assert len(entries) >= 4


@pytest.mark.parametrize(
    ("paper", "entry"), DEVIATIONS, ids=lambda x: x if isinstance(x, str) else x["id"]
)
def test_a_deviation_is_complete_and_its_code_exists(paper: str, entry: dict[str, str]) -> None:
    assert list(entry) == ["id", "where", "paper", "choice", "code"], paper
    assert entry["paper"].endswith(".")
    assert entry["choice"].endswith(".")
    module, _, name = entry["code"].partition(":")
    assert hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize(
    ("paper", "entry"), PITFALLS, ids=lambda x: x if isinstance(x, str) else x["id"]
)
def test_a_pitfall_names_a_test_that_exists(paper: str, entry: dict[str, str]) -> None:
    assert list(entry) == ["id", "text", "test"], paper
    path, _, name = entry["test"].partition("::")
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert name.startswith("test_")


@pytest.mark.parametrize("paper", PAPERS)
def test_no_deviation_is_told_twice(paper: str) -> None:
    for key in ("choice", "paper"):
        texts = [entry[key] for entry in notes.read(paper)["deviation"]]
        assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("paper", PAPERS)
def test_both_tables_show_every_entry(paper: str) -> None:
    known = notes.read(paper)
    tables = ((notes.deviations(paper), "deviation"), (notes.pitfalls(paper), "pitfall"))
    for table, kind in tables:
        assert table.frame["id"].tolist() == [entry["id"] for entry in known[kind]]
        assert all(f">{entry['id']}<" in table.html for entry in known[kind])
        assert table.html.count("<tr>") == len(known[kind]) + 1
