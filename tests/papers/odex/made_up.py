"""Ledgers with known numbers, as a study of the stream would leave them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medda_lib.papers.results import Results
from medda_lib.studies.per_image import PerImage

Matrix = NDArray[np.float64]


def rows(
    system: str, seed: int, scores: Matrix, models: list[int] | None
) -> Iterator[dict[str, object]]:
    """One run: a Dice row for each cell that is not NaN, and the pool's size after each stage."""
    head = {"paper": "odex", "system": system, "seed": seed}
    for i, j in np.argwhere(np.isfinite(scores)):
        place = {"evaluation": f"after {i + 1}", "domain": f"stage {j + 1}"}
        place |= {"problem": "segmentation"}
        yield head | place | {"metric": "dice", "value": scores[i, j]}
        yield head | place | {"metric": "surface_dice", "value": scores[i, j] / 2}
    for i, size in enumerate(models or []):
        place = {"evaluation": f"after {i + 1}", "domain": "-", "problem": "stream"}
        yield head | place | {"metric": "models", "value": float(size)}


def ledger(
    runs: Mapping[tuple[str, int], Matrix],
    pools: Mapping[str, list[int]] | None = None,
    data: str = "shifting",
) -> Results:
    """Results of made-up runs: (system, seed) -> scores; pools: system -> models after each stage."""
    found = [
        row
        for (system, seed), scores in runs.items()
        for row in rows(system, seed, scores, (pools or {}).get(system))
    ]
    frame = pd.DataFrame(found).assign(profile="demo", data=data, seconds=2.0, key="x")
    return Results(frame, PerImage((), {}), "demo", data, {}, "odex")


def joint(last: list[float]) -> Matrix:
    """What joint training has: a last row."""
    scores = np.full((len(last), len(last)), np.nan)
    scores[-1] = last
    return scores
