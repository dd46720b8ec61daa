"""The AIVA assignment: wrong answers, the library's answers, and where its variants meet the library."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from medda_lib.methods import adabn, seg_jdot
from medda_lib.methods.aiva import clusters, loss
from medda_lib.studies.method import BestValidation
from tests.assignments.library import LibraryTests
from tests.assignments.master import Master, Swap
from tests.assignments.shared import RIGHT, AssignmentTests, Case, GradingTests

PADDED = """found = linear_sum_assignment(np.hstack([cost, alone]))[1]
    return np.where(found < len(source_centres), found, -1)"""
CUT = """found = np.full(len(cost), -1)
    rows, columns = linear_sum_assignment(cost)
    for i, j in zip(rows, columns):
        if cost[i, j] <= price:
            found[i] = j
    return found"""
CHEAPEST_FIRST = """found, free = np.full(len(cost), -1), cost.copy()
    while free.size and free.min() < price:
        i, j = np.unravel_index(free.argmin(), free.shape)
        found[i], free[i, :], free[:, j] = j, np.inf, np.inf
    return found"""
FORCED = """found = np.full(len(cost), -1)
    rows, columns = linear_sum_assignment(cost)
    found[rows] = columns
    return found"""
NEAREST = """nearest = cost.argmin(axis=1)
    return np.where(cost.min(axis=1) < price, nearest, -1)"""
BRANCHES = "cost = squared / 2 if near else delta * (squared.sqrt() - delta / 2)"
ROOTED = """r = (squared + SMALL).sqrt()
            cost = torch.where(r <= delta, r**2 / 2, delta * (r - delta / 2))"""
BACK = """back = np.full(len(cost), -1)
    for i, j in enumerate(found):
        if j < len(cost[0]):
            back[min(j, len(back) - 1)] = i
    return back"""
MUTUAL = """back = nearest_target[nearest_source]
    return np.where(back == np.arange(len(cost)), nearest_source, -1)"""
TURNED_MUTUAL = """back = nearest_source[nearest_target]
    return np.where(back == np.arange(len(back)), nearest_target, -1)"""
BY_COMPONENT = """gap = mine.mean(dim=0) - places[i]
            cost = F.huber_loss(gap, torch.zeros_like(gap), reduction="sum", delta=delta)"""
MEAN_OF_VARIANCES = """each = [
        torch.stack([x[:, i][m[:, 0]].var(unbiased=False) for i in range(x.shape[1])])
        for x, m in zip(batches, masks)
        if m.any()
    ]
    return count, mean, torch.stack(each).mean(0)"""
UNPAIRED = "error = (allowed[best].std() / math.sqrt(gaps.shape[1])).expand(len(gaps))"
NAIVE = """kernel = (-cost.detach().double() / epsilon).exp()
    a, b = a.double(), b.double()
    v = torch.ones_like(b)
    for _ in range(rounds):
        u = a / (kernel @ v)
        v = b / (kernel.T @ u)
    return u[:, None] * kernel * v[None, :]"""
LOGARITHMIC = "kernel = -cost.detach().double() / epsilon"
ROUND = """log_u = log_a - torch.logsumexp(kernel + log_v[None, :], dim=1)
        log_v = log_b - torch.logsumexp(kernel + log_u[:, None], dim=0)"""
TURNED = """log_v = log_b - torch.logsumexp(kernel + log_u[:, None], dim=0)
        log_u = log_a - torch.logsumexp(kernel + log_v[None, :], dim=1)"""
AT_ONCE = """log_u, log_v = (
            log_a - torch.logsumexp(kernel + log_v[None, :], dim=1),
            log_b - torch.logsumexp(kernel + log_u[:, None], dim=0),
        )"""
START = "log_v = torch.zeros_like(log_b)"
# exercise -> what went wrong -> (right, wrong) pairs of text; the first two also go to nbgrader
WRONG: dict[str, dict[str, Swap]] = {
    "matching": {
        "matched first, cut afterwards": ((PADDED, CUT),),
        "cheapest pair first": ((PADDED, CHEAPEST_FIRST),),
        "nobody may stay alone": ((PADDED, FORCED),),
        "nearest, taken twice": ((PADDED, NEAREST),),
        "distance for squared distance": (
            (
                "cost = (gaps**2).sum(axis=2)\n    alone",
                "cost = np.sqrt((gaps**2).sum(axis=2))\n    alone",
            ),
        ),
        "city block": (("(gaps**2).sum(axis=2)", "np.abs(gaps).sum(axis=2)"),),
        "half the price": (("(len(cost), len(cost)), price", "(len(cost), len(cost)), price / 2"),),
        "one place to be alone": (("(len(cost), len(cost)), price", "(len(cost), 1), price"),),
        "target named for source": (
            ("return np.where(found < len(source_centres), found, -1)", BACK),
        ),
        "lonely group not marked": (("found < len(source_centres), found, -1", "True, found, -1"),),
        "price paid in a pair, too": (
            ("np.hstack([cost, alone])", "np.hstack([cost + price, alone])"),
        ),
        "one direction is enough": (
            ("np.where(back == np.arange(len(cost)), nearest_source, -1)", "nearest_source"),
        ),
        "mutual in the other direction": ((MUTUAL, TURNED_MUTUAL),),
    },
    "alignment": {
        "groups of one weight": (("links.to(means.dtype) * sizes", "links.to(means.dtype)"),),
        "unlinked slices counted": (("return loss / max(n, 1)", "return loss / len(target)"),),
        "nan without a link": ((".clamp(min=1)", ""),),
        "nan without a linked slice": (("return loss / max(n, 1)", "return loss / n"),),
        "absent group is nan": (("for i in clusters.unique():", "for i in range(len(links)):"),),
        "unlinked group pulled to zero": (("if links[i].any():", "if True:"),),
        "nearest of the linked": (
            (
                "links.to(means.dtype) * sizes",
                "(links.to(means.dtype) * sizes).cumsum(1).eq(sizes) * links.to(means.dtype)",
            ),
        ),
        "Huber by component": ((BRANCHES, BY_COMPONENT),),
        "not halved": (("cost = squared / 2", "cost = squared"),),
        "square everywhere": (("near = squared <= delta**2", "near = True"),),
        "branches do not meet": (("(squared.sqrt() - delta / 2)", "squared.sqrt()"),),
        "delta not squared": (("squared <= delta**2", "squared <= delta"),),
        "root at zero": ((BRANCHES, ROOTED.replace("SMALL", "0")),),
        "small number under the root": ((BRANCHES, ROOTED.replace("SMALL", "1e-2")),),
        "groups count alike": (("loss + len(mine) * cost, n + len(mine)", "loss + cost, n + 1"),),
        "sum for mean": (("return loss / max(n, 1)", "return loss"),),
        "every slice for itself": (
            (
                "squared = (mine.mean(dim=0) - places[i]).square().sum()",
                "squared = (mine - places[i]).square().sum(dim=1).mean()",
            ),
        ),
        "gradient into the source": (("sizes, links).detach()", "sizes, links)"),),
        "no gradient": (("mine = target[clusters == i]", "mine = target.detach()[clusters == i]"),),
    },
    "choices": {
        "oracle": (
            (
                'scores["source validation"]',
                'scores.get("target test", scores["source validation"])',
            ),
        ),
        "all steps, not half of them": (("needed[math.ceil(len(needed) / 2) - 1]", "needed[-1]"),),
        "one over the mean": (
            (
                "needed[math.ceil(len(needed) / 2) - 1]",
                "len(alignment) / sum(alignment) if any(alignment) else math.inf",
            ),
        ),
        "share of the segmentation loss": (("share / (1 - share) * s", "share * s"),),
        "segmentation loss left out": (("share / (1 - share) * s / a", "share / (1 - share) / a"),),
        "empty steps left out": (
            ("for s, a in pairs)", "for s, a in pairs if a > 0) or [math.inf]"),
        ),
        "empty steps cost nothing": (("else math.inf", "else 0.0"),),
        "upper middle": (("math.ceil(len(needed) / 2) - 1", "len(needed) // 2"),),
        "ordinary median": (
            ("needed[math.ceil(len(needed) / 2) - 1]", "float(np.median(needed))"),
        ),
        "mean of the ratios": (
            ("needed[math.ceil(len(needed) / 2) - 1]", "sum(needed) / len(needed)"),
        ),
        "best mean": (("return min(step for", "return steps[best]; return min(step for"),),
        "not paired": (("error = gaps.std(dim=1) / math.sqrt(gaps.shape[1])", UNPAIRED),),
        "deviation for error": (("gaps.std(dim=1) / math.sqrt(gaps.shape[1])", "gaps.std(dim=1)"),),
        "divided by n": (("gaps.std(dim=1)", "gaps.std(dim=1, unbiased=False)"),),
        "latest": (("return min(step for", "return max(step for"),),
        "first in the list": (("return min(step for", "return next(step for"),),
        "lowest score": (("(-float(means[row])", "(float(means[row])"),),
        "strictly below": (("gaps.mean(dim=1) <= error", "gaps.mean(dim=1) < error"),),
    },
    "statistics": {
        "mean of the variances": (
            ("return count, mean, second / max(count, 1) - mean**2", MEAN_OF_VARIANCES),
        ),
        "spread between the crowds forgotten": (
            ("(1 - share) * v_s + share * v_t + between", "(1 - share) * v_s + share * v_t"),
        ),
        "margin counts": (
            ("part.double(), mask.double()", "part.double(), mask.double() * 0 + 1"),
        ),
        "margin as zeros": (("count += int(inside.sum())", "count += x.numel() // x.shape[1]"),),
        "images counted": (("count += int(inside.sum())", "count += len(x)"),),
        "single precision": (("part.double(), mask.double()", "part.float(), mask.float()"),),
        "unbiased": (
            (
                "second / max(count, 1) - mean**2",
                "(second / max(count, 1) - mean**2) * count / max(count - 1, 1)",
            ),
        ),
        "nan without a pixel": (("max(count, 1)", "torch.tensor(float(count))"),),
        "channels not apart": (
            (
                "(x * inside).sum(dim=(0, 2, 3))",
                "(x * inside).sum() / x.shape[1] * torch.ones(x.shape[1])",
            ),
        ),
        "last minibatch alone": (
            (
                "in zip(batches, masks, strict=True)",
                "in zip(batches[-1:], masks[-1:], strict=True)",
            ),
        ),
        "standard deviation": (
            ("second / max(count, 1) - mean**2", "(second / max(count, 1) - mean**2).sqrt()"),
        ),
        "shares exchanged": (
            ("share = count / (count + worth)", "share = worth / (count + worth)"),
        ),
        "worth as a share": (("share = count / (count + worth)", "share = 1 / (1 + worth)"),),
        "half the spread": (("share * (1 - share) * (m_s", "share * (1 - share) / 2 * (m_s"),),
        "deviations mixed": (
            (
                "(1 - share) * v_s + share * v_t + between",
                "((1 - share) * v_s.sqrt() + share * v_t.sqrt()) ** 2 + between",
            ),
        ),
        "source forgotten": (("share = count / (count + worth)", "share = 1.0"),),
    },
    "transport": {
        "exponentials underflow": (
            (
                LOGARITHMIC,
                NAIVE.replace("return ", "naive = ") + f"\n    return naive\n    {LOGARITHMIC}",
            ),
        ),
        "unbalanced cross entropy": (
            (
                "return torch.where(both, 0.5, 1.0) * (organ + rest)",
                "return (y @ F.softplus(-z).T + (1 - y) @ F.softplus(z).T) / y.shape[1]",
            ),
        ),
        "columns first": (
            (START, "log_u = torch.zeros_like(log_a)"),
            (ROUND, TURNED),
        ),
        "both at once": (
            (START, f"{START}\n    log_u = torch.zeros_like(log_a)"),
            (ROUND, AT_ONCE),
        ),
        "masses exchanged with even ones": (
            (
                "a.double().log(), b.double().log()",
                "(0 * a + 1 / len(a)).double().log(), b.double().log()",
            ),
        ),
        "masses kept from zero": (
            (
                "a.double().log(), b.double().log()",
                "(a + 1e-3).double().log(), (b + 1e-3).double().log()",
            ),
        ),
        "epsilon multiplied": (
            ("cost.detach().double() / epsilon", "cost.detach().double() * epsilon"),
        ),
        "one round more": (("for _ in range(rounds)", "for _ in range(rounds + 1)"),),
        "starts from the masses": ((START, "log_v = log_b.clone()"),),
        "least cost for each source": (
            (
                "return (entropic_plan(cost, a, b, epsilon, rounds) * cost).sum()",
                "return (a * cost.min(dim=1).values).sum()",
            ),
        ),
        "no gradient": (("rounds) * cost).sum()", "rounds) * cost.detach()).sum()"),),
        "gradient through the plan": (("-cost.detach().double()", "-cost.double()"),),
        "mean for sum": (("rounds) * cost).sum()", "rounds) * cost).mean()"),),
        "halved without an organ": (("torch.where(both, 0.5, 1.0)", "0.5"),),
        "nan without an organ": (
            (
                "y.sum(dim=1, keepdim=True).clamp(min=1)\n    rest",
                "y.sum(dim=1, keepdim=True)\n    rest",
            ),
        ),
        "infinite for large logits": (
            ("F.softplus(-z)", "-z.sigmoid().log()"),
            ("F.softplus(z)", "-(1 - z.sigmoid()).log()"),
        ),
        "probabilities clamped": (
            ("F.softplus(-z)", "-z.sigmoid().clamp(min=1e-7).log()"),
            ("F.softplus(z)", "-(1 - z.sigmoid()).clamp(min=1e-7).log()"),
        ),
        "mask turned over": (
            ("organ = y @", "organ = (1 - y) @"),
            ("rest = (1 - y) @", "rest = y @"),
        ),
    },
}
# exercise -> function of the library -> the lines that use it, in place of one function of the solution
BORROWED = {
    "matching": {
        "matched": """
