"""Live runs at smoke that share their training, made once for all tests that look at them."""

from __future__ import annotations

from pathlib import Path

import pytest

from medda_lib.papers.live_stream import LiveStream, train


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("odex")


@pytest.fixture(scope="session")
def sequential(artefacts: Path) -> LiveStream:
    return train("odex", "smoke", "shifting", {"system": "Sequential"}, 0, artefacts=artefacts)


@pytest.fixture(scope="session")
def ours(artefacts: Path) -> LiveStream:
    return train("odex", "smoke", "shifting", {"system": "ODEx"}, 0, artefacts=artefacts)


@pytest.fixture(scope="session")
def many(artefacts: Path) -> LiveStream:
    """A pool of five models."""
    return train(
        "odex", "smoke", "shifting", {"system": "ODEx, a model per stage"}, 0, artefacts=artefacts
    )
