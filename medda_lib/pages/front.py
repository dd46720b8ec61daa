"""The picture on the first page: one head on two scanners, what helps, and what became of the claims.

The heads are files (`front_heads`); all numbers beside them are read from the committed ledgers while
the book is built. Bars are HTML that takes the page's own colours and carries its numbers as text, so
that the picture reads in light, in dark, on paper and to a screen reader.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from medda_lib.pages.counting import results
from medda_lib.pages.front_heads import (
    ADAPTED,
    BOUND,
    FACTS,
    LEDGER,
    METRIC,
    PICTURES,
    PLAIN,
    VIEWS,
    load,
    scanner,
)
from medda_lib.pages.paper_map import Address, addresses
from medda_lib.papers.catalogue import papers
from medda_lib.papers.counts import standing
from medda_lib.papers.inventory import found_on

if TYPE_CHECKING:
    from sphinx.application import Sphinx

SYSTEMS = {
    BOUND: "trained there",
    PLAIN: "trained elsewhere",
    "AIVA": "+ AIVA, no labels",
    ADAPTED: "+ AdaBN, no labels",
}
"""The bars, from above: system of AIVA's ledger and what it is in words."""
KINDS = ("supported", "undecided", "contradicted")
"""The verdicts in the order of a bar; one more, "reproduced", is counted with the first."""
NARROW = 0.05  # of the longest bar: a number would not fit; the label for screen readers has it
DATA = ("phantom", "real", "own")


def html(folder: Path, address: Address, images: str) -> str:
    """The whole picture. `folder`: committed results; `images`: where the pictures lie for the page."""
    return (
        f'<figure class="front">{_heads(images)}<div class="front-charts">'
        f"{_scores(folder)}{_verdicts(folder, address)}</div></figure>"
    )


def _heads(images: str) -> str:
    facts = load()
    here, there = scanner(facts["home"]), scanner(facts["away"])
    words = {
        "home": ("At home", f"A network that learned on {here} outlines the brain there."),
        "away": ("Away", f"The same head on {there}, the same network."),
        "adapted": ("Adapted", f"{ADAPTED} has seen bare images of {there}, not one label."),
    }
    tiles = "".join(
        f'<div><img class="dark-light" src="{images}/front-{name}.webp" width="360" height="360" '
        f'alt="{escape(_alt(*words[name], facts["scores"][name]))}">'
        f'<p><span class="front-score">{facts["scores"][name]:.2f}</span> '
        f"<b>{words[name][0]}.</b> {words[name][1]}</p></div>"
        for name in VIEWS
    )
    key = (
        '<span class="front-line truth"></span>&nbsp;truth <span class="front-line guess"></span>'
        "&nbsp;network; the number is surface Dice of this scan (at 1 mm on coarser voxels: to be "
        "redone). Nobody was scanned: it is a phantom."
    )
    return f'<div class="front-heads">{tiles}</div><figcaption>{key}</figcaption>'


def _alt(title: str, words: str, score: float) -> str:
    return (
        f"{title}. A slice of a phantom head with two outlines of the brain, the true one and the "
        f"network's. {words} Surface Dice {score:.2f}."
    )


def scores(folder: Path) -> pd.DataFrame:
    """Mean surface Dice over all pairs of scanners: systems in rows, repetitions in columns."""
    paper, profile, data = LEDGER
    rows = pd.read_csv(folder / paper / f"{profile}-{data}.csv", keep_default_na=False)
    chosen = rows[(rows["metric"] == METRIC) & rows["system"].isin(list(SYSTEMS))]
    return chosen.pivot_table(index="system", columns="seed", values="value").loc[list(SYSTEMS)]


def _scores(folder: Path) -> str:
    found = scores(folder)
    rows = "".join(
        _score(words, found.loc[name].tolist(), {BOUND: "home", PLAIN: "away"}.get(name, "adapted"))
        for name, words in SYSTEMS.items()
    )
    return (
        '<div><p class="front-title">Six scanners, every pair of them</p>'
        f'<table class="front-bars"><caption>Mean surface Dice, phantom heads; ticks are the '
        f"{len(found.columns)} repetitions</caption><tbody>{rows}</tbody></table></div>"
    )


