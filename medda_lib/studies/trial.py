"""One repetition: fix every source of chance, fit on the view, evaluate.

This is all the code that stands between a specification and its numbers, so it sits in one module
that every run's closure contains; storing, scheduling and reporting stay outside and may change
without a re-run. Seeds, thread counts and PyTorch's deterministic mode are set for the run and put
back afterwards, so that a run in a notebook leaves no trace there.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch

from medda_lib.studies.evaluate import Images, Row, evaluate
from medda_lib.studies.method import Method, Run
from medda_lib.studies.snapshots import after_each_stage
from medda_lib.studies.stream import StreamTask
from medda_lib.studies.task import Task, TaskSpec


def trial(
    method: Method,
    task_spec: TaskSpec,
    task: Task,
    run: Run,
    threads: int = 1,
) -> tuple[list[Row], Images]:
    """Fit `method` on what its setting shows of `task` and measure it on the test pools.

    run: equal arguments on the same machine give equal rows, bit for bit; its artefacts change time,
    not numbers. On a stream the system is measured after every stage (see `snapshots`).
    Raises `RuntimeError` when the method wrote into the task's tensors, which later runs share.
    """
    with fixed_chance(run.seed, threads):
        before = _writes(task)
        predictor = method.fit(task.view(method.setting), run)
        if isinstance(task, StreamTask):
            anew = partial(fixed_chance, run.seed, threads)
            measured = after_each_stage(method.name, predictor, task, task_spec, run.device, anew)
        else:
            measured = evaluate(predictor, task, task_spec, run.device)
    if _writes(task) != before:
        raise RuntimeError(
            f"{method.name} changed the task's tensors in place; clone a batch before writing to it"
        )
    return measured


@contextmanager
def fixed_chance(seed: int, threads: int) -> Iterator[None]:
    """Seed torch, numpy and random, fix the threads, allow only deterministic algorithms; undo all."""
    # cuBLAS reads this when its first handle is made; without it deterministic mode raises on a GPU.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    state = (random.getstate(), np.random.get_state())  # noqa: NPY002
    before = torch.get_num_threads()
    strict, warn = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    benchmark = torch.backends.cudnn.benchmark
    with torch.random.fork_rng():
        try:
            random.seed(seed)
            np.random.seed(seed % 2**32)  # noqa: NPY002 - libraries below draw from the global state
            torch.manual_seed(seed)
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(True)
            torch.backends.cudnn.benchmark = False
            yield
        finally:
            random.setstate(state[0])
            np.random.set_state(state[1])  # noqa: NPY002
            torch.set_num_threads(before)
            torch.use_deterministic_algorithms(strict, warn_only=warn)
            torch.backends.cudnn.benchmark = benchmark


def _writes(task: Task) -> list[int]:
    """PyTorch's count of in-place writes to each tensor of a task, shared with all its views."""
    return [
        tensor._version  # noqa: SLF001 - PyTorch gives no other access to it
        for pool in task.pools.values()
        for tensor in (pool.images, pool.labels, pool.masks)
        if tensor is not None
    ]
