"""What became of each stage's test data while a method learned one stage after another.

One panel per system, one line per stage's test data, from early (dark) to late (light). A line is thin
and dotted until its stage has been learned, solid from there on: where a solid line falls, something
was forgotten; where a dotted line does not rise into its solid part, nothing was learned.
"""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from medda_lib.figures.style import INK, MARKERS, canvas, styled

EARLY, LATE = 0.05, 0.82


def stage_colours(number: int) -> list[tuple[float, float, float, float]]:
    """RGBA of `number` stages, from dark to light; the lightest still reads on the card."""
    found = mpl.colormaps["viridis"](np.linspace(EARLY, LATE, number))
    return [tuple(map(float, rgba)) for rgba in found]  # type: ignore[misc]


@styled
def stage_curves(
    panels: Mapping[str, ArrayLike],
    label: str = "Dice",
    bound: float | None = None,
    columns: int = 3,
) -> Figure:
    """`panels`: system -> scores (stages, stages), or (repetitions, stages, stages) to be averaged.

    Row: after which stage; column: whose test data; NaN where nothing was measured. bound: mean score
    of joint training, drawn as a level.
    """
    scores = {name: _mean(name, values) for name, values in panels.items()}
    if not scores:
        raise ValueError("panels: there is no system to show")
    columns = min(columns, len(scores))
    rows = -(-len(scores) // columns)
    size = {"width": 2.35 * columns + 0.5, "height": 2.2 * rows + 0.75}
    figure, axes = canvas(rows, columns, **size, sharex=True, sharey=True)
    for axis, (name, matrix) in zip(axes.flat, scores.items(), strict=False):
        _lines(axis, matrix)
        axis.set_title(name)
        axis.grid(axis="y", lw=0.6)
        if bound is not None:
            axis.axhline(bound, color=INK, lw=1, ls="--")
    for axis in axes.flat[len(scores) :]:
        axis.set_visible(False)
    stages = len(next(iter(scores.values())))
    axes[0, 0].set_xticks(range(1, stages + 1))
    axes[0, 0].set_xlim(0.7, stages + 0.3)
    figure.supxlabel("after training on stage", fontsize=10)
    figure.supylabel(f"{label} on a stage's test data", fontsize=10)
    figure.legend(handles=_handles(stages, bound), loc="outside upper center", ncols=4, fontsize=8)
    return figure


def _lines(axis: Axes, matrix: NDArray[np.float64]) -> None:
    after = np.arange(1, len(matrix) + 1)
    for j, colour in enumerate(stage_colours(len(matrix))):
        marker = MARKERS[j % len(MARKERS)]
        axis.plot(after[: j + 1], matrix[: j + 1, j], color=colour, lw=0.9, ls=":")
        axis.plot(after[j:], matrix[j:, j], color=colour, lw=1.7, marker=marker, ms=4)


def _handles(stages: int, bound: float | None) -> list[Line2D]:
    found = [
        Line2D([], [], color=colour, lw=1.7, marker=MARKERS[j % len(MARKERS)], ms=4)
        for j, colour in enumerate(stage_colours(stages))
    ]
    for j, handle in enumerate(found, 1):
        handle.set_label(f"stage {j}")
    found.append(Line2D([], [], color=INK, lw=0.9, ls=":", label="not yet learned"))
    if bound is not None:
        found.append(Line2D([], [], color=INK, lw=1, ls="--", label="joint training, mean"))
    return found


def _mean(name: str, values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 3 and len(array):
        array = array.mean(axis=0)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or len(array) < 2:
        shape = np.shape(values)
        raise ValueError(
            f"{name}: expected (stages, stages), with repetitions before them or not, got {shape}"
        )
    return array
