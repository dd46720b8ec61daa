"""Which runs a study has, and that its rows name what they were measured on."""

from __future__ import annotations

from collections import Counter

import pytest

from medda_lib.methods.fda import FourierAdaptation
from medda_lib.papers.catalogue import paper
from medda_lib.papers.fda.study import BUDGETS, DATA, SITES, study
from medda_lib.papers.results import Results
from medda_lib.studies.profile import PROFILES

SWAPS = 5


def conditions(profile: str, data: str, seeds: int = 1) -> list[dict[str, str]]:
    return [dict(spec.condition) for spec in study(profile, data, seeds).specs]


def test_demo_has_all_systems_on_all_pairs() -> None:
    budget = BUDGETS["demo"]
    found = Counter(row["system"] for row in conditions("demo", "phantom"))
    sources = len({pair.source for pair in budget.chosen("phantom").values()})
    assert found.pop("No DA") == sources
    assert set(found.values()) == {sources * len(budget.betas)}
    assert len(found) == SWAPS
    known = {system.name for system in paper("fda").systems}
    assert set(found) < known


def test_every_target_of_a_pair_is_tested_and_tuned() -> None:
    pairs = set(BUDGETS["demo"].chosen("phantom").values())
    for spec in study("demo", "phantom", 1).specs:
        if not isinstance(spec.method, FourierAdaptation):
            continue
        source = dict(spec.condition)["source"]
        targets = {target for s, target in pairs if s == source}
        names = {slot.domain for slot in spec.task.evaluations()}
        assert names == targets | {f"{target} tuning" for target in targets}
        assert set(spec.task.evaluations().values()) == {"cross-domain", "tuning"}


def test_unadapted_models_are_the_same_runs_in_the_matrix() -> None:
    matrix = {spec.key for spec in study("demo", "matrix", 1).specs}
    assert len(matrix) == len(SITES)
    plain = [s for s in study("demo", "phantom", 1).specs if dict(s.condition)["system"] == "No DA"]
    assert {spec.key for spec in plain} <= matrix


def test_repetitions_differ_by_the_seed_alone() -> None:
    specs = study("demo", "dial", 2).specs
    assert [s.seed for s in specs] == [0, 0, 1, 1]
    assert len({s.key for s in specs}) == len(specs)


def test_real_has_both_directions_and_the_naive_swap() -> None:
    rows = conditions("demo", "real")
    assert {row["source"] for row in rows} == {"ixi_hh", "nichart_demo"}
    assert len({row["system"] for row in rows}) == SWAPS + 2
    assert "FDA (any slice)" in {row["system"] for row in rows}


@pytest.mark.parametrize("profile", BUDGETS)
@pytest.mark.parametrize("data", DATA)
def test_every_profile_has_every_kind_of_data(profile: str, data: str) -> None:
    planned = study(profile, data)
    assert planned.specs
    assert {spec.data for spec in planned.specs} == {data}
    assert BUDGETS[profile].seeds >= PROFILES[profile].seeds


def test_what_is_called_phantoms_is_made_of_phantoms() -> None:
    for data in (one.name for one in paper("fda").data if one.kind == "phantom"):
        assert all("phantoms" in spec.task.name for spec in study("demo", data, 1).specs)


def test_unknown_choices_are_listed() -> None:
    with pytest.raises(ValueError, match="demo"):
        study("huge", "phantom")
    with pytest.raises(ValueError, match="matrix"):
        study("demo", "elsewhere")


def test_smoke_rows(main: Results) -> None:
    frame = main.frame
    assert {"surface_dice", "surface_dice_2mm", "dice"} <= set(frame["metric"])
    assert set(frame["evaluation"]) == {"in-domain", "cross-domain", "tuning"}
    assert frame["value"].notna().all()
