"""The radiograph after each step of its making, for pages that explain how it is made.

`render` keeps only what a network needs: the picture and its truth. Here the same steps, on the same
random numbers, leave their intermediate results behind, so the last one equals what `render` gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from medda_lib.phantoms.chest_xray import findings
from medda_lib.phantoms.chest_xray.acquisition import detect, display, slow, smooth
from medda_lib.phantoms.chest_xray.attenuation import transmission
from medda_lib.phantoms.chest_xray.domains import Domain
from medda_lib.phantoms.chest_xray.hardware import decorate, lines
from medda_lib.phantoms.chest_xray.patient import Stream, anatomy
from medda_lib.phantoms.chest_xray.render import _grid, _project, _tilt


@dataclass(frozen=True)
class Stages:
    """One picture (n, s, s) per step.

    Attributes:
        integral: line integrals of the attenuation coefficient, no unit.
        blurred: the same after the detector's blur.
        primary: fraction of the quanta that pass without interacting.
        scatter: fraction that arrives after having been scattered.
        counted: quanta counted relative to an empty beam, with their noise.
        shown: grey values in [0, 1], as `render` gives them.
        lungs: the true outline, bool.
    """

    integral: Tensor
    blurred: Tensor
    primary: Tensor
    scatter: Tensor
    counted: Tensor
    shown: Tensor
    lungs: Tensor

    @property
    def expected(self) -> Tensor:
        """What the detector would count without noise: primary and scatter together."""
        return self.primary + self.scatter


@torch.no_grad()
def stages(domain: Domain, seeds: Sequence[int], size: int) -> Stages:
    """The steps from rays to grey values; arguments as for `render`, a few seeds at a time."""
    if not seeds:
        raise ValueError("seeds: give at least one")
    if not 32 <= size <= 1024:
        raise ValueError(f"size: {size} must lie between 32 and 1024 pixels")
    stream = Stream(seeds)
    patient = anatomy(domain, stream)
    kinds = findings.draw_labels(domain, stream, None)
    grid = _grid(domain, patient, stream, size)
    layers = torch.stack(_project(domain, grid, patient, stream, kinds), 1)
    layers = _tilt(layers, domain, stream)
    integral, lungs = layers[:, 0] + lines(domain, stream, size), layers[:, 1] > 0
    blurred = smooth(integral, domain.blur * size / domain.fov_width)
    primary = transmission(blurred)
    scatter = slow(blurred * primary, 1.4) * (0.5 * domain.scatter)  # as in `detect`
    dx, dy = grid.step
    counted = detect(blurred, domain, stream, dx * dy)
    # the display works in place on what it is given
    shown = decorate(display(counted.clone(), lungs, domain, stream), domain, stream)
    return Stages(integral, blurred, primary, scatter, counted, shown, lungs)
