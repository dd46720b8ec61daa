"""The scoreboard from small ledgers whose verdicts are known beforehand."""

import csv
import json
import tomllib
from itertools import product
from pathlib import Path

import pandas as pd
import pytest

from medda_lib import _paths
from medda_lib.papers import counts, inventory
from medda_lib.papers.catalogue import FOLDER, papers
from medda_lib.studies.claims import load
from medda_lib.studies.intervals import student
from medda_lib.studies.verdict import WORDS

ROWS = {  # system, labels, masks -> in-domain Dice of three seeds
    ("UMTL-S", "100", "10"): (0.80, 0.82, 0.81),
    ("UMTL", "100", "10"): (0.90, 0.93, 0.91),
    ("MultiMix", "100", "10"): (0.92, 0.93, 0.94),
    ("U-Net", "-", "10"): (0.60, 0.61, 0.65),
}


def ledger(folder: Path, profile: str, data: str) -> None:
    """The rows above as a committed ledger: values in the CSV, the runs in the JSON beside it."""
    names = ("system", "labels", "masks")
    rows: list[dict[str, object]] = []
    runs: list[dict[str, object]] = []
    for place, values in ROWS.items():
        condition = dict(zip(names, place, strict=True))
        for seed, value in enumerate(values):
            rows.append(
                {"paper": "multimix", "profile": profile, "data": data, **condition, "seed": seed}
                | {"evaluation": "in-domain", "domain": "jsrt", "problem": "segmentation"}
                | {"metric": "dice", "value": value}
            )
            key = f"{'|'.join(place)}|{seed}"
            runs.append({"condition": condition, "seed": seed, "seconds": 1.0, "key": key})
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(folder / f"{profile}-{data}.csv", index=False)
    origin = {
        "hardware": [{"cpu": "A", "cores": 2, "gpu": None}, {"cpu": "A", "cores": 2, "gpu": "B"}],
        "device": "cpu",
        "commit": "0123456789abcdef+changes",
        "seconds": 5400.0,
        "last": "2026-01-02 03:04:05 UTC",
    }
    (folder / f"{profile}-{data}.json").write_text(json.dumps(origin | {"runs": runs}), "utf-8")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    ledger(tmp_path / "multimix", "demo", "phantom")
    return tmp_path


def test_every_system_of_every_paper_has_its_row(results: Path) -> None:
    table = inventory.systems(results)
    assert len(table) == sum(len(paper.systems) for paper in papers())
    assert table["paper"].nunique() == 17
    assert not table.duplicated(["paper", "system"]).any()
    assert set(table["status"]) == {"done", "not yet"}


def test_a_system_is_measured_where_a_ledger_holds_it(results: Path) -> None:
    ledger(results / "multimix", "smoke", "real")
    table = inventory.systems(results).set_index(["paper", "system"])
    measured = table.loc["multimix", "measured"].to_dict()
    held = {system for system, _, _ in ROWS}
    assert {name for name, where in measured.items() if where} == held
    assert measured["MultiMix"] == "demo-phantom, smoke-real"
    assert (table.drop("multimix", level=0)["measured"] == "").all()


def test_without_ledgers_nothing_is_measured_and_nothing_tested(tmp_path: Path) -> None:
    assert (inventory.systems(tmp_path)["measured"] == "").all()
    table = inventory.claims(tmp_path)
    assert set(table["verdict"]) == {"not tested"}
    assert table["effect"].isna().all()
    every = len(table.drop_duplicates(["paper", "claim"]))
    assert (table.groupby("data").size() == every).all()


