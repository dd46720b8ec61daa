"""One position of the widget on Fourier swaps: spectrum, adapted slice with outlines, score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from numpy.typing import NDArray

from medda_lib.figures.boundaries import outline
from medda_lib.figures.spectra import log_amplitude
from medda_lib.figures.style import INK, PALETTE, PREDICTION, TRUTH, bare, canvas, styled


@dataclass(frozen=True)
class Frame:
    """What a position shows.

    Attributes:
        image: the adapted slice (h, w).
        truth: reference mask (h, w).
        predicted: predicted mask (h, w).
        radius: of the swapped disc, in frequency pixels.
        x: values of the hyper-parameter (n,).
        scores: score at each of them (n,).
        at: which of them the position is.
        level: the score without adaptation.
    """

    image: NDArray[np.floating]
    truth: NDArray[np.bool_]
    predicted: NDArray[np.bool_]
    radius: float
    x: NDArray[np.float64]
    scores: NDArray[np.float64]
    at: int
    level: float


@styled
def fourier_frame(frame: Frame, x_label: str = "beta", y_label: str = "surface Dice") -> Figure:
    """Spectrum with the disc at the left, the adapted slice in the middle, the score at the right."""
    figure, axes = canvas(1, 3, width=6.0, height=2.2, gridspec_kw={"width_ratios": (1, 1, 1.25)})
    left, middle, right = axes[0]
    spectrum = log_amplitude(frame.image)
    left.imshow(spectrum, cmap="cividis")
    centre = (spectrum.shape[1] // 2, spectrum.shape[0] // 2)
    left.add_patch(Circle(centre, frame.radius, fill=False, color=PALETTE[1], lw=1.4))
    middle.imshow(frame.image, vmin=0, vmax=1)
    outline(middle, frame.truth, TRUTH, "-", 1.6)
    outline(middle, frame.predicted, PREDICTION, "--", 1.3)
    bare(left)
    bare(middle)
    positions = np.arange(len(frame.x))
    right.plot(positions, frame.scores, color=PALETTE[0], lw=1.5)
    right.scatter(positions[frame.at], frame.scores[frame.at], s=45, color=PALETTE[1], zorder=3)
    right.axhline(frame.level, color=INK, lw=1, ls=":")
    right.set_xticks(positions, [f"{v:g}" for v in frame.x])
    right.set(xlabel=x_label, ylabel=y_label, ylim=(0, 1))
    right.set_title(f"{frame.scores[frame.at]:.3f} (No DA {frame.level:.3f})", fontsize=9)
    return figure
