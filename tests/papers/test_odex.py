"""What is peculiar to ODEx: two scenarios side by side, and pools of models that grow."""

from itertools import product

import numpy as np
import pytest

from medda_lib.papers.odex import pictures
from medda_lib.papers.tables import reported_table
from medda_lib.studies.claims import load
from tests.papers.printed import SCENARIOS
from tests.papers.smoke import MANY, stream
from tests.papers.test_streams import TOLD, made_up, mean_dice


def test_two_ablations_print_the_sequential_run_on_shifting_source() -> None:
    """One model and no shift found is sequential training: the same numbers, spread included."""
    for part, name in product(("mean", "std"), pictures.POOLS[1:]):
        one, two = (reported_table("odex", table, "column")[part] for table in "12")
        columns = [f"Shifting source|{head}" for head in ("Dice", "BWT", "FWT")]
        assert two.loc[name, columns].tolist() == one.loc["Sequential", columns].tolist()


def test_under_the_last_row_reading_stages_would_be_learned_far_worse_without_odex() -> None:
    """Dice - 4/5 BWT would be the mean of R[j, j]; yet both print the same forward transfer."""
    table = reported_table("odex", "1", "column")["mean"].filter(like="Shifting")
    dice, bwt, fwt = table.loc[["Sequential", "ODEx"]].T.to_numpy()
    assert dice - 0.8 * bwt == pytest.approx([0.722, 0.894])
    assert fwt[0] == fwt[1]


def test_a_claim_is_about_one_scenario_and_names_its_rows() -> None:
    for claim in load("odex"):
        assert {SCENARIOS[data] for data in claim.data} == {claim.text.partition(":")[0]}
        assert all(side["system"] in claim.where for side in (claim.a, claim.b) if side)


def test_halves_of_the_tables_stand_beside_ours_and_undefined_cells_stay_empty() -> None:
    for data, models in (("shifting", 2), ("transformed", 4), ("real", 4)):
        cells = pictures.beside(made_up(data), "2").frame.loc["ODEx", "models"]
        assert cells[["reported", "measured"]].tolist() == [models, TOLD["models"][5]]
    html = pictures.beside(made_up(), "1").html.split("<tr>")[3:]
    assert [row.count("not run") for row in html] == [0, 0, *[3] * 5, 0]  # EWC to LwF were not


def test_a_pool_is_read_from_what_the_method_told() -> None:
    pool, nan = pictures.pool_of(made_up(), "ODEx", 0), np.nan
    wanted = [[nan] * 3, [0.2, nan, nan], [0.3, nan, nan], [0.4, 0.8, nan], [0.5, 1.0, nan]]
    np.testing.assert_allclose(np.asarray(pool.distances), wanted)
    assert pool.added == (1, 3, 5)


def test_routes_and_readings_are_what_the_pools_met() -> None:
    for k, (_, row) in enumerate(pictures.routes(stream(MANY)).iterrows(), 1):
        assert sum(row[f"to model {m}"] for m in range(1, 6)) == 2
        assert row["Dice, chosen"] == pytest.approx(mean_dice(stream(MANY), 5, k), abs=1e-3)
    facts = stream("ODEx").snapshots.facts[2]
    first = pictures.readings(stream("Sequential")).loc["as here", "stage 2"]
    assert first == pytest.approx(facts["distance"] / facts["threshold"], abs=0.0051)
