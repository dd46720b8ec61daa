"""The search box finds a method by its name, without a network."""

from __future__ import annotations

import pytest

from tests.browser.pages import Page

pytestmark = pytest.mark.slow

# What a reader types -> pages of which one must be among the first three results.
WANTED = {
    "MultiMix": "book/chapters/multimix",
    "MixMatch": "book/chapters/multimix",
    "AIVA": "book/chapters/aiva",
    "AdaBN": "book/chapters/aiva",
    "Seg-JDOT": "book/chapters/aiva",
    "AdaptSegNet": "book/chapters/aiva",
    "SR-SIM": "book/chapters/fda",
    "ODEx": "book/chapters/odex",
    "EWC": "book/chapters/odex",
    "PLOP": "book/chapters/odex",
    "LwF": "book/chapters/odex",
}
_FINISHED = """
const said = document.querySelector('#search-results .search-summary');
return said !== null && said.innerText.includes('finished');
"""
_RESULTS = (
    "return [...document.querySelectorAll('#search-results ul.search li a')].map(e => e.href)"
)


@pytest.mark.parametrize("name", WANTED)
def test_method_is_found_by_its_name(page: Page, name: str) -> None:
    page.open("search", f"?q={name}")
    page.wait(lambda: bool(page.run(_FINISHED)), f"nothing is found for {name}")
    first = [url.split("#")[0].split("?")[0] for url in dict.fromkeys(page.run(_RESULTS))]
    assert any(url.endswith(f"{WANTED[name]}.html") for url in list(dict.fromkeys(first))[:3])
    assert page.complaints() == []
    assert [url for url in page.requests() if not url.startswith(("file:", "data:"))] == []
