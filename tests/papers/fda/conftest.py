"""The smoke studies and two live pairs, made once for all tests that look at them."""

from __future__ import annotations

import pytest

from medda_lib.papers.fda import pictures
from medda_lib.papers.live_pair import LivePair
from medda_lib.papers.results import Results, results


def measured(data: str) -> Results:
    found = results("fda", "smoke", data)
    assert found is not None
    return found


@pytest.fixture(scope="session")
def main() -> Results:
    return measured("phantom")


@pytest.fixture(scope="session")
def matrix() -> Results:
    return measured("matrix")


@pytest.fixture(scope="session")
def dial() -> Results:
    return measured("dial")


@pytest.fixture(scope="session")
def severe() -> LivePair:
    return pictures.train("smoke", "Severe #1", seed=0)


@pytest.fixture(scope="session")
def subtle() -> LivePair:
    return pictures.train("smoke", "Subtle #1", seed=0)
