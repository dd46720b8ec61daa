"""What a study along a stream found, for any paper with one: tables of transfer, curves, boxes, volumes.

Each function that draws returns the figure and its alt text. Scores by stage come from `transfer`, which
also derives Dice at the end (mean over stages), backward and forward transfer and the number of models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from medda_lib.figures.labelled_scatter import labelled_scatter
from medda_lib.figures.stage_curves import stage_curves
from medda_lib.metrics.continual import gaps as gaps_of
from medda_lib.papers.pictures import Drawn, agreements, spread
from medda_lib.papers.results import MeanAndSd, Results, cells
from medda_lib.papers.transfer import MODELS, ON_THE_WAY, SPREAD, by_scan, scores

HEADS = {"dice": "Dice", "bwt": "BWT", "fwt": "FWT", MODELS: "models"}
Spread = Literal["stages", "repetitions"]
Volumes = tuple[np.ndarray, np.ndarray]


def by_system(measured: Results, over: Spread = "stages") -> MeanAndSd:
    """Means over repetitions, systems by Dice, BWT, FWT and models, and the spread behind them.

    over: the standard deviation over stages (mean over repetitions; none for the number of models) or
    that of the stages' mean over repetitions.
    """
    mean, repetitions = cells(measured.derived, ["system"], ["metric"])
    columns = list(HEADS)
    if over == "repetitions":
        std = repetitions.reindex(columns=columns)
    else:
        std = mean.reindex(columns=[f"{name}{SPREAD}" for name in columns])
        std.columns = pd.Index(columns)
    return mean.reindex(columns=columns).rename(columns=HEADS), std.rename(columns=HEADS)


def own_table(measured: Results, order: Sequence[str]) -> pd.DataFrame:
    """All systems that were run: means over repetitions of every number, both readings of BWT.

    For streams that no table of the paper is about, and for the second reading on all. order: of the
    systems.
    """
    mean, _ = cells(measured.derived, ["system"], ["metric"])
    heads = {"dice": "Dice", "bwt": "BWT", ON_THE_WAY: "BWT on the way", "fwt": "FWT"}
    wide = mean.reindex(columns=[*heads, MODELS]).rename(columns=heads)
    return in_order(wide.dropna(axis="columns", how="all").round(3), order)


def gaps(measured: Results, bound: str, order: Sequence[str]) -> pd.DataFrame:
    """How far each system stays below the bound, in Dice, means over repetitions; above 0: worse.

    Of the stages before the last: when each was learned, what was lost since (BWT with its sign turned),
    and at the end, which is the sum of both; then all stages at the end. order: of the systems.
    """
    level = scores(measured, bound)[-1]
    rows = {}
    for system in order:
        if system == bound or system not in set(measured.frame["system"]):
            continue
        found = gaps_of(scores(measured, system), level)
        rows[system] = {
            "past stages, when learned": found["gap_learned_past"],
            "lost since": found["gap_past"] - found["gap_learned_past"],
            "past stages, at the end": found["gap_past"],
            "all stages, at the end": found["gap_end"],
        }
    return pd.DataFrame.from_dict(rows, orient="index").round(3)


def in_order(table: pd.DataFrame, order: Sequence[str]) -> pd.DataFrame:
    """A table's rows in an order of names; names that it does not have come last."""
    known = [name for name in order if name in table.index]
    return table.loc[[*known, *table.index.difference(known)]]


def curves(measured: Results, systems: Sequence[str], bound: str) -> Drawn:
    """Dice on each stage's test data after each stage, and the level of the bound."""
    panels = {name: scores(measured, name) for name in systems}
    level = float(scores(measured, bound)[-1].mean())
    words = "; ".join(
        f"{name}: first stage's data {found[0, 0]:.2f} when learned, {found[-1, 0]:.2f} at the end"
        for name, found in panels.items()
    )
    columns = 2 if len(panels) == 4 else 3  # four look best as a square
    figure = stage_curves(panels, "Dice", level, columns)
    return figure, f"Dice by stage. {words}. {bound}, mean {level:.2f}."


def balance(measured: Results) -> Drawn:
    """What systems keep (BWT) against what they learn (FWT): rigid ones lie at the lower right."""
    mean = by_system(measured)[0].dropna(subset=["BWT", "FWT"])
    names: dict[int, str] = {}
    for i, (system, row) in enumerate(mean.iterrows()):
        # Systems that walked one way are one point: its label is the first one's.
        same = [k for k in names if np.allclose(row[["BWT", "FWT"]], mean.iloc[k][["BWT", "FWT"]])]
        if same:
            names[same[0]] += " *"
        else:
            names[i] = str(system)
    words = "; ".join(f"{s} {r['BWT']:.2f}, {r['FWT']:.2f}" for s, r in mean.iterrows())
    labels = ("BWT (below 0: forgotten)", "FWT (near 0: too rigid)")
    figure = labelled_scatter(mean["BWT"], mean["FWT"], *labels, names)
    return figure, f"Backward and forward transfer of each system: {words}."


def scan_scores(measured: Results, systems: Sequence[str]) -> Drawn:
    """Dice of every test scan at the end of the stream, by stage."""
    last = len(scores(measured, systems[0]))
    groups = {
        f"stage {k}": {s: by_scan(measured, s, last, k, "dice").ravel() for s in systems}
        for k in range(1, last + 1)
    }
    return spread(groups, "Dice of each test scan at the end")


def volumes(measured: Results, plain: str, ours: str, voxel_ml: float, stage: int = 1) -> Drawn:
    """Bland-Altman plots of the volume in a stage's test scans: just learned, and at the end."""
    last = len(scores(measured, plain))
    moments = ((plain, stage), (plain, last), (ours, last))
    panels = {
        f"{system}, after stage {k}": millilitres(measured, system, k, stage, voxel_ml)
        for system, k in moments
    }
    return agreements(panels, "predicted against true volume", "ml", digits=2)


def millilitres(measured: Results, system: str, after: int, stage: int, voxel_ml: float) -> Volumes:
    """True and predicted volumes (repetitions * scans,) of a stage's test scans in ml."""
    true, found = (
        by_scan(measured, system, after, stage, f"pixels_{which}").ravel() * voxel_ml
        for which in ("true", "predicted")
    )
    return true, found
