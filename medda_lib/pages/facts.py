"""The line under a title: how long it takes to read, how it was executed, where to get the notebook.

Reading time is counted while the book is built, from what a reader sees: prose at 200 words a minute,
15 seconds for a figure, a table or a widget, 10 for a displayed equation, 2 for a line of code that is
not folded. The rest comes from the notebook's own record. A page switches the line off with
``facts: false`` in its front matter; the first page has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util import logging

from medda_lib.pages import launch
from medda_lib.pages.executed import NOT_RECORDED, Executed, executed, in_words
from medda_lib.pages.moved_on import under_title

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LOGGER = logging.getLogger(__name__)
WORDS_A_MINUTE, FIGURE, EQUATION, LINE = 200, 15, 10, 2  # the last three in seconds
FOLDED = {"tag_hide-input", "tag_hide-cell", "tag_remove-input", "tag_remove-cell"}
SHOWN_AS_FIGURE = ("image/", "text/html", "application/vnd.jupyter.widget")


@dataclass
class Amount:
    """What a page gives to read."""

    words: int = 0
    figures: int = 0
    equations: int = 0
    lines: int = 0

    @property
    def minutes(self) -> int:
        """Minutes to read it, rounded; see the top of the module for the speeds."""
        seconds = FIGURE * self.figures + EQUATION * self.equations + LINE * self.lines
        return round(self.words / WORDS_A_MINUTE + seconds / 60)


class page_facts(nodes.General, nodes.Element):  # type: ignore[misc]  # noqa: N801 - as in docutils
    """The line, as HTML in the attribute `html`: no text node, so that no search finds it."""


def amount(node: nodes.Node) -> Amount:
    """Count what a part of a page gives to read."""
    found = Amount()
    _count(node, found)
    return found


def _count(node: nodes.Node, found: Amount) -> None:
    if isinstance(node, nodes.Text):
        found.words += len(node.astext().split())
    elif isinstance(node, nodes.image | nodes.table):
        found.figures += 1
    elif isinstance(node, nodes.math_block):
        found.equations += 1
    elif isinstance(node, nodes.math):
        found.words += 1
    elif isinstance(node, nodes.literal_block):
        found.lines += len(node.astext().splitlines())
    elif isinstance(node, nodes.Element) and not isinstance(node, nodes.raw | nodes.comment):
        for child in _shown(node):
            _count(child, found)
        found.figures += _one_figure(node)


def _shown(node: nodes.Element) -> list[nodes.Node]:
    """The children that a reader sees: of an output in several forms one, of a folded cell no code."""
    kind = node.get("nb_element")
    if kind == "cell_code" and FOLDED & set(node["classes"]):
        return [c for c in node.children if _kind(c) != "cell_code_source"]
    if kind == "mime_bundle":
        return [c for c in node.children if _mime(c) == "text/markdown"]
    if kind == "cell_code_output":
        return [c for c in node.children if not isinstance(c, nodes.literal_block)]  # printed lines
    return list(node.children)


def _one_figure(node: nodes.Element) -> int:
    """1 for an output that is shown as a picture, a table or a widget."""
    if node.get("nb_element") != "mime_bundle":
        return 0
    return int(any(_mime(child).startswith(SHOWN_AS_FIGURE) for child in node.children))


def _kind(node: nodes.Node) -> str:
    return str(node.get("nb_element", "")) if isinstance(node, nodes.Element) else ""


def _mime(node: nodes.Node) -> str:
    return str(node.get("mime_type", "")) if isinstance(node, nodes.Element) else ""


def html(page: str, reading: Amount, execution: Executed | None, repository: str | None) -> str:
    """The line of a page; "" where there is nothing to say.

    page: its name in the book. execution: None for a page without code.
    """
    facts = []
    if reading.minutes:
        facts.append(f'<li title="{_speeds(reading)}">Reading: about {reading.minutes} min</li>')
    if execution is not None:
        if execution.run:
            facts.append(f"<li>Running: about {_took(execution.run)}</li>")
        buttons = "".join(_button(link) for link in launch.links(page))
        facts.append(f'<li class="page-launch">{buttons}</li>')
        facts.append(f'<li class="page-executed">{_executed(execution, repository)}</li>')
    if not facts:
        return ""
    items = "".join(facts)
    return (
        f'<div class="page-facts" role="group" aria-label="About this page"><ul>{items}</ul></div>'
    )


def _speeds(reading: Amount) -> str:
    return (
        f"{reading.words} words, {reading.figures} figures and tables, {reading.equations} equations, "
        f"{reading.lines} lines of code"
    )


def _executed(execution: Executed, repository: str | None) -> str:
    """When, at which commit and profile, how fast and where a page was executed; how to do it again."""
    run = execution.run
    if run is None:
        return f"Executed {NOT_RECORDED}"
    code = escape(execution.code)
    if repository and run["commit"]:
        code = f'<a href="https://github.com/{repository}/commit/{run["commit"]}">{code}</a>'
    how = f"profile {escape(execution.profile)}, in {_took(run)} on {escape(execution.machine)}"
    again = f"again: <code>medda freeze {escape(execution.path.stem)}</code>"
    return f"Executed {escape(run['date'])} at commit {code}, {how}; {again}"


def _took(run: dict[str, Any]) -> str:
    return in_words(run["seconds"]).replace(" ", "\N{NO-BREAK SPACE}")


def _button(link: launch.Link) -> str:
    extra = " download" if link.download else ' rel="noopener"'
    return (
        f'<a class="page-launch-button" href="{escape(link.address)}" title="{escape(link.hint)}"'
        f"{extra}>{escape(link.text)}</a>"
    )


def add_facts(app: Sphinx, doctree: nodes.document) -> None:
    """Put the line under the title of a page."""
    page = app.env.docname
    wanted = str(app.env.metadata[page].get("facts", "true")).lower() != "false"
    if page == app.config.root_doc or not wanted:
        return
    execution = executed(Path(app.env.doc2path(page)))
    text = html(page, amount(doctree), execution, launch.repository())
    if text:
        under_title(doctree, page_facts("", html=text))


def _visit(translator: Any, node: page_facts) -> None:
    translator.body.append(node["html"])


def _nothing(_translator: Any, _node: page_facts) -> None:
    """An element without children ends where it starts."""


def _skip(_translator: Any, _node: page_facts) -> None:
    raise nodes.SkipNode  # the line is made of links and buttons: for screens


def setup(app: Sphinx) -> None:
    """Register with Sphinx; after the note on what moved on, so that the line comes above it."""
    skipped = (_skip, None)
    app.add_node(page_facts, html=(_visit, _nothing), latex=skipped, text=skipped, man=skipped)
    app.connect("doctree-read", add_facts, priority=600)
    app.add_css_file("medda/facts.css")
