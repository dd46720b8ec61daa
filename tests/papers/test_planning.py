"""Budgets side by side, and a study from them."""

from dataclasses import dataclass

import pytest

from medda_lib.papers.planning import by_profile, planned


@dataclass(frozen=True)
class Budget:
    seeds: int
    width: int


def test_a_field_has_a_value_for_each_profile() -> None:
    found = by_profile(Budget, seeds=(1, 3, 5), width=(4, 8, 16))
    assert list(found) == ["smoke", "demo", "paper"]
    assert found["paper"] == Budget(seeds=5, width=16)
    with pytest.raises(ValueError, match="zip"):
        by_profile(Budget, seeds=(1, 3, 5), width=(4, 8))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="widht"):
        by_profile(Budget, seeds=(1, 3, 5), widht=(4, 8, 16))


def test_unknown_choices_are_answered_with_the_known_ones() -> None:
    budgets = by_profile(Budget, seeds=(1, 3, 5), width=(4, 8, 16))
    with pytest.raises(ValueError, match="unknown profile 'huge'; there are: smoke, demo, paper"):
        planned("toy", budgets, {"phantom": lambda *_: []}, "huge", "phantom")
    with pytest.raises(ValueError, match="unknown data 'mars' for toy; there are: phantom"):
        planned("toy", budgets, {"phantom": lambda *_: []}, "demo", "mars")
