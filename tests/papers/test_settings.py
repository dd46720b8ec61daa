"""The scoreboard's setting of a system is that of the method that its runs fit, from one source."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from medda_lib.papers import inventory, settings
from medda_lib.papers.catalogue import FOLDER, CatalogueError, papers, read, study_module
from medda_lib.papers.settings import settings_of
from medda_lib.studies.setting import ALL_AT_ONCE, CONTINUAL, TEST_TIME, TOLD_BOUNDARIES

STUDIED = [paper.key for paper in papers() if (FOLDER / paper.key / "study.py").is_file()]


@pytest.mark.parametrize("key", STUDIED)
def test_the_board_says_what_every_run_of_every_profile_may_see(key: str, tmp_path: Path) -> None:
    board = inventory.systems(tmp_path).set_index(["paper", "system"])["setting"]
    module = study_module(key)
    runs = [
        spec
        for profile in ("smoke", "demo", "paper")
        for data in module.DATA
        for spec in module.study(profile, data, 1).specs
    ]
    seen = {(dict(spec.condition)["system"], spec.method.setting.name) for spec in runs}
    shown = {(name, setting) for name, setting in seen if (key, name) in board.index}
    assert shown == {(name, board[key, name]) for name, _ in shown}
    done = {s.name for p in papers() if p.key == key for s in p.systems if s.status == "done"}
    assert {name for name, _ in shown} == done


@pytest.mark.parametrize(
    ("key", "name", "setting"),
    [
        *(("odex", name, TOLD_BOUNDARIES) for name in ("EWC", "MiB", "RW", "PLOP", "LwF")),
        ("odex", "Joint training", ALL_AT_ONCE),
        ("odex", "ODEx", CONTINUAL),
        ("aiva", "Source site model", TEST_TIME),
        ("aiva", "Target site model", TEST_TIME),
    ],
)
def test_who_is_told_more_than_the_papers_own_method(key: str, name: str, setting: object) -> None:
    assert settings_of(key)[name] == getattr(setting, "name", "")


def test_a_system_that_waits_has_the_setting_of_its_file() -> None:
    assert settings_of("fda")["CycleGAN"] == "test-time"
    (popar,) = (paper for paper in papers() if paper.key == "popar")
    assert settings_of("popar") == {system.name: system.setting for system in popar.systems}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('status = "done"', 'status = "done"\nsetting = "continual"', "'MultiMix': is that of its"),
        ('status = "done"', 'status = "not yet"', "'' is not one of"),
        ('status = "done"', 'status = "not yet"\nsetting = "magic"', "'magic' is not one of"),
    ],
)
def test_a_file_names_settings_of_waiting_systems_only(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = (FOLDER / "multimix" / "paper.toml").read_text("utf-8")
    start = text.index('name = "MultiMix"')
    path = tmp_path / "multimix" / "paper.toml"
    path.parent.mkdir()
    path.write_text(text[:start] + text[start:].replace(old, new), "utf-8")
    with pytest.raises(CatalogueError, match=r"setting of 'MultiMix'") as caught:
        read(path)
    assert message in str(caught.value)


def studied(*pairs: tuple[str, str]) -> SimpleNamespace:
    """A study module whose runs are of these systems, each with that setting."""
    specs = [
        SimpleNamespace(
            condition=(("system", name),),
            method=SimpleNamespace(setting=SimpleNamespace(name=setting)),
        )
        for name, setting in pairs
    ]
    return SimpleNamespace(DATA=["phantom"], study=lambda *_: SimpleNamespace(specs=specs))


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("AIVA", "continual"), ("AIVA", "few-shot")], "'AIVA' have two settings"),
        ([("AIVA", "continual")], "'Target site model' is done, but no run"),
    ],
)
def test_a_study_that_disagrees_is_refused(
    pairs: list[tuple[str, str]], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "study_module", lambda _: studied(*pairs))
    with pytest.raises(CatalogueError, match=message):
        settings_of.__wrapped__("aiva")
