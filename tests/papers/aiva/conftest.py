"""The smoke studies and live runs, made once for all tests that look at them."""

from __future__ import annotations

import pytest

from medda_lib.papers.aiva.study import PAPER, SOURCE_MODEL
from medda_lib.papers.live import Live, train
from medda_lib.papers.results import Results, results

PAIR = {"source": "sm3", "target": "ge15"}


def measured(data: str) -> Results:
    """The smoke study of one kind of data that needs nothing but phantoms."""
    found = results(PAPER, "smoke", data)
    assert found is not None
    return found


@pytest.fixture(scope="session")
def smoke() -> Results:
    return measured("phantom")


@pytest.fixture(scope="session")
def sweep() -> Results:
    return measured("clusters")


@pytest.fixture(scope="session")
def aiva() -> Live:
    return train(PAPER, "smoke", "phantom", {"system": "AIVA", **PAIR}, seed=0)


@pytest.fixture(scope="session")
def plain() -> Live:
    return train(PAPER, "smoke", "phantom", {"system": SOURCE_MODEL, **PAIR}, seed=0)
