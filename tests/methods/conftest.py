"""The benchmark's module, which lies outside the package."""

from __future__ import annotations

from types import ModuleType

import pytest

from tests.benchmarks import benchmark


@pytest.fixture(scope="session")
def step_benchmark() -> ModuleType:
    """`benchmarks/multimix_step.py`, imported from its path."""
    return benchmark("multimix_step")
