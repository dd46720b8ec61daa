"""No link inside the book leads nowhere: each file is there, and each anchor in it."""

from __future__ import annotations

from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytestmark = pytest.mark.slow


class Anchors(HTMLParser):
    """The links of a page, and the places that links can lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.places |= {values[key] or "" for key in ("id", "name") if key in values}
        if tag == "a" and values.get("href"):
            self.links.add(values["href"] or "")


@cache
def anchors(path: Path) -> Anchors:
    """A page, read once."""
    page = Anchors()
    page.feed(path.read_text("utf-8"))
    return page


def broken(path: Path, book: Path) -> list[str]:
    """The links of one page that lead nowhere inside the book."""
    found = []
    for link in sorted(anchors(path).links):
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if not target.is_file() or not target.is_relative_to(book.resolve()):
            found.append(f"{path.name}: {link}: no such file")
        elif parts.fragment and target.suffix == ".html":
            places = anchors(target).places
            if unquote(parts.fragment) not in places and not _scripted(parts.fragment):
                found.append(f"{path.name}: {link}: no such anchor")
    return found


def _scripted(fragment: str) -> bool:
    """A fragment that a script of the page reads, such as the filters of the scoreboard."""
    return "=" in fragment


def test_no_link_leads_nowhere(book: Path) -> None:
    pages = [path.resolve() for path in sorted(book.glob("book/**/*.html"))]
    assert len(pages) > 10
    assert [one for path in pages for one in broken(path, book)] == []


def test_a_broken_link_would_be_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    (tmp_path / "other.html").write_text('<p id="here">', "utf-8")
    links = ("other.html#here", "other.html#there", "gone.html", "#top", "https://example.org")
    text = "".join(f'<a href="{link}">x</a>' for link in links)
    page.write_text(f'<h1 id="top">{text}</h1>', "utf-8")
    assert broken(page, tmp_path) == [
        "page.html: gone.html: no such file",
        "page.html: other.html#there: no such anchor",
    ]
