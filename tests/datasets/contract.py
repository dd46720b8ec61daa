"""What a check says and what a load does are one thing: the assertion behind the tables of inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from medda_lib.datasets.card import DatasetError


def agreed(check: Callable[..., Any], load: Callable[[], object], expected: str) -> None:
    """The check says what is expected, and the load raises where it names a problem, and only there."""
    report = check()
    said = report.warnings if expected.startswith("warning: ") else report.problems
    words = expected.removeprefix("warning: ")
    assert any(words in line for line in said) == bool(words), report.text()
    assert report.ok == (not expected or expected.startswith("warning: ")), report.text()
    if report.ok:
        load()
        assert expected or not report.warnings, report.text()
    else:
        with pytest.raises(DatasetError):
            load()
