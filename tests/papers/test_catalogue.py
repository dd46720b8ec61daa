"""The catalogue: seventeen papers, checked on loading, with errors that name file and field."""

import re
from pathlib import Path

import pytest

from medda_lib.papers import catalogue
from medda_lib.papers.catalogue import CatalogueError, paper, papers, study_module
from medda_lib.papers.settings import settings_of

KEYS = """aiva apl avagrad catenorm cmevae fda melanoma metamedseg metateacher mmtl multimix odex
popar sissi stainaglr stepwise transformers""".split()

GOOD = """
key = "toy"
title = "A Toy"
short = "Toy"
authors = ["A. Author"]
venue = "Nowhere"
cite = "author2022toy"
source = "paper"
settings = ["test-time"]
shifts = ["scanner"]
worlds = ["chest X-ray"]
anatomy = ["lungs"]
modality = ["radiography"]
one_line = "An idea."
status = "not yet"

[[system]]
name = "No DA"
role = "bound"
setting = "test-time"
status = "not yet"
"""
FIRST = "[[system]]"


def write(folder: Path, text: str) -> Path:
    path = folder / "toy" / "paper.toml"
    path.parent.mkdir()
    path.write_text(text, "utf-8")
    return path


def test_all_seventeen_papers_are_there_once() -> None:
    assert sorted(one.key for one in papers()) == KEYS
    assert len({one.title for one in papers()}) == 17
    chapters = [bool(one.chapter) for one in papers()]
    assert chapters == sorted(chapters, reverse=True)  # papers with a chapter come first
    assert chapters[0]


def test_every_paper_proposes_something_and_compares_it() -> None:
    for one in papers():
        roles = {system.role for system in one.systems}
        assert "proposed" in roles, one.key
        assert roles - {"proposed"}, one.key
        assert one.year in (2021, 2022) or one.key == "cmevae"
        # A setting of the paper is one that some system works in.
        assert set(one.settings) <= set(settings_of(one.key).values()), one.key


def test_every_setting_but_none_is_left_without_a_paper() -> None:
    from medda_lib.studies.setting import SETTINGS

    used = {setting for one in papers() for setting in one.settings}
    assert used == {setting.name for setting in SETTINGS}


def test_a_paper_without_a_chapter_has_nothing_done() -> None:
    others = [one for one in papers() if not one.chapter]
    assert all(system.status == "not yet" for one in others for system in one.systems)


def test_a_chapter_may_come_before_the_last_baseline_but_not_before_all(tmp_path: Path) -> None:
    named = GOOD.replace('status = "not yet"', 'status = "not yet"\nchapter = "x"', 1)
    proposed = GOOD[GOOD.index("[[system]]") :].replace("No DA", "Ours")
    done = proposed.replace('setting = "test-time"\nstatus = "not yet"', 'status = "done"')
    path = write(tmp_path, named + done)
    assert catalogue.read(path).chapter == "x"
    path.write_text(named + proposed, "utf-8")
    with pytest.raises(CatalogueError, match="no system of the paper is done yet"):
        catalogue.read(path)


def test_every_paper_is_in_the_bibliography_with_its_title() -> None:
    text = (Path(__file__).parents[2] / "book" / "references.bib").read_text("utf-8")
    entries = {e.split("{", 1)[1].split(",", 1)[0]: e for e in re.split(r"(?m)^@", text)[1:]}
    assert len(entries) == text.count("\n@") >= 17 + 15
    for one in papers():
        assert one.title in entries[one.cite], one.key
        assert one.doi in entries[one.cite], one.key


def test_an_unknown_paper_is_answered_with_the_known_ones() -> None:
    with pytest.raises(CatalogueError, match=r"unknown paper 'multimx'.*multimix.*popar"):
        paper("multimx")
    with pytest.raises(ValueError, match=r"no study yet; papers with one: .*multimix"):
        study_module("popar")


def test_a_paper_with_a_study_names_the_data_that_it_runs_on() -> None:
    for one in papers():
        if (catalogue.FOLDER / one.key / "study.py").is_file():
            assert [data.name for data in one.data] == list(study_module(one.key).DATA), one.key
            assert any(data.judges and data.kind == "phantom" for data in one.data), one.key
        else:
            assert one.data == ()


def test_data_that_no_phantom_can_stand_in_for_read_a_data_set() -> None:
    for one in papers():
        for data in one.data:
            specs = study_module(one.key).study("demo", data.name, 1).specs
            reads = {bool(spec.reads) for spec in specs}
            assert (True in reads) == (data.kind != "phantom"), (one.key, data.name)


def test_data_are_found_by_name(tmp_path: Path) -> None:
    text = GOOD + '\n[[data]]\nname = "real"\nkind = "real"\nwhat = "ten X-rays"\njudges = false\n'
    found = catalogue.read(write(tmp_path, text))
    assert found.on("real") == catalogue.Data("real", "real", "ten X-rays", judges=False)
    assert found.on("phantom") is None


def test_a_good_file_is_read(tmp_path: Path) -> None:
    found = catalogue.read(write(tmp_path, GOOD))
    assert (found.key, found.year, found.systems[0].name) == ("toy", None, "No DA")
    assert found.authors == ("A. Author",)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "A Toy"', "", "'title' is missing"),
        ('title = "A Toy"', "title = 3", "title: need a filled str"),
        ('authors = ["A. Author"]', "authors = []", "authors: need a filled tuple"),
        ('authors = ["A. Author"]', "authors = [3]", "authors: need a list of strings"),
        ('short = "Toy"', 'short = "Toy"\nyaer = 2022', "unknown field 'yaer'"),
        ('key = "toy"', 'key = "boy"', "not the name of its folder"),
        ('settings = ["test-time"]', 'settings = ["magic"]', "'magic' is not one of"),
        ('shifts = ["scanner"]', 'shifts = ["weather"]', "shifts: 'weather' is not one of"),
        ('shifts = ["scanner"]', "", "the field 'shifts' is missing"),
        ('role = "bound"', 'role = "bond"', "role of 'No DA'"),
        ('role = "bound"', "", "system 1: the field 'role' is missing"),
        ('one_line = "An idea."\nstatus = "not yet"', 'one_line = "."\nstatus = "done"', "exactly"),
        ('key = "toy"', 'key = "toy', "not valid TOML"),
        (FIRST, f'[[data]]\nname = "x"\nkind = "odd"\nwhat = "y"\n{FIRST}', "kind of 'x': 'odd'"),
        (FIRST, f'[[data]]\nname = "x"\nkind = "real"\n{FIRST}', "data 1: the field 'what' is"),
        (FIRST, 2 * '[[data]]\nname = "x"\nkind = "own"\nwhat = "y"\n' + FIRST, "listed twice"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(CatalogueError, match=r"paper\.toml") as caught:
        catalogue.read(write(tmp_path, GOOD.replace(old, new)))
    assert message in str(caught.value)


def test_a_system_listed_twice_is_refused(tmp_path: Path) -> None:
    again = GOOD[GOOD.index("[[system]]") :]
    with pytest.raises(CatalogueError, match="'No DA' is listed twice"):
        catalogue.read(write(tmp_path, GOOD + again))
