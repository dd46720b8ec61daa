"""The line under a title, the status page, the ways to a notebook: what they say, and when."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from docutils import nodes

from medda_lib import _paths
from medda_lib.notebooks import freeze
from medda_lib.pages import facts, launch, status
from medda_lib.pages.build import build
from medda_lib.pages.executed import Executed, executed, in_words
from tests.book.small import begin

if TYPE_CHECKING:
    from sphinx.application import Sphinx

COMMIT = "0123456789abcdef0123456789abcdef01234567"
RUN: dict[str, Any] = {
    "commit": COMMIT,
    "dirty": False,
    "date": "2026-11-21",
    "seconds": 95.2,
    "machine": "A <fast> processor, 2 cores",
    "gpu": None,
    "python": "3.11.7",
    "torch": "2.13.0",
}
PAGE = """# %% [markdown]
# # Play
# Prose {words}.

# %% tags=["parameters"]
profile = "demo"

# %% tags=["hide-input"]
folded = 1

# %%
import base64
from IPython.display import Image
Image(base64.b64decode("{png}"))
"""
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="


def page(**changes: Any) -> Executed:
    """An executed page with some facts replaced."""
    run = RUN | changes.pop("run", {})
    known: dict[str, Any] = {"path": Path("play.ipynb"), "profile": "demo", "bytes": 240_000}
    return Executed(**({"run": run, "reasons": ()} | known | changes))


def line(**changes: Any) -> str:
    """The words of the line under the title of an executed page."""
    text = facts.html("book/play", facts.Amount(words=1000), page(**changes), None)
    return unescape(re.sub(r"<[^>]+>", " ", text)).replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture(autouse=True)
def no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on where this checkout came from."""
    monkeypatch.delenv("MEDDA_REPOSITORY", raising=False)
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    monkeypatch.delenv("MEDDA_BRANCH", raising=False)
    monkeypatch.setattr("medda_lib.notebooks.setup_cell._origin", str)


# --- reading time ----------------------------------------------------------------------------------


def test_prose_figures_equations_and_code_are_counted() -> None:
    document = nodes.section("", nodes.title("", "A title"))
    document += nodes.paragraph(
        "", "", nodes.Text("two words and "), nodes.math("", r"\alpha + \beta")
    )
    document += nodes.math_block("", "x")
    document += nodes.literal_block("", "one\ntwo\nthree")
    document += nodes.figure("", nodes.image(), nodes.caption("", "Its caption"))
    document += nodes.raw("", "<p>not read</p>", format="html")
    document += nodes.comment("", "nor this")
    assert facts.amount(document) == facts.Amount(words=8, figures=1, equations=1, lines=3)


def test_of_a_cell_only_what_is_shown_counts() -> None:
    code = nodes.container("", nodes.literal_block("", "a\nb"), nb_element="cell_code_source")
    forms = [
        nodes.container("", nodes.literal_block("", "<Figure>"), mime_type="text/plain"),
        nodes.container("", nodes.image(), mime_type="image/png"),
    ]
    bundle = nodes.container("", *forms, nb_element="mime_bundle")
    output = nodes.container(
        "", nodes.literal_block("", "printed"), bundle, nb_element="cell_code_output"
    )
    cell = nodes.container("", code, output, nb_element="cell_code", classes=["cell"])
    assert facts.amount(cell) == facts.Amount(figures=1, lines=2)
    cell["classes"].append("tag_hide-input")
    assert facts.amount(cell) == facts.Amount(figures=1)


def test_minutes_follow_the_stated_speeds() -> None:
    assert facts.Amount(words=1000).minutes == 5
    assert facts.Amount(words=1000, figures=4, equations=3, lines=15).minutes == 7
    assert facts.html("book/short", facts.Amount(words=60), None, None) == ""


# --- the line --------------------------------------------------------------------------------------


def test_line_tells_when_where_and_how_fast() -> None:
    text = line()
    assert "Reading: about 5 min" in text
    assert (
        "Executed 2026-11-21 at commit 0123456, profile demo, in 95 s on A <fast> processor, 2 cores"
    ) in text
    assert "Running: about 95 s" in text
    assert re.search(r"; again: +medda freeze play", text)
    assert "A &lt;fast&gt;" in facts.html("book/play", facts.Amount(), page(), None)


