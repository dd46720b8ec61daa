"""The paper's own numbers as rows of ours: what a study would leave if everything came out as printed.

The way back from a table's cells to the columns of our rows is that of the declared tables, not that by
which claims find their cells, so that the two check each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pandas as pd

from medda_lib.papers import catalogue
from medda_lib.papers.catalogue import Table
from medda_lib.studies.claims import Claim
from medda_lib.studies.reported import reported

SCENARIOS = {
    **dict.fromkeys(("shifting", "ordered", "own"), "Shifting source"),
    **dict.fromkeys(("transformed", "real"), "Transformed"),
}
"""ODEx prints its two scenarios side by side, so it declares no table: our data -> the half."""

BOUND = "Target site model"


def rows(key: str, claim: Claim, data: str) -> pd.DataFrame:
    """Rows of three repetitions with the numbers of the table that a claim names."""
    names = [one.table for one in catalogue.paper(key).transcribed]
    own = tuple(name for name in names if claim.where.startswith(f"Table {name}"))
    if key == "odex":  # its Table 2 leaves to Table 1 what both would print
        own += tuple(name for name in names if name not in own)
    return _rows(key, own, data)


@cache
def _rows(key: str, names: tuple[str, ...], data: str) -> pd.DataFrame:
    tables = [table for name in names for table in _declared(key, data) if table.name == name]
    found = pd.DataFrame([row for table in tables for row in _cells(key, table)])
    if found.empty:
        return found
    places = [name for name in found if name != "value"]
    found = found.fillna("-").drop_duplicates(places)
    return found.merge(pd.DataFrame({"seed": range(3)}), "cross").assign(profile="demo", data=data)


def _declared(key: str, data: str) -> tuple[Table, ...]:
    if key != "odex":
        return catalogue.paper(key).tables
    half = {"half": SCENARIOS[data]}
    return tuple(Table(name, "", ("system",), ("half", "head"), half, "column") for name in "12")


def _cells(key: str, table: Table) -> Iterator[dict[str, object]]:
    """Each number of a table at its place among our rows, but for its row of averages."""
    for cell in reported(key, table.name).dropna(subset="mean").to_dict("records"):
        place = dict(zip(table.rows, cell["row"].split("|"), strict=True))
        names = cell[table.printed].split("|")
        place |= dict(zip(table.columns, names, strict=True))
        if cell["row"] == table.average or place.get("half") != table.only.get("half"):
            continue
        home = place.get("system") == BOUND or place.get("source") == place.get("domain", "-")
        where = {"evaluation": "in-domain" if home else "cross-domain"}
        scale = 0.01 if table.percent else 1.0
        value = {"metric": cell["metric"], "value": scale * float(cell["mean"])}
        yield where | place | dict(table.only) | value
