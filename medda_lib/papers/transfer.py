"""Derived rows of a stream: from rows of "after k" on "stage j" to what papers tabulate.

A run along a stream measures Dice after every stage on the test data of every stage: a matrix for each
system and repetition. No single row is what a paper tabulates. `derive` makes those numbers, one set
per repetition, so that claims and tables speak about Dice at the end, backward and forward transfer and
the number of models. A system without a pool of models has no row for their number; joint training,
which sees all data at once, has a last row alone and so no transfer.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medda_lib.metrics.continual import averages, backward_transfer_on_the_way, spreads
from medda_lib.papers.results import Results, conditions

Matrix = NDArray[np.float64]
METRICS = ("dice", "bwt", "fwt")
ON_THE_WAY, MODELS = "bwt_on_the_way", "models"
SPREAD = "_spread"
STREAM = "stream"
AFTER, STAGE = "after ", "stage "


def derive(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that tables and claims select, of the rows of one ledger (columns as in `ledger.frame`).

    Columns: profile, data, the condition's columns, seed, metric, value. Metrics: "dice" (mean over the
    stages at the end), "bwt", "fwt", their standard deviations over the stages ("dice_spread" ...),
    "bwt_on_the_way" (the other reading of BWT) and "models" (in the pool, after the last stage). An
    undefined number is NaN. Rows without a stream come back as they are.
    """
    if not _staged(frame).any():
        return frame
    rows: list[dict[Hashable, object]] = []
    for place, scores in _matrices(frame):
        rows += [place | {"metric": name, "value": value} for name, value in _of(scores).items()]
    pools = facts(frame, MODELS)
    last = pools[pools["after"] == stages(frame)]
    head = ["profile", "data", *conditions(frame), "seed"]
    return pd.concat([pd.DataFrame(rows), last[[*head, "metric", "value"]]], ignore_index=True)


def stages(frame: pd.DataFrame) -> int:
    """How many stages the streams of a ledger have."""
    return int(_number(frame.loc[_staged(frame), "evaluation"], AFTER).max())


def matrix(frame: pd.DataFrame, system: str, metric: str = "dice") -> Matrix:
    """Scores (repetitions, stages, stages) of a system: row after which stage, column whose test data.

    NaN where nothing was measured. Raises ValueError for a system without rows.
    """
    chosen = frame[frame["system"] == system]
    if not _staged(chosen).any():
        raise ValueError(f"{system}: no rows along a stream; there are: {_systems(frame)}")
    return np.stack([scores for _, scores in _matrices(chosen, metric, stages(frame))])


def facts(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """What a method told about itself under that name, with the stage after which as column "after"."""
    chosen = frame[(frame["problem"] == STREAM) & (frame["metric"] == name)]
    return chosen.assign(after=_number(chosen["evaluation"], AFTER))


def scores(measured: Results, system: str, metric: str = "dice") -> Matrix:
    """Means over repetitions (stages, stages) of a system: after which stage, on whose test data."""
    found: Matrix = matrix(measured.frame, system, metric).mean(axis=0)
    return found


def by_scan(measured: Results, system: str, after: int, stage: int, quantity: str) -> Matrix:
    """A quantity of a stage's test scans, (repetitions, scans), with the system as it was after one.

    quantity: "dice", "pixels_true", "pixels_predicted" (voxels) ...
    """
    return measured.images.get(system, f"after {after}/stage {stage}/segmentation/{quantity}")


def told(measured: Results, name: str) -> pd.DataFrame:
    """What methods told about themselves: (system, seed) in rows, after which stage in columns."""
    found = facts(measured.frame, name)
    return found.pivot_table(index=["system", "seed"], columns="after", values="value", sort=False)


def _of(scores: Matrix) -> Mapping[str, float]:
    """All numbers of one matrix."""
    on_the_way = backward_transfer_on_the_way(scores)[:-1]
    return {
        **averages(scores),
        **{f"{name}{SPREAD}": value for name, value in spreads(scores).items()},
        ON_THE_WAY: float(on_the_way.mean()) if len(on_the_way) else float("nan"),
    }


def _matrices(
    frame: pd.DataFrame, metric: str = "dice", size: int = 0
) -> Iterator[tuple[dict[Hashable, object], Matrix]]:
    """Where a run stands (profile, data, condition, seed) and its matrix, run by run."""
    size = size or stages(frame)
    rows = frame[_staged(frame) & (frame["metric"] == metric)]
    rows = rows.assign(i=_number(rows["evaluation"], AFTER), j=_number(rows["domain"], STAGE))
    keys: list[Hashable] = ["profile", "data", *conditions(frame), "seed"]
    for values, run in rows.groupby(keys, sort=False):
        scores = np.full((size, size), np.nan)
        scores[run["i"].to_numpy() - 1, run["j"].to_numpy() - 1] = run["value"].to_numpy()
        yield dict(zip(keys, values, strict=True)), scores


def _staged(frame: pd.DataFrame) -> pd.Series:
    """Which rows measure a segmentation after a stage on a stage."""
    return (
        (frame["problem"] == "segmentation")
        & frame["evaluation"].str.startswith(AFTER)
        & frame["domain"].str.startswith(STAGE)
    )


def _number(names: pd.Series, word: str) -> pd.Series:
    return names.str.removeprefix(word).astype(int)


def _systems(frame: pd.DataFrame) -> str:
    return ", ".join(dict.fromkeys(frame["system"].astype(str)))
