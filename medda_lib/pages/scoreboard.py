"""The scoreboard's tables, made while the book is built, with the committed results beside them.

The directive `{scoreboard} claims` (or `systems`, `papers`, `settings`, `verdicts`, `ledgers`) puts a
table on a page. Each row links to its evidence: the row of the chapter's own table, where the chapter
was run since rows have anchors, else its section; and the ledger's files, which are copied into the
built book so that the links work offline. Only pages with such a table load its script and style.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from medda_lib.pages.counting import results
from medda_lib.pages.scoreboard_tables import TABLES
from medda_lib.papers.catalogue import paper as paper_of
from medda_lib.papers.counts import standing

if TYPE_CHECKING:
    from sphinx.application import Sphinx

COPIES = PurePosixPath("_downloads/results")
ANCHOR = re.compile(r"""id=\\?"(claim-[^"\\]+)""")


class Waiting(nodes.General, nodes.Element):  # type: ignore[misc]  # docutils has no types
    """Stands for a table until all pages are read and their anchors are known."""


class Scoreboard(SphinxDirective):
    """The directive `{scoreboard} <table>`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Leave a mark for the table; an unknown name is an error."""
        name = self.arguments[0]
        if name not in TABLES:
            raise self.error(f"scoreboard: {name!r} is not one of {', '.join(TABLES)}")
        return [Waiting(table=name)]


class Evidence:
    """Addresses of chapters and ledgers, relative to one page (see `scoreboard_tables.Addresses`)."""

    def __init__(self, app: Sphinx, page: str) -> None:
        self.app, self.page = app, page
        self.rows: dict[str, set[str]] = {}

    def chapter(self, paper: str, *anchors: str) -> str:
        """The paper's chapter, at the first of the anchors that the page has; "" without a chapter."""
        chapter = paper_of(paper).chapter
        if chapter not in self.app.env.found_docs:
            return ""
        if chapter not in self.rows:
            self.rows[chapter] = self._anchors(chapter)
        address = self.app.builder.get_relative_uri(self.page, chapter)
        there = next((f"#{one}" for one in anchors if one in self.rows[chapter]), "")
        return address + there

    def ledger(self, paper: str, ledger: str, suffix: str = ".csv") -> str:
        """A ledger's file in the built book."""
        up = "../" * self.app.builder.get_target_uri(self.page).count("/")
        return f"{up}{COPIES}/{paper}/{ledger}{suffix}"

    def _anchors(self, chapter: str) -> set[str]:
        """Sections of a chapter, and the rows of the table of verdicts in its notebook."""
        toc = self.app.env.tocs[chapter]
        sections = {one["anchorname"].removeprefix("#") for one in toc.findall(_has_anchor)}
        path = Path(self.app.env.doc2path(chapter))
        return sections | set(ANCHOR.findall(path.read_text("utf-8")))


def _has_anchor(node: nodes.Node) -> bool:
    return isinstance(node, nodes.reference) and "anchorname" in node


def fill(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Put the tables in."""
    for waiting in list(doctree.findall(Waiting)):
        html = TABLES[waiting["table"]](standing(results(app)), Evidence(app, page))
        waiting.replace_self(nodes.raw("", html, format="html"))


def assets(
    app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: object
) -> None:
    """Load script and style on pages that have a table, and give wide tables the whole width."""
    body = context.get("body", "")
    if 'class="medda-board"' in body:
        if "<form" in body:
            meta = context.get("meta") or {}
            context["meta"] = meta | {"html_theme.sidebar_secondary.remove": "true"}
        app.add_css_file("medda/scoreboard.css")
        app.add_js_file("medda/scoreboard.js", loading_method="defer")


def copy_ledgers(app: Sphinx, exception: Exception | None) -> None:
    """Copy values (.csv) and origin (.json) of every ledger; per-image values stay behind."""
    if exception is not None or app.builder.format != "html":
        return
    for suffix in (".csv", ".json"):
        for path in sorted(results(app).glob(f"*/*-*{suffix}")):
            copy = Path(app.outdir) / COPIES / path.parent.name / path.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.add_node(Waiting)
    app.add_directive("scoreboard", Scoreboard)
    app.connect("doctree-resolved", fill)
    # before the theme, which puts another list in the place of the page's style sheets
    app.connect("html-page-context", assets, priority=100)
    app.connect("build-finished", copy_ledgers)
