"""The built book asks nothing of the network: no script, style, font or picture from elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from medda_lib import _paths
from medda_lib.notebooks import freeze
from medda_lib.pages.build import BookError, build
from medda_lib.pages.maps import papers_table, settings_table
from tests.book.small import begin

# What a browser fetches by itself; links that a reader follows (<a href>) are welcome.
FETCHED = {"script", "img", "link", "iframe", "source", "video", "audio", "embed", "object", "use"}
REMOTE = re.compile(r"^\s*(https?:)?//", re.IGNORECASE)
CSS_REMOTE = re.compile(r"""(?:url\(\s*["']?|@import\s+["'])((?:https?:)?//[^"')]+)""")
INLINE_REMOTE = re.compile(r"""["'](https?://[^"']+\.(?:m?js|css|woff2?|wasm))["']""")
PAGE = r"""# %% [markdown]
# # Play
# Formula $\alpha$.
#
# $$ x^2 $$

# %%
import ipywidgets
from medda_lib.notebooks import show
from medda_lib.studies.setting import _setting

ipywidgets.IntSlider(description="dial")

# %%
show(_setting)
"""


class Fetches(HTMLParser):
    """Collects what a page makes the browser fetch from another host."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self._inside = tag if tag in {"script", "style"} else ""
        if tag == "link" and values.get("rel") in {
            "canonical",
            "author",
            "license",
            "next",
            "prev",
        }:
            return
        if tag in FETCHED:
            for name in ("src", "href", "data", "srcset", "poster"):
                if REMOTE.match(values.get(name) or ""):
                    self.found.append(f"<{tag} {name}={values[name]}>")
        self.found += CSS_REMOTE.findall(values.get("style") or "")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "style":
            self.found += CSS_REMOTE.findall(data)
        elif self._inside == "script" and "widget-state+json" not in data[:200]:
            self.found += INLINE_REMOTE.findall(data)


def remote_fetches(html: Path) -> Iterator[str]:
    """Everything in a built book that would be fetched from elsewhere: "file: what"."""
    for path in sorted(html.rglob("*.html")):
        page = Fetches()
        page.feed(path.read_text("utf-8"))
        yield from (f"{path.relative_to(html)}: {one}" for one in page.found)
    for path in sorted(html.rglob("*.css")):
        found = CSS_REMOTE.findall(path.read_text("utf-8"))
        yield from (f"{path.relative_to(html)}: {one}" for one in found)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small book with the real configuration: the map, a formula, a widget, shown source."""
    top = tmp_path_factory.mktemp("book")
    begin(top, "play")
    (top / "book" / "index.md").write_text(
        "# First\n\n```{table-of} settings\n```\n\n```{table-of} papers\n```\n", "utf-8"
    )
    (top / "book" / "play.py").write_text(PAGE, "utf-8")
    freeze(top / "book" / "play.py")
    build(top)
    return top


def test_small_book_is_offline(book: Path) -> None:
    html = book / "_build" / "html"
    assert list(remote_fetches(html)) == []
    page = (html / "book" / "play.html").read_text("utf-8")
    for asset in ("mathjax/tex-svg-full.js", "widgets/embed.js", "medda/mathjax2-shim.js"):
        assert f"_static/{asset}" in page
        assert (html / "_static" / asset).is_file()
    assert "THEBE_JS_URL" not in page


def test_widget_library_finds_its_fonts(book: Path) -> None:
    widgets = book / "_build" / "html" / "_static" / "widgets"
    fonts = set(re.findall(r'"([0-9a-f]{20}\.woff2)"', (widgets / "embed.js").read_text("utf-8")))
    assert fonts
    assert all((widgets / font).is_file() for font in fonts)


def test_map_names_every_paper(book: Path) -> None:
    from medda_lib.papers.catalogue import papers

    page = (book / "_build" / "html" / "book" / "index.html").read_text("utf-8")
    assert [p.short for p in papers() if escape(p.short) not in page] == []
    assert "chapters/" not in page  # this book has no chapter


@pytest.mark.parametrize("table", [settings_table, papers_table])
def test_map_links_the_chapters_that_the_book_has(table: Callable[..., str]) -> None:
    from medda_lib.papers.catalogue import papers

    link = "[MultiMix](/book/chapters/multimix.ipynb)"
    assert link in table(papers(), {"book/chapters/multimix"})
    assert "ipynb" not in table(papers(), {"book/play"})


def test_a_warning_fails_the_build_and_an_old_page_says_so(
    book: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert "This page was run before" not in rendered(book)
    path, index = book / "book" / "play.ipynb", book / "book" / "index.md"
    before = path.read_text("utf-8"), index.read_text("utf-8")
    notebook = json.loads(before[0])
    notebook["metadata"]["medda"]["library"] = "0" * 16
    path.write_text(json.dumps(notebook), "utf-8")
    index.write_text(before[1] + "\n[nowhere](missing.md)\n", "utf-8")
    try:
        with pytest.raises(BookError, match="names a page to mend"):
            build(book)
    finally:
        path.write_text(before[0], "utf-8")
        index.write_text(before[1], "utf-8")
    assert "missing.md" in "".join(capfd.readouterr())
    assert "This page was run before the library changed." in rendered(book)
    assert "medda freeze play" in rendered(book)


def rendered(book: Path) -> str:
    page = (book / "_build" / "html" / "book" / "play.html").read_text("utf-8")
    return re.sub(r"<[^>]+>", "", page)


def test_folder_without_a_book_is_named(tmp_path: Path) -> None:
    with pytest.raises(BookError, match=r"_config\.yml is missing"):
        build(tmp_path)


def test_the_scan_finds_what_it_looks_for(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<a href="https://example.org">fine</a><script src="https://example.org/x.js"></script>'
        '<script>load("https://example.org/y.js")</script><img src="//example.org/z.png">'
        "<style>@import 'https://example.org/w.css'</style>",
        "utf-8",
    )
    (tmp_path / "b.css").write_text("p {background: url(https://example.org/v.png)}", "utf-8")
    assert len(list(remote_fetches(tmp_path))) == 5


@pytest.mark.skipif(
    not (_paths.CHECKOUT / "_build" / "html" / "index.html").is_file(),
    reason="the book is not built here: make book",
)
def test_built_book_is_offline() -> None:
    assert list(remote_fetches(_paths.CHECKOUT / "_build" / "html")) == []
