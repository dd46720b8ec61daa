"""The strong views of MultiMix's released code: two draws of thirteen changes, each carried out or not.

MultiMix.py:266-273 and 213-246: every image is flipped with probability one half and shifted by up to 4
of 256 pixels (the border mirrored); then twice a change is drawn, with replacement, given one of nine
magnitudes, and carried out with probability one half. So an image undergoes one drawn change on average,
and in one of four cases none. `strong` takes 7.5 of fifteen.

What differs: a turned or sheared image is resampled bilinearly, the code takes the nearest pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from medda_lib.methods.augment import intensity
from medda_lib.methods.augment.geometry import resample, rotation, shear, translation
from medda_lib.methods.augment.weak import move

SHIFT = 4 / 256
DRAWS = 2
CHANCE = 0.5
MAGNITUDES = 10  # of which 1 to 9 are drawn

Change = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Images (n, 1, h, w), magnitudes (n,) int64 and signs (n,) of 1 or -1 to changed images."""


def _factor(magnitudes: Tensor) -> Tensor:
    """0.14 to 0.86: darker, flatter, smoother."""
    return 0.9 * magnitudes / MAGNITUDES + 0.05


def _whole(magnitudes: Tensor, most: int) -> Tensor:
    """That part of `most`, rounded down."""
    return magnitudes * most // MAGNITUDES


def _sheared(images: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Sheared about the first pixel's corner, not the centre: what is far from it moves most."""
    maps = shear(x, y)
    maps[:, 0, 2], maps[:, 1, 2] = x, y
    return resample(images, maps)


def _translated(images: Tensor, magnitudes: Tensor, signs: Tensor, axis: int) -> Tensor:
    """Along axis -1 or -2 by whole pixels, up to 27% of the size."""
    size = images.shape[axis]
    share = signs * (3 * size * magnitudes // (10 * MAGNITUDES)) / size
    still = torch.zeros_like(share)
    return resample(images, translation(share, still) if axis == -1 else translation(still, share))


CHANGES: Mapping[str, Change] = {
    "autocontrast": lambda images, *_: intensity.autocontrast(images),
    "brightness": lambda images, m, _: intensity.brightness(images, _factor(m)),
    "contrast": lambda images, m, _: intensity.contrast(images, _factor(m)),
    "equalize": lambda images, *_: intensity.equalize(images),
    "identity": lambda images, *_: images,
    "posterize": lambda images, m, _: intensity.posterize(images, _whole(m, 4) + 4),
    "rotate": lambda images, m, s: resample(images, rotation(s * _whole(m, 30))),
    "sharpness": lambda images, m, _: intensity.sharpness(images, _factor(m)),
    "shear x": lambda images, m, s: _sheared(images, s * 0.03 * m, 0 * s),
    "shear y": lambda images, m, s: _sheared(images, 0 * s, s * 0.03 * m),
    "solarize": lambda images, m, _: intensity.solarize(images, (256 - _whole(m, 256)) / 255),
    "translate x": lambda images, m, s: _translated(images, m, s, -1),
    "translate y": lambda images, m, s: _translated(images, m, s, -2),
}


def two_draws(images: Tensor, rng: torch.Generator, draws: int = DRAWS) -> Tensor:
    """Each square image (n, 1, h, w) in [0, 1] through its own changes.

    rng: a generator of the CPU; equal states give equal results on every device.
    """
    n = len(images)
    always = torch.ones(n, dtype=torch.bool)
    changed = move(images, always, always, rng, SHIFT)
    for _ in range(draws):
        drawn = torch.randint(len(CHANGES), (n,), generator=rng)
        magnitudes = torch.randint(1, MAGNITUDES, (n,), generator=rng)
        signs = 1.0 - 2.0 * torch.randint(2, (n,), generator=rng)
        done = torch.rand(n, generator=rng) < CHANCE
        changed = _each(changed, torch.where(done, drawn, -1), magnitudes, signs)
    return changed


def _each(images: Tensor, drawn: Tensor, magnitudes: Tensor, signs: Tensor) -> Tensor:
    """Each image through the change of its number, none for -1."""
    changed, device = images.clone(), images.device
    for number, change in enumerate(CHANGES.values()):
        chosen = (drawn == number).nonzero().flatten()
        if len(chosen):
            m, s, where = magnitudes[chosen].to(device), signs[chosen].to(device), chosen.to(device)
            changed[where] = change(changed[where], m, s)
    return changed
