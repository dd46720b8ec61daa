"""Scans of a stream laid out in the plane: does what a network reads of them move with the stages?

Positions come from t-SNE or UMAP, so only neighbourhood means anything: axes have no unit, and the
distance of two groups says little. Colour runs with the stage, from dark to light as in the curves over
stages, and the marker tells the source, so that a shift of patients and one of scanners can be told
apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from medda_lib.figures.stage_curves import stage_colours
from medda_lib.figures.style import INK, MARKERS, canvas, same_length, styled


@styled
def stage_map(panels: Mapping[str, ArrayLike], stages: ArrayLike, sources: Sequence[str]) -> Figure:
    """Layouts of the same scans: title -> points (n, 2).

    stages: (n,) whole numbers from 1. sources: (n,) names, at most eight different ones.
    """
    number, names = np.asarray(stages, dtype=int), np.asarray(sources)
    known = list(dict.fromkeys(sources))
    if len(known) > len(MARKERS):
        raise ValueError(f"sources: {len(known)} of them, there are {len(MARKERS)} markers")
    colours = np.array(stage_colours(int(number.max())))
    figure, axes = canvas(1, len(panels), width=3.2 * len(panels) + 0.3, height=3.7)
    for axis, (title, points) in zip(axes[0], panels.items(), strict=True):
        xy = np.asarray(points)
        same_length(points=xy, stages=number, sources=names)
        for name, marker in zip(known, MARKERS, strict=False):
            mine = names == name
            axis.scatter(*xy[mine].T, s=20, lw=0, marker=marker, c=colours[number[mine] - 1])
        axis.set(title=title, xticks=[], yticks=[])
    handles = [
        Line2D([], [], color=tuple(colour), marker="o", ls="", label=f"stage {k}")
        for k, colour in enumerate(colours, 1)
    ]
    handles += [
        Line2D([], [], color=INK, marker=marker, ls="", mfc="none", label=name)
        for name, marker in zip(known, MARKERS, strict=False)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8)
    return figure
