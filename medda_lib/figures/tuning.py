"""Score against a hyper-parameter, a panel for each problem, with the values that rules picked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from medda_lib.figures.style import DASHES, INK, MARKERS, PALETTE, canvas, colours, styled


@dataclass(frozen=True)
class Panel:
    """One problem: mean scores (n,) by system, a level to compare with, picks as rule -> value."""

    curves: Mapping[str, ArrayLike]
    level: float | None = None
    picks: Mapping[str, float] = field(default_factory=dict)


@styled
def tuning(
    values: ArrayLike,
    panels: Mapping[str, Panel],
    *,
    x_label: str,
    y_label: str,
    level: str = "unadapted",
    columns: int = 3,
) -> Figure:
    """A panel per entry; `values` (n,) of the hyper-parameter are spaced evenly."""
    x = np.asarray(values, dtype=float)
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    figure, axes = canvas(
        rows, columns, width=2.5 * columns + 0.6, height=2.1 * rows + 0.7, sharex=True, sharey=True
    )
    systems = list(dict.fromkeys(name for panel in panels.values() for name in panel.curves))
    rules = list(dict.fromkeys(name for panel in panels.values() for name in panel.picks))
    colour = colours(systems)
    at = np.arange(len(x))
    for axis, (title, panel) in zip(axes.flat, panels.items(), strict=False):
        for name, scores in panel.curves.items():
            y = np.asarray(scores, dtype=float)
            if y.shape != x.shape:
                raise ValueError(f"{title}, {name}: expected {x.shape} scores, got {y.shape}")
            style = DASHES[systems.index(name) % 4]
            axis.plot(at, y, color=colour[name], ls=style, lw=1.5)
        if panel.level is not None:
            axis.axhline(panel.level, color=INK, lw=1, ls=":")
        for rule, value in panel.picks.items():
            marker = MARKERS[rules.index(rule) % 8]
            where = np.interp(value, x, at)
            height = 0.04 + 0.07 * rules.index(rule)  # two rules may have picked the same value
            axis.plot(where, height, marker, color=PALETTE[rules.index(rule) + 3], ms=6)
        axis.set_title(title, fontsize=9)
        axis.set_ylim(0, 1)
        axis.set_xticks(at, [f"{v:g}" for v in x])
        axis.grid(axis="y", lw=0.6)
    for axis in list(axes.flat)[len(panels) :]:
        axis.set_visible(False)
    handles = [
        Line2D([], [], color=colour[s], ls=DASHES[i % 4], label=s) for i, s in enumerate(systems)
    ]
    handles.append(Line2D([], [], color=INK, ls=":", label=level))
    handles += [
        Line2D([], [], color=PALETTE[i + 3], marker=MARKERS[i % 8], ls="", label=f"picked: {rule}")
        for i, rule in enumerate(rules)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    for axis in axes[-1]:
        axis.set_xlabel(x_label)
    figure.supylabel(y_label, fontsize=10)
    return figure
