"""Studies that check phantoms of the head: what their dials and their networks have to be."""

from __future__ import annotations

import numpy as np
import pytest

from medda_lib.methods.source_model import SourceModel
from medda_lib.papers.brain_checks import STRENGTHS
from medda_lib.papers.fda.study import BUDGETS, DIAL, study
from medda_lib.phantoms.brain_mr import SITES
from medda_lib.phantoms.mr.tissues import relaxation


def test_every_contrast_moves_one_way_along_the_dial() -> None:
    """No contrast saturates: each quarter of the dial has at least a tenth of the way."""
    found = []
    for strength in STRENGTHS:
        site = SITES[DIAL[0]].towards(SITES[DIAL[1]], strength)
        signal = {
            tissue: float(site.sequence().signal(*relaxation(tissue, site.field)))
            for tissue in ("white matter", "grey matter", "fluid", "fat")
        }
        fat = signal["fat"] * (1 - site.water_only)
        shades = (signal["grey matter"], signal["fluid"], fat)
        found.append([*(abs(x / signal["white matter"]) for x in shades), site.noise, site.blur])
    steps = np.diff(found, axis=0) / np.ptp(found, axis=0)
    assert (np.abs(steps) > 0.1).all()
    assert (np.abs(np.sign(steps).sum(axis=0)) == len(steps)).all()


def test_half_of_the_steps_are_compared_with_the_networks_of_the_matrix() -> None:
    matrix = {spec.random_seed: spec.method for spec in study("demo", "matrix", 1).specs}
    found = study("demo", "trained", 1).specs
    steps = {}
    for spec in found:
        assert isinstance(spec.method, SourceModel)
        steps[dict(spec.condition)["steps"]] = spec.method.segmenter.recipe.steps
    assert steps["half"] * 2 == steps["all"]
    whole = [s.method for s in found if dict(s.condition)["steps"] == "all"]
    assert set(whole) == set(matrix.values())


def test_every_pair_of_the_study_is_told_apart_by_both_classifiers() -> None:
    found = [dict(spec.condition) for spec in study("demo", "separable", 1).specs]
    pairs = {(one["source"], one["target"]) for one in found}
    assert len(found) == 2 * len(pairs) == 12


def test_a_beta_is_the_same_disc_on_every_grid() -> None:
    for budget in BUDGETS.values():
        assert budget.beta(0.03) * budget.phantoms.size == pytest.approx(0.03 * 192)
