"""Pools of chest X-ray phantoms, rendered once per process.

A phantom domain plays the part of a data set: its images are numbered, and number, domain and part
(training, validation, test) alone decide what an image looks like. So every condition and every
repetition of a study sees the same "data set", as with real data; a repetition differs in which
images are labelled, in the initial weights and in the order of the batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch

from medda_lib.phantoms.chest_xray import DOMAINS, Radiographs, render
from medda_lib.phantoms.chest_xray.exposure import pixel_size
from medda_lib.phantoms.parameters import named
from medda_lib.studies.task import Pool
from medda_lib.tasks.phantom_seeds import first_seed

_CHUNK = 256


@lru_cache(maxsize=64)
def phantom_pool(
    name: str, part: str, count: int, size: int, rule: str, balanced: bool = False
) -> Pool:
    """`count` phantoms of a domain: images and masks (count, 1, size, size), labels, sizes of pixels.

    name: of a preset, or a point on the dial between two: "jsrt", "jsrt>nihx@0.25".
    part: "train", "validation" or "test"; parts share no image.
    rule: what the mask covers, "lungs" or "lungs_and_heart".
    balanced: every second one is ill, whatever the domain's prevalence.
    """
    place, first = named(name, DOMAINS, "phantom domain"), first_seed(name, part)
    chunks = [
        phantom_images(name, part, range(start, min(start + _CHUNK, count)), size, balanced)
        for start in range(0, count, _CHUNK)
    ]
    return Pool(
        images=torch.cat([chunk.images for chunk in chunks]),
        labels=torch.cat([chunk.labels for chunk in chunks]),
        masks=torch.cat([chunk.masks(rule) for chunk in chunks]),
        patients=tuple(f"{part} {i}" for i in range(count)),
        pixel=pixel_size(place, [first + i for i in range(count)], size),
    )


def phantom_images(
    name: str, part: str, numbers: Sequence[int], size: int, balanced: bool = False
) -> Radiographs:
    """Images of a pool by their numbers, with everything that is known about them."""
    first = first_seed(name, part)
    labels = [n % 2 for n in numbers] if balanced else None
    place = named(name, DOMAINS, "phantom domain")
    return render(place, [first + n for n in numbers], size, labels)
