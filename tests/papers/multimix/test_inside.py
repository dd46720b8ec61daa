"""A live run of the smoke study, looked into: saliency, pointing, features, widgets."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from ipywidgets import HTML, Stack, VBox

from medda_lib.figures.embedding import project
from medda_lib.methods.normalise import standardise
from medda_lib.papers import xrays
from medda_lib.papers.live import Live
from medda_lib.papers.multimix import pictures
from medda_lib.papers.multimix.study import DIAL_ENDS, study
from medda_lib.tasks.phantom_pools import phantom_images
from tests.papers.multimix.conftest import train


def test_class_saliency_is_the_gradient_of_that_classs_score(multimix: Live) -> None:
    _, pool = multimix.test("classification", "in-domain")
    images, network = pool.images[:2], xrays.network_of(multimix).network.eval()
    maps = xrays.class_saliency(multimix, images, wanted=1)
    assert maps.shape == (2, 32, 32)
    assert maps.min() >= 0
    assert np.allclose(maps.max(axis=(1, 2)), 1)
    # against finite differences of the logit, at the pixel of the largest and of a middling value
    x = standardise(images).double()
    network.double()
    try:
        for flat in (int(maps[0].argmax()), 32 * 16 + 16):
            i, j = divmod(flat, 32)
            ends = []
            for step in (-1e-5, 1e-5):
                moved = x.clone()
                moved[0, 0, i, j] += step
                with torch.no_grad():
                    ends.append(float(network.classify(network.encode(moved))[0, 1]))
            slope = abs(ends[1] - ends[0]) / 2e-5
            if flat == int(maps[0].argmax()):
                largest = slope
            assert maps[0, i, j] == pytest.approx(slope / largest, abs=2e-3)
    finally:
        network.float()


def test_saliency_figure_shows_both_classes_in_and_across_domain(multimix: Live) -> None:
    figure, alt = xrays.saliency(multimix, "classification", count=2)
    assert "chex, nihx" in alt
    correlation = re.search(r"correlate at (-?\d\.\d\d)", alt)
    assert correlation is not None
    assert -1 <= float(correlation[1]) <= 1
    assert sum(bool(axis.images) for axis in figure.axes) >= 3 * 4  # image and two maps of four


def test_pointing_compares_with_a_flat_map(multimix: Live) -> None:
    frame = xrays.pointing(multimix, count=8)
    assert frame.index.tolist() == ["input saliency", "Grad-CAM", "flat map"]
    assert frame.columns.tolist() == ["peak inside", "mass inside"]
    images, numbers = xrays.ill(multimix, 8)
    disease = xrays.disease(multimix, numbers)
    area = float(disease.mean())
    assert 0 < area < 0.5
    assert frame.loc["flat map"].tolist() == pytest.approx([area, area], abs=5e-4)
    # recomputed with loops
    maps = xrays.both_maps(multimix, images)["input saliency"]
    peaks, masses = [], []
    for values, truth in zip(maps, disease, strict=True):
        peaks.append(bool(truth[np.unravel_index(values.argmax(), values.shape)]))
        masses.append(values[truth].sum() / values.sum())
    expected = [np.mean(peaks), np.mean(masses)]
    assert frame.loc["input saliency"].tolist() == pytest.approx(expected, abs=1e-3)


def test_a_map_that_is_the_disease_points_perfectly(
    multimix: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    disease = xrays.disease(multimix, xrays.ill(multimix, 6)[1])
    ideal = {"ideal": disease.astype(np.float32), "flat": np.ones(disease.shape, np.float32)}
    monkeypatch.setattr(xrays, "both_maps", lambda *_: ideal)
    frame = xrays.pointing(multimix, count=6)
    assert frame.loc["ideal"].tolist() == [1, 1]
    assert frame.loc["flat", "mass inside"] == frame.loc["flat map", "mass inside"]


def test_the_disease_outline_belongs_to_the_image(multimix: Live) -> None:
    domain, pool = multimix.test("classification", "in-domain")
    images, numbers = xrays.ill(multimix, 5)
    assert pool.need_labels()[numbers].tolist() == [1] * 5
    assert xrays.disease(multimix, numbers).any(axis=(1, 2)).all()
    known = phantom_images(domain, "test", numbers, 32)
    assert torch.equal(known.images, images)


def test_real_images_have_no_known_disease(multimix: Live) -> None:
    with_real = replace(multimix, spec=study("smoke", "real").specs[-1])
    with pytest.raises(ValueError, match="only phantoms know where the disease is"):
        xrays.disease(with_real, [0])


def test_grad_cam_stands_beside_the_saliency(multimix: Live) -> None:
    figure, alt = xrays.grad_cam(multimix, count=2)
    titles = [axis.get_title() for axis in figure.axes]
    assert [t for t in titles if t][:4] == [
        "input saliency 1",
        "input saliency 2",
        "Grad-CAM 1",
        "Grad-CAM 2",
    ]
    assert alt.startswith("2 test images with pneumonia")


def test_augmented_views_are_one_image_three_weak_three_strong(multimix: Live) -> None:
    _, pool = multimix.test("classification", "in-domain")
    views, titles = pictures.augmented_views(pool.images[:1], seed=3)
    assert titles == ["image", *["weak"] * 3, *["strong"] * 3]
    assert views.shape == (7, 32, 32)
    assert np.array_equal(views[0], pool.images[0, 0].numpy())
    # Weak views move pixels and mirror the border: no grey value that the image has not.
    assert set(views[1:4].ravel().tolist()) <= set(views[0].ravel().tolist())
    again, _ = pictures.augmented_views(pool.images[:1], seed=3)
    assert np.array_equal(views, again)


def test_embeddings_are_the_same_again(multimix: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    # UMAP compiles itself for long; tests/figures has it. Here t-SNE stands in for it.
    asked: list[str] = []

    def without_umap(features: np.ndarray, method: str, seed: int) -> np.ndarray:
        asked.append(method)
        return project(features, "t-SNE", seed)

    monkeypatch.setattr(xrays, "project", without_umap)
    first, alt = xrays.embeddings(multimix, seed=0, count=8)
    second, _ = xrays.embeddings(multimix, seed=0, count=8)
    assert asked == ["t-SNE", "UMAP"] * 2
    for a, b in zip(first.axes, second.axes, strict=True):
        points = [np.asarray(c.get_offsets()) for c in a.collections]
        assert points
        for one, other in zip(points, b.collections, strict=True):
            assert np.array_equal(one, np.asarray(other.get_offsets()))
    assert "32 test images" in alt
    assert "chex, jsrt, nihx, mcu" in alt
    # by class and by domain: the same points twice, 32 in each panel
    assert {sum(len(np.asarray(c.get_offsets())) for c in a.collections) for a in first.axes} == {
        32
    }


def pages(widget: VBox) -> tuple[HTML, ...]:
    slider, stack = widget.children
    assert isinstance(stack, Stack)
    assert len(slider._options_labels) == len(stack.children)
    return tuple(stack.children)


def test_the_dial_has_a_frame_for_each_step(multimix: Live) -> None:
    widget = xrays.dial_widget(multimix, DIAL_ENDS["segmentation"], steps=3, patients=2)
    assert widget.children[0]._options_labels == ("0.00", "0.50", "1.00")
    frames = pages(widget)
    assert len(frames) == 3
    assert len({frame.value for frame in frames}) == 3
    assert all("mean Dice of 2 patients" in frame.value for frame in frames)


def test_the_threshold_has_a_frame_for_each_step(multimix: Live) -> None:
    widget = xrays.threshold_widget(multimix)
    frames = pages(widget)
    assert len(frames) == 10
    labels = widget.children[0]._options_labels
    assert labels == tuple(f"{0.5 + 0.05 * i:.2f}" for i in range(10))
    # At one half everything is kept, and the share that is right is the accuracy.
    _, pool = multimix.test("classification", "in-domain")
    probabilities = multimix.predictor.classify(pool.images)
    assert probabilities is not None
    right = float((probabilities.argmax(1) == pool.need_labels()).float().mean())
    assert f"threshold 0.50: 100% kept, {right:.1%} of them right" in frames[0].value


def test_a_system_without_a_classifier_has_no_threshold() -> None:
    with pytest.raises(ValueError, match="U-Net has no classifier; train a system that"):
        xrays.threshold_widget(train("U-Net", labels="-"))
