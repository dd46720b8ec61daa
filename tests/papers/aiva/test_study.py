"""The study: all pairs, all systems, each condition once; what the paper prints is what is named."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import pytest

from medda_lib.methods.aiva import AIVA
from medda_lib.methods.source_model import SourceModel
from medda_lib.papers.aiva.study import (
    BUDGETS,
    SITES,
    SYSTEMS,
    TARGET_MODEL,
    study,
)
from medda_lib.studies.profile import PROFILES
from medda_lib.studies.reported import reported
from medda_lib.tasks.brain import BrainTask
from medda_lib.tasks.prostate import ProstateTask


def conditions(profile: str, data: str) -> list[dict[str, str]]:
    """The conditions of the first repetition."""
    return [dict(spec.condition) for spec in study(profile, data, 1).specs]


@pytest.mark.parametrize("profile", ["demo", "paper"])
def test_every_pair_meets_every_system(profile: str) -> None:
    found = conditions(profile, "phantom")
    adapted = [c for c in found if c["system"] != TARGET_MODEL]
    pairs = Counter((c["source"], c["target"]) for c in adapted)
    assert pairs == dict.fromkeys(permutations(SITES, 2), 5)
    bounds = [c for c in found if c["system"] == TARGET_MODEL]
    assert sorted(c["target"] for c in bounds) == sorted(SITES)
    assert all(c["source"] == c["target"] for c in bounds)


def test_three_repetitions_at_demo() -> None:
    assert BUDGETS["demo"].seeds == 3
    assert len(study("demo", "phantom").specs) == 3 * (30 * 5 + 6)
    assert len(study("demo", "prostate").specs) == 3 * 6 * 6
    assert len(study("demo", "clusters").specs) == 3 * 5 * 6


@pytest.mark.parametrize(("table", "data"), [("1", "phantom"), ("2", "prostate")])
def test_systems_and_targets_are_those_of_the_tables(table: str, data: str) -> None:
    printed = reported("aiva", table)
    found = conditions("demo", data)
    assert set(printed["row"]) - {"Average"} == {c["target"] for c in found}
    assert set(printed["column"]) <= {c["system"] for c in found} == set(SYSTEMS)


def test_prostates_leave_one_site_out() -> None:
    for spec in study("demo", "prostate", 1).specs:
        if dict(spec.condition)["system"] != TARGET_MODEL:
            assert isinstance(spec.task, ProstateTask)
            assert spec.task.target == dict(spec.condition)["target"]


def test_five_pairs_in_the_tables_order_for_the_clusters() -> None:
    found = conditions("demo", "clusters")
    pairs = list(dict.fromkeys((c["source"], c["target"]) for c in found))
    assert pairs == [
        ("sm15", "sm3"),
        ("sm3", "ge15"),
        ("ge15", "ge3"),
        ("ge3", "ph15"),
        ("ph15", "ph3"),
    ]
    assert sorted({int(c["k"]) for c in found}) == [3, 6, 9, 12, 15, 18]


def test_twelve_clusters_on_a_pair_are_one_run_of_both_studies() -> None:
    keys = {
        data: {s.identity for s in study("demo", data, 1).specs if dict(s.condition)["k"] == "12"}
        for data in ("phantom", "clusters")
    }
    assert len(keys["clusters"]) == 5
    assert keys["clusters"] < keys["phantom"]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_condition_says_what_its_method_and_task_are(profile: str) -> None:
    for data in ("phantom", "real", "clusters", "own"):
        for spec in study(profile, data, 1).specs:
            condition = dict(spec.condition)
            assert isinstance(spec.task, BrainTask)
            assert (spec.task.source, *spec.task.tests) == (
                condition["source"],
                condition["target"],
            )
            if isinstance(spec.method, AIVA):
                assert condition["k"] == str(spec.method.clustering.k)
            if isinstance(spec.method, SourceModel):
                assert condition["system"] in SYSTEMS[:2]
            else:
                assert condition["system"] == spec.method.name
                assert spec.task.adapt == condition["target"]


def test_paper_profile_has_the_papers_numbers() -> None:
    brain, prostate = BUDGETS["paper"].brain, BUDGETS["paper"].prostate
    assert (brain.segmenter.recipe.steps, brain.finetuning.steps) == (5000, 6500)
    assert (prostate.segmenter.recipe.steps, prostate.finetuning.steps) == (3500, 3500)
    assert brain.clustering.k == prostate.clustering.k == 12
    assert prostate.segmenter.normalise == "standardise"
    assert brain.segmenter.normalise == "none"


def test_unknown_names_are_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match="there are: smoke, demo, paper"):
        study("quick", "phantom")
    with pytest.raises(ValueError, match="there are: phantom, prostate"):
        study("smoke", "photos")
