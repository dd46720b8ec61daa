"""Words of the glossary become links where a page first uses them, with their first sentence as a tip.

A term is found with its plural and with the other names that its entry lists by the role `{also}`. A
term or name without capitals is found in any case; one with capitals only as it is written, since
"Sequential" is a system and "sequential" a word. The first mention of each term on a page is linked, in
running text only: not in headings, code, links, tables, captions or mathematics, and not in the glossary
itself. It happens when pages are written, so notebooks and Markdown pages are the same to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx import addnodes
from sphinx.util.docutils import SphinxRole

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PAGE = "book/glossary"
NOT_INSIDE = (
    nodes.title,
    nodes.rubric,
    nodes.reference,
    nodes.literal,
    nodes.literal_block,
    nodes.table,
    nodes.caption,
    nodes.legend,
    nodes.term,
    nodes.footnote,
    nodes.citation,
    nodes.math,
    nodes.raw,
    nodes.comment,
    nodes.image,
    addnodes.pending_xref,
    addnodes.toctree,
    addnodes.only,
)
CODE = {"cell_output", "cell_input", "toctree-wrapper"}


@dataclass(frozen=True)
class Term:
    """An entry: its name, its other names, the anchor that it has on the page, its first sentence."""

    name: str
    others: tuple[str, ...]
    anchor: str
    tip: str

    @property
    def names(self) -> tuple[str, ...]:
        """All names, the entry's own first."""
        return (self.name, *self.others)


class also(nodes.Inline, nodes.TextElement):  # type: ignore[misc]  # noqa: N801
    """Other names of an entry."""


class Also(SphinxRole):
    """The role `{also}`: other names of an entry, separated by semicolons."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """The names in one small line behind the explanation."""
        names = [" ".join(one.split()) for one in self.text.split(";")]
        if "" in names:
            return [], [self.inliner.reporter.error("also: an empty name", line=self.lineno)]
        words = f"Also: {', '.join(names)}."
        return [nodes.inline(self.rawtext, words, classes=["also"], names_of_term=names)], []


def terms(glossary: nodes.document) -> list[Term]:
    """The entries of the glossary's page, in its order."""
    items = glossary.findall(nodes.definition_list_item)
    pairs = ((item.next_node(nodes.term), item.next_node(nodes.definition)) for item in items)
    return [_term(term, text) for term, text in pairs if term and term["ids"] and text]


def _term(term: nodes.term, definition: nodes.definition) -> Term:
    others = [n for one in definition.findall(nodes.inline) for n in one.get("names_of_term", ())]
    text = next((p.astext() for p in definition.findall(nodes.paragraph)), "")
    return Term(term.astext(), tuple(others), term["ids"][0], first_sentence(text))


def first_sentence(text: str) -> str:
    """Up to the first full stop that a capital or the end follows, on one line."""
    flat = " ".join(text.split())
    match = re.search(r"(?<=[^.].)\.(?=\s+[A-Z]|$)", flat)
    return flat[: match.end()] if match else flat


class Finder:
    """Finds terms in text; the longest name wins where several begin at one place."""

    def __init__(self, known: Iterable[Term]) -> None:
        self.known = tuple(known)
        self.by_name: dict[str, Term] = {}
        for term in self.known:
            for name in term.names:
                if self.by_name.setdefault(_key(name), term) is not term:
                    raise ValueError(
                        f"glossary: {name!r} stands for {self.by_name[_key(name)].name!r} "
                        f"and for {term.name!r}"
                    )
        names = sorted({n for t in self.by_name.values() for n in t.names}, key=len, reverse=True)
        inside = "|".join(f"(?:{_pattern(name)})" for name in names) or r"(?!)"
        self.pattern = re.compile(rf"(?<![\w\-/.])(?:{inside})(?![\w/]|-\w)")

    def matches(self, text: str) -> Iterator[tuple[int, int, Term]]:
        """(start, end, term) of every mention, from left to right."""
        for match in self.pattern.finditer(text):
            term = self._term(" ".join(match.group().split()))
            if term is not None:
                yield match.start(), match.end(), term

    def _term(self, found: str) -> Term | None:
        for name in (found, found.removesuffix("s"), found.removesuffix("es")):
            term = self.by_name.get(name) or self.by_name.get(name.lower())
            if term is not None:
                return term
        return None


def _key(name: str) -> str:
    return " ".join(name.split())


def _pattern(name: str) -> str:
    """A name with any white space in it, in any case where it has no capitals, and with a plural s."""
    flexible = r"\s+".join(re.escape(word) for word in name.split())
    plural = "" if name.endswith("s") else "(?:e?s)?"
    anyhow = name == name.lower()
    return f"(?i:{flexible}{plural})" if anyhow else f"{flexible}{plural}"


def link_first_mentions(body: nodes.Element, finder: Finder, page: str) -> int:
    """Link the first mention of each term in a page's tree; how many links were made.

    page: the address of the glossary as seen from the page.
    """
    done: set[str] = set()
    for text in [node for node in body.findall(nodes.Text) if _is_running(node)]:
        found = [(a, b, t) for a, b, t in finder.matches(str(text))]
        chosen = []
        for start, end, term in found:
            if term.name not in done:
                done.add(term.name)
                chosen.append((start, end, term))
        if chosen:
            text.parent.replace(text, list(_split(str(text), chosen, page)))
    return len(done)


def _split(text: str, chosen: list[tuple[int, int, Term]], page: str) -> Iterator[nodes.Node]:
    at = 0
    for start, end, term in chosen:
        if start > at:
            yield nodes.Text(text[at:start])
        link = nodes.reference(
            "", text[start:end], internal=True, refuri=f"{page}#{term.anchor}", reftitle=term.tip
        )
        link["classes"].append("glossary-link")
        yield link
        at = end
    if at < len(text):
        yield nodes.Text(text[at:])


def _is_running(node: nodes.Text) -> bool:
    """Whether a text stands in a paragraph and in nothing that must stay as it is."""
    in_paragraph = False
    above: nodes.Element | None = node.parent
    while above is not None:
        if isinstance(above, NOT_INSIDE) or CODE & set(above.get("classes", ())):
            return False
        in_paragraph = in_paragraph or isinstance(above, nodes.paragraph)
        above = above.parent
    return in_paragraph and not _in_raw_link(node)


def _in_raw_link(node: nodes.Text) -> bool:
    """Whether HTML before the text has opened a link that is still open: links do not nest."""
    before = node.parent.children[: node.parent.index(node)]
    tags = "".join(one.astext() for one in before if isinstance(one, nodes.raw)).lower()
    return tags.count("<a ") > tags.count("</a>")


def prepare(app: Sphinx) -> list[str]:
    """Read the entries once all pages are read; for the links, and for the search (`search`)."""
    known = terms(app.env.get_doctree(PAGE)) if PAGE in app.env.found_docs else []
    app.medda_glossary = Finder(known) if known else None  # type: ignore[attr-defined]
    return []


def link(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Link the terms of a page that is about to be written."""
    finder: Finder | None = getattr(app, "medda_glossary", None)
    wanted = str(app.env.metadata[page].get("glossary", "true")).lower() != "false"
    if finder is not None and wanted and page != PAGE:
        link_first_mentions(doctree, finder, app.builder.get_relative_uri(page, PAGE))


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.add_role("also", Also())
    app.connect("env-check-consistency", lambda app, _env: prepare(app) and None)
    app.connect("doctree-resolved", link)
