"""The AIVA assignment: famous mistakes, the library's answers, and where both meet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from medda_lib.methods import adabn
from medda_lib.methods.aiva import clusters, loss
from tests.assignments.master import Master, Swap
from tests.assignments.shared import RIGHT, AssignmentTests, Case, GradingTests

PLACES = "np.hstack([(gaps**2).sum(axis=2), np.full((k_t, k_t), price)])"
ASSIGNED = """found = linear_sum_assignment(places)[1]
    return np.where(found < k_s, found, -1)"""
CUT = """found = np.full(k_t, -1)
    for i, j in zip(*linear_sum_assignment(places[:, :k_s])):
        found[i] = j if places[i, j] <= price else -1
    return found"""
GREEDY = """found, free = np.full(k_t, -1), places[:, :k_s].copy()
    while free.min() < price:
        i, j = np.unravel_index(free.argmin(), free.shape)
        found[i], free[i, :], free[:, j] = j, np.inf, np.inf
    return found"""
INVERTED = """found = linear_sum_assignment(places)[1]
    back = np.full(k_t, -1)
    for i, j in enumerate(found):
        if j < k_s:
            back[min(j, k_t - 1)] = i
    return back"""
BRANCHES = "cost = squared / 2 if near else delta * (squared.sqrt() - delta / 2)"
ROOTED = """r = squared.sqrt()
            cost = torch.where(r <= delta, r**2 / 2, delta * (r - delta / 2))"""
BY_COMPONENT = """gap = mine.mean(dim=0) - places[i]
            h = torch.nn.functional.huber_loss
            cost = h(gap, 0 * gap, reduction="sum", delta=delta)"""
OF_MINIBATCHES = """each = [
        torch.stack([x[:, i][m[:, 0]].var(correction=0) for i in range(x.shape[1])])
        for x, m in zip(batches, masks)
        if m.any()
    ]
    return count, mean, torch.stack(each).mean(0)"""
# exercise -> what went wrong -> words of the solution, others in their place; two are graded, too
WRONG: dict[str, dict[str, Swap]] = {
    "matching": {
        "matched first, dear pairs cut afterwards": (ASSIGNED, CUT),
        "greedy in place of optimal": (ASSIGNED, GREEDY),
        "the permutation is inverted": (ASSIGNED, INVERTED),
        "a distance in place of its square": (PLACES, PLACES.replace("axis=2)", "axis=2) ** 0.5")),
        "one place to be alone": ("(k_t, k_t)", "(k_t, 1)"),
        "one direction is enough": ("both.any(axis=1), both", "np.full(len(cost), True), -cost"),
    },
    "alignment": {
        "groups of one weight": ("links.to(means.dtype) * sizes", "links.to(means.dtype)"),
        "Huber of each component": (BRANCHES, BY_COMPONENT),
        "a root at distance zero": (BRANCHES, ROOTED),
        "the mean of a group without slices": ("in clusters.unique()", "in range(len(links))"),
        "gradient into the source means": ("sizes, links).detach()", "sizes, links)"),
        "unlinked slices counted": ("return loss / max(n, 1)", "return loss / len(target)"),
        "every slice for itself": (
            "squared = (mine.mean(dim=0) - places[i]).square().sum()",
            "squared = (mine - places[i]).square().sum(dim=1).mean()",
        ),
    },
    "statistics": {
        "variances of minibatches averaged": (
            "return count, mean, second / max(count, 1) - mean**2",
            OF_MINIBATCHES,
        ),
        "the spread between the crowds is forgotten": (" + between", ""),
        "unbiased": ("second / max(count, 1) - mean", "second / max(count - 1, 1) - mean"),
        "margin as zeros": ("count += int(mask.sum())", "count += mask.numel()"),
    },
}
SQUARED = "the difference is squared"
# exercise -> mutant that passes -> why it may
EQUIVALENT = {
    "matching": {
        **dict.fromkeys(
            (
                f"{function}: target_centres[:...- source_centres -> source_centres -...centres[:, None]"
                for function in ("match_or_leave", "mutual")
            ),
            SQUARED,
        ),
        "mutual: (gaps ** 2).sum(axis=2) -> (gaps ** 2).mean(axis=2)": "half of each is as near",
    },
    "alignment": {
        "robust_alignment: barycentres(means, sizes, links) -> barycentres(means, links, sizes)": (
            "both are factors of one product"
        ),
        "robust_alignment: target.sum() -> target.mean()": "times zero, for `backward` only",
        "robust_alignment: mine.mean(dim=0) - places[i] -> places[i] - mine.mean(dim=0)": SQUARED,
        "robust_alignment: squared <= delta ** 2 -> squared < delta ** 2": "both branches meet there",
    },
    "statistics": {"mixture: m_s - m_t -> m_t - m_s": SQUARED},
}
# exercise -> function of the library -> the lines that use it, in place of one function of the solution
BORROWED = {
    "matching": {
        "matched_distances": """
