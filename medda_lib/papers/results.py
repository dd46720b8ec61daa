"""The numbers of a chapter: committed ones, or at `smoke` numbers measured on the spot.

A chapter asks for a paper, a profile and a kind of data and gets one object with the tidy rows, the
per-image values and the words that say what they were measured on. Nothing is filled in: a study
that was not run, or whose data are not here, gives None, and the chapter says so. What differs
between papers stands in their `paper.toml` (which data there are, and what they are called) and in
their study's `derive` (see `papers.judging`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, overload

import pandas as pd

from medda_lib import _paths
from medda_lib.datasets.entry import data_root
from medda_lib.figures.side_by_side import side_by_side
from medda_lib.figures.tables import Table
from medda_lib.figures.verdicts import verdicts
from medda_lib.papers import catalogue
from medda_lib.papers.catalogue import study_module
from medda_lib.papers.judging import Derive, judged, untested
from medda_lib.studies import ledger, per_image
from medda_lib.studies.claims import load
from medda_lib.studies.reported import reported
from medda_lib.studies.store import RunStore

MeanAndSd = tuple[pd.DataFrame, pd.DataFrame]


@dataclass(frozen=True)
class Results:
    """Rows of one study, its per-image values, and where they come from.

    frame: columns as in `ledger.frame`. `provenance` is empty for numbers measured on the spot.
    """

    frame: pd.DataFrame
    images: per_image.PerImage
    profile: str
    data: str
    provenance: dict[str, object]
    paper: str = ""

    @property
    def measured_on(self) -> str:
        """What to print beside every number."""
        known = catalogue.paper(self.paper).on(self.data)
        what = self.data if known is None else known.what
        seeds = self.frame["seed"].nunique()
        origin = self.provenance.get("commit", "this run")
        several = origin if isinstance(origin, list) else [origin]
        commit = ", ".join(dict.fromkeys(str(one)[:9] for one in several))
        return (
            f"Measured on {what}; profile {self.profile}, {seeds} "
            f"repetition{'s' * (seeds != 1)}, commit {commit}."
        )

    def cells(self, rows: Sequence[str], columns: Sequence[str], **chosen: str) -> MeanAndSd:
        """Means and standard deviations over repetitions: see `cells`."""
        return cells(self.frame, rows, columns, **chosen)

    def columns(self, system: str, what: str) -> list[str]:
        """The values of a condition's column that were run for a system, in order."""
        return list(dict.fromkeys(self.frame.loc[self.frame["system"] == system, what]))

    def summary(self, columns: list[str], metrics: tuple[str, ...]) -> pd.DataFrame:
        """Mean and standard deviation over repetitions, one row per value of `columns`."""
        rows = self.frame[self.frame["metric"].isin(metrics)]
        grouped = rows.groupby([*columns, "metric"], sort=False)["value"].agg(["mean", "std"])
        return grouped.unstack("metric").swaplevel(axis=1).sort_index(axis=1).round(3)


R = TypeVar("R", bound=Results)


def cells(
    frame: pd.DataFrame, rows: Sequence[str], columns: Sequence[str], **chosen: str
) -> MeanAndSd:
    """Tidy rows as a table: means and standard deviations (n - 1) over repetitions.

    rows, columns: columns of `frame` that name a row and a column of the table; several are joined
    with "|". chosen: column = value, which rows count. Where a cell covers several rows of a
    repetition (sources, say), their mean is that repetition's value. Order as first met.
    """
    for name, value in chosen.items():
        frame = frame[frame[name] == value]
    if frame.empty:
        raise ValueError(f"cells: no rows for {chosen}")
    named = frame.assign(
        row=frame[list(rows)].astype(str).agg("|".join, axis=1),
        column=frame[list(columns)].astype(str).agg("|".join, axis=1),
    )
    by_seed = named.groupby(["row", "column", "seed"], sort=False)["value"].mean()
    grouped = by_seed.groupby(["row", "column"], sort=False)
    order = {name: list(dict.fromkeys(named[name])) for name in ("row", "column")}
    mean, std = (
        values.unstack().reindex(index=order["row"], columns=order["column"])
        for values in (grouped.mean(), grouped.std(ddof=1))
    )
    return mean, std


