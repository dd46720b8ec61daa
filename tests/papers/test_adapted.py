"""Systems that adapt a source network: those of a study, and the twins with their idea off."""

from __future__ import annotations

from dataclasses import replace

from medda_lib.methods.finetuning import Arrangement, Finetuned
from medda_lib.papers.adapted import ALONE, RESTATED
from medda_lib.papers.aiva.study import BUDGETS, SYSTEMS


def test_twins_join_the_systems_when_they_are_asked_for() -> None:
    settings = BUDGETS["demo"].brain
    assert tuple(settings.adapted()) == SYSTEMS[1:]
    more = replace(settings, twins=True, arrangement=Arrangement(paired=True)).adapted()
    extra = [name for name in more if name not in SYSTEMS]
    assert extra == [ALONE, f"{ALONE}, target's statistics", RESTATED]
    trained = [method for method in more.values() if isinstance(method, Finetuned)]
    assert len(trained) == 6
    assert all(method.arrangement.paired for method in trained)
    assert [method.arrangement.restate for method in trained] == [False] * 4 + [True] * 2
