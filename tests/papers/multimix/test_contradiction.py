"""Dice against Jaccard in the paper's tables, and the sentence that judges the soft Dice."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from medda_lib.papers.multimix import pictures
from medda_lib.papers.results import Results
from medda_lib.studies.reported import reported

PAPER, OURS = "paper: printed Dice minus implied", "ours: soft Dice minus Dice"


@pytest.fixture
def cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of three rows in place of the paper's."""
    printed = {
        "UMTL|100|10": {"dice": "0.5", "jaccard": "0.6", "precision": "0.6", "recall": "0.9"},
        "UMTL-S|100|10": {"dice": "0.76", "jaccard": "0.6", "precision": "0.75", "recall": "0.75"},
        "U-Net|-|10": {"dice": "0.9", "jaccard": "", "precision": "0.9", "recall": "0.9"},
    }
    rows = [
        {"table": "2", "row": row, "column": name, "metric": name, "mean": value, "mark": ""}
        for row, values in printed.items()
        for name, value in values.items()
    ]
    monkeypatch.setattr(pictures, "reported", lambda *_: pd.DataFrame(rows))


@pytest.mark.usefixtures("cells")
def test_implied_dice_against_numbers_worked_by_hand() -> None:
    frame = pictures.implied_dice("2").set_index("row")
    assert list(frame.index) == ["UMTL|100|10", "UMTL-S|100|10"]  # the row with a hole is left out
    # J = 0.6: 1.2 / 1.6 = 0.75.  P = 0.6, R = 0.9: 1.08 / 1.5 = 0.72.  P = R = 0.75: 0.75.
    assert frame["from_jaccard"].tolist() == pytest.approx([0.75, 0.75])
    assert frame["from_precision_recall"].tolist() == pytest.approx([0.72, 0.75])
    assert frame["bridge"].tolist() == [False, True]
    assert frame["contradicts"].tolist() == [True, False]  # 0.25 off; 0.01 off


def test_the_implied_dice_is_the_dice_of_any_two_masks() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        a, b = rng.random((2, 40)) < rng.uniform(0.2, 0.8)
        both = float((a & b).sum())
        dice = 2 * both / (a.sum() + b.sum())
        jaccard = both / (a | b).sum()
        precision, recall = both / a.sum(), both / b.sum()
        assert 2 * jaccard / (1 + jaccard) == pytest.approx(dice)
        assert 2 * precision * recall / (precision + recall) == pytest.approx(dice)


@pytest.mark.parametrize("table", ["2", "3"])
def test_in_the_paper_only_systems_without_the_bridge_contradict_themselves(table: str) -> None:
    frame = pictures.implied_dice(table)
    assert len(frame) > 40
    contradicting = frame.groupby("bridge")["contradicts"].mean()
    assert contradicting[True] == 0
    assert contradicting[False] > 0.9
    # Jaccard agrees with precision and recall: the Dice is the odd one out.
    assert (frame["from_jaccard"] - frame["from_precision_recall"]).abs().median() < 0.02


def ledger_frame() -> pd.DataFrame:
    """Two systems, two repetitions, the metrics that `ours` wants and one that it does not."""
    values = {
        "UMTL": {"dice": (0.8, 0.9), "soft_dice": (0.5, 0.7), "jaccard": (0.7, 0.8)},
        "MultiMix": {"dice": (0.9, 0.9), "soft_dice": (0.88, 0.9), "jaccard": (0.8, 0.8)},
    }
    rows = [
        {
            "system": system,
            "labels": "100",
            "masks": "10",
            "seed": seed,
            "evaluation": "in-domain",
            "metric": metric,
            "value": value,
        }
        for system, metrics in values.items()
        for metric, pair in {**metrics, "accuracy": (0.1, 0.2)}.items()
        for seed, value in enumerate(pair)
    ]
    return pd.DataFrame(rows)


