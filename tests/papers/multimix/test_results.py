"""The chapter's numbers, on a smoke study that is measured once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medda_lib import _paths
from medda_lib.datasets.entry import data_root
from medda_lib.papers.multimix.pictures import by_image, count, majority
from medda_lib.papers.multimix.study import SYSTEMS, study
from medda_lib.papers.results import Results, results
from medda_lib.papers.tables import (
    beside,
    declared,
    measured_table,
    reported_table,
    verdict_table,
)
from medda_lib.studies.claims import load
from medda_lib.studies.per_image import PerImage
from medda_lib.tasks.chest_xray import RealSources
from medda_lib.tasks.real_pools import real_pool

ROWS = [
    *("U-Net|-|50", "Enc|100|-", "Enc-MM|100|-", "Enc-SSL|100|-"),
    *("UMTL|100|50", "UMTL-S|100|50", "UMTL-SSL|100|50", "UMTL-SSL-S|100|50", "MultiMix|100|50"),
]
SEGMENTATION = {"dice", "jaccard", "ssim", "hausdorff", "precision", "recall", "soft_dice"}
CLASSIFICATION = {"accuracy", "f1_normal", "f1_abnormal", "auc"}
TABLE = {"in-domain": "2", "cross-domain": "3"}


def table_of(measured: Results, evaluation: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Our half of Table 2 or 3: means and standard deviations."""
    return measured_table(measured, declared("multimix", TABLE[evaluation]))


def test_table_has_a_row_for_each_condition_and_a_column_for_each_metric(smoke: Results) -> None:
    for evaluation in ("in-domain", "cross-domain"):
        mean, _ = table_of(smoke, evaluation)
        assert list(mean.index) == ROWS
        assert set(mean.columns) == SEGMENTATION | CLASSIFICATION
        assert mean.loc["Enc|100|-", sorted(SEGMENTATION)].isna().all()
        assert mean.loc["U-Net|-|50", sorted(CLASSIFICATION)].isna().all()
        measured = mean.drop(columns=["ssim", "hausdorff"])
        assert measured.notna().loc["MultiMix|100|50"].all()
        values = measured.to_numpy()
        assert ((values >= 0) & (values <= 1) | np.isnan(values)).all()


def three_seeds() -> Results:
    """Known values of one row in three repetitions, beside another evaluation."""
    rows = [
        {
            "system": "UMTL",
            "labels": "100",
            "masks": "10",
            "seed": seed,
            "evaluation": evaluation,
            "domain": "jsrt",
            "problem": "segmentation",
            "metric": metric,
            "value": value + shift,
        }
        for metric, values in {"dice": (0.5, 0.7, 0.9), "jaccard": (0.4, 0.4, 0.4)}.items()
        for seed, value in enumerate(values)
        for evaluation, shift in (("in-domain", 0.0), ("cross-domain", -0.3))
    ]
    arrays = PerImage((), {})
    commit: dict[str, object] = {"commit": "0123456789abcdef"}
    return Results(pd.DataFrame(rows), arrays, "demo", "phantom", commit, "multimix")


def test_means_and_standard_deviations_over_repetitions() -> None:
    mean, std = table_of(three_seeds(), "in-domain")
    assert mean.loc["UMTL|100|10"].to_dict() == pytest.approx({"dice": 0.7, "jaccard": 0.4})
    # squares about the mean 0.04 + 0 + 0.04, over n - 1 = 2
    assert std.loc["UMTL|100|10"].to_dict() == pytest.approx({"dice": 0.2, "jaccard": 0.0})


def test_summary_groups_by_the_columns_that_are_named() -> None:
    found = three_seeds().summary(["evaluation"], ("dice",))
    assert list(found.columns) == [("dice", "mean"), ("dice", "std")]
    assert found["dice", "mean"].to_dict() == {"in-domain": 0.7, "cross-domain": 0.4}
    assert found["dice", "std"].to_dict() == {"in-domain": 0.2, "cross-domain": 0.2}


def test_measured_on_names_each_commit_once() -> None:
    commits = ["a" * 40, "a" * 40 + "+changes", "b" * 40]
    found = replace(three_seeds(), provenance={"commit": commits})
    assert found.measured_on.endswith(f"commit {'a' * 9}, {'b' * 9}.")


def test_measured_on_names_data_profile_repetitions_and_commit(smoke: Results) -> None:
    text = three_seeds().measured_on
    assert "phantom" in text
    assert "profile demo, 3 repetitions, commit 012345678." in text
    assert "profile smoke" in smoke.measured_on
    assert "commit this run" in smoke.measured_on


def test_count_is_the_number_of_images_behind_a_column(smoke: Results) -> None:
    assert count(smoke, "100") == 12  # divided by 8 at smoke
    assert count(smoke, "Full") == 48
    demo = three_seeds()
    assert [count(demo, n) for n in ("100", "1000", "Full")] == [100, 1000, 5216]
    real = Results(demo.frame, demo.images, "demo", "real", {}, "multimix")
    assert count(real, "Full") == 650  # 65 percent of 1,000


