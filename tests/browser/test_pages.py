"""Every page of the book in a browser, over `file://`, as it is and on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.pages import PAPER, PHONE, Page, executed, names

pytestmark = pytest.mark.slow
MEGABYTES = 5


@pytest.mark.parametrize("name", names())
def test_page_stands_alone_and_fits_a_phone_and_a_sheet_of_paper(page: Page, name: str) -> None:
    """One visit for all questions: loading takes longer than asking."""
    page.open(name)
    foreign = [url for url in page.requests() if not url.startswith(("file:", "data:", "blob:"))]
    assert foreign == []
    assert page.complaints() == []
    assert page.run("return document.querySelectorAll('mjx-merror').length") == 0
    formulas = page.run("return [...document.querySelectorAll('.math')].map(e => e.innerHTML)")
    assert [text[:60] for text in formulas if "<mjx-container" not in text] == []
    unnamed = "return [...document.querySelectorAll('article img')].filter(e => !e.alt).length"
    assert page.run(unnamed) == 0, "pictures without an alt text"
    page.size(PHONE)
    assert page.sticking_out(PHONE) == []
    page.on_paper()
    assert page.cut_off(PAPER) == []


@pytest.mark.parametrize("name", names())
def test_page_is_light(book: Path, name: str) -> None:
    size = (book / f"{name}.html").stat().st_size / 1e6
    assert size < MEGABYTES, f"{name} has {size:.1f} MB"


def test_there_are_pages_to_look_at() -> None:
    assert "book/index" in names()
    assert {"book/chapters/fda", "book/scoreboard"} <= set(executed())


def test_wide_table_is_printed_in_parts_and_put_back(page: Page) -> None:
    """No column is lost, and the names of the rows are repeated in each part."""
    page.open("book/chapters/multimix")
    cells = (
        "return [...document.querySelectorAll('article .medda-t:not([hidden]) tbody td')].length"
    )
    before = page.run(cells)
    page.on_paper()
    widest = page.run(
        "return Math.max(...[...document.querySelectorAll('.printed')].map(e => e.children.length))"
    )
    assert widest > 1, "the chapter has no table that needs parts: the test shows nothing"
    lost = page.run(
        """return [...document.querySelectorAll('.printed')].filter(printed => {
          const texts = box => new Set([...box.querySelectorAll('tbody td')].map(e => e.textContent));
          const here = texts(printed);
          return [...texts(printed.nextElementSibling)].some(text => !here.has(text));
        }).length"""
    )
    assert lost == 0
    page.plain()
    assert page.run(cells) == before
    assert page.run("return document.querySelectorAll('.printed').length") == 0
