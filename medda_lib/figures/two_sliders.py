"""Two sliders over pictures that were drawn beforehand; see `frames` for why, and for one slider.

The first slider chooses a row of pictures, the second a picture in the row. Every row is a `Stack` of
its own inside an outer one; the browser links the second slider to all rows at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ipywidgets import Layout, SelectionSlider, Stack, VBox, jslink
from matplotlib.figure import Figure

from medda_lib.figures.display import pixels, webp
from medda_lib.figures.frames import DPI, QUALITY, TOTAL, picture


def two_sliders(
    draw: Callable[[int, int], tuple[Figure, str]],
    labels: tuple[Sequence[str], Sequence[str]],
    descriptions: tuple[str, str],
    total: int = TOTAL,
) -> VBox:
    """Sliders over the pictures `draw(i, j)`, figure and alt text of position i, j.

    labels: the readouts of both sliders. total: limit on the bytes of all pictures together.
    """
    for names in labels:
        if len(names) < 2 or len(set(names)) != len(names):
            raise ValueError(f"labels: need at least two, all different, got {list(names)}")
    drawn = [[draw(i, j) for j in range(len(labels[1]))] for i in range(len(labels[0]))]
    data = [[webp(pixels(figure, DPI), QUALITY) for figure, _ in row] for row in drawn]
    if (size := sum(len(d) for row in data for d in row)) > total:
        raise ValueError(f"{size} bytes of pictures, limit {total}: use fewer or smaller frames")
    rows = [
        Stack([picture(d, alt) for d, (_, alt) in zip(ds, ones, strict=True)], selected_index=0)
        for ds, ones in zip(data, drawn, strict=True)
    ]
    outer = Stack(rows, selected_index=0)
    first, second = (_slider(names, word) for names, word in zip(labels, descriptions, strict=True))
    jslink((first, "index"), (outer, "selected_index"))
    for row in rows:
        jslink((second, "index"), (row, "selected_index"))
    return VBox([first, second, outer], layout=Layout(max_width="46em"))


def _slider(labels: Sequence[str], description: str) -> SelectionSlider:
    return SelectionSlider(
        options=list(labels),
        index=0,
        description=description,
        layout=Layout(width="26em"),
        style={"description_width": "initial"},
    )
