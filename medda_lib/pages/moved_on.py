"""A page that is older than the code or the numbers behind it says so under its title.

A page made from a frozen notebook compares the record in the notebook with the library and the results
beside it; where they have moved on since, a note says what changed and how to run the page again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LOGGER = logging.getLogger(__name__)


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


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.connect("doctree-read", note_what_moved_on)
