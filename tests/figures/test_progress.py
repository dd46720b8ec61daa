"""The progress bar: what it keeps, how often it redraws, and its last words."""

from __future__ import annotations

from typing import Any

import pytest

from medda_lib.figures import progress
from medda_lib.figures.progress import Progress


class Output:
    """Stands for a display handle and keeps what it was given."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def update(self, data: dict[str, str], raw: bool) -> None:
        assert raw
        self.texts.append(data["text/plain"])


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> Output:
    handle = Output()

    def display(_data: dict[str, str], **_options: Any) -> Output:
        return handle

    monkeypatch.setattr(progress, "display", display)
    return handle


def test_it_redraws_rarely_and_ends_with_fixed_words(output: Output) -> None:
    bar = Progress("U-Net", updates=5)
    for step in range(1, 104):
        bar(step, 103, {"dice": 1 / step})
    assert len(output.texts) <= 6
    assert output.texts[-1] == "U-Net: step 103 of 103: dice 0.010"


def test_curves_keep_every_step_and_skip_absent_losses(output: Output) -> None:
    bar = Progress("net")
    bar(1, 3, {"a": 1.0})
    bar(2, 3, {"a": 0.5, "b": 4.0})
    bar(3, 3, {"b": 3.0})
    assert bar.curves() == {"a": ([1, 2], [1.0, 0.5]), "b": ([2, 3], [4.0, 3.0])}
    assert output.texts[-1].endswith("b 3.000")


def test_without_a_notebook_it_only_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "display", lambda _data, **_options: None)
    bar = Progress("net")
    bar(1, 1, {"a": 1.0})
    assert bar.curves() == {"a": ([1], [1.0])}
