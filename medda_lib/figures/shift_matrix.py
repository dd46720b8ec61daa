"""A matrix of scores, trained on the row and tested on the column: domain shift as numbers.

The diagonal is the score at home; what is lost to its right and left is the price of the shift. Two
matrices stand beside each other on one colour scale, the paper's and ours, say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from medda_lib.figures.style import CARD, INK, canvas, styled

COLOURS = "cividis"


@styled
def shift_matrix(
    values: ArrayLike,
    trained_on: Sequence[str],
    tested_on: Sequence[str],
    label: str = "Dice",
    limits: tuple[float, float] | None = None,
) -> Figure:
    """`values` (rows, columns), NaN where nothing was measured; `limits` of the colour scale."""
    array = _checked("values", values, trained_on, tested_on)
    scale = _scale([array], limits)
    figure, axes = canvas(width=1.0 * len(tested_on) + 2.4, height=0.6 * len(trained_on) + 1.5)
    _draw(axes[0, 0], array, trained_on, tested_on, scale, digits=3)
    figure.colorbar(ScalarMappable(scale, COLOURS), ax=axes[0, 0], label=label)
    return figure


@styled
def shift_matrices(
    panels: Mapping[str, ArrayLike],
    trained_on: Sequence[str],
    tested_on: Sequence[str],
    label: str = "Dice",
    limits: tuple[float, float] | None = None,
    digits: int = 2,
) -> Figure:
    """One matrix per panel, side by side, with one colour scale; see `shift_matrix`.

    panels: title -> values (rows, columns). limits: by default the range of all panels together.
    """
    if not panels:
        raise ValueError("panels: there is no matrix to show")
    arrays = {
        title: _checked(f"panels[{title!r}]", values, trained_on, tested_on)
        for title, values in panels.items()
    }
    scale = _scale(list(arrays.values()), limits)
    width = (0.55 * len(tested_on) + 0.5) * len(arrays) + 1.5
    height = 0.42 * len(trained_on) + 1.2
    figure, axes = canvas(1, len(arrays), width=width, height=height, sharey=True)
    for axis, (title, array) in zip(axes[0], arrays.items(), strict=True):
        _draw(axis, array, trained_on, tested_on, scale, digits)
        axis.set_title(title)
        axis.label_outer()
    figure.colorbar(ScalarMappable(scale, COLOURS), ax=axes, label=label)
    return figure


def _checked(
    name: str, values: ArrayLike, trained_on: Sequence[str], tested_on: Sequence[str]
) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=float)
    if array.shape != (len(trained_on), len(tested_on)):
        raise ValueError(f"{name}: expected {(len(trained_on), len(tested_on))}, got {array.shape}")
    return array


def _scale(arrays: list[NDArray[np.float64]], limits: tuple[float, float] | None) -> Normalize:
    """The colour scale of all matrices; 0 to 1 where nothing at all was measured."""
    flat = np.concatenate([array.ravel() for array in arrays])
    known = flat[np.isfinite(flat)]
    low, high = limits or ((known.min(), known.max()) if known.size else (0.0, 1.0))
    return Normalize(float(low), float(high))


def _draw(
    axis: Axes,
    array: NDArray[np.float64],
    trained_on: Sequence[str],
    tested_on: Sequence[str],
    scale: Normalize,
    digits: int,
) -> None:
    """The coloured squares with their numbers, in an ink that reads on each."""
    axis.imshow(array, cmap=mpl.colormaps[COLOURS], norm=scale, aspect="auto")
    low, high = cast(float, scale.vmin), cast(float, scale.vmax)
    for row, column in np.ndindex(*array.shape):
        value = array[row, column]
        share = (value - low) / (high - low) if high > low else 0.5
        missing = not np.isfinite(value)
        ink = INK if missing or share > 0.55 else CARD
        text = "not run" if missing else f"{value:.{digits}f}"
        axis.text(column, row, text, ha="center", va="center", color=ink)
    axis.set_xticks(range(len(tested_on)), tested_on)
    axis.set_yticks(range(len(trained_on)), trained_on)
    axis.set(xlabel="tested on", ylabel="trained on")
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
