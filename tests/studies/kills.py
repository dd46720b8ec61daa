"""Kills studies and prints what was left: run by `test_kill.py` as ``python -m tests.studies.kills``.

A parent that has imported everything forks a child for each session, so that a session costs
milliseconds and a kill can land anywhere in it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from medda_lib.studies.store import RunResult, RunStore
from tests.studies.toy import JOURNAL, toy_study

KILLS = 20
STUDY = toy_study(pause=0.01)


def main(folder: Path) -> dict[str, Any]:
    torch.set_num_threads(1)
    runs = {str(spec.random_seed): spec.key for spec in STUDY.specs}  # reads the code once, here
    clean, killed = folder / "clean", folder / "killed"
    start = time.perf_counter()
    ended(fork(lambda: study(clean)))
    each = (time.perf_counter() - start) / len(STUDY.specs)
    rng = random.Random(2020)
    sessions = [session(killed, runs, rng.uniform(0.0, 1.1 * each)) for _ in range(KILLS)]
    sessions.append(session(killed, runs, None))
    return {"runs": sorted(runs.values()), "sessions": sessions, "writes": kills_in_writes(folder)}


def session(root: Path, runs: dict[str, str], moment: float | None) -> dict[str, Any]:
    """Start or resume the study, kill it at `moment` seconds (None: let it finish)."""
    before = entries(root)
    journal = root.parent / "journal"
    journal.write_text("")
    pid = fork(lambda: study(root))
    if moment is not None:
        time.sleep(moment)
        os.kill(pid, signal.SIGKILL)
    status = ended(pid)
    # A line that the kill cut short is a start all the same, but its run cannot be told.
    started = [runs[line] for line in journal.read_text().split("\n")[:-1]]
    return {"before": before, "after": entries(root), "started": started, "status": status}


def study(root: Path) -> None:
    os.environ[JOURNAL] = str(root.parent / "journal")
    STUDY.run(root, progress=False)


def entries(root: Path) -> dict[str, list[int]]:
    """Finished runs with what changes when a file is written again: inode and time of each file."""
    store = RunStore(root)
    return {
        key: [n for f in sorted(store.path(key).iterdir()) for n in identity(f)]
        for key in store.keys()  # noqa: SIM118 - not a dictionary
    }


def identity(file: Path) -> tuple[int, int]:
    return file.stat().st_ino, file.stat().st_mtime_ns


def kills_in_writes(folder: Path) -> list[dict[str, Any]]:
    """Kill a write before its first file operation, before its second, and so on to the last."""
    clean = RunStore(folder / "clean")
    key = clean.keys()[0]
    result = clean.read(key)
    outcomes: list[dict[str, Any]] = []
    while not outcomes or outcomes[-1]["status"] == -signal.SIGKILL:
        root = folder / f"write-{len(outcomes)}"
        n = len(outcomes)
        status = ended(fork(partial(write_and_die, n, root, key, result)))
        store = RunStore(root)
        there = store.has(key)
        whole = there and store.read(key).rows == result.rows
        swept = store.sweep()
        store.write(key, result)
        left = len(list((root / "drafts").iterdir())) if (root / "drafts").is_dir() else 0
        again = store.read(key).rows == result.rows
        outcomes.append(
            {"status": status, "there": there, "whole": whole, "swept": swept}
            | {"left": left, "again": again}
        )
    return outcomes


def write_and_die(n: int, root: Path, key: str, result: RunResult) -> None:
    die_at(n, root)
    RunStore(root).write(key, result)


def die_at(n: int, root: Path) -> None:
    """Kill this process at its n-th file operation below `root`, just before it is done."""
    count = [0]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in {"open", "os.mkdir", "os.rename"} and str(arguments[0]).startswith(str(root)):
            if count[0] == n:
                os.kill(os.getpid(), signal.SIGKILL)
            count[0] += 1

    sys.addaudithook(hook)


def fork(work: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return pid


def ended(pid: int) -> int:
    """The exit code of a child; minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
