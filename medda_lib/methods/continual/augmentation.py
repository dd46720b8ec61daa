"""nnU-Net's augmentations of 3-D patches, by MONAI: probabilities and ranges are nnU-Net's.

Isensee et al. (2021), supplementary note 4: rotation, scaling, Gaussian noise and blur, brightness,
contrast, simulated low resolution, gamma (also of the inverted image) and mirroring. MONAI's transforms
stand in for batchgenerators', so single draws differ; what is drawn from does not. Values are kept in
[0, 1], as everywhere in this library.
"""

from __future__ import annotations

from functools import cache
from math import radians

import torch
from monai.transforms.compose import Compose
from monai.transforms.intensity import dictionary as intensity
from monai.transforms.spatial import dictionary as spatial
from monai.transforms.utility.dictionary import ToTensord
from torch import Tensor

TURN = radians(30)
IMAGE, MASK = "image", "mask"


def augmented(images: Tensor, masks: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Images (b, 1, d, h, w) in [0, 1] and bool masks, each scan changed in its own way."""
    results = []
    for image, mask in zip(images, masks, strict=True):
        chain = _chain()
        chain.set_random_state(int(torch.randint(2**31 - 1, (1,), generator=generator)))
        results.append(chain({IMAGE: image, MASK: mask.float()}))
    changed = torch.stack([torch.as_tensor(r[IMAGE]) for r in results])
    moved = torch.stack([torch.as_tensor(r[MASK]) for r in results])
    return changed.clamp(0, 1), moved > 0.5


@cache
def _chain() -> Compose:
    """The transforms in nnU-Net's order."""
    both, image = [IMAGE, MASK], [IMAGE]
    return Compose(
        [
            spatial.RandRotated(
                both, TURN, TURN, TURN, prob=0.2, mode=("bilinear", "nearest"), padding_mode="zeros"
            ),
            spatial.RandZoomd(
                both, prob=0.2, min_zoom=0.7, max_zoom=1.4, mode=("trilinear", "nearest")
            ),
            intensity.RandGaussianNoised(image, prob=0.1, std=0.1),
            intensity.RandGaussianSmoothd(image, (0.5, 1.0), (0.5, 1.0), (0.5, 1.0), prob=0.2),
            intensity.RandScaleIntensityd(image, factors=(-0.25, 0.25), prob=0.15),
            intensity.RandScaleIntensityFixedMeand(image, factors=(-0.25, 0.25), prob=0.15),
            spatial.RandSimulateLowResolutiond(image, prob=0.25, zoom_range=(0.5, 1.0)),
            intensity.RandAdjustContrastd(image, prob=0.1, gamma=(0.7, 1.5), invert_image=True),
            intensity.RandAdjustContrastd(image, prob=0.3, gamma=(0.7, 1.5)),
            *(spatial.RandFlipd(both, prob=0.5, spatial_axis=axis) for axis in range(3)),
            ToTensord(both, track_meta=False),
        ]
    )
