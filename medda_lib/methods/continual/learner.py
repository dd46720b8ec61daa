"""One network through a stream: train, remember, go on.

Most continual methods keep a single network and differ in what they remember of the past: weights and
their importance, or the old network itself. `learn_stream` trains stage after stage and asks a `Memory`
for the regulariser of each. At the end of a stage the memory observes what it would have to keep, since
the scans will be gone; it commits that to memory only when the stream says that the distribution has
changed. This is the one place where the boundaries of `TOLD_BOUNDARIES` are used.
"""

from __future__ import annotations

from typing import Protocol

import torch

from medda_lib.methods.continual.settings import Trainer
from medda_lib.methods.continual.training import (
    PLAIN,
    Regulariser,
    new_network,
    predictor,
    train,
    train_plain,
)
from medda_lib.networks.dyn_unet import DynUNet, copied
from medda_lib.studies.method import Run
from medda_lib.studies.snapshots import Snapshots
from medda_lib.studies.stream import Stage, StreamView
from medda_lib.studies.task import Pool, View


class Memory(Protocol):
    """What a method keeps of the past."""

    def regulariser(self, network: DynUNet) -> Regulariser:
        """What the coming stage's training is held by; `PLAIN` when nothing is remembered yet."""
        ...

    def observe(self, network: DynUNet, pool: Pool, number: int, run: Run) -> None:
        """The end of a stage: take from its scans what may have to be remembered."""
        ...

    def commit(self) -> None:
        """A boundary: what was observed last now belongs to the past."""
        ...


def stream_of(view: View) -> StreamView:
    """The view as a stream's. Raises TypeError when the task is not a stream."""
    if not isinstance(view, StreamView):
        raise TypeError("a continual method needs a task with stages (a StreamTask)")
    return view


def learn_stream(view: View, run: Run, trainer: Trainer, memory: Memory | None = None) -> Snapshots:
    """Train one network through the view's stream; a copy of it is kept after each stage."""
    network = new_network(trainer, run)
    after = {}
    for stage in stream_of(view).stream():
        if memory is not None and stage.boundary:
            memory.commit()
        _learn(network, stage, run, trainer, memory)
        kept = copied(network, trainer.filters, trainer.deep_supervision)
        after[stage.number] = predictor(kept, trainer, run.device)
    return Snapshots(after)


def _learn(
    network: DynUNet, stage: Stage, run: Run, trainer: Trainer, memory: Memory | None
) -> None:
    pool = stage.pool
    regulariser = PLAIN if memory is None else memory.regulariser(network)
    if regulariser is PLAIN:
        train_plain(network, pool, trainer, stage.number, run)
    else:
        train(network, pool, trainer, stage.number, run, regulariser)
    if memory is not None:
        with torch.random.fork_rng():
            memory.observe(network, pool, stage.number, run)