@overload
def results(paper: str, profile: str, data: str, seeds: int | None = None) -> Results | None: ...
@overload
def results(
    paper: str, profile: str, data: str, seeds: int | None = None, *, kind: type[R]
) -> R | None: ...
def results(
    paper: str,
    profile: str,
    data: str,
    seeds: int | None = None,
    *,
    kind: type[Results] = Results,
) -> Results | None:
    """Committed results; at `smoke` the study is run here and now. None where nothing was run.

    kind: the class to return, where a paper has methods of its own.
    """
    if profile == "smoke":
        known = catalogue.paper(paper).on(data)
        absent = known is not None and known.kind != "phantom" and data_root() is None
        return None if absent else _measure(paper, profile, data, seeds, kind)
    folder = _paths.RESULTS / paper
    try:
        frame = ledger.read(folder, profile, data)
    except FileNotFoundError:
        return None
    images = per_image.load(folder / f"{profile}-{data}.npz")
    origin = ledger.provenance(folder, profile, data)
    return kind(frame, images, profile, data, origin, paper)


def _measure(
    paper: str, profile: str, data: str, seeds: int | None, kind: type[Results]
) -> Results:
    with tempfile.TemporaryDirectory() as folder:
        planned = study_module(paper).study(profile, data, seeds)
        frame = planned.run(Path(folder), progress=False)
        images = per_image.collect(RunStore(Path(folder)), planned.specs)
    return kind(frame, images, profile, data, {}, paper)


def reported_table(
    paper: str, table: str, columns: str = "metric", scale: float = 1.0
) -> dict[str, pd.DataFrame]:
    """A reported table as frames: "mean", "std" (numbers or NaN) and "mark".

    columns: "metric" for our names of the metrics, "column" for the table's own columns. scale: what to
    multiply the numbers with, 0.01 where the paper prints percent and we measure fractions.
    """
    found = reported(paper, table)
    order = list(dict.fromkeys(found[columns]))
    rows = list(dict.fromkeys(found["row"]))
    wide = {
        name: found.pivot(index="row", columns=columns, values=name).loc[rows, order]
        for name in ("mean", "std", "mark")
    }
    return {
        "mean": wide["mean"].apply(pd.to_numeric, errors="coerce") * scale,
        "std": wide["std"].apply(pd.to_numeric, errors="coerce") * scale,
        "mark": wide["mark"],
    }


def beside(
    printed: Mapping[str, pd.DataFrame],
    measured: MeanAndSd,
    caption: str,
    *,
    rows: Sequence[str] | None = None,
    digits: int = 3,
) -> Table:
    """A table of the paper (from `reported_table`) beside ours (from `cells`), cell by cell.

    Rows and columns are the paper's, or those of its `rows`; ours are found by their names.
    """
    mean, std = measured
    return side_by_side(
        printed["mean"].loc[list(printed["mean"].index if rows is None else rows)],
        mean,
        caption,
        reported_sd=printed["std"],
        measured_sd=std,
        marks=printed["mark"],
        digits=digits,
    )


def verdict_table(
    paper: str, studies: Mapping[str, Results | None], derive: Derive | None = None
) -> Table:
    """The verdict on every claim for each kind of data that it speaks about and that was run.

    studies: what the page calls the data -> results; a study that was not run (None) is left out.
    derive: see `papers.judging.derivation`, the default. A claim that none of the studies can judge
    keeps one row, "not tested".
    """
    ledgers = {  # by which a built page finds the numbers again; "" for those measured on the spot
        name: f"{study.profile}-{study.data}" if study.provenance else ""
        for name, study in studies.items()
        if study is not None
    }
    found = {
        name: {verdict.claim.id: verdict for verdict in judged(paper, study.frame, derive)}
        for name, study in studies.items()
        if study is not None
    }
    rows = []
    for claim in load(paper):
        about = {
            name: verdicts[claim.id] for name, verdicts in found.items() if claim.id in verdicts
        }
        if not about:
            about = {", ".join(claim.data): untested(claim, "no results on such data")}
        rows += [
            verdict.row() | {"data": name, "paper": paper, "ledger": ledgers.get(name, "")}
            for name, verdict in about.items()
        ]
    return verdicts(rows, "Claims of the paper and what our rows say about them.")
