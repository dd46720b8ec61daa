"""The tables of the map: settings, papers and data sets, made while the book is built.

The map on the first page is made from every `paper.toml`, and the list of data sets from their cards,
so they cannot fall behind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable
from typing import TYPE_CHECKING, ClassVar

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from medda_lib.datasets.registry import DATASETS
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


def systems_table(papers: Iterable[catalogue.Paper], pages: Container[str]) -> str:
    """A Markdown table of the systems of each paper under their own names, those to come in italics."""
    rows = [
        [
            _link(paper, pages),
            "; ".join(s.name if s.status == "done" else f"*{s.name}*" for s in paper.systems),
        ]
        for paper in papers
    ]
    return _markdown(["paper", "systems"], rows, ":-- :--")


def datasets_table() -> str:
    """A Markdown table of all data sets, from their cards."""
    rows = [
        [
            _linked(entry.card.title, entry.card.website),
            f"`{name}`",
            f"`{entry.card.folders[0]}/`",
            entry.card.licence,
        ]
        for name, entry in DATASETS.items()
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
    """The directive `{table-of}` with settings, papers, systems or datasets, made at the build."""

    required_arguments = 1
    tables: ClassVar[dict[str, Callable[[Container[str]], str]]] = {
        "settings": lambda pages: settings_table(catalogue.papers(), pages),
        "papers": lambda pages: papers_table(catalogue.papers(), pages),
        "systems": lambda pages: systems_table(catalogue.papers(), pages),
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


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.add_directive("table-of", TableOf)
