"""The experiment of AIVA: six systems on every pair of scanners, and on prostates.

`paper.toml` says what the kinds of data are. AIVA with twelve clusters on a pair of Figure 5 is the same
run in "phantom" and in "clusters", and is done once. Where a budget departs from the paper, the chapter
lists it as a numbered deviation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise, permutations

from medda_lib.methods.aiva import AIVA, Clustering
from medda_lib.methods.finetuning import PROSTATE, SKULL_STRIPPING
from medda_lib.methods.source_model import SourceModel
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.training import Poly, Recipe, with_recipe
from medda_lib.papers.adapted import Settings
from medda_lib.papers.planning import Kinds, Place, by_profile, studies
from medda_lib.studies.method import Method
from medda_lib.studies.spec import RunSpec
from medda_lib.studies.task import TaskSpec
from medda_lib.tasks.brain import Brains, BrainTask
from medda_lib.tasks.brain_phantoms import PhantomBrains
from medda_lib.tasks.brain_real import RealBrains
from medda_lib.tasks.prostate import Prostates, ProstateTargetTask, ProstateTask
from medda_lib.tasks.prostate_pools import PROSTATE_SITES, PhantomProstates, RealProstates

PAPER = "aiva"
SITES = ("sm15", "sm3", "ge15", "ge3", "ph15", "ph3")
REAL_PAIRS = (
    ("ixi_hh", "nichart_demo"),
    ("nichart_demo", "ixi_hh"),
    ("nichart_106", "nichart_88"),
    ("nichart_88", "nichart_106"),
)
CLUSTERS = (3, 6, 9, 12, 15, 18)
TARGET_MODEL, SOURCE_MODEL, OTHERS = "Target site model", "Source site model", "other sites"
SYSTEMS = (TARGET_MODEL, SOURCE_MODEL, "AdaBN", "Seg-JDOT", "AdaptSegNet", "AIVA")


@dataclass(frozen=True)
class Budget:
    """What a profile spends; `sites` to `clusters` (values of k) say how much of each study it runs."""

    seeds: int
    brain: Settings
    prostate: Settings
    phantoms: PhantomBrains
    prostates: PhantomProstates
    sites: tuple[str, ...]
    real_pairs: tuple[tuple[str, str], ...]
    prostates_at: tuple[str, ...]
    clusters: tuple[int, ...]

    def heads(self, known: RealBrains) -> RealBrains:
        """Real heads on the grid of this profile's phantoms."""
        return replace(known, size=self.phantoms.size, step=self.phantoms.step)

    def glands(self) -> RealProstates:
        """Real prostates on the grid of this profile's phantoms."""
        return RealProstates(size=self.prostates.size, slices=self.prostates.slices)


_BRIEF = replace(SKULL_STRIPPING, steps=4, batch=4, precision="float32")
_TINY = Segmenter(Recipe(steps=4, batch=4, schedule=Poly()), width=2, levels=3)
_SMOKE = Settings(_TINY, _BRIEF, Clustering(3, 4, iterations=250, starts=2), 4)
_SMALL = Segmenter(Recipe(450, 2e-3, batch=16, schedule=Poly()), width=8, levels=4)
_DEMO = Settings(_SMALL, replace(_BRIEF, steps=120, batch=8), Clustering(), discriminator=16)
_PAPER = Settings(Segmenter.aiva(), SKULL_STRIPPING, Clustering())
_STANDARDISED = replace(with_recipe(Segmenter.aiva(), steps=3500), normalise="standardise")
_CC359 = RealBrains("cc359", (0.7, 0.1, 0.2, 1e-6))  # nothing is tuned on targets
_REAL = RealBrains(fractions=(0.5, 0.15, 0.35, 1e-6))

BUDGETS = by_profile(
    Budget,
    seeds=(1, 3, 3),
    brain=(_SMOKE, _DEMO, _PAPER),
    prostate=(
        _SMOKE,
        replace(_DEMO, segmenter=replace(_SMALL, normalise="standardise")),
        replace(_PAPER, segmenter=_STANDARDISED, finetuning=PROSTATE),
    ),
    phantoms=(
        PhantomBrains(1, 1, 1, 1, size=32, step=8),
        PhantomBrains(8, 1, 4, 1, size=64, step=4),
        PhantomBrains(40, 5, 15, 1, size=128, step=1),
    ),
    prostates=(
        PhantomProstates(1, 1, 1, size=32, slices=8),
        PhantomProstates(6, 1, 4, size=64, slices=16),
        PhantomProstates(18, 3, 9, size=128, slices=24),
    ),
    sites=(SITES[1:3], SITES, SITES),
    real_pairs=(REAL_PAIRS[:1], REAL_PAIRS, REAL_PAIRS),
    prostates_at=(PROSTATE_SITES[:2], PROSTATE_SITES, PROSTATE_SITES),
    clusters=((3, 4), CLUSTERS, CLUSTERS),
)


def _run(at: Place, name: str, source: str, target: str, method: Method, task: TaskSpec) -> RunSpec:
    k = str(method.clustering.k) if isinstance(method, AIVA) else "-"
    return at.spec(method, task, system=name, source=source, target=target, k=k)


def _brains(
    at: Place, settings: Settings, data: Brains, pairs: Iterable[tuple[str, str]]
) -> Iterator[RunSpec]:
    """The upper bound of a site where it first appears, then the pairs (source, target)."""
    known: set[str] = set()
    bound = SourceModel(settings.segmenter)
    for source, target in pairs:
        for site in (site for site in (source, target) if site not in known):
            yield _run(at, TARGET_MODEL, site, site, bound, BrainTask(data, site, (site,)))
            known.add(site)
        task = BrainTask(data, source, (target,), adapt=target)
        for name, method in settings.adapted().items():
            yield _run(at, name, source, target, method, task)


def _prostates(at: Place, b: Budget, data: Prostates) -> Iterator[RunSpec]:
    for target in b.prostates_at:
        bound, alone = SourceModel(b.prostate.segmenter), ProstateTargetTask(data, target)
        yield _run(at, TARGET_MODEL, target, target, bound, alone)
        for name, method in b.prostate.adapted().items():
            yield _run(at, name, OTHERS, target, method, ProstateTask(data, target))


def _clusters(at: Place, b: Budget, data: Brains) -> Iterator[RunSpec]:
    """Figure 5. The paper names none of its five pairs: each site and the next of Table 1."""
    for source, target in pairwise(b.sites):
        task = BrainTask(data, source, (target,), adapt=target)
        for k in b.clusters:
            method = b.brain.aiva(replace(b.brain.clustering, k=k))
            yield _run(at, "AIVA", source, target, method, task)


DATA: Kinds[Budget] = {
    "phantom": lambda at, b: _brains(at, b.brain, b.phantoms, permutations(b.sites, 2)),
    "prostate": lambda at, b: _prostates(at, b, b.prostates),
    "clusters": lambda at, b: _clusters(at, b, b.phantoms),
    "real": lambda at, b: _brains(at, b.brain, b.heads(_REAL), b.real_pairs),
    "own": lambda at, b: _brains(at, b.brain, b.heads(_CC359), permutations(b.sites, 2)),
    "own-prostate": lambda at, b: _prostates(at, b, b.glands()),
    "own-clusters": lambda at, b: _clusters(at, b, b.heads(_CC359)),
}

study = studies(PAPER, BUDGETS, DATA)
