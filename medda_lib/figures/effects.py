"""The effect that a paper reports against the effect that we measured, one point per claim.

Where the paper's effect and ours have the same sign, a point lies in one of the two shaded quarters;
where they are of the same size, on the diagonal. Both axes are logarithmic on either side of a small
linear part around nothing, so that small effects can be told apart and large ones stay on the page.
Shapes tell the verdicts apart without colour.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medda_lib.figures.forest import LOOKS
from medda_lib.figures.style import FAINT, INK, canvas, styled


@styled
def effects(
    rows: pd.DataFrame, kinds: Mapping[str, str], within: float = 1.0, linear: float = 0.01
) -> Figure:
    """One panel per kind of data in `kinds` (kind -> its title).

    rows: with data, verdict, reported, effect, low and high (the interval), in the metric's own units.
    The axes end at `within` on either side and are linear up to `linear`.
    """
    figure, axes = canvas(
        1, len(kinds), width=2.7 * len(kinds) + 0.5, height=3.4, sharex=True, sharey=True
    )
    for axis, (kind, title) in zip(axes[0], kinds.items(), strict=True):
        mine = rows[rows["data"] == kind]
        _quarters(axis, within)
        axis.set_xscale("symlog", linthresh=linear)
        axis.set_yscale("symlog", linthresh=linear)
        for verdict, (colour, marker) in LOOKS.items():
            some = mine[mine["verdict"] == verdict]
            bars = [some["effect"] - some["low"], some["high"] - some["effect"]]
            axis.errorbar(
                some["reported"], some["effect"], bars, fmt=marker, color=colour, ms=4.5, lw=0.8,
                alpha=0.8, label=verdict,
            )  # fmt: skip
        axis.set(title=f"{title} ({len(mine)})", xlabel="reported effect")
        axis.set(xlim=(-within, within), ylim=(-within, within))
        axis.set_xticks([-0.1 * within, 0, 0.1 * within])
    axes[0, 0].set_ylabel("measured effect")
    shapes, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(shapes, names, loc="outside lower center", ncols=len(LOOKS))
    return figure


def _quarters(axis: Axes, within: float) -> None:
    """The quarters of equal sign, the axes through nothing, and the diagonal."""
    for x, y in ((0.0, 0.0), (-within, -within)):
        axis.fill_between([x, x + within], y, y + within, color=FAINT, alpha=0.35, lw=0)
    axis.axhline(0, color=INK, lw=0.6)
    axis.axvline(0, color=INK, lw=0.6)
    axis.plot([-within, within], [-within, within], color=INK, lw=0.6, ls=":")
