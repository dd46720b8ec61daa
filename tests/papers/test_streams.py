"""Numbers of a stream against the matrices behind made-up ledgers, and live runs looked into."""

from __future__ import annotations

import statistics
from itertools import product

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from medda_lib.metrics.continual import backward_transfer_on_the_way
from medda_lib.metrics.segmentation import dice
from medda_lib.papers import stream_numbers, stream_scans, transfer
from medda_lib.papers.live_stream import LiveStream
from medda_lib.papers.odex import pictures
from medda_lib.papers.results import Results
from medda_lib.studies.per_image import PerImage
from tests.papers.smoke import MANY, stream

RNG = np.random.default_rng(11)
SCORES = {
    (system, seed): RNG.random((5, 5)) for system in ("Sequential", "ODEx") for seed in (0, 1)
}
LAST = [0.8, 0.9, 0.7, 0.9, 0.8]
JOINT = np.full((5, 5), np.nan)
JOINT[-1] = LAST
TOLD: dict[str, dict[int, float]] = {
    "models": {1: 1.0, 2: 1.0, 3: 2.0, 4: 2.0, 5: 3.0},
    "expanded": {k: float(k in (3, 5)) for k in range(1, 6)},
    "distance to model 1": {k: 0.1 * k for k in range(2, 6)},
    "distance to model 2": {k: 0.2 * k for k in (4, 5)},
    "threshold": dict.fromkeys(range(2, 6), 0.3),
}
"""What ODEx says of its pool after each stage."""


def made_up(data: str = "shifting") -> Results:
    """Three systems; joint training has a last row alone, and ODEx a pool."""
    runs: dict[tuple[str, int], NDArray[np.float64]] = SCORES | {("Joint training", 0): JOINT}
    rows = []
    for (system, seed), scores in runs.items():
        head = {"paper": "odex", "system": system, "seed": seed, "profile": "demo", "data": data}
        for i, j in np.argwhere(np.isfinite(scores)):
            place = {"evaluation": f"after {i + 1}", "domain": f"stage {j + 1}"}
            place |= {"problem": "segmentation"}
            rows += [head | place | {"metric": "dice", "value": scores[i, j]}]
            rows += [head | place | {"metric": "surface_dice", "value": scores[i, j] / 2}]
        for name, k in product(TOLD, range(1, 6)) if system == "ODEx" else ():
            place = {"evaluation": f"after {k}", "domain": "-", "problem": "stream"}
            value = float(TOLD[name].get(k, np.nan))
            rows += [head | place | {"metric": name, "value": value}]
    frame = pd.DataFrame(rows).dropna().assign(seconds=2.0, key="x")
    return Results(frame, PerImage((), {}), "demo", data, {}, "odex")


def numbers(scores: NDArray[np.float64]) -> dict[str, list[float]]:
    """The values behind each mean of a run, written out."""
    r = scores.tolist()
    bwt = [r[4][j] - r[j][j] for j in range(4)]
    return {"dice": r[4], "bwt": bwt, "fwt": [r[j][j] - r[j - 1][j] for j in range(1, 5)]}


def test_every_run_gives_its_numbers() -> None:
    measured = made_up()
    found = measured.derived.set_index(["system", "seed", "metric"])["value"]
    for (system, seed), scores in SCORES.items():
        for name, values in numbers(scores).items():
            assert found[system, seed, name] == pytest.approx(statistics.fmean(values))
            assert found[system, seed, f"{name}_spread"] == pytest.approx(statistics.stdev(values))
        on_the_way = np.nanmean(backward_transfer_on_the_way(scores))
        assert found[system, seed, "bwt_on_the_way"] == pytest.approx(on_the_way)
    other = measured.frame.assign(evaluation="cross-domain", domain="real")
    assert transfer.derive(other) is other
    for name, scale in (("dice", 1.0), ("surface_dice", 0.5)):
        mean = scale * (SCORES["ODEx", 0] + SCORES["ODEx", 1]) / 2
        assert transfer.scores(measured, "ODEx", name) == pytest.approx(mean)
    with pytest.raises(ValueError, match="PLOP: no rows along a stream; there are: Sequential"):
        transfer.scores(measured, "PLOP")


def test_joint_training_has_a_dice_and_undefined_transfers() -> None:
    mean, std = stream_numbers.by_system(made_up())
    assert mean.loc["Joint training", "Dice"] == pytest.approx(statistics.fmean(LAST))
    assert std.loc["Joint training", "Dice"] == pytest.approx(statistics.stdev(LAST))
    assert mean.loc["Joint training", ["BWT", "FWT", "models"]].isna().all()
    assert transfer.scores(made_up(), "Joint training") == pytest.approx(JOINT, nan_ok=True)


