"""Figures of the foundations pages on image physics and on claims, and the chain behind the first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from ipywidgets import HTML, SelectionSlider, Stack
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from medda_lib.figures.curves import curves
from medda_lib.figures.display import LIMIT, encode
from medda_lib.figures.forest import LOOKS, Effect, forest
from medda_lib.figures.parameter_dial import Position, parameter_dial, parameter_frame
from medda_lib.figures.profiles import profiles
from medda_lib.figures.verdict_dial import Simulation, verdict_dial, verdict_frame
from medda_lib.phantoms.chest_xray import DOMAINS, render
from medda_lib.phantoms.chest_xray.chain import stages

RNG = np.random.default_rng(0)


def texts(figure: Figure) -> list[str]:
    return [found.get_text() for found in figure.findobj(match=Text)]


def lines(figure: Figure, axis: int = 0) -> list[Line2D]:
    return figure.axes[axis].get_lines()


def heights(line: Line2D) -> list[float]:
    return [float(y) for y in np.asarray(line.get_ydata(), dtype=float)]


# --- the chain ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(DOMAINS))
def test_the_last_stage_is_what_render_gives(name: str) -> None:
    made, films = stages(DOMAINS[name], [3, 4], 64), render(DOMAINS[name], [3, 4], 64)
    assert torch.equal(made.shown, films.images[:, 0])
    assert torch.equal(made.lungs, films.lungs[:, 0])


def test_primary_obeys_beer_and_lambert() -> None:
    made = stages(DOMAINS["jsrt"], [1], 64)
    torch.testing.assert_close(-made.primary.log(), made.blurred, rtol=1e-4, atol=1e-4)


def test_counts_are_primary_and_scatter_and_noise_that_falls_with_the_exposure() -> None:
    domain = DOMAINS["nihx"]
    spread = []
    for exposure in (1e4, 1e6, 1e12):
        made = stages(replace(domain, exposure=exposure, exposure_spread=0.0), [1], 64)
        spread.append(float((made.counted - made.expected).std()))
    assert spread[2] < 1e-4
    assert spread[0] / spread[1] == pytest.approx(10, rel=0.02)


@pytest.mark.parametrize(("seeds", "size", "words"), [([], 64, "seeds"), ([1], 16, "size")])
def test_stages_name_the_wrong_argument(seeds: list[int], size: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        stages(DOMAINS["jsrt"], seeds, size)


# --- profiles and curves -----------------------------------------------------------------------


def test_profiles_draw_the_row_on_one_scale() -> None:
    first, second = RNG.random((16, 20)), RNG.random((16, 20)) * 3
    figure = profiles({"before": first, "after": second}, 5, "A", slice(2, 12))
    drawn = lines(figure, 2)
    assert heights(drawn[0]) == pytest.approx(list(first[5, 2:12]))
    assert heights(drawn[1]) == pytest.approx(list(second[5, 2:12]))
    scales = {axis.get_images()[0].get_clim() for axis in figure.axes[:2]}
    assert scales == {(min(first.min(), second.min()), max(first.max(), second.max()))}
    assert len(encode(figure)[1]) <= LIMIT


@pytest.mark.parametrize(
    ("stages_", "row", "words"),
    [
        ({"a": np.zeros((4, 4)), "b": np.zeros((5, 4))}, 1, "size"),
        ({"a": np.zeros((4, 4))}, 4, "row"),
    ],
)
def test_profiles_refuse(stages_: dict[str, Any], row: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        profiles(stages_, row, "A")


def test_curves_hold_the_values_and_the_level() -> None:
    figure = curves([1, 2, 5], {"x": [1, 4, 9]}, "n", "y", level=(3, "three"), ticks=True)
    drawn, level = lines(figure)
    np.testing.assert_array_equal(drawn.get_ydata(), [1, 4, 9])
    assert set(np.asarray(level.get_ydata())) == {3}
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["1", "2", "5"]


def test_curves_on_a_logarithmic_axis_show_all_values() -> None:
    figure = curves([1, 2], {"x": [0.05, 2.0]}, "n", "y", log=(False, True))
    low, high = figure.axes[0].get_ylim()
    assert 0.01 < low < 0.05
    assert 2.0 < high < 10


def test_curves_refuse_other_lengths_and_nothing() -> None:
    with pytest.raises(ValueError, match="short: 1 values for 2"):
        curves([1, 2], {"short": [1]}, "n", "y")
    with pytest.raises(ValueError, match="nothing"):
        curves([1, 2], {}, "n", "y")


# --- the dial of one number --------------------------------------------------------------------


def position(label: str, score: float) -> Position:
    truth = np.zeros((16, 16), bool)
    truth[4:12, 4:12] = True
    return Position(label, RNG.random((16, 16)), truth, truth, RNG.random(500), {"net": score})


def test_parameter_frame_marks_position_and_home() -> None:
    positions = [position("1 cm", 0.9), position("2 cm", 0.8), position("3 cm", 0.6)]
    figure = parameter_frame(positions, 2, 0, "blur / cm")
    whole, here, home = lines(figure, 2)
    np.testing.assert_array_equal(whole.get_ydata(), [0.9, 0.8, 0.6])
    assert (here.get_xdata(), here.get_ydata()) == ([2], [0.6])
    assert list(np.asarray(home.get_xdata())) == [0, 0]
    assert "3 cm" in texts(figure)


def test_parameter_dial_says_scores_and_refuses_mixtures() -> None:
    positions = [position("1 cm", 0.9), position("2 cm", 0.8)]
    slider, stack = parameter_dial(positions, 0, "blur / cm", "blur").children
    assert isinstance(slider, SelectionSlider)
    assert isinstance(stack, Stack)
    second = stack.children[1]
    assert isinstance(second, HTML)
    assert "net 0.80" in second.value
    assert "At home: net 0.90" in second.value
    with pytest.raises(ValueError, match="home"):
        parameter_dial(positions, 2, "blur / cm", "blur")
    with pytest.raises(ValueError, match="other networks"):
        parameter_dial([positions[0], replace(positions[1], scores={"b": 1.0})], 0, "b", "b")


# --- verdicts ----------------------------------------------------------------------------------


def test_forest_draws_each_interval_in_the_look_of_its_verdict() -> None:
    effects = [Effect("one", 0.2, 0.1, 0.3, "supported"), Effect("two", 0, -1, 1, "undecided")]
    figure = forest(effects, "A - B", bars=(-0.1, 0.1), truth=0.05)
    drawn = [line for line in lines(figure) if len(np.asarray(line.get_xdata())) == 2]
    np.testing.assert_array_equal(drawn[0].get_xdata(), [0.1, 0.3])
    assert drawn[0].get_color() == LOOKS["supported"][0]
    assert drawn[1].get_color() == LOOKS["undecided"][0]
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["one", "two"]
    low, high = figure.axes[0].get_ylim()
    assert low > high  # the first is at the top


def test_forest_names_the_unknown_verdict() -> None:
    with pytest.raises(ValueError, match="odd: verdict 'perhaps'"):
        forest([Effect("odd", 0, -1, 1, "perhaps")], "x")
    with pytest.raises(ValueError, match="nothing"):
        forest([], "x")


SHARES = {"supported": 0.25, "contradicted": 0.0, "undecided": 0.75}


def simulation(i: int, j: int) -> Simulation:
    some = [Effect("", 0.1 * i, -1.0, 1.0, "undecided")] * 3
    return Simulation(0.5 * i, some, SHARES, 0.7 + 0.1 * j)


def test_verdict_frame_writes_the_shares() -> None:
    figure = verdict_frame(simulation(0, 1), "title", "effect")
    assert {"25%", "0%", "75%", "80% of intervals hold the truth"} <= set(texts(figure))
    bars = [patch for patch in figure.axes[1].patches if isinstance(patch, Rectangle)]
    assert [bar.get_width() for bar in bars] == [0.25, 0.0, 0.75]


def test_verdict_dial_has_words_for_each_position() -> None:
    labels = (["0", "1"], ["3", "5"])
    widget = verdict_dial(simulation, labels, ("effect", "seeds"), "A - B", (-2, 2))
    outer = widget.children[2]
    assert isinstance(outer, Stack)
    alts = [picture.value for row in outer.children for picture in row.children]
    assert "effect 1, seeds 5: supported 25%" in alts[3]
    assert "80% of the intervals hold" in alts[3]
