"""The benchmark behind the times of Figure 3: its clock, its ratios, and every system runs in it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
import torch

from medda_lib.methods.continual.settings import Trainer
from medda_lib.methods.training import with_recipe
from tests.benchmarks import benchmark

TINY = with_recipe(Trainer(filters=(2, 3, 4)), steps=2)


@pytest.fixture(scope="module")
def overhead() -> ModuleType:
    """`benchmarks/odex_overhead.py`, imported from its path."""
    return benchmark("odex_overhead")


def test_a_stage_lasts_from_last_step_to_last_step(overhead: ModuleType) -> None:
    """Steps of 2 s end at 20, 22 and 24 s; what began at 10 s took 8 s besides the three steps."""
    clock = overhead.Clock(torch.device("cpu"), [[1.0, 10.0], [20.0, 22.0, 24.0]])
    assert clock.cost() == pytest.approx((2.0, 8.0))


def test_the_table_holds_medians_and_ratios(overhead: ModuleType) -> None:
    plain = {"step_s": 1.0, "around_s": 10.0, "memory_mb": 100.0}
    slow = {"step_s": 2.0, "around_s": 30.0, "memory_mb": 150.0}
    late = {"step_s": 9.0, "around_s": 10.0, "memory_mb": 100.0}
    rounds = [{"Sequential": one, "EWC": slow} for one in (plain, plain, late)]
    found = overhead.table(rounds, 100)
    assert found["Sequential"]["stage_s"] == pytest.approx(110.0)
    assert found["EWC"]["time_ratio"] == pytest.approx(230 / 110)
    assert found["EWC"]["memory_ratio"] == pytest.approx(1.5)


def test_every_system_of_the_table_can_be_measured(overhead: ModuleType) -> None:
    task = overhead.random_stream(3, (8, 12, 8))
    for name in overhead.SYSTEMS:
        found = overhead.measure(overhead.systems(TINY)[name], task, "cpu")
        assert found["step_s"] > 0, name
        assert found["around_s"] + 2 * found["step_s"] > 0, name


def test_rows_of_a_system_and_device_are_replaced(
    overhead: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overhead, "FILE", tmp_path / "overhead.csv")
    row = dict.fromkeys(overhead.HEADS, "1") | {"system": "EWC"}
    overhead.write([row | {"device": "one core"}, row | {"device": "one GPU"}])
    overhead.write([row | {"device": "one core", "step_s": "2"}])
    lines = (tmp_path / "overhead.csv").read_text().splitlines()
    assert len(lines) == 3
    assert lines[0] == ",".join(overhead.HEADS)
    assert sum(",2," in line for line in lines) == 1
