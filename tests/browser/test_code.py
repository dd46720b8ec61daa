"""Code in a browser: every line is a line, and on the screen of a desk it fits its column."""

from __future__ import annotations

from pathlib import Path

import pytest

from medda_lib import _paths
from tests.browser.pages import Page, executed

pytestmark = pytest.mark.slow
DESK = 1300  # pixels: both side bars are there
_TOO_WIDE = """
const shown = [...document.querySelectorAll('article div.highlight pre')].filter(e => e.clientWidth);
return [shown.length, shown.filter(e => e.scrollWidth > e.clientWidth + 1)
  .map(e => e.textContent.trim().slice(0, 40))];
"""
_TOPS = """
const tops = [...document.querySelectorAll('div.highlight pre .linenos')]
  .map(e => e.getBoundingClientRect().top);
return [tops.length, new Set(tops).size];
"""


@pytest.mark.parametrize("name", executed())
def test_code_needs_no_scrolling_beside_both_side_bars(page: Page, name: str) -> None:
    page.open(name)
    page.size(DESK)
    page.wait(lambda: page.run(_TOO_WIDE)[1] == [], "code that does not fit its column")
    assert page.run(_TOO_WIDE)[0] > 0


def test_a_listing_of_a_file_keeps_its_lines(page: Page, book: Path) -> None:
    found = sorted(path.relative_to(book) for path in (book / "source").rglob("*.html"))
    assert found, "no page links to a file of the library: the test shows nothing"
    page.open(str(found[0].with_suffix("")))
    page.size(DESK)
    source = _paths.CHECKOUT / found[0].relative_to("source").with_suffix(".py")
    lines = len(source.read_text("utf-8").splitlines())
    assert page.run(_TOPS) == [lines, lines]
    page.wait(lambda: page.run(_TOO_WIDE)[1] == [], "a listing that does not fit its column")
