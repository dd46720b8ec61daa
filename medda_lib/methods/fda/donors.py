"""Whose style a slice takes: donors among the slices of the source scans.

Five ways. Two draw without looking: "random" takes random scans at the slice's own position (so does
the released code), "any slice" takes random slices from anywhere in random scans. Three look for
resemblance by SR-SIM: "3D" takes the scans whose slices resemble the target's on average, the same for
all slices of a scan; "2D" asks at each position which scans have the most similar slice; "2.5D" asks
the same of all slices up to two positions away. A swap leaves artefacts where the two images differ in
content, and resemblance keeps them small.

Slices of a pool are numbered through: slice k of scan s is s * depth + k. Scans are assumed to be
aligned (position k is the same height in every head).
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from medda_lib.methods.fda.srsim import Features, similarity_of

Choice = Literal["random", "any slice", "2D", "2.5D", "3D"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
BLIND = ("random", "any slice")
REACH = 2
"""Positions to either side that "2.5D" looks at: m of Zakazov et al., section 3."""


def random_donors(
    choice: Choice, depth: int, scans: int, count: int, generator: torch.Generator
) -> Tensor:
    """Slices (depth, count) drawn without looking, none twice for the same slice.

    choice: "random" or "any slice". Raises ValueError when there are fewer candidates than `count`.
    """
    candidates = scans if choice == "random" else scans * depth
    _enough(candidates, count, choice)
    device = generator.device
    drawn = torch.rand(depth, candidates, generator=generator, device=device)
    order = drawn.argsort(dim=1)[:, :count]
    positions = torch.arange(depth, device=device)[:, None]
    return order * depth + positions if choice == "random" else order


def similarities(target: Features, sources: Features, reach: int = 0) -> Tensor:
    """SR-SIM (depth, scans, 2 reach + 1) of each slice with those at nearby positions of each scan.

    target: the maps of one scan of `depth` slices. sources: those of whole scans of as many slices.
    Entry [k, s, j] compares slice k with slice k + j - reach of scan s; -inf beyond a scan's ends.
    """
    depth = len(target)
    if depth == 0 or len(sources) % depth:
        raise ValueError(f"sources: {len(sources)} slices are not whole scans of {depth}")
    scans, device = len(sources) // depth, target.saliency.device
    slices, positions = (
        torch.arange(depth, device=device),
        torch.arange(-reach, reach + 1, device=device),
    )
    at = (slices[:, None] + positions)[:, None, :].expand(depth, scans, len(positions))
    index = torch.arange(scans, device=device)[None, :, None] * depth + at
    inside = (at >= 0) & (at < depth)
    first = slices[:, None, None].expand_as(index)[inside]
    found = torch.full(index.shape, -torch.inf, device=device)
    found[inside] = similarity_of(target, sources, first, index[inside])
    return found


def similar_donors(choice: Choice, similarity: Tensor, count: int) -> Tensor:
    """The `count` most similar slices for each slice, (depth, count), best first.

    similarity: from `similarities`, with reach 0 for "2D" and "3D". On a tie the lower number wins.
    Source: Zakazov et al., section 3.
    """
    depth, scans, width = similarity.shape
    if choice == "3D":
        if width != 1:
            raise ValueError(f"similarity: 3D compares equal positions, got {width} of them")
        _enough(scans, count, choice)
        best = _best(similarity[:, :, 0].mean(dim=0), count)
        return best * depth + torch.arange(depth, device=best.device)[:, None]
    candidates = int(similarity.isfinite().sum(dim=(1, 2)).min())
    _enough(candidates, count, choice)
    best = _best(similarity.flatten(1), count)
    scan, offset = best // width, best % width - width // 2
    return scan * depth + torch.arange(depth, device=best.device)[:, None] + offset


def reach_of(choice: Choice) -> int:
    """Positions to either side that a choice compares."""
    return REACH if choice == "2.5D" else 0


def _best(values: Tensor, count: int) -> Tensor:
    return values.sort(dim=-1, descending=True, stable=True).indices[..., :count]


def _enough(candidates: int, count: int, choice: str) -> None:
    if not 1 <= count <= candidates:
        raise ValueError(
            f"donors: {count} for each slice, but {choice!r} has {candidates} candidates; "
            "use fewer donors or more source scans"
        )
