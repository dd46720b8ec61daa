"""The experiment of AIVA: six systems on every pair of scanners, and on prostates.

`study(profile, data)` is what `medda run aiva` runs. `data` says where the numbers come from:

- "phantom": Table 1, all thirty pairs of six phantom scanners;
- "prostate": Table 2, six phantom prostate sites, each in turn the target of the other five;
- "clusters": Figure 5, AIVA on five of the pairs with 3 to 18 clusters;
- "real": both directions between two public sources of real heads, and between two acquisition
  matrices of one of them;
- "own", "own-prostate" and "own-clusters": the same on the paper's own data, where they are at hand.

AIVA with twelve clusters on a pair of Figure 5 is the same run in "phantom" and in "clusters", and is
done once. How much work each is stands in `BUDGETS`; where a budget departs from the paper, the
chapter lists it as a numbered deviation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise, permutations

from medda_lib.methods.adabn import AdaBN
from medda_lib.methods.adaptsegnet import AdaptSegNet
from medda_lib.methods.aiva import AIVA, Clustering
from medda_lib.methods.finetuning import Finetuning
from medda_lib.methods.seg_jdot import SegJDOT
from medda_lib.methods.segmenter.settings import Segmenter
from medda_lib.methods.segmenter.source_model import SourceModel
from medda_lib.papers.planning import Place, planned
from medda_lib.studies.method import Method
from medda_lib.studies.run import Study
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
TARGET_MODEL, SOURCE_MODEL = "Target site model", "Source site model"
SYSTEMS = (TARGET_MODEL, SOURCE_MODEL, "AdaBN", "Seg-JDOT", "AdaptSegNet", "AIVA")
OTHERS = "other sites"


@dataclass(frozen=True)
class Settings:
    """How the systems of one organ are trained. `discriminator`: width of AdaptSegNet's."""

    segmenter: Segmenter
    finetuning: Finetuning
    clustering: Clustering
    discriminator: int = 64

    def adapted(self) -> tuple[Method, ...]:
        """Every system that starts from the source network, in the order of the tables."""
        common = self.segmenter, self.finetuning
        return (
            SourceModel(self.segmenter),
            AdaBN(self.segmenter),
            SegJDOT(*common),
            AdaptSegNet(*common, width=self.discriminator),
            AIVA(*common, self.clustering),
        )


@dataclass(frozen=True)
class Budget:
    """What a profile spends.

    `sites`, `real_pairs`, `prostates_at` and `clusters` (the values of k) say how much of each study
    it runs.
    """

    seeds: int
    brain: Settings
    prostate: Settings
    phantoms: PhantomBrains
    real: RealBrains
    own: RealBrains
    prostates: PhantomProstates
    own_prostates: RealProstates
    sites: tuple[str, ...] = SITES
    real_pairs: tuple[tuple[str, str], ...] = REAL_PAIRS
    prostates_at: tuple[str, ...] = PROSTATE_SITES
    clusters: tuple[int, ...] = (3, 6, 9, 12, 15, 18)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """(source, target): all ordered pairs of sites, by source."""
        return tuple(permutations(self.sites, 2))

    @property
    def cluster_pairs(self) -> tuple[tuple[str, str], ...]:
        """Pairs of Figure 5. The paper names none of its five: each site and the next of Table 1."""
        return tuple(pairwise(self.sites))


_TINY = Segmenter(width=2, levels=3, steps=4, batch=4)
_SMOKE = Settings(_TINY, Finetuning(4, 4), Clustering(3, 4, iterations=250, starts=2), 4)
_DEMO = Settings(
    Segmenter(width=8, levels=4, steps=450, batch=16, learning_rate=2e-3),
    Finetuning(steps=120, batch=8),
    Clustering(),
    discriminator=16,
)
_DEMO_PROSTATE = replace(
    _DEMO,
    segmenter=replace(_DEMO.segmenter, normalise="standardise"),
)
_PAPER = Settings(Segmenter.aiva(), Finetuning.paper(), Clustering())
_NONE = 1e-6  # nothing here is tuned on labelled target scans
_CC359 = RealBrains("cc359", fractions=(0.7, 0.1, 0.2, _NONE), size=128, step=1)
_REAL = RealBrains(fractions=(0.5, 0.15, 0.35, _NONE), size=64, step=4)

