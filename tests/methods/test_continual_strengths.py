"""How strengths are chosen: the strongest that still learns what is new."""

import pytest

from medda_lib.methods.continual.strengths import GRID, strongest


@pytest.mark.parametrize(
    ("dice", "drop", "wanted"),
    [
        ({0.1: 0.80, 1.0: 0.79, 10.0: 0.60}, 0.02, 1.0),
        ({0.1: 0.80, 1.0: 0.79, 10.0: 0.60}, 0.005, 0.1),
        ({10.0: 0.81, 0.1: 0.70, 1.0: 0.80}, 0.01, 10.0),  # better than plain is no loss
        ({1.0: 0.79}, 0.01, 1.0),  # exactly at the bound
    ],
)
def test_the_largest_that_loses_no_more_than_the_drop(
    dice: dict[float, float], drop: float, wanted: float
) -> None:
    assert strongest(dice, plain=0.8, drop=drop) == wanted


def test_a_grid_that_holds_nowhere_is_refused() -> None:
    with pytest.raises(ValueError, match="smaller"):
        strongest({1.0: 0.2}, 0.8)


def test_the_grid_spans_the_factor_between_the_two_ways_to_take_f() -> None:
    assert max(GRID) / min(GRID) >= 4.5e4
