"""From a domain and a list of seeds to radiographs with their truth.

How a picture comes about is told in `exposure`; here it is checked what is asked for, and kept what a
network needs. Work is done in small chunks, because a chunk that stays in the processor's cache is
several times faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from medda_lib.phantoms.chest_xray import findings
from medda_lib.phantoms.chest_xray.domains import RULES, Domain
from medda_lib.phantoms.chest_xray.exposure import expose

_CHUNK_PIXELS = 8 * 128 * 128


@dataclass(frozen=True)
class Radiographs:
    """Images (n, 1, s, s) float32 in [0, 1] with dense tissue bright, and what is true of them.

    `lungs` stops at the heart, `lungs_and_heart` runs on behind it to the mediastinum; `disease` is
    where more than a tenth of the air is replaced; all bool (n, 1, s, s). `labels` int64 (n,): 0
    normal, 1 pneumonia. `patterns`: "none", "lobar", "interstitial" or "diffuse".
    """

    images: Tensor
    lungs: Tensor
    lungs_and_heart: Tensor
    labels: Tensor
    disease: Tensor
    patterns: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)

    def masks(self, rule: str) -> Tensor:
        """Lung masks (n, 1, s, s) by label rule, "lungs" or "lungs_and_heart"."""
        if rule not in RULES:
            raise ValueError(f"rule: {rule!r} is unknown; choose one of {', '.join(RULES)}")
        return self.lungs if rule == "lungs" else self.lungs_and_heart


def render(
    domain: Domain, seeds: Sequence[int], size: int = 128, labels: Sequence[int] | None = None
) -> Radiographs:
    """Make one radiograph per seed.

    Args:
        domain: where the pictures are taken.
        seeds: non-negative integers; the same seed is the same person in every domain.
        size: side of the square picture in pixels, 32 to 1024.
        labels: 0 or 1 per seed; drawn with the domain's prevalence if None.
    """
    seeds = [int(seed) for seed in seeds]
    if not 32 <= size <= 1024:
        raise ValueError(f"size: {size} must lie between 32 and 1024 pixels")
    if any(seed < 0 for seed in seeds):
        raise ValueError("seeds: must not be negative")
    if labels is not None:
        labels = [int(label) for label in labels]
        if len(labels) != len(seeds):
            raise ValueError(f"labels: {len(labels)} labels for {len(seeds)} seeds")
        if any(label not in (0, 1) for label in labels):
            raise ValueError("labels: must be 0 (normal) or 1 (pneumonia)")
    step = max(1, _CHUNK_PIXELS // size**2)
    chunks = [slice(start, start + step) for start in range(0, len(seeds), step)]
    parts = [_chunk(domain, seeds[c], size, None if labels is None else labels[c]) for c in chunks]
    if not parts:
        empty = torch.zeros(0, 1, size, size, dtype=torch.bool)
        return Radiographs(
            empty.float(), empty, empty, torch.zeros(0, dtype=torch.int64), empty, ()
        )
    return Radiographs(
        torch.cat([p.images for p in parts]),
        torch.cat([p.lungs for p in parts]),
        torch.cat([p.lungs_and_heart for p in parts]),
        torch.cat([p.labels for p in parts]),
        torch.cat([p.disease for p in parts]),
        sum((p.patterns for p in parts), ()),
    )


def _chunk(domain: Domain, seeds: list[int], size: int, labels: list[int] | None) -> Radiographs:
    made = expose(domain, seeds, size, labels)
    sick = (made.replaced > findings.VISIBLE) & made.lungs
    return Radiographs(
        made.shown[:, None].contiguous(),
        made.lungs[:, None],
        made.lungs_and_heart[:, None],
        torch.from_numpy((made.kinds > 0).astype(np.int64)),
        sick[:, None],
        tuple(findings.PATTERNS[kind] for kind in made.kinds),
    )
