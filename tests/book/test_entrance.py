"""The ways into the book: the first page's picture, the map of papers, learning paths, search."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

from medda_lib import _paths
from medda_lib.figures.tile import tile
from medda_lib.pages import front, paper_map, reading_time
from medda_lib.pages.build import build
from medda_lib.pages.front_heads import VIEWS, load
from medda_lib.papers.catalogue import SHIFTS, papers
from medda_lib.studies.setting import SETTINGS
from tests.book.small import begin

# ---- the map ----------------------------------------------------------------------------------


def everywhere(page: str) -> str | None:
    return f"../{page}.html"


def nowhere(_page: str) -> str | None:
    return None


class Cells(HTMLParser):
    """Rows of the map's body: the shift, then the names and addresses of the chips of each cell."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, list[list[tuple[str, str | None]]]] = {}
        self._row: list[list[tuple[str, str | None]]] = []
        self._inside, self._body = "", False
        self._href: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        kind = found.get("class") or ""
        self._body = self._body or tag == "tbody"
        if tag == "td":
            self._row.append([])
        elif "chip" in kind.split():
            self._href, self._inside = found.get("href"), "chip"
        elif kind == "shift":
            self._inside = "shift"

    def handle_endtag(self, tag: str) -> None:
        self._body = self._body and tag != "tbody"

    def handle_data(self, data: str) -> None:
        if not self._body or not self._inside:
            return
        if self._inside == "shift":
            self._row = self.rows.setdefault(data, [])
        else:
            self._row[-1].append((data, self._href))
        self._inside = ""


def cells(address: paper_map.Address) -> dict[str, list[list[tuple[str, str | None]]]]:
    page = Cells()
    page.feed(paper_map.html(papers(), address))
    return page.rows


def test_every_paper_says_what_shifts() -> None:
    assert {paper.key: [s for s in paper.shifts if s not in SHIFTS] for paper in papers()} == {
        paper.key: [] for paper in papers()
    }
    assert all(paper.shifts for paper in papers())
    assert {shift for paper in papers() for shift in paper.shifts} == set(SHIFTS)


def test_bands_hold_every_setting_once() -> None:
    placed = [name for band in paper_map.BANDS for name in band.settings]
    assert sorted(placed) == sorted(setting.name for setting in SETTINGS)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [  # source labels, source images, target images, target labels, a stream
        ("semi-supervised", (1, 1, 0, 0, 0)),
        ("unsupervised adaptation", (1, 1, 1, 0, 0)),
        ("source-free", (0, 0, 1, 0, 0)),
        ("test-time", (1, 1, 0, 0, 0)),
        ("supervised adaptation", (1, 1, 1, 1, 0)),
        ("domain generalisation", (1, 1, 0, 0, 0)),
        ("continual", (0, 0, 0, 0, 1)),
        ("self-supervised", (0, 1, 1, 1, 0)),
    ],
)
def test_marks_of_a_setting(setting: str, expected: tuple[int, ...]) -> None:
    assert paper_map.answers(setting) == tuple(map(bool, expected))


def test_each_paper_stands_where_its_file_puts_it() -> None:
    found = cells(everywhere)
    for paper in papers():
        for shift in SHIFTS:
            for band, cell in zip(paper_map.BANDS, found[shift], strict=True):
                times = len(set(band.settings) & set(paper.settings)) * (shift in paper.shifts)
                assert [name for name, _ in cell].count(paper.short) == times, (paper.key, shift)


def test_only_papers_with_a_chapter_are_links() -> None:
    chips = {chip for row in cells(everywhere).values() for cell in row for chip in cell}
    assert {name for name, href in chips if href} == {p.short for p in papers() if p.chapter}
    assert {href for row in cells(nowhere).values() for cell in row for _, href in cell} == {None}


# ---- the picture ------------------------------------------------------------------------------


COUNTS = {
    "claims": 209,
    "verdicts.aiva.phantom.supported": 3,
    "verdicts.aiva.own.reproduced": 2,
    "verdicts.aiva.real.contradicted": 1,
    "verdicts.fda.phantom.undecided": 4,
    "verdicts.fda.phantom.not tested": 9,
}


def test_verdicts_are_added_up_over_the_kinds_of_data() -> None:
    assert front.verdicts(COUNTS) == {
        "aiva": {"supported": 5, "undecided": 0, "contradicted": 1},
        "fda": {"supported": 0, "undecided": 4, "contradicted": 0},
    }


