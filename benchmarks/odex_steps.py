"""What a training step on 3-D scans is made of, and what each way to make it cheaper brings.

First the parts of one step at the `demo` profile's sizes: drawing the batch, the forward pass, the loss,
the backward pass, the optimiser; beside them augmentation, which `demo` leaves out. Then whole steps,
each change alone against the step as it is:

  contiguous     without the channels-last layout that the library uses
  bfloat16       half precision for the convolutions
  patch          patches of half the sides instead of whole scans, as many as a batch has scans
  level          another level below the others: four instead of three
  augmented      with nnU-Net's augmentations
  2 threads      two cores on one step, instead of one step on each core
  not kept       every batch rendered anew, as if phantoms were not kept in memory

Variants take turns, so that whatever else the machine does meets them alike. Numbers are medians; the
ratio says how many times as fast as the step as it is. With --write the table goes to
`medda_lib/papers/odex/steps.csv`, which the chapter shows.

    python benchmarks/odex_steps.py --rounds 20 --write
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import torch
from torch import Tensor

from medda_lib.methods.continual.augmentation import augmented
from medda_lib.methods.continual.settings import Trainer
from medda_lib.methods.continual.training import draw, new_network, shown, supervised
from medda_lib.methods.training import with_recipe
from medda_lib.networks.dyn_unet import DynUNet
from medda_lib.papers.costs import replace_rows
from medda_lib.papers.odex.study import BUDGETS
from medda_lib.phantoms.hippocampus_mr import SOURCES, render
from medda_lib.studies.method import Run

FILE = Path(__file__).parents[1] / "medda_lib" / "papers" / "odex" / "steps.csv"
SCANS = 8
HEADS = ("kind", "what", "milliseconds", "ratio")
PARTS = ("drawing", "forward", "loss", "backward", "optimiser")


@dataclass(frozen=True)
class Variant:
    """A trainer and what else differs from the step as it is."""

    trainer: Trainer
    channels_last: bool = True
    threads: int = 1
    fresh: bool = False


def variants(trainer: Trainer, shape: tuple[int, ...]) -> dict[str, Variant]:
    """The step as it is, first, and each change alone."""
    d, h, w = (side // 2 for side in shape)
    deeper = (*trainer.filters, 2 * trainer.filters[-1])
    return {
        "as it is": Variant(trainer),
        "contiguous": Variant(trainer, channels_last=False),
        "bfloat16": Variant(with_recipe(trainer, precision="bfloat16")),
        "patch": Variant(replace(trainer, patch=(d, h, w))),
        "level": Variant(replace(trainer, filters=deeper)),
        "augmented": Variant(replace(trainer, augment=True)),
        "2 threads": Variant(trainer, threads=2),
        "not kept": Variant(trainer, fresh=True),
    }


class Stepper:
    """Takes steps of one variant and times their parts."""

    def __init__(self, variant: Variant, images: Tensor, masks: Tensor, spacing: float) -> None:
        self.variant, self.spacing = variant, spacing
        self.images, self.masks = images, masks
        self.network: DynUNet = new_network(variant.trainer, Run(0)).train()
        if not variant.channels_last:
            self.network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        self.recipe = variant.trainer.recipe
        parameters = self.network.parameters()
        self.optimizer = self.recipe.optimiser.make(parameters, self.recipe.learning_rate)
        self.generator = torch.Generator().manual_seed(0)
        self.seeds = count(1000)

    def step(self) -> dict[str, float]:
        """One step: seconds of each of `PARTS`."""
        torch.set_num_threads(self.variant.threads)
        trainer, marks = self.variant.trainer, [time.perf_counter()]
        images, masks = self._scans()
        x, y = draw(images, masks, trainer, self.generator)
        if self.variant.channels_last:
            x = shown(x, x.device)
        marks.append(time.perf_counter())
        with self.recipe.autocast(x.device):
            logits = self.network(x).float()
        marks.append(time.perf_counter())
        loss = supervised(logits, y)
        marks.append(time.perf_counter())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        marks.append(time.perf_counter())
        self.optimizer.step()
        marks.append(time.perf_counter())
        return {p: marks[i + 1] - marks[i] for i, p in enumerate(PARTS)}

    def _scans(self) -> tuple[Tensor, Tensor]:
        if not self.variant.fresh:
            return self.images, self.masks
        seeds = [next(self.seeds) for _ in range(self.variant.trainer.recipe.batch)]
        made = render(SOURCES["decathlon"], seeds, spacing=self.spacing)
        return made.volumes[:, None], made.hippocampus[:, None]


def measured(rounds: int) -> list[dict[str, str | float]]:
    """Rows of what, milliseconds and ratio: parts of a step, then whole steps."""
    budget = BUDGETS["demo"]
    spacing = budget.phantoms.spacing
    made = render(SOURCES["decathlon"], range(SCANS), spacing=spacing)
    images, masks = made.volumes[:, None], made.hippocampus[:, None]
    known = variants(budget.trainer, tuple(images.shape[2:]))
    steppers = {name: Stepper(v, images, masks, spacing) for name, v in known.items()}
    times: dict[str, list[dict[str, float]]] = {name: [] for name in steppers}
    for number in range(rounds + 1):
        for name, stepper in steppers.items():
            found = stepper.step()
            if number:  # the first round warms up
                times[name].append(found)
    whole = {n: statistics.median([sum(t.values()) for t in rows]) for n, rows in times.items()}
    base = whole["as it is"]
    rows = [
        _row("part", part, statistics.median([t[part] for t in times["as it is"]]), base)
        for part in PARTS
    ]
    spent = _augmentation(budget.trainer, images, masks, rounds)
    rows.append(_row("beside", "augmentation", spent, base))
    return rows + [_row("step", name, seconds, base) for name, seconds in whole.items()]


def _augmentation(trainer: Trainer, images: Tensor, masks: Tensor, rounds: int) -> float:
    """Seconds of augmenting a batch."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    x, y = draw(images, masks, trainer, generator)
    x = shown(x, x.device)
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        augmented(x, y, generator)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _row(kind: str, name: str, seconds: float, base: float) -> dict[str, str | float]:
    """For a part its share of the step, for a step how many times as fast it is."""
    ratio = base / seconds if kind == "step" else seconds / base
    return {
        "kind": kind,
        "what": name,
        "milliseconds": float(f"{1e3 * seconds:.4g}"),
        "ratio": float(f"{ratio:.3g}"),
    }


def main() -> None:
    """Reads the options; see the top of the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--write", action="store_true", help=f"write {FILE.name}")
    options = parser.parse_args()
    rows = measured(options.rounds)
    for row in rows:
        print(row, flush=True)
    if options.write:
        replace_rows(FILE, HEADS, [{k: str(v) for k, v in row.items()} for row in rows], HEADS[:2])


if __name__ == "__main__":
    main()
