"""A swap of low frequencies, seen in both worlds: images above, their spectra below.

Spectra are drawn as log amplitudes with zero frequency in the middle and the swapped disc as a circle.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from numpy.typing import ArrayLike, NDArray

from medda_lib.figures.style import PALETTE, bare, canvas, styled


def log_amplitude(image: ArrayLike) -> NDArray[np.float64]:
    """log(1 + |F|) of an image (h, w), zero frequency in the middle."""
    found = np.log1p(np.abs(np.fft.fftshift(np.fft.fft2(np.asarray(image, dtype=float)))))
    return np.asarray(found, dtype=np.float64)


@styled
def spectra(images: Mapping[str, ArrayLike], radius: float, zoom: int | None = None) -> Figure:
    """Images (h, w) in [0, 1] by title, and under each its spectrum with the disc of `radius`.

    radius: in frequency pixels. zoom: show the spectra out to this frequency only.
    """
    if not images:
        raise ValueError("images: there is nothing to draw")
    figure, axes = canvas(2, len(images), width=1.75 * len(images) + 0.2, height=3.8)
    known = [log_amplitude(image) for image in images.values()]
    top = max(float(spectrum.max()) for spectrum in known)
    for column, (title, image) in enumerate(images.items()):
        upper, lower = axes[:, column]
        upper.imshow(np.asarray(image), vmin=0, vmax=1)
        upper.set_title(title, fontsize=9)
        lower.imshow(known[column], vmin=0, vmax=top, cmap="cividis")
        h, w = known[column].shape
        reach = min(zoom or h, h // 2)
        lower.set(
            xlim=(w // 2 - reach, w // 2 + reach - 1), ylim=(h // 2 + reach - 1, h // 2 - reach)
        )
        lower.add_patch(
            Circle((w // 2, h // 2), radius, fill=False, color=PALETTE[1], lw=1.6, ls="-")
        )
        bare(upper)
        bare(lower)
    return figure


@styled
def radial(curves: Mapping[str, ArrayLike], marks: Mapping[str, float] | None = None) -> Figure:
    """Mean log amplitude by distance from zero frequency, a line for each name.

    curves: name -> values (r,) at radius 0, 1, 2 ... frequency pixels. marks: name -> radius, drawn as
    vertical lines.
    """
    figure, axes = canvas(width=6.4, height=3.2)
    axis = axes[0, 0]
    for name, values in curves.items():
        axis.plot(np.asarray(values, dtype=float), lw=1.5, label=name)
    for name, radius in (marks or {}).items():
        axis.axvline(radius, lw=1, ls=":", color=PALETTE[6])
        axis.annotate(
            name,
            (radius, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(2, -9),
            textcoords="offset points",
            fontsize=8,
        )
    axis.set(xlabel="distance from zero frequency (cycles per image)", ylabel="mean log amplitude")
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
