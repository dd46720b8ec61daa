"""The studies of all papers: all profiles, all kinds of data, each run once, named as in the tables."""

from __future__ import annotations

from dataclasses import make_dataclass
from typing import Any

import pytest

from medda_lib.papers.catalogue import FOLDER, Table, paper, papers, study_module
from medda_lib.papers.planning import by_profile
from medda_lib.papers.standing import system_of
from medda_lib.studies.identity import canonical, canonical_json
from medda_lib.studies.profile import PROFILES
from medda_lib.studies.reported import reported
from medda_lib.studies.spec import RunSpec

KEYS = sorted(path.parent.name for path in FOLDER.glob("*/study.py"))
KINDS = [(key, one.name) for key in KEYS for one in paper(key).data]
CHOSEN = ("beta",)
"""Conditions of which a table prints no value, but the rule that chose it."""
TABLES = [(one.key, table) for one in papers() for table in one.tables]


def specs(key: str, profile: str, data: str, seeds: int | None = None) -> tuple[RunSpec, ...]:
    return study_module(key).study(profile, data, seeds).specs


@pytest.mark.parametrize("key", KEYS)
def test_every_profile_has_a_budget_that_is_larger_than_the_one_before(key: str) -> None:
    budgets = study_module(key).BUDGETS
    assert list(budgets) == list(PROFILES)
    for name, budget in budgets.items():
        assert budget.seeds >= PROFILES[name].seeds
    first = paper(key).data[0].name
    sizes = [len(specs(key, profile, first)) for profile in PROFILES]
    assert sizes[0] < sizes[1] <= sizes[2]


def test_a_field_of_a_budget_has_a_value_for_each_profile() -> None:
    make = make_dataclass("Budget", ["seeds", "width"], frozen=True)
    found = by_profile(make, seeds=(1, 3, 5), width=(4, 8, 16))
    assert [vars(found[name]) for name in PROFILES][2] == {"seeds": 5, "width": 16}
    short: Any = (4, 8)
    with pytest.raises(ValueError, match="zip"):
        by_profile(make, seeds=(1, 3, 5), width=short)
    with pytest.raises(TypeError, match="widht"):
        by_profile(make, seeds=(1, 3, 5), widht=(4, 8, 16))


@pytest.mark.parametrize(("key", "data"), KINDS)
@pytest.mark.parametrize("profile", PROFILES)
def test_no_two_runs_are_the_same_and_repetitions_differ_by_their_seed_alone(
    profile: str, key: str, data: str
) -> None:
    found = specs(key, profile, data, 2)
    assert {(s.paper, s.profile, s.data) for s in found} == {(key, profile, data)}
    assert len({s.identity for s in found}) == len({s.label for s in found}) == len(found)
    first, second = ([s for s in found if s.seed == seed] for seed in (0, 1))
    assert [s.condition for s in first] == [s.condition for s in second]
    assert [(s.method, s.task) for s in first] == [(s.method, s.task) for s in second]
    assert len(first) + len(second) == len(found) > 0
    for spec in found:
        assert system_of(spec)
        assert all(value for _, value in spec.condition)


@pytest.mark.parametrize("key", KEYS)
def test_unknown_names_and_other_numbers_of_repetitions(key: str) -> None:
    study, first = study_module(key).study, paper(key).data[0].name
    with pytest.raises(ValueError, match="unknown profile 'huge'; there are: smoke, demo, paper"):
        study("huge", first)
    with pytest.raises(ValueError, match=f"unknown data 'mars' for {key}; there are: {first}"):
        study("demo", "mars")
    assert len(study("smoke", first, 4).specs) == 4 * len(study("smoke", first, 1).specs)
    demo = study("demo", first).specs
    assert len(demo) == study_module(key).BUDGETS["demo"].seeds * len(specs(key, "demo", first, 1))


@pytest.mark.parametrize(("key", "data"), KINDS)
def test_no_run_names_a_device_or_a_file(key: str, data: str) -> None:
    for spec in specs(key, "demo", data, 1):
        text = canonical_json([canonical(spec.method, "method"), canonical(spec.task, "task")])
        assert "cuda" not in text
        assert "/" not in text


@pytest.mark.parametrize(("key", "table"), TABLES, ids=[f"{k}-{t.name}" for k, t in TABLES])
@pytest.mark.parametrize("profile", ["demo", "paper"])
def test_what_a_table_names_is_what_the_studies_run(profile: str, key: str, table: Table) -> None:
    """Rows and columns of a declared table are conditions, or domains, of some run on phantoms."""
    kinds = [one.name for one in paper(key).data if one.kind == "phantom"]
    runs = [spec for data in kinds for spec in specs(key, profile, data, 1)]
    waiting = {system.name for system in paper(key).systems if system.status == "not yet"}
    for names, part in ((table.rows, "row"), (table.columns, "column")):
        printed = set(reported(key, table.name)[part]) - {table.average}
        for at, name in enumerate(names):
            ours = {dict(spec.condition).get(name, "") for spec in runs}
            if name == "domain":
                ours = {slot.domain for spec in runs for slot in spec.task.evaluations()}
            if ours != {""} and name not in CHOSEN:
                assert {text.split("|")[at] for text in printed} <= ours | waiting