def test_the_picture_prints_what_the_ledger_says(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = {"headline": True, "paper": "aiva", "data": ["phantom", "phantom", "real"]}
    said = pd.DataFrame(columns | {"verdict": ["supported", "contradicted", "not tested"]})
    both = pd.concat([said, said.assign(paper="fda", verdict="not tested")])
    known = SimpleNamespace(counts=COUNTS, claims=both)
    monkeypatch.setattr(front, "standing", lambda _folder: known)
    page = front.html(_paths.RESULTS, everywhere, "../_images")
    rows = front.scores(_paths.RESULTS)
    assert rows.notna().all().all()
    for system, words in front.SYSTEMS.items():
        row = re.search(rf"{re.escape(words)}</th>.*?front-number\">([\d.]+)<", page)
        assert row is not None
        assert row.group(1) == f"{rows.loc[system].mean():.2f}"
    alts = re.findall(r'<img[^>]*alt="([^"]+)"', page)
    assert len(alts) == len(VIEWS)
    for name, alt in zip(VIEWS, alts, strict=True):
        assert f"Surface Dice {load()['scores'][name]:.2f}" in alt
    assert 'aria-label="5 supported, 0 undecided, 1 contradicted"' in page
    assert "headline: 1 supported, 1 contradicted on phantom" in page
    assert "headline not tested" in page
    assert "../book/chapters/aiva.html" in page


def test_a_tile_shows_both_outlines_over_the_whole_field() -> None:
    mask = np.zeros((32, 32), bool)
    mask[8:24, 8:24] = True
    picture = tile(np.full((32, 32), 0.5), mask, np.roll(mask, 4, 0).astype(float), side=128)
    assert picture.shape == (128, 128, 3)
    assert picture.dtype == np.uint8
    grey = picture[2, 2]
    assert np.ptp(grey) <= 2
    assert 120 <= grey[0] <= 135
    orange = (picture[..., 0] > 200) & (picture[..., 2] < 90)
    blue = (picture[..., 2] > 200) & (picture[..., 0] < 130)
    assert 28 <= np.flatnonzero(orange.any(1)).min() <= 36  # row 8 of 32
    assert 44 <= np.flatnonzero(blue.any(1)).min() <= 52  # four rows lower


def test_a_tile_refuses_what_is_not_square() -> None:
    with pytest.raises(ValueError, match=r"truth: expected a square picture .* got \(4, 5\)"):
        tile(np.zeros((4, 4)), np.zeros((4, 5)), np.zeros((4, 4)))


# ---- learning paths ---------------------------------------------------------------------------


def paths() -> str:
    return (_paths.BOOK / "guide" / "paths.md").read_text("utf-8")


def test_paths_name_pages_of_the_book() -> None:
    toc = yaml.safe_load((_paths.CHECKOUT / "_toc.yml").read_text("utf-8"))
    book = {chapter["file"] for part in toc["parts"] for chapter in part["chapters"]}
    named = set(re.findall(r"\bbook/[\w/]+", paths()))
    assert len(named) >= 10
    assert sorted(named - book) == []


def test_a_term_has_fourteen_weeks_and_types_no_time() -> None:
    weeks = re.findall(r"^\| (\d+) \|", paths(), re.MULTILINE)
    assert weeks == [str(week) for week in range(1, 15)]
    typed = re.sub(r"\{minutes\}`[^`]*`", "", paths())
    assert re.findall(r"\d+ (?:min\b|h\b|hours)", typed) == []


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0, "0 min"), (59, "59 min"), (60, "1 h"), (66, "1 h 10 min"), (184, "3 h")],
)
def test_minutes_in_words(minutes: int, words: str) -> None:
    assert reading_time.in_words(minutes) == words


def test_pages_that_are_not_there_take_no_time() -> None:
    assert reading_time.total([0, 0]) == "\N{EN DASH}"
    assert reading_time.total([0, 25, 40]) == "1 h"


# ---- a small book -----------------------------------------------------------------------------

INDEX = """# First

{page}`Second <book/second>` takes {minutes}`book/second`; {page}`nowhere <book/nowhere>` stays.

```{paper-map}
```
"""
SECOND = "# Second\n\n## AdaBN\n\n" + "AdaBN makes a domain shift smaller. `AdaBN` " + "word " * 600
GLOSSARY = """# Glossary

```{glossary}
domain shift
  A difference. And more. {also}`dataset shift`

AdaBN
  New statistics for a network.
```
"""


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built book of three pages with the real configuration."""
    top = tmp_path_factory.mktemp("book")
    begin(top, "second", "glossary")
    for name, text in (("index", INDEX), ("second", SECOND), ("glossary", GLOSSARY)):
        (top / "book" / f"{name}.md").write_text(text, "utf-8")
    return build(top).parent


def test_times_and_links_of_a_path(html: Path) -> None:
    page = (html / "book" / "index.html").read_text("utf-8")
    assert '<a class="reference internal" href="second.html">Second</a> takes 3 min;' in page
    assert "nowhere stays" in page
    assert [p.short for p in papers() if p.short not in page] == []
    assert "_static/medda/entrance.css" in page


def test_first_mentions_are_links_with_a_tip(html: Path) -> None:
    page = (html / "book" / "second.html").read_text("utf-8")
    links = re.findall(r'<a class="glossary-link[^>]*>[^<]*</a>', page)
    assert [re.sub("<[^>]*>", "", link) for link in links] == ["AdaBN", "domain shift"]
    assert 'href="glossary.html#term-domain-shift"' in links[1]
    assert 'title="A difference."' in links[1]
    glossary = (html / "book" / "glossary.html").read_text("utf-8")
    assert "glossary-link" not in glossary
    assert 'id="term-domain-shift"' in glossary
    assert "Also: dataset shift." in glossary


def test_the_search_knows_the_terms_by_name_and_fetches_nothing(html: Path) -> None:
    text = (html / "searchindex.js").read_text("utf-8")
    index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    at = index["docnames"].index("book/glossary")
    assert [at, "term-AdaBN"] in index["alltitles"]["AdaBN"]
    assert [at, "term-domain-shift"] in index["alltitles"]["dataset shift"]
    assert index["indexentries"] == {}
    options = (html / "_static" / "documentation_options.js").read_text("utf-8")
    assert re.search(r"SHOW_SEARCH_SUMMARY:\s*false", options)
