"""A SLURM cluster, one GPU per worker: copy this file, change the capitals, and name it to `medda run`.

``medda run multimix --profile paper --device cuda --executor my_cluster.py``

The command runs on the login node and stays there (in tmux, say). Parsl submits jobs to SLURM, starts
one worker per GPU in each, and sends them runs; each worker sees its own GPU alone, as ``cuda``. The
checkout, the environment, the data and the run store must lie on a file system that the nodes share.
If the command ends early, because a job hit its limit or the login node went down, the same command
goes on with the runs that are missing.
"""

from __future__ import annotations

from parsl.config import Config
from parsl.executors import HighThroughputExecutor
from parsl.launchers import SrunLauncher
from parsl.providers import SlurmProvider

from medda_lib.studies.executors import interchange, worker_setup

PARTITION = "gpu"  # `sinfo` lists the partitions of your cluster
ACCOUNT = None  # the account that is charged, where the cluster asks for one
GPUS_PER_NODE = 4  # a node gets as many workers as this
CORES_PER_GPU = 8  # for the processes beside the GPU; rarely worth more
NODES_AT_ONCE = 2  # how many jobs may be queued or running at a time
WALL_TIME = "12:00:00"  # must hold at least one run; runs that are cut off are done again
ACTIVATE = "source ~/medda/.venv/bin/activate"  # how a node gets the environment
DATA = "export MEDDA_DATA=$HOME/data"  # where the nodes find the real data, if they are used

config = Config(
    executors=[
        HighThroughputExecutor(
            label="slurm",
            interchange_launch_cmd=interchange(),
            max_workers_per_node=GPUS_PER_NODE,
            # Pins worker i to GPU i through CUDA_VISIBLE_DEVICES.
            available_accelerators=GPUS_PER_NODE,
            # Workers share a node's cores evenly, without migrating between them.
            cpu_affinity="block",
            provider=SlurmProvider(
                partition=PARTITION,
                account=ACCOUNT,
                nodes_per_block=1,
                cores_per_node=GPUS_PER_NODE * CORES_PER_GPU,
                scheduler_options=f"#SBATCH --gpus-per-node={GPUS_PER_NODE}",
                worker_init="\n".join((ACTIVATE, DATA, worker_setup(threads=1))),
                launcher=SrunLauncher(),  # starts Parsl's pool once on the node
                init_blocks=1,
                min_blocks=0,  # gives idle nodes back
                max_blocks=NODES_AT_ONCE,
                walltime=WALL_TIME,
            ),
        )
    ],
    # A node that fails takes its runs with it; Parsl sends them once more.
    retries=1,
    run_dir="parsl",
    usage_tracking=0,
)
