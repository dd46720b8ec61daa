"""A slider over pictures that were drawn beforehand, so that it works in a page without a kernel.

`interact` calls Python at each move, and a book has no Python. Here every position of the slider has
its picture already, as an HTML child of a `Stack` with an alt text of its own, and the browser alone
links the slider's index to the picture shown. What it costs is the size of the pictures, so they are
small and their total is limited.

There is no play button: the book's theme turns the icon inside that widget into a drawing, does not
leave the element which the widget then looks for, and the button dies when it is pressed.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

from ipywidgets import HTML, Layout, SelectionSlider, Stack, VBox, jslink
from matplotlib.figure import Figure

from medda_lib.figures.display import data_uri, pixels, require_alt, webp

TOTAL = 100_000
DPI, QUALITY = 80, 74


def picture(data: bytes, alt: str) -> HTML:
    """An encoded picture as a widget with its alt text."""
    return HTML(
        f'<img class="dark-light" style="max-width:100%;padding:0;border-radius:.5em" '
        f'alt="{html.escape(require_alt(alt))}" src="{data_uri("image/webp", data)}">'
    )


def frames(
    draw: Callable[[int], tuple[Figure, str]],
    labels: Sequence[str],
    description: str,
    total: int = TOTAL,
) -> VBox:
    """A slider over the pictures `draw(0)`, `draw(1)`, ...

    `draw` gives the figure and alt text of a position, `labels` the slider's readout there; `total`
    limits the bytes of all pictures together.
    """
    if len(labels) < 2 or len(set(labels)) != len(labels):
        raise ValueError(f"labels: need at least two, all different, got {list(labels)}")
    drawn = [draw(i) for i in range(len(labels))]
    data = [webp(pixels(figure, DPI), QUALITY) for figure, _ in drawn]
    if (size := sum(map(len, data))) > total:
        raise ValueError(f"{size} bytes of pictures, limit {total}: use fewer or smaller frames")
    pictures = [picture(d, alt) for d, (_, alt) in zip(data, drawn, strict=True)]
    stack = Stack(pictures, selected_index=0)
    slider = SelectionSlider(
        options=list(labels),
        index=0,
        description=description,
        layout=Layout(width="26em"),
        style={"description_width": "initial"},
    )
    jslink((slider, "index"), (stack, "selected_index"))
    return VBox([slider, stack], layout=Layout(max_width="46em"))
