"""One normalisation for every image that enters a network: mean 0 and standard deviation 1, per image.

The paper says "normalised" and no more. MultiMix's released code maps segmentation images to [-1, 1] and
leaves classification images in [0, 1], though one encoder gets both; here training, validation and
prediction call this one function, at the last moment before the network, so that they cannot drift
apart.

It undoes what brightness and contrast changes did, except where values were clipped: two of the
fifteen strong augmentations are weaker for it.
"""

from __future__ import annotations

from torch import Tensor

TINY = 1e-6


def standardise(images: Tensor) -> Tensor:
    """(n, c, h, w) to mean 0 and standard deviation 1 per image; a flat image becomes zeros."""
    centred = images - images.mean(dim=(1, 2, 3), keepdim=True)
    spread = centred.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return centred / spread.clamp_min(TINY)
