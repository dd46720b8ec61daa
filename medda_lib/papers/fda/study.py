"""The experiment of feather-light Fourier adaptation: five systems over a grid of beta, six pairs.

Rows have one beta each; `derive` makes those of Tables 2 and 3. Deviations stand in the chapter. A beta
means the same wave only on the same grid: betas are written for the papers' 1 mm (their released grid),
and scaled with the voxel, so that a disc holds the same cycles per head at every profile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from medda_lib.methods.fda import FourierAdaptation
from medda_lib.methods.source_model import SourceModel
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.training import LastFifth, Poly, Recipe
from medda_lib.papers import brain_checks, tuned
from medda_lib.papers.pairs import SEVERITIES, Pair, printed_matrix, six, targets
from medda_lib.papers.planning import Kinds, Place, by_profile, studies
from medda_lib.papers.test_time import plain, run, swaps
from medda_lib.studies.spec import RunSpec
from medda_lib.tasks.brain import Brains, BrainTask
from medda_lib.tasks.brain_phantoms import PhantomBrains
from medda_lib.tasks.brain_real import RealBrains

PAPER, METRIC = "fda", tuned.METRIC
SITES, REAL_SITES = ("sm15", "sm3", "ge15", "ge3", "ph15", "ph3"), ("ixi_hh", "nichart_demo")
DIAL = "sm3", "ge3"  # every parameter moves one way, and every contrast (a test)
OUR_SIX = ("ge15 sm3", "ge3 sm3", "sm3 ph3", "ph15 sm3", "sm15 ge3", "ph3 ph15")
PAIRS: Mapping[str, Mapping[str, Pair]] = {
    "phantom": {n: Pair(*p.split()) for n, p in zip(SEVERITIES, OUR_SIX, strict=True)},
    "real": {str(p): p for p in (Pair(*REAL_SITES), Pair(*REAL_SITES[::-1]))},
    "own": six(printed_matrix(PAPER, "1")),
}
"""`six` of the first repetition of the committed matrix (a test recomputes it), measured before anything
was adapted, and of Table 1, which gives Table 2's cells."""


@dataclass(frozen=True)
class Budget:
    """What a profile spends; a small one runs some of the pairs and of the sites only.

    live: steps of the live part. betas: at 1 mm; shown: that of Figure 3. donors: n_MST.
    """

    seeds: int
    segmenter: Segmenter
    live: int
    phantoms: PhantomBrains
    real: RealBrains
    own: RealBrains
    betas: tuple[float, ...]
    donors: int
    pairs: tuple[str, ...]
    sites: tuple[str, ...]
    shown: float = 0.03

    def swaps(self, at_one_mm: float) -> Iterator[FourierAdaptation]:
        """Every swap at one beta."""
        return swaps(self.segmenter, self.donors, self.beta(at_one_mm))

    def beta(self, at_one_mm: float) -> float:
        """The beta of the same disc on this profile's grid."""
        return round(at_one_mm * self.phantoms.view.spacing[1], 6)

    def chosen(self, data: str) -> dict[str, Pair]:
        """The pairs of a kind of data that this profile runs."""
        return {n: p for n, p in PAIRS[data].items() if n in self.pairs or n not in SEVERITIES}


_SMOKE = Segmenter(Recipe(4, batch=4, schedule=LastFifth()), 2, 3, loss="bce+dice")
_DEMO = Segmenter(Recipe(1600, 5e-3, batch=2, schedule=Poly()), 8, 4, loss="bce+dice")
_CUT, _SLAB = (1.0, 99.0), (26, 34)
_CC359 = RealBrains("cc359", (0.63, 0.04, 0.165, 0.165), 0, 192, 1, 1.0, None, _CUT)
_REAL = RealBrains("brain_sites", (0.45, 0.05, 0.35, 0.15), 0, 128, 1, 1.5, _SLAB, _CUT)
_COARSE = replace(_CC359, size=128, voxel=1.5, slab=_SLAB)
_GRID = (0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.035)