@pytest.mark.real
@pytest.mark.skipif(data_root() is None, reason="MEDDA_DATA is not set: no real X-rays here")
def test_the_count_of_the_real_pool_is_right_but_for_a_patient() -> None:
    demo = three_seeds()
    real = Results(demo.frame, demo.images, "demo", "real", {}, "multimix")
    fractions, seed = RealSources().fractions, RealSources().split_seed
    train = real_pool("nih_chestxray14_subset", "train", 32, fractions, seed)
    assert count(real, "Full") == pytest.approx(len(train.patients), abs=5)


def test_columns_are_those_that_were_run(smoke: Results) -> None:
    assert smoke.columns("MultiMix", "labels") == ["100"]
    assert smoke.columns("MultiMix", "masks") == ["50"]
    assert smoke.columns("U-Net", "labels") == ["-"]


def test_majority_is_what_one_answer_for_all_would_get(smoke: Results) -> None:
    for evaluation in ("in-domain", "cross-domain"):
        path = smoke.path(evaluation, "classification", "labels")
        labels = smoke.images.get("MultiMix|100|50", path)[0]
        share = labels.mean()
        assert majority(smoke, evaluation) == pytest.approx(max(share, 1 - share))
        assert 0.5 <= majority(smoke, evaluation) <= 1


def test_dice_per_image_averages_to_the_table(smoke: Results) -> None:
    for evaluation in ("in-domain", "cross-domain"):
        mean, _ = table_of(smoke, evaluation)
        for row in ("U-Net|-|50", "MultiMix|100|50"):
            each = by_image(smoke, row, evaluation, "dice")
            assert each.shape == (12,)
            # half precision in the file
            assert each.mean() == pytest.approx(mean.loc[row, "dice"], abs=1e-3)


def test_path_finds_the_domain(smoke: Results) -> None:
    assert smoke.path("in-domain", "segmentation", "dice") == "in-domain/jsrt/segmentation/dice"
    assert smoke.path("cross-domain", "classification", "labels").split("/")[1] == "nihx"


@pytest.mark.parametrize(("table", "evaluation"), [("2", "in-domain"), ("3", "cross-domain")])
def test_beside_puts_every_printed_row_beside_what_was_run(
    smoke: Results, table: str, evaluation: str
) -> None:
    found = beside(smoke, table, "A caption.")
    paper, (mean, _) = reported_table("multimix", table)["mean"], table_of(smoke, evaluation)
    assert list(found.frame.index) == list(paper.index)
    assert len(found.frame) == 57
    metrics = list(paper.columns)
    assert found.frame.columns.get_level_values(0).unique().tolist() == metrics
    for row in paper.index:
        for metric in metrics:
            cells = found.frame.loc[row, metric]
            ours = mean[metric].get(row, np.nan)
            assert cells["reported"] == pytest.approx(paper.loc[row, metric], nan_ok=True)
            assert cells["measured"] == pytest.approx(ours, nan_ok=True)
    assert "A caption." in found.html
    assert "profile smoke" in found.html


def test_beside_shows_no_empty_rows_for_data_that_have_fewer_conditions(smoke: Results) -> None:
    real = Results(smoke.frame, smoke.images, "smoke", "real", {}, "multimix")
    assert sorted(beside(real, "2").frame.index) == sorted(ROWS)


def test_the_papers_table_keeps_its_order_and_marks_what_is_missing() -> None:
    frames = reported_table("multimix", "2")
    assert len(frames["mean"]) == 57
    assert frames["mean"].index[0] == "U-Net|-|10"
    marked = frames["mark"].isin(["missing", "not applicable"])
    assert frames["mean"][marked].isna().all().all()
    assert frames["mean"][frames["mark"] == ""].notna().sum().sum() > 300


def test_every_claim_is_judged_for_every_study_that_was_run(smoke: Results) -> None:
    table = verdict_table("multimix", {"phantom": smoke, "real": None})
    assert table.frame["id"].tolist() == [claim.id for claim in load("multimix")]
    assert set(table.frame["data"]) == {"phantom"}
    assert set(table.frame["verdict"]) == {"not tested"}  # one repetition judges nothing


def test_a_second_study_gives_the_same_numbers_and_is_read_back_as_committed(
    smoke: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_paths, "RESULTS", tmp_path)
    assert results("multimix", "demo", "phantom") is None
    planned = study("smoke", "phantom")
    again = planned.run(tmp_path / "runs", progress=False)
    same = [c for c in again.columns if c != "seconds"]
    pd.testing.assert_frame_equal(again[same], smoke.frame[same])

    # Rows of the profile smoke are never read from a file, so these pass for another profile's.
    planned.commit(again.assign(profile="demo"), tmp_path)
    found = results("multimix", "demo", "phantom")
    assert found is not None
    mean = table_of(found, "in-domain")[0]
    pd.testing.assert_frame_equal(mean, table_of(smoke, "in-domain")[0], rtol=1e-5, check_like=True)
    assert found.images.runs == smoke.images.runs
    assert majority(found, "in-domain") == majority(smoke, "in-domain")
    assert "commit this run" not in found.measured_on
    assert set(found.frame["system"]) == set(SYSTEMS)


@pytest.mark.parametrize("data", ["real", "realism"])
def test_without_real_data_there_are_no_numbers(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDDA_DATA", raising=False)
    assert results("multimix", "smoke", data) is None