def test_the_gap_to_joint_training_is_what_was_not_learned_and_what_was_lost() -> None:
    order = ["Joint training", "Sequential", "ODEx", "EWC"]
    found = stream_numbers.gaps(made_up(), "Joint training", order)
    assert list(found.index) == ["Sequential", "ODEx"], "the bound has no gap, EWC was not run"
    mean = (SCORES["ODEx", 0] + SCORES["ODEx", 1]) / 2
    learned = statistics.fmean(LAST[j] - mean[j, j] for j in range(4))
    end = statistics.fmean(LAST[j] - mean[4, j] for j in range(4))
    whole = statistics.fmean(LAST[j] - mean[4, j] for j in range(5))
    wanted = [learned, end - learned, end, whole]
    assert found.loc["ODEx"].tolist() == pytest.approx(wanted, abs=6e-4)


def test_spreads_over_stages_and_over_repetitions_are_told_apart() -> None:
    runs = [SCORES["ODEx", seed][-1] for seed in (0, 1)]
    stages = stream_numbers.by_system(made_up())[1].loc["ODEx"]
    repetitions = stream_numbers.by_system(made_up(), "repetitions")[1].loc["ODEx"]
    assert stages["Dice"] == pytest.approx(np.mean([np.std(run, ddof=1) for run in runs]))
    assert repetitions["Dice"] == pytest.approx(np.std([run.mean() for run in runs], ddof=1))


def test_systems_at_one_place_share_a_label() -> None:
    found = made_up()
    same = found.frame[found.frame["system"] == "ODEx"].assign(system="Twin")
    both = Results(pd.concat([found.frame, same]), found.images, "demo", "shifting", {}, "odex")
    figure, alt = stream_numbers.balance(both)
    assert {text.get_text() for text in figure.axes[0].texts} == {"Sequential", "ODEx *"}
    bwt = np.mean([numbers(SCORES["ODEx", seed])["bwt"] for seed in (0, 1)])
    assert f"Twin {bwt:.2f}" in alt


def test_scans_are_found_by_stage_and_moment_and_volumes_are_in_millilitres() -> None:
    path = "after 5/stage 1/segmentation/pixels"
    true = np.arange(6).reshape(3, 2)
    images = PerImage(
        ("ODEx|0", "EWC|0", "ODEx|1"), {f"{path}_true": true, f"{path}_predicted": true + 50}
    )
    found = Results(made_up().frame, images, "demo", "shifting", {}, "odex")
    assert transfer.by_scan(found, "ODEx", 5, 1, "pixels_true").tolist() == [[0, 1], [4, 5]]
    truth, ours = stream_numbers.millilitres(found, "ODEx", 5, 1, pictures.voxel_ml(found))
    assert truth == pytest.approx(np.array([0, 1, 4, 5]) * 1.5**3 / 1000)
    assert ours - truth == pytest.approx(50 * 1.5**3 / 1000)


def mean_dice(live: LiveStream, after: int, stage: int) -> float:
    """Mean Dice of a stage's test scans, scan by scan."""
    scans = len(live.tests(stage).images) // live.tests(stage).depth
    found = [live.predicted(after, stage, n)[None] >= 0.5 for n in range(scans)]
    masks = [live.scan(stage, n)[1][None] for n in range(scans)]
    return float(np.mean([dice(one, mask)[0] for one, mask in zip(found, masks, strict=True)]))


def test_a_live_stream_shows_what_it_scores() -> None:
    live = stream("Sequential")
    table = stream_scans.score_table(live)
    for after, stage in ((1, 3), (5, 2)):
        wanted = mean_dice(live, after, stage)
        assert table.loc[f"after {after}", f"stage {stage}"] == pytest.approx(wanted, abs=1e-3)
    lost = stream_scans.scan_dice(live, 2, 2) - stream_scans.scan_dice(live, 5, 2)
    assert stream_scans.most_forgotten(live, 2) == int(np.argmax(lost))
    overlap = float(stream_scans.scan_dice(live, 5, 1)[0])
    assert f"after stage 5 {overlap:.2f}" in stream_scans.before_and_after(live)[1]
    found, stages, sources = pictures.features(live)
    assert (found.shape, stages[:5], sources[0]) == ((20, 4), [1, 1, 1, 1, 2], "harp")
    # Until it has grown, a pool's first model is the one network of sequential training.
    assert np.array_equal(pictures.features(stream(MANY), 1)[0], found)


def test_what_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="Sequential keeps no pool"):
        pictures.comparisons(stream("Sequential"))
    with pytest.raises(ValueError, match="Sequential, seed 0: no pool of models"):
        pictures.pool_of(made_up(), "Sequential", 0)
    with pytest.raises(ValueError, match="no table of the paper is about 'ordered'"):
        pictures.beside(made_up("ordered"), "1")
