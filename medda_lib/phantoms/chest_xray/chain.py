"""The radiograph after each step of its making, for pages that explain how it is made.

`render` keeps only what a network needs: the picture and its truth. Here the same exposure shows its
intermediate results, and the beam's two parts, so the last step equals what `render` gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from medda_lib.phantoms.chest_xray.acquisition import slow
from medda_lib.phantoms.chest_xray.attenuation import transmission
from medda_lib.phantoms.chest_xray.domains import Domain
from medda_lib.phantoms.chest_xray.exposure import expose


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
    made = expose(domain, seeds, size)
    primary = transmission(made.blurred)
    scatter = slow(made.blurred * primary, 1.4) * (0.5 * domain.scatter)  # as in `detect`
    return Stages(
        made.integral, made.blurred, primary, scatter, made.counted, made.shown, made.lungs
    )
