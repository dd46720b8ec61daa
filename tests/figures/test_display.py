"""Figures on a page: size, caption, alt text, and pictures that decode."""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from medda_lib.figures import display, style
from medda_lib.figures.contact_sheet import contact_sheet
from medda_lib.figures.display import encode, figure_html, pixels, show_figure
from medda_lib.figures.intensities import intensities
from medda_lib.figures.masks import masks


@pytest.fixture
def lines() -> Figure:
    rng = np.random.default_rng(0)
    return intensities({"a": rng.random((4, 16, 16)), "b": rng.random((4, 16, 16)) ** 2})


def test_encode_gives_a_picture_within_the_limit(lines: Figure) -> None:
    kind, data = encode(lines, limit=40_000)
    assert kind == "image/png"
    assert data.startswith(b"\x89PNG")
    assert len(data) <= 40_000
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    assert np.allclose(picture.size, (round(6.4 * 144), round(3.0 * 144)), atol=1)
    corner: Any = picture.getpixel((0, 0))
    assert np.allclose(corner, [0xF7, 0xF7, 0xF4], atol=2), "the card is opaque and pale"


def test_encode_lowers_the_resolution_then_refuses() -> None:
    noise = contact_sheet(np.random.default_rng(0).random((4, 150, 150)))
    _kind, data = encode(noise, limit=60_000)
    assert len(data) <= 60_000
    assert Image.open(io.BytesIO(data)).width < round(6.25 * 144)
    with pytest.raises(ValueError, match="more than the limit of 2000"):
        encode(noise, limit=2_000)


def test_rare_colours_survive_the_palette() -> None:
    """Every pixel of the picture on the page is close to the one drawn, patches of a legend too."""
    rng = np.random.default_rng(0)
    truth = np.zeros((2, 16, 16), bool)
    truth[:, 4:12, 4:12] = True
    figure = masks(rng.random((2, 16, 16)), truth, np.roll(truth, 1, axis=2))
    drawn = np.asarray(pixels(figure, 144), dtype=int)
    kind, data = encode(figure, limit=100_000)
    assert kind == "image/png"
    stored = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=int)
    assert np.abs(stored - drawn).max() <= 20


def test_html_carries_alt_caption_anchor_and_the_picture(lines: Figure) -> None:
    page = figure_html(lines, "Grey values <of> two domains.", 'Two "curves" apart', "grey")
    assert 'id="fig-grey"' in page
    assert 'alt="Two &quot;curves&quot; apart"' in page
    assert "Grey values &lt;of&gt; two domains.</figcaption>" in page
    found = re.search(r'src="data:image/(png|webp);base64,([^"]+)"', page)
    assert found is not None
    assert Image.open(io.BytesIO(base64.b64decode(found[2]))).format == found[1].upper()
    assert "http" not in page, "no remote asset"


@pytest.mark.parametrize(("caption", "alt", "word"), [("c", "  ", "alt"), ("", "a", "caption")])
def test_a_figure_needs_caption_and_alt(lines: Figure, caption: str, alt: str, word: str) -> None:
    with pytest.raises(ValueError, match=f"^{word}:"):
        figure_html(lines, caption, alt)


def test_show_displays_once_and_clears(lines: Figure, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[dict[str, str], bool]] = []
    monkeypatch.setattr(display, "display", lambda data, raw: shown.append((data, raw)))
    before = plt.get_fignums()
    show_figure(lines, "caption", "alt")
    assert [(sorted(data), raw) for data, raw in shown] == [(["text/html", "text/plain"], True)]
    assert shown[0][0]["text/plain"] == "[figure] caption"
    assert lines.axes == []
    assert plt.get_fignums() == before


def test_encoding_is_deterministic() -> None:
    images = {"a": np.random.default_rng(1).random((2, 8, 8))}
    assert encode(intensities(images)) == encode(intensities(images))


def test_ink_reads_on_the_card() -> None:
    """Text has a WCAG contrast of at least 7. Some line colours have less than 3, which is why lines
    differ in dash and points in marker too.
    """

    def luminance(colour: str) -> float:
        rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(rgb <= 0.03928, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    contrast = (luminance(style.CARD) + 0.05) / (luminance(style.INK) + 0.05)
    assert contrast >= 7


def test_styled_leaves_the_readers_settings_alone(lines: Figure) -> None:
    before = plt.rcParams["axes.facecolor"]
    contact_sheet(np.zeros((1, 4, 4)))
    assert plt.rcParams["axes.facecolor"] == before
    assert lines.get_facecolor() == pytest.approx((0xF7 / 255, 0xF7 / 255, 0xF4 / 255, 1))


@pytest.mark.parametrize("shape", [(3, 4), (0, 4, 4), (2, 3, 4, 4)])
def test_pictures_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"mine: expected \(n, h, w\)"):
        style.pictures("mine", np.zeros(shape))
