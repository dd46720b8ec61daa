"""Formulas of a notebook's prose as MathML, which browsers show without a script.

The TeX is a stranger's. While Markdown is rendered each formula becomes an empty element with a
number; the page is cleaned with these in it, and only then are they exchanged. The MathML that goes
in is written anew from a short list of elements and attributes, with every text escaped, so that it
says no more than a formula can.
"""

from __future__ import annotations

import html
import re
import secrets
from typing import Any
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert_to_element
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

LONGEST = 2000  # characters of one formula
MOST = 2000  # formulas of one notebook
DEPTH = 60  # of nested elements
_TAGS = frozenset(
    "math mrow mi mn mo mtext mspace msub msup msubsup munder mover munderover mfrac msqrt mroot"
    " mtable mtr mtd mstyle mpadded mphantom".split()
)
_ATTRIBUTES = frozenset(
    "display displaystyle scriptlevel mathvariant stretchy fence separator form largeop symmetric"
    " movablelimits accent accentunder linethickness minsize maxsize lspace rspace width height"
    " depth columnalign rowspacing columnspacing".split()
)
_MISSING = {r"\arg": "arg"}  # functions of LaTeX that the parser passes on as they are
_ALPHABET = re.compile(r"(\\math(?:cal|bb|bf|frak|scr|sf))\s+([A-Za-z])")
_VALUE = re.compile(r"[\w.%+\- ]{1,40}", re.ASCII)


class Formulas:
    """The formulas of one notebook: kept aside while its prose is rendered, then put back."""

    def __init__(self) -> None:
        self._mark = f"formula-{secrets.token_hex(8)}"  # nothing in the notebook can guess it
        self._made: list[str] = []

    def keep(self, shown: str, tex: str, display: bool) -> str:
        """The element that stands for a formula.

        Args:
            shown: its source with delimiters, for one that cannot be read.
            tex: its source, in which HTML may be escaped.
            display: whether it has a line of its own.
        """
        if len(self._made) >= MOST:
            return html.escape(html.unescape(shown))
        self._made.append(mathml(html.unescape(tex), display) or html.escape(html.unescape(shown)))
        return f'<span class="{self._mark}-{len(self._made) - 1}"></span>'

    def put_back(self, page: str) -> str:
        """The cleaned page with its formulas; in an attribute no such element can stand."""
        pattern = rf'<span class="{self._mark}-(\d+)"></span>'
        return re.sub(pattern, lambda match: self._made[int(match[1])], page)

    def markdown(self, source: str) -> str:
        """Markdown as HTML, as nbconvert makes it, with elements in place of formulas."""
        renderer = _Renderer(self)
        return MarkdownWithMath(renderer=renderer).render(source)


class _Renderer(IPythonRenderer):
    """nbconvert's renderer, which leaves formulas to `Formulas`."""

    def __init__(self, formulas: Formulas) -> None:
        super().__init__(escape=False, exclude_anchor_links=True)
        self._formulas = formulas

    def inline_math(self, body: str) -> str:
        return self._formulas.keep(f"${body}$", body, display=False)

    def block_math(self, body: str) -> str:
        return self._formulas.keep(f"$${body}$$", body, display=True)

    def latex_environment(self, name: str, body: str) -> str:
        whole = f"\\begin{{{name}}}{body}\\end{{{name}}}"
        return self._formulas.keep(whole, whole, display=True)


def mathml(tex: str, display: bool) -> str:
    """A formula as MathML; empty if it is no TeX that can be shown whole."""
    if len(tex) > LONGEST or not tex.strip() or not _is_balanced(tex):
        return ""
    try:
        # The parser knows the letters of other alphabets only when they stand in braces.
        tex = _ALPHABET.sub(r"\1{\2}", tex)
        made = convert_to_element(tex, display="block" if display else "inline")
        return _written(made)
    except Exception:  # noqa: BLE001 - a stranger's formula may break the parser in any way
        return ""


def _is_balanced(tex: str) -> bool:
    """Whether braces match; the parser would drop what follows one that is left open."""
    depth = 0
    for brace in re.findall(r"[{}]", re.sub(r"\\.", "", tex, flags=re.DOTALL)):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def _written(element: Element, depth: int = 0) -> str:
    """An element from nothing but known names and escaped texts; ValueError for any other."""
    text = html.unescape(element.text or "")
    text = _MISSING.get(text, text)
    if element.tag not in _TAGS or depth > DEPTH:
        raise ValueError(f"<{element.tag}> is not shown")
    if element.tag != "mtext" and re.search(r"\\[A-Za-z]", text):
        raise ValueError(f"unknown command {text}")
    kept = _attributes(element.attrib)
    inner = html.escape(text) + "".join(_written(child, depth + 1) for child in element)
    return f"<{element.tag}{kept}>{inner}</{element.tag}>"


def _attributes(found: dict[str, Any]) -> str:
    kept = {k: str(v) for k, v in found.items() if k in _ATTRIBUTES and _VALUE.fullmatch(str(v))}
    return "".join(f' {name}="{value}"' for name, value in kept.items())
