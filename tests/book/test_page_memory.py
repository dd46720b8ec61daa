"""What a page takes: its own processes count, those that stood there before do not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.benchmarks import benchmark

MEMORY = benchmark("page_memory")
MIB = 2**20
HOLDS = "import sys; kept = b'x' * int(sys.argv[1]); print('held', flush=True); input()"


@contextmanager
def holding(mib: int) -> Iterator[None]:
    """A process that holds so many MiB, for as long as the block lasts."""
    command = [sys.executable, "-c", HOLDS, str(mib * MIB)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield
        process.communicate(b"\n")


def measured(mib: int) -> int:
    """The peak of a block that starts a process of so many MiB."""
    with MEMORY.Meter() as meter, holding(mib):
        meter.wait(samples=3)
    return int(meter.peak)


def test_what_a_block_starts_counts() -> None:
    assert 200 * MIB < measured(200) < 300 * MIB


def test_what_ran_before_does_not_count() -> None:
    with holding(400):
        assert 200 * MIB < measured(200) < 300 * MIB


def test_both_of_two_processes_count() -> None:
    with MEMORY.Meter() as meter, holding(100), holding(100):
        meter.wait(samples=3)
    assert 200 * MIB < meter.peak < 350 * MIB


def test_children_of_a_child_count() -> None:
    inner = f"subprocess.run([sys.executable, '-c', {HOLDS!r}, '{200 * MIB}'])"
    command = [sys.executable, "-c", f"import subprocess, sys; {inner}"]
    with (
        MEMORY.Meter() as meter,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        meter.wait(samples=3)
        process.communicate(b"\n")
    assert 200 * MIB < meter.peak < 300 * MIB


BURNS = """
import sys, time
while time.process_time() < float(sys.argv[1]):
    pass
print('burnt', flush=True)
input()
"""


@contextmanager
def burning(seconds: float) -> Iterator[None]:
    """A process that takes so much processor time, and then waits for the block's end."""
    command = [sys.executable, "-c", BURNS, str(seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"burnt\n"
        yield
        process.communicate(b"\n")


def test_processor_time_of_all_processes_counts_also_when_they_ended() -> None:
    with MEMORY.Meter() as meter:
        with burning(0.5):
            meter.wait(samples=3)
        with burning(0.25):
            meter.wait(samples=3)
    assert 0.7 < meter.seconds < 2.0  # the system counts in hundredths, and Python has to start


def test_processor_time_of_others_does_not_count() -> None:
    with burning(1.0), MEMORY.Meter() as meter, burning(0.25):
        meter.wait(samples=3)
    assert 0.2 < meter.seconds < 1.0
