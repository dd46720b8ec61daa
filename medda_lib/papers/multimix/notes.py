"""Deviations and pitfalls of the chapter, as tables (their texts stand in notes.toml)."""

from __future__ import annotations

from medda_lib.figures.tables import Table
from medda_lib.papers import notes

PAPER = "multimix"


def read() -> notes.Notes:
    """The entries of notes.toml: "deviation" and "pitfall"."""
    return notes.read(PAPER)


def deviations() -> Table:
    """Where the paper is silent or contradicts itself, and what was chosen."""
    return notes.deviations(PAPER)


def pitfalls() -> Table:
    """Faults of the released code, and the test that would catch each of them here."""
    return notes.pitfalls(PAPER)
