"""Pools of real chest X-rays: a folder found through `MEDDA_DATA`, split by patient.

The split is a property of the data, not of a run: it is drawn once with a fixed seed, so that all
methods and repetitions share the same test images.
"""

from __future__ import annotations

from functools import lru_cache

import torch

from medda_lib.datasets.content import Content, content
from medda_lib.datasets.registry import CHEST_XRAYS, find, load
from medda_lib.datasets.splits import split_by_patient
from medda_lib.studies.task import Pool

PARTS = ("train", "validation", "test")


def real_pool(
    name: str, part: str, size: int, fractions: tuple[float, float, float], split_seed: int
) -> Pool:
    """One part ("train", "validation", "test" or "all") of a data set at size x size.

    Raises DatasetError when the data set is not there, with how to get it.
    """
    return _part(name, part, size, fractions, split_seed, content(find(name)))


@lru_cache(maxsize=32)
def _part(
    name: str,
    part: str,
    size: int,
    fractions: tuple[float, float, float],
    split_seed: int,
    holds: Content,
) -> Pool:
    """holds: the set's files, so that a pool is made anew when they change."""
    whole = _load(name, size, holds)
    if part == "all":
        return whole
    labels = None if whole.labels is None else whole.labels.numpy()
    shares = dict(zip(PARTS, fractions, strict=True))
    parts = split_by_patient(whole.patients, shares, split_seed, labels=labels)
    return whole.take(torch.as_tensor(parts[part], dtype=torch.int64))


@lru_cache(maxsize=8)
def _load(name: str, size: int, _holds: Content) -> Pool:
    loaded = load(CHEST_XRAYS, name, size=size)
    unknown = torch.full((len(loaded), 2), torch.nan, dtype=torch.float64)
    # A set that knows the pixels of some of its files only is not measured in millimetres.
    known = loaded.pixel is not None and not bool(loaded.pixel.isnan().any())
    return Pool(
        loaded.images,
        loaded.patients,
        labels=loaded.labels,
        masks=loaded.masks,
        pixel=loaded.pixel if known else unknown,
    )
