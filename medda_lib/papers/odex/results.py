"""The paper's tables beside ours, and what the chapter's pictures need of the studies.

A table of the paper covers two scenarios; beside ours each stands on its own. The spread behind a mean
is one over the test data of the five stages, as in the paper (a spread of .32 at a Dice of .57 can be
nothing else); the spread over repetitions is at hand as well.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medda_lib.figures.side_by_side import NOT_RUN
from medda_lib.figures.stage_distances import Pool
from medda_lib.figures.tables import Table, cell
from medda_lib.methods.continual.settings import Trainer
from medda_lib.papers import results as shared
from medda_lib.papers.odex import transfer
from medda_lib.papers.odex.study import systems
from medda_lib.papers.odex.transfer import MODELS, ON_THE_WAY, SPREAD
from medda_lib.papers.results import MeanAndSd, Results, reported_table

PAPER = "odex"
SCENARIOS = {
    "shifting": "Shifting source",
    "transformed": "Transformed",
    "real": "Transformed",
    "own": "Shifting source",
}
"""Our data -> the scenario of the paper that it repeats; the ordered stream is ours alone."""

HEADS = {"dice": "Dice", "bwt": "BWT", "fwt": "FWT", MODELS: "models"}
SOURCES = {"Shifting source": "HarP, Dryad and Decathlon", "Transformed": "Decathlon"}
Spread = Literal["stages", "repetitions"]
_UNDEFINED = cell("not applicable", "r x") + cell(NOT_RUN, "x") + cell("")
_EMPTY = cell("", "r") + cell("") + cell("")


def results(profile: str, data: str, seeds: int | None = None) -> Results | None:
    """Committed results of a kind of data; at `smoke` the study is run here. None where not run."""
    return shared.results(PAPER, profile, data, seeds)


def printed(table: str, data: str) -> dict[str, pd.DataFrame]:
    """The half of Table 1 or 2 that our data repeat: "mean", "std" and "mark", columns Dice, BWT ...

    Raises ValueError for data that the paper has no table for.
    """
    if data not in SCENARIOS:
        raise ValueError(f"no table of the paper is about {data!r}; use one of {list(SCENARIOS)}")
    start = f"{SCENARIOS[data]}|"
    return {
        part: values.filter(regex=f"^{start[:-1]}\\|").rename(
            columns=lambda name: name.removeprefix(start)
        )
        for part, values in reported_table(PAPER, table, "column").items()
    }


def by_system(frame: pd.DataFrame, spread: Spread = "stages") -> MeanAndSd:
    """Means over repetitions, systems by Dice, BWT, FWT and models, and the spread behind them.

    spread: the standard deviation over stages (mean over repetitions; none for the number of models)
    or that of the stages' mean over repetitions.
    """
    mean, repetitions = shared.cells(transfer.derive(frame), ["system"], ["metric"])
    columns = list(HEADS)
    if spread == "repetitions":
        std = repetitions.reindex(columns=columns)
    else:
        std = mean.reindex(columns=[f"{name}{SPREAD}" for name in columns])
        std.columns = pd.Index(columns)
    return mean.reindex(columns=columns).rename(columns=HEADS), std.rename(columns=HEADS)


def beside(measured: Results, table: str, spread: Spread = "stages") -> Table:
    """Table 1 (systems) or 2 (ways to find a shift) beside ours, cell by cell.

    The transfers of joint training exist on neither side; their cells stay empty.
    """
    scenario = SCENARIOS.get(measured.data, "")
    paper = printed(table, measured.data)
    caption = (
        f"Table {table}, {scenario.lower()}; {SOURCES[scenario]} in the paper, where ± is taken to "
        f"be over stages; ours is over {spread}. {measured.measured_on}"
    )
    shown = shared.beside(paper, by_system(measured.frame, spread), caption, digits=2)
    return replace(shown, html=shown.html.replace(_UNDEFINED, _EMPTY))


def own_table(measured: Results) -> pd.DataFrame:
    """All systems that were run: means over repetitions of every number, both readings of BWT.

    For streams that no table of the paper is about, and for the second reading on all.
    """
    mean, _ = shared.cells(transfer.derive(measured.frame), ["system"], ["metric"])
    heads = {"dice": "Dice", "bwt": "BWT", ON_THE_WAY: "BWT on the way", "fwt": "FWT"}
    wide = mean.reindex(columns=[*heads, MODELS]).rename(columns=heads)
    return _in_order(wide.dropna(axis="columns", how="all").round(3))


def scores(measured: Results, system: str, metric: str = "dice") -> NDArray[np.float64]:
    """Means over repetitions (stages, stages) of a system: after which stage, on whose test data."""
    found: NDArray[np.float64] = transfer.matrix(measured.frame, system, metric).mean(axis=0)
    return found


def by_scan(
    measured: Results, system: str, after: int, stage: int, quantity: str
) -> NDArray[np.float64]:
    """A quantity of a stage's test scans, (repetitions, scans), with the system as it was after one.

    quantity: "dice", "pixels_true", "pixels_predicted" (voxels) ...
    """
    path = f"after {after}/stage {stage}/segmentation/{quantity}"
    return measured.images.get(system, path)


def facts(measured: Results, name: str) -> pd.DataFrame:
    """What methods told about themselves: (system, seed) in rows, after which stage in columns."""
    rows = transfer.facts(measured.frame, name)
    return rows.pivot_table(index=["system", "seed"], columns="after", values="value", sort=False)


def pool_of(measured: Results, system: str, seed: int) -> Pool:
    """What an expanding method met in one repetition: distances, threshold, stages with a new model.

    Distances are normalised, (stages, models). The threshold is that of the nearest model; NaN where
    something else decides. Raises ValueError for a system that keeps no pool.
    """
    told = measured.frame[(measured.frame["system"] == system) & (measured.frame["seed"] == seed)]
    size = transfer.facts(told, MODELS)
    if size.empty:
        raise ValueError(f"{system}, seed {seed}: no pool of models in its rows")
    stages = range(1, transfer.stages(measured.frame) + 1)

    def column(name: str) -> NDArray[np.float64]:
        found = transfer.facts(told, name).set_index("after")["value"].reindex(stages)
        return np.asarray(found, dtype=np.float64)

    models = range(1, int(size["value"].max()) + 1)
    distances = np.stack([column(f"distance to model {k}") for k in models], axis=1)
    added = (1, *(stage for stage, new in zip(stages, column("expanded"), strict=True) if new == 1))
    return Pool(distances, column("threshold"), added)


def run_seconds(measured: Results) -> pd.DataFrame:
    """Median wall seconds of a run by system, its evaluation included."""
    runs = measured.frame.drop_duplicates(["system", "seed"])
    seconds = runs.groupby("system", sort=False)["seconds"].median()
    return _in_order(seconds.round(1).to_frame("median seconds"))


def _in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Rows in the order of the paper's tables."""
    known = list(systems(Trainer()))
    return table.loc[[*(s for s in known if s in table.index), *table.index.difference(known)]]