from medda_lib.methods.aiva.clusters import matched
def match_or_leave(target_centres, source_centres, price):
    found = np.full(len(target_centres), -1)
    many = matched(target_centres, source_centres)
    found[: len(many)] = many
    return found
""",
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
        "centroids": """
from medda_lib.methods.aiva.loss import centroids
def barycentres(means, sizes, links):
    return torch.stack([
        centroids(means[row], torch.zeros(int(row.sum()), dtype=torch.int64), 1)[0][0] for row in links
    ])
""",
    },
    "choices": {
        "reciprocal_weight": """
from medda_lib.methods.aiva.loss import reciprocal_weight
def share_weight(segmentation, alignment, share):
    ratios = [a / s for s, a in zip(segmentation, alignment)]
    return share / (1 - share) * reciprocal_weight(ratios) if any(ratios) else math.inf
""",
        "BestValidation": """
from medda_lib.studies.method import BestValidation
def chosen_step(steps, scores):
    means = scores["source validation"].mean(dim=1).tolist()
    return BestValidation().choose(dict(sorted(zip(steps, means))))
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
    "transport": {
        "transport_cost": """
from medda_lib.methods.seg_jdot import transport_cost
def transport_loss(cost, a, b, epsilon, rounds):
    side = min(cost.shape)
    return transport_cost(cost[:side, :side])
""",
        "transport_plan": """
from medda_lib.methods.seg_jdot import transport_plan
def entropic_plan(cost, a, b, epsilon, rounds):
    side, plan = min(cost.shape), torch.zeros(cost.shape, dtype=torch.float64)
    rows, columns = transport_plan(cost[:side, :side])
    plan[rows, columns] = 1 / side
    return plan
""",
        "joint_cost": """
from medda_lib.methods.seg_jdot import joint_cost
def label_cost(masks, logits):
    nothing = torch.zeros(len(masks), 1), torch.zeros(len(logits), 1)
    return joint_cost(*nothing, masks, logits, 0.0, 1.0 / masks[0].numel())
""",
    },
}

