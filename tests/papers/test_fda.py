"""What is peculiar to the Fourier paper: a matrix of scanners, a grid of beta, a live pair."""

from __future__ import annotations

import numpy as np
import pytest

from medda_lib.methods.fda import FourierAdaptation
from medda_lib.papers.fda import pictures
from medda_lib.papers.fda.study import BUDGETS, study
from medda_lib.papers.pairs import six
from medda_lib.papers.tables import reported_table
from tests.papers.smoke import SEVERE, measured, pair

TABLES = {name: reported_table("fda", name, "column")["mean"] for name in "123"}


def test_home_is_best_for_every_source_and_target_in_the_paper() -> None:
    matrix = TABLES["1"].to_numpy()
    assert (matrix.argmax(axis=0) == np.arange(6)).all()
    assert (matrix.argmax(axis=1) == np.arange(6)).all()


def test_ranking_by_the_targets_home_score_gives_other_pairs_than_the_paper_names() -> None:
    """Losses against the source's own score give the column "No DA" (test_tuned); these do not."""
    turned = six(TABLES["1"].T)
    found = [TABLES["1"].loc[source, target] for source, target in turned.values()]
    assert found != TABLES["2"].loc[list(turned), "No DA|-"].tolist()


def test_beta_per_pair_changes_plain_swapping_on_one_or_two_pairs_only() -> None:
    table = TABLES["3"]
    for system, pairs in (("FDA", [SEVERE]), ("FDA + MST", [SEVERE, "Severe #2"])):
        differ = table.index[table[f"{system}|per pair"] != table[f"{system}|averaged"]]
        assert differ.tolist() == [*pairs, "Average"]


def test_targets_of_a_pair_are_tested_and_tuned_and_plain_models_are_those_of_the_matrix() -> None:
    pairs = BUDGETS["demo"].chosen("phantom").values()
    specs = study("demo", "phantom", 1).specs
    for spec in (spec for spec in specs if isinstance(spec.method, FourierAdaptation)):
        targets = {target for s, target in pairs if s == dict(spec.condition)["source"]}
        names = {slot.domain for slot in spec.task.evaluations()}
        assert names == targets | {f"{target} tuning" for target in targets}
    plain = {spec.identity for spec in specs if dict(spec.condition)["system"] == "No DA"}
    assert plain <= {spec.identity for spec in study("demo", "matrix", 1).specs}


def test_scans_and_swaps_score_as_the_rows_and_the_widget_say() -> None:
    found, live = measured("fda", "phantom"), pair(SEVERE)
    each = pictures.by_scan(found, "No DA", "-", live.pair, "surface_dice")
    unadapted = live.network.segment(live.scan().images)
    assert unadapted is not None
    assert live.score(unadapted) == pytest.approx(float(each[0, 0]), abs=1e-3)
    swapped = pictures.adaptation(live, "3D", 3, BUDGETS["smoke"].beta(0.035))
    shown = pictures.widget(live, counts=(1, 3)).children[2].children[1].children[1].value
    assert f"surface Dice {live.score(swapped.segment(live.scan().images)):.3f}" in shown
    assert pictures.voxel_ml("demo") == pytest.approx(1.5**3 / 1000)
    with pytest.raises(ValueError, match="no pair"):
        pictures.train("smoke", "Medium #9", 0)