def test_line_is_honest_about_what_is_not_known() -> None:
    assert "0123456 with changes" in line(run={"dirty": True})
    assert "at commit none," in line(run={"commit": "", "dirty": True})
    assert "2 cores, H200" in line(run={"gpu": "H200"})
    old = page()
    old = Executed(old.path, "demo", None, old.bytes, ())
    text = facts.html("book/play", facts.Amount(), old, None)
    assert "Executed before run facts were recorded" in text
    assert "Running" not in text


def test_links_need_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    text = facts.html("book/chapters/play", facts.Amount(), page(), launch.repository())
    assert re.findall(r'href="([^"]*)"', text) == ["../../_sources/book/chapters/play.ipynb"]
    monkeypatch.setenv("MEDDA_REPOSITORY", "owner/name")
    text = facts.html("book/chapters/play", facts.Amount(), page(), launch.repository())
    assert re.findall(r'href="([^"]*)"', text) == [
        "../../_sources/book/chapters/play.ipynb",
        "https://colab.research.google.com/github/owner/name/blob/main/book/chapters/play.ipynb",
        "https://mybinder.org/v2/gh/owner/name/main?urlpath=lab%2Ftree%2Fbook%2Fchapters%2Fplay.ipynb",
        f"https://github.com/owner/name/commit/{COMMIT}",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.84, "0.8 s"),
        (9.96, "10 s"),
        (95.2, "95 s"),
        (150, "2 min"),
        (5400, "90 min"),
        (9000, "2.5 h"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


# --- the address -----------------------------------------------------------------------------------


def test_address_comes_from_the_first_place_that_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert launch.repository() is None
    monkeypatch.setattr(
        "medda_lib.notebooks.setup_cell._origin", lambda: "git@github.com:one/clone.git"
    )
    assert launch.repository() == "one/clone"
    monkeypatch.setenv("GITHUB_REPOSITORY", "two/hosted")
    assert launch.repository() == "two/hosted"
    monkeypatch.setenv("MEDDA_REPOSITORY", "three/said")
    assert launch.repository() == "three/said"
    monkeypatch.setenv("MEDDA_REPOSITORY", "https://example.org/x")
    with pytest.raises(ValueError, match=r"MEDDA_REPOSITORY is .*expected owner/name"):
        launch.repository()


@pytest.mark.parametrize(
    ("origin", "address"),
    [
        ("https://github.com/owner/name.git", "owner/name"),
        ("https://github.com/owner/na.me", "owner/na.me"),
        ("ssh://git@github.com/owner/name/", "owner/name"),
        ("https://example.org/owner/name.git", None),
        ("/home/me/name", None),
        ("", None),
    ],
)
def test_only_an_origin_on_github_counts(
    origin: str, address: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medda_lib.notebooks.setup_cell._origin", lambda: origin)
    assert launch.repository() == address


def test_branch_can_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDDA_BRANCH", "term/2027")
    assert "/blob/term%2F2027/book/a%20b.ipynb" in launch.colab("owner/name", "book/a b")
    assert "/owner/name/term%2F2027?" in launch.binder("owner/name", "book/a")


# --- the status page -------------------------------------------------------------------------------


def test_status_has_a_row_per_page_and_totals() -> None:
    old = Executed(Path("old.ipynb"), "demo", None, 60_000, ("the library", "the results"))
    table = status.status_table(
        {"book/a": page(), "book/b": page(run={"seconds": 30.0}), "book/c": old}
    )
    rows = [line.split("|")[1:-1] for line in table.replace("\N{NO-BREAK SPACE}", " ").splitlines()]
    cells = [[cell.strip() for cell in row] for row in rows]
    assert [row[0] for row in cells[2:]] == [
        "[](/book/a.ipynb)",
        "[](/book/b.ipynb)",
        "[](/book/c.ipynb)",
        "**together**",
    ]
    assert cells[2][1:4] == ["demo", "2026-11-21", "0123456"]
    assert cells[2][4:] == ["95.2 s", "A <fast> processor, 2 cores", "240 kB", "current"]
    assert cells[4][2] == "not recorded"
    assert cells[4][7] == "older than library, results"
    assert cells[5][4:] == ["2 min", "", "0.5 MB", "2 of 3 current"]


@pytest.mark.parametrize(
    ("reasons", "words"),
    [
        ((), ""),
        (("the library",), "the library"),
        (("its text", "the library"), "its text and the library"),
        (("its text", "the library", "the results"), "its text, the library and the results"),
    ],
)
def test_reasons_read_as_a_sentence(reasons: tuple[str, ...], words: str) -> None:
    assert page(reasons=reasons).why == words


def test_a_page_that_took_no_time_did_not_run() -> None:
    assert status.ran(page())
    assert not status.ran(page(run={"seconds": 0.0004}))
    assert status.ran(Executed(Path("old.ipynb"), "demo", None, 1, ()))


# --- in a built book -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A book of one executed page and the status page, with the real configuration, built."""
    top = tmp_path_factory.mktemp("facts")
    begin(top, "play", "old", "status")
    shutil.copy(_paths.BOOK / "status.md", top / "book")
    (top / "book" / "index.md").write_text("# First\n\n" + "word " * 400, "utf-8")
    source = top / "book" / "play.py"
    source.write_text(PAGE.format(words="word " * 400, png=PNG), "utf-8")
    frozen = freeze(source)
    notebook = json.loads(frozen.read_text("utf-8"))
    del notebook["metadata"]["medda"]["run"]
    notebook["cells"][0]["source"] = "# Old"
    frozen.with_stem("old").write_text(json.dumps(notebook), "utf-8")
    source.with_stem("old").write_text(source.read_text("utf-8"), "utf-8")
    build(top)
    yield top
    shutil.rmtree(top)


def rendered(book: Path, name: str) -> str:
    """The words of a built page."""
    text = (book / "_build" / "html" / "book" / f"{name}.html").read_text("utf-8")
    return unescape(re.sub(r"<[^>]+>", " ", text)).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.slow
def test_built_page_carries_its_facts(book: Path) -> None:
    text = rendered(book, "play")
    assert "Reading: about 2 min" in text
    assert re.search(r"Executed \d{4}-\d\d-\d\d at commit ", text)
    html = (book / "_build" / "html" / "book" / "play.html").read_text("utf-8")
    found = re.search(r'href="([^"]*)" title="Download this page as a notebook"', html)
    assert found
    assert (book / "_build" / "html" / "book" / found.group(1)).resolve().is_file()
    assert "_static/medda/facts.css" in html
    assert "set_up" not in text  # the setup cell


@pytest.mark.slow
def test_first_page_and_status_page_carry_none(book: Path) -> None:
    assert "Reading: about" not in rendered(book, "index")
    assert "Reading: about" not in rendered(book, "status")


@pytest.mark.slow
def test_built_status_page_lists_the_page(book: Path) -> None:
    text = rendered(book, "status")
    assert re.search(r"Play\s+demo\s+\d{4}-\d\d-\d\d", text)
    assert "2 of 2 current" in text


@pytest.mark.slow
def test_page_from_before_the_records_does_not_break_the_build(book: Path) -> None:
    assert "Executed before run facts were recorded" in rendered(book, "old")
    assert re.search(r"Old\s+demo\s+not recorded", rendered(book, "status"))


def test_build_warns_of_a_page_that_took_no_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "play.ipynb"
    env = SimpleNamespace(docname="play", doc2path=lambda _: str(path))
    said: list[str] = []
    monkeypatch.setattr(status.LOGGER, "warning", lambda text, *parts: said.append(text % parts))
    for seconds in (0.5, 0.0):
        record = {"medda": {"profile": "demo", "run": RUN | {"seconds": seconds}}}
        path.write_text(json.dumps({"metadata": record, "cells": []}), "utf-8")
        status.check_that_it_ran(cast("Sphinx", SimpleNamespace(env=env)), nodes.section())
    assert said == ["play.ipynb says that it ran in 0.000 s: freeze it with `medda freeze play`"]


def test_a_page_is_read_again_when_its_file_changed(tmp_path: Path) -> None:
    path = tmp_path / "play.ipynb"
    for seconds in (1.0, 2.0):
        record = {"medda": {"profile": "demo", "run": RUN | {"seconds": seconds}}}
        path.write_text(json.dumps({"metadata": record, "cells": []}), "utf-8")
        found = executed(path)
        assert found is not None
        assert found.run is not None
        assert found.run["seconds"] == seconds
    assert executed(tmp_path / "page.md") is None
