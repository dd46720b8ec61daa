"""Streams: what passes is gone, nobody names a task, and a system is measured after every stage."""

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from medda_lib.studies.method import Run
from medda_lib.studies.setting import CONTINUAL, SEMI_SUPERVISED, LeakError, Role, Setting
from medda_lib.studies.snapshots import Snapshots
from medda_lib.studies.stream import ALL_AT_ONCE, TOLD_BOUNDARIES, Stage, StreamTask, StreamView
from medda_lib.studies.task import Pool, Slot, Task, View
from medda_lib.studies.trial import trial

STAGES = 3
DEPTH = 2
PROBLEM = "segmentation"
CHANGES = (True, False, True)


def scans(name: str, count: int, value: float) -> Pool:
    """Scans of one grey value, whose right half is the structure."""
    images = torch.full((count * DEPTH, 1, 4, 4), value)
    masks = torch.zeros(count * DEPTH, 1, 4, 4, dtype=torch.bool)
    masks[..., 2:] = True
    patients = tuple(f"{name} {i // DEPTH}" for i in range(count * DEPTH))
    return Pool(images, patients, masks=masks, spacing=(1.0, 1.0, 1.0))


def pools() -> dict[Slot, Pool]:
    found = {}
    for k in range(1, STAGES + 1):
        found[Slot(Role.STAGE, PROBLEM, f"stage {k}")] = scans(f"source {k} train", 2, k / 10)
        found[Slot(Role.TEST, PROBLEM, f"stage {k}")] = scans(f"source {k} test", 1, k / 10)
    return found


def make() -> StreamTask:
    return StreamTask("toy stream", pools(), CHANGES)


@dataclass(frozen=True)
class ToySpec:
    """The toy stream as a specification."""

    name: str = "toy stream"

    def build(self, seed: int) -> Task:
        """The same for every seed."""
        return make()

    def evaluations(self) -> Mapping[Slot, str]:
        """What an ordinary trial would call the test pools."""
        return {slot: "ordinary" for slot in pools() if slot.role is Role.TEST}


def stream_view(setting: Setting = CONTINUAL) -> StreamView:
    view = make().view(setting)
    assert isinstance(view, StreamView)
    return view


def test_stages_come_in_order_with_their_scans() -> None:
    stream = stream_view().stream()
    assert len(stream) == STAGES
    for number, stage in enumerate(stream, start=1):
        assert stage.number == number
        assert float(stage.pool.images.max()) == pytest.approx(number / 10)
        assert stage.pool.depth == DEPTH


def test_names_of_scans_say_nothing() -> None:
    for stage in stream_view().stream():
        assert stage.pool.scans == ("scan 0", "scan 1")


def test_a_stage_is_a_copy() -> None:
    """What a method does to its scans in place cannot reach the task."""
    task = make()
    view = task.view(CONTINUAL)
    assert isinstance(view, StreamView)
    for stage in view.stream():
        stage.pool.images.zero_()
    assert all(pool.images.max() > 0 for pool in task.pools.values())


def test_a_passed_stage_is_closed() -> None:
    kept: list[Stage] = []
    for stage in stream_view().stream():
        kept.append(stage)
        if len(kept) > 1:
            with pytest.raises(LeakError, match=f"stage {len(kept) - 1} is over"):
                _ = kept[-2].pool


@pytest.mark.parametrize(
    "keep",
    [
        lambda pool: pool,
        lambda pool: pool.images,
        lambda pool: pool.need_masks()[:1],  # a view shares the memory
        lambda pool: pool.images.flatten().numpy(),
        lambda pool: {"deep": [iter([pool.images])]},
    ],
)
def test_scans_that_are_held_are_a_leak(keep: Callable[[Pool], object]) -> None:
    held: list[object] = []

    def walk() -> None:
        held.extend(keep(stage.pool) for stage in stream_view().stream())

    with pytest.raises(LeakError, match="still held"):
        walk()
    assert len(held) == 1


def test_statistics_of_scans_may_be_kept() -> None:
    def mean(stage: Stage) -> Tensor:
        return stage.pool.images.mean(dim=0)

    means = [mean(stage) for stage in stream_view().stream()]
    assert [round(float(m.mean()), 4) for m in means] == [0.1, 0.2, 0.3]


def test_cycles_do_not_count_as_held() -> None:
    def learn(stage: Stage) -> None:
        cycle: list[object] = [stage.pool]
        cycle.append(cycle)

    gc.disable()
    try:
        for stage in stream_view().stream():
            learn(stage)
    finally:
        gc.enable()


def test_a_stream_runs_once() -> None:
    view = stream_view()
    for _ in view.stream():
        pass
    with pytest.raises(LeakError, match="walked"):
        iter(view.stream())


def test_stages_are_not_to_be_had_past_the_stream() -> None:
    view = stream_view()
    for ask in (view.labelled, view.unlabelled):
        with pytest.raises(LeakError, match="one at a time"):
            ask(Role.STAGE, PROBLEM, "stage 3")
    for role in (Role.TEST, Role.LABELLED_SOURCE):
        with pytest.raises(LeakError):
            view.labelled(role, PROBLEM)


def test_boundaries_are_told_to_those_who_name_the_exception() -> None:
    told = [stage.boundary for stage in stream_view(TOLD_BOUNDARIES).stream()]
    assert tuple(told) == CHANGES
    for stage in stream_view().stream():
        with pytest.raises(LeakError, match="TOLD_BOUNDARIES"):
            _ = stage.boundary


