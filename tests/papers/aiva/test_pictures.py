"""Live runs, what is looked at inside, and the figures made of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from ipywidgets import VBox

from medda_lib.figures.clusters import examples, look
from medda_lib.figures.contact_sheet import windowed
from medda_lib.methods.aiva import Structure
from medda_lib.papers.aiva import pictures
from medda_lib.papers.aiva.pictures import Seen
from medda_lib.papers.live import Live, train
from medda_lib.papers.results import Results
from medda_lib.studies.evaluate import evaluate
from tests.papers.aiva.conftest import PAIR


def test_a_live_run_is_the_run_of_the_study(aiva: Live, smoke: Results) -> None:
    rows, _ = evaluate(aiva.predictor, aiva.task, aiva.spec.task)
    frame = smoke.frame[
        (smoke.frame["system"] == "AIVA") & (smoke.frame["target"] == PAIR["target"])
    ]
    wanted = frame.set_index("metric")["value"].to_dict()
    assert {str(row["metric"]): row["value"] for row in rows} == pytest.approx(wanted, nan_ok=True)


def test_heights_run_from_0_to_1_in_every_scan(aiva: Live) -> None:
    seen = Seen.by(aiva)
    depth, counts = seen.sites.source.depth, (len(seen.sites.source), len(seen.sites.target))
    for heights, count in zip(seen.heights, counts, strict=True):
        assert len(heights) == count
        np.testing.assert_allclose(heights.reshape(-1, depth), [np.linspace(0, 1, depth)])


def test_other_systems_have_no_clusters(plain: Live) -> None:
    with pytest.raises(TypeError, match="train AIVA"):
        pictures.adapted(plain)
    with pytest.raises(TypeError, match="train AIVA"):
        pictures.settings(plain)
    with pytest.raises(ValueError, match="no condition"):
        train("aiva", "smoke", "phantom", {"source": "ph3", "target": "ph15"}, seed=0)


def known() -> Structure:
    """Three clusters of two slices each, target i matched with source 1, 2, 0."""
    three = np.array([0, 0, 1, 1, 2, 2])
    points = np.arange(12.0).reshape(6, 2)
    return Structure(points, points, three, three, points[::2], points[::2], np.array([1, 2, 0]))


def test_matched_clusters_share_a_group() -> None:
    source, target = pictures.matched_groups(known())
    assert target.tolist() == [0, 0, 1, 1, 2, 2]
    assert source.tolist() == [2, 2, 0, 0, 1, 1]  # source 1 goes with target 0, and so on


def test_height_gap_compares_matched_clusters(aiva: Live) -> None:
    heights = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    seen = replace(Seen.by(aiva), heights=(heights, heights))
    found = known()  # means of the sources 0.1, 0.5, 0.9; wanted 0.5, 0.9, 0.1
    wanted = np.abs(heights - np.array([0.5, 0.5, 0.9, 0.9, 0.1, 0.1])).mean()
    assert pictures.height_gap(seen, found) == pytest.approx(wanted)
    chance = np.mean([np.abs(heights - m).mean() for m in (0.1, 0.5, 0.9)])
    assert pictures.chance_gap(seen, found) == pytest.approx(chance)


def test_pulled_measures_centroids_in_bottleneck_space(aiva: Live, plain: Live) -> None:
    table = pictures.pulled(aiva, plain)
    first = pictures.adapted(aiva).structures[0]
    source, target = pictures.features(aiva, plain)
    gaps = []
    for i, j in enumerate(first.matching):
        mean = target[first.target_clusters == i].mean(axis=0)
        gaps.append(((mean - source[first.source_clusters == j].mean(axis=0)) ** 2).sum())
    assert table.loc["before", "distance"] == pytest.approx(np.mean(gaps), abs=1e-3)
    assert table.loc["after", "spread of the source"] >= 0


@pytest.mark.slow  # UMAP is compiled when it is first used
def test_stability_is_a_share(aiva: Live, plain: Live) -> None:
    table = pictures.stability(aiva, plain, repeats=2)
    assert list(table.index) == ["t-SNE", "UMAP"]
    assert table["agreement"].between(0, 1).all()
    assert table["gap by chance"].between(0, 1).all()
    figure, alt = pictures.embeddings(aiva, plain, seed=0)
    assert [axis.get_title() for axis in figure.axes[:2]] == ["t-SNE", "UMAP"]
    assert "height" in alt


def test_figures_have_what_was_asked_for(
    aiva: Live, plain: Live, smoke: Results, sweep: Results
) -> None:
    k = pictures.settings(aiva).k
    figure, alt = pictures.matched_clusters(aiva)
    assert len([axis for axis in figure.axes if axis.images]) == 2 * 2 * min(4, k)
    assert "source above, target below" in alt
    figure, _ = pictures.clustering(aiva)
    assert [len(axis.collections) for axis in figure.axes] == [k, k]
    figure, alt = pictures.centres(aiva, pictures.after(aiva))
    assert [len(axis.lines) for axis in figure.axes] == [k, k]
    assert "before" in alt
    figure, _ = pictures.score_against_clusters(sweep)
    assert len(figure.axes[0].lines) == 2  # one pair and the mean
    figure, alt = pictures.pairs(smoke, ("Source site model", "AIVA"))
    assert "AIVA" in alt
    figure, alt = pictures.overlays([plain, aiva])
    assert alt.startswith("Outlines on the largest slice of 1 test scans")
    figure, _ = pictures.sites(plain)
    assert len([axis for axis in figure.axes if axis.images]) == 9


def test_windowed_is_for_the_eye_and_keeps_order() -> None:
    images = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(0)) / 10
    found = torch.as_tensor(windowed(images))
    assert float(found.max()) == 1.0
    assert bool((found.flatten(1).argmin(1) == images.flatten(1).argmin(1)).all())
    assert not windowed(torch.zeros(1, 4, 4)).any()


def test_examples_are_the_nearest_members() -> None:
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.2, 0.0], [9.0, 0.0]])
    found = examples(points, np.array([0, 0, 0, 1]), np.array([[0.1, 0.0], [0.0, 0.0]]), 2)
    assert sorted(found[0].tolist()) == [0, 2]
    assert found[1].tolist() == [3]


def test_eighteen_groups_look_different() -> None:
    looks = {tuple(look(k).values()) for k in range(64)}
    assert len(looks) == 64


def test_widgets_have_a_picture_for_every_position(aiva: Live) -> None:
    for widget, count in (
        (pictures.clusters_widget(aiva), 2),
        (pictures.progress_widget(aiva), len(pictures.adapted(aiva).structures) + 1),
    ):
        assert isinstance(widget, VBox)
        assert len(widget.children[1].children) == count
