"""Two quantities against each other, some of the points with a name."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from medda_lib.figures.style import PALETTE, canvas, same_length, styled, vector

LINE = 0.05  # height of a label as a share of the axis


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
    for i, lift in _lifts(ys, list(marked)).items():
        axis.scatter(xs[i], ys[i], s=40, color=PALETTE[1], zorder=3)
        place = {"xytext": (5, 3 + lift), "textcoords": "offset points"}
        axis.annotate(marked[i], (xs[i], ys[i]), fontsize=8, **place)
    axis.set(xlabel=x_label, ylabel=y_label)
    axis.grid(lw=0.6)
    axis.set_axisbelow(True)
    return figure


def _lifts(ys: NDArray[np.float64], marked: list[int]) -> dict[int, float]:
    """Points by which each label is raised so that it does not lie on the one below it."""
    span = float(np.ptp(ys)) or 1.0
    lifts, top = {}, -np.inf
    for i in sorted(marked, key=lambda i: ys[i]):
        height = float(ys[i]) / span
        lifts[i] = max(0.0, top + LINE - height) * 200  # an axis is about 200 points high
        top = height + lifts[i] / 200
    return lifts
