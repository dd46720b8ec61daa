"""Where a number comes from: commit, versions, hardware, threads, seconds, date.

Stored with every run and summarised beside every committed table. Nothing here decides a result, so
nothing here is part of a run's key.
"""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from medda_lib.studies.closure import versions
from medda_lib.studies.machine import cpu, gpu, instruction_set
from medda_lib.studies.spec import RunSpec


def provenance(spec: RunSpec, device: str, threads: int, seconds: float) -> dict[str, Any]:
    """All that is known about one run, as JSON data."""
    return {
        "key": spec.key,
        "identity": spec.identity,
        "label": spec.label,
        "spec": spec.spelled(),
        "random_seed": spec.random_seed,
        "versions": versions() | {"python": platform.python_version()},
        "code": spec.closure(),
        "content": {name: asdict(found) for name, found in spec.content().items()},
        "commit": commit(),
        "hardware": {
            "cpu": cpu(),
            "cores": os.cpu_count(),
            "gpu": gpu(device),
            "instructions": instruction_set(),
        },
        "system": platform.platform(),
        "device": device,
        "threads": threads,
        "seconds": round(seconds, 3),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
    }


@cache
def commit() -> str:
    """The commit of the checkout, with ``+changes`` where files differ from it, else ``unknown``."""
    head = _git("rev-parse", "HEAD")
    if head is None:
        return "unknown"
    return head + ("+changes" if _git("status", "--porcelain", "--untracked-files=no") else "")


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None  # an installed copy without a checkout, or no git on this machine
    return done.stdout.strip()
