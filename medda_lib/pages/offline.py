"""Assets that the theme would fetch from elsewhere, or that are not there, are switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def without_thebe(app: Sphinx, *_config: object) -> None:
    """Jupyter Book always loads Thebe, which names a CDN in every page; unhook it."""
    for listeners in app.events.listeners.values():
        listeners[:] = [
            one for one in listeners if not one.handler.__module__.startswith("sphinx_thebe")
        ]


def without_its_style(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    """Thebe's style sheet is asked for on every page, though unhooking Thebe left it out."""
    context["css_files"] = [one for one in context["css_files"] if "thebe" not in str(one.filename)]


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.connect("config-inited", without_thebe)
    app.connect("html-page-context", without_its_style)
