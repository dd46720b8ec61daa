"""The map of the papers: what a method may see of the new place, against what shifts.

Columns are bands of settings, from nothing of the target to its labels; rows are the kinds of shift of
`catalogue.SHIFTS`. A paper is a chip in each cell that it belongs to, with five marks for what its
setting shows: labels and images of the source, images and labels of the target, a stream. Chips of
papers with a chapter are links. On a narrow screen each row becomes a block of its own; nothing scrolls
sideways and nothing depends on the pointer. The map is made from the `paper.toml` files while the book
is built.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from medda_lib.papers import catalogue
from medda_lib.studies.setting import SETTINGS, Role, Setting

if TYPE_CHECKING:
    from sphinx.application import Sphinx

STYLE = "medda/entrance.css"


@dataclass(frozen=True)
class Band:
    """A column of the map: settings that give a method the same kind of news of the target."""

    title: str
    settings: tuple[str, ...]


BANDS = (
    Band("nothing of the target", ("domain generalisation", "test-time")),
    Band("bare target images", ("unsupervised adaptation", "source-free")),
    Band("a few target labels", ("supervised adaptation", "few-shot", "self-supervised")),
    Band("a stream", ("continual",)),
    Band("one place, scarce labels", ("semi-supervised", "noisy labels")),
)

QUESTIONS: tuple[tuple[str, Callable[[Setting], bool]], ...] = (
    ("source labels", lambda s: Role.LABELLED_SOURCE in s.truth),
    ("source images", lambda s: bool({Role.LABELLED_SOURCE, Role.UNLABELLED_SOURCE} & _seen(s))),
    ("target images", lambda s: bool({Role.LABELLED_TARGET, Role.UNLABELLED_TARGET} & _seen(s))),
    ("target labels", lambda s: Role.LABELLED_TARGET in s.truth),
    ("a stream", lambda s: Role.STAGE in _seen(s)),
)
"""What the five marks of a setting answer, in their order."""

Address = Callable[[str], str | None]
"""The address of a page of the book as seen from this one; None where the book lacks it."""


def _seen(setting: Setting) -> frozenset[Role]:
    return setting.truth | setting.images


def answers(name: str) -> tuple[bool, ...]:
    """The answers of a setting to `QUESTIONS`; KeyError for an unknown setting."""
    setting = {one.name: one for one in SETTINGS}[name]
    return tuple(asked(setting) for _, asked in QUESTIONS)


def html(papers: Iterable[catalogue.Paper], address: Address) -> str:
    """The whole map as HTML: a table whose cells hold the chips, and what its marks mean."""
    papers = list(papers)
    used = {shift for paper in papers for shift in paper.shifts}
    rows = "".join(
        _row(shift, what, papers, address)
        for shift, what in catalogue.SHIFTS.items()
        if shift in used
    )
    return f'<div class="paper-map">{_legend()}<table>{_head()}<tbody>{rows}</tbody></table></div>'


def _head() -> str:
    cells = "".join(
        f'<th scope="col"><span class="band">{escape(band.title)}</span>'
        + "".join(
            f'<span class="setting">{_marks(name)} {escape(name)}</span>' for name in band.settings
        )
        + "</th>"
        for band in BANDS
    )
    corner = (
        '<td class="corner"><span>what a method may see&nbsp;&rarr;</span> '
        "<span>what shifts&nbsp;&darr;</span></td>"
    )
    return f"<thead><tr>{corner}{cells}</tr></thead>"


def _row(shift: str, what: str, papers: list[catalogue.Paper], address: Address) -> str:
    head = (
        f'<th scope="row"><span class="shift">{escape(shift)}</span> '
        f'<span class="what">{escape(what)}</span></th>'
    )
    return f"<tr>{head}{''.join(_cell(band, shift, papers, address) for band in BANDS)}</tr>"


def _cell(band: Band, shift: str, papers: list[catalogue.Paper], address: Address) -> str:
    chips = "".join(
        _chip(paper, name, address)
        for paper in papers
        for name in band.settings
        if shift in paper.shifts and name in paper.settings
    )
    if not chips:
        return '<td class="empty"></td>'
    return f'<td><span class="band-name">{escape(band.title)}</span><ul>{chips}</ul></td>'


def _chip(paper: catalogue.Paper, setting: str, address: Address) -> str:
    to = address(paper.chapter) if paper.chapter else None
    inside = f"<span>{escape(paper.short)}</span> {_marks(setting)}"
    about = escape(f"{setting}. {paper.one_line}", quote=True)
    if to is None:
        return (
            f'<li><span class="chip waiting" title="{about}">{inside}'
            '<span class="visually-hidden"> (not yet)</span></span></li>'
        )
    return f'<li><a class="chip" href="{escape(to, quote=True)}" title="{about}">{inside}</a></li>'


def _marks(setting: str) -> str:
    """Five small squares, filled where the answer is yes; in words for those who do not see them."""
    yes = [name for (name, _), is_so in zip(QUESTIONS, answers(setting), strict=True) if is_so]
    pips = "".join(f'<i class="{"yes" if is_so else "no"}"></i>' for is_so in answers(setting))
    words = f"sees {', '.join(yes)}" if yes else "sees nothing"
    return f'<span class="marks" role="img" aria-label="{words}">{pips}</span>'


def _legend() -> str:
    places = len(QUESTIONS)
    items = "".join(
        '<span><span class="marks" aria-hidden="true">'
        + "".join(f'<i class="{"yes" if i == at else "no"}"></i>' for i in range(places))
        + f"</span> {escape(name)}</span>"
        for at, (name, _) in enumerate(QUESTIONS)
    )
    kinds = (
        '<span class="chip example">has its chapter</span> '
        '<span class="chip waiting example">not yet</span>'
    )
    return f'<p class="legend">A method may see: {items} {kinds}</p>'


class paper_map(nodes.General, nodes.Element):  # type: ignore[misc]  # noqa: N801
    """Where the map stands; its HTML is made when a page is written."""


class PaperMap(SphinxDirective):
    """The directive `{paper-map}`: all papers of the book."""

    def run(self) -> list[nodes.Node]:
        """A node that becomes the map."""
        return [paper_map()]


def addresses(app: Sphinx, page: str) -> Address:
    """How `page` refers to the other pages of the book that is being built."""

    def address(to: str) -> str | None:
        return app.builder.get_relative_uri(page, to) if to in app.env.found_docs else None

    return address


def _visit(self: Any, _node: nodes.Element) -> None:
    app = self.builder.app
    self.body.append(html(catalogue.papers(), addresses(app, self.builder.current_docname)))
    raise nodes.SkipNode


def _visit_text(self: Any, _node: nodes.Element) -> None:
    names: Iterator[str] = (paper.short for paper in catalogue.papers())
    self.add_text(", ".join(names))
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.add_node(paper_map, html=(_visit, None), text=(_visit_text, None))
    app.add_directive("paper-map", PaperMap)
    app.add_css_file(STYLE)