def test_verdicts_follow_the_ledger(results: Path) -> None:
    table = inventory.claims(results)
    table = table[table["paper"] == "multimix"].set_index(["data", "claim"])
    ours = table.loc["phantom"]
    assert ours.loc["C2a", "verdict"] == "supported"
    assert ours.loc["C1a", "verdict"] == "contradicted"
    assert ours.loc["C1b", "verdict"] == "not tested"
    assert "cross-domain" in ours.loc["C1b", "reason"]  # this ledger is of one domain
    gains = [
        a - b for a, b in zip(ROWS["MultiMix", "100", "10"], ROWS["U-Net", "-", "10"], strict=True)
    ]
    found = student(gains)
    told = [ours.loc["C2a", name] for name in ("effect", "low", "high", "shows")]
    assert told == pytest.approx([found.mean, found.low, found.high, found.shows])
    assert bool(ours.loc["C2a", "headline"])
    assert bool(ours.loc["C1c", "remark"])
    assert (ours.loc["C2a", "seeds"], ours.loc["C2a", "profile"]) == (3, "demo")
    assert ours.loc["C2a", "ledger"] == "demo-phantom"
    assert set(table.loc["real", "verdict"]) == {"not tested"}
    assert set(table.loc["real", "ledger"]) == {""}
    assert set(table.loc["real", "reason"]) == {inventory.NOT_RUN}


def test_the_most_thorough_ledger_wins(results: Path) -> None:
    ledger(results / "multimix", "smoke", "phantom")
    table = inventory.claims(results, ("phantom",))
    assert set(table.loc[table["paper"] == "multimix", "profile"]) == {"demo"}


def test_verdicts_have_one_column_per_kind_of_data_in_the_order_of_the_claims(
    results: Path,
) -> None:
    wide = inventory.verdicts(results)
    assert wide.columns.tolist() == ["paper", "claim", "text", "phantom", "real", "own"]
    wide = wide[wide["paper"] == "multimix"]
    assert wide["claim"].tolist()[:4] == ["C1a", "C1b", "C1c", "C1d"]
    assert wide.loc[wide["claim"] == "C2a", "phantom"].item() == "supported"


def test_the_overview_counts(results: Path) -> None:
    table = inventory.overview(results).set_index("paper")
    assert len(table) == 17
    assert table.loc["multimix", ["systems", "done", "measured"]].tolist() == [9, 9, len(ROWS)]
    assert table.loc["popar", ["done", "measured"]].tolist() == [0, 0]
    assert pd.isna(table.loc["cmevae", "year"])


def test_settings_share_out_all_systems(results: Path) -> None:
    table = inventory.by_setting(results).set_index("setting")
    assert table["systems"].sum() == sum(len(paper.systems) for paper in papers())
    assert table["measured"].to_dict() == {n: 4 * (n == "semi-supervised") for n in table.index}
    assert (table["done"] <= table["systems"]).all()


def test_a_ledger_is_shown_with_its_origin(results: Path) -> None:
    (row,) = inventory.ledgers(results).to_dict("records")
    assert (row["title"], row["data"], row["profile"]) == ("MultiMix", "phantom", "demo")
    assert (row["runs"], row["repetitions"], row["hours"]) == (3 * len(ROWS), 3, 1.5)
    assert (row["hardware"], row["commit"]) == ("A, 2 cores, B", "012345678*")
    assert row["date"] == "2026-01-02"


def test_without_ledgers_the_columns_stay(tmp_path: Path) -> None:
    empty = inventory.ledgers(tmp_path)
    assert empty.empty
    assert {"paper", "runs", "commit"} <= set(empty.columns)


def test_every_kind_of_data_has_a_name() -> None:
    assert tuple(inventory.KIND_NAMES) == inventory.KINDS


def test_a_claim_about_other_data_says_so(tmp_path: Path) -> None:
    table = inventory.claims(tmp_path, ("real",))
    elsewhere = {claim.id for claim in load("fda") if claim.data and "real" not in claim.data}
    table = table[table["paper"] == "fda"]
    assert elsewhere
    assert set(table.loc[table["reason"] == inventory.NOT_ABOUT, "claim"]) == elsewhere


def test_a_ledger_that_changed_is_judged_anew(results: Path) -> None:
    assert inventory.verdicts_of("multimix", "demo-phantom", results)["C2a"].verdict == "supported"
    path = results / "multimix" / "demo-phantom.csv"
    frame = pd.read_csv(path)
    frame.loc[frame["system"] == "MultiMix", "value"] = 0.1
    frame.to_csv(path, index=False)
    again = inventory.verdicts_of("multimix", "demo-phantom", results)["C2a"]
    assert again.verdict == "contradicted"


