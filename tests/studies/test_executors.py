import multiprocessing
import os
import sys
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
import torch

from medda_lib.studies import ledger
from medda_lib.studies.executors import InProcess, executor, in_process, processes, worker_setup
from tests.studies.toy import toy_study

STUDY = toy_study(methods=2, seeds=2)


def _threads() -> tuple[int, str]:
    return torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, bytes]:
    return outcome("in-process", tmp_path_factory.mktemp("in-process"))


def outcome(pool: str | Executor, folder: Path) -> tuple[pd.DataFrame, bytes]:
    """The frame without seconds and the bytes of the committed CSV."""
    frame = STUDY.run(folder, executor=pool, progress=False)
    return frame.drop(columns="seconds"), ledger.commit(frame, folder / "results").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["processes", "parsl"])
def test_every_executor_gives_the_same_ledger(
    name: str, tmp_path: Path, reference: tuple[pd.DataFrame, bytes]
) -> None:
    if name == "parsl":
        pytest.importorskip("parsl")
    frame, text = outcome(name, tmp_path)
    pd.testing.assert_frame_equal(frame, reference[0], check_exact=True)
    assert text == reference[1]
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_a_pool_fixes_the_threads_of_its_workers() -> None:
    with processes(workers=1, threads=2) as pool:
        assert pool.submit(_threads).result() == (2, "2")


def test_in_process_holds_errors_and_lets_interrupts_through() -> None:
    pool = in_process()
    future = pool.submit(int, "x")
    assert future.done()
    assert isinstance(future.exception(), ValueError)
    assert pool.submit(max, 1, 2).result() == 2

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pool.submit(interrupted)


def test_a_file_may_define_an_executor(
    tmp_path: Path, reference: tuple[pd.DataFrame, bytes]
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def executor():\n    return ThreadPoolExecutor(1)\n"
    )
    with executor(str(file)) as pool:
        assert isinstance(pool, ThreadPoolExecutor)
        frame, text = outcome(pool, tmp_path / "runs")
        assert pool.submit(max, 1, 2).result() == 2, "the caller's executor was closed"
    pd.testing.assert_frame_equal(frame, reference[0], check_exact=True)
    assert text == reference[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", "define a function `executor\\(\\)` or a Parsl `config`"),
        ("def executor():\n    return 3\n", "executor\\(\\) gave a int, not an Executor"),
        (None, "does not exist"),
    ],
)
def test_files_that_make_no_executor(tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "odd.py"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ValueError, match=message):
        executor(str(file))


def test_names() -> None:
    assert isinstance(executor("in-process"), InProcess)
    with pytest.raises(ValueError, match="unknown executor 'cloud': use in-process, processes, pa"):
        executor("cloud")
    with pytest.raises(ValueError, match="workers: at least 1"):
        executor("processes", workers=0)
    with pytest.raises(ValueError, match="threads: at least 1"):
        executor("processes", threads=0)


def test_the_slurm_configuration_gives_each_worker_a_gpu() -> None:
    pytest.importorskip("parsl")
    from parsl.executors import HighThroughputExecutor
    from parsl.providers import SlurmProvider

    from medda_lib.studies import parsl_slurm as slurm

    (blocks,) = slurm.config.executors
    assert isinstance(blocks, HighThroughputExecutor)
    assert blocks.max_workers_per_node == slurm.GPUS_PER_NODE
    assert list(blocks.available_accelerators) == [str(i) for i in range(slurm.GPUS_PER_NODE)]
    provider = blocks.provider
    assert isinstance(provider, SlurmProvider)
    assert provider.walltime == slurm.WALL_TIME
    assert f"--gpus-per-node={slurm.GPUS_PER_NODE}" in provider.scheduler_options
    assert slurm.ACTIVATE in provider.worker_init
    assert "export OMP_NUM_THREADS=1" in provider.worker_init


def test_workers_import_what_this_process_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / "a folder; with 'signs"
    odd.mkdir()
    monkeypatch.syspath_prepend(str(odd))
    code = "import os, sys; print(os.environ['PYTHONPATH'], os.environ['MKL_NUM_THREADS'])"
    script = f'{worker_setup(3)}\n{sys.executable} -c "{code}"'
    with os.popen(f"sh -c '{quoted(script)}'") as shell:
        path, threads = shell.read().rsplit(maxsplit=1)
    assert path.split(os.pathsep)[0] == str(odd.resolve())
    assert threads == "3"


def quoted(script: str) -> str:
    return script.replace("'", "'\"'\"'")
