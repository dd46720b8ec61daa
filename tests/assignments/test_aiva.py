"""The AIVA assignment: its wrong answers, and our library on its solutions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medda_lib.methods import adabn, seg_jdot
from medda_lib.methods.aiva import clusters, loss
from medda_lib.studies.method import BestValidation
from tests.assignments.master import Master, Swap
from tests.assignments.shared import RIGHT, AssignmentTests, Case, GradingTests

GREEDY = """free, found = list(range(len(cost))), []
    for row in cost:
        found.append(min(free, key=lambda j: row[j]))
        free.remove(found[-1])
    return np.array(found)"""
MEAN_OF_VARIANCES = """each = [x.var(dim=(0, 2, 3), unbiased=False) for x in batches]
    return mean, torch.stack(each).mean(0)"""
# exercise -> what went wrong -> (right, wrong) pairs of text; the first two also go to nbgrader
WRONG: dict[str, dict[str, Swap]] = {
    "matching": {
        "inverse permutation": (
            ("linear_sum_assignment(cost)[1]", "linear_sum_assignment(cost.T)[1]"),
        ),
        "greedy": (
            (
                "return linear_sum_assignment(cost)[1]",
                GREEDY,
            ),
        ),
        "distance for squared distance": (
            ("cost = (gaps**2).sum(axis=2)", "cost = np.sqrt((gaps**2).sum(axis=2))"),
        ),
        "city block": (("(gaps**2).sum(axis=2)", "np.abs(gaps).sum(axis=2)"),),
        "largest total": (("linear_sum_assignment(cost)", "linear_sum_assignment(-cost)"),),
        "rows for columns": (("(cost)[1]", "(cost)[0]"),),
        "nearest, taken twice": (("linear_sum_assignment(cost)[1]", "cost.argmin(axis=1)"),),
        "one coordinate": (("(gaps**2).sum(axis=2)", "(gaps**2)[:, :, 0]"),),
        "own cluster": (("return matching[target_clusters]", "return target_clusters"),),
        "inverse at the end": (
            ("return matching[target_clusters]", "return np.argsort(matching)[target_clusters]"),
        ),
    },
    "alignment": {
        "absent cluster counts as zero": (
            ("for i in clusters.unique():", "for i in range(len(matching)):"),
            (
                "mean = target[clusters == i].mean(dim=0)",
                "mean = target[clusters == i].sum(dim=0) / max(int((clusters == i).sum()), 1)",
            ),
        ),
        "absent cluster is nan": (
            ("for i in clusters.unique():", "for i in range(len(matching)):"),
        ),
        "not matched": (("means[matching[i]]", "means[i]"),),
        "inverse matching": (("means[matching[i]]", "means[matching.argsort()[i]]"),),
        "every slice for itself": (
            (
                "(mean - means[matching[i]].detach()).square().sum()",
                "(target[clusters == i] - means[matching[i]].detach()).square().sum()",
            ),
        ),
        "weighted by size": (("loss + (mean", "loss + (clusters == i).sum() * (mean"),),
        "mean over clusters": (("return loss", "return loss / len(clusters.unique())"),),
        "mean over features": ((".square().sum()", ".square().mean()"),),
        "norm for squared norm": ((".square().sum()", ".square().sum().sqrt()"),),
        "gradient into the source": (("means[matching[i]].detach()", "means[matching[i]]"),),
        "no gradient": (("target[clusters == i].mean", "target.detach()[clusters == i].mean"),),
        "sum for source mean": (("features[clusters == j].mean", "features[clusters == j].sum"),),
    },
    "choices": {
        "oracle": (
            (
                'scores["source validation"]',
                'scores.get("target test", scores["source validation"])',
            ),
        ),
        "mean for its reciprocal": (
            ("len(first_losses) / sum(first_losses)", "sum(first_losses) / len(first_losses)"),
        ),
        "one over the sum": (("len(first_losses) / sum", "1 / sum"),),
        "mean of reciprocals": (
            (
                "len(first_losses) / sum(first_losses)",
                "sum(1 / x for x in first_losses) / len(first_losses)",
            ),
        ),
        "first loss alone": (("len(first_losses) / sum(first_losses)", "1 / first_losses[0]"),),
        "zero for an empty list": (
            ('raise ValueError("there is no alignment loss to take the mean of")', "return 0.0"),
        ),
        "last step": (("return min(step for", "return max(step for"), ("if score == best", "")),
        "latest of equal ones": (("return min(step for", "return max(step for"),),
        "lowest score": (("max(allowed.values())", "min(allowed.values())"),),
        "mean over all sets": (
            (
                'allowed = scores["source validation"]',
                'allowed = {s: sum(v[s] for v in scores.values()) for s in scores["source validation"]}',
            ),
        ),
    },
    "statistics": {
        "mean of the variances": (
            (
                "return mean, second / count - mean**2",
                MEAN_OF_VARIANCES,
            ),
        ),
        "mean of the means": (
            (
                "mean = first / count",
                "mean = torch.stack([x.double().mean(dim=(0, 2, 3)) for x in batches]).mean(0)",
            ),
        ),
        "single precision": (("x = part.double()", "x = part.float()"),),
        "unbiased": (
            ("second / count - mean**2", "(second / count - mean**2) * count / (count - 1)"),
        ),
        "pixels not counted": (("x.numel() // x.shape[1]", "len(x)"),),
        "channels not apart": (
            ("x.sum(dim=(0, 2, 3))", "x.sum() / x.shape[1] * torch.ones(x.shape[1])"),
        ),
        "standard deviation": (
            (
                "return mean, second / count - mean**2",
                "return mean, (second / count - mean**2).sqrt()",
            ),
        ),
        "last minibatch alone": (("for part in batches:", "for part in batches[-1:]:"),),
        "eps outside of the root": (("(v + eps).sqrt()", "(v.sqrt() + eps)"),),
        "divided by the variance": (("(v + eps).sqrt()", "(v + eps)"),),
        "shift before scale": (
            ("g * (x - m) / (v + eps).sqrt() + b", "g * ((x - m) / (v + eps).sqrt() + b)"),
        ),
        "eps fixed": (("(v + eps)", "(v + 1e-5)"),),
    },
    "transport": {
        "mean over pixels": ((".sum(dim=1)\n            for", ".mean(dim=1)\n            for"),),
        "plan turned": (("rows, columns = linear", "columns, rows = linear"),),
        "nearest target for each": (
            (
                "return cost[torch.as_tensor(rows), torch.as_tensor(columns)].mean()",
                "return cost.min(dim=1).values.mean()",
            ),
        ),
        "sum for mean": (("torch.as_tensor(columns)].mean()", "torch.as_tensor(columns)].sum()"),),
        "all pairs": (
            (
                "return cost[torch.as_tensor(rows), torch.as_tensor(columns)].mean()",
                "return cost.mean()",
            ),
        ),
        "no gradient": (("return cost[", "return cost.detach()["),),
        "largest cost": (
            (
                "linear_sum_assignment(cost.detach().numpy())",
                "linear_sum_assignment(-cost.detach().numpy())",
            ),
        ),
        "distance for squared distance": ((".square().sum(dim=2)", ".square().sum(dim=2).sqrt()"),),
        "infinite for large logits": (
            (
                'F.binary_cross_entropy_with_logits(z, row.expand_as(z), reduction="none")',
                "-(row * z.sigmoid().log() + (1 - row) * (1 - z.sigmoid()).log())",
            ),
        ),
        "probabilities clamped": (
            (
                'F.binary_cross_entropy_with_logits(z, row.expand_as(z), reduction="none")',
                'F.binary_cross_entropy(z.sigmoid(), row.expand_as(z), reduction="none")',
            ),
        ),
        "weights exchanged": (
            ("alpha * distance + beta * entropy", "beta * distance + alpha * entropy"),
        ),
        "mask of the target": (("row.expand_as(z)", "(1 - row).expand_as(z)"),),
    },
}

AIVA = Case(
    Master("aiva"),
    WRONG,
    said={
        "matching": (
            "inverse permutation",
            (
                "target 0 lies near source 1, 1 near 2, 2 near 0: the matching is [1, 2, 0]; yours "
                "is [2, 0, 1]"
            ),
        ),
        "alignment": (
            "absent cluster counts as zero",
            (
                "the mean (0, 5) is 1 away from source mean 1 = (0, 6), and cluster 1 is absent: "
                "1.0; yours 5.0"
            ),
        ),
        "choices": (
            "oracle",
            "step 40 is best on labelled target scans, which nobody may look at",
        ),
        "statistics": (RIGHT, ""),
    },
)


class TestAiva(AssignmentTests):
    case = AIVA


def test_solutions_agree_with_the_library() -> None:
    own = AIVA.master.solved()
    close, rng = torch.testing.assert_close, torch.Generator().manual_seed(7)
    target, source = np.random.default_rng(0).normal(size=(2, 12, 2))
    assert own["match"](target, source).tolist() == clusters.matched(target, source).tolist()
    features, k = torch.randn(40, 6, generator=rng), 5
    owner, matching = torch.arange(40) % k, torch.randperm(k, generator=rng)
    means = own["source_means"](features, owner, k)
    close(means, loss.centroids(features, owner, k)[0])
    some = owner[:3], means, matching
    close(own["alignment_loss"](features[:3], *some), loss.alignment_loss(features[:3], *some))
    assert own["reciprocal_weight"]([2.0, 5.0]) == loss.reciprocal_weight([2.0, 5.0])
    scores = {4: 0.5, 8: 0.7, 12: 0.7}
    assert own["chosen_step"]({"source validation": scores}) == BestValidation().choose(scores)
    images = torch.rand(7, 3, 8, 8, generator=rng)
    layer = torch.nn.BatchNorm2d(3)
    adabn.adapt_statistics(layer, images, 3)
    mean, variance = own["statistics"](list(images.split(2)))
    count = images.numel() // 3
    close(layer.running_mean, mean.float())
    close(layer.running_var, (variance * count / (count - 1)).float())
    masks, logits = images[:4, :1] > 0.5, torch.randn(4, 1, 8, 8, generator=rng)
    batch = features[:4], features[4:8], masks, logits, 0.3, 0.2
    cost = own["joint_cost"](*batch)
    close(cost, seg_jdot.joint_cost(*batch))
    close(own["transport_cost"](cost), seg_jdot.transport_cost(cost))


@pytest.mark.slow
class TestAivaGrading(GradingTests):
    case = AIVA
