"""Checks of a benchmark hold on made rows where they should, and fail where they should not."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from medda_lib.papers import benchmark, catalogue, judging
from medda_lib.papers.judging import BELOW
from medda_lib.studies.claims import load
from medda_lib.studies.verdict import NOT_TESTED

SITES = ("a", "b")


def made(value: dict[str, float], **columns: str) -> list[dict[str, object]]:
    """Rows of five repetitions with a little noise: metric -> mean."""
    rng = np.random.default_rng(len(str(columns)))
    return [
        {**columns, "metric": name, "seed": seed, "value": mean + 0.002 * rng.standard_normal()}
        for (name, mean), seed in product(value.items(), range(5))
    ]


def scores(value: float, **columns: str) -> list[dict[str, object]]:
    """The same value of volumes and surfaces."""
    return made({"dice": value, "surface_dice": value}, **columns)


@pytest.mark.parametrize(("gain", "holds"), [(0.005, True), (0.05, False)])
def test_more_steps_must_not_help(gain: float, holds: bool) -> None:
    rows = scores(0.95 - gain, evaluation="in-domain", steps="half", source="a")
    rows += scores(0.95, evaluation="in-domain", steps="all", source="a")
    rows += scores(0.1, evaluation="cross-domain", steps="half", source="a")  # away: no matter
    assert benchmark.converged(pd.DataFrame(rows)).holds is holds


@pytest.mark.parametrize(("auc", "holds"), [(0.95, True), (0.6, False)])
def test_every_pair_must_be_told_apart_by_one_of_the_classifiers(auc: float, holds: bool) -> None:
    rows = made({"auc": 0.55}, system="simple", source="a", target="b")
    rows += made({"auc": auc}, system="network", source="a", target="b")
    rows += made({"auc": 0.99}, system="simple", source="b", target="a")
    assert benchmark.separable(pd.DataFrame(rows)).holds is holds


@pytest.mark.parametrize(("away", "holds"), [(0.8, True), (0.94, False)])
def test_the_shift_must_hurt(away: float, holds: bool) -> None:
    rows = [
        row
        for site in SITES
        for row in scores(0.95, evaluation="in-domain", source=site)
        + scores(away, evaluation="cross-domain", source=site)
    ]
    found = benchmark.hurts(pd.DataFrame(rows))
    assert found.holds is holds
    assert found.found.startswith("surface Dice 0.9")


def test_a_collapsed_network_is_named() -> None:
    rows = scores(0.95, evaluation="in-domain", source="a")
    assert benchmark.upright(pd.DataFrame(rows)).holds
    fallen = pd.DataFrame([*rows, {**rows[0], "source": "b", "seed": 3, "value": 0.0}])
    found = benchmark.upright(fallen)
    assert not found.holds
    assert found.found == "b, repetition 3"


@pytest.mark.parametrize(("gain", "holds"), [(-0.1, True), (0.0, True), (0.05, False)])
def test_without_a_shift_nothing_may_be_gained(gain: float, holds: bool) -> None:
    rows = scores(0.9, system="No DA") + scores(0.9 + gain, system="X")
    assert benchmark.idle(pd.DataFrame(rows)).holds is holds


def frame(surface: bool) -> pd.DataFrame:
    """Rows of the Fourier paper's matrix, with or without a tolerance."""
    metrics = {"surface_dice": 0.9, "dice": 0.95} | ({"tolerance": 1.5} if surface else {})
    rows = made(
        metrics, paper="fda", profile="demo", data="matrix", system="No DA", beta="-", source="sm3",
        evaluation="in-domain", domain="sm3", problem="segmentation",
    )  # fmt: skip
    return pd.DataFrame(rows)


def test_nothing_is_judged_by_a_tolerance_below_the_voxel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "invalid", lambda *_: "")
    known = [one for one in load("fda") if one.about("matrix")]
    assert known
    found = judging.judged("fda", frame(surface=False))
    assert {one.verdict for one in found} == {NOT_TESTED}
    assert {one.reason for one in found} == {BELOW}
    assert BELOW not in {one.reason for one in judging.judged("fda", frame(surface=True))}


def test_nothing_is_judged_on_a_benchmark_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = benchmark.Check("Networks are trained", "rule", "they are not", holds=False)
    monkeypatch.setattr(benchmark, "checks", lambda *_: [failed])
    found = judging.judged("fda", frame(surface=True))
    assert {one.verdict for one in found} == {NOT_TESTED}
    assert all("benchmark invalid: networks are trained" in one.reason for one in found)
    assert benchmark.invalid("fda", "demo", "real") == ""  # its checks are of phantoms


def test_every_check_that_a_paper_declares_exists() -> None:
    assert set(catalogue.CHECKED) == set(benchmark.CHECKS)
    declared = {one.check for paper in catalogue.papers() for one in paper.data if one.check}
    assert declared == set(benchmark.CHECKS)
