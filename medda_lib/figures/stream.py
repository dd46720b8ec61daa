"""A stream of data in one look: where the scans of each stage come from, how they look, how large.

Three panels over the stages: the shares of the sources, the densities of intensities, and the volumes of
the structure. Which of them moves tells what kind of shift a method will meet: of population, of scanner
and intensities, or of both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from medda_lib.figures.intensities import densities
from medda_lib.figures.stage_curves import stage_colours
from medda_lib.figures.style import CARD, FAINT, INK, PALETTE, canvas, same_length, styled, vector


@styled
def stream(
    images: Sequence[ArrayLike],
    volumes: Sequence[ArrayLike],
    shares: Mapping[str, ArrayLike] | None = None,
    unit: str = "ml",
    bins: int = 48,
) -> Figure:
    """The stages of a stream, in their order.

    images: for each stage, intensities in [0, 1] of any shape (leave out what lies outside the acquired
    crop). volumes: for each stage (n,), in `unit`. shares: source -> its share of each stage (stages,);
    None where all scans have one source, and the panel is left out.
    """
    stages = same_length(images=images, volumes=volumes)
    panels = 2 if shares is None else 3
    figure, axes = canvas(1, panels, width=2.7 * panels + 0.3, height=2.9)
    if shares is not None:
        _shares(axes[0, 0], shares, stages)
    _intensities(axes[0, -2], images, bins)
    _volumes(axes[0, -1], volumes, unit)
    return figure


def _shares(axis: Axes, shares: Mapping[str, ArrayLike], stages: int) -> None:
    """Stacked bars, with percent in them where there is room."""
    floor: NDArray[np.float64] = np.zeros(stages)
    for i, (name, values) in enumerate(shares.items()):
        height = vector(name, values)
        if len(height) != stages:
            raise ValueError(f"{name}: {len(height)} shares for {stages} stages")
        axis.bar(np.arange(1, stages + 1), height, 0.8, floor, color=PALETTE[i], label=name)
        for x, (low, part) in enumerate(zip(floor, height, strict=True), 1):
            if part >= 0.08:
                text = f"{100 * part:.0f}"
                axis.text(x, low + part / 2, text, ha="center", va="center", color=CARD, fontsize=8)
        floor = floor + height
    axis.set(title="sources", xlabel="stage", ylabel="share of the scans")
    axis.set_xticks(range(1, stages + 1))
    axis.set_ylim(0, 1.0)
    axis.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.2),
        ncols=3,
        fontsize=7.5,
        columnspacing=0.8,
        handlelength=1,
    )


def _intensities(axis: Axes, images: Sequence[ArrayLike], bins: int) -> None:
    centres, curves = densities({f"stage {k}": x for k, x in enumerate(images, 1)}, bins)
    for (name, density), colour in zip(curves.items(), stage_colours(len(curves)), strict=True):
        axis.plot(centres, density, color=colour, lw=1.5, label=name)
    axis.set(title="intensities", xlabel="intensity (0 black, 1 white)", ylabel="density")
    axis.set_xlim(0, 1)
    axis.set_ylim(0, None)
    axis.legend(fontsize=7.5)


def _volumes(axis: Axes, volumes: Sequence[ArrayLike], unit: str) -> None:
    """Every scan a dot, the median of a stage a bar; dots of a stage are spread by rank."""
    for k, (values, colour) in enumerate(zip(volumes, stage_colours(len(volumes)), strict=True), 1):
        found = np.sort(vector(f"volumes of stage {k}", values))
        spread = np.linspace(-0.28, 0.28, len(found)) if len(found) > 1 else np.zeros(1)
        axis.scatter(k + spread, found, s=14, color=colour, lw=0)
        axis.hlines(np.median(found), k - 0.38, k + 0.38, color=INK, lw=1.6)
    axis.set(title="volumes", xlabel="stage", ylabel=f"volume ({unit}); line: median")
    axis.set_xticks(range(1, len(volumes) + 1))
    axis.grid(axis="y", lw=0.6, color=FAINT)
    axis.set_axisbelow(True)
