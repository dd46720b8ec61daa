"""The numbers of a chapter: committed ones, or at `smoke` numbers measured on the spot.

A chapter asks for a paper, a profile and a kind of data and gets one object with the tidy rows, the
per-image values and the words that say what they were measured on. Nothing is filled in: a study
that was not run, or whose data are not here, gives None, and the chapter says so. What differs
between papers stands in their `paper.toml` (which data there are, and what they are called) and in
their study's `derive` (see `papers.judging`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from medda_lib import _paths
from medda_lib.metrics.definitions import defined
from medda_lib.metrics.volumes import TOLERANCE
from medda_lib.papers import catalogue
from medda_lib.papers.catalogue import study_module
from medda_lib.papers.judging import derivation
from medda_lib.studies import ledger, per_image
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

    def defined(self, *metrics: str) -> str:
        """What these metrics are, for a caption; with the tolerance that surfaces were measured at."""
        return defined(metrics, self.rows(metric=TOLERANCE)["value"])

    @property
    def tolerance(self) -> str:
        """That of the surface Dice of most rows, "1.5 mm"; "" where none was noted."""
        found = self.rows(metric=TOLERANCE)["value"]
        return "" if found.empty else f"{found.mode().iloc[0]:g} mm"

    @cached_property
    def derived(self) -> pd.DataFrame:
        """The rows that the paper's tables and claims speak about (see `judging.derivation`)."""
        return derivation(self.paper)(self.frame)

    def rows(self, **chosen: str) -> pd.DataFrame:
        """The rows of the study with these values in these columns."""
        return rows(self.frame, **chosen)

    def cells(self, rows: Sequence[str], columns: Sequence[str], **chosen: str) -> MeanAndSd:
        """Means and standard deviations over repetitions: see `cells`."""
        return cells(self.frame, rows, columns, **chosen)

    def path(self, evaluation: str, problem: str, quantity: str) -> str:
        """Where the values per image of a quantity lie; evaluation and problem say the domain."""
        found = self.rows(evaluation=evaluation, problem=problem)["domain"]
        return f"{evaluation}/{found.iloc[0]}/{problem}/{quantity}"

    def columns(self, system: str, what: str) -> list[str]:
        """The values of a condition's column that were run for a system, in order."""
        return list(dict.fromkeys(self.frame.loc[self.frame["system"] == system, what]))

    def summary(self, columns: list[str], metrics: tuple[str, ...]) -> pd.DataFrame:
        """Mean and standard deviation over repetitions, one row per value of `columns`."""
        rows = self.frame[self.frame["metric"].isin(metrics)]
        grouped = rows.groupby([*columns, "metric"], sort=False)["value"].agg(["mean", "std"])
        return grouped.unstack("metric").swaplevel(axis=1).sort_index(axis=1).round(3)


def rows(frame: pd.DataFrame, **chosen: str) -> pd.DataFrame:
    """The rows of a frame with these values in these columns."""
    for name, value in chosen.items():
        frame = frame[frame[name] == value]
    return frame


def conditions(frame: pd.DataFrame) -> list[str]:
    """The columns of a ledger's rows that name its conditions."""
    other = {*ledger.FIRST, *ledger.LAST, "seed", "seconds", "key"}
    return [name for name in frame.columns if name not in other]


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


def results(paper: str, profile: str, data: str, seeds: int | None = None) -> Results | None:
    """Committed results; None where nothing was run.

    At `smoke` a study on phantoms is run here and now. Of one on real images the committed rows of
    `demo` are shown: to read the files takes as long as the rest of a page, and not everybody has them.
    """
    if profile == "smoke":
        known = catalogue.paper(paper).on(data)
        if known is None or known.kind == "phantom":
            return _measure(paper, profile, data, seeds)
        profile = "demo"
    folder = _paths.RESULTS / paper
    try:
        frame = ledger.read(folder, profile, data)
    except FileNotFoundError:
        return None
    images = per_image.load(folder / f"{profile}-{data}.npz")
    origin = ledger.provenance(folder, profile, data)
    return Results(frame, images, profile, data, origin, paper)


def _measure(paper: str, profile: str, data: str, seeds: int | None) -> Results:
    with tempfile.TemporaryDirectory() as folder:
        planned = study_module(paper).study(profile, data, seeds)
        frame = planned.run(Path(folder), progress=False)
        images = per_image.collect(RunStore(Path(folder)), planned.specs)
    return Results(frame, images, profile, data, {}, paper)
