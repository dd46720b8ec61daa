"""A page for each submission: the points, why an exercise earned none, and the notebook.

The notebook is a stranger's and the page is opened in browsers of others, so nothing in it may act:
of the outputs only texts and pictures are kept, prose is cleaned of all HTML but formatting,
and the page forbids scripts and remote content altogether; formulas become MathML. It holds no
hidden check: grading files none of their texts.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bleach
import nbformat
from nbconvert import HTMLExporter
from nbconvert.filters import strip_ansi
from pygments.formatters import HtmlFormatter

from medda_lib.assignments import cells, submission
from medda_lib.assignments.cells import AssignmentError
from medda_lib.assignments.folder import Course
from medda_lib.assignments.formulas import Formulas
from medda_lib.assignments.gradebook import Mark, marks
from medda_lib.assignments.grading import FURTHER
from medda_lib.assignments.master import Master

TEXT = 20_000  # characters of one output
_PICTURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'"
# what Markdown makes; any other tag is shown as text
_TAGS = frozenset(
    "a blockquote br code del div em h1 h2 h3 h4 h5 h6 hr img li ol p pre span strong table tbody td th"
    " thead tr ul".split()
)
_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table.points { border-collapse: collapse; width: 100%; }
.points th, .points td { border-bottom: 1px solid #8886; padding: .4rem .6rem; text-align: left;
  vertical-align: top; }
.points th:nth-child(2), .points td.number { text-align: right; white-space: nowrap; }
.notebook { border-top: 2px solid #8886; margin-top: 2rem; }
.notebook pre { overflow-x: auto; padding: .6rem; background: #8881; border-radius: 4px; }
.notebook img { max-width: 100%; background: white; }
.notebook table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
.notebook th, .notebook td { border-bottom: 1px solid #8886; padding: .3rem .8rem;
  text-align: left; vertical-align: top; }
.notebook math[display="block"] { margin: 1rem 0; overflow-x: auto; }
.jp-InputPrompt, .jp-OutputPrompt, .prompt, .anchor-link { display: none; }
@media print { body { max-width: none; margin: 0; } }
"""
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
<p>{student}: <strong>{total}</strong>{remark}</p>
<table class="points">
<thead><tr><th>exercise</th><th>points</th><th>remark</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
<section class="notebook" aria-label="The notebook as it was handed in">
<h2>As handed in</h2>
{notebook}
</section>
</body>
</html>
"""


def write(course: Course, names: Sequence[str] = ()) -> list[Path]:
    """Write `feedback/<student>/<assignment>/<assignment>.html` for everything that is graded."""
    masters = {name: course.master(name) for name in course.chosen(names)}
    written = []
    for mark in marks(course, names):
        a = mark.assignment
        source = course.root / "submitted" / mark.student / a / f"{a}.ipynb"
        path = course.root / "feedback" / mark.student / a / f"{a}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(mark, masters[a], source), encoding="utf-8")
        written.append(path)
    return written


def page(mark: Mark, master: Master, source: Path) -> str:
    """The page of one submission."""
    total = "not graded" if mark.total is None else f"{mark.total:g} of {_sum(mark):g} points"
    possible = {**mark.possible, **mark.by_hand}
    numbers = cells.numbers(master.cell_names)
    order = sorted(possible, key=lambda name: numbers.get(name, len(numbers) + 1))
    rows = [_row(mark, name, cells.called(name, numbers), possible[name]) for name in order]
    late = (
        f". {mark.days_late} day(s) late: {mark.kept:.0%} of the points count"
        if mark.days_late
        else ""
    )
    remark = "" if not mark.result.remark else f". {_without_paths(mark.result.remark)}"
    return _PAGE.format(
        policy=_POLICY,
        title=_safe(master.title),
        style=_STYLE + _colours(),
        student=_safe(mark.student),
        total=total,
        remark=_safe(late + remark),
        rows="\n".join(rows),
        notebook=_rendered(source, master.title),
    )


def _sum(mark: Mark) -> float:
    return sum(mark.possible.values())


def _row(mark: Mark, name: str, called: str, possible: float) -> str:
    points = (mark.result.points or {}).get(name)
    number = "&ndash;" if points is None else f"{points:g}"
    if name in mark.by_hand:
        said = "answered in words: your lecturer reads it"
    elif name in mark.result.said:
        said = _said(mark.result.said[name])
    else:
        said = "all checks pass" if points else ""
    return (
        f"<tr><td>{_safe(called)}</td><td class='number'>{number} / {possible:g}</td>"
        f"<td>{_safe(said)}</td></tr>"
    )


def _said(message: str) -> str:
    """What a check said, and that it is the first one: a later one may complain as well."""
    if not message or message == cells.BLANK or message.startswith(FURTHER):
        return message
    return f"{cells.FIRST}: {message}"


def _without_paths(remark: str) -> str:
    """A remark for a student: without the lecturer's folders."""
    return re.sub(r"(?:/[^\s/:]+)*/(?=[^\s/:]+\.ipynb)", "", remark)


