"""Declared tables: which of our rows make a cell, and what a page may ask for."""

from __future__ import annotations

from itertools import product

import pandas as pd
import pytest

from medda_lib.papers import tables
from medda_lib.papers.catalogue import CatalogueError, Table, papers
from medda_lib.papers.results import Results
from medda_lib.studies.per_image import PerImage
from medda_lib.studies.reported import reported


def measured(paper: str = "aiva") -> Results:
    """Two targets by two sources in two repetitions, each with its own digit of the score."""
    rows = [
        {"source": source, "domain": target, "seed": seed, "system": "A", "metric": "dice"}
        | {"value": 0.1 * t + 0.01 * s + 0.001 * seed}
        for (t, target), (s, source), seed in product(enumerate("cd"), enumerate("ab"), (0, 1))
    ]
    return Results(pd.DataFrame(rows), PerImage((), {}), "demo", "phantom", {}, paper)


def test_a_cell_is_the_mean_over_what_it_covers_and_the_average_that_over_rows() -> None:
    known = Table("1", "A table.", ("domain",), ("system",), percent=True, average="Average")
    mean, std = tables.measured_table(measured(), known)
    assert mean["A"].to_dict() == pytest.approx({"c": 0.55, "d": 10.55, "Average": 5.55})
    assert std["A"].tolist() == pytest.approx([100 * 0.001 / 2**0.5] * 3)


def test_only_some_rows_count() -> None:
    known = Table("1", "A table.", ("domain",), ("source", "system"), only={"source": "b"})
    mean, _ = tables.measured_table(measured(), known)
    assert mean.columns.tolist() == ["b|A"]
    with pytest.raises(ValueError, match="no rows for"):
        tables.measured_table(measured(), Table("1", "A.", ("domain",), ("system",), {"seed": "x"}))


def test_a_table_that_is_not_declared_is_answered_with_those_that_are() -> None:
    with pytest.raises(CatalogueError, match="aiva declares no table '7'; there are: 1, 2"):
        tables.beside(measured(), "7")


@pytest.mark.parametrize(
    ("paper", "table"), [(p.key, t) for p in papers() for t in p.tables], ids=str
)
def test_a_declared_table_is_one_of_the_reported(paper: str, table: Table) -> None:
    cells = reported(paper, table.name)
    assert table.printed in ("metric", "column")
    assert table.caption.startswith(f"Table {table.name}, ")
    if table.average:
        assert table.average in set(cells["row"])
    if table.percent:
        assert pd.to_numeric(cells["mean"]).max() > 1


def test_systems_without_a_table_stand_by_metric_and_pair() -> None:
    frame = measured().frame
    shown = tables.of_systems(
        frame.assign(pair=frame["source"] + frame["domain"]), ["dice"], "pair"
    )
    assert shown.loc["A", ("dice", "bd")] == pytest.approx(0.11, abs=1e-3)
