"""The glossary: its entries, what counts as a mention, and where a mention becomes a link."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from docutils import nodes
from docutils.core import publish_doctree

from medda_lib import _paths
from medda_lib.pages.glossary import Finder, Term, first_sentence, link_first_mentions
from medda_lib.pages.search import titles
from medda_lib.papers.catalogue import papers

TERMS = (
    Term("domain", (), "term-domain", "A place."),
    Term("domain shift", ("dataset shift",), "term-domain-shift", "A difference."),
    Term("AdaBN", (), "term-AdaBN", "New statistics."),
    Term("EWC", ("elastic weight consolidation",), "term-EWC", "Held near."),
    Term("sequential training", ("Sequential",), "term-sequential", "One after the other."),
    Term("study", ("studies",), "term-study", "Runs."),
    Term("t-SNE", (), "term-t-SNE", "A layout."),
    Term("Dice", (), "term-Dice", "Overlap."),
    Term("surface Dice", ("sDice",), "term-surface-Dice", "Surface."),
)


def entries() -> list[tuple[str, list[str], str]]:
    """(name, other names, explanation) of the book's glossary, read from its source."""
    text = (_paths.BOOK / "glossary.md").read_text("utf-8")
    found = []
    for block in re.findall(r"```\{glossary\}\n(.*?)```", text, re.DOTALL):
        for entry in block.strip().split("\n\n"):
            name, _, body = entry.partition("\n")
            others = [n for one in re.findall(r"\{also\}`([^`]*)`", body) for n in one.split(";")]
            found.append((name, [" ".join(n.split()) for n in others], " ".join(body.split())))
    return found


def test_the_glossary_has_the_right_size_and_each_entry_explains() -> None:
    found = entries()
    assert 50 <= len(found) <= 150
    for name, _, body in found:
        assert re.match(r"[A-Z0-9]", body), f"{name}: starts with {body[:20]!r}"
        tip = first_sentence(re.sub(r"\{also\}`[^`]*`", "", body))
        assert 10 < len(tip) <= 220, f"{name}: a tip of {len(tip)} characters"
        assert tip.rstrip().endswith("."), f"{name}: {tip!r}"


def test_no_name_stands_for_two_entries() -> None:
    names = Counter(n for name, others, _ in entries() for n in (name, *others))
    assert [name for name, count in names.items() if count > 1] == []
    Finder(Term(name, tuple(others), "x", "") for name, others, _ in entries())


def test_a_name_of_two_entries_is_an_error() -> None:
    with pytest.raises(ValueError, match="'domain' stands for 'domain' and for 'place'"):
        Finder([TERMS[0], Term("place", ("domain",), "term-place", "")])


def test_every_implemented_system_is_explained() -> None:
    names = {n for name, others, _ in entries() for n in (name, *others)}
    lower = {n.lower() for n in names}
    done = {s.name for paper in papers() for s in paper.systems if s.status == "done"}
    assert sorted(name for name in done if name.lower() not in lower) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A domain shift here.", ["domain shift"]),
        ("Domain\nshifts and domains", ["domain shift", "domain"]),
        ("Dataset shift is a name of it", ["domain shift"]),
        ("adabn, ADABN and AdaBN", ["AdaBN"]),
        ("cross-domain, domain-wise, subdomain", []),
        ("Sequential is a system, sequential is a word", ["sequential training"]),
        ("Sequential training of a network", ["sequential training"]),
        ("Studies of a study", ["study", "study"]),
        ("surface Dice, not Dice; sDice", ["surface Dice", "Dice", "surface Dice"]),
        ("t-SNE's map", ["t-SNE"]),
        ("dice are thrown", []),
        ("domain/shift and example.domain", []),
        ("the EWC, (EWC)", ["EWC", "EWC"]),
        ("Elastic weight consolidation", ["EWC"]),
    ],
)
def test_what_is_a_mention(text: str, expected: list[str]) -> None:
    found = list(Finder(TERMS).matches(text))
    assert [term.name for _, _, term in found] == expected
    assert all(0 <= start < end <= len(text) for start, end, _ in found)


PAGE = """
AdaBN and domains
=================

First a domain, then a *domain shift*; AdaBN_ is a link and ``EWC`` is code.

EWC again, a domain again, AdaBN in a sentence.

- Dice in a list.

.. _AdaBN: https://example.org

::

   sDice in code

.. figure:: x.png

   t-SNE in a caption.

+---------+
| study   |
+---------+

.. note:: A study in a note.
"""


def linked(tree: nodes.document) -> list[nodes.reference]:
    finder = Finder(TERMS)
    count = link_first_mentions(tree, finder, "../glossary.html")
    found = [r for r in tree.findall(nodes.reference) if "glossary-link" in r["classes"]]
    assert len(found) == count
    return found


def test_first_mentions_in_running_text_become_links() -> None:
    tree = publish_doctree(PAGE)
    before = tree.astext()
    links = linked(tree)
    texts = [link.astext() for link in links]
    assert texts == ["domain", "domain shift", "EWC", "AdaBN", "Dice", "study"]
    assert links[1]["refuri"] == "../glossary.html#term-domain-shift"
    assert links[1]["reftitle"] == "A difference."
    assert tree.astext() == before  # not a letter is lost
    for link in links:
        above: nodes.Element | None = link.parent
        while above is not None:
            assert not isinstance(above, nodes.title | nodes.literal_block | nodes.table)
            assert not isinstance(above, nodes.caption | nodes.reference)
            above = above.parent
    assert "study" in texts  # the one in the note, not the one in the table
    assert any(isinstance(link.parent.parent, nodes.note) for link in links)


def test_links_written_in_html_are_left_alone() -> None:
    tree = publish_doctree("A word.")
    pieces = [nodes.raw("", '<a href="x">', format="html"), nodes.Text("AdaBN")]
    pieces += [nodes.raw("", "</a>", format="html"), nodes.Text(" and EWC")]
    tree += nodes.paragraph("", "", *pieces)
    assert [link.astext() for link in linked(tree)] == ["EWC"]


def test_output_of_a_notebook_is_left_alone() -> None:
    tree = publish_doctree("A word.")
    output = nodes.container("", nodes.paragraph("", "AdaBN 0.75"), classes=["cell_output"])
    tree += output
    assert linked(tree) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two.", "One."),
        ("About 0.5 of it,\nor more. Then", "About 0.5 of it, or more."),
        ("Numbered (D1, ...) in a list. Next", "Numbered (D1, ...) in a list."),
        ("No stop", "No stop"),
    ],
)
def test_first_sentence(text: str, expected: str) -> None:
    assert first_sentence(text) == expected


def test_every_name_of_a_term_is_a_title_for_the_search() -> None:
    found = titles(TERMS)
    assert ("elastic weight consolidation", "term-EWC") in found
    assert ("EWC", "term-EWC") in found
    assert len(found) == sum(len(term.names) for term in TERMS)