def _rendered(source: Path, title: str) -> str:
    """The notebook as harmless HTML, without the title; what cannot be read is not shown."""
    try:
        copy = _without_title(harmless(submission.load(source)), title)
        notebook, formulas = nbformat.from_dict(copy), Formulas()  # type: ignore[no-untyped-call]
        exporter = HTMLExporter(template_name="basic")  # type: ignore[no-untyped-call]
        exporter.register_filter("markdown2html", formulas.markdown)  # type: ignore[no-untyped-call]
        page = str(exporter.from_notebook_node(notebook)[0])
        protocols = ["http", "https", "data"]
        clean = str(bleach.clean(page, tags=_TAGS, attributes=_kept, protocols=protocols))
        return formulas.put_back(clean)
    except AssignmentError as error:
        return f"<p>{_safe(_without_paths(str(error)))}</p>"


def _without_title(copy: dict[str, Any], title: str) -> dict[str, Any]:
    """The page has the title above; once is enough."""
    first = copy["cells"][0] if copy["cells"] else {}
    head, _, rest = first.get("source", "").partition("\n")
    if first.get("cell_type") == "markdown" and head.strip() == f"# {title}":
        first["source"] = rest
    return copy


def _kept(tag: str, name: str, value: str) -> bool:
    """Whether an attribute stays: names, links, and pictures that are in the page itself."""
    if name in ("href", "src"):
        start = {"a": ("http:", "https:", "#"), "img": ("data:image/png", "data:image/jpeg")}
        return value.startswith(start.get(tag, ()))
    return name in ("class", "id", "alt")


def harmless(notebook: Any) -> dict[str, Any]:
    """A copy of a notebook with texts and pictures only: no HTML, no script, no attachment."""
    copies: list[dict[str, Any]] = []
    for cell in notebook.cells:
        kind = cell.get("cell_type") if isinstance(cell, dict) else None
        source = str(cell.get("source", "")) if isinstance(cell, dict) else ""
        if kind == "markdown":
            # as text: formatting is Markdown's own, and tags are shown instead of obeyed
            text = html.escape(source, quote=False).replace("&gt;", ">").replace("&amp;", "&")
            text = text.replace("![", "[")  # a picture of another site becomes a link to it
            copies.append({"cell_type": "markdown", "metadata": {}, "source": text})
        elif kind == "code":
            outputs = cell.get("outputs")
            kept = [_output(o) for o in (outputs if isinstance(outputs, list) else [])]
            copies.append(
                {
                    "cell_type": "code",
                    "metadata": {},
                    "execution_count": None,
                    "source": source,
                    "outputs": [output for output in kept if output],
                }
            )
    for number, copy in enumerate(copies):
        copy["id"] = f"cell-{number}"
    python = {"language_info": {"name": "python", "pygments_lexer": "ipython3"}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": python, "cells": copies}


def _output(output: Any) -> dict[str, Any] | None:
    """A text or a picture; None for any other output."""
    kind = output.get("output_type") if isinstance(output, dict) else None
    if kind == "stream":
        return _text(output.get("text"))
    if kind == "error":
        return _text(f"{output.get('ename')}: {output.get('evalue')}")
    data = output.get("data") if kind in ("display_data", "execute_result") else None
    if not isinstance(data, dict):
        return None
    for mime, start in _PICTURES.items():
        try:
            picture = base64.b64decode(str(data.get(mime, "")), validate=False)
        except (binascii.Error, ValueError):
            continue
        if picture.startswith(start):
            bundle = {mime: base64.b64encode(picture).decode()}
            return {"output_type": "display_data", "metadata": {}, "data": bundle}
    return _text(data.get("text/plain")) if "text/plain" in data else None


def _text(text: Any) -> dict[str, Any]:
    joined = "".join(map(str, text)) if isinstance(text, list) else str(text)
    plain = str(strip_ansi(joined))[:TEXT]  # type: ignore[no-untyped-call]
    return {"output_type": "stream", "name": "stdout", "text": plain}


def _safe(text: str) -> str:
    return html.escape(str(text))


def _colours() -> str:
    light = HtmlFormatter(style="default").get_style_defs(".highlight")
    dark = HtmlFormatter(style="monokai").get_style_defs(".highlight")
    scheme = "(prefers-color-scheme: dark)"
    return f"@media not {scheme} {{ {light} }} @media {scheme} {{ {dark} }}"
