"""Pools of whole scans: what they refuse, how they are cut, and how the evaluator treats them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import Tensor

from medda_lib.metrics.surface import surface_dice, tolerance_of
from medda_lib.studies.evaluate import evaluate
from medda_lib.studies.setting import TEST_TIME, UNSUPERVISED_ADAPTATION, LeakError, Role
from medda_lib.studies.task import Pool, Slot, Task, volumes

SPACING = (6.0, 1.5, 1.5)
SLOT = Slot(Role.TEST, "segmentation", "there")


def scans(n: int, depth: int = 3, size: int = 16, seed: int = 0, **changed: object) -> Pool:
    generator = torch.Generator().manual_seed(seed)
    masks = torch.zeros(n * depth, 1, size, size, dtype=torch.bool)
    masks[:, :, 4:12, 3:11] = True
    fields: dict[str, object] = {
        "images": 0.3 * torch.rand(n * depth, 1, size, size, generator=generator) + 0.6 * masks,
        "patients": tuple(f"scan {i // depth}" for i in range(n * depth)),
        "masks": masks,
        "spacing": SPACING,
    }
    return Pool(**(fields | changed))  # type: ignore[arg-type]


def test_scans_are_counted_and_cut_whole() -> None:
    pool = scans(4)
    assert (pool.depth, pool.scans) == (3, ("scan 0", "scan 1", "scan 2", "scan 3"))
    two = pool.take_scans([2, 0])
    assert two.scans == ("scan 2", "scan 0")
    assert two.spacing == SPACING
    torch.testing.assert_close(two.images[:3], pool.images[6:9])
    torch.testing.assert_close(volumes(pool.images, 3)[2], pool.images[6:9, 0])


def test_single_images_of_scans_are_no_scans() -> None:
    assert scans(2).take(torch.tensor([0, 4])).spacing is None
    assert Pool(torch.zeros(2, 1, 4, 4), ("a", "a")).depth == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"patients": ("a", "b", "a", "b", "a", "b")}, "follow each other"),
        ({"patients": ("a", "a", "a", "a", "b", "b")}, "number of slices"),
        ({"spacing": (6.0, 0.0, 1.5)}, "spacing"),
        ({"spacing": (6.0, float("nan"), 1.5)}, "spacing"),
    ],
)
def test_pieces_of_scans_are_refused(changed: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scans(2, **changed)  # type: ignore[arg-type]


def test_bare_scans_keep_their_depth_but_not_their_truth() -> None:
    task = Task("toy", {Slot(Role.UNLABELLED_TARGET, "segmentation", "there"): scans(2)})
    bare = task.view(UNSUPERVISED_ADAPTATION).unlabelled(Role.UNLABELLED_TARGET, "segmentation")
    assert (bare.depth, bare.spacing) == (3, SPACING)
    with pytest.raises(LeakError):
        _ = bare.masks
    with pytest.raises(LeakError):
        task.view(TEST_TIME).unlabelled(Role.UNLABELLED_TARGET, "segmentation")


@dataclass
class Watcher:
    """A predictor that remembers what it was shown and predicts by a threshold on the first slice."""

    shown: list[Tensor] = field(default_factory=list)

    def classify(self, images: Tensor) -> Tensor | None:
        return None

    def segment(self, images: Tensor) -> Tensor:
        self.shown.append(images)
        p = (images > 0.75).float() * 0.8
        p[0] = 0  # misses the first slice of each scan
        return p


@dataclass(frozen=True)
class Spec:
    name: str = "toy"

    def build(self, seed: int) -> Task:
        return Task(self.name, {SLOT: scans(3, seed=seed)})

    def evaluations(self) -> Mapping[Slot, str]:
        return {SLOT: "cross-domain"}


def test_a_scan_is_predicted_at_once_and_measured_in_space() -> None:
    spec, watcher = Spec(), Watcher()
    task = spec.build(0)
    rows, arrays = evaluate(watcher, task, spec)
    pool = task.pools[SLOT]
    assert [len(x) for x in watcher.shown] == [3, 3, 3]
    torch.testing.assert_close(torch.cat(watcher.shown), pool.images)
    predicted = volumes(torch.cat([Watcher().segment(x) for x in watcher.shown]) >= 0.5, 3)
    truth = volumes(pool.need_masks(), 3)
    tolerance = (tolerance_of(SPACING),)
    pairs = zip(predicted, truth, strict=True)
    wanted = [surface_dice(a, b, SPACING, tolerance)[0] for a, b in pairs]
    found = arrays["cross-domain/there/segmentation/surface_dice"]
    np.testing.assert_allclose(np.asarray(found, dtype=float), wanted)
    value = {row["metric"]: row["value"] for row in rows}
    assert value["surface_dice"] == pytest.approx(np.mean(wanted))
    assert 0 < float(value["dice"]) < 0.85
    assert "pixels_true" not in value
