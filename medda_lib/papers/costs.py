"""What benchmarks measured of a paper's systems, kept as small tables beside its study.

Seconds differ from run to run and machine to machine, so they are no rows of a ledger: a benchmark
writes them when somebody asks it to, and a chapter shows them with the device they were measured on.
What whole runs took stands beside the ledgers.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import pandas as pd

from medda_lib.papers.results import Results, conditions
from medda_lib.studies.identity import spelled_fields


def read(paper: str, name: str) -> pd.DataFrame | None:
    """The table `name` ("overhead.csv" ...) beside a paper's study; None if it was not measured."""
    file = resources.files(f"medda_lib.papers.{paper}").joinpath(name)
    if not file.is_file():
        return None
    with file.open(encoding="utf-8") as rows:
        return pd.read_csv(rows)


def run_seconds(measured: Results) -> pd.DataFrame:
    """Median wall seconds of a run by system, evaluation included; empty where none were kept.

    The first run that needs a shared network trains it; the median leaves that out.
    """
    frame = measured.frame
    if "seconds" not in frame:
        return pd.DataFrame()
    runs = frame.drop_duplicates([*conditions(frame), "seed"])
    median = runs.groupby("system", sort=False)["seconds"].median()
    return median.round(1).to_frame("median seconds")


def recipes(budgets: Mapping[str, object], part: str) -> pd.DataFrame:
    """A dataclass of each profile's budget, setting by setting as it is spelled: a trainer, say."""
    found = {name: dict(spelled_fields(getattr(budget, part))) for name, budget in budgets.items()}
    return pd.DataFrame(
        {name: {k: str(v) for k, v in all_.items()} for name, all_ in found.items()}
    )


def replace_rows(
    file: Path, heads: Sequence[str], rows: Sequence[Mapping[str, str]], key: Sequence[str]
) -> None:
    """Write rows into a table, in the place of those with the same values of `key`; keep the others."""
    kept = list(csv.DictReader(file.open())) if file.is_file() else []
    fresh = {tuple(row[name] for name in key) for row in rows}
    others = [row for row in kept if tuple(row[name] for name in key) not in fresh]
    with file.open("w", newline="") as opened:
        table = csv.DictWriter(opened, heads, lineterminator="\n")
        table.writeheader()
        table.writerows([*others, *rows])
