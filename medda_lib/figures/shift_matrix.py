"""A matrix of scores, trained on the row and tested on the column: domain shift as numbers.

The diagonal is the score at home; what is lost to its right and left is the price of the shift.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from medda_lib.figures.style import CARD, INK, canvas, styled


@styled
def shift_matrix(
    values: ArrayLike,
    trained_on: Sequence[str],
    tested_on: Sequence[str],
    label: str = "Dice",
    limits: tuple[float, float] | None = None,
) -> Figure:
    """`values` (rows, columns), NaN where nothing was measured; `limits` of the colour scale."""
    array = np.asarray(values, dtype=float)
    if array.shape != (len(trained_on), len(tested_on)):
        raise ValueError(f"values: expected {(len(trained_on), len(tested_on))}, got {array.shape}")
    low, high = limits or (float(np.nanmin(array)), float(np.nanmax(array)))
    figure, axes = canvas(width=1.0 * len(tested_on) + 2.4, height=0.6 * len(trained_on) + 1.5)
    axis, colour = axes[0, 0], mpl.colormaps["cividis"]
    picture = axis.imshow(array, cmap=colour, vmin=low, vmax=high, aspect="auto")
    for row, column in np.ndindex(*array.shape):
        value = array[row, column]
        share = (value - low) / (high - low) if high > low else 0.5
        missing = not np.isfinite(value)
        ink = INK if missing or share > 0.55 else CARD
        text = "not run" if missing else f"{value:.3f}"
        axis.text(column, row, text, ha="center", va="center", color=ink)
    axis.set_xticks(range(len(tested_on)), tested_on)
    axis.set_yticks(range(len(trained_on)), trained_on)
    axis.set(xlabel="tested on", ylabel="trained on")
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    figure.colorbar(picture, ax=axis, label=label)
    return figure