def test_ours_gives_means_over_repetitions_and_what_the_threshold_adds() -> None:
    frame = pictures.soft_and_hard(ledger_frame()).set_index("row")
    assert set(frame.columns) == {"evaluation", "bridge", "dice", "soft_dice", "jaccard", "gap"}
    assert frame.index.tolist() == ["UMTL|100|10", "MultiMix|100|10"]
    assert frame["bridge"].tolist() == [False, True]
    assert frame["dice"].tolist() == pytest.approx([0.85, 0.9])
    assert frame["soft_dice"].tolist() == pytest.approx([0.6, 0.89])
    assert frame["gap"].tolist() == pytest.approx([0.25, 0.01])


def test_summary_counts_the_papers_rows_and_averages_ours() -> None:
    frame = pictures.soft_summary("2", "in-domain", ledger_frame())
    assert frame.columns.tolist() == ["without bridge", "with bridge"]
    assert frame.loc[OURS].tolist() == pytest.approx([-0.25, -0.01])
    wide = reported("multimix", "2").assign(mean=lambda f: pd.to_numeric(f["mean"]))
    wide = wide.pivot_table(index="row", columns="metric", values="mean")
    wide = wide.dropna(subset=["dice", "jaccard", "precision", "recall"])
    bridged = wide.index.str.split("|").str[0].isin(pictures.BRIDGED)
    impossible = wide["jaccard"] > wide["dice"]
    expected = [int(impossible[~bridged].sum()), int(impossible[bridged].sum())]
    assert frame.loc["rows with JS > DS in the paper"].tolist() == expected
    assert frame.loc["rows in the paper"].tolist() == [int((~bridged).sum()), int(bridged.sum())]
    gap = wide["dice"] - 2 * wide["jaccard"] / (1 + wide["jaccard"])
    assert frame.loc[PAPER].tolist() == pytest.approx([gap[~bridged].mean(), gap[bridged].mean()])


@pytest.mark.parametrize(
    ("ours", "parts"),
    [
        # the pattern of the paper: low without the bridge, nothing lost with it
        ((-0.1, -0.01), ("is low enough", "does lift it")),
        # low everywhere: the bridge is not what makes the difference
        ((-0.1, -0.09), ("is low enough", "does not lift it")),
        # hardly lower anywhere
        ((-0.01, -0.001), ("is not low enough", "does lift it")),
        ((-0.01, -0.01), ("is not low enough", "does not lift it")),
        # higher than the Dice
        ((0.05, 0.04), ("is not low enough", "does not lift it")),
    ],
)
def test_the_verdict_says_what_the_numbers_say(
    ours: tuple[float, float], parts: tuple[str, str]
) -> None:
    sentence = pictures.soft_verdict({"in-domain": judged(ours)})
    assert sentence.startswith(f"in-domain: a soft Dice {parts[0]} without the bridge")
    assert f"the bridge {parts[1]}" in sentence
    for number in (*ours, -0.11):
        assert f"{number:+.3f}" in sentence
    assert sentence.endswith(".")


def test_the_verdict_has_a_part_for_each_evaluation() -> None:
    frames = {"in-domain": judged((-0.1, 0.0)), "cross-domain": judged((0.0, 0.0))}
    first, second = pictures.soft_verdict(frames).split("; ")
    assert first.startswith("in-domain: a soft Dice is low enough")
    assert second.startswith("cross-domain: a soft Dice is not low enough")


def judged(ours: tuple[float, float]) -> pd.DataFrame:
    rows: Mapping[str, tuple[float, float]] = {PAPER: (-0.11, 0.0), OURS: ours}
    return pd.DataFrame(rows, index=["without bridge", "with bridge"]).T


def test_on_the_smoke_study(smoke: Results) -> None:
    frame = pictures.soft_and_hard(smoke.frame)
    assert len(frame) == 2 * 6  # six systems that segment, in domain and across
    assert frame["gap"].to_numpy() == pytest.approx((frame["dice"] - frame["soft_dice"]).to_numpy())
    # One repetition of means over images: J <= D holds for means, too.
    assert (frame["jaccard"] <= frame["dice"]).all()
