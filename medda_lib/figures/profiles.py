"""The same picture before and after a step, on one grey scale, with a row of each as a curve.

A step of the acquisition that hardly shows in a picture shows in its profile: what was flattened, what
was smoothed, what became ragged.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from medda_lib.figures.style import DASHES, bare, canvas, colours, pictures, styled


@styled
def profiles(
    stages: Mapping[str, ArrayLike], row: int, label: str, columns: slice = slice(None)
) -> Figure:
    """`stages` maps a name to a picture (h, w), all of one size; `row` is drawn as curves.

    label: what the values are. columns: the part of the row to draw.
    """
    grey = {name: pictures(name, np.asarray(values)[None])[0] for name, values in stages.items()}
    if len({picture.shape for picture in grey.values()}) != 1:
        raise ValueError(f"stages: differ in size: { {n: p.shape for n, p in grey.items()} }")
    height, width = next(iter(grey.values())).shape
    if not 0 <= row < height:
        raise ValueError(f"row: {row} lies outside the picture of {height} rows")
    low, high = min(p.min() for p in grey.values()), max(p.max() for p in grey.values())
    ratios = (*[1.0] * len(grey), 1.5)
    figure, axes = canvas(
        1, len(grey) + 1, width=1.9 * sum(ratios), height=2.5, gridspec_kw={"width_ratios": ratios}
    )
    colour, at = colours(grey), np.arange(width)[columns]
    for i, (axis, (name, picture)) in enumerate(zip(axes[0], grey.items(), strict=False)):
        bare(axis)
        axis.imshow(picture, vmin=low, vmax=high)
        axis.hlines(row, at[0], at[-1], color=colour[name], ls=DASHES[i % 4], lw=1.6)
        axis.set_title(name)
        axes[0, -1].plot(at, picture[row, columns], color=colour[name], ls=DASHES[i % 4], lw=1.4)
    axes[0, -1].set(xlabel="pixel along the line", ylabel=label)
    axes[0, -1].grid(axis="y", lw=0.6)
    return figure
