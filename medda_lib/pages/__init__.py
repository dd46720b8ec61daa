"""The Sphinx extension of the book: one module for each thing that is made while the book is built.

Each has a `setup` of its own. Nothing here is executed by a page or by a study. `build` starts it all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PARTS = (
    "counting",
    "facts",
    "folding",
    "front",
    "glossary",
    "maps",
    "moved_on",
    "offline",
    "paper_map",
    "reading_time",
    "scoreboard",
    "search",
    "sheets",
    "sources",
    "status",
)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register every part with Sphinx."""
    for part in PARTS:
        app.setup_extension(f"{__name__}.{part}")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": False}
