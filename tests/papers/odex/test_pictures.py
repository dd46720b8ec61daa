"""The chapter's figures against the made-up rows behind them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from medda_lib.figures.stage_map import stage_map
from medda_lib.methods.continual.settings import Trainer
from medda_lib.papers import costs, stream_numbers
from medda_lib.papers import pictures as shared
from medda_lib.papers.odex import pictures
from medda_lib.papers.odex.study import BUDGETS
from medda_lib.papers.results import Results
from medda_lib.studies.identity import spelled_fields
from medda_lib.studies.per_image import PerImage
from tests.papers.odex.made_up import joint, ledger

RNG = np.random.default_rng(5)
SYSTEMS = ("Sequential", "EWC", "MiB", "ODEx")
LAST = [0.8, 0.9, 0.7, 0.9, 0.8]
SCORES = {(system, seed): RNG.random((5, 5)) for system in SYSTEMS for seed in range(2)}
RUNS = SCORES | {("Joint training", seed): joint(LAST) for seed in range(2)}


def with_scans(data: str = "shifting") -> Results:
    """Two repetitions of three test scans per stage, predicted 10 voxels too large per stage passed."""
    found = ledger(RUNS, {"ODEx": [1, 1, 2, 2, 2]}, data)
    runs = tuple(f"{system}|{seed}" for system, seed in RUNS)
    true = np.tile(np.array([[1000, 1100, 1200]]), (len(runs), 1))
    arrays: dict[str, np.ndarray] = {}
    for after in range(1, 6):
        for stage in range(1, 6):
            path = f"after {after}/stage {stage}/segmentation"
            arrays[f"{path}/dice"] = RNG.random(true.shape)
            arrays[f"{path}/pixels_true"] = true
            arrays[f"{path}/pixels_predicted"] = true + 10 * after
    return Results(found.frame, PerImage(runs, arrays), "demo", data, {}, "odex")


@pytest.fixture(scope="module")
def measured() -> Results:
    return with_scans()


def test_curves_have_a_panel_per_system_and_the_level_of_the_bound(measured: Results) -> None:
    figure, alt = pictures.curves(measured)
    panels = [axis for axis in figure.axes if axis.get_visible()]
    assert [axis.get_title() for axis in panels] == list(SYSTEMS)
    assert np.allclose(panels[0].lines[-1].get_ydata(), np.mean(LAST))
    first = np.mean([SCORES["EWC", seed][0, 0] for seed in range(2)])
    assert f"EWC: first stage's data {first:.2f} when learned" in alt


def test_systems_at_one_place_share_a_label() -> None:
    same = {("Sequential", 0): SCORES["EWC", 0], ("ODEx", 0): SCORES["EWC", 0]}
    figure, alt = stream_numbers.balance(ledger({**same, ("MiB", 0): SCORES["MiB", 0]}))
    assert {text.get_text() for text in figure.axes[0].texts} == {"Sequential *", "MiB"}
    found = SCORES["MiB", 0]
    bwt = np.mean(found[-1, :4] - np.diag(found)[:4])
    assert f"MiB {bwt:.2f}" in alt


@pytest.mark.parametrize(("data", "side"), [("shifting", 1.5), ("real", 1.5)])
def test_volumes_are_in_millilitres(data: str, side: float) -> None:
    scans = with_scans(data)
    voxel = pictures.voxel_ml(scans)
    truth, found = stream_numbers.millilitres(scans, "ODEx", 5, 1, voxel)
    assert truth == pytest.approx(np.tile([1000, 1100, 1200], 2) * side**3 / 1000)
    assert found - truth == pytest.approx(50 * side**3 / 1000)
    figure, alt = pictures.volumes(scans)
    titles = [axis.get_title() for axis in figure.axes]
    assert titles[0] == "Sequential, after stage 1 (n = 6)"
    assert "ODEx, after stage 5: bias +0.17 ml" in alt


def test_boxes_have_a_group_per_stage(measured: Results) -> None:
    figure, alt = pictures.scan_scores(measured)
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == [
        f"stage {k}" for k in range(1, 6)
    ]
    values = measured.images.get("ODEx", "after 5/stage 2/segmentation/dice")
    assert f"ODEx {np.median(values):.2f}" in alt.split("stage 2: ")[1].split(";")[0]


def test_distances_come_from_what_a_pool_told(measured: Results) -> None:
    told = {(k, "distance to model 1"): 0.2 * k for k in range(2, 6)}
    told |= {(k, "distance to model 2"): 0.1 * k for k in range(4, 6)}
    told |= {(k, "threshold"): 0.5 for k in range(2, 6)} | {(3, "expanded"): 1.0}
    rows = [
        {"system": "ODEx", "seed": 0, "evaluation": f"after {k}", "domain": "-"}
        | {"problem": "stream", "metric": name, "value": value}
        for (k, name), value in told.items()
    ]
    frame = pd.concat([measured.frame, pd.DataFrame(rows)], ignore_index=True)
    grown = Results(frame, measured.images, "demo", "shifting", {}, "odex")
    figure, alt = pictures.distances(grown, 0, ("ODEx",))
    assert "ODEx begins a model at stage 1, 3" in alt
    drawn = np.asarray(figure.axes[0].lines[0].get_ydata())
    assert np.allclose(drawn[1:], [0.4, 0.6, 0.8, 1.0])


def test_what_was_not_run_says_so(
    measured: Results, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    captions = []

    def note(figure: Figure, caption: str, alt: str, name: str) -> None:
        captions.append(caption)

    monkeypatch.setattr(shared, "show_figure", note)
    shared.shown(pictures.curves, None, "Curves.", "c")
    assert capsys.readouterr().out.strip() == shared.NOT_RUN
    assert not captions
    shared.shown(pictures.curves, measured, "Curves.", "c", systems=("EWC",))
    assert captions == [f"Curves. {measured.measured_on}"]


def test_costs_are_multiples_of_sequential_training() -> None:
    table = pd.DataFrame(
        {
            "system": ["Sequential", "ODEx"],
            "device": "one core",
            "stage_s": [10.0, 10.5],
            "memory_mb": [200.0, 210.0],
            "time_ratio": [1.0, 1.05],
            "memory_ratio": [1.0, 1.05],
        }
    )
    figure, alt = pictures.overhead(table)
    assert [axis.get_title() for axis in figure.axes] == ["time, one core", "memory, one core"]
    assert "one core: time 1.05, memory 1.05" in alt
    assert "1.05" in [text.get_text().strip() for text in figure.axes[0].texts]
    found = costs.read("odex", "overhead.csv")
    assert found is None or set(table) <= set(found)


def test_a_stream_says_what_was_forgotten_and_whether_the_pool_grew() -> None:
    told = pictures.expanded({"a": ledger(RUNS, {"ODEx": [1, 1, 2, 2, 2]}, "shifting")})
    row = told.loc["a"]
    assert row["repetitions"] == 2
    assert row["of them with a second model"] == 2
    assert row["models at the end, mean"] == 2
    matrices = [SCORES["Sequential", seed] for seed in range(2)]
    wanted = np.mean([[m[-1, j] - m[j, j] for j in range(4)] for m in matrices])
    assert row["BWT of Sequential"] == pytest.approx(wanted, abs=1e-3)


def test_steps_are_shares_of_a_step_or_times_as_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pd.DataFrame(
        [
            ("part", "forward", 40.0, 0.4),
            ("part", "backward", 60.0, 0.6),
            ("step", "patch", 50.0, 2.0),
        ],
        columns=["kind", "what", "milliseconds", "ratio"],
    )
    tables = {("odex", "steps.csv"): table}
    monkeypatch.setattr(costs, "read", lambda *place: tables.get(place))
    parts, changes = pictures.steps("part"), pictures.steps("step")
    assert parts is not None
    assert parts["share of a step"].to_dict() == {"forward": 0.4, "backward": 0.6}
    assert changes is not None
    assert changes["times as fast"].to_dict() == {"patch": 2.0}
    monkeypatch.setattr(costs, "read", lambda *_: None)
    assert pictures.steps("part") is None


def test_recipes_name_every_setting_of_the_training() -> None:
    table = costs.recipes(BUDGETS, "trainer")
    assert set(table.index) == {name for name, _ in spelled_fields(Trainer())}
    assert table.loc["steps", "paper"] == str(Trainer.paper().recipe.steps)


def test_a_map_has_a_colour_per_stage_and_a_marker_per_source() -> None:
    points = {"t-SNE": RNG.random((6, 2)), "UMAP": RNG.random((6, 2))}
    figure = stage_map(points, [1, 1, 2, 2, 3, 3], ["a", "b"] * 3)
    assert [axis.get_title() for axis in figure.axes] == ["t-SNE", "UMAP"]
    first = figure.axes[0].collections
    for part, start in zip(first, (0, 1), strict=True):
        assert np.allclose(np.asarray(part.get_offsets()), points["t-SNE"][start::2])
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["stage 1", "stage 2", "stage 3", "a", "b"]
    with pytest.raises(ValueError, match="9 of them"):
        stage_map({"t-SNE": RNG.random((9, 2))}, [1] * 9, [str(i) for i in range(9)])
