"""The benchmark's module, which lies outside the package."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def step_benchmark() -> ModuleType:
    """`benchmarks/multimix_step.py`, imported from its path."""
    path = Path(__file__).parents[2] / "benchmarks" / "multimix_step.py"
    spec = importlib.util.spec_from_file_location("multimix_step", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["multimix_step"] = module
    spec.loader.exec_module(module)
    return module
