"""Smoke studies and live runs of all papers, each made once in a process, and what is shown of them.

A paper with a chapter adds its kinds of data to `STUDIES`, its live runs to `LIVES`, and a line to
`SHOWN` for each function of its pictures that draws, tabulates or makes a widget.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import NoReturn

import pandas as pd
import pytest

from medda_lib.papers import (
    costs,
    live_stream,
    site_spectra,
    stream_numbers,
    stream_scans,
    tuned,
    xrays,
)
from medda_lib.papers import live as plain_live
from medda_lib.papers import pictures as shared
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
UPTO = {"labels": "100", "masks": "50"}


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
SHARED = ("ODEx",)
"""What was trained with another of these before: losses are noted where a network is trained."""


def _aiva() -> Results:
    return measured("aiva", "phantom")


def _fda() -> Results:
    return measured("fda", "phantom")


def _multimix() -> Results:
    return measured("multimix", "phantom")


def _odex() -> Results:
    return measured("odex", "shifting")


def overhead() -> pd.DataFrame:
    """What a benchmark measured: committed, so it is there."""
    found = costs.read("odex", "overhead.csv")
    assert found is not None
    return found


PHANTOMS = BUDGETS["smoke"].phantoms
SHOWN: Mapping[Callable[..., object], Callable[[], object]] = {
    aiva.own_table: lambda: aiva.own_table(_aiva()),
    aiva.by_pair: lambda: aiva.by_pair(_aiva(), "AIVA"),
    aiva.pairs: lambda: aiva.pairs(_aiva(), ("Source site model", "AIVA")),
    aiva.score_against_clusters: lambda: aiva.score_against_clusters(measured("aiva", "clusters")),
    aiva.sites: lambda: aiva.sites(brain("Source site model")),
    aiva.overlays: lambda: aiva.overlays([brain("Source site model"), brain("AIVA")]),
    aiva.matched_clusters: lambda: aiva.matched_clusters(brain("AIVA")),
    aiva.clustering: lambda: aiva.clustering(brain("AIVA")),
    aiva.centres: lambda: aiva.centres(brain("AIVA"), aiva.after(brain("AIVA"))),
    aiva.pulled: lambda: aiva.pulled(brain("AIVA"), brain("Source site model")),
    aiva.stability: lambda: aiva.stability(brain("AIVA"), brain("Source site model"), repeats=2),
    aiva.embeddings: lambda: aiva.embeddings(brain("AIVA"), brain("Source site model"), 0),
    aiva.clusters_widget: lambda: aiva.clusters_widget(brain("AIVA")),
    aiva.progress_widget: lambda: aiva.progress_widget(brain("AIVA")),
    fda.matrix: lambda: fda.matrix(measured("fda", "matrix")),
    fda.matrices: lambda: fda.matrices(measured("fda", "matrix")),
    fda.pair_table: lambda: fda.pair_table(measured("fda", "matrix")),
    fda.own_table: lambda: fda.own_table(_fda()),
    fda.by_beta: lambda: fda.by_beta(_fda(), "dice"),
    fda.beta_curves: lambda: fda.beta_curves(_fda()),
    fda.boxes: lambda: fda.boxes(_fda()),
    fda.bland_altman: lambda: fda.bland_altman(_fda(), (SEVERE, SUBTLE)),
    fda.swap_in_both_worlds: lambda: fda.swap_in_both_worlds(pair(SEVERE), 0.12),
    fda.donors: lambda: fda.donors(pair(SEVERE)),
    fda.severity: lambda: fda.severity((pair(SEVERE), pair(SUBTLE)), 0.12),
    fda.widget: lambda: fda.widget(pair(SEVERE), counts=(1, 3)),
    site_spectra.profiles: lambda: site_spectra.profiles(PHANTOMS, ("sm3", "ge15"), (0.03, 0.12)),
    site_spectra.distances: lambda: site_spectra.distances(
        PHANTOMS, fda.matrix(measured("fda", "matrix")), PAIRS["phantom"]
    ),
    shared.dial: lambda: shared.dial(measured("fda", "dial"), [tuned.METRIC], label="surface Dice"),
    multimix.dice_boxes: lambda: multimix.dice_boxes(_multimix(), "100", "50"),
    multimix.bland_altman: lambda: multimix.bland_altman(_multimix(), "in-domain", "100"),
    multimix.accuracy_against_labels: lambda: multimix.accuracy_against_labels(
        _multimix(), "cross-domain"
    ),
    multimix.roc: lambda: multimix.roc(_multimix(), "100", "50"),
    multimix.matrix: lambda: multimix.matrix(measured("multimix", "shift"), "segmentation", "dice"),
    multimix.dial: lambda: multimix.dial(measured("multimix", "shift")),
    multimix.boundaries: lambda: multimix.boundaries(chest("MultiMix"), chest("U-Net", "-"), 2),
    multimix.masks: lambda: multimix.masks(chest("MultiMix")),
    multimix.layers: multimix.layers,
    multimix.implied_dice: lambda: multimix.implied_dice("3"),
    multimix.printed_against_implied: multimix.printed_against_implied,
    multimix.soft_and_hard: lambda: multimix.soft_and_hard(_multimix().frame),
    multimix.soft_summary: lambda: multimix.soft_summary("2", "in-domain", _multimix().frame),
    xrays.saliency: lambda: xrays.saliency(chest("MultiMix"), "classification", count=2),
    xrays.grad_cam: lambda: xrays.grad_cam(chest("MultiMix"), count=2),
    xrays.pointing: lambda: xrays.pointing(chest("MultiMix"), count=8),
    xrays.embeddings: lambda: xrays.embeddings(chest("MultiMix"), seed=0, count=8),
    xrays.dial_widget: lambda: xrays.dial_widget(
        chest("MultiMix"), DIAL_ENDS["segmentation"], steps=3, patients=2
    ),
    xrays.threshold_widget: lambda: xrays.threshold_widget(chest("MultiMix")),
    odex.beside: lambda: odex.beside(_odex(), "2"),
    odex.own_table: lambda: odex.own_table(_odex()),
    odex.run_seconds: lambda: odex.run_seconds(_odex()),
    odex.curves: lambda: odex.curves(_odex()),
    odex.scan_scores: lambda: odex.scan_scores(_odex()),
    odex.volumes: lambda: odex.volumes(_odex()),
    odex.distances: lambda: odex.distances(_odex(), 0, ("ODEx",)),
    odex.expanded: lambda: odex.expanded({"shifting": _odex()}),
    odex.steps: lambda: odex.steps("part"),
    odex.overhead: lambda: odex.overhead(overhead()),
    odex.altered: lambda: odex.altered("smoke"),
    odex.feature_map: lambda: odex.feature_map(stream("Sequential"), seed=0),
    odex.readings: lambda: odex.readings(stream("Sequential")),
    odex.routes: lambda: odex.routes(stream(MANY)),
    odex.comparisons: lambda: odex.comparisons(stream(MANY)),
    stream_numbers.balance: lambda: stream_numbers.balance(_odex()),
    stream_scans.shift: lambda: stream_scans.shift(stream("Sequential")),
    stream_scans.sheet: lambda: stream_scans.sheet(stream("Sequential")),
    stream_scans.score_table: lambda: stream_scans.score_table(stream("Sequential")),
    stream_scans.before_and_after: lambda: stream_scans.before_and_after(stream("Sequential")),
    stream_scans.forgotten: lambda: stream_scans.forgotten(
        stream("Sequential"), [stream("Sequential"), stream("ODEx")]
    ),
    stream_scans.widget: lambda: stream_scans.widget(
        [stream("Sequential"), stream("ODEx")], count=3
    ),
}
"""What a page shows, and how it asks for it."""
