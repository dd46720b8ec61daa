"""One run of a study, live: trained before the reader's eyes and kept in memory for pictures.

It is a run of the study itself (same specification, same seed, one thread), so it gives the numbers of
the study, bit for bit. The chapters' own `live` modules say what they show of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch

from medda_lib.figures.progress import Progress
from medda_lib.studies.method import Predictor, Run
from medda_lib.studies.run import Study
from medda_lib.studies.spec import RunSpec
from medda_lib.studies.task import Task
from medda_lib.studies.trial import fixed_chance


class Fitted(NamedTuple):
    """A system after its training, its task, and the progress bar that has noted the losses."""

    spec: RunSpec
    task: Task
    predictor: Predictor
    watch: Progress


def fitted(
    study: Study,
    wanted: Mapping[str, str],
    seed: int,
    device: str = "cpu",
    artefacts: Path | None = None,
) -> Fitted:
    """Train one condition of a study, watched by a progress bar.

    wanted: columns of the condition and their values, as many as single it out. artefacts: a folder for
    what several runs share. Raises ValueError if the study has no such condition or repetition.
    """
    for spec in study.specs:
        if wanted.items() <= dict(spec.condition).items() and spec.seed == seed:
            break
    else:
        raise ValueError(f"{study.name} has no condition {dict(wanted)}, repetition {seed}")
    task = spec.task.build(seed)
    watch = Progress(", ".join(wanted.values()))
    with fixed_chance(spec.random_seed, threads=1):
        run = Run(spec.random_seed, torch.device(device), watch, seed, artefacts)
        predictor = spec.method.fit(task.view(spec.method.setting), run)
    return Fitted(spec, task, predictor, watch)
