"""The tables: means over sources and repetitions against hand computation on made-up rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from medda_lib.papers import costs
from medda_lib.papers.aiva.pictures import by_pair, own_table
from medda_lib.papers.aiva.study import SOURCE_MODEL, SYSTEMS, TARGET_MODEL
from medda_lib.papers.pictures import by_number
from medda_lib.papers.results import Results
from medda_lib.papers.tables import beside, declared, measured_table, wins
from medda_lib.studies.per_image import PerImage

SITES = ("sm3", "ge15")


def made_up(scores: dict[tuple[str, str, str, int], float]) -> Results:
    """Rows of a study from (system, source, target, seed) -> surface Dice."""
    rows = [
        {
            "system": system, "source": source, "target": target, "k": "-", "seed": seed,
            "evaluation": "in-domain" if source == target else "cross-domain", "domain": target,
            "problem": "segmentation", "metric": "surface_dice", "value": value, "seconds": 2.0,
        }
        for (system, source, target, seed), value in scores.items()
    ]  # fmt: skip
    frame = pd.DataFrame(rows).assign(paper="aiva", profile="smoke", data="phantom")
    return Results(frame, PerImage((), {}), "smoke", "phantom", {}, "aiva")


def test_a_target_is_the_mean_over_its_sources_and_the_average_over_targets() -> None:
    scores = {
        ("AIVA", "ge15", "sm3", 0): 0.5, ("AIVA", "ph3", "sm3", 0): 0.7,
        ("AIVA", "ge15", "sm3", 1): 0.6, ("AIVA", "ph3", "sm3", 1): 0.9,
        ("AIVA", "sm3", "ge15", 0): 0.2, ("AIVA", "sm3", "ge15", 1): 0.3,
    }  # fmt: skip
    mean, std = measured_table(made_up(scores), declared("aiva", "1"))
    # per repetition: sm3 0.6 and 0.75, ge15 0.2 and 0.3, average 0.4 and 0.525
    assert mean["AIVA"].to_dict() == pytest.approx({"sm3": 67.5, "ge15": 25.0, "Average": 46.25})
    assert std.loc["Average", "AIVA"] == pytest.approx(100 * np.std([0.4, 0.525], ddof=1))


def every_system(base: float = 0.5) -> dict[tuple[str, str, str, int], float]:
    scores = {(TARGET_MODEL, site, site, 0): 0.9 for site in SITES}
    for step, system in enumerate(SYSTEMS[1:]):
        scores[system, "sm3", "ge15", 0] = base + step / 10
        scores[system, "ge15", "sm3", 0] = base - step / 10
    return scores


def test_wins_count_pairs() -> None:
    table = wins(made_up(every_system()), SYSTEMS[1:], "surface_dice")
    assert table["pairs"].tolist() == [2] * 5
    assert table[f"better than {SOURCE_MODEL}"].tolist() == [0, 1, 1, 1, 1]
    assert table.loc["AIVA", "best"] == table.loc[SOURCE_MODEL, "best"] == 1
    assert table["mean gain"].tolist() == [0.0] * 5


def test_pairs_have_the_source_in_their_rows() -> None:
    values = by_pair(made_up(every_system()), "AIVA")
    assert tuple(values.index) == tuple(values.columns) == SITES
    assert values.loc["sm3", "ge15"] == pytest.approx(0.9)
    assert values.loc["ge15", "sm3"] == pytest.approx(0.1)
    assert np.isnan(np.diag(values)).all()


def test_the_bound_of_a_pair_is_its_targets_own_model() -> None:
    scores = every_system() | {(TARGET_MODEL, "ge15", "ge15", 0): 0.8}
    table = own_table(made_up(scores), ("surface_dice",))
    bound = table.loc[TARGET_MODEL, "surface_dice"]
    assert bound["sm3 to ge15"] == 80.0
    assert bound["ge15 to sm3"] == 90.0
    assert list(table.index) == list(SYSTEMS)


def test_scores_by_clusters_are_means_over_pairs() -> None:
    found = made_up({("AIVA", a, b, s): 0.1 * s for a, b in (SITES, SITES[::-1]) for s in (1, 2)})
    frames = [
        found.frame.assign(k=k, value=found.frame["value"] + int(k) / 100) for k in ("9", "12")
    ]
    both = Results(pd.concat(frames), found.images, "smoke", "clusters", {}, "aiva")
    curves = by_number(both, "k", "surface_dice")
    assert list(curves) == ["mean", "sm3 to ge15", "ge15 to sm3"]
    assert curves["mean"].loc[12].tolist() == pytest.approx([0.22, 0.32])
    assert curves["mean"].index.tolist() == [9, 12]


def test_table_1_stands_beside_ours_in_percent(smoke: Results) -> None:
    frame = beside(smoke, "1").frame
    assert frame.loc["sm3", ("AIVA", "reported")] == 66.31
    ours = measured_table(smoke, declared("aiva", "1"))[0]
    assert frame.loc["Average", ("AIVA", "measured")] == pytest.approx(ours.loc["Average", "AIVA"])
    assert np.isnan(frame.loc["ph3", ("AIVA", "measured")])  # smoke does not run it


def test_seconds_and_overhead() -> None:
    assert costs.run_seconds(made_up(every_system())).loc["AIVA", "median seconds"] == 2.0
    table = costs.read("aiva", "overhead.csv")
    assert table is not None
    spent = table["features_s"] + table["clusters_s"]
    epoch = spent + table["step_s"] * table["steps_per_epoch"]
    np.testing.assert_allclose(table["share"], spent / epoch, rtol=1e-3)
