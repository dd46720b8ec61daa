"""A page that is older than the code or the numbers behind it says so under its title.

A page made from a frozen notebook compares the record in the notebook with the library and the results
beside it; where they have moved on since, a note says what changed and how to run the page again.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.util import logging

from medda_lib.pages.executed import executed

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LOGGER = logging.getLogger(__name__)
STANDS = (
    "The committed results in its tables still stand: fingerprints check at every change that the code "
    "does what it did. Listings and live trainings may be older than the code."
)


def note_what_moved_on(app: Sphinx, doctree: nodes.document) -> None:
    """Put a note under the title of a page whose notebook is older than the code or the numbers."""
    path = Path(app.env.doc2path(app.env.docname))
    page = executed(path)
    if page is None:
        return
    if not path.with_suffix(".py").is_file():
        LOGGER.warning("%s has no source %s.py beside it", path.name, path.stem)
        return
    if not page.reasons:
        return
    note = nodes.note("", classes=["moved-on"])
    note += nodes.paragraph("", f"This page was run before {page.why} changed.")
    if page.reasons == ("the library",) and path.parent.name == "chapters":
        note += nodes.paragraph("", STANDS)
    command = nodes.paragraph("", "To run it again: ")
    command += nodes.literal("", f"medda freeze {path.stem}")
    note += command
    under_title(doctree, note)


def under_title(doctree: nodes.document, node: nodes.Node) -> None:
    """Insert a node right after the page's title; a page without a title stays as it is."""
    title = next(iter(doctree.findall(nodes.title)), None)
    if title is not None and title.parent is not None:
        title.parent.insert(title.parent.index(title) + 1, node)


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.connect("doctree-read", note_what_moved_on)
