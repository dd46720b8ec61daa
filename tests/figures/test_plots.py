"""What the figures draw, read back from their artists."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.metrics import roc_auc_score

from medda_lib.figures.accuracy_curves import accuracy_curves
from medda_lib.figures.bland_altman import agreement, bland_altman
from medda_lib.figures.boundaries import boundaries
from medda_lib.figures.boxes import boxes
from medda_lib.figures.contact_sheet import contact_sheet
from medda_lib.figures.intensities import densities, intensities
from medda_lib.figures.masks import ADDED, FOUND, MISSED, compare, masks
from medda_lib.figures.roc import roc
from medda_lib.figures.saliency import saliency, shared_scale
from medda_lib.figures.shift_matrix import shift_matrices, shift_matrix
from medda_lib.figures.training_curves import running_mean, training_curves

RNG = np.random.default_rng(7)


def texts(figure: Figure, axis: int = 0) -> list[str]:
    return [t.get_text() for t in figure.axes[axis].texts]


def test_agreement_against_numbers_worked_by_hand() -> None:
    # differences 1, -1, 3, 1: mean 1, squares about it 0 + 4 + 4 + 0 = 8, over n - 1 = 3
    found = agreement([10, 20, 30, 40], [11, 19, 33, 41])
    deviation = (8 / 3) ** 0.5
    assert found.bias == pytest.approx(1)
    assert found.deviation == pytest.approx(deviation)
    assert (found.lower, found.upper) == pytest.approx((1 - 1.96 * deviation, 1 + 1.96 * deviation))
    assert found.n == 4


def test_limits_of_agreement_hold_95_percent_of_normal_differences() -> None:
    truth = RNG.uniform(0, 1, 20_000)
    found = agreement(truth, truth + RNG.normal(0.3, 2.0, truth.size))
    share = np.mean(np.abs(RNG.normal(0.3, 2.0, 20_000) - found.bias) < 1.96 * found.deviation)
    assert share == pytest.approx(0.95, abs=0.01)


def test_bland_altman_draws_points_lines_and_numbers() -> None:
    reference, measured = np.array([10.0, 20, 30, 40]), np.array([11.0, 19, 33, 41])
    figure = bland_altman({"one": (reference, measured), "two": (reference, reference)}, "pixels")
    points = np.asarray(figure.axes[0].collections[0].get_offsets())
    assert np.allclose(points, np.c_[(reference + measured) / 2, measured - reference])
    found = agreement(reference, measured)
    heights = [float(np.asarray(line.get_ydata())[0]) for line in figure.axes[0].lines]
    assert heights == pytest.approx([found.bias, found.lower, found.upper])
    assert texts(figure) == [f"{v:+.3g}" for v in (found.bias, found.lower, found.upper)]
    assert figure.axes[0].get_title() == "one (n = 4)"
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()


@pytest.mark.parametrize(
    ("reference", "measured", "message"),
    [([1.0], [1.0], "two images"), ([1.0, 2], [1.0], "one length"), ([1, np.nan], [1, 2], "NaN")],
)
def test_agreement_refuses(reference: list[float], measured: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        agreement(reference, measured)


def test_densities_integrate_to_one_and_find_the_grey() -> None:
    centres, curves = densities({"dark": np.full((2, 1, 4, 4), 0.1), "mix": RNG.random((2, 8, 8))})
    width = centres[1] - centres[0]
    assert all(np.sum(c) * width == pytest.approx(1) for c in curves.values())
    assert abs(centres[np.argmax(curves["dark"])] - 0.1) <= width
    lines = intensities({"dark": np.full((2, 4, 4), 0.1)}).axes[0].lines
    assert np.allclose(lines[0].get_ydata(), curves["dark"])
    with pytest.raises(ValueError, match=r"hot: intensities must lie in \[0, 1\]"):
        densities({"hot": np.full((1, 2, 2), 1.5)})


def test_boxes_show_median_and_quartiles() -> None:
    values = RNG.random(101)
    figure = boxes({"10": {"a": values, "b": values / 2}, "50": {"a": values}})
    axis = figure.axes[0]
    medians = sorted(
        float(np.asarray(line.get_ydata())[0]) for line in axis.lines if line.get_linewidth() == 1.6
    )
    expected = sorted([np.median(values), np.median(values) / 2, np.median(values)])
    assert medians == pytest.approx(expected)
    heights = np.asarray(axis.patches[0].get_path().vertices)[:, 1]
    quartiles = np.quantile(values, [0.25, 0.75])
    assert [heights.min(), heights.max()] == pytest.approx(quartiles)
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["a", "b"]
    with pytest.raises(ValueError, match="nothing to draw"):
        boxes({})


def _square(size: int = 12, low: int = 3, high: int = 9) -> Any:
    mask = np.zeros((1, size, size), bool)
    mask[0, low:high, low:high] = True
    return mask


def test_boundaries_follow_the_masks_edges() -> None:
    image, truth = np.zeros((1, 12, 12)), _square()
    figure = boundaries(image, truth, {"net": _square(high=7) * 0.9}, {"net": [0.75]})
    reference, predicted = figure.axes[0].collections
    for drawn, high in ((reference, 8.5), (predicted, 6.5)):
        vertices = np.concatenate([np.asarray(p.vertices) for p in drawn.get_paths()])
        assert vertices.min() == pytest.approx(2.5)
        assert vertices.max() == pytest.approx(high)
    assert figure.axes[0].get_xlabel() == "Dice 0.750"
    assert figure.axes[0].get_title() == "net"


def test_outline_of_a_mask_at_the_edge_is_closed() -> None:
    figure = contact_sheet(np.zeros((1, 12, 12)), masks=_square(low=0, high=5))
    vertices = np.asarray(figure.axes[0].collections[0].get_paths()[0].vertices)
    assert np.allclose(vertices[0], vertices[-1])


def test_an_empty_prediction_draws_no_outline() -> None:
    figure = boundaries(np.zeros((1, 12, 12)), _square(), {"net": np.zeros((1, 12, 12))})
    assert len(figure.axes[0].collections) == 1


def test_accuracy_curves_join_means_and_skip_what_was_not_run() -> None:
    scores = np.array([[0.6, 0.8], [np.nan, np.nan], [0.9, np.nan]])
    axis = accuracy_curves([100, 1000, 5216], {"net": scores}, chance=0.5).axes[0]
    line = axis.lines[0]
    assert np.allclose(np.asarray(line.get_xdata(), float), [100, 5216])
    assert np.allclose(np.asarray(line.get_ydata(), float), [0.7, 0.9])
    assert axis.get_xscale() == "log"
    assert [t.get_text() for t in axis.get_xticklabels()] == ["100", "1,000", "5,216"]
    near = accuracy_curves([0.0, 0.5, 1.0], {"net": np.ones((3, 1))}).axes[0]
    assert near.get_xscale() == "linear"
    with pytest.raises(ValueError, match=r"net: expected \(2, seeds\)"):
        accuracy_curves([1, 2], {"net": scores})


def test_roc_area_is_that_of_scikit_learn_ties_included() -> None:
    labels = RNG.integers(0, 2, 300)
    scores = np.round(labels * 0.3 + RNG.random(300), 1)
    axis = roc({"home": {"net": (scores, labels)}}).axes[0]
    legend = axis.get_legend()
    assert legend is not None
    assert legend.get_texts()[0].get_text() == f"net {roc_auc_score(labels, scores):.3f}"
    x, y = (np.asarray(v, float) for v in axis.lines[0].get_data())
    assert np.trapezoid(y, x) == pytest.approx(roc_auc_score(labels, scores))
    with pytest.raises(ValueError, match="both classes"):
        roc({"home": {"net": (scores, np.ones(300))}})


def test_masks_colour_found_missed_and_added() -> None:
    from matplotlib.colors import to_rgb

    truth = np.array([[True, True], [False, False]])
    predicted = np.array([[True, False], [True, False]])
    rgb = compare(np.full((2, 2), 0.4), truth, predicted)
    for (row, column), colour in {(0, 0): FOUND, (0, 1): MISSED, (1, 0): ADDED}.items():
        assert np.allclose(rgb[row, column], 0.45 * 0.4 + 0.55 * np.array(to_rgb(colour)))
    assert np.allclose(rgb[1, 1], 0.4)
    figure = masks(np.full((1, 2, 2), 0.4), truth[None], predicted[None])
    assert np.allclose(np.asarray(figure.axes[3].images[0].get_array()), rgb)


def test_saliency_shares_one_stated_scale_per_column() -> None:
    maps = np.stack([RNG.normal(0, 1, (16, 16)), RNG.normal(0, 0.1, (16, 16))])
    figure = saliency(np.zeros((2, 16, 16)), {"bridge": maps}, ["a", "b"])
    top = shared_scale(maps)
    assert top == pytest.approx(np.percentile(np.abs(maps), 99.5))
    drawn = [axis.images[0].get_clim() for axis in (figure.axes[1], figure.axes[3])]
    assert drawn == [(0, top), (0, top)]
    assert figure.axes[1].get_title() == f"bridge\n0 to {top:.2g}"
    assert shared_scale(np.zeros((1, 4, 4))) == 1


def test_shift_matrix_prints_every_number_and_what_is_missing() -> None:
    values = np.array([[0.95, 0.6], [np.nan, 0.9]])
    figure = shift_matrix(values, ["a", "b"], ["a", "b"], limits=(0, 1))
    assert texts(figure) == ["0.950", "0.600", "not run", "0.900"]
    assert figure.axes[0].images[0].get_clim() == (0, 1)
    with pytest.raises(ValueError, match=r"expected \(1, 2\)"):
        shift_matrix(values, ["a"], ["a", "b"])


def test_shift_matrices_share_one_scale_and_fit_six_sites_twice() -> None:
    sites = ["sm15", "sm3", "ge15", "ge3", "ph15", "ph3"]
    ours = np.linspace(0.2, 0.9, 36).reshape(6, 6)
    ours[0, 5] = np.nan
    figure = shift_matrices({"paper": ours.T * 1.05, "here": ours}, sites, sites, "surface Dice")
    left, right = figure.axes[:2]
    assert [left.get_title(), right.get_title()] == ["paper", "here"]
    assert left.images[0].get_clim() == right.images[0].get_clim() == pytest.approx((0.2, 0.945))
    assert [len(texts(figure, i)) for i in (0, 1)] == [36, 36]
    assert [texts(figure, i).count("not run") for i in (0, 1)] == [1, 1]
    assert texts(figure, 1)[0] == "0.20"
    assert (left.get_ylabel(), right.get_ylabel()) == ("trained on", "")
    # No number is wider than its square, as drawn.
    figure.draw_without_rendering()
    for axis in (left, right):
        square = axis.get_window_extent().width / 6
        assert all(t.get_window_extent().width < square for t in axis.texts)
    assert figure.get_figwidth() < 11
    with pytest.raises(ValueError, match=r"panels\['x'\]: expected \(1, 2\)"):
        shift_matrices({"x": ours}, ["a"], ["a", "b"])
    with pytest.raises(ValueError, match="no matrix"):
        shift_matrices({}, ["a"], ["a"])


def test_a_matrix_of_nothing_is_drawn_all_the_same() -> None:
    assert texts(shift_matrix(np.full((1, 1), np.nan), ["a"], ["a"])) == ["not run"]


def test_running_mean_against_a_loop() -> None:
    values = RNG.random(23)
    expected = [values[max(0, i - 4) : i + 1].mean() for i in range(23)]
    assert np.allclose(running_mean(values, 5), expected)


def test_training_curves_draw_raw_and_smooth_losses_and_scores() -> None:
    steps, values = np.arange(20), RNG.random(20)
    figure = training_curves({"loss": (steps, values)}, {"Dice": ([0, 10], [0.1, 0.9])}, window=4)
    raw, smooth = figure.axes[0].lines
    assert np.allclose(np.asarray(raw.get_ydata(), float), values)
    assert np.allclose(np.asarray(smooth.get_ydata(), float), running_mean(values, 4))
    assert np.allclose(np.asarray(figure.axes[1].lines[0].get_ydata(), float), [0.1, 0.9])
    assert len(training_curves({"loss": (steps, values)}).axes) == 1


def test_contact_sheet_uses_one_grey_scale() -> None:
    figure = contact_sheet(RNG.random((5, 1, 8, 8)) * 0.5, [str(i) for i in range(5)], columns=3)
    assert len(figure.axes) == 6
    assert {axis.images[0].get_clim() for axis in figure.axes[:5]} == {(0, 1)}
    assert figure.axes[4].get_title() == "4"
    assert not figure.axes[5].images
    with pytest.raises(ValueError, match="one length"):
        contact_sheet(np.zeros((2, 4, 4)), ["only one"])
