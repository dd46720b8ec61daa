"""Figures and text can be read in light and in dark mode.

Text is judged by the contrast ratio of WCAG 2 between its colour and what lies behind it. A figure is a
picture; its ink is whatever differs from its own card, so the page's colour must not show through it,
and among its colours the extremes must stand far apart.
"""

from __future__ import annotations

import io
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from selenium.webdriver.common.by import By

from tests.browser.pages import Page, executed, names

pytestmark = pytest.mark.slow
LEGIBLE = 4.5  # WCAG 2 AA for text
THEMES = ("light", "dark")
FIGURES = "figure.medda img, .jupyter-widgets img"
_TEXTS = """
const parse = c => { const m = c.match(/[\\d.]+/g).map(Number); return [m[0], m[1], m[2], m[3] ?? 1]; };
const over = (top, low) => [0, 1, 2].map(k => top[k] * top[3] + low[k] * (1 - top[3])).concat([1]);
const behind = e => { const layers = [];
  for (let p = e; p; p = p.parentElement) {
    if (getComputedStyle(p).backgroundImage !== 'none') return null;
    layers.push(parse(getComputedStyle(p).backgroundColor)); }
  layers.push(parse(getComputedStyle(document.documentElement).backgroundColor));
  return layers.reverse().reduce((low, top) => over(top, low), [255, 255, 255, 1]); };
const light = c => { const f = c.slice(0, 3).map(v => v / 255)
  .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * f[0] + 0.7152 * f[1] + 0.0722 * f[2]; };
const opacity = e => { let o = 1;
  for (let p = e; p; p = p.parentElement) o *= getComputedStyle(p).opacity;
  return o; };
const skipped = 'svg, style, script, mjx-container, .headerlink, .copybtn, .toggle-hidden, '
  + '[aria-hidden=true]';
const found = [];
const walk = document.createTreeWalker(document.querySelector('article'), NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const text = walk.currentNode, e = text.parentElement;
  if (!text.textContent.trim() || !e.getClientRects().length) continue;
  if (e.closest(skipped)) continue;
  const ground = behind(e);
  if (!ground) continue;
  const ink = parse(getComputedStyle(e).color);
  ink[3] *= opacity(e);
  const pair = [light(over(ink, ground)), light(ground)].sort((a, b) => b - a);
  const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
  if (ratio >= arguments[0]) continue;
  const words = text.textContent.trim().slice(0, 40);
  found.push(ratio.toFixed(2) + ' ' + e.tagName + '.' + e.className + ': ' + words);
}
return [...new Set(found)].slice(0, 6);
"""


def luminance(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Relative luminance (h, w) of WCAG 2 of a picture (h, w, 3)."""
    value = rgb / 255
    linear = np.where(value <= 0.03928, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    result: NDArray[np.float64] = linear @ np.array([0.2126, 0.7152, 0.0722])
    return result


def contrast(rgb: NDArray[np.uint8]) -> float:
    """Between the light and the dark end of a picture: its card and its lettering."""
    low, high = np.percentile(luminance(rgb), [0.1, 99.9])  # lettering is thin
    return float((high + 0.05) / (low + 0.05))


def choose(page: Page, theme: str) -> None:
    """Light or dark, as the system would say, when all colours have changed."""
    page.medium("", theme)
    page.wait(
        lambda: page.run("return document.documentElement.dataset.theme") == theme,
        f"the page does not turn {theme}",
    )
    page.settle()


@pytest.mark.parametrize("name", names())
def test_text_is_legible_in_both_themes(page: Page, name: str) -> None:
    page.open(name)
    for theme in THEMES:
        choose(page, theme)
        assert page.run(_TEXTS, LEGIBLE) == [], theme


@pytest.mark.parametrize("name", [name for name in executed() if "scoreboard" not in name])
def test_figures_read_the_same_in_both_themes(page: Page, name: str) -> None:
    page.open(name)
    pictures = [e for e in page.browser.find_elements(By.CSS_SELECTOR, FIGURES) if e.is_displayed()]
    assert pictures, "an executed page without a figure"
    seen: dict[str, list[float]] = {theme: [] for theme in THEMES}
    for theme, picture in product(THEMES, pictures[:: max(1, len(pictures) // 4)]):
        choose(page, theme)
        page.run("arguments[0].scrollIntoView({block: 'center'})", picture)
        shot = Image.open(io.BytesIO(picture.screenshot_as_png)).convert("RGB")
        seen[theme].append(contrast(np.asarray(shot)))
    assert min(map(min, seen.values())) > LEGIBLE, seen
    assert np.allclose(seen["light"], seen["dark"], rtol=0.35), seen


@pytest.mark.parametrize(
    ("ink", "ratio"), [((0, 0, 0), 21.0), ((255, 255, 255), 1.0), ((119, 119, 119), 4.48)]
)
def test_contrast_is_that_of_wcag(ink: tuple[int, int, int], ratio: float) -> None:
    card = np.full((20, 20, 3), 255, np.uint8)
    card[:4] = ink
    assert contrast(card) == pytest.approx(ratio, abs=0.01)
