"""The heads on the first page are those of the committed runs, and can be made again.

What no training enters is compared everywhere: which head it is, and the metric of a given mask. Another
kind of processor trains the same run to other numbers, as if it were another repetition, so the scores
are made again where the ledger was made. That the code trains as it did, the fingerprints show.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from medda_lib import _paths
from medda_lib.pages import front_heads
from medda_lib.pages.front_heads import (
    ADAPTED,
    FACTS,
    LEDGER,
    PICTURES,
    PLAIN,
    SEED,
    SIDE,
    SOURCE,
    TARGET,
    VIEWS,
    HeadsError,
    View,
    committed,
    head,
    keys,
    load,
    make,
    same_machine,
    scanner,
    view,
    views,
)
from medda_lib.studies import ledger
from medda_lib.studies.closure import versions
from medda_lib.studies.machine import instruction_set

EXACT = 1e-3  # the ledger keeps scores at half precision
VOXELS = 5  # of 26,000: at the edge of a mask, rounding may decide
MEASURED = {"away": PLAIN, "adapted": ADAPTED}


class Answer:
    """A predictor that outlines what it was told to."""

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def segment(self, images: Tensor) -> Tensor:
        return self.mask.expand(images.shape).to(images.dtype)


def fake(scores: dict[str, float]) -> dict[str, View]:
    """Grey pictures with scores."""
    grey: NDArray[np.uint8] = np.full((SIDE, SIDE, 3), 128, np.uint8)
    return {name: View(grey, score) for name, score in scores.items()}


# ---- what is committed ------------------------------------------------------------------------


def test_the_heads_are_those_of_the_committed_runs() -> None:
    facts = load()
    assert facts["runs"] == keys(), "python -m medda_lib.pages.front_heads draws them anew"
    assert (facts["home"], facts["away"]) == (SOURCE, TARGET)
    for name, system in MEASURED.items():
        assert facts["scores"][name] == pytest.approx(committed(system)[SEED], abs=EXACT)


def test_the_heads_are_there_and_small() -> None:
    sizes = [(PICTURES / f"front-{name}.webp").stat().st_size for name in VIEWS]
    assert sum(sizes) < 300_000


@pytest.mark.parametrize(("site", "words"), [("sm15", "Siemens 1.5 T"), ("ph3", "Philips 3 T")])
def test_scanners_in_words(site: str, words: str) -> None:
    assert scanner(site) == words


# ---- what can be compared on any machine ------------------------------------------------------


@pytest.mark.parametrize("site", [SOURCE, TARGET])
def test_the_head_is_the_ledgers(site: str) -> None:
    voxels = int(head(site).brain.sum())
    for known in committed(PLAIN, "pixels_true"):
        assert voxels == pytest.approx(known, abs=VOXELS)


def test_a_view_measures_the_outline_that_it_draws() -> None:
    truth = head(TARGET, "smoke").brain[0][:, None]
    right, wrong = view(TARGET, Answer(truth), "smoke"), view(TARGET, Answer(~truth), "smoke")
    assert right.score == 1
    assert wrong.score < 0.9
    assert right.picture.shape == wrong.picture.shape == (SIDE, SIDE, 3)
    assert (right.picture != wrong.picture).any()
    assert view(TARGET, Answer(torch.zeros(1)), "smoke").score == 0


def test_the_three_views_are_made_by_training() -> None:
    """A few steps: their numbers mean nothing."""
    found = views("smoke")
    assert list(found) == list(VIEWS)
    for one in found.values():
        assert one.picture.shape == (SIDE, SIDE, 3)
        assert one.picture.dtype == np.uint8
        assert np.ptp(one.picture) > 100
        assert 0 <= one.score <= 1


def test_pictures_of_other_numbers_are_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = load()["scores"]
    for name in MEASURED:
        monkeypatch.setattr(
            front_heads, "views", lambda name=name: fake(known | {name: known[name] + 0.01})
        )
        with pytest.raises(HeadsError, match="but the ledger has"):
            make(tmp_path)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(front_heads, "views", lambda: fake(known))
    assert make(tmp_path).read_bytes() == (PICTURES / FACTS).read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {
        FACTS,
        *(f"front-{name}.webp" for name in VIEWS),
    }


@pytest.mark.parametrize(
    ("hardware", "torch_version", "same"),
    [
        ({"instructions": instruction_set()}, torch.__version__, True),
        ({"instructions": "another"}, torch.__version__, False),
        ({"instructions": instruction_set()}, "1.0", False),
        ({}, torch.__version__, False),  # older ledgers do not say
    ],
)
def test_the_ledger_says_where_bits_are_equal(
    tmp_path: Path, hardware: dict[str, str], torch_version: str, same: bool
) -> None:
    paper, profile, data = LEDGER
    known = ledger.provenance(_paths.RESULTS / paper, profile, data)
    for origin in known["origins"].values():
        origin |= {"hardware": hardware, "versions": versions() | {"torch": torch_version}}
    (tmp_path / paper).mkdir()
    (tmp_path / paper / f"{profile}-{data}.json").write_text(json.dumps(known), "utf-8")
    assert same_machine(tmp_path) is same


# ---- made again -------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(
    not same_machine(),
    reason="the ledger was made on another kind of machine, or with other libraries",
)
def test_where_the_ledger_was_made_they_have_its_numbers() -> None:
    again = {name: one.score for name, one in views().items()}
    assert again == pytest.approx(load()["scores"], abs=EXACT)
