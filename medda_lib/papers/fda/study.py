"""The experiment of feather-light Fourier adaptation: five systems over a grid of beta, six pairs.

`paper.toml` says what the kinds of data are. A source model tested on all sites is the same run in
"matrix" and in "phantom", and is done once. Where a budget departs from the paper, the chapter lists it
as a numbered deviation. Rows have one beta each; `derive` makes the rows of Tables 2 and 3 of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from medda_lib.methods.fda import FourierAdaptation
from medda_lib.methods.fda.donors import Choice
from medda_lib.methods.source_model import SourceModel
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.training import LastFifth, Poly, Recipe, with_recipe
from medda_lib.papers import tuned
from medda_lib.papers.pairs import SEVERITIES, Pair, printed_matrix, six
from medda_lib.papers.planning import Kinds, Place, by_profile, planned
from medda_lib.studies.run import Study
from medda_lib.studies.spec import RunSpec
from medda_lib.tasks.brain import Brains, BrainTask
from medda_lib.tasks.brain_phantoms import PhantomBrains
from medda_lib.tasks.brain_real import BrainRealismTask, RealBrains

PAPER, METRIC = "fda", tuned.METRIC
Task = BrainTask | BrainRealismTask
SITES = ("sm15", "sm3", "ge15", "ge3", "ph15", "ph3")
REAL_SITES = ("ixi_hh", "nichart_demo")
CHOICES: tuple[Choice, ...] = ("3D", "2.5D", "2D")
DIAL, STRENGTHS, DIAL_BETA = ("sm3", "ge15"), (0.0, 0.25, 0.5, 0.75, 1.0), 0.03

OUR_SIX = ("sm3 ge15", "ge15 sm3", "ph3 ge3", "ph3 sm15", "ph15 ph3", "ph15 sm15")
"""`six` of the committed matrix of phantoms, source and target; a test recomputes them."""

PAIRS: Mapping[str, Mapping[str, Pair]] = {
    "phantom": {n: Pair(*p.split()) for n, p in zip(SEVERITIES, OUR_SIX, strict=True)},
    "real": {str(p): p for p in (Pair(*REAL_SITES), Pair(*REAL_SITES[::-1]))},
    "own": six(printed_matrix(PAPER, "1")),
}
"""The paper names no pair. `six` of its Table 1 gives the scores of its Table 2, cell for cell."""


@dataclass(frozen=True)
class Budget:
    """What a profile spends: who is trained how (`segmenter`), on what, how often.

    brief: steps of a second recipe of the realism study, which shows whether what a network learns late
    still holds for real heads. live: steps of the chapter's live part. real_betas: the grid on real
    scans. donors: n_MST. A small profile runs some of the pairs and of the sites only.
    """

    seeds: int
    segmenter: Segmenter
    brief: int
    live: int
    phantoms: PhantomBrains
    real: RealBrains
    own: RealBrains
    betas: tuple[float, ...]
    real_betas: tuple[float, ...]
    donors: int
    pairs: tuple[str, ...]
    sites: tuple[str, ...]

    def chosen(self, data: str) -> dict[str, Pair]:
        """The pairs of a kind of data that this profile runs."""
        return {n: p for n, p in PAIRS[data].items() if n in self.pairs or n not in SEVERITIES}


_BRIEF = Recipe(steps=4, batch=4, schedule=LastFifth())
_LONG = Recipe(steps=4000, batch=4, learning_rate=5e-3, schedule=Poly())
_SMOKE = Segmenter(_BRIEF, width=2, levels=3, loss="bce+dice")
_DEMO = Segmenter(_LONG, width=8, levels=4, loss="bce+dice")
_CC359 = RealBrains("cc359", fractions=(0.63, 0.04, 0.165, 0.165), size=128, step=1)
_GRID = (0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15)

BUDGETS = by_profile(
    Budget,
    seeds=(1, 3, 3),
    segmenter=(_SMOKE, _DEMO, Segmenter.fda()),
    brief=(2, 400, 1000),
    live=(_BRIEF.steps, 1500, Segmenter.fda().recipe.steps),
    phantoms=(
        PhantomBrains(3, 1, 2, 1, size=32, step=16),
        PhantomBrains(24, 1, 4, 2, size=128, step=4),
        PhantomBrains(38, 2, 10, 10, size=128, step=1),
    ),
    real=(
        RealBrains(size=32, step=16),
        RealBrains(fractions=(0.6, 0.1, 0.2, 0.1), size=128, step=4),
        RealBrains(size=128, step=1),
    ),
    own=(replace(_CC359, size=32, step=16), replace(_CC359, step=4), _CC359),
    betas=((0.03, 0.12), (0.01, 0.03, 0.06, 0.12), _GRID),
    real_betas=((0.03, 0.12), (0.01, 0.12), _GRID),
    donors=(3, 7, 7),
    pairs=(("Severe #1", "Subtle #1"), SEVERITIES, SEVERITIES),
    sites=(DIAL, SITES, SITES),
)


def swaps(b: Budget, beta: float, data: str) -> Iterator[FourierAdaptation]:
    """The systems with swapped amplitudes at one beta, the paper's proposals first.

    On real scans there is one more: a swap with any slice of any scan, as one might try first.
    """
    for choice in (*CHOICES, "random"):
        yield FourierAdaptation(b.segmenter, choice, b.donors, beta)
    for choice in ("random", "any slice") if data == "real" else ("random",):
        yield FourierAdaptation(b.segmenter, choice, 1, beta)


def _run(at: Place, method: SourceModel | FourierAdaptation, task: Task, source: str) -> RunSpec:
    if isinstance(method, SourceModel):
        return at.spec(method, task, system="No DA", beta="-", source=source)
    return at.spec(method, task, system=method.name, beta=f"{method.beta:g}", source=source)


def _on_pairs(at: Place, b: Budget, data: Brains, sites: tuple[str, ...]) -> Iterator[RunSpec]:
    """No DA on all sites, and the swaps over the grid on the pairs' targets, source by source."""
    targets: dict[str, tuple[str, ...]] = {}
    for pair in b.chosen(at.data).values():
        targets[pair.source] = (*targets.get(pair.source, ()), pair.target)
    for source, mine in targets.items():
        tested = tuple(site for site in (*SITES, *REAL_SITES) if site in {*sites, *mine, source})
        yield _run(at, SourceModel(b.segmenter), BrainTask(data, source, tested), source)
        task = BrainTask(data, source, mine, tuning=True)
        for beta in b.real_betas if at.data == "real" else b.betas:
            for method in swaps(b, beta, at.data):
                yield _run(at, method, task, source)


