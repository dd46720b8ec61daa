"""Search that finds a method by its name, from files on the reader's own disk.

Sphinx's search works without a server except for one thing: the lines of text below each result are
fetched from the pages, which a browser forbids to pages opened from a disk. They are switched off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config


def without_summaries(_app: Sphinx, config: Config) -> None:
    """A result is a title and a link; nothing is fetched to show it."""
    config.html_show_search_summary = False


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.connect("config-inited", without_summaries)
