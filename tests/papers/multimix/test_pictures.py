"""The paper's figures remade: what is drawn is what was measured."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from medda_lib.figures.bland_altman import agreement
from medda_lib.papers.live import Live
from medda_lib.papers.multimix import pictures
from medda_lib.papers.multimix.pictures import implied_dice
from medda_lib.papers.pictures import along_dial
from medda_lib.papers.results import Results
from medda_lib.papers.tables import declared, measured_table
from tests.papers.multimix.conftest import train

EVALUATIONS = ("in-domain", "cross-domain")


def table(measured: Results, evaluation: str) -> pd.DataFrame:
    """Our half of Table 2 or 3."""
    name = {"in-domain": "2", "cross-domain": "3"}[evaluation]
    return measured_table(measured, declared("multimix", name))[0]


@pytest.mark.parametrize(
    ("system", "row"),
    [("U-Net", "U-Net|-|50"), ("Enc-MM", "Enc-MM|100|-"), ("UMTL", "UMTL|100|50")],
)
def test_row_leaves_out_what_a_system_does_not_have(system: str, row: str) -> None:
    assert pictures.row(system, "100", "50") == row


def test_boxes_tell_the_medians(smoke: Results) -> None:
    figure, alt = pictures.dice_boxes(smoke, "100", "50")
    assert len(figure.axes[0].patches) == len(EVALUATIONS) * len(pictures.BOXED)
    for evaluation in EVALUATIONS:
        for system in pictures.BOXED:
            median = np.median(
                pictures.by_image(smoke, pictures.row(system, "100", "50"), evaluation, "dice")
            )
            assert f"{system} {median:.2f}" in alt.partition(f"{evaluation}: ")[2]


def test_bland_altman_compares_the_areas_of_the_study(smoke: Results) -> None:
    figure, alt = pictures.bland_altman(smoke, "in-domain", "100")
    true, predicted = (
        smoke.images.get("MultiMix|100|50", f"in-domain/jsrt/segmentation/pixels_{which}").ravel()
        for which in ("true", "predicted")
    )
    found = agreement(true, predicted)
    assert f"50 masks: bias {found.bias:+.0f} pixels, sd {found.deviation:.0f} pixels" in alt
    points = np.asarray(figure.axes[0].collections[0].get_offsets())
    assert np.allclose(points, np.c_[(true + predicted) / 2, predicted - true])


@pytest.mark.parametrize("evaluation", EVALUATIONS)
def test_accuracy_curves_draw_the_table(smoke: Results, evaluation: str) -> None:
    figure, alt = pictures.accuracy_against_labels(smoke, evaluation)
    mean = table(smoke, evaluation)
    for system in pictures.CURVED:
        accuracy = float(mean.loc[pictures.row(system, "100", "50"), "accuracy"])
        assert f" {system} {[round(accuracy, 2)]}" in alt
    heights = {
        round(float(y), 6) for line in figure.axes[0].lines for y in np.asarray(line.get_ydata())
    }
    assert round(pictures.majority(smoke, evaluation), 6) in heights


def test_roc_gives_the_area_that_the_ledger_has(smoke: Results) -> None:
    figure, alt = pictures.roc(smoke, "100", "50")
    assert alt.startswith("ROC curves of 6 systems in-domain, 6 systems cross-domain")
    for axis, evaluation in zip(figure.axes, EVALUATIONS, strict=True):
        mean = table(smoke, evaluation)
        legend = axis.get_legend()
        assert legend is not None
        words = [text.get_text() for text in legend.get_texts()]
        for system in pictures.CURVED:
            row = pictures.row(system, "100", "50")
            score, truth = (
                smoke.images.get(row, smoke.path(evaluation, "classification", name))[0]
                for name in ("probabilities", "labels")
            )
            area = roc_auc_score(truth, score)
            assert area == pytest.approx(mean.loc[row, "auc"], abs=0.02)  # half precision ties
            assert f"{system} {area:.3f}" in words


def test_boundaries_and_masks_show_the_test_images(multimix: Live) -> None:
    figure, alt = pictures.boundaries(multimix, train("UMTL"), count=2)
    assert re.search(r"Outlines on 2 test images of mcu. UMTL: Dice 0.\d\d; MultiMix:", alt)
    assert sum(bool(axis.images) for axis in figure.axes) >= 4
    figure, alt = pictures.masks(multimix, count=3)
    assert "3 images of jsrt and 3 of mcu" in alt
    assert sum(bool(axis.images) for axis in figure.axes) >= 6


def test_segmenting_without_a_decoder_says_so(multimix: Live) -> None:
    _, pool = multimix.test("segmentation", "in-domain")
    assert multimix.segment(pool.images[:2]).shape == (2, 1, 32, 32)
    with pytest.raises(ValueError, match="Enc has no decoder; train a system that segments"):
        train("Enc", masks="-").segment(pool.images[:2])


def test_printed_against_implied_counts_the_rows_off_the_diagonal() -> None:
    figure, alt = pictures.printed_against_implied()
    frames = [implied_dice(table) for table in ("2", "3")]
    for bridge, words in ((False, "without"), (True, "with")):
        parts = [f[f["bridge"] == bridge] for f in frames]
        off, whole = sum(p["contradicts"].sum() for p in parts), sum(map(len, parts))
        assert f"{off} of {whole} {words}" in alt
    drawn = sum(len(np.asarray(c.get_offsets())) for c in figure.axes[0].collections)
    assert drawn == sum(map(len, frames))


def test_the_transfer_matrix_has_home_on_its_diagonal(shift: Results) -> None:
    _, alt = pictures.matrix(shift, "segmentation", "dice")
    frame = shift.frame
    for trained in ("chex", "jsrt", "mcu", "nihx"):
        chosen = frame[
            (frame["trained on"] == trained)
            & (frame["domain"] == trained)
            & (frame["metric"] == "dice")
        ]
        assert set(chosen["evaluation"]) == {"in-domain"}
        value = round(float(chosen["value"].iloc[0]), 2)
        assert f"'{trained}': {value}" in alt.partition(f"{trained}: {{")[2].partition("}")[0]


def test_the_dials_start_at_home_and_end_at_the_other_domain(shift: Results) -> None:
    curves = along_dial(shift, ("dice", "accuracy"), ("metric", "ends"))
    assert curves.index.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert curves.columns.unique("curve").tolist() == [
        "accuracy, chex to nihx",
        "dice, jsrt to nihx",
    ]
    assert curves.notna().all().all()
    figure, alt = pictures.dial(shift)
    assert "dice, jsrt to nihx: [" in alt
    assert figure.axes[0].get_xlabel() == "strength of the shift"
