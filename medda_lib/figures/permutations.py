"""A measured number among those that chance gives: the histogram behind a permutation test."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from medda_lib.figures.style import FAINT, INK, PALETTE, bare, canvas, styled, vector


@styled
def permutations(panels: Mapping[str, tuple[float, ArrayLike, float]], columns: int = 4) -> Figure:
    """One panel per statistic: title -> value, its values under permuted labels (times,), and p."""
    if not panels:
        raise ValueError("panels: nothing to draw; give at least one statistic")
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    figure, axes = canvas(rows, columns, width=2.3 * columns, height=2.2 * rows)
    for axis in list(axes.flat)[len(panels) :]:
        bare(axis)
    for axis, (title, (value, chance, p)) in zip(axes.flat, panels.items(), strict=False):
        axis.hist(vector(title, chance), bins=20, color=FAINT, edgecolor=INK, lw=0.4)
        axis.axvline(value, color=PALETTE[1], lw=2)
        axis.set_title(f"{title}\n{value:.3g}, p = {p:.3f}", fontsize=9)
        axis.set(yticks=[])
        axis.locator_params(axis="x", nbins=4)
        axis.spines["left"].set_visible(False)
    return figure
