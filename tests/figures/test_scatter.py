"""Points against the diagonal."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import ArrayLike

from medda_lib.figures.scatter import scatter_against_identity


def test_points_diagonal_and_names_are_drawn() -> None:
    groups: dict[str, tuple[ArrayLike, ArrayLike]] = {
        "one": ([0.2, 0.4], [0.3, 0.5]),
        "two": (np.array([0.9]), np.array([0.95])),
    }
    figure = scatter_against_identity(groups, "implied", "printed")
    axis = figure.axes[0]
    drawn = [np.asarray(c.get_offsets()) for c in axis.collections]
    assert np.allclose(drawn[0], [[0.2, 0.3], [0.4, 0.5]])
    assert np.allclose(drawn[1], [[0.9, 0.95]])
    (line,) = axis.lines
    # from the smallest to the largest value of either axis, on the diagonal
    assert np.allclose(line.get_xdata(), [0.2, 0.95])
    assert np.allclose(line.get_ydata(), line.get_xdata())
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("implied", "printed")
    legend = axis.get_legend()
    assert legend is not None
    assert {text.get_text() for text in legend.get_texts()} == {"one", "two", "equal"}


def test_groups_differ_in_colour_and_in_marker() -> None:
    figure = scatter_against_identity({n: ([0.1], [0.2]) for n in "abc"}, "x", "y")
    dots = figure.axes[0].collections
    assert len({tuple(np.asarray(d.get_facecolor())[0]) for d in dots}) == 3
    assert len({d.get_paths()[0].vertices.tobytes() for d in dots}) == 3  # type: ignore[union-attr]


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="x"):
        scatter_against_identity({"one": ([0.1, 0.2], [0.1])}, "x", "y")
