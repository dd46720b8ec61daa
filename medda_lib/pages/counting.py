"""Counts on pages, checked against the ledgers while the book is built.

Prose prints a count with the role `{count}`, as in {count}`systems.done`, and gets the number of today
(names: `medda_lib.papers.counts`). What a frozen notebook printed is compared: any element of a page
with `data-count="<name>"` has to hold that number, and any cell with
`data-judged="<paper>/<claim>/<ledger>"` the verdict that the ledger gives now. A difference is a
warning, and so an error of the build.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from medda_lib.papers.counts import Standing, standing
from medda_lib.papers.inventory import verdicts_of

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LOGGER = logging.getLogger(__name__)
COUNTED = re.compile(r"""data-count="([^"]+)"[^>]*>([^<]*)<""")
JUDGED = re.compile(r"""data-judged="([^"/]+)/([^"/]+)/([^"/]+)"[^>]*>([^<]*)<""")


def results(app: Sphinx) -> Path:
    """The committed results of the book that is built."""
    return Path(app.srcdir) / "book" / "results"


def differences(body: str, known: Standing) -> Iterator[str]:
    """What a page's HTML prints differently from the ledgers, each in a sentence."""
    for name, printed in COUNTED.findall(body):
        now = known.counts.get(unescape(name))
        if now is None:
            yield f"nothing is counted by the name {name!r} (see medda_lib.papers.counts)"
        elif printed.strip() != str(now):
            yield f"{name} is printed as {printed.strip()!r}, the ledgers say {now}"
    for paper, claim, ledger, printed in JUDGED.findall(body):
        now_said = _verdict(known.folder, paper, claim, ledger)
        if printed.partition(" ")[2].strip() != now_said:
            yield f"{paper} {claim} is printed as {printed!r}, {ledger} says {now_said}"


def _verdict(folder: Path, paper: str, claim: str, ledger: str) -> str:
    try:
        verdicts = verdicts_of(paper, ledger, folder)
    except FileNotFoundError:
        return "nothing: it is not committed"
    return verdicts[claim].verdict if claim in verdicts else "nothing about it"


def check(
    app: Sphinx, pagename: str, _template: str, context: dict[str, Any], _doctree: object
) -> None:
    """Warn of every count and verdict on a page that the ledgers do not bear out."""
    body = context.get("body", "")
    if "data-count=" not in body and "data-judged=" not in body:
        return
    frozen = str(app.env.doc2path(pagename)).endswith(".ipynb")
    again = f"; run it again: medda freeze {Path(pagename).name}" if frozen else ""
    for words in differences(body, standing(results(app))):
        LOGGER.warning("%s%s", words, again, location=pagename)


class Count(SphinxRole):
    """The role `{count}`: the number of today under a name."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Put the number into the text; an unknown name is an error."""
        found = standing(results(self.env.app)).counts
        if self.text not in found:
            words = f"count: nothing is counted by the name {self.text!r}"
            return [], [self.inliner.reporter.error(words, line=self.lineno)]
        return [nodes.inline(self.rawtext, str(found[self.text]), classes=["count"])], []


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.add_role("count", Count())
    app.connect("html-page-context", check)