BUDGETS = by_profile(
    Budget,
    seeds=(1, 5, 3),
    segmenter=(_SMOKE, _DEMO, Segmenter.fda()),
    live=(_SMOKE.recipe.steps, 400, Segmenter.fda().recipe.steps),
    phantoms=(
        PhantomBrains(3, 1, 2, 1, 32, 2, slab=_SLAB, percentiles=_CUT),
        PhantomBrains(24, 1, 12, 4, 128, 1, slab=_SLAB, percentiles=_CUT),
        PhantomBrains(38, 2, 10, 10, 192, 1, voxel=1.0, percentiles=_CUT),
    ),
    real=(replace(_REAL, size=32, step=2), _REAL, replace(_REAL, slab=None)),
    own=(replace(_COARSE, size=32, step=2), _COARSE, _CC359),
    betas=((0.005, 0.035), _GRID[::3], _GRID),
    donors=(3, 7, 7),
    pairs=(("Severe #1", "Subtle #1"), SEVERITIES, SEVERITIES),
    sites=(DIAL, SITES, SITES),
)


def _on_pairs(at: Place, b: Budget, data: Brains, sites: tuple[str, ...]) -> Iterator[RunSpec]:
    """No DA on all sites, and the swaps over the grid on the pairs' targets, source by source."""
    for source, mine in targets(b.chosen(at.data).values()).items():
        tested = tuple(site for site in (*SITES, *REAL_SITES) if site in {*sites, *mine, source})
        for method in plain(b.segmenter):
            yield run(at, method, BrainTask(data, source, tested), source)
        task = BrainTask(data, source, mine, tuning=True)
        for beta in b.betas:
            for swap in b.swaps(beta):
                yield run(at, swap, task, source)


def _table1(at: Place, b: Budget, data: Brains) -> Iterator[RunSpec]:
    for source in b.sites:
        yield run(at, SourceModel(b.segmenter), BrainTask(data, source, b.sites), source)


def _dial(at: Place, b: Budget) -> Iterator[RunSpec]:
    for method in (SourceModel(b.segmenter), next(b.swaps(b.shown))):
        yield run(at, method, brain_checks.dial(b.phantoms, DIAL), DIAL[0])


def _home(at: Place, b: Budget, data: Brains) -> Iterator[RunSpec]:
    """Where there is nothing to adapt to: every system on its network's own scanner."""
    for source in targets(b.chosen("phantom").values()):
        for method in (*plain(b.segmenter), *b.swaps(b.shown)):
            yield run(at, method, BrainTask(data, source, (source,)), source)


def _realism(at: Place, b: Budget) -> Iterator[RunSpec]:
    """Standardised, too: a vessel or fat is a real scan's brightest voxel, and leaves the rest dark."""
    recipes = (b.segmenter, replace(b.segmenter, normalise="standardise"))
    for found in brain_checks.realism(b.phantoms, b.real, REAL_SITES, recipes):
        yield run(at, *found)


DATA: Kinds[Budget] = {
    "phantom": lambda at, b: _on_pairs(at, b, b.phantoms, b.sites),
    "matrix": lambda at, b: _table1(at, b, b.phantoms),
    "real": lambda at, b: _on_pairs(at, b, b.real, REAL_SITES),
    "dial": _dial,
    "home": lambda at, b: _home(at, b, b.phantoms),
    "trained": lambda at, b: brain_checks.trained(at, b.segmenter, b.phantoms, DIAL),
    "separable": lambda at, b: brain_checks.separable(
        at, b.segmenter, b.phantoms, b.chosen("phantom").values()
    ),
    "realism": _realism,
    "own": lambda at, b: _on_pairs(at, b, b.own, b.sites),
    "own-matrix": lambda at, b: _table1(at, b, b.own),
}

study = studies(PAPER, BUDGETS, DATA)
derive = tuned.derivation(PAIRS)
