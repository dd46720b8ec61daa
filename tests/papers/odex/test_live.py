"""Looking inside live runs, at smoke: each table against another way to the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
from ipywidgets import VBox

from medda_lib.metrics.segmentation import dice
from medda_lib.papers import stream_scans
from medda_lib.papers.live_stream import LiveStream
from medda_lib.papers.odex import pictures


def mean_dice(live: LiveStream, after: int, stage: int) -> float:
    """Mean Dice of a stage's test scans, scan by scan."""
    scans = len(live.tests(stage).images) // live.tests(stage).depth
    found = [
        dice(live.predicted(after, stage, n)[None] >= 0.5, live.scan(stage, n)[1][None])[0]
        for n in range(scans)
    ]
    return float(np.mean(found))


def test_the_matrix_has_the_stage_learned_in_its_rows(sequential: LiveStream) -> None:
    table = stream_scans.score_table(sequential)
    assert table.shape == (5, 5)
    for after, stage in ((1, 3), (5, 2)):
        wanted = mean_dice(sequential, after, stage)
        assert table.loc[f"after {after}", f"stage {stage}"] == pytest.approx(wanted, abs=1e-3)


def test_readings_agree_with_what_the_pool_met(sequential: LiveStream, ours: LiveStream) -> None:
    row = pictures.readings(sequential).loc["as here"]
    first = row.pop("second model at")
    compared = 0
    for k in range(2, 6):
        facts = ours.snapshots.facts[k]
        assert row[f"stage {k}"] == pytest.approx(
            facts["distance"] / facts["threshold"], abs=0.0051
        )
        assert (row[f"stage {k}"] >= 1) == bool(facts["expanded"])
        compared += 1
        if facts["expanded"]:
            assert first == f"stage {k}"
            break
    assert compared


def test_routes_are_what_the_pool_predicts(many: LiveStream) -> None:
    table = pictures.routes(many)
    for k in many.stages:
        row = table.loc[f"stage {k}"]
        scans = len(many.tests(k).images) // many.tests(k).depth
        assert sum(row[f"to model {m}"] for m in range(1, 6)) == scans
        assert row["Dice, chosen"] == pytest.approx(mean_dice(many, 5, k), abs=1e-3)
        assert row["best model (oracle)"] >= row["Dice, chosen"]
        assert row["best model (oracle)"] >= max(row[f"Dice of model {m}"] for m in range(1, 6))


def test_comparisons_send_every_scan_somewhere(many: LiveStream, sequential: LiveStream) -> None:
    table = pictures.comparisons(many)
    routes = pictures.routes(many)
    for k in many.stages:
        counts = [int(n) for n in str(table.loc["normalised", f"stage {k}"]).split(" + ")]
        assert counts == [routes.loc[f"stage {k}", f"to model {m}"] for m in range(1, 6)]
    chosen = routes["Dice, chosen"].astype(float).mean()
    assert table.loc["normalised", "Dice"] == pytest.approx(chosen, abs=1.5e-3)
    with pytest.raises(TypeError, match="Sequential keeps no pool"):
        pictures.comparisons(sequential)


def test_features_are_of_every_training_scan(sequential: LiveStream, many: LiveStream) -> None:
    found, stages, sources = pictures.features(sequential)
    assert found.shape == (20, 4)  # two layers of two channels at smoke
    assert stages == [k for k in range(1, 6) for _ in range(4)]
    assert sources[:4] == ["harp"] * 4
    assert sources[-4:] == ["decathlon"] * 4
    # Until it has grown, a pool's first model is the one network of sequential training.
    assert np.array_equal(pictures.features(many, 1)[0], found)


def test_the_stream_shows_shares_intensities_and_volumes(sequential: LiveStream) -> None:
    figure, alt = stream_scans.shift(sequential)
    assert [axis.get_title() for axis in figure.axes] == ["sources", "intensities", "volumes"]
    _, masks = sequential.scan(1)
    assert masks.any()
    pool = sequential.train(1)
    spacing = pool.spacing or (0, 0, 0)
    each = pool.need_masks().view(-1, pool.depth, *pool.images.shape[2:]).flatten(1).sum(1)
    median = np.median(each.numpy()) * np.prod(spacing) / 1000
    assert f"stage 1: median volume {median:.1f} ml" in alt


def test_the_scan_that_lost_most(sequential: LiveStream) -> None:
    masks = [sequential.scan(2, n)[1][None] for n in range(2)]
    lost = [
        dice(sequential.predicted(2, 2, n)[None] >= 0.5, mask)[0]
        - dice(sequential.predicted(5, 2, n)[None] >= 0.5, mask)[0]
        for n, mask in enumerate(masks)
    ]
    assert stream_scans.most_forgotten(sequential, 2) == int(np.argmax(lost))


def test_pictures_of_scans_say_what_they_show(sequential: LiveStream, ours: LiveStream) -> None:
    _, alt = stream_scans.before_and_after(sequential)
    found = sequential.predicted(5, 1)[None] >= 0.5
    overlap = dice(found, sequential.scan(1)[1][None])[0]
    assert f"after stage 5 {overlap:.2f}" in alt
    figure, alt = stream_scans.forgotten(sequential, [sequential, ours])
    titles = [axis.get_title() for axis in figure.axes if axis.get_visible()]
    assert titles == ["reference", *(f"after stage {k}" for k in range(1, 6)), "Sequential", "ODEx"]
    assert f"Sequential Dice {overlap:.2f}" in alt
    figure, alt = stream_scans.sheet(sequential)
    assert alt.endswith("stage 5, decathlon.")
    assert len(figure.axes) == 10
    figure, _ = pictures.altered("smoke")
    assert [axis.get_title() for axis in figure.axes][-1] == "strength 1"


def test_the_widget_has_a_picture_per_position(sequential: LiveStream, ours: LiveStream) -> None:
    found = stream_scans.widget([sequential, ours], count=3)
    assert isinstance(found, VBox)
    assert len(found.children[1].children) == 3


@pytest.mark.slow  # UMAP is compiled when it is first used
def test_features_in_the_plane(sequential: LiveStream) -> None:
    figure, alt = pictures.feature_map(sequential, seed=0)
    assert [axis.get_title() for axis in figure.axes] == ["t-SNE", "UMAP"]
    assert alt.startswith("20 training scans of 5 stages, 4 features each by Sequential")
