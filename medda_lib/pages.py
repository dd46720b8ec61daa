"""The Sphinx extension of the book: generated tables, and pages that say when they are out of date.

The map on the first page is made from every `paper.toml`, and the list of data sets from their
cards, while the book is built, so they cannot fall behind. A page made from a frozen notebook
compares the record in the notebook with the library and the results beside it; where they have
moved on since, a note under the title says what changed and how to run the page again. Assets that
the theme would fetch from elsewhere are switched off here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from medda_lib.datasets.catalogue import ALL
from medda_lib.papers import catalogue
from medda_lib.studies.setting import SETTINGS, Role, Setting

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LOGGER = logging.getLogger(__name__)

# What a method may see, in the order of a study: (column of the map, role).
COLUMNS = (
    ("source, labelled", Role.LABELLED_SOURCE),
    ("source, bare", Role.UNLABELLED_SOURCE),
    ("target, bare", Role.UNLABELLED_TARGET),
    ("target, labelled", Role.LABELLED_TARGET),
    ("stream", Role.STAGE),
)
TRUTH, IMAGES, NOTHING = "●", "○", "·"


def settings_table(papers: Iterable[catalogue.Paper], pages: Container[str]) -> str:
    """A Markdown table: one row per setting, what it shows to a method, and the papers in it.

    pages: names of the pages of the book that is built, `book/chapters/multimix`; those get links.
    """
    papers = list(papers)
    head = ["setting", *(name for name, _ in COLUMNS), "papers"]
    rows = [
        [
            f"**{setting.name}**: {setting.description}",
            *(_mark(setting, role) for _, role in COLUMNS),
            ", ".join(_link(p, pages) for p in papers if setting.name in p.settings) or NOTHING,
        ]
        for setting in SETTINGS
    ]
    return _markdown(head, rows, ":--" + " :-:" * len(COLUMNS) + " :--")


def papers_table(papers: Iterable[catalogue.Paper], pages: Container[str]) -> str:
    """A Markdown table of all papers: idea, world, and how many of their systems are implemented."""
    rows = [
        [
            _link(paper, pages),
            paper.one_line,
            ", ".join(paper.worlds),
            f"{sum(s.status == 'done' for s in paper.systems)} of {len(paper.systems)}",
        ]
        for paper in papers
    ]
    return _markdown(["paper", "the idea", "world", "systems here"], rows, ":-- :-- :-- :--")


def datasets_table() -> str:
    """A Markdown table of all data sets, from their cards."""
    rows = [
        [
            _linked(entry.card.title, entry.card.website),
            f"`{name}`",
            f"`{entry.card.folders[0]}/`",
            entry.card.licence,
        ]
        for name, entry in ALL.items()
    ]
    return _markdown(["data set", "name", "folder", "licence"], rows, ":-- :-- :-- :--")


def _linked(text: str, website: str) -> str:
    """The text as a link to the first address in a card's `website`, where there is one."""
    address = re.search(r"https?://[^\s,()]+", website)
    return f"[{text}]({address.group()})" if address else text


def _mark(setting: Setting, role: Role) -> str:
    return TRUTH if role in setting.truth else IMAGES if role in setting.images else NOTHING


def _link(paper: catalogue.Paper, pages: Container[str]) -> str:
    """The chapter where the book has it, else the bare name."""
    if paper.chapter in pages:
        return f"[{paper.short}](/{paper.chapter}.ipynb)"
    return paper.short


def _markdown(head: list[str], rows: list[list[str]], align: str) -> str:
    lines = [head, align.split(), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", r"\|") for cell in r) + " |" for r in lines
    )


class TableOf(SphinxDirective):
    """The directive `{table-of} settings`, `papers` or `datasets`: made while the book is built."""

    required_arguments = 1
    tables: ClassVar[dict[str, Callable[[Container[str]], str]]] = {
        "settings": lambda pages: settings_table(catalogue.papers(), pages),
        "papers": lambda pages: papers_table(catalogue.papers(), pages),
        "datasets": lambda _: datasets_table(),
    }

    def run(self) -> list[nodes.Node]:
        """Parse the generated Markdown in the page's own language."""
        kind = self.arguments[0]
        if kind not in self.tables:
            raise self.error(f"table-of: {kind!r} is not one of {', '.join(self.tables)}")
        box = nodes.container(classes=["table-of", kind])
        table = self.tables[kind](self.env.found_docs)
        self.state.nested_parse(StringList(table.splitlines(), "table-of"), 0, box)
        return [box]


def note_what_moved_on(app: Sphinx, doctree: nodes.document) -> None:
    """Put a note under the title of a page whose notebook is older than the code or the numbers."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix != ".ipynb":
        return
    from medda_lib.notebooks import what_moved_on

    source = path.with_suffix(".py")
    if not source.is_file():
        LOGGER.warning("%s has no source %s beside it", path.name, source.name)
        return
    reasons = what_moved_on(json.loads(path.read_text("utf-8")), source)
    if not reasons:
        return
    note = nodes.note("", classes=["moved-on"])
    note += nodes.paragraph("", f"This page was run before {' and '.join(reasons)} changed.")
    command = nodes.paragraph("", "To run it again: ")
    command += nodes.literal("", f"medda freeze {path.stem}")
    note += command
    title = next(iter(doctree.findall(nodes.title)), None)
    if title is not None and title.parent is not None:
        title.parent.insert(title.parent.index(title) + 1, note)


def without_thebe(app: Sphinx, *_config: object) -> None:
    """Jupyter Book always loads Thebe, which names a CDN in every page; unhook it."""
    for listeners in app.events.listeners.values():
        listeners[:] = [
            one for one in listeners if not one.handler.__module__.startswith("sphinx_thebe")
        ]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("table-of", TableOf)
    app.connect("config-inited", without_thebe)
    app.connect("doctree-read", note_what_moved_on)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
