"""Rows of single people: each person's values where they belong, and intervals that are wider for it."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from medda_lib.papers import people
from medda_lib.studies.claims import Claim
from medda_lib.studies.per_image import PerImage
from medda_lib.studies.verdict import judge

PEOPLE, SEEDS = 5, 4
SYSTEMS = ("plain", "better")


def study(spread: float) -> tuple[pd.DataFrame, PerImage]:
    """Two systems on five people; the second gains .05, on some people more than on others."""
    rng = np.random.default_rng(0)
    gains = 0.05 + spread * np.linspace(-1, 1, PEOPLE)
    rows, arrays = [], []
    for system, seed in product(SYSTEMS, range(SEEDS)):
        values = 0.8 + 0.002 * rng.standard_normal(PEOPLE) + gains * (system == "better")
        arrays.append(values)
        head = {"paper": "p", "profile": "demo", "data": "phantom", "system": system, "seed": seed}
        place = {"evaluation": "cross-domain", "domain": "there", "problem": "segmentation"}
        rows.append({**head, **place, "metric": "dice", "value": values.mean()})
        rows.append({**head, **place, "metric": "precision", "value": 0.5})
    names = tuple(f"{system}|{seed}" for system, seed in product(SYSTEMS, range(SEEDS)))
    images = PerImage(names, {"cross-domain/there/segmentation/dice": np.stack(arrays)})
    return pd.DataFrame(rows), images


def same(frame: pd.DataFrame) -> pd.DataFrame:
    return frame


def test_each_person_has_rows_of_their_own() -> None:
    frame, images = study(0.1)
    found = people.each(frame, images, same)
    assert len(found) == PEOPLE
    for i, rows in enumerate(found):
        assert set(rows["metric"]) == {"dice"}
        wanted = np.asarray(images.arrays["cross-domain/there/segmentation/dice"], float)[:, i]
        np.testing.assert_allclose(rows["value"], wanted)
    mean = pd.concat(found).groupby(["system", "seed"], sort=False)["value"].mean()
    known = frame[frame["metric"] == "dice"]["value"]
    np.testing.assert_allclose(mean.to_numpy(), known.to_numpy())


def test_many_people_are_taken_in_groups() -> None:
    frame, images = study(0.1)
    wide = {path: np.repeat(a, 8, axis=1) for path, a in images.arrays.items()}
    assert len(people.each(frame, PerImage(images.runs, wide), same)) == people.GROUPS


def test_where_no_scan_is_known_there_are_no_people() -> None:
    frame, images = study(0.1)
    assert people.each(frame, PerImage((), {}), same) == []
    assert people.each(frame.drop(columns="evaluation"), images, same) == []


@pytest.mark.parametrize(("spread", "verdict"), [(0.0, "supported"), (0.15, "undecided")])
def test_a_gain_on_some_people_alone_is_no_gain_on_people(spread: float, verdict: str) -> None:
    frame, images = study(spread)
    a, b = ({"system": name, "metric": "dice"} for name in ("better", "plain"))
    claim = Claim("C1", "better is better", "Table 1", "greater", 0.0, 0.1, a, b)
    assert judge(claim, frame).verdict == "supported"
    assert judge(claim, frame, people.each(frame, images, same)).verdict == verdict
