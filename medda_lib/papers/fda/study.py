"""The experiment of feather-light Fourier adaptation: five systems over a grid of beta, six pairs.

Rows have one beta each; `derive` makes those of Tables 2 and 3. Deviations stand in the chapter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from medda_lib.methods.fda import FourierAdaptation
from medda_lib.methods.fda.donors import Choice
from medda_lib.methods.source_model import SourceModel
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.training import LastFifth, Poly, Recipe, with_recipe
from medda_lib.papers import brain_checks, tuned
from medda_lib.papers.pairs import SEVERITIES, Pair, printed_matrix, six, targets
from medda_lib.papers.planning import Kinds, Place, by_profile, studies
from medda_lib.studies.spec import RunSpec
from medda_lib.studies.task import TaskSpec
from medda_lib.tasks.brain import Brains, BrainTask
from medda_lib.tasks.brain_phantoms import PhantomBrains
from medda_lib.tasks.brain_real import RealBrains

PAPER, METRIC = "fda", tuned.METRIC
SITES, REAL_SITES = ("sm15", "sm3", "ge15", "ge3", "ph15", "ph3"), ("ixi_hh", "nichart_demo")
CHOICES: tuple[Choice, ...] = ("3D", "2.5D", "2D", "random")
DIAL, DIAL_BETA = ("sm3", "ge15"), 0.03
OUR_SIX = ("sm3 ge15", "ge15 sm3", "ph3 ge3", "ph3 sm15", "ph15 ph3", "ph15 sm15")
PAIRS: Mapping[str, Mapping[str, Pair]] = {
    "phantom": {n: Pair(*p.split()) for n, p in zip(SEVERITIES, OUR_SIX, strict=True)},
    "real": {str(p): p for p in (Pair(*REAL_SITES), Pair(*REAL_SITES[::-1]))},
    "own": six(printed_matrix(PAPER, "1")),
}
"""`six` of the committed matrix (a test recomputes it) and of Table 1, which gives Table 2's cells."""


@dataclass(frozen=True)
class Budget:
    """What a profile spends; a small one runs some of the pairs and of the sites only.

    brief: steps of a second recipe of the realism study: does what is learned late hold for real heads?
    live: steps of the live part. real_betas: the grid on real scans. donors: n_MST.
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


_SMOKE = Segmenter(Recipe(4, batch=4, schedule=LastFifth()), 2, 3, loss="bce+dice")
_DEMO = Segmenter(Recipe(4000, 5e-3, batch=4, schedule=Poly()), 8, 4, loss="bce+dice")
_CC359 = RealBrains("cc359", fractions=(0.63, 0.04, 0.165, 0.165), size=128, step=1)
_REAL, _FEW = RealBrains(size=128, step=1), (0.6, 0.1, 0.2, 0.1)
_GRID = (0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15)

BUDGETS = by_profile(
    Budget,
    seeds=(1, 3, 3),
    segmenter=(_SMOKE, _DEMO, Segmenter.fda()),
    brief=(2, 400, 1000),
    live=(_SMOKE.recipe.steps, 1500, Segmenter.fda().recipe.steps),
    phantoms=(
        PhantomBrains(3, 1, 2, 1, size=32, step=16),
        PhantomBrains(24, 1, 4, 2, size=128, step=4),
        PhantomBrains(38, 2, 10, 10, size=128, step=1),
    ),
    real=(replace(_REAL, size=32, step=16), replace(_REAL, fractions=_FEW, step=4), _REAL),
    own=(replace(_CC359, size=32, step=16), replace(_CC359, step=4), _CC359),
    betas=((0.03, 0.12), (0.01, 0.03, 0.06, 0.12), _GRID),
    real_betas=((0.03, 0.12), (0.01, 0.12), _GRID),
    donors=(3, 7, 7),
    pairs=(("Severe #1", "Subtle #1"), SEVERITIES, SEVERITIES),
    sites=(DIAL, SITES, SITES),
)


def swaps(b: Budget, beta: float, data: str) -> Iterator[FourierAdaptation]:
    """The paper's proposals first; on real scans one more, a swap with any slice of any scan."""
    for choice in CHOICES:
        yield FourierAdaptation(b.segmenter, choice, b.donors, beta)
    for choice in ("random", "any slice") if data == "real" else ("random",):
        yield FourierAdaptation(b.segmenter, choice, 1, beta)


def _run(
    at: Place, method: SourceModel | FourierAdaptation, task: TaskSpec, source: str
) -> RunSpec:
    if isinstance(method, SourceModel):
        return at.spec(method, task, system="No DA", beta="-", source=source)
    return at.spec(method, task, system=method.name, beta=f"{method.beta:g}", source=source)


def _on_pairs(at: Place, b: Budget, data: Brains, sites: tuple[str, ...]) -> Iterator[RunSpec]:
    """No DA on all sites, and the swaps over the grid on the pairs' targets, source by source."""
    for source, mine in targets(b.chosen(at.data).values()).items():
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
    """Unadapted and adapted at one beta."""
    for method in (SourceModel(b.segmenter), next(swaps(b, DIAL_BETA, at.data))):
        yield _run(at, method, brain_checks.dial(b.phantoms, DIAL), DIAL[0])


def _realism(at: Place, b: Budget) -> Iterator[RunSpec]:
    """Standardised, too: a vessel or fat is a real scan's brightest voxel, and leaves the rest dark."""
    standardised = replace(b.segmenter, normalise="standardise")
    recipes = (b.segmenter, with_recipe(b.segmenter, steps=b.brief), standardised)
    for found in brain_checks.realism(b.phantoms, b.real, REAL_SITES, recipes):
        yield _run(at, *found)


DATA: Kinds[Budget] = {
    "phantom": lambda at, b: _on_pairs(at, b, b.phantoms, b.sites),
    "matrix": lambda at, b: _table1(at, b, b.phantoms),
    "real": lambda at, b: _on_pairs(at, b, b.real, REAL_SITES),
    "dial": _dial,
    "realism": _realism,
    "own": lambda at, b: _on_pairs(at, b, b.own, b.sites),
    "own-matrix": lambda at, b: _table1(at, b, b.own),
}

study = studies(PAPER, BUDGETS, DATA)


derive = tuned.derivation(PAIRS)
