"""Looking inside a live run on chest X-rays: saliency, pointing, thresholds, each found another way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from medda_lib.methods.normalise import standardise
from medda_lib.papers import xrays
from medda_lib.papers.multimix.study import study
from medda_lib.tasks.phantom_pools import phantom_images
from tests.papers.smoke import chest


def test_class_saliency_is_the_gradient_of_that_classs_score() -> None:
    """Against finite differences of the logit, at the pixel of the largest and of a middling value."""
    live = chest("MultiMix")
    images = live.test("classification", "in-domain")[1].images[:2]
    maps = xrays.class_saliency(live, images, wanted=1)
    assert maps.shape == (2, 32, 32)
    assert np.allclose(maps.max(axis=(1, 2)), 1)
    network, x = xrays.network_of(live).network.eval().double(), standardise(images).double()
    slopes = []
    places = [divmod(flat, 32) for flat in (int(maps[0].argmax()), 32 * 16 + 16)]
    for i, j in places:
        ends = []
        for step in (-1e-5, 1e-5):
            moved = x.clone()
            moved[0, 0, i, j] += step
            with torch.no_grad():
                ends.append(float(network.classify(network.encode(moved))[0, 1]))
        slopes.append(abs(ends[1] - ends[0]))
    network.float()
    assert maps[0][places[1]] == pytest.approx(slopes[1] / slopes[0], abs=2e-3)


def test_pointing_is_a_share_of_peaks_and_of_mass_beside_a_flat_map(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    live = chest("MultiMix")
    images, numbers = xrays.ill(live, 6)
    disease = xrays.disease(live, numbers)
    known = phantom_images(live.test("classification", "in-domain")[0], "test", numbers, 32)
    assert torch.equal(known.images, images)
    maps = {"input saliency": xrays.both_maps(live, images)["input saliency"]}
    maps |= {"ideal": disease.astype(np.float32)}
    monkeypatch.setattr(xrays, "both_maps", lambda *_: maps)
    frame = xrays.pointing(live, count=6)
    assert frame.loc["ideal"].tolist() == [1, 1]
    area = float(disease.mean())
    assert 0 < area < 0.5
    assert frame.loc["flat map"].tolist() == pytest.approx([area, area], abs=5e-4)
    peaks, masses = [], []
    for values, truth in zip(maps["input saliency"], disease, strict=True):
        peaks.append(bool(truth[np.unravel_index(values.argmax(), values.shape)]))
        masses.append(values[truth].sum() / values.sum())
    wanted = [np.mean(peaks), np.mean(masses)]
    assert frame.loc["input saliency"].tolist() == pytest.approx(wanted, abs=1e-3)
    with_real = replace(live, spec=study("smoke", "real").specs[-1])
    with pytest.raises(ValueError, match="only phantoms know where the disease is"):
        xrays.disease(with_real, [0])


def test_at_one_half_everything_is_kept_and_the_share_that_is_right_is_the_accuracy() -> None:
    live = chest("MultiMix")
    pool = live.test("classification", "in-domain")[1]
    probabilities = live.predictor.classify(pool.images)
    assert probabilities is not None
    right = float((probabilities.argmax(1) == pool.need_labels()).float().mean())
    first = xrays.threshold_widget(live).children[1].children[0].value
    assert f"threshold 0.50: 100% kept, {right:.1%} of them right" in first
    with pytest.raises(ValueError, match="U-Net has no classifier; train a system that"):
        xrays.threshold_widget(chest("U-Net", labels="-"))
