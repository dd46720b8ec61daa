"""A profile says how much work a chapter does, and nothing else.

Which data are used is a separate choice: `paper` runs on phantoms too. The profile's name is part of a
run's key, so that rows of two profiles never mix; the numbers behind it (steps, images, seeds) live
with the paper that chooses them, in its `study.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """A named budget. `seeds` is the least number of repetitions that a study at it must have."""

    name: str
    seeds: int
    budget: str


PROFILES: Mapping[str, Profile] = {
    p.name: p
    for p in (
        Profile("smoke", 1, "the whole chapter in 25 s of processor time; it proves the path only"),
        Profile("demo", 3, "live part within 3 min; the study behind it about an hour on 2 cores"),
        Profile("paper", 3, "the paper's sizes, steps and seeds; meant for GPUs"),
    )
}


def profile(name: str) -> Profile:
    """The profile of this name; `ValueError` lists the known ones."""
    if name not in PROFILES:
        raise ValueError(f"unknown profile {name!r}: use one of {', '.join(PROFILES)}")
    return PROFILES[name]
