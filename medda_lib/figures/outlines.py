"""Outlines over images that differ from column to column: what a system was shown and what it found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from medda_lib.figures.boundaries import outline
from medda_lib.figures.style import PREDICTION, TRUTH, image_grid, styled


@dataclass(frozen=True)
class Outlined:
    """An image (h, w) in [0, 1] with two bool masks (h, w), a title and a line under it."""

    image: NDArray[np.floating]
    truth: NDArray[np.bool_]
    predicted: NDArray[np.bool_]
    title: str = ""
    note: str = ""


@styled
def outlines(rows: Sequence[Sequence[Outlined]], cell: float = 1.6) -> Figure:
    """A grid of outlined images; all rows have the same number of columns."""
    if not rows or len({len(row) for row in rows}) != 1:
        raise ValueError(f"rows: need equal, non-zero lengths, got {[len(row) for row in rows]}")
    figure, axes = image_grid(len(rows), len(rows[0]), cell=cell)
    for y, row in enumerate(rows):
        for x, one in enumerate(row):
            axis = axes[y, x]
            axis.imshow(one.image, vmin=0, vmax=1)
            outline(axis, one.truth, TRUTH, "-", 1.8)
            outline(axis, one.predicted, PREDICTION, "--", 1.4)
            axis.set_title(one.title, fontsize=8)
            axis.set_xlabel(one.note, fontsize=8)
    handles = [
        Line2D([], [], color=TRUTH, lw=2.4, label="reference"),
        Line2D([], [], color=PREDICTION, lw=2.4, ls="--", label="prediction"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure
