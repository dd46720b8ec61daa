"""Committed results are those of the present studies and of the present code.

Whoever edits code below a committed result runs the study again, or has a sample of it confirmed. Other
versions of libraries are no fault here: weekly jobs test with the newest and the lowest ones.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import pytest

from medda_lib import _paths
from medda_lib.studies import ledger


def committed() -> Iterator[tuple[str, str, str]]:
    """Paper, profile and data of each ledger."""
    for file in sorted(_paths.RESULTS.glob("*/*.csv")):
        profile, _, data = file.stem.partition("-")
        yield file.parent.name, profile, data


@pytest.mark.parametrize(("paper", "profile", "data"), list(committed()))
def test_results_are_of_the_present_code(paper: str, profile: str, data: str) -> None:
    module = importlib.import_module(f"medda_lib.papers.{paper}.study")
    specs = module.study(profile, data).specs
    reasons = ledger.stale(_paths.RESULTS / paper, profile, data, specs)
    moved = [reason for reason in reasons if not reason.startswith("versions differ")]
    assert not moved, (
        f"{moved}; if the change should change no number: medda confirm {paper} --profile {profile} "
        f"--data {data}; else: medda run {paper} --profile {profile} --data {data} --commit"
    )
