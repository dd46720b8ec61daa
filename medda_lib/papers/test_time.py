"""Systems that change a scan at test time, before a source network that stays as it is."""

from __future__ import annotations

from collections.abc import Iterator

from medda_lib.methods.fda import FourierAdaptation
from medda_lib.methods.fda.donors import Choice
from medda_lib.methods.histogram_matching import HistogramMatching
from medda_lib.methods.source_model import SourceModel
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.papers.planning import Place
from medda_lib.studies.spec import RunSpec
from medda_lib.studies.task import TaskSpec

CHOICES: tuple[Choice, ...] = ("3D", "2.5D", "2D", "random")
Tested = SourceModel | FourierAdaptation | HistogramMatching


def plain(segmenter: Segmenter) -> tuple[Tested, ...]:
    """The network as it is, and the cheapest thing that could work."""
    return SourceModel(segmenter), HistogramMatching(segmenter)


def swaps(segmenter: Segmenter, donors: int, beta: float) -> Iterator[FourierAdaptation]:
    """The proposals first, last what one tries first: a swap with any slice of any scan."""
    for choice in CHOICES:
        yield FourierAdaptation(segmenter, choice, donors, beta)
    for choice in ("random", "any slice"):
        yield FourierAdaptation(segmenter, choice, 1, beta)


def run(at: Place, method: Tested, task: TaskSpec, source: str) -> RunSpec:
    """A run under the name that tables know; beta is "-" where there is none."""
    if isinstance(method, FourierAdaptation):
        return at.spec(method, task, system=method.name, beta=f"{method.beta:g}", source=source)
    name = "No DA" if isinstance(method, SourceModel) else method.name
    return at.spec(method, task, system=name, beta="-", source=source)