def _score(words: str, values: list[float], kind: str) -> str:
    mean = sum(values) / len(values)
    ticks = "".join(f'<i style="left:{100 * v:.1f}%"></i>' for v in values)
    return (
        f'<tr><th scope="row">{escape(words)}</th><td><span class="front-bar {kind}">'
        f'<span style="width:{100 * mean:.1f}%"></span>{ticks}</span></td>'
        f'<td class="front-number">{mean:.2f}</td></tr>'
    )


def verdicts(counts: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Paper -> verdict -> how many, over all kinds of data; papers with a verdict only."""
    found = {}
    for paper in papers():
        said = {kind: _said(counts, paper.key, kind) for kind in KINDS}
        said["supported"] += _said(counts, paper.key, "reproduced")
        if any(said.values()):
            found[paper.key] = said
    return found


def _said(counts: Mapping[str, int], paper: str, verdict: str) -> int:
    return sum(counts.get(f"verdicts.{paper}.{data}.{verdict}", 0) for data in DATA)


def _verdicts(folder: Path, address: Address) -> str:
    known = standing(folder)
    counts, found = known.counts, verdicts(known.counts)
    most = max((sum(said.values()) for said in found.values()), default=1)
    heads = headlines(known.claims)
    rows = "".join(_verdict(key, said, heads[key], most, address) for key, said in found.items())
    total = sum(sum(said.values()) for said in found.values())
    legend = " ".join(f'<span class="front-key {kind}">{kind}</span>' for kind in KINDS)
    return (
        f'<div><p class="front-title">{total} verdicts on {counts["claims"]} claims</p>'
        '<table class="front-bars"><caption>Under each paper its headline claims; the bar has all '
        f"claims, one verdict for each kind of data: {legend}</caption>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def headlines(claims: pd.DataFrame) -> dict[str, str]:
    """Paper -> what was found of its headline claims, by kind of data, in words."""
    found = {}
    for paper, mine in claims.groupby("paper", sort=False):
        told = found_on(mine[mine["headline"]])
        words = "; ".join(f"{words} on {kind}" for kind, words in told.items())
        found[str(paper)] = f"headline: {words}" if words else "headline not tested"
    return found


def _verdict(key: str, said: Mapping[str, int], headline: str, most: int, address: Address) -> str:
    parts = "".join(
        f'<span class="{kind}" style="width:{100 * count / most:.1f}%">'
        f"{count if count > NARROW * most else ''}</span>"
        for kind, count in said.items()
        if count
    )
    paper = next(one for one in papers() if one.key == key)
    to, name = address(paper.chapter), escape(paper.short)
    linked = f'<a href="{escape(to)}">{name}</a>' if to else name
    words = ", ".join(f"{count} {kind}" for kind, count in said.items())
    return (
        f'<tr><th scope="row">{linked}<small>{escape(headline)}</small></th>'
        '<td colspan="2"><span class="front-bar stacked" role="img" '
        f'aria-label="{words}">{parts}</span></td></tr>'
    )


class front_picture(nodes.General, nodes.Element):  # type: ignore[misc]  # noqa: N801
    """Where the picture stands; its HTML is made when the page is written."""


class FrontPicture(SphinxDirective):
    """The directive `{front-picture}`."""

    def run(self) -> list[nodes.Node]:
        """A node that becomes the picture."""
        self.env.note_dependency(str(PICTURES / FACTS))
        return [front_picture()]


def _visit(self: Any, _node: nodes.Element) -> None:
    app = self.builder.app
    address = addresses(app, self.builder.current_docname)
    self.body.append(html(results(app), address, self.builder.imgpath))
    raise nodes.SkipNode


def _skip(_self: Any, _node: nodes.Element) -> None:
    raise nodes.SkipNode


def copy_pictures(app: Sphinx, error: Exception | None) -> None:
    """Put the heads beside the other pictures of the built book."""
    if error is None and app.builder.format == "html":
        folder = Path(app.outdir) / "_images"
        folder.mkdir(exist_ok=True)
        for name in VIEWS:
            shutil.copy(PICTURES / f"front-{name}.webp", folder)


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.add_node(front_picture, html=(_visit, None), latex=(_skip, None), text=(_skip, None))
    app.add_directive("front-picture", FrontPicture)
    app.connect("build-finished", copy_pictures)