def _table1(at: Place, b: Budget, data: Brains) -> Iterator[RunSpec]:
    for source in b.sites:
        yield _run(at, SourceModel(b.segmenter), BrainTask(data, source, b.sites), source)


def _dial(at: Place, b: Budget) -> Iterator[RunSpec]:
    """From home to another scanner in steps, unadapted and adapted at one beta."""
    source, end = DIAL
    task = BrainTask(b.phantoms, source, tuple(f"{source}>{end}@{s}" for s in STRENGTHS))
    for method in (SourceModel(b.segmenter), next(swaps(b, DIAL_BETA, at.data))):
        yield _run(at, method, task, source)


def _realism(at: Place, b: Budget) -> Iterator[RunSpec]:
    """From phantoms of all scanners to real heads, and the reference: from each real site.

    A scan scaled by its brightest voxel is as dark as that vessel or patch of fat is bright, which no
    phantom gets right; the third recipe gives each slice mean 0 and variance 1 instead.
    """
    standardised = replace(b.segmenter, normalise="standardise")
    for recipe in (b.segmenter, with_recipe(b.segmenter, steps=b.brief), standardised):
        how = f"{recipe.recipe.steps:,} steps" + ", standardised" * (recipe is standardised)
        task = BrainRealismTask(b.phantoms, b.real, REAL_SITES)
        yield _run(at, SourceModel(recipe), task, f"phantoms, {how}")
        for source in REAL_SITES:
            reference = BrainTask(b.real, source, REAL_SITES)
            yield _run(at, SourceModel(recipe), reference, f"{source}, {how}")


DATA: Kinds[Budget] = {
    "phantom": lambda at, b: _on_pairs(at, b, b.phantoms, b.sites),
    "matrix": lambda at, b: _table1(at, b, b.phantoms),
    "real": lambda at, b: _on_pairs(at, b, b.real, REAL_SITES),
    "dial": _dial,
    "realism": _realism,
    "own": lambda at, b: _on_pairs(at, b, b.own, b.sites),
    "own-matrix": lambda at, b: _table1(at, b, b.own),
}


def study(profile: str, data: str, seeds: int | None = None) -> Study:
    """The study of one profile and one source of numbers; ValueError names the choices."""
    return planned(PAPER, BUDGETS, DATA, profile, data, seeds)


def derive(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of Tables 2 and 3 and of the claims; those of a study without pairs as they are."""
    return tuned.derive(frame, PAIRS.get(str(frame["data"].iloc[0]), {}))
