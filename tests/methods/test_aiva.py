"""AIVA: matching against all permutations, the loss against a loop, lambda, and one training."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from medda_lib.methods.aiva import (
    AIVA,
    Clustering,
    alignment_loss,
    matched_distances,
    reciprocal_weight,
    structure,
)
from medda_lib.methods.aiva.adaptation import Alignment, matching_agreement
from medda_lib.methods.aiva.clusters import clustered, embedded, matched, principal
from medda_lib.methods.aiva.loss import centroids
from medda_lib.methods.finetuning import sites_of
from medda_lib.methods.source_network.shared import pretrained
from medda_lib.methods.training import with_recipe
from medda_lib.studies.method import Run
from tests.methods.two_sites import FINETUNING, SEGMENTER, view

SMALL = Clustering(k=3, components=4, iterations=250)


# --- equation 1 ------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [2, 3, 5, 6])
def test_matching_is_the_best_of_all_permutations(k: int) -> None:
    rng = np.random.default_rng(k)
    target, source = rng.normal(size=(k, 2)), rng.normal(size=(k, 2))

    def cost(pi: tuple[int, ...]) -> float:
        return sum(float(((target[i] - source[pi[i]]) ** 2).sum()) for i in range(k))

    best = min(itertools.permutations(range(k)), key=cost)
    assert tuple(matched(target, source)) == best


def test_matching_maps_target_to_source() -> None:
    """A permutation that is not its own inverse tells the direction."""
    source = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    target = source[[1, 2, 0]] + 0.1
    assert matched(target, source).tolist() == [1, 2, 0]


# --- equation 2 ------------------------------------------------------------------------------------


def batch(seed: int) -> tuple[torch.Tensor, ...]:
    """Eight slices in clusters 0, 2, 3 of five: 1 and 4 have none."""
    rng = torch.Generator().manual_seed(seed)
    target = torch.randn(8, 6, generator=rng, dtype=torch.float64)
    clusters = torch.tensor([0, 2, 2, 3, 0, 0, 2, 3])
    means = torch.randn(5, 6, generator=rng, dtype=torch.float64)
    return target, clusters, means, torch.randperm(5, generator=rng)


@pytest.mark.parametrize("seed", range(5))
def test_alignment_loss_against_a_loop(seed: int) -> None:
    target, clusters, means, matching = batch(seed)
    wanted = 0.0
    for i in range(5):
        members = [target[j] for j in range(8) if int(clusters[j]) == i]
        if members:
            mean = sum(members) / len(members)
            wanted += float(((mean - means[matching[i]]) ** 2).sum())
    loss = alignment_loss(target, clusters, means, matching)
    assert loss.shape == ()
    assert float(loss) == pytest.approx(wanted)
    _, present = matched_distances(target, clusters, means, matching)
    assert present.tolist() == [True, False, True, True, False]


def test_gradient_flows_through_the_target_only() -> None:
    target, clusters, means, matching = batch(9)
    target.requires_grad_()
    means.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: alignment_loss(x, clusters, means, matching), (target,)
    )
    alignment_loss(target, clusters, means, matching).backward()
    assert target.grad is not None
    assert bool(target.grad.any())
    assert means.grad is None


def test_absent_clusters_cost_nothing_however_far_their_centroid() -> None:
    target, clusters, means, matching = batch(1)
    near = alignment_loss(target, clusters, means, matching)
    for i in (1, 4):
        means[matching[i]] = 1e6
    assert float(alignment_loss(target, clusters, means, matching)) == float(near)


def test_perfectly_aligned_sites_cost_nothing() -> None:
    target, clusters, _, matching = batch(2)
    own, _ = centroids(target, clusters, 5)
    means = torch.empty_like(own)
    means[matching] = own
    assert float(alignment_loss(target, clusters, means, matching)) == pytest.approx(0.0)


def test_centroids_are_means_and_sizes() -> None:
    target, clusters, _, _ = batch(3)
    means, sizes = centroids(target, clusters, 5)
    assert sizes.tolist() == [3, 0, 3, 2, 0]
    torch.testing.assert_close(means[2], target[[1, 2, 6]].mean(dim=0))
    assert not means[1].any()


def test_reciprocal_weight() -> None:
    assert reciprocal_weight([1.0, 3.0]) == 0.5
    losses = torch.rand(7).tolist()
    weight = reciprocal_weight(losses)
    assert sum(weight * loss for loss in losses) / 7 == pytest.approx(1.0)
    for nothing in ([], [0.0, 0.0], [float("nan")]):
        with pytest.raises(ValueError, match="lambda"):
            reciprocal_weight(nothing)


# --- the clustering --------------------------------------------------------------------------------


def blobs(seed: int, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Sixty features around three far corners, and the corner of each."""
    rng = np.random.default_rng(seed)
    corners = 20 * np.eye(3, 10)
    which = np.arange(60) % 3
    return corners[which] + rng.normal(size=(60, 10)) + shift, which