@pytest.mark.parametrize(
    ("paper", "data", "kind"),
    [
        ("multimix", "phantom", "phantom"),
        ("multimix", "shift", "phantom"),  # judges no claim, made of phantoms
        ("multimix", "realism", "real"),  # judges no claim, needs real images
        ("aiva", "prostate", "phantom"),
        ("odex", "real", "own"),  # the paper's own data for one of its scenarios
        ("odex", "ordered", "real"),
        ("popar", "own", "own"),  # no study yet
        ("popar", "other", "phantom"),
    ],
)
def test_each_ledger_is_of_one_kind_of_data(paper: str, data: str, kind: str) -> None:
    assert inventory.kind_of(paper, data) == kind


def test_counts_of_a_small_ledger(results: Path) -> None:
    found = counts.standing(results).counts
    assert (found["papers"], found["ledgers"], found["runs"]) == (17, 1, 12)
    assert (found["systems.measured"], found["systems.multimix.measured"]) == (4, 4)
    assert found["systems.fda.measured"] == 0
    assert found["verdicts.multimix.phantom.contradicted"] == 1  # C1a
    assert found["verdicts.phantom.contradicted"] == 1
    assert found["claims.fda.tested"] == 0
    tested = sum(
        found[f"verdicts.phantom.{word}"] for word in ("supported", "contradicted", "undecided")
    )
    assert found["claims.tested"] == tested == found["claims.multimix.tested"]


def test_standing_is_made_anew_when_a_ledger_comes(results: Path) -> None:
    before = counts.standing(results)
    assert counts.standing(results) is before
    ledger(results / "multimix", "smoke", "real")
    assert counts.standing(results).counts["ledgers"] == before.counts["ledgers"] + 1


def test_counts_agree_with_the_files() -> None:
    """The committed results, counted once more from the files, without the scoreboard."""
    found = counts.standing().counts
    tomls = {
        p.parent.name: tomllib.loads(p.read_text("utf-8")) for p in FOLDER.glob("*/paper.toml")
    }
    for key, content in tomls.items():
        systems = {row["name"]: row["status"] for row in content["system"]}
        held = set[str]()
        for path in (_paths.RESULTS / key).glob("*.csv"):
            with path.open(encoding="utf-8", newline="") as file:
                held |= {row["system"] for row in csv.DictReader(file)}
        assert found[f"systems.{key}"] == len(systems)
        assert found[f"systems.{key}.done"] == list(systems.values()).count("done")
        assert found[f"systems.{key}.measured"] == len(held & set(systems))
        known = load(key) if (FOLDER / key / "claims.toml").is_file() else []
        remarks = sum(claim.remark for claim in known)
        assert found[f"remarks.{key}"] == remarks
        assert found[f"claims.{key}"] == len(known) - remarks
        for kind in inventory.KINDS:
            said = sum(found[f"verdicts.{key}.{kind}.{word}"] for word in WORDS)
            assert said == len(known) - remarks
            heads = sum(found[f"headlines.{key}.{kind}.{word}"] for word in WORDS)
            assert heads == sum(claim.headline for claim in known)
    for name in ("systems", "systems.done", "systems.measured", "claims", "claims.tested"):
        first, _, last = name.partition(".")
        parts = (".".join(filter(None, (first, key, last))) for key in tomls)
        assert found[name] == sum(found[part] for part in parts)
    for kind, word in product(inventory.KINDS, ("supported", "contradicted")):
        assert found[f"verdicts.{kind}.{word}"] == sum(
            found[f"verdicts.{key}.{kind}.{word}"] for key in tomls
        )
    origins = [json.loads(p.read_text("utf-8")) for p in _paths.RESULTS.glob("*/*-*.json")]
    assert found["ledgers"] == len(origins)
    assert found["runs"] == sum(len(one["runs"]) for one in origins)
