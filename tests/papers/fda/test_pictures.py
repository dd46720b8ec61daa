"""Tables and pictures of the chapter: what is shown is what was measured."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ipywidgets import Stack

from medda_lib.figures.display import encode
from medda_lib.methods.source_model import SourceModel
from medda_lib.metrics.spectra import over_rings
from medda_lib.papers import pictures as shared
from medda_lib.papers import site_spectra
from medda_lib.papers.fda import pictures
from medda_lib.papers.fda.pictures import by_beta, by_scan, own_table
from medda_lib.papers.fda.study import BUDGETS, PAIRS, derive
from medda_lib.papers.live_pair import LivePair
from medda_lib.papers.results import Results
from medda_lib.papers.tables import beside
from medda_lib.papers.tuned import picks
from medda_lib.studies.method import Run
from medda_lib.studies.per_image import PerImage
from medda_lib.studies.setting import TEST_TIME
from tests.papers.fda.test_rules import made_up

NAMES = ("Severe #1", "Subtle #1")
PHANTOMS = BUDGETS["smoke"].phantoms


def test_table_1_has_targets_in_rows(matrix: Results) -> None:
    shown = beside(matrix, "1").frame
    rows = matrix.frame
    chosen = rows[
        (rows["source"] == "sm3") & (rows["domain"] == "ge15") & (rows["metric"] == "surface_dice")
    ]
    assert shown.loc["ge15", ("sm3", "measured")] == pytest.approx(chosen["value"].mean())
    assert shown.loc["ge15", ("sm3", "reported")] == 0.11
    assert np.isnan(shown.loc["ph3", ("sm3", "measured")])  # not run at this profile


@pytest.mark.parametrize("table", ["2", "3"])
def test_tables_of_pairs_show_the_derived_rows(main: Results, table: str) -> None:
    shown, rows = beside(main, table).frame, derive(main.frame)
    filled = 0
    for column in shown.columns.unique(0):
        system, beta = column.split("|")
        for name in NAMES:
            value = shown.loc[name, (column, "measured")]
            chosen = rows[
                (rows["system"] == system)
                & (rows["beta"] == beta)
                & (rows["pair"] == name)
                & (rows["metric"] == "surface_dice")
            ]
            assert np.isnan(value) == chosen.empty
            if len(chosen):
                assert value == pytest.approx(chosen["value"].mean())
                filled += 1
    assert filled == len(NAMES) * (7 if table == "2" else 6)


def test_own_table_ends_with_the_targets_own_network() -> None:
    frame = made_up(data="real")
    shown = own_table(Results(frame, PerImage((), {}), "demo", "real", {}, "fda"))
    assert shown.index[-1] == "trained on the target"
    assert "No DA" in shown.index
    for name, (_, target) in PAIRS["real"].items():
        bound = frame[(frame["source"] == target) & (frame["domain"] == target)]
        assert len(bound) == 2  # repetitions
        value = shown.loc["trained on the target", ("surface_dice", name)]
        assert value == pytest.approx(bound["value"].mean(), abs=1e-3)


def test_by_beta_has_a_column_for_each_window(main: Results) -> None:
    shown = by_beta(main, "dice")
    assert list(shown.columns) == ["-", "0.03", "0.12"]
    assert shown.loc[("Severe #1", "No DA")].notna().tolist() == [True, False, False]


def test_scores_by_scan_average_to_the_rows(main: Results) -> None:
    pair = PAIRS["phantom"]["Severe #1"]
    each = by_scan(main, "FDA", "0.12", pair, "surface_dice")
    assert each.shape == (1, 2)
    rows = main.frame
    chosen = rows[
        (rows["system"] == "FDA")
        & (rows["beta"] == "0.12")
        & (rows["domain"] == pair.target)
        & (rows["metric"] == "surface_dice")
    ]
    assert each.mean() == pytest.approx(float(chosen["value"].iloc[0]), abs=1e-3)


def test_picks_are_betas_of_the_grid(main: Results) -> None:
    for rule in ("averaged", "per pair"):
        assert set(picks(main, "FDA", rule)) == set(NAMES)
        assert set(picks(main, "FDA", rule).values()) <= {"0.03", "0.12"}


def test_pictures_of_studies(main: Results, matrix: Results, dial: Results) -> None:
    drawn = {
        "matrices": pictures.matrices(matrix),
        "beta": pictures.beta_curves(main),
        "boxes": pictures.boxes(main),
        "volumes": pictures.bland_altman(main, NAMES),
        "dial": shared.dial(dial, ["surface_dice"], label="surface Dice"),
        "profiles": site_spectra.profiles(PHANTOMS, ("sm3", "ge15"), (0.03, 0.12)),
        "distances": site_spectra.distances(PHANTOMS, pictures.matrix(matrix), PAIRS["phantom"]),
    }
    for name, (figure, alt) in drawn.items():
        assert len(alt) > 40, name
        assert encode(figure), name
    assert "0.11" in drawn["matrices"][1]


def test_pair_table_has_both_lists(matrix: Results) -> None:
    shown = pictures.pair_table(matrix)
    assert shown.loc["Severe #1", "paper: pair"] == "sm3 to ge15"
    assert shown.loc["Severe #1", "paper: away"] == 0.11
    assert len(shown) == 6


def test_voxels_of_the_demo_are_13_and_a_half_microlitres() -> None:
    assert pictures.voxel_ml("demo") == pytest.approx(6.0 * 1.5 * 1.5 / 1000)


def test_radial_profile_is_the_mean_over_rings() -> None:
    spectrum = site_spectra.site_spectrum("sm3", PHANTOMS)
    h, w = spectrum.shape
    rows, columns = np.meshgrid(np.fft.fftfreq(h) * h, np.fft.fftfreq(w) * w, indexing="ij")
    found = over_rings(spectrum)
    for radius in (0, 3, 7):
        ring = np.round(np.hypot(rows, columns)) == radius
        assert float(found[radius]) == pytest.approx(float(spectrum[ring].mean()), rel=1e-5)


def test_live_network_is_that_of_the_study(severe: LivePair, main: Results) -> None:
    view = severe.task.view(TEST_TIME)
    again = SourceModel(BUDGETS["smoke"].segmenter).fit(view, Run(12345))
    images = severe.scan().images
    assert torch.equal(again.masks(images), severe.network.masks(images))
    score = severe.score(severe.network.masks(images))
    each = by_scan(main, "No DA", "-", severe.pair, "surface_dice")
    assert score == pytest.approx(float(each[0, 0]), abs=1e-3)
    assert list(severe.losses) == ["segmentation"]
    assert len(severe.losses["segmentation"][0]) == BUDGETS["smoke"].segmenter.recipe.steps


def test_pictures_of_a_live_pair(severe: LivePair, subtle: LivePair) -> None:
    for figure, alt in (
        pictures.swap_in_both_worlds(severe, 0.12),
        pictures.donors(severe),
        pictures.severity((severe, subtle), 0.12),
    ):
        assert len(alt) > 40
        assert encode(figure)


def test_widget_needs_no_kernel_and_shows_the_scores(severe: LivePair) -> None:
    box = pictures.widget(severe, counts=(1, 3))
    outer = box.children[2]
    assert isinstance(outer, Stack)
    assert len(outer.children) == len(BUDGETS["smoke"].betas)
    predictor = pictures.adaptation(severe, "3D", 3, BUDGETS["smoke"].betas[1])
    scan = severe.scan()
    score = severe.score(predictor.segment(scan.images))
    shown = outer.children[1].children[1].value
    assert f"surface Dice {score:.3f}" in shown
    assert "data:image/webp" in shown


def test_unknown_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="no pair"):
        pictures.train("smoke", "Medium #9", 0)
