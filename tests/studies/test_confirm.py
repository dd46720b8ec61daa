"""Results whose code moved on are confirmed by repeating a sample, or refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from medda_lib.studies import ledger
from medda_lib.studies import spec as spec_module
from medda_lib.studies.confirm import ConfirmError, confirm, sample, spread
from medda_lib.studies.store import RunStore
from tests.studies.toy import ToyMethod, toy_study

STUDY = toy_study(methods=3, seeds=2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = RunStore(tmp_path / "runs")
    STUDY.run(store, progress=False)
    ledger.commit(ledger.frame(store, STUDY.specs), tmp_path / "toys")
    return tmp_path / "toys"


def stale(folder: Path) -> list[str]:
    return ledger.stale(folder, "smoke", "phantom", STUDY.specs)


@pytest.fixture
def moved(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code behind every run is now another, although it computes the same."""
    monkeypatch.setattr(spec_module, "code_closure", lambda modules: dict.fromkeys(modules, "new"))


@pytest.mark.usefixtures("moved")
def test_equal_values_confirm_the_whole_study(folder: Path) -> None:
    assert len(stale(folder)) == 1
    found = confirm(folder, "smoke", "phantom", STUDY.specs, 2)
    assert (len(found.repeated), found.total) == (2, 6)
    assert stale(folder) == []
    (entry,) = ledger.provenance(folder, "smoke", "phantom")["confirmed"]
    assert entry["repeated"] == list(found.repeated)


@pytest.mark.usefixtures("moved")
def test_a_second_confirmation_of_the_same_code_replaces_the_first(folder: Path) -> None:
    confirm(folder, "smoke", "phantom", STUDY.specs, 1)
    confirm(folder, "smoke", "phantom", STUDY.specs, 3)
    (entry,) = ledger.provenance(folder, "smoke", "phantom")["confirmed"]
    assert len(entry["repeated"]) == 3


@pytest.mark.usefixtures("moved")
def test_another_value_is_refused_and_nothing_is_written(folder: Path) -> None:
    csv = folder / "smoke-phantom.csv"
    lines = csv.read_text().splitlines()
    lines[1] = lines[1].rpartition(",")[0] + ",0.123456"
    csv.write_text("\n".join(lines) + "\n")
    before = (folder / "smoke-phantom.json").read_text()
    with pytest.raises(ConfirmError, match=r"committed 0\.123456"):
        confirm(folder, "smoke", "phantom", STUDY.specs, 6)
    assert (folder / "smoke-phantom.json").read_text() == before
    assert stale(folder)


@pytest.mark.usefixtures("moved")
def test_the_confirmation_ends_with_the_next_edit(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm(folder, "smoke", "phantom", STUDY.specs, 2)
    monkeypatch.setattr(
        spec_module, "code_closure", lambda modules: dict.fromkeys(modules, "newer")
    )
    assert len(stale(folder)) == 1


def test_a_study_without_committed_runs_is_an_error(folder: Path) -> None:
    other = [replace(s, method=ToyMethod("other", rate=9.0)) for s in STUDY.specs]
    with pytest.raises(ConfirmError, match="no run"):
        confirm(folder, "smoke", "phantom", other, 2)


def test_the_sample_has_a_run_of_each_set_of_modules() -> None:
    closures = {spec: "rare" if i in (1, 4) else "usual" for i, spec in enumerate(STUDY.specs)}
    specs = list(closures)
    assert sample(closures, 2) == [specs[0], specs[5], specs[1]]
    assert sample(dict.fromkeys(specs, "usual"), 2) == [specs[0], specs[5]]


@pytest.mark.usefixtures("moved")
def test_only_what_is_not_confirmed_yet_is_repeated(folder: Path) -> None:
    file = folder / "smoke-phantom.json"
    known = json.loads(file.read_text())
    (name,) = known["closures"]
    known["closures"]["other"] = known["closures"][name]
    odd = {run["identity"]: run for run in known["runs"][1::3]}
    for run in odd.values():
        run["closure"] = "other"
    file.write_text(json.dumps(known))
    digest = ledger.code_digest(STUDY.specs[0].closure())
    known["confirmed"] = [{"code": {name: digest}, "repeated": []}]
    file.write_text(json.dumps(known))
    found = confirm(folder, "smoke", "phantom", STUDY.specs, 1)
    (spec,) = [s for s in STUDY.specs if s.label in found.repeated]
    assert spec.identity in odd
    assert stale(folder) == []
    assert len(ledger.provenance(folder, "smoke", "phantom")["confirmed"]) == 2


def test_the_sample_is_spread_over_the_study() -> None:
    assert spread(STUDY.specs, 2) == [STUDY.specs[0], STUDY.specs[-1]]
    assert spread(STUDY.specs, 99) == list(STUDY.specs)
    assert spread(STUDY.specs, 1) == [STUDY.specs[0]]
    assert len(set(spread(STUDY.specs, 4))) == 4
