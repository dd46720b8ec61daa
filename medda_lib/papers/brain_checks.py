"""Studies that check phantoms of the head before a method is judged on them, for any paper with heads.

A network that is not adapted is taken along a dial from one scanner to another, and from phantoms to
real heads; it is trained for half the steps; sites are told apart by a classifier. A paper says which
networks, and how it names what they were trained on. `benchmark` judges what comes out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

from medda_lib.methods.domain_probe import DomainProbe, Seen
from medda_lib.methods.source_model import SourceModel
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.training import with_recipe
from medda_lib.papers.planning import Place
from medda_lib.studies.spec import RunSpec
from medda_lib.tasks.brain import Brains, BrainSitesTask, BrainTask
from medda_lib.tasks.brain_phantoms import PhantomBrains
from medda_lib.tasks.brain_real import BrainRealismTask, RealBrains

HALF, WHOLE = "half", "all"
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
Checked = tuple[SourceModel, BrainTask | BrainRealismTask, str]
"""A network, what it is tested on, and what it was trained on in words."""


def dial(phantoms: PhantomBrains, ends: tuple[str, str]) -> BrainTask:
    """From home to another scanner in steps."""
    source, end = ends
    return BrainTask(phantoms, source, tuple(f"{source}>{end}@{s}" for s in STRENGTHS))


def trained(
    at: Place, segmenter: Segmenter, data: Brains, sites: Sequence[str]
) -> Iterator[RunSpec]:
    """Are the networks trained? Half the steps against all of them, at home and on the other sites."""
    half = with_recipe(segmenter, steps=segmenter.recipe.steps // 2)
    for site in sites:
        for recipe, steps in ((half, HALF), (segmenter, WHOLE)):
            method, task = SourceModel(recipe), BrainTask(data, site, tuple(sites))
            yield at.spec(method, task, system=method.name, source=site, steps=steps)


def separable(
    at: Place, segmenter: Segmenter, data: Brains, pairs: Iterable[tuple[str, str]]
) -> Iterator[RunSpec]:
    """Can a classifier tell the sites of each pair apart?"""
    for pair in pairs:
        for seen in get_args(Seen):
            method, task = DomainProbe(segmenter, seen), BrainSitesTask(data, (pair[0], pair[1]))
            yield at.spec(method, task, system=method.name, source=pair[0], target=pair[1])


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
