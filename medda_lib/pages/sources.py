"""The library's source inside the built book: the links of `show` lead to a page, offline too.

A notebook links to a file of the checkout, which Jupyter opens. The built book holds no such files, so
each file that a page links to becomes a page, and the link leads to the very line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from medda_lib import _paths

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx

_LINK = re.compile(
    r'href="(?:\.\./)+(?P<path>medda_lib/[\w/]+\.py)"(?P<text>>.*?</a>)'
    r"(?P<lines>, lines (?P<first>\d+) to)?",
    re.DOTALL,
)


def page_of(path: str) -> str:
    """The docname of a source file's page: "medda_lib/cli.py" -> "source/medda_lib/cli"."""
    return f"source/{path.removesuffix('.py')}"


def relink(body: str, linked: set[str], uri: str) -> str:
    """The HTML of a page with its links to source files led to their pages.

    linked: receives the path of each file. uri: the way from the page to the book's top, "../../".
    """

    def lead(match: re.Match[str]) -> str:
        path, first = match["path"], match["first"]
        if not (_paths.CHECKOUT / path).is_file():
            return match.group()
        linked.add(path)
        line = f"#line-{first}" if first else ""
        return f'href="{uri}{page_of(path)}.html{line}"{match["text"]}{match["lines"] or ""}'

    return _LINK.sub(lead, body)


def listing(path: str) -> str:
    """A source file as HTML, each line an anchor: `line-1`, `line-2`, ..."""
    text = (_paths.CHECKOUT / path).read_text("utf-8")
    look = HtmlFormatter(linenos="inline", anchorlinenos=True, lineanchors="line", wrapcode=True)
    return f"<h1><code>{path}</code></h1>\n{highlight(text, PythonLexer(), look)}"


def _on_page(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    if doctree is not None and "body" in context:
        context["body"] = relink(context["body"], _linked(app), "../" * page.count("/"))


def _pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """After the written pages: one for each file that they linked to."""
    for path in sorted(_linked(app)):
        yield page_of(path), {"title": path, "body": listing(path)}, "page.html"


def _linked(app: Sphinx) -> set[str]:
    """The files linked to in this build."""
    linked: set[str] = app.builder.__dict__.setdefault("medda_linked_sources", set())
    return linked


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.connect("html-page-context", _on_page)
    app.connect("html-collect-pages", _pages)
