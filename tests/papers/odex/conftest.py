"""Live runs at smoke that share their training, made once for all tests that look at them."""

from __future__ import annotations

from pathlib import Path

import pytest

from medda_lib.papers.odex.live import Live, train


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("odex")


@pytest.fixture(scope="session")
def sequential(artefacts: Path) -> Live:
    return train("smoke", "shifting", "Sequential", seed=0, artefacts=artefacts)


@pytest.fixture(scope="session")
def ours(artefacts: Path) -> Live:
    return train("smoke", "shifting", "ODEx", seed=0, artefacts=artefacts)


@pytest.fixture(scope="session")
def many(artefacts: Path) -> Live:
    """A pool of five models."""
    return train("smoke", "shifting", "ODEx, a model per stage", seed=0, artefacts=artefacts)