from medda_lib.methods.aiva.clusters import matched
from medda_lib.methods.aiva.loss import matched_distances
def match_or_leave(target_centres, source_centres, price):
    found = np.full(len(target_centres), -1)
    many = matched(target_centres, source_centres)[: len(source_centres)]
    t, s = torch.from_numpy(target_centres[: len(many)]), torch.from_numpy(source_centres)
    far, _ = matched_distances(t, torch.arange(len(t)), s, torch.from_numpy(many))
    found[: len(many)] = np.where(far.numpy() <= price, many, -1)
    return found
""",
    },
    "alignment": {
        "alignment_loss": """
from medda_lib.methods.aiva.loss import alignment_loss
def robust_alignment(target, clusters, means, sizes, links, delta):
    kept = links.any(1)[clusters]
    places = barycentres(means, sizes, links)
    if not kept.any():
        return 0 * target.sum()
    found = alignment_loss(target[kept], clusters[kept], places, torch.arange(len(links)))
    return found / 2 / len(clusters[kept].unique())
""",
    },
    "statistics": {
        "adapt_statistics": """
from medda_lib.methods.adabn import adapt_statistics
def masked_statistics(batches, masks):
    inside = [x.movedim(1, -1)[m[:, 0]] for x, m in zip(batches, masks)]
    pixels = torch.cat(inside)[:, :, None, None]
    layer = torch.nn.BatchNorm2d(pixels.shape[1])
    if len(pixels) > 1:
        adapt_statistics(layer, pixels, len(pixels))
    return len(pixels), layer.running_mean, layer.running_var
""",
    },
}

AIVA = Case(
    Master("aiva"),
    WRONG,
    EQUIVALENT,
    BORROWED,
    said={
        "matching": (
            "matched first, dear pairs cut afterwards",
            (
                "expected [-1.0, 0.0], got [0.0, -1.0]: targets at 0 and 3, sources at 2 and 20, price "
                "9: what does each possible set of pairs cost?"
            ),
        ),
        "alignment": (
            "groups of one weight",
            (
                "expected [1.0, 0.0], got [2.0, 0.0]: three slices with the mean (0, 0) and one at "
                "(4, 0): do both groups weigh the same?"
            ),
        ),
        "statistics": (RIGHT, ""),
    },
)


class TestAiva(AssignmentTests):
    case = AIVA


@pytest.fixture(scope="module")
def own() -> dict[str, Any]:
    """The functions of the solution."""
    return AIVA.master.solved()


def test_matching_at_a_price_that_nobody_pays_is_equation_1(own: dict[str, Any]) -> None:
    target, source = np.random.default_rng(0).normal(size=(2, 12, 2))
    found = own["match_or_leave"](target, source, 1e6)
    assert found.tolist() == clusters.matched(target, source).tolist()


def test_alignment_with_one_link_each_is_equation_2(own: dict[str, Any]) -> None:
    rng, k = torch.Generator().manual_seed(7), 5
    target, means = torch.randn(2, k, 6, generator=rng)
    matching = torch.randperm(k, generator=rng)
    links, one = F.one_hot(matching, k).bool(), torch.ones(k, dtype=torch.int64)
    robust = own["robust_alignment"](target, torch.arange(k), means, one, links, 1e4)
    equation = loss.alignment_loss(target, torch.arange(k), means, matching)
    torch.testing.assert_close(robust, equation / 2 / k)  # a half, and a mean over slices


def test_statistics_of_whole_images_without_a_source_are_adabn(own: dict[str, Any]) -> None:
    images = torch.rand(7, 3, 8, 8, generator=torch.Generator().manual_seed(7))
    layer = torch.nn.BatchNorm2d(3)
    adabn.adapt_statistics(layer, images, 3)
    ones = torch.ones(7, 1, 8, 8, dtype=torch.bool)
    counted = own["masked_statistics"](list(images.split(2)), list(ones.split(2)))
    mean, variance = own["mixture"]((torch.ones(3), torch.ones(3)), 0.0, counted)
    torch.testing.assert_close(layer.running_mean, mean.float())
    unbiased = variance * counted[0] / (counted[0] - 1)
    torch.testing.assert_close(layer.running_var, unbiased.float())


@pytest.mark.slow
class TestAivaGrading(GradingTests):
    case = AIVA
