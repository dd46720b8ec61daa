"""What each method costs, as a multiple of plain sequential training: bars that are easy to compare.

Seconds and bytes of one machine say little about another; their ratio to the same training without any
method against forgetting carries further. A bar is the mean over repetitions, each repetition is a dot.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from medda_lib.figures.style import INK, PALETTE, canvas, styled, vector


def ratios(costs: Mapping[str, ArrayLike], reference: str) -> dict[str, NDArray[np.float64]]:
    """Costs (repetitions,) of each system over the mean of the reference system's.

    Raises ValueError where the reference is missing or cost nothing.
    """
    if reference not in costs:
        raise ValueError(f"reference: no costs of {reference!r}; there are: {', '.join(costs)}")
    level = float(vector(reference, costs[reference]).mean())
    if level <= 0:
        raise ValueError(f"reference: the costs of {reference!r} have mean {level}, not above 0")
    return {name: vector(name, values) / level for name, values in costs.items()}


@styled
def cost_bars(
    quantities: Mapping[str, Mapping[str, ArrayLike]], reference: str = "Sequential"
) -> Figure:
    """One panel per quantity ("training time", "peak memory"): system -> costs (repetitions,).

    Systems stand in the order in which they first appear; one that lacks a quantity says so.
    """
    relative = {name: ratios(costs, reference) for name, costs in quantities.items()}
    if not relative:
        raise ValueError("quantities: there is nothing to show")
    systems = list(dict.fromkeys(system for found in relative.values() for system in found))
    width, height = 2.9 * len(relative) + 1.6, 0.27 * len(systems) + 1.0
    figure, axes = canvas(1, len(relative), width=width, height=height, sharey=True)
    for i, (axis, (quantity, found)) in enumerate(zip(axes[0], relative.items(), strict=True)):
        _bars(axis, systems, found, PALETTE[i % len(PALETTE)])
        axis.axvline(1.0, color=INK, lw=1, ls="--")
        axis.set(title=quantity, xlabel=f"multiple of {reference}")
    axes[0, 0].set_yticks(range(len(systems)), systems)
    axes[0, 0].invert_yaxis()
    return figure


def _bars(
    axis: Axes, systems: list[str], found: Mapping[str, NDArray[np.float64]], colour: str
) -> None:
    longest = max(float(values.max()) for values in found.values())
    axis.set_xlim(0, 1.25 * max(longest, 1.0))
    for y, system in enumerate(systems):
        if system not in found:
            axis.text(0.02, y, " not measured", va="center", fontsize=8, style="italic")
            continue
        values = found[system]
        axis.barh(y, values.mean(), height=0.66, color=colour, alpha=0.75, lw=0)
        if len(values) > 1:
            axis.scatter(values, np.full(len(values), y), s=7, color=INK, zorder=3, lw=0)
        axis.text(values.max(), y, f"  {values.mean():.2f}", va="center", fontsize=8)
