"""Whether the committed results of a paper still stand, and committing new ones.

Results stand as long as two things are reproduced: the identity of each run's specification (with the
files that it read), and the fingerprint of the study, which is committed beside them. So code may grow
and move as it likes, and a change of what it computes is noticed within a minute, with the condition.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from medda_lib import _paths
from medda_lib.papers.catalogue import study_module
from medda_lib.studies import fingerprint
from medda_lib.studies.committed import Committed, outdated
from medda_lib.studies.fingerprint import THE_STUDY, Fingerprint
from medda_lib.studies.identity import remember
from medda_lib.studies.run import Study
from medda_lib.studies.spec import RunSpec

FOLDER = "fingerprints"
OLDER = {
    "AVX512": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "AVX2": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"},
}
"""What holds PyTorch and oneDNN to the instructions before those of this machine."""
TAKE = """
import sys
from pathlib import Path
from medda_lib.papers import standing
from medda_lib.studies.fingerprint import save
save(standing.take(sys.argv[1], sys.argv[2]), Path(sys.argv[3]))
"""


def fingerprint_file(paper: str, data: str, results: Path | None = None) -> Path:
    """Where the fingerprint of a paper's kind of data is committed."""
    return (results or _paths.RESULTS) / paper / FOLDER / f"{data}.csv"


def take(paper: str, data: str, progress: bool = False) -> Fingerprint:
    """The fingerprint of the present code. Raises DatasetError when the data are not here."""
    study = study_module(paper).study("smoke", data)
    return fingerprint.measure(study.specs, f"{paper} {data}", progress)


def steadied(paper: str, data: str, now: Fingerprint) -> Fingerprint:
    """The fingerprint with a note of what older instructions do not reproduce, tried in a process.

    Older ones than AVX2 cannot be asked for; there the fingerprint stays as it is.
    """
    older = OLDER.get(torch.backends.cpu.get_cpu_capability())
    if older is None:
        return now
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "elsewhere.csv"
        subprocess.run(
            [sys.executable, "-c", TAKE, paper, data, str(file)],
            env={**os.environ, **older},
            check=True,
        )
        return fingerprint.steadied(now, fingerprint.load(file))


def moved(
    paper: str, data: str, now: Fingerprint, results: Path | None = None
) -> dict[str, list[str]]:
    """What the present code does differently since the results were committed, by system.

    now: from `take`. Each text names the study and the condition. "" stands for all systems: no
    fingerprint, other files, or a metric that measures something else. Empty when nothing moved.
    """
    try:
        known = fingerprint.load(fingerprint_file(paper, data, results))
    except FileNotFoundError:
        return {"": [f"{paper} {data}: no fingerprint is committed"]}
    if other := _other_files(known.where["content"], now.where["content"]):
        return {"": [f"{paper} {data}: {other}"]}
    systems = _systems(study_module(paper).study("smoke", data))
    bits = fingerprint.comparable(known)
    found: dict[str, list[str]] = {}
    for one in fingerprint.differences(known, now, bits):
        system = "" if one.condition == THE_STUDY else systems[one.condition]
        found.setdefault(system, []).append(f"{paper} {data}, {one.condition}: {one.text}")
    for condition in sorted(set(systems) - set(known.conditions)):
        text = f"{paper} {data}, {condition}: has no fingerprint"
        found.setdefault(systems[condition], []).append(text)
    return found


def standing(paper: str, profile: str, data: str, results: Path | None = None) -> list[str]:
    """Why committed results are not those of the present study, by their specifications; see `moved`.

    Runs that are not committed yet are no reason.
    """
    specs = study_module(paper).study(profile, data).specs
    folder = (results or _paths.RESULTS) / paper
    return [f"{paper} {profile} {data}: {why}" for why in outdated(folder, profile, data, specs)]


def finished(
    paper: str, profile: str, data: str, moved_on: Mapping[str, Any], results: Path | None = None
) -> Committed | None:
    """The committed runs that count: those of systems that did not move. None without a ledger.

    moved_on: from `moved`.
    """

    def doubted(spec: RunSpec) -> bool:
        return "" in moved_on or system_of(spec) in moved_on

    found = Committed.read((results or _paths.RESULTS) / paper, profile, data)
    return None if found is None else found.without(doubted)


def keep(
    study: Study,
    frame: pd.DataFrame,
    committed: Committed | None,
    now: Fingerprint,
    results: Path | None = None,
) -> Path:
    """Commit a study, whole or in part: rows, provenance, values per image, fingerprint, kinds.

    frame, committed: what `Study.run` returned and was given. now: of the code that made the rows.
    """
    results = results or _paths.RESULTS
    file = study.commit(frame, results, committed=committed)
    paper, data = study.specs[0].paper, study.specs[0].data
    fingerprint.save(steadied(paper, data, now), fingerprint_file(paper, data, results))
    remember(value for spec in study.specs for value in (spec.method, spec.task))
    return file


def system_of(spec: RunSpec) -> str:
    """The system of a run; every study names its systems in the column "system"."""
    return dict(spec.condition)["system"]


def _systems(study: Study) -> dict[str, str]:
    return {spec.label: system_of(spec) for spec in study.specs}


def _other_files(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    changed = sorted(name for name in {*then, *now} if then.get(name) != now.get(name))
    return f"{', '.join(changed)} holds other files than when the results were made" * bool(changed)
