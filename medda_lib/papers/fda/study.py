"""The experiment of feather-light Fourier adaptation: five systems over a grid of beta, six pairs.

`study(profile, data)` is what `medda run fda` runs. `data` says where the numbers come from:

- "phantom": Tables 2 and 3, six pairs of phantom scanners;
- "matrix": Table 1, each of six source models on all six scanners;
- "real": both directions between two public sources of real scans;
- "dial": one source model, and its adaptation, while the scanner moves away from home;
- "realism": trained on phantoms only, tested on real scans, beside a network trained on real scans;
- "own" and "own-matrix": the paper's own data set, CC359, where it is at hand.

A source model tested on all sites is the same run in "matrix" and in "phantom", and is done once.
How much work each is stands in `BUDGETS`; where a budget departs from the paper, the chapter lists it
as a numbered deviation. Rows have one beta each; `derive` makes the rows of Tables 2 and 3 of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from medda_lib.methods.fda import FourierAdaptation
from medda_lib.methods.fda.donors import Choice
from medda_lib.methods.segmenter.settings import Segmenter
from medda_lib.methods.segmenter.source_model import SourceModel
from medda_lib.papers.fda.pairs import SEVERITIES, Pair, pairs_of
from medda_lib.papers.fda.rules import derive
from medda_lib.papers.planning import Place, planned
from medda_lib.studies.run import Study
from medda_lib.studies.spec import RunSpec
from medda_lib.studies.task import TaskSpec
from medda_lib.tasks.brain import Brains, BrainTask
from medda_lib.tasks.brain_phantoms import PhantomBrains
from medda_lib.tasks.brain_real import BrainRealismTask, RealBrains

__all__ = ["BUDGETS", "DATA", "derive", "study"]

PAPER = "fda"
SITES = ("sm15", "sm3", "ge15", "ge3", "ph15", "ph3")
REAL_SITES = ("ixi_hh", "nichart_demo")
CHOICES: tuple[Choice, ...] = ("3D", "2.5D", "2D")
N_MST = 7
DIAL = ("sm3", "ge15")
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
DIAL_BETA = 0.03


@dataclass(frozen=True)
class Budget:
    """What a profile spends.

    `segmenter` trains each source model. The realism study has a second, shorter recipe, `brief`, to
    see whether what a network learns late still holds for real heads. The chapter's live part trains
    by `live`, so that it takes minutes. `donors` is n_MST.
    `real_betas` is the grid on real scans: at `demo` the ends of the range. A small profile runs some
    of the pairs and of the sites only.
    """

    seeds: int
    segmenter: Segmenter
    brief: Segmenter
    live: Segmenter
    phantoms: PhantomBrains
    real: RealBrains
    own: RealBrains
    betas: tuple[float, ...] = (0.01, 0.03, 0.06, 0.12)
    real_betas: tuple[float, ...] = (0.01, 0.12)
    donors: int = N_MST
    pairs: tuple[str, ...] = SEVERITIES
    sites: tuple[str, ...] = SITES

    def chosen(self, data: str) -> dict[str, Pair]:
        """The pairs of a kind of data that this profile runs."""
        known = pairs_of(data)
        return {n: p for n, p in known.items() if n in self.pairs or n not in SEVERITIES}


CC359 = RealBrains("cc359", fractions=(0.63, 0.04, 0.165, 0.165), size=128, step=1)
_SMOKE = Segmenter(width=2, levels=3, steps=4, batch=4, schedule="step", loss="bce+dice")
_DEMO = Segmenter(width=8, levels=4, steps=4000, batch=4, learning_rate=5e-3, loss="bce+dice")

BUDGETS = {
    "smoke": Budget(
        seeds=1,
        segmenter=_SMOKE,
        brief=replace(_SMOKE, steps=2),
        live=_SMOKE,
        phantoms=PhantomBrains(3, 1, 2, 1, size=32, step=16),
        real=RealBrains(size=32, step=16),
        own=replace(CC359, size=32, step=16),
        betas=(0.03, 0.12),
        real_betas=(0.03, 0.12),
        donors=3,
        pairs=("Severe #1", "Subtle #1"),
        sites=DIAL,
    ),
    "demo": Budget(
        seeds=3,
        segmenter=_DEMO,
        brief=replace(_DEMO, steps=400),
        live=replace(_DEMO, steps=1500),
        phantoms=PhantomBrains(24, 1, 4, 2, size=128, step=4),
        real=RealBrains(fractions=(0.6, 0.1, 0.2, 0.1), size=128, step=4),
        own=replace(CC359, step=4),
    ),
    "paper": Budget(
        seeds=3,
        segmenter=Segmenter.fda(),
        brief=replace(Segmenter.fda(), steps=1000),
        live=Segmenter.fda(),
        phantoms=PhantomBrains(38, 2, 10, 10, size=128, step=1),
        real=RealBrains(size=128, step=1),
        own=CC359,
        betas=(0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15),
        real_betas=(0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15),
    ),
}


def swaps(segmenter: Segmenter, donors: int, beta: float) -> tuple[FourierAdaptation, ...]:
    """The five systems with swapped amplitudes at one beta, the paper's proposals first."""
    chosen = (FourierAdaptation(segmenter, choice, donors, beta) for choice in CHOICES)
    several = FourierAdaptation(segmenter, "random", donors, beta)
    return (*chosen, several, replace(several, donors=1))


