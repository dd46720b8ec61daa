"""Layouts of one or several sets of samples, a panel each, with one legend for all.

Each panel has its own axes without ticks, since the units of a layout mean nothing and must not be
compared from panel to panel. Colour and marker change together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from medda_lib.figures.style import MARKERS, bare, canvas, colours, same_length, styled


@styled
def layout_panels(
    panels: Mapping[str, tuple[ArrayLike, Sequence[str]]], columns: int = 4, cell: float = 2.1
) -> Figure:
    """One panel per entry: title -> points (n, 2) and the group (n,) of each, by name.

    Equal names look equal in all panels; at most eight differ in colour. `cell`: inches of a side.
    """
    if not panels:
        raise ValueError("panels: nothing to draw; give at least one layout")
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    figure, axes = canvas(rows, columns, width=cell * columns, height=(cell + 0.2) * rows + 0.25)
    names = list(dict.fromkeys(name for _, groups in panels.values() for name in groups))
    colour, marker = colours(names), {name: MARKERS[i % 8] for i, name in enumerate(names)}
    for axis in axes.flat:
        bare(axis)
    for axis, (title, (points, groups)) in zip(axes.flat, panels.items(), strict=False):
        xy, group = np.asarray(points, dtype=float), np.asarray(groups)
        same_length(points=xy, groups=group)
        for name in names:
            if (mine := group == name).any():
                style = {"color": colour[name], "marker": marker[name], "s": 11, "lw": 0}
                axis.scatter(*xy[mine].T, alpha=0.75, **style)
        axis.set_title(title, fontsize=9)
        axis.set_aspect("equal", adjustable="datalim")
        axis.spines[:].set_visible(True)
        axis.spines[:].set_alpha(0.25)
    if len(names) > 1:
        handles = [
            Line2D([], [], color=colour[n], marker=marker[n], ls="", ms=5, label=n) for n in names
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=min(8, len(names)))
    return figure
