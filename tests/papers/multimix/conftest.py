"""The smoke study and one live run, made once for all tests that look at them."""

from __future__ import annotations

import pytest

from medda_lib.papers.multimix import live
from medda_lib.papers.multimix.results import Results, results


def measured(data: str) -> Results:
    """The smoke study of one kind of data that needs nothing but phantoms."""
    found = results("smoke", data)
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
    return live.train("smoke", "phantom", system, labels=labels, masks=masks, seed=0, device="cpu")
