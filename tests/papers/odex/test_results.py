"""Tables of a stream: Dice, transfer and pools against the lists behind made-up ledgers."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medda_lib.metrics.continual import backward_transfer_on_the_way
from medda_lib.papers import stream_numbers, transfer
from medda_lib.papers.costs import run_seconds
from medda_lib.papers.odex import pictures
from medda_lib.papers.results import Results
from medda_lib.studies.per_image import PerImage
from tests.papers.odex.made_up import Matrix, joint, ledger

RNG = np.random.default_rng(11)
STREAMS: dict[tuple[str, int], Matrix] = {
    (system, seed): RNG.random((5, 5)) for system in ("Sequential", "ODEx") for seed in range(3)
}
LAST = [0.8, 0.9, 0.7, 0.9, 0.8]
EVERY = {**STREAMS, **{("Joint training", seed): joint(LAST) for seed in range(3)}}
POOLS = {"ODEx": [1, 1, 2, 2, 3]}


@pytest.fixture(scope="module")
def measured() -> Results:
    return ledger(EVERY, POOLS)


def numbers(scores: Matrix) -> dict[str, list[float]]:
    """The values behind each mean of a run, written out."""
    r = scores.tolist()
    return {
        "dice": r[4],
        "bwt": [r[4][j] - r[j][j] for j in range(4)],
        "fwt": [r[j][j] - r[j - 1][j] for j in range(1, 5)],
    }


def test_every_run_gives_its_numbers(measured: Results) -> None:
    found = transfer.derive(measured.frame).set_index(["system", "seed", "metric"])["value"]
    for (system, seed), scores in STREAMS.items():
        for name, values in numbers(scores).items():
            assert found[system, seed, name] == pytest.approx(statistics.fmean(values))
            spread = found[system, seed, f"{name}_spread"]
            assert spread == pytest.approx(statistics.stdev(values))
        on_the_way = np.nanmean(backward_transfer_on_the_way(scores))
        assert found[system, seed, "bwt_on_the_way"] == pytest.approx(on_the_way)


def test_joint_training_has_a_dice_and_undefined_transfers(measured: Results) -> None:
    mean, std = stream_numbers.by_system(measured)
    row = mean.loc["Joint training"]
    assert row["Dice"] == pytest.approx(statistics.fmean(LAST))
    assert std.loc["Joint training", "Dice"] == pytest.approx(statistics.stdev(LAST))
    assert row[["BWT", "FWT", "models"]].isna().all()


def test_the_pool_is_that_after_the_last_stage(measured: Results) -> None:
    mean, std = stream_numbers.by_system(measured)
    assert mean.loc["ODEx", "models"] == 3
    assert math.isnan(mean.loc["Sequential", "models"])
    assert std["models"].isna().all()
    assert transfer.told(measured, "models").loc[("ODEx", 0)].tolist() == POOLS["ODEx"]


def test_spreads_over_stages_and_over_repetitions_are_told_apart(measured: Results) -> None:
    runs = [numbers(STREAMS["ODEx", seed])["dice"] for seed in range(3)]
    _, stages = stream_numbers.by_system(measured)
    _, repetitions = stream_numbers.by_system(measured, "repetitions")
    over_stages = statistics.fmean(statistics.stdev(run) for run in runs)
    assert stages.loc["ODEx", "Dice"] == pytest.approx(over_stages)
    over_seeds = statistics.stdev(statistics.fmean(run) for run in runs)
    assert repetitions.loc["ODEx", "Dice"] == pytest.approx(over_seeds)


def test_ours_stand_beside_the_papers_half_table(measured: Results) -> None:
    table = pictures.beside(measured, "1")
    assert list(table.frame.columns.levels[0]) == ["BWT", "Dice", "FWT"]
    assert table.frame.loc["Sequential", ("Dice", "reported")] == 0.57
    ours = statistics.fmean(
        statistics.fmean(numbers(STREAMS["Sequential", seed])["bwt"]) for seed in range(3)
    )
    assert table.frame.loc["Sequential", ("BWT", "measured")] == pytest.approx(ours)
    assert table.frame.loc["PLOP"].xs("measured", level=1).isna().all()
    assert (
        "Measured on phantom hippocampi, shifting source; profile demo, 3 repetitions" in table.html
    )
    two = pictures.beside(measured, "2").frame
    assert two.loc["ODEx", ("models", "reported")] == 2
    assert two.loc["ODEx", ("models", "measured")] == 3


def test_undefined_cells_stay_empty_and_those_not_run_say_so(measured: Results) -> None:
    html = pictures.beside(measured, "1").html
    rows = {row.split("</th>")[0]: row for row in html.split("<tr>")[3:]}
    bound = next(row for name, row in rows.items() if name.endswith("Joint training"))
    assert "not" not in bound
    assert bound.count("<td") == 9
    plop = next(row for name, row in rows.items() if name.endswith("PLOP"))
    assert plop.count("not run") == 3


def test_the_transformed_half_is_for_phantoms_and_decathlon() -> None:
    for data in ("transformed", "real"):
        frame = pictures.beside(ledger(EVERY, POOLS, data), "2").frame
        assert frame.loc["ODEx", ("models", "reported")] == 4
    with pytest.raises(ValueError, match="no table of the paper is about 'ordered'"):
        pictures.beside(ledger(EVERY, POOLS, "ordered"), "1")


def test_a_stream_of_our_own_has_a_table_of_numbers(measured: Results) -> None:
    table = pictures.own_table(ledger(EVERY, POOLS, "ordered"))
    assert table.columns.tolist() == ["Dice", "BWT", "BWT on the way", "FWT", "models"]
    assert table.index.tolist() == ["Joint training", "Sequential", "ODEx"]
    plain = pictures.own_table(ledger(STREAMS, {}, "ordered"))
    assert "models" not in plain


def test_scores_are_means_over_repetitions_and_keep_their_place(measured: Results) -> None:
    mean = np.mean([STREAMS["ODEx", seed] for seed in range(3)], axis=0)
    assert transfer.scores(measured, "ODEx") == pytest.approx(mean)
    assert transfer.scores(measured, "ODEx", "surface_dice") == pytest.approx(mean / 2)
    bound = transfer.scores(measured, "Joint training")
    assert bound[-1] == pytest.approx(LAST)
    assert np.isnan(bound[:-1]).all()
    with pytest.raises(ValueError, match="PLOP: no rows along a stream; there are: Sequential"):
        transfer.scores(measured, "PLOP")


def test_scores_of_a_system_with_a_last_row_alone_have_the_streams_size() -> None:
    only = ledger({("Joint training", 0): joint(LAST)})
    assert transfer.scores(only, "Joint training").shape == (5, 5)


def test_scans_are_found_by_stage_and_moment(measured: Results) -> None:
    path = "after 5/stage 1/segmentation/pixels_true"
    images = PerImage(("ODEx|0", "EWC|0", "ODEx|1"), {path: np.arange(6).reshape(3, 2)})
    found = Results(measured.frame, images, "demo", "shifting", {}, "odex")
    values = transfer.by_scan(found, "ODEx", 5, 1, "pixels_true")
    assert values.tolist() == [[0, 1], [4, 5]]


def test_a_pool_is_read_from_what_the_method_told() -> None:
    told = {
        **{(k, "models"): n for k, n in enumerate(POOLS["ODEx"], 1)},
        **{(k, "expanded"): float(k in (3, 5)) for k in range(1, 6)},
        **{(k, "distance to model 1"): 0.1 * k for k in range(2, 6)},
        **{(k, "distance to model 2"): 0.2 * k for k in (4, 5)},
        **{(k, "threshold"): 0.3 for k in range(2, 6)},
    }
    found = ledger({("ODEx", 0): STREAMS["ODEx", 0], ("EWC", 0): STREAMS["ODEx", 1]})
    facts = [
        {"system": "ODEx", "seed": 0, "evaluation": f"after {k}", "domain": "-"}
        | {"problem": "stream", "metric": name, "value": value}
        for (k, name), value in told.items()
    ]
    frame = pd.concat([found.frame, pd.DataFrame(facts)], ignore_index=True)
    measured = replace(found, frame=frame)
    pool = pictures.pool_of(measured, "ODEx", 0)
    nan = math.nan
    wanted = [[nan] * 3, [0.2, nan, nan], [0.3, nan, nan], [0.4, 0.8, nan], [0.5, 1.0, nan]]
    np.testing.assert_allclose(np.asarray(pool.distances), wanted)
    np.testing.assert_allclose(np.asarray(pool.threshold), [nan, 0.3, 0.3, 0.3, 0.3])
    assert pool.added == (1, 3, 5)
    with pytest.raises(ValueError, match="EWC, seed 0: no pool of models"):
        pictures.pool_of(measured, "EWC", 0)


def test_rows_without_a_stream_come_back_as_they_are(measured: Results) -> None:
    other = measured.frame.assign(evaluation="cross-domain", domain="real")
    assert transfer.derive(other) is other


def test_seconds_are_medians_of_runs(measured: Results) -> None:
    assert run_seconds(measured)["median seconds"].tolist() == [2.0] * 3
