"""Smoke studies and live runs of all papers, each made once in a process, and what is shown of them.

A paper with a chapter adds its kinds of data to `STUDIES`, its live runs to `LIVES`, and to `ARGUMENTS`
what the functions of its pictures are asked with.
"""

from __future__ import annotations

import inspect
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pandas as pd
import pytest

from medda_lib.papers import (
    costs,
    live_stream,
    site_spectra,
    stream_numbers,
    stream_scans,
    xrays,
)
from medda_lib.papers import live as plain_live
from medda_lib.papers.aiva import pictures as aiva
from medda_lib.papers.fda import pictures as fda
from medda_lib.papers.fda.study import BUDGETS, PAIRS
from medda_lib.papers.live import Live
from medda_lib.papers.live_pair import LivePair
from medda_lib.papers.live_stream import LiveStream
from medda_lib.papers.multimix import pictures as multimix
from medda_lib.papers.multimix.study import DIAL_ENDS
from medda_lib.papers.odex import pictures as odex
from medda_lib.papers.results import Results, results

STUDIES = {
    "aiva": ("phantom", "clusters"),
    "fda": ("phantom", "matrix", "dial"),
    "multimix": ("phantom", "shift"),
    "odex": ("shifting",),
}
FOLDER = tempfile.TemporaryDirectory()
"""What live runs of a stream share."""
SEVERE, SUBTLE = "Severe #1", "Subtle #1"
MANY = "ODEx, a model per stage"
PAIR = {"source": "sm3", "target": "ge15"}


def refuse() -> NoReturn:
    raise AssertionError("CUDA was asked for")


@cache
def measured(paper: str, data: str) -> Results:
    """The smoke study of one kind of data, on a machine that has no CUDA whatever it has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torch.cuda.is_available", lambda: False)
        patch.setattr("torch.cuda._lazy_init", refuse)
        found = results(paper, "smoke", data)
    assert found is not None
    return found


@cache
def pair(name: str) -> LivePair:
    return fda.train("smoke", name, seed=0)


@cache
def stream(system: str) -> LiveStream:
    where = Path(FOLDER.name)
    return live_stream.train("odex", "smoke", "shifting", {"system": system}, 0, artefacts=where)


@cache
def brain(system: str) -> Live:
    return plain_live.train("aiva", "smoke", "phantom", {"system": system, **PAIR}, 0)


@cache
def chest(system: str, labels: str = "100", masks: str = "50") -> Live:
    wanted = {"system": system, "labels": labels, "masks": masks}
    return plain_live.train("multimix", "smoke", "phantom", wanted, 0)


LIVES: Mapping[str, tuple[str, Callable[[], Live]]] = {
    "AIVA": ("aiva phantom", lambda: brain("AIVA")),
    "Source site model": ("aiva phantom", lambda: brain("Source site model")),
    SEVERE: ("fda phantom", lambda: pair(SEVERE)),
    "MultiMix": ("multimix phantom", lambda: chest("MultiMix")),
    "U-Net": ("multimix phantom", lambda: chest("U-Net", labels="-")),
    "Sequential": ("odex shifting", lambda: stream("Sequential")),
    "ODEx": ("odex shifting", lambda: stream("ODEx")),
}
"""Live runs and the study that each is a run of."""


def overhead() -> pd.DataFrame:
    """What a benchmark measured: committed, so it is there."""
    found = costs.read("odex", "overhead.csv")
    assert found is not None
    return found


ARGUMENTS: Mapping[ModuleType, Mapping[str, Callable[[], object]]] = {
    aiva: {
        "measured": lambda: measured("aiva", "phantom"),
        "score_against_clusters.measured": lambda: measured("aiva", "clusters"),
        "system": lambda: "AIVA",
        "systems": lambda: ("Source site model", "AIVA"),
        "live": lambda: brain("AIVA"),
        "sites.live": lambda: brain("Source site model"),
        "before": lambda: brain("Source site model"),
        "runs": lambda: [brain("Source site model"), brain("AIVA")],
        "last": lambda: aiva.after(brain("AIVA")),
        "seed": lambda: 0,
    },
    fda: {
        "measured": lambda: measured("fda", "phantom"),
        **dict.fromkeys(
            [f"{name}.measured" for name in ("matrix", "matrices", "pair_table")],
            lambda: measured("fda", "matrix"),
        ),
        "metric": lambda: "dice",
        "names": lambda: (SEVERE, SUBTLE),
        "live": lambda: pair(SEVERE),
        "lives": lambda: (pair(SEVERE), pair(SUBTLE)),
        "beta": lambda: 0.12,
    },
    site_spectra: {
        "phantoms": lambda: BUDGETS["smoke"].phantoms,
        "sites": lambda: BUDGETS["smoke"].sites,
        "betas": lambda: BUDGETS["smoke"].betas,
        "matrix": lambda: fda.matrix(measured("fda", "matrix")),
        "named": lambda: PAIRS["phantom"],
    },
    multimix: {
        "measured": lambda: measured("multimix", "phantom"),
        "matrix.measured": lambda: measured("multimix", "shift"),
        "dial.measured": lambda: measured("multimix", "shift"),
        "frame": lambda: measured("multimix", "phantom").frame,
        "labels": lambda: "100",
        "masks": lambda: "50",
        "evaluation": lambda: "in-domain",
        "problem": lambda: "segmentation",
        "metric": lambda: "dice",
        "table": lambda: "2",
        "live": lambda: chest("MultiMix"),
        "other": lambda: chest("U-Net", "-"),
    },
    xrays: {
        "live": lambda: chest("MultiMix"),
        "problem": lambda: "classification",
        "seed": lambda: 0,
        "ends": lambda: DIAL_ENDS["segmentation"],
    },
    odex: {
        "measured": lambda: measured("odex", "shifting"),
        "overhead.measured": overhead,
        "table": lambda: "2",
        "studies": lambda: {"shifting": measured("odex", "shifting")},
        "kind": lambda: "part",
        "profile": lambda: "smoke",
        "live": lambda: stream(MANY),
        "readings.live": lambda: stream("Sequential"),
        "seed": lambda: 0,
    },
    stream_scans: {
        "live": lambda: stream("Sequential"),
        "runs": lambda: [stream("Sequential"), stream("ODEx")],
        "others": lambda: [stream("Sequential"), stream("ODEx")],
        "followed": lambda: stream("Sequential"),
    },
    stream_numbers: {
        "measured": lambda: measured("odex", "shifting"),
        "systems": lambda: odex.EXTREMES,
        "order": lambda: odex.ORDER,
        "table": lambda: odex.own_table(measured("odex", "shifting")),
        "bound": lambda: odex.JOINT,
        "plain": lambda: odex.PLAIN,
        "ours": lambda: odex.OURS,
        "voxel_ml": lambda: 0.027,
    },
}
"""What is asked for, by the name of an argument or of a function and its argument; defaults stay."""
SHOWS = ("Drawn", "VBox", "Table", "pd.DataFrame", "pd.DataFrame | None")


def shows() -> list[Callable[..., object]]:
    """The public functions of these modules that draw, tabulate or make a widget."""
    return [
        function
        for module in ARGUMENTS
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
        if inspect.get_annotations(function)["return"] in SHOWS
    ]


def shown(function: Callable[..., object]) -> object:
    """What a function shows of the smoke studies; KeyError names an argument that has no value."""
    known = ARGUMENTS[sys.modules[function.__module__]]
    chosen = {
        name: known.get(f"{function.__name__}.{name}") or known[name]
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is inspect.Parameter.empty
    }
    return function(**{name: value() for name, value in chosen.items()})
