"""Search that finds a method by its name, from files on the reader's own disk.

Sphinx's search works without a server except for one thing: the lines of text below each result are
fetched from the pages, which a browser forbids to pages opened from a disk. They are switched off.

Sphinx puts the glossary's terms into its index as nameless entries that all read "Glossary" and stand
before everything else. Here each name of a term, its other names too, becomes a title within the
glossary's page: a result reads "Glossary > AdaBN", leads to the entry, and a chapter whose own title
holds the name comes first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from medda_lib.pages.glossary import PAGE, Finder, Term

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config


def without_summaries(_app: Sphinx, config: Config) -> None:
    """A result is a title and a link; nothing is fetched to show it."""
    config.html_show_search_summary = False


def titles(known: Iterable[Term]) -> list[tuple[str, str]]:
    """(name, anchor) of every name of every term."""
    return [(name, term.anchor) for term in known for name in term.names]


def name_the_terms(app: Sphinx) -> list[Any]:
    """Turn the glossary's index entries into titles, when all pages are written."""
    indexer = getattr(app.builder, "indexer", None)
    glossary: Finder | None = getattr(app, "medda_glossary", None)
    if indexer is not None and glossary is not None:
        # No public way leads to the index of a page; the small book of the tests watches these names.
        indexer._index_entries[PAGE] = []  # noqa: SLF001
        indexer._all_titles[PAGE] += titles(glossary.known)  # noqa: SLF001
    return []


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.connect("config-inited", without_summaries)
    app.connect("html-collect-pages", name_the_terms)
