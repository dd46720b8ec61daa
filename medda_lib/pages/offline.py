"""Assets that the theme would fetch from elsewhere are switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def without_thebe(app: Sphinx, *_config: object) -> None:
    """Jupyter Book always loads Thebe, which names a CDN in every page; unhook it."""
    for listeners in app.events.listeners.values():
        listeners[:] = [
            one for one in listeners if not one.handler.__module__.startswith("sphinx_thebe")
        ]


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.connect("config-inited", without_thebe)
