"""The places that the tests run on: every data set tiny, and the real thing where it is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.entry import data_root
from medda_lib.datasets.registry import CHEST_XRAYS, find
from tests.datasets.layouts import TINY, Place


@pytest.fixture(scope="session")
def tiny_places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Place]:
    """Every tiny data set, written once; tests must not change them (use `tiny` for that)."""
    base = tmp_path_factory.mktemp("tiny")
    return {name: make(base / name) for name, make in TINY.items()}


@pytest.fixture(
    params=[f"{name}-{kind}" for kind in ("tiny", "real") for name in CHEST_XRAYS], scope="module"
)
def place(request: pytest.FixtureRequest, tiny_places: dict[str, Place]) -> Place:
    name, kind = str(request.param).rsplit("-", 1)
    if kind == "tiny":
        return tiny_places[name]
    try:
        root = find(name)
    except DatasetError:
        pytest.skip(f"the real {name} is not below MEDDA_DATA ({data_root()})")
    return Place(name, root, CHEST_XRAYS[name].card.counts, real=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of its own for a tiny data set that a test is going to damage."""
    return tmp_path / "data"
