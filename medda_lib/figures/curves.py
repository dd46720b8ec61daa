"""Numbers against one number: a line per name, and a level to compare with.

For laws and simulations, where a point is a computed value and not a run. Scores of runs belong into
`accuracy_curves`, which shows each seed.
"""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from medda_lib.figures.style import DASHES, INK, MARKERS, canvas, colours, styled
from medda_lib.figures.style import vector as checked


@styled
def curves(
    x: ArrayLike,
    lines: Mapping[str, ArrayLike],
    x_label: str,
    y_label: str,
    *,
    level: tuple[float, str] | None = None,
    log: tuple[bool, bool] = (False, False),
    limits: tuple[float | None, float | None] = (None, None),
    ticks: bool = False,
) -> Figure:
    """`lines` maps a name to values (n,) at `x` (n,).

    level: a height and its name. log: whether x and y are logarithmic. limits: of y. ticks: mark
    each x, where there are few.
    """
    at = checked("x", x)
    if not lines:
        raise ValueError("lines: there is nothing to draw")
    figure, axes = canvas(width=6.4, height=3.2)
    axis, colour = axes[0, 0], colours(lines)
    for i, (name, values) in enumerate(lines.items()):
        y = checked(name, values)
        if len(y) != len(at):
            raise ValueError(f"{name}: {len(y)} values for {len(at)} places; give one for each")
        ink, marker = colour[name], MARKERS[i % 8]
        axis.plot(at, y, label=name, lw=1.6, ms=4.5, color=ink, ls=DASHES[i % 4], marker=marker)
    if level is not None:
        axis.axhline(level[0], color=INK, lw=1, ls=":", label=level[1])
    axis.set(xlabel=x_label, ylabel=y_label)
    axis.set(xscale="log" if log[0] else "linear", yscale="log" if log[1] else "linear")
    if limits != (None, None):
        axis.set_ylim(*limits)
    if ticks:
        axis.set_xticks(at, [f"{value:g}" for value in at])
        axis.minorticks_off()
    axis.grid(axis="y", lw=0.6)
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
