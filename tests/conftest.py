"""For all tests: the processor time that pages took is told at the end. A clock fails no test.

How long something takes depends on the machine and on what else it does, so time is reported beside its
budget and nothing is asserted about it. Speed is measured by the scripts in `benchmarks/`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

PROCESSOR = "processor seconds at smoke"
"""Property of a test: (name of the page, seconds, budget)."""


def pages(reporter: pytest.TerminalReporter) -> Iterator[tuple[str, float, float]]:
    """What the tests of pages recorded, whichever process ran them."""
    for reports in reporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == PROCESSOR and report.when == "call":
                    yield tuple(value)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line for each page that was run."""
    found = sorted(set(pages(terminalreporter)))
    if not found:
        return
    terminalreporter.section("processor time of pages at smoke")
    for page, seconds, budget in found:
        verdict = "" if seconds <= budget else f"  over the budget of {budget:.0f} s"
        terminalreporter.write_line(f"{seconds:6.1f} s  {page}{verdict}")
