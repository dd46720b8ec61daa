"""The numbers of the chapter: what `medda_lib.papers.results` offers, for the tables of this paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medda_lib.datasets.chest_xray import nih_chestxray14_subset
from medda_lib.figures.tables import Table
from medda_lib.papers import results as shared
from medda_lib.papers.multimix.study import BUDGETS, PAPER
from medda_lib.tasks.chest_xray import RealSources

__all__ = ["Results", "beside", "reported_table", "results", "verdict_table"]


@dataclass(frozen=True)
class Results(shared.Results):
    """Rows of one study, its per-image values, and where they come from."""

    paper: str = PAPER

    def table(self, evaluation: str) -> shared.MeanAndSd:
        """Means and standard deviations over repetitions: rows "system|labels|masks", metrics."""
        return self.cells(["system", "labels", "masks"], ["metric"], evaluation=evaluation)

    def count(self, labels: str) -> int:
        """Images behind a column entry of the tables: 100 for "100", the whole pool for "Full".

        The pool of the NIH subset is its share of training images, give or take a patient: the split
        is by patient.
        """
        budget = BUDGETS[self.profile]
        if self.data == "phantom":
            whole = budget.sources.classification.train
        else:
            images = nih_chestxray14_subset.CARD.counts["images"]
            whole = round(RealSources().fractions[0] * images)
        return budget.count(labels) or whole

    def majority(self, evaluation: str) -> float:
        """Accuracy of always giving the more frequent class of the test images."""
        path = self.path(evaluation, "classification", "labels")
        labels = np.asarray(self.images.arrays[path], dtype=np.int64)
        ill = float((labels[(labels >= 0).all(axis=1)] == 1).mean())
        return max(ill, 1 - ill)

    def dice(self, row: str, evaluation: str) -> NDArray[np.float64]:
        """Dice of every test image in every repetition of a row, flat."""
        return self.images.get(row, self.path(evaluation, "segmentation", "dice")).ravel()

    def path(self, evaluation: str, problem: str, quantity: str) -> str:
        """The path of a quantity; the domain follows from the evaluation and the problem."""
        chosen = (self.frame["evaluation"] == evaluation) & (self.frame["problem"] == problem)
        return f"{evaluation}/{self.frame.loc[chosen, 'domain'].iloc[0]}/{problem}/{quantity}"


def results(profile: str, data: str, seeds: int | None = None) -> Results | None:
    """Committed results; at `smoke` the study is run here and now. None where nothing was run."""
    return shared.results(PAPER, profile, data, seeds, kind=Results)


def reported_table(table: str, columns: str = "metric") -> dict[str, pd.DataFrame]:
    """A reported table as frames: "mean", "std" (numbers or NaN) and "mark"."""
    return shared.reported_table(PAPER, table, columns)


def beside(measured: Results, table: str, evaluation: str, caption: str) -> Table:
    """Table 2 or 3 of the paper beside the same conditions here, cell by cell."""
    printed, ours = reported_table(table), measured.table(evaluation)
    # Other data than phantoms have fewer conditions; a phantom study shows what it did not run.
    run = ours[0].index
    rows = [row for row in printed["mean"].index if measured.data == "phantom" or row in run]
    return shared.beside(printed, ours, f"{caption} {measured.measured_on}", rows=rows)


def verdict_table(studies: Mapping[str, Results | None]) -> Table:
    """The verdict on every claim for each kind of data; a study that was not run is left out."""
    return shared.verdict_table(PAPER, studies)
