"""AIVA's options: the released form of the loss, lambda by the first losses, features of the passes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from medda_lib.methods.aiva import AIVA, Clustering, Pull, alignment_by_size, structure
from medda_lib.methods.aiva.adaptation import Alignment
from medda_lib.methods.aiva.clusters import clustered, embedded, structure_of
from medda_lib.methods.aiva.pull import Scale
from medda_lib.methods.finetuning import Arrangement, Batch, sites_of
from medda_lib.methods.source_network.shared import pretrained
from medda_lib.studies.method import Run
from tests.benchmarks import benchmark
from tests.methods.test_aiva import SMALL, batch, blobs
from tests.methods.two_sites import DEPTH, FINETUNING, SEGMENTER, view


@pytest.mark.parametrize("seed", range(3))
def test_alignment_by_size_against_a_loop(seed: int) -> None:
    target, clusters, means, matching = batch(seed)
    total, slices = 0.0, 0
    for i in range(5):
        members = [target[j] for j in range(8) if int(clusters[j]) == i]
        if members:
            gap = torch.stack(members).mean(dim=0) - means[matching[i]]
            total += len(members) * float((gap**2).mean())
            slices += len(members)
    assert float(alignment_by_size(target, clusters, means, matching)) == pytest.approx(
        total / slices
    )


def test_lambda_by_the_first_positive_losses() -> None:
    scale = Scale(Pull(0.9, first=3))
    seen = [2.0, 0.0, 4.0, 6.0]
    shown = [float(scale(torch.tensor(loss))) for loss in seen]
    assert shown == pytest.approx([0.9 * loss for loss in seen])
    assert scale.weight == pytest.approx(0.9 / 4)
    assert float(scale(torch.tensor(4.0))) == pytest.approx(0.9)


@pytest.mark.parametrize("first", [None, 2])
def test_without_strength_nothing_is_added(first: int | None) -> None:
    scale = Scale(Pull(0.0, first))
    if first is None:
        scale.set([1.0, 3.0])
    assert [float(scale(torch.tensor(5.0))) for _ in range(3)] == [0, 0, 0]


def test_the_height_is_one_more_column() -> None:
    """Equal features: with heights the layout tells low slices from high ones."""
    features = np.random.default_rng(0).normal(size=(40, 6)) * 1e-3
    heights = np.repeat([0.0, 0.9], 20)
    with_heights = replace(SMALL, position=True)
    points = embedded(features, with_heights, 0, heights)
    low, high = points[:20], points[20:]
    apart = np.linalg.norm(low.mean(0) - high.mean(0))
    assert apart > 2 * max(low.std(), high.std())
    assert not np.allclose(points, embedded(features, SMALL, 0))
    with pytest.raises(ValueError, match="positions"):
        embedded(features, with_heights, 0)


def test_heights_are_counted_within_each_scan() -> None:
    heights = sites_of(view()).positions()
    assert heights.tolist() == [k / DEPTH for k in range(DEPTH)] * 4


def test_k_means_of_the_target_can_start_from_the_source() -> None:
    (source, _), (target, _) = blobs(0, 0.0), blobs(1, 0.5)
    found = structure_of(source[:, :2], target[:, :2], replace(SMALL, start="source"), 0)
    _, centres = clustered(target[:, :2], SMALL, 0, found.source_centres)
    np.testing.assert_array_equal(found.target_centres, centres)
    # started there, a target centre stays by the source's of the same number
    assert found.matching.tolist() == [0, 1, 2]


def test_features_of_the_passes_take_the_place_of_older_ones() -> None:
    sites, run = sites_of(view()), Run(1)
    network = pretrained(sites.source, SEGMENTER, sites.name, run).network.eval()
    alignment = Alignment(sites, SEGMENTER, SMALL, run, Pull(features="passes"))
    step = Batch(torch.tensor([0, 5]), torch.tensor([3, 1]))
    alignment.epoch(network, [step])
    before = [kept.clone() for kept in alignment._features(network)]
    bottleneck = torch.randn(4, *network.encode(sites.target[:1])[-1].shape[1:])
    alignment.term(bottleneck, torch.zeros(4), torch.zeros(2), step)
    after = alignment._features(network)
    rows = bottleneck.flatten(1)
    for old, new, numbers, values in zip(before, after, step, (rows[:2], rows[2:]), strict=True):
        assert torch.equal(new[numbers], values)
        others = [i for i in range(len(old)) if i not in numbers.tolist()]
        assert torch.equal(new[others], old[others])


def test_the_released_arrangement_learns() -> None:
    clustering = replace(SMALL, position=True, start="source")
    arrangement = Arrangement(layers="encoder and output", passes="apart", parts=2, epoch=4)
    recipe = replace(AIVA.released().finetuning, steps=8, batch=FINETUNING.batch)
    method = AIVA(SEGMENTER, recipe, clustering, Pull.released(), arrangement=arrangement)
    found = method.fit(view(), Run(1))
    assert len(found.structures) == 2
    losses = [losses["adaptation"] for _, losses in found.history.losses]
    assert 0.9 / np.mean([loss / 0.9 for loss in losses[:6]]) == pytest.approx(found.weight)
    assert losses[6] == pytest.approx(0.9, rel=0.5)


def test_numbers_of_the_released_code() -> None:
    heads, glands = AIVA.released(), AIVA.released_prostate()
    assert (
        heads.clustering
        == glands.clustering
        == Clustering(k=12, components=20, iterations=1000, position=True, start="source")
    )
    assert (heads.pull.strength, glands.pull.strength) == (0.9, 0.8)
    assert heads.pull == replace(glands.pull, strength=0.9)
    assert (heads.pull.first, heads.pull.by_size, heads.pull.features) == (6, True, "passes")
    assert heads.arrangement == Arrangement.released()
    assert glands.segmenter.normalise == "standardise"


def test_equal_seeds_give_equal_structures_with_heights() -> None:
    (source, _), (target, _) = blobs(0, 0.0), blobs(1, 3.0)
    settings = replace(SMALL, position=True, start="source")
    heights = np.arange(120) % 4 / 4
    one, two = (structure(source, target, settings, 4, heights) for _ in range(2))
    np.testing.assert_array_equal(one.target_points, two.target_points)


@pytest.mark.parametrize("wrong", [{"strength": -1.0}, {"first": 0}, {"features": "old"}])
def test_wrong_pulls_name_the_field(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Pull(**wrong)  # type: ignore[arg-type]


def test_an_unknown_start_is_named() -> None:
    with pytest.raises(ValueError, match="start"):
        Clustering(start="end")  # type: ignore[arg-type]


def test_the_overhead_is_timed_in_both_arrangements() -> None:
    overhead = benchmark("aiva_overhead")
    case = overhead.Case(16, 32, SEGMENTER, replace(FINETUNING, steps=2))
    case = replace(case, clustering=replace(SMALL, iterations=250))
    late = replace(case.released(), clustering=case.clustering)
    found = [overhead.measure(one, "cpu", 1) for one in (case, late)]
    assert [one["steps_per_epoch"] for one in found] == [16 // FINETUNING.batch, 200]
    assert all(0 < one["share"] < 1 for one in found)
    assert found[1]["features_s"] < found[0]["features_s"]