@pytest.mark.parametrize("setting", [CONTINUAL, TOLD_BOUNDARIES])
def test_nobody_gets_a_task_label(setting: Setting) -> None:
    for stage in stream_view(setting).stream():
        with pytest.raises(LeakError, match="no task label"):
            _ = stage.task_label


def test_the_upper_bound_sees_all_stages() -> None:
    view = make().view(ALL_AT_ONCE)
    assert not isinstance(view, StreamView)
    assert view.domains(Role.STAGE, PROBLEM) == ("stage 1", "stage 2", "stage 3")
    assert len(view.labelled(Role.STAGE, PROBLEM, "stage 3")) == 2 * DEPTH
    with pytest.raises(LeakError):
        view.labelled(Role.TEST, PROBLEM, "stage 1")


def test_other_settings_see_no_stage() -> None:
    with pytest.raises(LeakError):
        make().view(SEMI_SUPERVISED).labelled(Role.STAGE, PROBLEM, "stage 1")


@pytest.mark.parametrize(
    ("role", "stage"), [(Role.TEST, "stage 1"), (Role.TEST, "stage 3"), (Role.STAGE, "stage 3")]
)
def test_a_patient_belongs_to_one_stage_and_one_part(role: Role, stage: str) -> None:
    found = pools()
    slot = Slot(role, PROBLEM, stage)
    found[slot] = replace(found[slot], patients=("source 1 train 0",) * len(found[slot]))
    if role is Role.STAGE:
        found[slot] = replace(scans("x", 1, 0.5), patients=("source 1 train 0",) * DEPTH)
    with pytest.raises(LeakError, match="source 1 train 0"):
        StreamTask("shared", found, CHANGES)


def test_boundaries_are_one_per_stage() -> None:
    with pytest.raises(ValueError, match="2 entries for 3 stages"):
        StreamTask("short", pools(), (True, False))


@dataclass(frozen=True)
class Grey:
    """Says 0.5 wherever a scan is as bright as the last stage, 0 elsewhere, and on its right half."""

    value: float

    def classify(self, images: Tensor) -> Tensor | None:
        """Nothing."""
        return None

    def segment(self, images: Tensor) -> Tensor:
        """The right half, if the scan is of the grey value that was learned last."""
        right = torch.zeros_like(images)
        if abs(float(images.mean()) - self.value) < 1e-3:
            right[..., 2:] = 0.9
        return right


@dataclass(frozen=True)
class Forgetful:
    """Knows the last stage only."""

    setting: ClassVar[Setting] = CONTINUAL
    name: str = "Forgetful"

    def fit(self, view: View, run: Run) -> Snapshots:
        """One predictor per stage."""
        assert isinstance(view, StreamView)
        after, facts = {}, {}
        for stage in view.stream():
            after[stage.number] = Grey(float(stage.pool.images.mean()))
            facts[stage.number] = {"models": 1.0, "drawn": float(torch.rand(()))}
        return Snapshots(after, facts)


@dataclass(frozen=True)
class Joint:
    """Sees everything, leaves one predictor."""

    setting: ClassVar[Setting] = ALL_AT_ONCE
    name: str = "Joint"
    stage: int = STAGES

    def fit(self, view: View, run: Run) -> Snapshots:
        """After the last stage."""
        return Snapshots({self.stage: Grey(0.3)})


def test_a_stream_is_measured_after_every_stage() -> None:
    rows, images = trial(Forgetful(), ToySpec(), make(), Run(7))
    dice = {
        (row["evaluation"], row["domain"]): row["value"] for row in rows if row["metric"] == "dice"
    }
    names = [f"stage {k}" for k in range(1, STAGES + 1)]
    assert dice == {
        (f"after {i}", name): (1.0 if name == f"stage {i}" else 0.0)
        for i in range(1, STAGES + 1)
        for name in names
    }
    assert images["after 1/stage 1/segmentation/dice"].tolist() == [1.0]
    assert images["after 3/stage 1/segmentation/dice"].tolist() == [0.0]


def test_facts_are_rows() -> None:
    rows, _ = trial(Forgetful(), ToySpec(), make(), Run(7))
    again, _ = trial(Forgetful(), ToySpec(), make(), Run(7))
    facts = [row for row in rows if row["problem"] == "stream"]
    assert [(row["evaluation"], row["metric"]) for row in facts[:2]] == [
        ("after 1", "models"),
        ("after 1", "drawn"),
    ]
    assert {row["domain"] for row in facts} == {"-"}
    assert rows == again


def test_the_upper_bound_is_measured_at_the_end_only() -> None:
    rows, _ = trial(Joint(), ToySpec(), make(), Run(7))
    assert {row["evaluation"] for row in rows} == {"after 3"}


def test_a_stream_needs_snapshots_up_to_its_end() -> None:
    with pytest.raises(ValueError, match="last snapshot is of stage 2 of 3"):
        trial(Joint(stage=2), ToySpec(), make(), Run(7))

    @dataclass(frozen=True)
    class Plain(Joint):
        def fit(self, view: View, run: Run) -> Snapshots:
            return Grey(0.3)  # type: ignore[return-value]

    with pytest.raises(TypeError, match="must return Snapshots"):
        trial(Plain(), ToySpec(), make(), Run(7))
    with pytest.raises(ValueError, match="at least one"):
        Snapshots({})


def test_snapshots_predict_as_the_last_one() -> None:
    found = Snapshots({1: Grey(0.1), 2: Grey(0.2)})
    image = torch.full((DEPTH, 1, 4, 4), 0.2)
    segmented = found.segment(image)
    assert segmented is not None
    assert float(segmented.sum()) > 0
    assert found.classify(image) is None
