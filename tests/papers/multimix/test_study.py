"""The study: the paper's conditions in the paper's order, one run each."""

from __future__ import annotations

from itertools import pairwise

import pytest

from medda_lib.methods.multimix import system
from medda_lib.papers.multimix.study import BUDGETS, DATA, SYSTEMS, conditions, study
from medda_lib.studies.profile import PROFILES
from medda_lib.studies.reported import reported
from medda_lib.studies.spec import RunSpec
from medda_lib.tasks.chest_xray import ChestXrayTask


def rows(specs: tuple[RunSpec, ...], seed: int = 0) -> list[str]:
    return ["|".join(value for _, value in s.condition) for s in specs if s.seed == seed]


@pytest.mark.parametrize("table", ["2", "3"])
def test_the_57_conditions_stand_in_the_papers_order(table: str) -> None:
    printed = list(dict.fromkeys(reported("multimix", table)["row"]))
    ours = ["|".join(condition) for condition in conditions()]
    assert len(ours) == 57
    assert len(set(ours)) == 57
    assert ours == printed


@pytest.mark.parametrize("profile", ["demo", "paper"])
def test_the_phantom_study_runs_them_all_in_every_repetition(profile: str) -> None:
    specs = study(profile, "phantom").specs
    wanted = ["|".join(condition) for condition in conditions()]
    for seed in range(BUDGETS[profile].seeds):
        assert rows(specs, seed) == wanted
    assert len(specs) == 57 * BUDGETS[profile].seeds


def test_smoke_runs_each_system_once() -> None:
    specs = study("smoke", "phantom").specs
    assert [dict(s.condition)["system"] for s in specs] == list(SYSTEMS)


@pytest.mark.parametrize("profile", ["demo", "paper"])
def test_the_real_study_has_28_conditions_per_seed(profile: str) -> None:
    specs = study(profile, "real").specs
    for seed in range(BUDGETS[profile].seeds):
        assert len(set(rows(specs, seed))) == 28
    # two masks, 3 x 2 labels, 5 x 2 x 2 of both
    assert {dict(s.condition)["labels"] for s in specs} == {"-", "100", "Full"}
    assert {dict(s.condition)["masks"] for s in specs} == {"-", "10", "50"}


def test_a_condition_says_what_its_method_and_task_are() -> None:
    counts = {"10": 10, "50": 50, "100": 100, "1000": 1000, "Full": None, "-": None}
    for spec in study("demo", "phantom", 1).specs:
        condition = dict(spec.condition)
        assert spec.method == system(condition["system"], BUDGETS["demo"].settings)
        assert spec.method.name == condition["system"]
        assert isinstance(spec.task, ChestXrayTask)
        assert spec.task.labels == counts[condition["labels"]]
        assert spec.task.masks == counts[condition["masks"]]
        assert (spec.paper, spec.profile, spec.data) == ("multimix", "demo", "phantom")


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("profile", BUDGETS)
def test_no_two_runs_are_the_same(profile: str, data: str) -> None:
    specs = study(profile, data, 2).specs
    assert len({spec.identity for spec in specs}) == len(specs)


def test_every_profile_has_a_budget_with_enough_repetitions() -> None:
    assert list(BUDGETS) == list(PROFILES)
    for name, budget in BUDGETS.items():
        assert budget.seeds >= PROFILES[name].seeds
    steps = [budget.settings.recipe.steps for budget in BUDGETS.values()]
    sizes = [budget.size for budget in BUDGETS.values()]
    assert all(a < b for pair in (steps, sizes) for a, b in pairwise(pair))


def test_the_paper_profile_has_the_papers_numbers() -> None:
    budget = BUDGETS["paper"]
    assert (budget.size, budget.seeds, budget.settings.recipe.batch) == (256, 5, 10)
    assert budget.settings.recipe.learning_rate == 1e-4
    table = reported("multimix", "1").set_index(["row", "column"])["mean"]
    for name, counts in (
        ("in-domain|CheX", budget.sources.classification),
        ("in-domain|JSRT", budget.sources.segmentation),
    ):
        printed = [int(table[name, column]) for column in ("Train", "Val", "Test")]
        assert [counts.train, counts.validation, counts.test] == printed


def test_a_repetition_count_can_be_given() -> None:
    assert len(study("smoke", "phantom", 4).specs) == 4 * len(study("smoke", "phantom").specs)


def test_small_profiles_divide_the_label_counts() -> None:
    assert BUDGETS["smoke"].count("100") == 12
    assert BUDGETS["demo"].count("100") == 100
    assert BUDGETS["smoke"].count("Full") is BUDGETS["demo"].count("-") is None


@pytest.mark.parametrize(
    ("profile", "data", "message"),
    [
        ("huge", "phantom", "unknown profile 'huge'; there are: smoke, demo, paper"),
        ("demo", "mars", "unknown data 'mars' for multimix; there are: phantom, real"),
    ],
)
def test_unknown_profile_and_data_list_the_choices(profile: str, data: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        study(profile, data)
