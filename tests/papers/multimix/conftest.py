"""The smoke study and one live run, made once for all tests that look at them."""

from __future__ import annotations

import pytest

from medda_lib.papers import live
from medda_lib.papers.results import Results, results


def measured(data: str) -> Results:
    """The smoke study of one kind of data that needs nothing but phantoms."""
    found = results("multimix", "smoke", data)
    assert found is not None
    return found


@pytest.fixture(scope="session")
def smoke() -> Results:
    return measured("phantom")


@pytest.fixture(scope="session")
def shift() -> Results:
    return measured("shift")


@pytest.fixture(scope="session")
def multimix() -> live.Live:
    return train("MultiMix")


def train(system: str, labels: str = "100", masks: str = "50") -> live.Live:
    """One condition of the smoke study, live."""
    wanted = {"system": system, "labels": labels, "masks": masks}
    return live.train("multimix", "smoke", "phantom", wanted, seed=0)