BUDGETS = {
    "smoke": Budget(
        seeds=1,
        brain=_SMOKE,
        prostate=_SMOKE,
        phantoms=PhantomBrains(1, 1, 1, 1, size=32, step=8),
        real=replace(_REAL, size=32, step=8),
        own=replace(_CC359, size=32, step=8),
        prostates=PhantomProstates(1, 1, 1, size=32, slices=8),
        own_prostates=RealProstates(size=32, slices=8),
        sites=SITES[1:3],
        real_pairs=REAL_PAIRS[:1],
        prostates_at=PROSTATE_SITES[:2],
        clusters=(3, 4),
    ),
    "demo": Budget(
        seeds=3,
        brain=_DEMO,
        prostate=_DEMO_PROSTATE,
        phantoms=PhantomBrains(8, 1, 4, 1, size=64, step=4),
        real=_REAL,
        own=replace(_CC359, size=64, step=4),
        prostates=PhantomProstates(6, 1, 4, size=64, slices=16),
        own_prostates=RealProstates(size=64, slices=16),
    ),
    "paper": Budget(
        seeds=3,
        brain=_PAPER,
        prostate=replace(
            _PAPER,
            segmenter=replace(_PAPER.segmenter, steps=3500, normalise="standardise"),
            finetuning=Finetuning.prostate(),
        ),
        phantoms=PhantomBrains(40, 5, 15, 1, size=128, step=1),
        real=replace(_REAL, size=128, step=1),
        own=_CC359,
        prostates=PhantomProstates(18, 3, 9, size=128, slices=24),
        own_prostates=RealProstates(size=128, slices=24),
    ),
}


@dataclass(frozen=True)
class _Place(Place):
    """How this paper names its runs."""

    def run(self, system: str, source: str, target: str, method: Method, task: TaskSpec) -> RunSpec:
        k = str(method.clustering.k) if isinstance(method, AIVA) else "-"
        return self.spec(method, task, system=system, source=source, target=target, k=k)

    def systems(
        self, settings: Settings, source: str, target: str, task: TaskSpec
    ) -> Iterator[RunSpec]:
        for method in settings.adapted():
            name = SOURCE_MODEL if isinstance(method, SourceModel) else method.name
            yield self.run(name, source, target, method, task)

    def bound(self, settings: Settings, target: str, task: TaskSpec) -> RunSpec:
        return self.run(TARGET_MODEL, target, target, SourceModel(settings.segmenter), task)


def _brains(
    place: _Place, settings: Settings, data: Brains, pairs: tuple[tuple[str, str], ...]
) -> Iterator[RunSpec]:
    """The upper bound of a site where it first appears, then the pairs."""
    known: set[str] = set()
    for source, target in pairs:
        for site in (source, target):
            if site not in known:
                yield place.bound(settings, site, BrainTask(data, site, (site,)))
            known.add(site)
        task = BrainTask(data, source, (target,), adapt=target)
        yield from place.systems(settings, source, target, task)


def _phantom(place: _Place, budget: Budget) -> Iterator[RunSpec]:
    yield from _brains(place, budget.brain, budget.phantoms, budget.pairs)


def _own(place: _Place, budget: Budget) -> Iterator[RunSpec]:
    yield from _brains(place, budget.brain, budget.own, budget.pairs)


def _real(place: _Place, budget: Budget) -> Iterator[RunSpec]:
    yield from _brains(place, budget.brain, budget.real, budget.real_pairs)


def _prostates(place: _Place, budget: Budget, data: Prostates) -> Iterator[RunSpec]:
    for target in budget.prostates_at:
        yield place.bound(budget.prostate, target, ProstateTargetTask(data, target))
        yield from place.systems(budget.prostate, OTHERS, target, ProstateTask(data, target))


def _prostate(place: _Place, budget: Budget) -> Iterator[RunSpec]:
    yield from _prostates(place, budget, budget.prostates)


def _own_prostate(place: _Place, budget: Budget) -> Iterator[RunSpec]:
    yield from _prostates(place, budget, budget.own_prostates)


def _sweep(place: _Place, budget: Budget, data: Brains) -> Iterator[RunSpec]:
    settings = budget.brain
    for source, target in budget.cluster_pairs:
        task = BrainTask(data, source, (target,), adapt=target)
        for k in budget.clusters:
            clustering = replace(settings.clustering, k=k)
            method = AIVA(settings.segmenter, settings.finetuning, clustering)
            yield place.run("AIVA", source, target, method, task)


def _clusters(place: _Place, budget: Budget) -> Iterator[RunSpec]:
    yield from _sweep(place, budget, budget.phantoms)


def _own_clusters(place: _Place, budget: Budget) -> Iterator[RunSpec]:
    yield from _sweep(place, budget, budget.own)


DATA = {
    "phantom": _phantom,
    "prostate": _prostate,
    "clusters": _clusters,
    "real": _real,
    "own": _own,
    "own-prostate": _own_prostate,
    "own-clusters": _own_clusters,
}


def study(profile: str, data: str, seeds: int | None = None) -> Study:
    """The study of one profile and one source of numbers; ValueError names the choices."""
    return planned(_Place, PAPER, BUDGETS, DATA, profile, data, seeds)
