"""The paper's tables beside ours, in percent as it prints them, and what the chapter's pictures need.

A row of Tables 1 and 2 is a target. Where several sources lead to it, their mean is the cell, repetition
by repetition; "Average" is the mean over the targets.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medda_lib.figures.tables import Table
from medda_lib.papers import results as shared
from medda_lib.papers.aiva.study import BUDGETS, PAPER, SYSTEMS, TARGET_MODEL
from medda_lib.papers.results import MeanAndSd, Results, reported_table

AVERAGE = "Average"
METRICS = {"1": "surface_dice", "2": "dice"}
HEADS = {"1": "Table 1, surface Dice at 1 mm in percent", "2": "Table 2, Dice in percent"}


def results(profile: str, data: str, seeds: int | None = None) -> Results | None:
    """Committed results of a kind of data; at `smoke` the study is run here. None where not run."""
    return shared.results(PAPER, profile, data, seeds)


def by_target(frame: pd.DataFrame, metric: str) -> MeanAndSd:
    """Means and standard deviations over repetitions, in percent: targets (and average) by system."""
    rows = frame[frame["metric"] == metric]
    each = rows.groupby(["domain", "system", "seed"], sort=False)["value"].mean().reset_index()
    average = each.groupby(["system", "seed"], sort=False)["value"].mean().reset_index()
    both = pd.concat([each, average.assign(domain=AVERAGE)], ignore_index=True)
    return shared.cells(both.assign(value=100 * both["value"]), ["domain"], ["system"])


def beside(measured: Results, table: str) -> Table:
    """Table 1 or 2 of the paper beside ours, cell by cell."""
    where = {"1": "CC359", "2": "the multi-site prostate set"}[table]
    ours = by_target(measured.frame, METRICS[table])
    caption = f"{HEADS[table]}: {where} in the paper. {measured.measured_on}"
    return shared.beside(reported_table(PAPER, table, "column"), ours, caption, digits=2)


def own_table(
    measured: Results, metrics: tuple[str, ...] = ("surface_dice", "dice")
) -> pd.DataFrame:
    """Means over repetitions in percent of a study that has no table in the paper.

    Rows are systems, columns metrics and pairs; the upper bound of a pair is its target's own model.
    """
    frame = measured.frame
    pairs = frame.loc[frame["source"] != frame["target"], ["source", "target"]].drop_duplicates()
    bound = frame[frame["system"] == TARGET_MODEL].drop(columns="source").merge(pairs, on="target")
    rows = pd.concat([bound, frame[frame["system"] != TARGET_MODEL]], ignore_index=True)
    rows = rows[rows["metric"].isin(metrics)]
    named = rows.assign(pair=rows["source"] + " to " + rows["target"], value=100 * rows["value"])
    wide = named.pivot_table(
        index="system", columns=["metric", "pair"], values="value", sort=False, aggfunc="mean"
    )
    return wide.round(2)


def by_pair(
    measured: Results, system: str, metric: str = "surface_dice"
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Means over repetitions (sources, targets) of a system and the sites; NaN on the diagonal."""
    frame = measured.frame
    rows = frame[(frame["system"] == system) & (frame["metric"] == metric)]
    sites = BUDGETS[measured.profile].sites
    wide = rows.pivot_table(index="source", columns="domain", values="value")
    return wide.reindex(index=list(sites), columns=list(sites)).to_numpy(), sites


def wins(measured: Results, metric: str = "surface_dice") -> pd.DataFrame:
    """On how many pairs each system is better than the source model, and best of all adapted ones.

    Of means over repetitions. Columns: pairs, better, best, mean gain (in percent points).
    """
    adapted = [name for name in SYSTEMS if name != TARGET_MODEL]
    frame = measured.frame
    rows = frame[(frame["metric"] == metric) & frame["system"].isin(adapted)]
    wide = rows.pivot_table(index=["source", "domain"], columns="system", values="value")
    wide = wide.reindex(columns=adapted)
    gain = wide.sub(wide[adapted[0]], axis=0)
    found = {
        "pairs": wide.notna().sum(),
        "better than the source model": (gain > 0).sum(),
        "best": wide.idxmax(axis=1).value_counts().reindex(adapted, fill_value=0),
        "mean gain": (100 * gain.mean()).round(2),
    }
    return pd.DataFrame(found).loc[adapted]


def by_clusters(measured: Results, metric: str = "surface_dice") -> Mapping[str, pd.DataFrame]:
    """Figure 5: scores by number of clusters (rows) and repetition (columns), for each pair.

    The entry "mean" is the mean over the pairs.
    """
    frame = measured.frame
    rows = frame[frame["metric"] == metric].assign(clusters=lambda f: f["k"].astype(int))
    found = {
        f"{source} to {target}": part.pivot_table(index="clusters", columns="seed", values="value")
        for (source, target), part in rows.groupby(["source", "target"], sort=False)
    }
    mean = rows.pivot_table(index="clusters", columns="seed", values="value")
    return {"mean": mean, **found}


def run_seconds(measured: Results) -> pd.DataFrame:
    """Median wall seconds of a run by system, evaluation included; empty where none were kept.

    The first run that needs a source network trains it; the median leaves that out.
    """
    if "seconds" not in measured.frame:
        return pd.DataFrame()
    runs = measured.frame.drop_duplicates(["system", "source", "target", "seed"])
    median = runs.groupby("system", sort=False)["seconds"].median()
    return median.round(1).to_frame("median seconds")


def overhead() -> pd.DataFrame:
    """What `benchmarks/aiva_overhead.py` measured: one row per case and device."""
    file = resources.files("medda_lib.papers.aiva").joinpath("overhead.csv")
    with file.open(encoding="utf-8") as rows:
        return pd.read_csv(rows).set_index(["case", "device"])
