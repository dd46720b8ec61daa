"""How long pages take to read, summed where a learning path names them.

The role `{minutes}` holds names of pages ("book/chapters/fda, book/guide/reading") and becomes their
time together, as the line under each page's title counts it (see `facts`). The role `{page}` links a
page by its name. Both are resolved once all pages are read; a page that the book does not have keeps
its words without a link and adds no time.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.util.docutils import SphinxRole

from medda_lib.pages.facts import amount

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment


class reading_minutes(nodes.Inline, nodes.Element):  # type: ignore[misc]  # noqa: N801
    """Pages whose reading times are summed, in the attribute `pages`."""


class page_link(nodes.Inline, nodes.TextElement):  # type: ignore[misc]  # noqa: N801
    """A page of the book, in the attribute `page`; its child is what to print."""


class Minutes(SphinxRole):
    """The role `{minutes}`: names of pages, separated by commas."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """A node that becomes the time."""
        names = [name.strip() for name in self.text.split(",")]
        return [reading_minutes(self.rawtext, pages=names)], []


class Page(SphinxRole):
    """The role `{page}`: ``words <name of a page>``."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """A node that becomes a link."""
        words, _, name = self.text.removesuffix(">").rpartition("<")
        if not words:
            error = self.inliner.reporter.error("page: need `words <name>`", line=self.lineno)
            return [], [error]
        return [page_link(self.rawtext, "", nodes.Text(words.strip()), page=name.strip())], []


def in_words(minutes: int) -> str:
    """Minutes as a reader says it: "25 min", "2 h", "2 h 10 min"; hours in steps of ten minutes."""
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(round(minutes / 10) * 10, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def total(minutes: list[int]) -> str:
    """The sum in words; a dash where there is nothing to add."""
    return in_words(sum(minutes)) if any(minutes) else "\N{EN DASH}"


def minutes_of(env: BuildEnvironment, page: str) -> int:
    """Minutes to read a page of the book; 0 for one that it does not have."""
    if page not in env.found_docs:
        return 0
    known: dict[str, int] = env.temp_data.setdefault("medda_minutes", {})
    if page not in known:
        known[page] = amount(env.get_doctree(page)).minutes
    return known[page]


def resolve(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Put the times and the links of a page into its tree."""
    find = partial(minutes_of, app.env)
    for time in list(doctree.findall(reading_minutes)):
        time.replace_self(nodes.Text(total([find(one) for one in time["pages"]])))
    for link in list(doctree.findall(page_link)):
        words = link.children[0]
        if link["page"] not in app.env.found_docs:
            link.replace_self(words)
            continue
        to = app.builder.get_relative_uri(page, link["page"])
        link.replace_self(nodes.reference("", "", words, internal=True, refuri=to))


def setup(app: Sphinx) -> None:
    """Register with Sphinx; before the glossary's links, which leave other links alone."""
    app.add_role("minutes", Minutes())
    app.add_role("page", Page())
    app.connect("doctree-resolved", resolve, priority=400)