@dataclass(frozen=True)
class _Place(Place):
    """How this paper names its runs."""

    def run(self, method: SourceModel | FourierAdaptation, task: TaskSpec, source: str) -> RunSpec:
        name, beta = "No DA", "-"
        if isinstance(method, FourierAdaptation):
            name, beta = method.name, f"{method.beta:g}"
        return self.spec(method, task, system=name, beta=beta, source=source)


def _on_pairs(
    place: _Place,
    budget: Budget,
    data: Brains,
    sites: tuple[str, ...],
    extra: tuple[FourierAdaptation, ...] = (),
) -> Iterator[RunSpec]:
    """No DA on all sites, and the swaps over the grid on the pairs' targets, source by source."""
    for source, targets in _by_source(budget.chosen(place.data).values()).items():
        wanted = {*sites, *targets, source}
        tested = tuple(site for site in (*SITES, *REAL_SITES) if site in wanted)
        yield place.run(SourceModel(budget.segmenter), BrainTask(data, source, tested), source)
        task = BrainTask(data, source, targets, tuning=True)
        for beta in budget.real_betas if place.data == "real" else budget.betas:
            more = (replace(method, beta=beta) for method in extra)
            for method in (*swaps(budget.segmenter, budget.donors, beta), *more):
                yield place.run(method, task, source)


def _phantom(place: _Place, budget: Budget) -> Iterator[RunSpec]:
    yield from _on_pairs(place, budget, budget.phantoms, budget.sites)


def _own(place: _Place, budget: Budget) -> Iterator[RunSpec]:
    yield from _on_pairs(place, budget, budget.own, budget.sites)


def _real(place: _Place, budget: Budget) -> Iterator[RunSpec]:
    """Both directions; one more system: a swap with any slice of any scan, as one might try first.

    The source model's own site is tested too: for the other direction it is the upper bound.
    """
    first_try = FourierAdaptation(budget.segmenter, "any slice", 1)
    yield from _on_pairs(place, budget, budget.real, REAL_SITES, (first_try,))


def _matrix(place: _Place, budget: Budget) -> Iterator[RunSpec]:
    yield from _table1(place, budget, budget.phantoms)


def _own_matrix(place: _Place, budget: Budget) -> Iterator[RunSpec]:
    yield from _table1(place, budget, budget.own)


def _table1(place: _Place, budget: Budget, data: Brains) -> Iterator[RunSpec]:
    for source in budget.sites:
        task = BrainTask(data, source, budget.sites)
        yield place.run(SourceModel(budget.segmenter), task, source)


def _dial(place: _Place, budget: Budget) -> Iterator[RunSpec]:
    """From home to another scanner in steps, unadapted and adapted at one beta."""
    source, end = DIAL
    task = BrainTask(budget.phantoms, source, tuple(f"{source}>{end}@{s}" for s in STRENGTHS))
    adapted = FourierAdaptation(budget.segmenter, "3D", budget.donors, DIAL_BETA)
    for method in (SourceModel(budget.segmenter), adapted):
        yield place.run(method, task, source)


def _realism(place: _Place, budget: Budget) -> Iterator[RunSpec]:
    """From phantoms of all scanners to real heads, and the reference: from each real site.

    A scan scaled by its brightest voxel is as dark as that vessel or patch of fat is bright, which no
    phantom gets right; the third recipe gives each slice mean 0 and variance 1 instead.
    """
    for recipe in (
        budget.segmenter,
        budget.brief,
        replace(budget.segmenter, normalise="standardise"),
    ):
        method, how = SourceModel(recipe), f"{recipe.steps:,} steps"
        how += ", standardised" if recipe.normalise == "standardise" else ""
        task = BrainRealismTask(budget.phantoms, budget.real, REAL_SITES)
        yield place.run(method, task, f"phantoms, {how}")
        for source in REAL_SITES:
            task_of_source = BrainTask(budget.real, source, REAL_SITES)
            yield place.run(method, task_of_source, f"{source}, {how}")


DATA = {
    "phantom": _phantom,
    "matrix": _matrix,
    "real": _real,
    "dial": _dial,
    "realism": _realism,
    "own": _own,
    "own-matrix": _own_matrix,
}


def study(profile: str, data: str, seeds: int | None = None) -> Study:
    """The study of one profile and one source of numbers; ValueError names the choices."""
    return planned(_Place, PAPER, BUDGETS, DATA, profile, data, seeds)


def _by_source(pairs: Iterable[Pair]) -> Mapping[str, tuple[str, ...]]:
    """The targets of each source, in order."""
    found: dict[str, tuple[str, ...]] = {}
    for pair in pairs:
        found[pair.source] = (*found.get(pair.source, ()), pair.target)
    return found
