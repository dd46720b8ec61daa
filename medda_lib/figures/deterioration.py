"""One scan of an early stage, segmented again and again as a method learns on (the paper's Fig. 4).

The upper row follows one system from stage to stage; the lower row shows what every system makes of the
same scan at the end of the stream. The reference is drawn solid and predictions dashed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from medda_lib.figures.boundaries import outline
from medda_lib.figures.style import PREDICTION, TRUTH, bare, canvas, styled


@dataclass(frozen=True)
class Attempt:
    """A predicted mask (h, w) with its title and a line under it (its Dice, say)."""

    mask: ArrayLike
    title: str
    note: str = ""


@styled
def deterioration(
    image: ArrayLike,
    truth: ArrayLike,
    followed: Sequence[Attempt],
    others: Mapping[str, Sequence[Attempt]],
    name: str = "Sequential",
    cell: float = 1.3,
) -> Figure:
    """A slice (h, w) in [0, 1] with its true mask; `followed`: the system `name` after each stage.

    others: what to call a further row -> its attempts, such as "at the end" -> one per system.
    cell: height of a picture in inches.
    """
    picture, mask = np.asarray(image), np.asarray(truth, dtype=bool)
    rows = [[Attempt(np.zeros_like(mask), "reference"), *followed], *others.values()]
    if not followed or not all(rows):
        raise ValueError("followed, others: every row needs at least one attempt")
    columns = max(map(len, rows))
    wide = cell * picture.shape[1] / picture.shape[0] + 0.1
    figure, axes = canvas(
        len(rows), columns, width=wide * columns + 0.3, height=(cell + 0.45) * len(rows) + 0.3
    )
    for y, (label, row) in enumerate(zip([name, *others], rows, strict=True)):
        for axis, attempt in zip(axes[y], row, strict=False):
            _draw(axis, picture, mask, attempt)
        axes[y, 0].set_ylabel(label)
        for axis in axes[y, len(row) :]:
            axis.set_visible(False)
    figure.legend(handles=_handles(), loc="outside lower center", ncols=2)
    return figure


def _draw(
    axis: Axes, image: NDArray[np.floating], truth: NDArray[np.bool_], attempt: Attempt
) -> None:
    found = np.asarray(attempt.mask, dtype=bool)
    if found.shape != image.shape or truth.shape != image.shape:
        raise ValueError(
            f"{attempt.title}: masks {found.shape} and {truth.shape} on an image {image.shape}"
        )
    bare(axis)
    axis.imshow(image, vmin=0, vmax=1, interpolation="bilinear")
    outline(axis, truth, TRUTH, "-", 1.6)
    outline(axis, found, PREDICTION, "--", 1.4)
    axis.set_title(attempt.title, fontsize=8)
    axis.set_xlabel(attempt.note, fontsize=8)


def _handles() -> list[Line2D]:
    return [
        Line2D([], [], color=TRUTH, lw=2.2, label="reference"),
        Line2D([], [], color=PREDICTION, lw=2.2, ls="--", label="prediction"),
    ]
