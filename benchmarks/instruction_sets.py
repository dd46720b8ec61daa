"""What another instruction set makes of the same runs: the table in the guide on running.

    python benchmarks/instruction_sets.py --label "Intel, AVX-512" --write
    ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 python benchmarks/instruction_sets.py --label ...

Trains AIVA's source model on one phantom scanner and tests it, as it is and after AdaBN, on another one,
with the study's own specifications and seeds. Equal seeds draw equal numbers everywhere, so what differs
is rounding. Four minutes on one core; the rows of the committed ledger (three repetitions on another
processor) stand first.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from medda_lib import _paths
from medda_lib.papers.aiva.study import study
from medda_lib.papers.costs import replace_rows
from medda_lib.studies import ledger
from medda_lib.studies.run import Study

FILE = _paths.BOOK / "guide" / "instruction_sets.csv"
PAIR = {"source": "sm3", "target": "ge15"}
SYSTEMS = ("Source site model", "AdaBN")
METRICS = {"dice": "Dice", "surface_dice": "surface Dice"}
REPETITIONS = 10
HEADS = ("machine", "system", "metric", "repetitions", "mean", "sd", "first three")


def chosen(repetitions: int) -> Study:
    """The runs of the pair."""
    specs = study("demo", "phantom", repetitions).specs
    wanted = [
        spec
        for spec in specs
        if PAIR.items() <= dict(spec.condition).items()
        and dict(spec.condition)["system"] in SYSTEMS
    ]
    return Study("instruction sets", tuple(wanted))


def rows(table: pd.DataFrame, machine: str) -> list[dict[str, str]]:
    """Mean and standard deviation over repetitions, and the first three values."""
    found = []
    for system in SYSTEMS:
        for metric, name in METRICS.items():
            here = table[(table["system"] == system) & (table["metric"] == metric)]
            for column, value in PAIR.items():
                here = here[here[column] == value]
            values = here.sort_values("seed")["value"].to_numpy()
            line = {"machine": machine, "system": system, "metric": name}
            line |= {"repetitions": str(len(values)), "mean": f"{values.mean():.3f}"}
            line |= {"sd": f"{np.std(values, ddof=1):.3f}"}
            found.append(line | {"first three": " ".join(f"{v:.3f}" for v in values[:3])})
    return found


def main() -> None:
    """Reads the options; see the top of the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--label", required=True, help="what the machine is, for the table")
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    parser.add_argument("--store", type=Path, help="a run store to keep and go on from")
    parser.add_argument("--write", action="store_true", help=f"add the rows to {FILE.name}")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        here = chosen(options.repetitions).run(options.store or Path(folder))
    known = ledger.provenance(_paths.RESULTS / "aiva", "demo", "phantom")
    committed = ledger.read(_paths.RESULTS / "aiva", "demo", "phantom")
    found = rows(committed, f"{known['hardware']['cpu']}, the committed runs")
    found += rows(here, options.label)
    print(pd.DataFrame(found).to_string(index=False))
    if options.write:
        replace_rows(FILE, list(HEADS), found, ("machine", "system", "metric"))
        print(f"wrote {FILE}")


if __name__ == "__main__":
    main()