AIVA = Case(
    Master("aiva"),
    WRONG,
    said={
        "matching": (
            "matched first, cut afterwards",
            (
                "targets at 0 and 3, sources at 2 and 20: expected [-1, 0], got [0, -1]. Hint: write "
                "down what each possible set of pairs costs, the price of those who stay alone included"
            ),
        ),
        "alignment": (
            "groups of one weight",
            (
                "three slices with the mean (0, 0) and one at (4, 0): the mean of the four is "
                "expected, (1, 0); got [2.0, 0.0]. Hint: do both groups weigh the same?"
            ),
        ),
        "choices": (
            "oracle",
            "step 40 is best on labelled target scans, which nobody may look at",
        ),
        "statistics": (RIGHT, ""),
    },
    hidden_names=frozenset({"_hidden_checks", "_hidden_plan", "_hidden_labels"}),
)


class TestAiva(AssignmentTests):
    case = AIVA


class TestAivaLibrary(LibraryTests):
    case = AIVA
    borrowed = BORROWED


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


def test_choices_meet_the_library_where_they_should(own: dict[str, Any]) -> None:
    # one step, half of the loss: lambda A = S
    assert own["share_weight"]([1.0], [4.0], 0.5) == loss.reciprocal_weight([4.0])
    # differences that never vary between scans: nothing but the best is good enough
    scores = {4: 0.5, 8: 0.7, 12: 0.7}
    flat = {"source validation": torch.tensor([[s, s] for s in scores.values()])}
    assert own["chosen_step"](list(scores), flat) == BestValidation().choose(scores)


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


def test_small_epsilon_comes_close_to_the_exact_plan(own: dict[str, Any]) -> None:
    rng = torch.Generator().manual_seed(3)
    cost, even = torch.rand(4, 4, generator=rng), torch.full((4,), 0.25)
    near = float(own["transport_loss"](cost, even, even, 0.005, 500))
    assert near == pytest.approx(float(seg_jdot.transport_cost(cost)), abs=1e-3)


@pytest.mark.slow
class TestAivaGrading(GradingTests):
    case = AIVA
