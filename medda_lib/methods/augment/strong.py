"""GAug: a random combination of fifteen changes, for views that are hard to classify (section 3.2).

The pool is the paper's: flip, crop, autocontrast, brightness, contrast, equalize, identity, posterize,
rotate, sharpness, shear x and y, solarize, translate x and y. The paper gives 30 degrees for rotation
and 30% for translation; the other ranges are those of the AutoAugment family it draws on.

Choices:
  - "any number of augmentations": each of the fifteen is taken with probability one half, for each
    image anew: 7.5 of them on average. (`Settings.strong_share` is that probability.) The released code
    flips and shifts every image and then takes one more change on average: `two_draws`.
  - Brightness, contrast and sharpness factors lie in [0.1, 1.9]. Those of FixMatch, [0.05, 0.95], and of
    the released code, 0.14 to 0.86, only darken and flatten, which the per-image normalisation would
    undo entirely; above 1 values clip, which it cannot undo.
  - Grey values change first, places last, so that the black corners of a turned image do not enter
    the histograms. Rotation, shear and translation are one resampling.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from medda_lib.methods.augment import intensity
from medda_lib.methods.augment.geometry import resample, rotation, shear, translation
from medda_lib.methods.augment.weak import move, uniform

POOL = (
    "flip",
    "crop",
    "autocontrast",
    "brightness",
    "contrast",
    "equalize",
    "identity",
    "posterize",
    "rotate",
    "sharpness",
    "shear x",
    "shear y",
    "solarize",
    "translate x",
    "translate y",
)
FACTORS = (0.1, 1.9)
BITS = (4, 8)
DEGREES = 30.0
SHEAR = 0.3
TRANSLATION = 0.3
SHARE = 0.5

Change = Callable[[Tensor, torch.Generator], Tensor]


def _with_factor(change: Callable[[Tensor, Tensor], Tensor], low: float, high: float) -> Change:
    def changed(images: Tensor, rng: torch.Generator) -> Tensor:
        return change(images, uniform(len(images), low, high, rng).to(images.device))

    return changed


def _posterize(images: Tensor, rng: torch.Generator) -> Tensor:
    bits = torch.randint(BITS[0], BITS[1] + 1, (len(images),), generator=rng)
    return intensity.posterize(images, bits.to(images.device))


GREY: Mapping[str, Change] = {
    "autocontrast": lambda images, _: intensity.autocontrast(images),
    "brightness": _with_factor(intensity.brightness, *FACTORS),
    "contrast": _with_factor(intensity.contrast, *FACTORS),
    "equalize": lambda images, _: intensity.equalize(images),
    "posterize": _posterize,
    "sharpness": _with_factor(intensity.sharpness, *FACTORS),
    "solarize": _with_factor(intensity.solarize, 0.0, 1.0),
}


def strong(images: Tensor, rng: torch.Generator, share: float = SHARE) -> Tensor:
    """Each image (n, 1, h, w) in [0, 1] through its own random subset of `POOL`.

    Args:
        images: square images, any device.
        rng: a generator of the CPU.
        share: probability of taking each change.
    """
    return apply(images, torch.rand(len(images), len(POOL), generator=rng) < share, rng)


def apply(images: Tensor, taken: Tensor, rng: torch.Generator) -> Tensor:
    """The changes that `taken` (n, 15) bool names for each image, with random magnitudes."""
    column = dict(zip(POOL, taken.unbind(dim=1), strict=True))
    changed = images.clone()
    for name, change in GREY.items():
        chosen = column[name].nonzero().flatten().to(images.device)
        if len(chosen):
            changed[chosen] = change(changed[chosen], rng)
    changed = move(changed, column["flip"], column["crop"], rng)
    chosen = torch.stack([column[name] for name in POOL if " " in name or name == "rotate"]).any(0)
    if chosen.any():
        changed[chosen] = resample(changed[chosen], _maps(column, rng)[chosen].to(images.device))
    return changed


def _maps(column: Mapping[str, Tensor], rng: torch.Generator) -> Tensor:
    """One affine map (n, 3, 3) per image; the identity where nothing was taken."""

    def signed(name: str, reach: float) -> Tensor:
        return uniform(len(column[name]), -reach, reach, rng) * column[name]

    turned = rotation(signed("rotate", DEGREES))
    sheared = shear(signed("shear x", SHEAR), signed("shear y", SHEAR))
    moved = translation(signed("translate x", TRANSLATION), signed("translate y", TRANSLATION))
    return turned @ sheared @ moved