def test_kinds_of_slices_are_found_and_matched_across_a_shift() -> None:
    (source, a), (target, b) = blobs(0, 0.0), blobs(1, 0.8)
    found = structure(source, target, Clustering(k=3, components=5), seed=0)
    for which in range(3):
        (mine,) = set(found.target_clusters[b == which].tolist())
        (other,) = set(found.source_clusters[a == which].tolist())
        assert found.matching[mine] == other
    assert sorted(found.matching.tolist()) == [0, 1, 2]


def test_equal_seeds_give_equal_structures() -> None:
    (source, _), (target, _) = blobs(0, 0.0), blobs(1, 3.0)
    one, two = (structure(source, target, SMALL, seed=4) for _ in range(2))
    for name in ("source_points", "target_points", "target_clusters", "matching"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert matching_agreement(one, two) == 1.0


def test_agreement_does_not_depend_on_the_numbers_of_the_clusters() -> None:
    (source, _), (target, _) = blobs(0, 0.0), blobs(1, 3.0)
    one = structure(source, target, SMALL, seed=4)
    renamed = np.array([2, 0, 1])
    other = replace(
        one,
        target_clusters=renamed[one.target_clusters],
        matching=one.matching[np.argsort(renamed)],
    )
    assert matching_agreement(one, other) == 1.0
    turned = replace(one, matching=one.matching[[1, 2, 0]])
    assert matching_agreement(one, turned) == 0.0


def test_principal_components_against_the_singular_values() -> None:
    features = np.random.default_rng(0).normal(size=(30, 8))
    centred = features - features.mean(axis=0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(principal(features, 3, 0)), np.abs((u * s)[:, :3]), atol=1e-8)


def test_few_slices_have_a_smaller_perplexity_and_too_few_are_refused() -> None:
    features = np.random.default_rng(0).normal(size=(12, 8))
    assert embedded(features, SMALL, 0).shape == (12, 2)
    with pytest.raises(ValueError, match="12 slices cannot form 13 clusters"):
        clustered(features[:, :2], replace(SMALL, k=13), 0)
    with pytest.raises(ValueError, match="at least 250"):
        Clustering(iterations=100)


# --- one training ----------------------------------------------------------------------------------


def test_structures_once_an_epoch_and_lambda_from_the_first() -> None:
    method = AIVA(SEGMENTER, replace(FINETUNING, steps=5), SMALL)
    predictor = method.fit(view(), Run(1))
    assert len(predictor.structures) == 3  # epochs of 2, 2 and 1 steps
    assert predictor.weight > 0
    assert [step for step, _ in predictor.history.scores] == [2, 4, 5]
    assert [name for name, _ in predictor.losses] == ["segmentation", "adaptation"]


def test_lambda_makes_the_first_epochs_mean_one() -> None:
    """The rule, from scratch: features before any step, the first epoch's minibatches, equation 2."""
    sites, run = sites_of(view()), Run(1)
    network = pretrained(sites.source, SEGMENTER, sites.name, run).network.eval()
    alignment = Alignment(sites, SEGMENTER, SMALL, run)
    batches = list(sites.batches(2, FINETUNING.batch, torch.Generator().manual_seed(run.seed)))
    alignment.epoch(network, batches)
    (found,) = alignment.structures
    with torch.no_grad():
        source, target = (
            network.encode(x)[-1].flatten(1).double() for x in (sites.source.images, sites.target)
        )
    losses = []
    for step in batches:
        loss = 0.0
        for i in range(SMALL.k):
            mine = [j for j in step.target.tolist() if found.target_clusters[j] == i]
            if mine:
                members = torch.as_tensor(found.source_clusters) == int(found.matching[i])
                gap = target[mine].mean(dim=0) - source[members].mean(dim=0)
                loss += float(gap.square().sum())
        losses.append(loss)
    assert alignment.weight == pytest.approx(2 / sum(losses), rel=1e-4)


def test_alignment_pulls_the_matched_clusters_together() -> None:
    sites, run = sites_of(view()), Run(1)
    network = pretrained(sites.source, with_recipe(SEGMENTER, steps=40), sites.name, run).network
    network.eval()
    alignment = Alignment(sites, SEGMENTER, SMALL, run)
    (step,) = sites.batches(1, 8, torch.Generator())
    alignment.epoch(network, [step])

    def term() -> torch.Tensor:
        images = torch.cat([sites.source.images[step.source], sites.target[step.target]])
        masks = sites.source.need_masks()[step.source]
        return alignment.term(network.encode(images)[-1], images, masks, step)

    before = term()
    assert float(before.detach()) == pytest.approx(1.0, rel=1e-4)
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-3)
    for _ in range(20):
        optimiser.zero_grad()
        term().backward()
        optimiser.step()
    assert float(term().detach()) < 0.9


def test_numbers_of_the_paper() -> None:
    method = AIVA.paper()
    assert method.clustering.k == 12
    assert (method.segmenter.recipe.steps, method.finetuning.steps) == (5000, 6500)
