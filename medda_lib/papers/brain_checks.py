"""Studies that check phantoms of the head before a method is judged on them, for any paper with heads.

A network that is not adapted is taken along a dial from one scanner to another, and from phantoms to
real heads. A paper says which networks, and how it names what they were trained on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from medda_lib.methods.source_model import SourceModel
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.tasks.brain import BrainTask
from medda_lib.tasks.brain_phantoms import PhantomBrains
from medda_lib.tasks.brain_real import BrainRealismTask, RealBrains

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
Checked = tuple[SourceModel, BrainTask | BrainRealismTask, str]
"""A network, what it is tested on, and what it was trained on in words."""


def dial(phantoms: PhantomBrains, ends: tuple[str, str]) -> BrainTask:
    """From home to another scanner in steps."""
    source, end = ends
    return BrainTask(phantoms, source, tuple(f"{source}>{end}@{s}" for s in STRENGTHS))


def realism(
    phantoms: PhantomBrains, real: RealBrains, sites: tuple[str, ...], recipes: Iterable[Segmenter]
) -> Iterator[Checked]:
    """From phantoms of all scanners to real heads, and the reference: from each real site."""
    for recipe in recipes:
        standardised = ", standardised" * (recipe.normalise == "standardise")
        how = f"{recipe.recipe.steps:,} steps{standardised}"
        task = BrainRealismTask(phantoms, real, sites)
        yield SourceModel(recipe), task, f"phantoms, {how}"
        for source in sites:
            yield SourceModel(recipe), BrainTask(real, source, sites), f"{source}, {how}"
