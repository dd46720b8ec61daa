"""Box plots of per-image scores, grouped: what an average hides.

Two systems with one mean Dice may differ in how many images they fail on. Boxes span the quartiles
with the median inside, whiskers reach to the farthest score within 1.5 times the box, and every
image beyond them is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import ArrayLike

from medda_lib.figures.style import CARD, INK, canvas, colours, styled, vector


@styled
def boxes(groups: Mapping[str, Mapping[str, ArrayLike]], value_label: str = "Dice") -> Figure:
    """`groups` maps a group on the x axis (say "10 masks") to {system: per-image scores (n,)}."""
    systems = list(dict.fromkeys(system for group in groups.values() for system in group))
    if not systems:
        raise ValueError("groups: nothing to draw; give at least one group with one system")
    colour, width = colours(systems), 0.8 / len(systems)
    figure, axes = canvas(width=max(5.0, 0.36 * len(systems) * len(groups) + 2.4), height=3.6)
    axis = axes[0, 0]
    for x, (group, scores) in enumerate(groups.items()):
        for system, values in scores.items():
            offset = (systems.index(system) - (len(systems) - 1) / 2) * width
            drawn = axis.boxplot(
                [vector(f"{group}, {system}", values)],
                positions=[x + offset],
                widths=width * 0.8,
                patch_artist=True,
                medianprops={"color": INK, "lw": 1.6},
                flierprops={"marker": ".", "markersize": 4, "markeredgecolor": colour[system]},
                boxprops={"facecolor": colour[system], "edgecolor": INK},
            )
            drawn["boxes"][0].set_label(system)
    axis.set_xticks(np.arange(len(groups)), list(groups))
    axis.set_xlim(-0.5, len(groups) - 0.5)
    axis.set_ylabel(value_label)
    axis.grid(axis="y", lw=0.6)
    axis.set_axisbelow(True)
    handles = [Patch(facecolor=colour[s], edgecolor=CARD, label=s) for s in systems]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(5, len(systems)))
    return figure
