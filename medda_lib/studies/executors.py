"""Where runs are computed: here, in a pool of processes, or on a cluster.

A study speaks to `concurrent.futures.Executor` and to nothing else, so the choice is one word on the
command line and never changes a number. The in-process executor is the default: it starts at once,
shows errors where they happen and works on every system. Parsl takes some seconds to start and earns
them on many GPUs or on SLURM, where it pins one worker to each GPU.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import runpy
import shlex
import shutil
import signal
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

NAMES = ("in-process", "processes", "parsl")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
SCRIPTS = Path(sysconfig.get_path("scripts"))


class InProcess(Executor):
    """Runs each call when it is submitted. An interrupt from the keyboard passes straight through."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The finished future of ``fn(*args, **kwargs)``."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - a future holds its error until it is asked
            future.set_exception(error)
        return future


def in_process() -> Executor:
    """Runs one after the other in this process."""
    return InProcess()


def processes(workers: int, threads: int = 1) -> Executor:
    """A pool on this machine: `workers` fresh processes with `threads` threads each.

    Processes are spawned, not forked: a fork copies locks of PyTorch's threads in any state.
    """
    return ProcessPoolExecutor(
        _positive("workers", workers),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(_positive("threads", threads),),
    )


def parsl_local(workers: int, threads: int = 1) -> Executor:
    """Parsl on this machine: what a cluster does, to try it out. Not on Windows."""
    from parsl.config import Config
    from parsl.executors import HighThroughputExecutor
    from parsl.providers import LocalProvider

    blocks = HighThroughputExecutor(
        label="local",
        address="127.0.0.1",
        interchange_launch_cmd=interchange(),
        max_workers_per_node=_positive("workers", workers),
        cores_per_worker=1e-6,  # the number of workers decides, however few cores there are
        provider=LocalProvider(init_blocks=1, max_blocks=1, worker_init=worker_setup(threads)),
    )
    folder = tempfile.mkdtemp(prefix="medda-parsl-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    config = Config(executors=[blocks], run_dir=folder, strategy="none", initialize_logging=False)
    return _parsl(config)


def worker_setup(threads: int) -> str:
    """Shell lines that a Parsl worker runs first: threads, import path and commands as they are here."""
    installed = (Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve())
    paths = [Path(p).resolve() for p in sys.path if Path(p).exists()]
    own = [str(p) for p in paths if not any(p.is_relative_to(prefix) for prefix in installed)]
    lines = [f"export {name}={threads}" for name in THREAD_VARIABLES]
    lines += [f"export PYTHONPATH={shlex.quote(os.pathsep.join(dict.fromkeys(own)))}"]
    return "\n".join([*lines, f"export PATH={shlex.quote(str(SCRIPTS))}:$PATH"])


def interchange() -> list[str]:
    """Parsl's broker by its full path: the environment need not be activated."""
    return [str(SCRIPTS / "interchange.py")]


def executor(name: str, workers: int = 2, threads: int = 1) -> Executor:
    """An executor by name (see `NAMES`), or from a Python file that says how to make one.

    The file defines either ``executor()``, which returns a `concurrent.futures.Executor`, or
    ``config``, a `parsl.config.Config`. Raises `ValueError` that names the choices.
    """
    if name == "in-process":
        return in_process()
    if name == "processes":
        return processes(workers, threads)
    if name == "parsl":
        return parsl_local(workers, threads)
    if name.endswith(".py"):
        return _from_file(Path(name))
    raise ValueError(f"unknown executor {name!r}: use {', '.join(NAMES)}, or a Python file")


def _from_file(file: Path) -> Executor:
    if not file.is_file():
        raise ValueError(f"executor: the file {file} does not exist")
    names: dict[str, Any] = runpy.run_path(str(file))
    if callable(names.get("executor")):
        made = names["executor"]()
    elif "config" in names:
        made = _parsl(names["config"])
    else:
        raise ValueError(f"{file}: define a function `executor()` or a Parsl `config`")
    if not isinstance(made, Executor):
        raise ValueError(f"{file}: executor() gave a {type(made).__name__}, not an Executor")
    return made


def _parsl(config: Any) -> Executor:
    """Start Parsl with a `parsl.config.Config`."""
    import parsl
    from parsl.concurrent import ParslPoolExecutor

    parsl.clear()  # it remembers the last pool even after that was shut down, and would refuse
    pool: Executor = ParslPoolExecutor(config=config)
    return pool


def _start_worker(threads: int) -> None:
    """Fix the threads before any library that reads them is loaded."""
    for name in THREAD_VARIABLES:
        os.environ[name] = str(threads)
    # A pool's processes get the keyboard's interrupt too; they end quietly, the parent reports it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _positive(name: str, value: int) -> int:
    if value < 1:
        raise ValueError(f"{name}: at least 1 is needed, got {value}")
    return value
