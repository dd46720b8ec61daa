"""Streams that drift in a known way: which reading of the rule for the pool sees which drift, and when.

The rule of ODEx can be read in many ways (features, distance, reference), and a stream with a network in
training tells little about a reading: the drift is not known, and the features move with the weights. So
streams are made here whose drift is known and whose reader stays as it is; nothing is trained or
segmented. `features` are vectors z themselves, drawn from a Gaussian whose mean moves: they tell apart
distances and references. `images` are small volumes of smooth texture that differ from person to person,
read by the first block of a network as it is before training: they tell apart what z is made of.

A drift is measured in standard deviations of the first stage, where people differ, too. `first_alarm`
follows one model along a stream and says when it would have begun a second one; on the drift "none" that
is a false alarm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from medda_lib.methods.odex.distances import Distance, Gram, Mahalanobis
from medda_lib.methods.odex.pool import Measure, Model
from medda_lib.networks.dyn_unet import DynUNet, dyn_unet
from medda_lib.studies.artefacts import Tensors

Drift = Literal["none", "steady", "jump", "some"]
Change = Literal["none", "brightness", "noise", "resolution"]
Stream = Sequence[Tensor]
SIDE = 12
CPU = torch.device("cpu")


def features(
    drift: Drift, seed: int, step: float = 1.0, stages: int = 5, scans: int = 20, size: int = 8
) -> list[Tensor]:
    """Vectors (scans, size) of each stage, float64: N(m, I), with m moving along one random direction.

    drift: "none"; "steady", by `step` standard deviations a stage; "jump", by 5 `step` at the middle
    stage; "some", where a quarter of the scans jump by 10 `step`, as when sources are mixed.
    """
    rng = np.random.default_rng([seed, 1])
    way = rng.normal(size=size)
    way /= np.linalg.norm(way)
    middle, few = stages // 2, np.arange(scans) < scans // 4
    found = []
    for k in range(stages):
        by = {
            "none": np.zeros(scans),
            "steady": np.full(scans, step * k),
            "jump": np.full(scans, 5 * step * (k >= middle)),
            "some": 10 * step * (k >= middle) * few,
        }[drift]
        found.append(torch.from_numpy(rng.normal(size=(scans, size)) + by[:, None] * way))
    return found


def images(
    change: Change, seed: int, step: float = 1.0, stages: int = 5, scans: int = 12
) -> list[Tensor]:
    """Volumes (scans, 1, SIDE, SIDE, SIDE) of each stage, float32: texture, gain and noise per person.

    change: "none"; or what grows with each stage while all else stays: "brightness", the gain, by `step`
    standard deviations of the people's; "noise", by `step` times its amount; "resolution", a blur by
    0.4 `step` voxels. Only the first moves the mean grey value.
    """
    rng = np.random.default_rng([seed, 2])
    found = []
    for k in range(stages):
        amount = {
            name: step * k * (name == change) for name in ("brightness", "noise", "resolution")
        }
        stage = [_volume(rng, **amount) for _ in range(scans)]
        found.append(torch.from_numpy(np.stack(stage)[:, None]).float())
    return found


def _volume(
    rng: np.random.Generator, brightness: float, noise: float, resolution: float
) -> NDArray[np.float64]:
    """One person: smooth texture around 0.5 with a gain; blurred, then with noise."""
    texture = gaussian_filter(rng.normal(size=(SIDE,) * 3), 1.0, mode="wrap")
    texture = (texture - texture.mean()) / texture.std()
    gain = 1 + 0.05 * (rng.normal() + brightness)
    blurred = gaussian_filter(0.5 + 0.15 * texture, 0.4 * resolution, mode="wrap")
    grain = rng.normal(size=texture.shape)
    found: NDArray[np.float64] = gain * blurred + 0.03 * (1 + noise) * (grain - grain.mean())
    return found


@dataclass(frozen=True)
class Given:
    """A distance of scans that are their features already."""

    distance: Distance

    def features(self, network: DynUNet, images: Tensor, device: torch.device) -> Tensor:
        """What was given."""
        return images

    def kept(self, features: Tensor) -> Tensors:
        """As the distance does."""
        return self.distance.kept(features)

    def between(self, features: Tensor, kept: Tensors) -> Tensor:
        """As the distance does."""
        return self.distance.between(features, kept)


GROUP = Mahalanobis(shrinkage=0.0, squared=True)
REFERENCES = {
    "re-based": Measure(Mahalanobis()),
    "re-based, no history": Measure(Mahalanobis(), history=False),
    "own stages": Measure(Mahalanobis(), reference="own"),
    "first stage": Measure(Mahalanobis(), reference="first"),
    "re-based, squares": Measure(GROUP, clipped=True),
    "first stage, squares": Measure(GROUP, clipped=True, reference="first"),
}
"""Distances and references for `features`; "re-based" is `ODEx()`, squares are the group's code's."""
READERS: Mapping[str, Distance] = {
    "global average": Mahalanobis(),
    "pooled maps": Mahalanobis(maps="pooled", elements=200),
    "pooled maps, squares": Mahalanobis(0.0, "pooled", 200, squared=True),
    "Gram matrices": Gram(),
}
"""What z is made of, for `images`."""


def reader(seed: int, channels: int = 4) -> DynUNet:
    """A network as it is before training, of whose first block alone use is made."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return dyn_unet((channels, channels, channels)).eval()


def read(stream: Stream, distance: Distance, network: DynUNet) -> list[Tensor]:
    """The features of each stage's images."""
    return [distance.features(network, scans, CPU) for scans in stream]


def first_alarm(stream: Stream, measure: Measure, multiple: float = 2.0) -> int:
    """The stage (2 ...) whose features would have begun a second model; 0 if none would."""
    measure, nobody = replace(measure, distance=Given(measure.distance)), _nobody()
    model = measure.trained(Model(nobody), nobody, stream[0], CPU)
    for number, scans in enumerate(stream[1:], start=2):
        if measure.arrival([model], scans, CPU).shifted(multiple):
            return number
        model = measure.trained(model, nobody, scans, CPU)
    return 0


@cache
def _nobody() -> DynUNet:
    """Stands where a model has its network; nothing is read by it."""
    return reader(0, 1)


class Alarms(NamedTuple):
    """Of one drift and one reading: share of streams with an alarm, median stage of the first one."""

    drift: str
    reading: str
    share: float
    stage: float

    @classmethod
    def of(cls, drift: str, reading: str, first: Sequence[int]) -> Alarms:
        """first: stage of the first alarm of each stream, 0 for none."""
        stages = [stage for stage in first if stage]
        middle = float(np.median(stages)) if stages else float("nan")
        return cls(drift, reading, len(stages) / len(first), middle)


def by_reference(seeds: Sequence[int], step: float = 1.0, stages: int = 5) -> list[Alarms]:
    """Each of `REFERENCES` on each drift of `features`."""
    found = []
    for drift in get_args(Drift):
        made = [features(drift, seed, step, stages) for seed in seeds]
        for name, measure in REFERENCES.items():
            found.append(Alarms.of(drift, name, [first_alarm(one, measure) for one in made]))
    return found


def by_reader(seeds: Sequence[int], step: float = 1.0, stages: int = 5) -> list[Alarms]:
    """Each of `READERS`, with the first stage as reference, on each change of `images`."""
    found = []
    for change in get_args(Change):
        made = [(images(change, seed, step, stages), reader(seed)) for seed in seeds]
        for name, distance in READERS.items():
            measure = Measure(distance, reference="first")
            first = [first_alarm(read(one, distance, by), measure) for one, by in made]
            found.append(Alarms.of(change, name, first))
    return found
