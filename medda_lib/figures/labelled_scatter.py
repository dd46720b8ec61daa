"""Two quantities against each other, some of the points with a name."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from medda_lib.figures.style import PALETTE, canvas, same_length, styled, vector


@styled
def labelled_scatter(
    x: ArrayLike, y: ArrayLike, x_label: str, y_label: str, names: Mapping[int, str] | None = None
) -> Figure:
    """Points (n,); `names` maps the number of a point to the words beside it."""
    xs, ys = vector("x", x), vector("y", y)
    same_length(x=xs, y=ys)
    figure, axes = canvas(width=5.4, height=3.4)
    axis, marked = axes[0, 0], names or {}
    axis.scatter(xs, ys, s=24, color=PALETTE[0], alpha=0.75, lw=0)
    for i, name in marked.items():
        axis.scatter(xs[i], ys[i], s=40, color=PALETTE[1], zorder=3)
        axis.annotate(name, (xs[i], ys[i]), xytext=(5, 3), textcoords="offset points", fontsize=8)
    axis.set(xlabel=x_label, ylabel=y_label)
    axis.grid(lw=0.6)
    axis.set_axisbelow(True)
    return figure
