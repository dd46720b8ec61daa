"""Two ways of getting the same number, one against the other: agreement lies on the diagonal."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from medda_lib.figures.style import MARKERS, canvas, colours, same_length, styled, vector


@styled
def scatter_against_identity(
    groups: Mapping[str, tuple[ArrayLike, ArrayLike]], x_label: str, y_label: str
) -> Figure:
    """`groups` maps a name to (x (n,), y (n,)); the line is y = x."""
    figure, axes = canvas(width=4.6, height=3.8)
    axis, colour = axes[0, 0], colours(groups)
    lowest, highest = 1.0, 0.0
    for i, (name, (xs, ys)) in enumerate(groups.items()):
        x, y = vector(name, xs), vector(name, ys)
        same_length(x=x, y=y)
        axis.scatter(x, y, s=22, c=colour[name], marker=MARKERS[i % 8], label=name, alpha=0.8)
        lowest = min(lowest, x.min(), y.min())
        highest = max(highest, x.max(), y.max())
    axis.plot([lowest, highest], [lowest, highest], lw=1, ls=":", label="equal")
    axis.set(xlabel=x_label, ylabel=y_label)
    axis.legend(loc="lower right")
    return figure
