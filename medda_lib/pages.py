"""The Sphinx extension of the book: the map of papers, and pages that say when they are out of date.

The map on the first page is made from every `paper.toml` while the book is built, so it cannot fall
behind them. A page made from a frozen notebook compares the record in the notebook with the library
and the ledger beside it; where they have moved on since, a note under the title says what changed and
how to run the page again. Assets that the theme would fetch from elsewhere are switched off here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from medda_lib import _paths
from medda_lib.papers import catalogue
from medda_lib.studies.setting import SETTINGS, Role, Setting

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

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


def settings_table(papers: Iterable[catalogue.Paper]) -> str:
    """A Markdown table: one row per setting, what it shows to a method, and the papers in it."""
    papers = list(papers)
    head = ["setting", *(name for name, _ in COLUMNS), "papers"]
    rows = [
        [
            f"**{setting.name}**: {setting.description}",
            *(_mark(setting, role) for _, role in COLUMNS),
            ", ".join(_link(p) for p in papers if setting.name in p.settings) or NOTHING,
        ]
        for setting in SETTINGS
    ]
    return _markdown(head, rows, ":--" + " :-:" * len(COLUMNS) + " :--")


def papers_table(papers: Iterable[catalogue.Paper]) -> str:
    """A Markdown table of all papers: idea, world, and how many of their systems are implemented."""
    rows = [
        [
            _link(paper),
            paper.one_line,
            ", ".join(paper.worlds),
            f"{sum(s.status == 'done' for s in paper.systems)} of {len(paper.systems)}",
        ]
        for paper in papers
    ]
    return _markdown(["paper", "the idea", "world", "systems here"], rows, ":-- :-- :-- :--")


def _mark(setting: Setting, role: Role) -> str:
    return TRUTH if role in setting.truth else IMAGES if role in setting.images else NOTHING


def _link(paper: catalogue.Paper) -> str:
    """The chapter where there is one, else the publication, else the bare name."""
    if paper.chapter and (_paths.CHECKOUT / f"{paper.chapter}.ipynb").is_file():
        return f"[{paper.short}](/{paper.chapter}.ipynb)"
    return paper.short


def _markdown(head: list[str], rows: list[list[str]], align: str) -> str:
    lines = [head, align.split(), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", r"\|") for cell in r) + " |" for r in lines
    )


class PaperMap(SphinxDirective):
    """The directive `{papers} settings` or `{papers} list`."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {"class": directives.class_option}
    tables: ClassVar[dict[str, Any]] = {"settings": settings_table, "list": papers_table}

    def run(self) -> list[nodes.Node]:
        """Parse the generated Markdown in the page's own language."""
        kind = self.arguments[0]
        if kind not in self.tables:
            raise self.error(f"papers: {kind!r} is not one of {', '.join(self.tables)}")
        for path in catalogue.FOLDER.glob("*/paper.toml"):
            self.env.note_dependency(str(path))
        text = self.tables[kind](catalogue.papers())
        box = nodes.container(classes=["papers", *self.options.get("class", [])])
        self.state.nested_parse(StringList(text.splitlines(), "papers"), 0, box)
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


def notebooks_again(_app: Sphinx, env: BuildEnvironment, *_changes: set[str]) -> list[str]:
    """Read every notebook anew: whether it is out of date does not show in its own file."""
    return [name for name in env.found_docs if str(env.doc2path(name)).endswith(".ipynb")]


def without_thebe(app: Sphinx, *_config: object) -> None:
    """Jupyter Book always loads Thebe, which names a CDN in every page; unhook it."""
    for listeners in app.events.listeners.values():
        listeners[:] = [
            one for one in listeners if not one.handler.__module__.startswith("sphinx_thebe")
        ]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("papers", PaperMap)
    app.connect("config-inited", without_thebe)
    app.connect("doctree-read", note_what_moved_on)
    app.connect("env-get-outdated", notebooks_again)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
