"""Widgets: one precomputed picture per position, linked in the browser alone."""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import numpy as np
import pytest
from ipywidgets import HTML, SelectionSlider, Stack, VBox
from ipywidgets.embed import dependency_state
from PIL import Image

from medda_lib.figures.dial import dial, dial_frame
from medda_lib.figures.threshold import kept, threshold, threshold_frame

STRENGTHS = (0.0, 0.5, 1.0)


def _dial(**options: Any) -> VBox:
    rng = np.random.default_rng(0)
    truth = np.zeros((3, 16, 16), bool)
    truth[:, 4:12, 4:12] = True
    return dial(rng.random((3, 16, 16)), truth, truth * 0.9, STRENGTHS, [0.9, 0.7, 0.2], **options)


def _parts(widget: VBox) -> tuple[SelectionSlider, Stack]:
    slider, stack = widget.children
    return slider, stack


def _links(widget: VBox) -> set[tuple[str, str, str, str]]:
    """Links in the embedded state, which is all a page without a kernel has."""
    found = set()
    for entry in dependency_state([widget], drop_defaults=False).values():
        if entry["model_name"] == "LinkModel":
            (source, a), (target, b) = entry["state"]["source"], entry["state"]["target"]
            found.add((source, a, target, b))
    return found


def test_dial_has_a_picture_with_words_at_each_strength() -> None:
    slider, stack = _parts(_dial())
    assert slider._options_labels == ("0.00", "0.50", "1.00")
    assert stack.selected_index == 0
    assert len(stack.children) == 3
    for page, score in zip(stack.children, ("0.900", "0.700", "0.200"), strict=True):
        assert isinstance(page, HTML)
        alt = re.search(r'alt="([^"]+)"', page.value)
        source = re.search(r'src="data:image/webp;base64,([^"]+)"', page.value)
        assert alt is not None
        assert f"mean Dice {score}" in alt[1]
        assert source is not None
        assert Image.open(io.BytesIO(base64.b64decode(source[1]))).format == "WEBP"


def test_the_browser_alone_links_slider_and_picture() -> None:
    widget = _dial()
    ids = [f"IPY_MODEL_{w.model_id}" for w in _parts(widget)]
    assert _links(widget) == {(ids[0], "index", ids[1], "selected_index")}


def test_dial_frame_marks_its_position() -> None:
    truth = np.zeros((8, 8), bool)
    truth[2:5, 2:5] = True
    scores = np.array([0.9, 0.7, 0.2])
    figure = dial_frame(
        np.zeros((8, 8)), truth, truth, strengths=np.array(STRENGTHS), scores=scores, at=1
    )
    assert np.allclose(np.asarray(figure.axes[1].collections[0].get_offsets()), [[0.5, 0.7]])
    assert np.allclose(np.asarray(figure.axes[1].lines[0].get_ydata(), float), scores)
    assert figure.axes[1].get_title() == "strength 0.50: 0.700"


def test_dial_refuses_too_many_bytes() -> None:
    with pytest.raises(ValueError, match="limit 100: use fewer or smaller frames"):
        _dial(total=100)


def test_kept_against_counting() -> None:
    rng = np.random.default_rng(2)
    confidence, correct = rng.uniform(0.5, 1, 200), rng.random(200) < 0.7
    cuts = [0.5, 0.7, 0.9, 1.1]
    found = kept(confidence, correct, cuts)
    for i, cut in enumerate(cuts[:-1]):
        chosen = [c for s, c in zip(confidence, correct, strict=True) if s >= cut]
        assert found.fraction[i] == pytest.approx(len(chosen) / 200)
        assert found.accuracy[i] == pytest.approx(sum(chosen) / len(chosen))
    assert found.fraction[3] == 0
    assert np.isnan(found.accuracy[3])


def test_a_label_at_the_threshold_is_kept() -> None:
    assert kept([0.7], [True], [0.7]).fraction[0] == 1


def test_threshold_shows_both_numbers_at_each_position() -> None:
    widget = threshold([0.6, 0.8, 0.9], [False, True, True], [0.5, 0.7, 0.95])
    pages = [page.value for page in _parts(widget)[1].children]
    assert "threshold 0.70: 67% kept, 100.0% of them right" in pages[1]
    assert "threshold 0.95: 0% kept." in pages[2]
    figure = threshold_frame(kept([0.6, 0.8], [False, True], [0.5, 0.7]), 1)
    assert np.allclose(
        np.asarray(figure.axes[0].collections[0].get_offsets()), [[0.7, 0.5], [0.7, 1]]
    )


def test_a_slider_needs_two_different_labels() -> None:
    with pytest.raises(ValueError, match="all different"):
        threshold([0.6], [True], [0.701, 0.702])
