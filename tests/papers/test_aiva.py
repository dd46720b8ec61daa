"""What is peculiar to AIVA: pairs of scanners, matched clusters, an upper bound on every site."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from medda_lib.methods.aiva import AIVA, Structure
from medda_lib.papers.aiva import pictures
from medda_lib.papers.aiva.study import SITES, TARGET_MODEL, study
from medda_lib.papers.tables import reported_table
from medda_lib.tasks.brain import BrainTask
from tests.papers.smoke import brain


@pytest.mark.parametrize("table", ["1", "2"])
def test_the_papers_upper_bound_bounds_everywhere(table: str) -> None:
    values = reported_table("aiva", table, "column")["mean"]
    others = values.drop(columns=TARGET_MODEL)
    assert others.lt(values[TARGET_MODEL], axis=0).all(axis=None)


@pytest.mark.parametrize("profile", ["demo", "paper"])
def test_every_pair_meets_every_system_and_twelve_clusters_are_done_once(profile: str) -> None:
    specs = study(profile, "phantom", 1).specs
    pairs = Counter((dict(s.condition)["source"], dict(s.condition)["target"]) for s in specs)
    homes = {(site, site): 1 for site in SITES}
    assert pairs == dict.fromkeys(permutations(SITES, 2), 5) | homes
    for spec in specs:
        assert isinstance(spec.task, BrainTask)
        named = (dict(spec.condition)["source"], dict(spec.condition)["target"])
        assert (spec.task.source, *spec.task.tests) == named
    sweep = study(profile, "clusters", 1).specs
    twelve = {s.identity for s in sweep if dict(s.condition)["k"] == "12"}
    assert all(isinstance(s.method, AIVA) for s in sweep)
    assert len(twelve) == 5
    assert twelve < {s.identity for s in specs}


def test_matched_clusters_share_a_group_and_their_heights_are_compared() -> None:
    three, points = np.array([0, 0, 1, 1, 2, 2]), np.arange(12.0).reshape(6, 2)
    centres = (points[::2], points[::2])  # target i is matched with source 1, 2, 0
    found = Structure(points, points, three, three, *centres, np.array([1, 2, 0]))
    source, target = pictures.matched_groups(found)
    assert (source.tolist(), target.tolist()) == ([2, 2, 0, 0, 1, 1], [0, 0, 1, 1, 2, 2])
    heights = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])  # means of the sources 0.1, 0.5, 0.9
    seen = replace(pictures.Seen.by(brain("AIVA")), heights=(heights, heights))
    wanted = np.abs(heights - np.array([0.5, 0.5, 0.9, 0.9, 0.1, 0.1])).mean()
    assert pictures.height_gap(seen, found) == pytest.approx(wanted)
    with pytest.raises(TypeError, match="train AIVA"):
        pictures.adapted(brain("Source site model"))
