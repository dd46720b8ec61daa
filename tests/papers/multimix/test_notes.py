"""Deviations point at code that exists, pitfalls at tests that exist."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

from medda_lib.papers.multimix import notes

ROOT = Path(__file__).resolve().parents[3]
DEVIATIONS, PITFALLS = notes.read()["deviation"], notes.read()["pitfall"]


@pytest.mark.parametrize(("letter", "entries"), [("D", DEVIATIONS), ("P", PITFALLS)])
def test_ids_are_consecutive(letter: str, entries: list[dict[str, str]]) -> None:
    assert [entry["id"] for entry in entries] == [f"{letter}{i + 1}" for i in range(len(entries))]
    assert len(entries) >= 4


@pytest.mark.parametrize("entry", DEVIATIONS, ids=lambda entry: str(entry["id"]))
def test_a_deviation_is_complete_and_its_code_exists(entry: dict[str, str]) -> None:
    assert list(entry) == ["id", "where", "paper", "choice", "code"]
    assert entry["paper"].endswith(".")
    assert entry["choice"].endswith(".")
    module, _, name = entry["code"].partition(":")
    assert hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize("entry", PITFALLS, ids=lambda entry: str(entry["id"]))
def test_a_pitfall_names_a_test_that_exists(entry: dict[str, str]) -> None:
    assert list(entry) == ["id", "text", "test"]
    path, _, name = entry["test"].partition("::")
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert name.startswith("test_")


def test_no_deviation_is_told_twice() -> None:
    for key in ("choice", "paper"):
        texts = [entry[key] for entry in DEVIATIONS]
        assert len(set(texts)) == len(texts)


def test_both_tables_show_every_entry() -> None:
    for table, entries in ((notes.deviations(), DEVIATIONS), (notes.pitfalls(), PITFALLS)):
        assert table.frame["id"].tolist() == [entry["id"] for entry in entries]
        assert all(f">{entry['id']}<" in table.html for entry in entries)
        assert table.html.count("<tr>") == len(entries) + 1
