"""The table of all executed pages: how, when, where and how fast each ran, and whether it still holds.

A page whose record says that it took no time was not executed but made to look so; it fails the build.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from medda_lib.pages.executed import Executed, executed, in_words

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LOGGER = logging.getLogger(__name__)
HEAD = ("page", "profile", "date", "commit", "time", "machine", "size", "state")
_NARROW = "\N{NO-BREAK SPACE}"
LEAST = 0.0005  # seconds: what would be printed as 0.000


def status_table(pages: Mapping[str, Executed]) -> str:
    """A Markdown table of executed pages, name in the book -> page, with totals in the last row."""
    rows = [[f"[](/{name}.ipynb)", *_cells(page)] for name, page in pages.items()]
    rows.append(["**together**", *_totals(list(pages.values()))])
    lines = [HEAD, (":--", ":--", ":--", ":--", "--:", ":--", "--:", ":--"), *rows]
    return "\n".join("| " + " | ".join(c.replace("|", r"\|") for c in row) + " |" for row in lines)


def _cells(page: Executed) -> list[str]:
    """One row without its first cell."""
    size, state = f"{page.bytes / 1000:.0f}{_NARROW}kB", _state(page)
    if page.run is None:
        return [page.profile, "not recorded", "", "", "", size, state]
    run = page.run
    took = f"{run['seconds']:.1f}{_NARROW}s"
    return [page.profile, run["date"], page.code, took, page.machine, size, state]


def _state(page: Executed) -> str:
    """Whether the page holds; the words that begin a reason ("the library") are left out."""
    reasons = [reason.removeprefix("the ").removeprefix("its ") for reason in page.reasons]
    return f"older than {', '.join(reasons)}" if reasons else "current"


def _totals(pages: list[Executed]) -> list[str]:
    seconds = sum(page.run["seconds"] for page in pages if page.run)
    current = sum(not page.reasons for page in pages)
    size = f"{sum(page.bytes for page in pages) / 1e6:.1f}{_NARROW}MB"
    return [
        "",
        "",
        "",
        in_words(seconds).replace(" ", _NARROW),
        "",
        size,
        f"{current} of {len(pages)} current",
    ]


def ran(page: Executed) -> bool:
    """Whether the record of a page is one of a real execution; pages without a record may pass."""
    return page.run is None or page.run["seconds"] >= LEAST


def pages_of(app: Sphinx) -> dict[str, Executed]:
    """All executed pages of the book that is built, in the order of its table of contents."""
    order = list(getattr(app.env, "external_site_map", ()))
    names = sorted(app.env.found_docs, key=lambda n: (order.index(n) if n in order else -1, n))
    found = {name: executed(Path(app.env.doc2path(name))) for name in names}
    return {name: page for name, page in found.items() if page is not None}


class Status(SphinxDirective):
    """The directive `{status-of-pages}`, without arguments."""

    def run(self) -> list[nodes.Node]:
        """Parse the generated Markdown in the page's own language."""
        self.env.note_reread()  # it tells of other pages
        box = nodes.container(classes=["status-of-pages"])
        table = status_table(pages_of(self.env.app))
        self.state.nested_parse(StringList(table.splitlines(), "status-of-pages"), 0, box)
        return [box]


def check_that_it_ran(app: Sphinx, _doctree: nodes.document) -> None:
    """Warn, and so fail the build, of a page that took no time."""
    page = executed(Path(app.env.doc2path(app.env.docname)))
    if page is not None and not ran(page):
        LOGGER.warning(
            "%s says that it ran in 0.000 s: freeze it with `medda freeze %s`",
            page.path.name,
            page.path.stem,
        )


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.add_directive("status-of-pages", Status)
    app.connect("doctree-read", check_that_it_ran)
