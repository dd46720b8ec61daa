"""One look for every figure: a light card that reads on a white and on a black page.

A figure with a transparent background needs ink that contrasts with both pages, and no ink does that
well. So each figure brings its own pale card and dark ink, and the page's colour does not matter.
Colours are those of Okabe and Ito ("Color Universal Design", 2008), which stay apart for the common
forms of colour blindness. Figures are plain `Figure` objects and never enter pyplot's registry, so
none is drawn twice in a notebook and none has to be closed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

CARD = "#f7f7f4"
INK = "#1b1f24"
FAINT = "#c9cbc8"
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#6b6b6b", "#000000")
TRUTH, PREDICTION = "#E69F00", "#56B4E9"
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", "-.", ":")

RC: dict[Any, Any] = {
    "figure.facecolor": CARD,
    "figure.dpi": 100,
    "axes.facecolor": CARD,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.prop_cycle": cycler(color=PALETTE),
    "grid.color": FAINT,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "font.size": 10,
    "image.cmap": "gray",
    "image.interpolation": "nearest",
    "savefig.facecolor": CARD,
}

P = ParamSpec("P")
R = TypeVar("R")


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Run a drawing function under `RC`, leaving the caller's settings alone."""

    @functools.wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context(RC):
            return draw(*args, **kwargs)

    return wrapper


def canvas(
    rows: int = 1, columns: int = 1, *, width: float = 6.4, height: float = 3.6, **options: Any
) -> tuple[Figure, NDArray[Any]]:
    """A figure of `width` x `height` inches and its axes (rows, columns)."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, axes


def image_grid(rows: int, columns: int, *, cell: float = 1.5) -> tuple[Figure, NDArray[Any]]:
    """Axes without ticks or frames for `rows` x `columns` pictures of `cell` inches."""
    figure, axes = canvas(rows, columns, width=cell * columns + 0.25, height=(cell + 0.2) * rows)
    for axis in axes.flat:
        bare(axis)
    return figure, axes


def bare(axis: Axes) -> None:
    """Take ticks and frame away, as for a picture."""
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name, by order of first appearance; the palette repeats after eight."""
    return {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(dict.fromkeys(names))}


def pictures(name: str, values: ArrayLike) -> NDArray[Any]:
    """`values` as (n, h, w): accepts (n, h, w) and (n, 1, h, w), arrays and CPU tensors alike."""
    array = np.asarray(values)
    if array.ndim == 4 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 3 or not len(array):
        raise ValueError(f"{name}: expected (n, h, w) or (n, 1, h, w), n >= 1, got {array.shape}")
    return array


def vector(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """`values` as a finite, non-empty float vector (n,)."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size:
        raise ValueError(f"{name}: expected a non-empty vector (n,), got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: holds NaN or infinite values; drop them before drawing")
    return array


def same_length(**sized: Any) -> int:
    """The common length of the arguments, or an error that names them."""
    lengths = {name: len(values) for name, values in sized.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"these must have one length: {lengths}")
    return next(iter(lengths.values()))
