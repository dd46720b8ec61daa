"""One training, live: a run of the study itself, kept in memory with all that a picture may need.

It is trained on phantoms whatever the page's data, so that every picture may be shown to anybody.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medda_lib.methods.aiva import AIVA, AIVAPredictor, Clustering
from medda_lib.methods.finetuning import Sites, sites_of
from medda_lib.methods.segmenter.predictor import SegmenterPredictor
from medda_lib.papers.aiva.study import study
from medda_lib.papers.live import fitted
from medda_lib.studies.setting import UNSUPERVISED_ADAPTATION
from medda_lib.studies.spec import RunSpec
from medda_lib.studies.task import Pool, Task

Curve = tuple[list[int], list[float]]


@dataclass
class Live:
    """A system after its training, with its task; `losses` map a term to (steps, values)."""

    spec: RunSpec
    task: Task
    predictor: SegmenterPredictor
    losses: dict[str, Curve]

    @property
    def condition(self) -> dict[str, str]:
        """system, source, target and k."""
        return dict(self.spec.condition)

    @property
    def name(self) -> str:
        """The system's name."""
        return self.condition["system"]

    @property
    def measured_on(self) -> str:
        """What to print beside a picture of this run."""
        c = self.condition
        return (
            f"Live on phantoms: {c['system']}, {c['source']} to {c['target']}, profile "
            f"{self.spec.profile}, repetition {self.spec.seed}."
        )

    @property
    def adapted(self) -> AIVAPredictor:
        """The predictor of an AIVA run; TypeError for another system."""
        if not isinstance(self.predictor, AIVAPredictor):
            raise TypeError(f"{self.name} has no clusters: train AIVA")
        return self.predictor

    @property
    def clustering(self) -> Clustering:
        """The settings of an AIVA run's clusters."""
        if not isinstance(self.spec.method, AIVA):
            raise TypeError(f"{self.name} has no clusters: train AIVA")
        return self.spec.method.clustering

    @property
    def sites(self) -> Sites:
        """What the adaptation saw: source, source validation, bare target slices."""
        return sites_of(self.task.view(UNSUPERVISED_ADAPTATION))

    @property
    def tests(self) -> Pool:
        """The target's test scans."""
        (pool,) = self.task.tests().values()
        return pool

    def heights(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """How high in its scan each slice lies, 0 the lowest and 1 the highest: source, target."""
        depth = self.sites.source.depth
        source, target = (np.arange(n) % depth / (depth - 1) for n in self.counts)
        return source, target

    @property
    def counts(self) -> tuple[int, int]:
        """Training slices of the source and of the target."""
        return len(self.sites.source), len(self.sites.target)


def train(
    profile: str, data: str, system: str, source: str, target: str, *, seed: int, device: str
) -> Live:
    """Train one condition of the study, watched by a progress bar.

    Raises ValueError if the study has no such condition, or is not about phantoms.
    """
    if data not in ("phantom", "prostate"):
        raise ValueError(f"{data!r}: live runs are on phantoms ('phantom' or 'prostate')")
    wanted = {"system": system, "source": source, "target": target}
    spec, task, predictor, _ = fitted(study(profile, data, seed + 1), wanted, seed, device)
    if not isinstance(predictor, SegmenterPredictor):
        raise TypeError(f"{system}: expected a segmentation network, got {type(predictor)}")
    curves = {name: _curve(pairs) for name, pairs in predictor.losses}
    return Live(spec, task, predictor, curves)


def _curve(pairs: tuple[tuple[int, float], ...]) -> Curve:
    return [step for step, _ in pairs], [value for _, value in pairs]
