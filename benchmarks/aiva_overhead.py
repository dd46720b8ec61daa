"""What AIVA's clustering costs, as a share of the training time; the paper says "less than 2%".

An epoch of AIVA is one clustering (features of all slices of both sites, PCA, t-SNE, k-means,
matching) and then its minibatches. Both are timed on random slices: the numbers in an image do not
change the time. A few steps are enough, since all steps cost the same.

How large the share is depends on the arrangement. Algorithm 1 of the paper looks at all slices before
every epoch; here an epoch is one pass through the source. The released code clusters the features that
slices had in training, so that they cost no pass (only the first clustering looks at all), and 1,000
pairs of minibatches follow one clustering. Cases that end in "released" are arranged like that:
`Arrangement.released`, `Pull.released` and `Clustering.released`.

  demo    the sizes of this book's `demo` profile
  middle  40 scans of 24 slices a site, 128 x 128 pixels, 16 + 16 in a minibatch
  paper   slices as many and as large as those of the paper: 40 scans of 160 slices a site, 256 x 256
          pixels, 16 + 16 in a minibatch

t-SNE runs on one core whatever the device; the steps run on the device. So the share depends on the
hardware: the faster the device, the larger it is.

    python benchmarks/aiva_overhead.py --case demo --case middle --write
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from medda_lib.methods.aiva import Clustering, Pull
from medda_lib.methods.aiva.adaptation import Alignment
from medda_lib.methods.finetuning import (
    RELEASED_SKULL_STRIPPING,
    SKULL_STRIPPING,
    Arrangement,
    Batch,
    Sites,
    Tuning,
)
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.training import Phase, Recipe
from medda_lib.methods.training.history import floats
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.papers.costs import replace_rows
from medda_lib.studies.method import Run
from medda_lib.studies.task import Pool

FILE = Path(__file__).parents[1] / "medda_lib" / "papers" / "aiva" / "overhead.csv"
HEADS = "case device slices size batch steps_per_epoch step_s features_s clusters_s share".split()


@dataclass(frozen=True)
class Case:
    """Slices of each site, their size, the network, the minibatch, and the arrangement."""

    slices: int
    size: int
    segmenter: Segmenter
    finetuning: Recipe
    arrangement: Arrangement = Arrangement()  # noqa: RUF009 - immutable
    pull: Pull = Pull()  # noqa: RUF009 - immutable
    clustering: Clustering = Clustering()  # noqa: RUF009 - immutable

    def released(self) -> Case:
        """The same slices and network, arranged as in the released code."""
        return replace(
            self,
            finetuning=RELEASED_SKULL_STRIPPING,
            arrangement=Arrangement.released(),
            pull=Pull.released(),
            clustering=Clustering.released(),
        )

    @property
    def batch(self) -> int:
        """Slices of both sites in a step."""
        return 2 * self.finetuning.batch * self.arrangement.parts


SMALL = replace(Segmenter.aiva(), width=8, levels=4)
CASES = {
    "demo": Case(192, 64, SMALL, replace(SKULL_STRIPPING, batch=8)),
    "middle": Case(40 * 24, 128, SMALL, SKULL_STRIPPING),
    "paper": Case(40 * 160, 256, Segmenter.aiva(), SKULL_STRIPPING),
}
CASES |= {f"{name} released": case.released() for name, case in CASES.items()}


def random_sites(count: int, size: int) -> Sites:
    """Two sites of smooth random slices; one tenth are different, the others repeat them."""
    rng = torch.Generator().manual_seed(0)
    few = -(-count // 10)
    coarse = torch.rand(2 * few, 1, size // 8, size // 8, generator=rng)
    fine = torch.nn.functional.interpolate(coarse, size=size, mode="bilinear").clamp(0, 1)
    numbers = torch.arange(count) % few
    images = fine[:few][numbers]
    masks = images > 1 / 2
    names = tuple(str(i) for i in range(count))
    source = Pool(images, names, masks=masks)
    return Sites("random", source, source, fine[few:][numbers])


def measure(case: Case, device: str, repeats: int) -> dict[str, float]:
    """Median seconds of a step, seconds of one clustering by part, and its share of an epoch.

    Where features come from the steps, taking them along is part of a step's seconds, and `features_s`
    is what the clustering spends on them: next to nothing.
    """
    torch.manual_seed(0)
    sites, run = random_sites(case.slices, case.size), Run(0, torch.device(device))
    network = ResidualUNet(case.segmenter.width, case.segmenter.levels).to(device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    alignment = Alignment(sites, case.segmenter, case.clustering, run, case.pull)
    wanted = replace(case.finetuning, steps=repeats + 1)
    tuning = Tuning(network, sites, case.segmenter, wanted, run, alignment, case.arrangement)
    alignment.epoch(network.eval(), tuning.order)
    network.train()
    seconds = [_timed(tuning, tuning.main(), batch) for batch in tuning.order][1:]
    if case.pull.features == "passes":  # the first clustering is no example of the others
        alignment.seconds = dict.fromkeys(alignment.seconds, 0.0)
        alignment.epoch(network.eval(), tuning.order)
    step, epoch = statistics.median(seconds), tuning.length
    spent = sum(alignment.seconds.values())
    return {
        "steps_per_epoch": epoch,
        "step_s": step,
        "features_s": alignment.seconds["features"],
        "clusters_s": alignment.seconds["clusters"],
        "share": spent / (spent + epoch * step),
    }


def _timed(tuning: Tuning, phase: Phase[Batch], batch: Batch) -> float:
    start = time.perf_counter()
    losses = phase.take(batch, 1, lambda: tuning.recipe.autocast(tuning.run.device))
    floats(losses)  # reads the losses back, so a GPU has finished
    return time.perf_counter() - start


def main() -> None:
    """Reads the options; see the top of the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", action="append", choices=list(CASES))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--label", default="one core", help="what the device is, for the table")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--write", action="store_true", help=f"add the rows to {FILE.name}")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for name in options.case or ["demo"]:
        case = CASES[name]
        found = measure(case, options.device, options.repeats)
        row = {
            "case": name,
            "device": options.label,
            "slices": 2 * case.slices,
            "size": case.size,
            "batch": case.batch,
            **{key: float(f"{value:.4g}") for key, value in found.items()},
        }
        print(row, flush=True)
        rows.append({key: str(row[key]) for key in HEADS})
    if options.write:
        write(rows)


def write(rows: list[dict[str, str]]) -> None:
    """Replace the rows of the same cases and devices, keep the others."""
    replace_rows(FILE, HEADS, rows, ("case", "device"))


if __name__ == "__main__":
    main()
