"""The numbers of the chapter: committed ones, or at `smoke` numbers measured on the spot.

The chapter asks for a profile and a kind of data and gets one object with the tidy rows, the
per-image values and the words that say what they were measured on. Nothing is filled in: a study
that was not run, or whose data are not here, gives None, and the chapter says so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medda_lib import _paths
from medda_lib.datasets.where import data_root
from medda_lib.figures.side_by_side import side_by_side
from medda_lib.figures.tables import Table
from medda_lib.figures.verdicts import verdicts
from medda_lib.papers.multimix.study import BUDGETS, study
from medda_lib.studies import ledger, per_image
from medda_lib.studies.claims import judge, load
from medda_lib.studies.reported import reported
from medda_lib.studies.store import RunStore

MEASURED_ON = {
    "phantom": "chest X-ray phantoms (chex, jsrt; cross-domain nihx, mcu)",
    "real": "NIH ChestX-ray14 subset and lung_xray_a; cross-domain lung_xray_b",
    "realism": "trained on phantoms only, tested on real X-rays",
    "shift": "chest X-ray phantoms, one domain against the others",
    "precision": "chest X-ray phantoms (chex, jsrt; cross-domain nihx, mcu)",
}
REAL_TRAINING = 650
"""Training images of the NIH subset: 65 percent of 1,000, give or take a patient."""
NEEDS_REAL_DATA = ("real", "realism")


@dataclass(frozen=True)
class Results:
    """Rows of one study, its per-image values, and where they come from."""

    frame: pd.DataFrame
    images: per_image.PerImage
    profile: str
    data: str
    provenance: dict[str, object]

    @property
    def measured_on(self) -> str:
        """What to print beside every number."""
        seeds = self.frame["seed"].nunique()
        commit = str(self.provenance.get("commit", "this run"))[:9]
        return (
            f"Measured on {MEASURED_ON[self.data]}; profile {self.profile}, {seeds} repetitions, "
            f"commit {commit}."
        )

    def table(self, evaluation: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Means and standard deviations over repetitions: rows "system|labels|masks", metrics."""
        rows = self.frame[self.frame["evaluation"] == evaluation]
        rows = rows.assign(row=rows[["system", "labels", "masks"]].agg("|".join, axis=1))
        grouped = rows.groupby(["row", "metric"], sort=False)["value"]
        return grouped.mean().unstack(), grouped.std(ddof=1).unstack()

    def count(self, labels: str) -> int:
        """Images behind a column entry of the tables: 100 for "100", the whole pool for "Full"."""
        budget = BUDGETS[self.profile]
        whole = budget.sources.classification.train if self.data == "phantom" else REAL_TRAINING
        return budget.count(labels) or whole

    def columns(self, system: str, what: str) -> list[str]:
        """The numbers of "labels" or "masks" that were run for a system, in order."""
        return list(dict.fromkeys(self.frame.loc[self.frame["system"] == system, what]))

    def majority(self, evaluation: str) -> float:
        """Accuracy of always giving the more frequent class of the test images."""
        path = self.path(evaluation, "classification", "labels")
        labels = np.asarray(self.images.arrays[path], dtype=np.int64)
        ill = float((labels[(labels >= 0).all(axis=1)] == 1).mean())
        return max(ill, 1 - ill)

    def summary(self, columns: list[str], metrics: tuple[str, ...]) -> pd.DataFrame:
        """Mean and standard deviation over repetitions, one row per value of `columns`."""
        rows = self.frame[self.frame["metric"].isin(metrics)]
        grouped = rows.groupby([*columns, "metric"], sort=False)["value"].agg(["mean", "std"])
        return grouped.unstack("metric").swaplevel(axis=1).sort_index(axis=1).round(3)

    def dice(self, row: str, evaluation: str) -> NDArray[np.float64]:
        """Dice of every test image in every repetition of a row, flat."""
        return self.images.get(row, self.path(evaluation, "segmentation", "dice")).ravel()

    def path(self, evaluation: str, problem: str, quantity: str) -> str:
        """The path of a quantity; the domain follows from the evaluation and the problem."""
        chosen = (self.frame["evaluation"] == evaluation) & (self.frame["problem"] == problem)
        return f"{evaluation}/{self.frame.loc[chosen, 'domain'].iloc[0]}/{problem}/{quantity}"


def results(profile: str, data: str, seeds: int | None = None) -> Results | None:
    """Committed results; at `smoke` the study is run here and now. None where nothing was run."""
    if profile == "smoke":
        absent = data in NEEDS_REAL_DATA and data_root() is None
        return None if absent else _measure(profile, data, seeds)
    folder = _paths.RESULTS / "multimix"
    try:
        frame = ledger.read(folder, profile, data)
    except FileNotFoundError:
        return None
    images = per_image.load(folder / f"{profile}-{data}.npz")
    return Results(frame, images, profile, data, ledger.provenance(folder, profile, data))


def reported_table(table: str, columns: str = "metric") -> dict[str, pd.DataFrame]:
    """A reported table as frames: "mean", "std" (numbers or NaN) and "mark".

    columns: "metric" for our names of the metrics, "column" for the paper's headings.
    """
    cells = reported("multimix", table)
    order = list(dict.fromkeys(cells[columns]))
    rows = list(dict.fromkeys(cells["row"]))
    wide = {
        name: cells.pivot(index="row", columns=columns, values=name).loc[rows, order]
        for name in ("mean", "std", "mark")
    }
    return {
        "mean": wide["mean"].apply(pd.to_numeric, errors="coerce"),
        "std": wide["std"].apply(pd.to_numeric, errors="coerce"),
        "mark": wide["mark"],
    }


def _measure(profile: str, data: str, seeds: int | None) -> Results:
    with tempfile.TemporaryDirectory() as folder:
        planned = study(profile, data, seeds)
        frame = planned.run(Path(folder), progress=False)
        images = per_image.collect(RunStore(Path(folder)), planned.specs)
    return Results(frame, images, profile, data, {})


def beside(measured: Results, table: str, evaluation: str, caption: str) -> Table:
    """Table 2 or 3 of the paper beside the same conditions here, cell by cell."""
    paper, (mean, std) = reported_table(table), measured.table(evaluation)
    # Other data than phantoms have fewer conditions; a phantom study shows what it did not run.
    rows = [row for row in paper["mean"].index if measured.data == "phantom" or row in mean.index]
    return side_by_side(
        paper["mean"].loc[rows],
        mean,
        f"{caption} {measured.measured_on}",
        reported_sd=paper["std"],
        measured_sd=std,
        marks=paper["mark"],
    )


def verdict_table(studies: Mapping[str, Results | None]) -> Table:
    """The verdict on every claim for each kind of data; a study that was not run is left out."""
    rows = []
    for claim in load("multimix"):
        for data, found in studies.items():
            if found is not None:
                rows.append(judge(claim, found.frame).row() | {"data": data})
    return verdicts(rows, "Claims of the paper and what our rows say about them.")
