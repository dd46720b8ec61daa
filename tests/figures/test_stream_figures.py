"""Figures of a stream, read back from their artists, and small enough for a page."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from medda_lib.figures.cost_bars import cost_bars, ratios
from medda_lib.figures.deterioration import Attempt, deterioration
from medda_lib.figures.display import LIMIT, encode
from medda_lib.figures.stage_curves import stage_colours, stage_curves
from medda_lib.figures.stage_distances import Pool, stage_distances
from medda_lib.figures.stream import stream

RNG = np.random.default_rng(3)
NAN = float("nan")


def line(axis: Axes, i: int) -> np.ndarray:
    """Points (n, 2) of a line."""
    return np.asarray(axis.lines[i].get_xydata(), dtype=float)


def bars(axis: Axes) -> list[Rectangle]:
    return [patch for patch in axis.patches if isinstance(patch, Rectangle)]


def shown(figure: Figure) -> list[Axes]:
    return [axis for axis in figure.axes if axis.get_visible()]


def test_lines_are_dotted_until_their_stage_is_learned() -> None:
    scores = RNG.random((3, 5, 5))
    axis = stage_curves({"one": scores}).axes[0]
    mean = scores.mean(axis=0)
    for j in range(5):
        before, after = line(axis, 2 * j), line(axis, 2 * j + 1)
        assert axis.lines[2 * j].get_linestyle() == ":"
        assert np.allclose(before, np.c_[np.arange(1, j + 2), mean[: j + 1, j]])
        assert np.allclose(after, np.c_[np.arange(j + 1, 6), mean[j:, j]])
        assert axis.lines[2 * j + 1].get_color() == stage_colours(5)[j]


def test_a_panel_per_system_and_a_level_for_joint_training() -> None:
    figure = stage_curves({name: RNG.random((5, 5)) for name in "abcd"}, bound=0.8)
    assert [axis.get_title() for axis in shown(figure)] == list("abcd")
    for axis in shown(figure):
        assert np.allclose(axis.lines[-1].get_ydata(), 0.8)
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == [*(f"stage {k}" for k in range(1, 6)), "not yet learned", words[-1]]
    assert words[-1] == "joint training, mean"
    assert len(encode(figure)[1]) <= LIMIT


def test_stage_colours_differ_and_grow_lighter() -> None:
    light = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b, _ in stage_colours(5)]
    assert (np.diff(light) > 0.05).all()


@pytest.mark.parametrize("shape", [(5,), (4, 5), (1, 1), (0, 5, 5)])
def test_scores_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"net: expected \(stages, stages\)"):
        stage_curves({"net": np.zeros(shape)})


def test_costs_are_multiples_of_the_references_mean() -> None:
    found = ratios({"Sequential": [2.0, 4.0], "EWC": [6.0]}, "Sequential")
    assert found["Sequential"].tolist() == [2 / 3, 4 / 3]
    assert found["EWC"].tolist() == [2.0]
    with pytest.raises(ValueError, match="no costs of 'Joint'; there are: EWC"):
        ratios({"EWC": [6.0]}, "Joint")
    with pytest.raises(ValueError, match="not above 0"):
        ratios({"EWC": [0.0]}, "EWC")


def test_a_bar_per_system_with_its_number() -> None:
    time = {"Sequential": [10.0, 10.0], "EWC": [15.0, 25.0]}
    figure = cost_bars({"training time": time, "peak memory": {"Sequential": [3.0]}})
    left, right = figure.axes
    assert [bar.get_width() for bar in bars(left)] == pytest.approx([1.0, 2.0])
    assert [text.get_text().strip() for text in left.texts] == ["1.00", "2.00"]
    dots = np.asarray(left.collections[1].get_offsets())
    assert dots.tolist() == [[1.5, 1.0], [2.5, 1.0]]
    assert [text.get_text().strip() for text in right.texts] == ["1.00", "not measured"]
    assert [tick.get_text() for tick in left.get_yticklabels()] == ["Sequential", "EWC"]
    with pytest.raises(ValueError, match="nothing to show"):
        cost_bars({})


DISTANCES = [[NAN, NAN], [0.3, NAN], [0.9, NAN], [1.2, 0.4], [1.5, 0.6]]


def test_distances_threshold_nearest_and_new_models() -> None:
    figure = stage_distances({"ODEx": Pool(DISTANCES, 0.7, (1, 3))})
    axis = figure.axes[0]
    first, second = line(axis, 0), line(axis, 1)
    assert np.array_equal(first[:, 1], np.array(DISTANCES)[:, 0], equal_nan=True)
    assert np.array_equal(second[:, 1], np.array(DISTANCES)[:, 1], equal_nan=True)
    assert np.allclose(line(axis, 2)[:, 1], 0.7)
    rings = np.ma.masked_invalid(axis.collections[-1].get_offsets()).filled(np.nan)
    nearest = np.array([NAN, 0.3, 0.9, 0.4, 0.6])
    assert np.array_equal(rings[:, 1], nearest, equal_nan=True)
    assert [band.get_x() + band.get_width() / 2 for band in bars(axis)] == pytest.approx([1, 3])
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["model 1", "model 2", "threshold", "nearest", "a model is begun"]
    assert len(encode(figure)[1]) <= LIMIT


def test_a_threshold_may_change_from_stage_to_stage() -> None:
    levels = [0.5, 0.6, 0.7, 0.8, 0.9]
    axis = stage_distances({"ODEx": Pool(DISTANCES, levels, (1,))}).axes[0]
    assert line(axis, 2)[:, 1].tolist() == levels


@pytest.mark.parametrize(
    ("pool", "message"),
    [
        (Pool([0.1, 0.2], 1.0, ()), r"ODEx: expected distances \(stages, models\)"),
        (Pool(DISTANCES, 1.0, (6,)), "ODEx: added names stage 6, there are 5"),
    ],
)
def test_pools_that_do_not_fit_are_refused(pool: Pool, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stage_distances({"ODEx": pool})


def test_a_stream_shows_shares_intensities_and_volumes() -> None:
    images = [RNG.beta(2 + k, 3, 4000) for k in range(5)]
    volumes = [RNG.normal(3 - 0.1 * k, 0.3, 9) for k in range(5)]
    t = np.linspace(0, 1, 5)
    figure = stream(images, volumes, {"a": 1 - t, "b": t})
    sources, grey, sizes = figure.axes
    heights = [bar.get_height() for bar in bars(sources)]
    assert heights == pytest.approx([*(1 - t), *t])
    assert [bar.get_y() for bar in bars(sources)][5:] == pytest.approx(1 - t)
    step = 1 / 48
    areas = [np.sum(np.asarray(curve.get_ydata(), float)) * step for curve in grey.lines]
    assert areas == pytest.approx([1.0] * 5)
    dots = np.asarray(sizes.collections[0].get_offsets())[:, 1]
    assert np.allclose(dots, np.sort(volumes[0]))
    bar = sizes.collections[1].get_paths()[0].vertices
    assert np.allclose(np.asarray(bar)[:, 1], np.median(volumes[0]))
    assert len(encode(figure)[1]) <= LIMIT


def test_a_stream_of_one_source_has_no_panel_for_sources() -> None:
    figure = stream([RNG.random(50)] * 2, [[1.0], [2.0]])
    assert [axis.get_title() for axis in figure.axes] == ["intensities", "volumes"]
    with pytest.raises(ValueError, match="a: 3 shares for 2 stages"):
        stream([RNG.random(50)] * 2, [[1.0], [2.0]], {"a": [1, 1, 1]})
    with pytest.raises(ValueError, match="one length"):
        stream([RNG.random(50)], [[1.0], [2.0]])


def square(low: int, high: int, size: int = 32) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[low:high, low:high] = True
    return mask


def test_the_row_of_deterioration_and_all_systems_at_the_end() -> None:
    truth = square(8, 20)
    followed = [Attempt(square(8, 20 - k), f"after {k + 1}", f"Dice {k}") for k in range(3)]
    ends = [Attempt(square(9, 18), "EWC"), Attempt(np.zeros_like(truth), "ODEx")]
    image = RNG.random((32, 32))
    figure = deterioration(image, truth, followed, {"at the end": ends})
    axes = shown(figure)
    assert [axis.get_title() for axis in axes[:4]] == ["reference", *(a.title for a in followed)]
    assert [axis.get_title() for axis in axes[4:]] == ["EWC", "ODEx"]
    assert len(axes[0].collections) == 1  # the reference alone
    assert len(axes[1].collections) == 2
    assert len(axes[5].collections) == 1  # an empty prediction has no outline
    drawn = np.concatenate([np.asarray(p.vertices) for p in axes[3].collections[1].get_paths()])
    assert (drawn.min(), drawn.max()) == (7.5, 17.5)
    assert (axes[0].get_ylabel(), axes[4].get_ylabel()) == ("Sequential", "at the end")
    with pytest.raises(ValueError, match=r"reference: masks \(32, 32\) and \(32, 32\) on an image"):
        deterioration(image[:9], truth, [ends[0]], {})
    with pytest.raises(ValueError, match="at least one attempt"):
        deterioration(image, truth, [], {})


def test_fourteen_noisy_panels_stay_below_the_limit() -> None:
    image = np.clip(RNG.normal(0.5, 0.1, (30, 36)), 0, 1)
    tries = [Attempt(square(5, 20, 36)[:30], f"after {k}", "Dice 0.800") for k in range(6)]
    figure = deterioration(image, square(6, 22, 36)[:30], tries, {"at the end": [*tries, tries[0]]})
    assert len(encode(figure)[1]) <= LIMIT
