"""Committed results are those of the present studies, and the code does what it did when they were made.

All studies at smoke are run here, each condition once: about three minutes of processor time. Bits are
compared on the instruction set and with the libraries of the fingerprint, first steps on others.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from medda_lib import _paths
from medda_lib.datasets.card import DatasetError
from medda_lib.papers import standing
from medda_lib.papers.catalogue import study_module
from medda_lib.studies import ledger
from medda_lib.studies.fingerprint import load

HOUR = 3600.0


def committed() -> Iterator[tuple[str, str, str]]:
    """Paper, profile and data of each ledger."""
    for file in sorted(_paths.RESULTS.glob("*/*.csv")):
        profile, _, data = file.stem.partition("-")
        yield file.parent.name, profile, data


LEDGERS = list(committed())


@pytest.mark.parametrize(("paper", "profile", "data"), LEDGERS)
def test_specifications_and_files_are_those_of_the_results(
    paper: str, profile: str, data: str
) -> None:
    assert standing.standing(paper, profile, data) == [], (
        f"undo the change, or: medda run {paper} --profile {profile} --data {data} --commit"
    )


@pytest.mark.slow
@pytest.mark.parametrize(("paper", "data"), sorted({(paper, data) for paper, _, data in LEDGERS}))
def test_the_code_does_what_it_did(paper: str, data: str) -> None:
    try:
        now = standing.take(paper, data)
    except DatasetError as error:
        pytest.skip(f"its data are not here: {error}")
    moved = standing.moved(paper, data, now)
    assert not moved, (
        f"{moved}; undo the change, or run again what has moved: "
        f"medda run {paper} --data {data} --commit"
    )


@pytest.mark.parametrize(("paper", "profile", "data"), LEDGERS)
def test_every_committed_system_has_a_fingerprint(paper: str, profile: str, data: str) -> None:
    smoke = {
        spec.label: standing.system_of(spec)
        for spec in study_module(paper).study("smoke", data).specs
    }
    known = load(standing.fingerprint_file(paper, data)).conditions
    rows = ledger.read(_paths.RESULTS / paper, profile, data)
    assert set(rows["system"]) <= {smoke[condition] for condition in known}


@pytest.mark.parametrize(("paper", "profile", "data"), LEDGERS)
def test_no_committed_study_takes_more_than_an_hour_on_two_cores(
    paper: str, profile: str, data: str
) -> None:
    """A run that several studies of a paper share, a network without adaptation say, is done once."""
    folder = _paths.RESULTS / paper
    before = [other for *place, other in LEDGERS if place == [paper, profile] and other < data]
    counted = {key for other in before for key in _seconds(folder, profile, other)}
    own = [s for key, s in _seconds(folder, profile, data).items() if key not in counted]
    threads = ledger.provenance(folder, profile, data)["threads"]
    assert sum(own) * threads / 2 <= HOUR, "cut it into several"


def _seconds(folder: Path, profile: str, data: str) -> dict[tuple[str, int], float]:
    """Identity and repetition of each run of a ledger -> its seconds."""
    runs = ledger.provenance(folder, profile, data)["runs"]
    return {(run["identity"], run["seed"]): run["seconds"] for run in runs}
