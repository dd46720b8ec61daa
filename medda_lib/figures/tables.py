"""Tables as HTML that read in light and dark mode and stay small.

A pandas Styler gives every cell an id and a rule of its own, which at 1,000 cells makes a notebook
heavy, and a new random id at each run. Here a cell has a one-letter class, colours are see-through
tints over whatever the page's background is, and text keeps the page's colour. The class `dataframe`
tells the book's theme that the table looks after dark mode itself.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

_CSS = (
    ".medda-t{overflow-x:auto;max-width:100%}"
    ".medda-t table{border-collapse:collapse;font-size:.82em;color:inherit;"
    "background:transparent;font-variant-numeric:tabular-nums}"
    ".medda-t caption{caption-side:top;text-align:left;padding:.3em 0;color:inherit}"
    ".medda-t td,.medda-t th{padding:.15em .45em;text-align:right;color:inherit;white-space:nowrap;"
    "border:0;border-bottom:1px solid rgba(128,128,128,.3);background:transparent}"
    ".medda-t th.h,.medda-t td.h,.medda-t td.t{text-align:left}"
    # Texts break before the last column, often the one that matters, leaves the page.
    ".medda-t td.t,.medda-t td.h,.medda-t thead th{white-space:normal}"
    ".medda-t td.t{min-width:11em}.medda-t td.m{text-align:left}"
    ".medda-t td.w{text-align:left;white-space:normal;min-width:7em}"
    ".medda-t tbody th.s{padding-top:.7em;font-weight:600}"
    ".medda-t .x{font-style:italic;opacity:.75}"
    ".medda-t td.r,.medda-t th.r{border-left:1px solid rgba(128,128,128,.5)}"
    ".medda-t td.p1{background:rgba(0,114,178,.16)}.medda-t td.p2{background:rgba(0,114,178,.32)}"
    ".medda-t td.p3{background:rgba(0,114,178,.5)}.medda-t td.n1{background:rgba(213,94,0,.16)}"
    ".medda-t td.n2{background:rgba(213,94,0,.32)}.medda-t td.n3{background:rgba(213,94,0,.5)}"
    "details.medda-d{border-bottom:1px solid rgba(128,128,128,.3);padding:.2em 0;color:inherit}"
    "details.medda-d>summary{cursor:pointer;padding:.2em 0}"
    "details.medda-d>summary>span{opacity:.8;font-size:.9em}"
)
_STYLE = f"<style>{_CSS}</style>"


@dataclass(frozen=True)
class Table:
    """An HTML table for display, and the frame of what it shows for computing with."""

    html: str
    frame: pd.DataFrame

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        # A notebook stores this beside the HTML: the first rows; the whole is in `frame`.
        return str(self.frame.to_string(max_rows=6, max_cols=6))


def cell(text: str, kind: str = "", tag: str = "td", **attributes: int | str) -> str:
    """One cell; `kind` is its CSS class."""
    extra = "".join(f' {name}="{html.escape(str(value))}"' for name, value in attributes.items())
    css = f' class="{kind}"' if kind else ""
    return f"<{tag}{css}{extra}>{html.escape(text)}</{tag}>"


def page(head: list[str], body: list[str], caption: str, frame: pd.DataFrame) -> Table:
    """A table of rendered rows (each the cells of one row) with its caption."""
    if not caption.strip():
        raise ValueError("caption: say in a sentence what the table shows")
    words = html.escape(caption)
    rows = "".join(f"<tr>{row}</tr>" for row in body)
    heading = "".join(f"<tr>{row}</tr>" for row in head)
    return Table(
        f'{_STYLE}<div class="medda-t" role="region" tabindex="0" '
        f'aria-label="{words}"><table class="dataframe"><caption>{words}</caption>'
        f"<thead>{heading}</thead><tbody>{rows}</tbody></table></div>",
        frame,
    )


def plain(
    frame: pd.DataFrame,
    caption: str,
    *,
    long: tuple[str, ...] = (),
    marks: Mapping[str, tuple[str, str]] | None = None,
    digits: int = 2,
) -> Table:
    """A table of a frame as it stands, the column names as headings, the index left out.

    Numbers stand at the right, texts at the left; the columns `long` may break their lines. `marks`
    gives for a text the words and the CSS class to show it with.
    """
    marks = marks or {}
    number = {str(name): pd.api.types.is_numeric_dtype(frame[name]) for name in frame.columns}
    kinds = {n: "w" if n in long else "" if right else "h" for n, right in number.items()}
    head = "".join(cell(n, "" if number[n] else "h", "th") for n in kinds)
    texts = frame.map(_text(digits)).itertuples(index=False, name=None)
    body = [
        "".join(_marked(text, kind, marks) for text, kind in zip(row, kinds.values(), strict=True))
        for row in texts
    ]
    return page([head], body, caption, frame)


def _marked(text: str, kind: str, marks: Mapping[str, tuple[str, str]]) -> str:
    if text not in marks:
        return cell(text, kind)
    words, css = marks[text]
    return cell(words, f"m {css}".strip())


def _text(digits: int) -> Callable[[object], str]:
    def shown(value: object) -> str:
        if pd.api.types.is_scalar(value) and pd.isna(value):
            return ""
        return f"{value:.{digits}f}" if isinstance(value, float) else str(value)

    return shown
