"""A dial for one number of an acquisition: the picture, its grey values, and what networks make of it.

Each position shows one patient, the distribution of grey values of many beside the one at home, and
the scores of trained networks along the whole range of the number with the position marked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ipywidgets import VBox
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from medda_lib.figures.boundaries import outline
from medda_lib.figures.frames import TOTAL, frames
from medda_lib.figures.intensities import densities
from medda_lib.figures.style import (
    DASHES,
    FAINT,
    INK,
    MARKERS,
    PALETTE,
    PREDICTION,
    TRUTH,
    bare,
    canvas,
    colours,
    same_length,
    styled,
)


@dataclass(frozen=True)
class Position:
    """One value of the number.

    Attributes:
        label: the readout, say "66 keV".
        image: one patient (h, w) in [0, 1].
        truth: the true outline, bool (h, w).
        found: the predicted one, bool (h, w); none is drawn where it is None.
        greys: grey values in [0, 1] of many images, any shape.
        scores: score of each network.
    """

    label: str
    image: NDArray[np.floating]
    truth: NDArray[np.bool_]
    found: NDArray[np.bool_] | None
    greys: NDArray[np.floating]
    scores: Mapping[str, float]


@styled
def parameter_frame(
    positions: Sequence[Position], at: int, home: int, name: str, score_label: str = "scores"
) -> Figure:
    """The figure of position `at`; `home` is the one that the networks were trained at."""
    here = positions[at]
    figure, axes = canvas(1, 3, width=6.2, height=2.1, gridspec_kw={"width_ratios": (1, 1, 1.2)})
    bare(axes[0, 0])
    axes[0, 0].imshow(here.image, vmin=0, vmax=1)
    outline(axes[0, 0], here.truth, TRUTH, "-", 1.6)
    if here.found is not None:
        outline(axes[0, 0], here.found, PREDICTION, "--", 1.4)
    axes[0, 0].set_title(here.label, fontsize=9)
    _greys(axes[0, 1], here, positions[home])
    _scores(axes[0, 2], positions, at, home)
    axes[0, 2].set_xlabel(name, fontsize=9)
    axes[0, 2].set_title(score_label, fontsize=8)
    return figure


def _greys(axis: Axes, here: Position, home: Position) -> None:
    centres, found = densities({"home": home.greys, "here": here.greys}, bins=40)
    axis.fill_between(centres, found["home"], color=FAINT, lw=0)
    axis.plot(centres, found["here"], color=PALETTE[0], lw=1.5)
    axis.set_xlabel("grey value", fontsize=9)
    axis.set(xlim=(0, 1), ylim=(0, None), yticks=[])
    axis.set_title("grey values (home shaded)", fontsize=8)


def _scores(axis: Axes, positions: Sequence[Position], at: int, home: int) -> None:
    x = np.arange(len(positions))
    names = list(positions[0].scores)
    colour = colours(names)
    for i, name in enumerate(names):
        y = [position.scores[name] for position in positions]
        ink, marker = colour[name], MARKERS[i % 8]
        axis.plot(x, y, lw=1.3, ms=3, label=name, color=ink, ls=DASHES[i % 4], marker=marker)
        axis.plot(at, y[at], marker, color=ink, ms=7)
    axis.axvline(home, color=INK, lw=0.8, ls=":")
    axis.set_xticks(x, [position.label.split()[0] for position in positions], fontsize=7)
    least = min(min(position.scores.values()) for position in positions)
    axis.set_ylim(min(0.7, least - 0.05), 1.02)
    axis.grid(axis="y", lw=0.6)
    axis.legend(fontsize=7, loc="lower center")


def parameter_dial(
    positions: Sequence[Position],
    home: int,
    name: str,
    description: str,
    score_label: str = "scores",
    total: int = TOTAL,
) -> VBox:
    """A slider over `positions`; `home` is the index of the training value, shown by a dotted line.

    name: of the number, with its unit. description: the word beside the slider.
    """
    if not 0 <= home < len(positions):
        raise ValueError(f"home: {home} is none of the {len(positions)} positions")
    for position in positions:
        if set(position.scores) != set(positions[0].scores):
            raise ValueError(f"{position.label}: scores of other networks than the first position")
        same_length(image=position.image, truth=position.truth)

    def draw(i: int) -> tuple[Figure, str]:
        scores = "; ".join(f"{n} {v:.2f}" for n, v in positions[i].scores.items())
        reference = "; ".join(f"{n} {v:.2f}" for n, v in positions[home].scores.items())
        alt = (
            f"A patient imaged at {positions[i].label} of {name}, the grey values of many such "
            f"images, and scores of networks: {scores}. At home: {reference}."
        )
        return parameter_frame(positions, i, home, name, score_label), alt

    return frames(draw, [position.label for position in positions], description, total)
