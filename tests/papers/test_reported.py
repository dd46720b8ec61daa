"""Every table of every paper against what is declared of it, and each kind of slip is found."""

from __future__ import annotations

import pandas as pd
import pytest

from medda_lib.papers.catalogue import FOLDER, paper, papers
from medda_lib.studies.reported import COLUMNS, reported
from medda_lib.studies.transcription import Transcribed, digest, doubts

KEYS = sorted({path.parent.parent.name for path in FOLDER.glob("*/reported/*.csv")})
TABLES = [(one.key, known) for one in papers() for known in one.transcribed]


@pytest.mark.parametrize("key", KEYS)
def test_every_table_is_declared_and_of_rows_that_the_paper_has(key: str) -> None:
    cells = reported(key)
    assert [one.table for one in paper(key).transcribed] == list(dict.fromkeys(cells["table"]))
    assert len(list((FOLDER / key / "reported").glob("*.csv"))) == cells["table"].nunique()


@pytest.mark.parametrize(("key", "known"), TABLES, ids=[f"{k}-{t.table}" for k, t in TABLES])
def test_a_table_is_as_it_was_proofread(key: str, known: Transcribed) -> None:
    assert doubts(known, reported(key)) == []


def made_up() -> pd.DataFrame:
    """Two tables of three rows, the last one their mean, that share two columns; one cell is a dash."""
    values = {
        "a": ("0.1", "0.20", ""),
        "b": ("0.31", "0.40", "0.6"),
        "mean": ("0.2", "0.30", "0.6"),
    }
    rows = [
        (table, row, column, "dice", mean, mean and "0.1", "" if mean else "missing")
        for table in "12"
        for row, cells in values.items()
        for column, mean in zip("xyz", cells, strict=True)
        if (table, column) != ("2", "z")
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def declared(cells: pd.DataFrame) -> Transcribed:
    """Table 1 as above."""
    first = digest(cells[cells["table"] == "1"])
    marks = {"missing": 1}
    return Transcribed("1", 3, 3, r"0\.\d\d?", first, (), ("dice",), marks, "mean", ("x",), "2")


@pytest.mark.parametrize(
    ("column", "at", "value", "text"),
    [
        ("row", 4, "lost", "4 rows of 3 columns, not 3 of 3"),
        ("column", 4, "w", "3 rows of 4 columns, not 3 of 3"),
        ("column", 4, "z", "do not have the same columns in the same order"),
        ("mark", 2, "", "a: a cell is empty without a mark"),
        (
            "mark",
            0,
            "missing;suspect:odd",
            "marks {'missing': 2, 'suspect': 1}, not {'missing': 1}",
        ),
        ("std", 3, "", "b: a spread is missing"),
        ("mean", 4, "40", "['40'] are not like"),
        ("mean", 4, "0.44", "mean of y is 0.3, its cells give 0.3200"),
        ("mean", 3, "0.30", "[] do not round to mean, declared are ['x']"),
        ("mean", 4, "0.41", "b, y is another number in table 2"),
        ("mean", 3, "0.310", "its digest is "),
        ("metric", slice(9, None), "jaccard", "shares no cell with table 2"),
    ],
)
def test_a_slip_is_told(column: str, at: int | slice, value: str, text: str) -> None:
    cells = made_up()
    facts = declared(cells)
    assert doubts(facts, cells) == []
    cells.loc[at, column] = value
    assert any(text in told for told in doubts(facts, cells)), doubts(facts, cells)
