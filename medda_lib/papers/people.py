"""The rows of a study once for each test person: what intervals that cover people are made of.

A ledger keeps means over test scans, and beside them every scan's Dice. Person i of a domain is the i-th
test scan there; the same people are tested by every system and repetition. Domains have people of their
own, so "person i" of several domains is a draw of one person from each. What was tuned, was tuned by the
means over tuning scans: their rows stay.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medda_lib.metrics.volumes import SURFACE, VOLUME
from medda_lib.studies.per_image import PerImage
from medda_lib.tasks.brain import TUNING

GROUPS = 12
MEASURED = (VOLUME, SURFACE)
HEAD = {"paper", "profile", "data", "evaluation", "domain", "problem", "metric", "value"}


def each(
    frame: pd.DataFrame, images: PerImage, derive: Callable[[pd.DataFrame], pd.DataFrame]
) -> list[pd.DataFrame]:
    """`derive` of the rows with the values of person 0, 1, ...: as many as every domain has.

    More than `GROUPS` people are taken in that many groups, whose means tell the spread of people as
    well as people would. Rows of other metrics stay as they are. Empty where no scan's values were
    kept.
    """
    found = _of_people(frame, images)
    if not found:
        return []
    many = min(GROUPS, *(len(values) for values in found.values()))
    grouped = {at: _grouped(values, many) for at, values in found.items()}
    scored = frame["metric"].isin(MEASURED)
    made = []
    for i in range(many):
        mine = frame["value"].to_numpy(copy=True)
        for at, values in grouped.items():
            mine[at] = values[i]
        copy = frame.assign(value=mine)
        made.append(derive(copy[scored]))
    return made


def _grouped(values: NDArray[np.float64], many: int) -> NDArray[np.float64]:
    return np.array([part.mean() for part in np.array_split(values, many)])


def _of_people(frame: pd.DataFrame, images: PerImage) -> dict[int, NDArray[np.float64]]:
    """Position of a row -> the values of its people."""
    if not set(frame.columns) >= HEAD:  # rows of tables alone, of which no scan is known
        return {}
    index = {name: i for i, name in enumerate(images.runs)}
    found = {}
    for at, row in enumerate(frame.to_dict("records")):
        if row["metric"] not in MEASURED or row["evaluation"] == TUNING:
            continue
        path = "/".join(str(row[n]) for n in ("evaluation", "domain", "problem", "metric"))
        run = index.get(_run(row))
        if run is not None and path in images.arrays:
            values = np.asarray(images.arrays[path][run], dtype=np.float64)
            found[at] = values[np.isfinite(values)]
    return found


def _run(row: dict[str, object]) -> str:
    """The name of a row's run (see `per_image.run_name`)."""
    known = [str(v) for k, v in row.items() if k not in {*HEAD, "seed", "seconds", "key"}]
    return "|".join((*known, str(row["seed"])))
