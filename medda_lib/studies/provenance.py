"""Where a number comes from: commit, versions, hardware, threads, seconds, date.

Stored with every run and summarised beside every committed table. Nothing here decides a result, so
nothing here is part of a run's key.
"""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import torch

from medda_lib.studies.spec import RunSpec, versions


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
        "commit": commit(),
        "hardware": {"cpu": cpu(), "cores": os.cpu_count(), "gpu": gpu(device)},
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


@cache
def cpu() -> str:
    """The processor's model, as the system names it."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def gpu(device: str) -> str | None:
    """The name of the GPU that `device` means; None on the CPU."""
    if torch.device(device).type != "cuda":
        return None
    return torch.cuda.get_device_name(torch.device(device))


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None  # an installed copy without a checkout, or no git on this machine
    return done.stdout.strip()
