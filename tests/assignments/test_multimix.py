"""The MultiMix assignment: its famous mistakes, the library's functions on it, and where both meet."""

from __future__ import annotations

import torch

from medda_lib.methods import losses
from medda_lib.metrics import segmentation
from tests.assignments.master import Master, Swap
from tests.assignments.shared import AssignmentTests, Case, GradingTests

STABLE = "F.logsigmoid(sign * unlabelled_logits)"
MEAN = "return (1 - (tp + smooth) / (tp + a * fp + b * fn + smooth)).mean()"
OF_KNOWN = """each = 1 - (tp + smooth) / (tp + a * fp + b * fn + smooth)
    return each[u.any(dim=1)].sum() / u.any(dim=1).sum().clamp(min=1)"""
BACKGROUND = """mask, known = mask & known, known | True
    tp = (prediction & mask)"""
FLAT = "probabilities.flatten(1), mask.flatten(1).float(), known.flatten(1).float()"
POOLED = "(x.reshape(1, -1).float() for x in (probabilities, mask, known))"
COUNTS = """dim=1)
    mean = F.one_hot(mean.argmax(1), mean.shape[1]).float().mean(0)
"""
SUMMED = "F.logsigmoid(sign * labelled_logits).logsumexp(dim=0)"
DIVIDED = "log_p = log_p - math.log(len(labelled_logits))"
JS = "log_p.exp() * (log_p - log_v) + log_q.exp() * (log_q - log_v)"
# exercise -> what went wrong -> words of the solution, others in their place; two are graded, too
WRONG: dict[str, dict[str, Swap]] = {
    "pseudo-label": {
        "mean over the kept images": (
            "each[labels == k].mean()",
            "each[kept & (labels == k)].sum() / kept[labels == k].sum()",
        ),
        "plain mean over the batch": (
            "sum(each[labels == k].mean() for k in proposed) / len(proposed)",
            "each.mean()",
        ),
        "the weak view gets a gradient": (
            "cross_entropy(strong_logits, labels,",
            "cross_entropy(strong_logits, weak_logits.softmax(1),",
        ),
        "confidence taken from logits": ("= weak_logits.softmax(dim=1).max", "= weak_logits.max"),
        "confidence taken from the strong view": (
            "kept = confidence >=",
            "kept = strong_logits.softmax(dim=1).amax(dim=1) >=",
        ),
        "softmax before the cross-entropy": (
            "F.cross_entropy(strong_logits, l",
            "F.cross_entropy(strong_logits.softmax(1), l",
        ),
        "thresholds from counts of labels": ("dim=1).mean(dim=0)\n", COUNTS),
        "mean over all classes": ("/ len(proposed)", "/ weak_logits.shape[1]"),
    },
    "tversky": {
        "images without known pixels left out": (MEAN, OF_KNOWN),
        "unknown pixels counted as background": ("tp = (prediction & mask & known)", BACKGROUND),
        "pooled over the batch": (FLAT, POOLED),
        "empty masks give `nan` or 0": ("torch.where(fp + fn > 0, index, 1.0)", "index"),
        "prices of false positives and false negatives exchanged": (
            "tp + a * fp + b * fn",
            "tp + b * fp + a * fn",
        ),
        "thresholded loss": ("u = probabilities", "u = (probabilities > 0.5) * probabilities"),
    },
    "audit": {
        "means treated like single images": ("(jaccard - error)[0]", "(jaccard - error)[1]"),
        "rounding of the Dice only": ("jaccard - error", "jaccard", "jaccard + error", "jaccard"),
        "conversion the wrong way": ("2 * jaccard / (1 + jaccard)", "jaccard / (2 - jaccard)"),
    },
    "consistency": {
        "softmax over the single channel": (
            STABLE,
            "(sign * unlabelled_logits).log_softmax(1)",
            "F.logsigmoid(sign * labelled_logits)",
            "(sign * labelled_logits).log_softmax(1)",
        ),
        "mean of logits for the mean of predictions": (
            SUMMED,
            "F.logsigmoid(sign * labelled_logits.mean(dim=0))",
            DIVIDED,
            "pass",
        ),
        "$\\log$ of a sigmoid": (STABLE, "(sign * unlabelled_logits).sigmoid().log()"),
        "paired by position": (".logsumexp(dim=0)", "", DIVIDED, "pass"),
        "geometric mean": ("torch.logaddexp(log_p, log_q) - math.log(2)", "(log_p + log_q) / 2"),
        "KL for JS": (JS, "2 * log_p.exp() * (log_p - log_q)"),
    },
}
# exercise -> mutant that passes -> why it may
EQUIVALENT = {
    "pseudo-label": {
        "class_thresholds: softmax(dim=1).mean(dim=0) -> softmax(dim=1).sum(dim=0)": "a ratio",
    },
    "audit": {
        "dice_range: jaccard.clone() -> jaccard": "grading calls with copies and sees no alias",
        "audit: dice + error < lowest - 1e-09 -> dice + error <= lowest - 1e-09": "none lies there",
        "audit: 1e-09 -> 2e-09": "the arithmetic errs by less than either, print by more",
        "audit: 1e-09 -> 5e-10": "the arithmetic errs by less than either, print by more",
        "audit: dice - error > highest -> dice - error >= highest": "an odd number is no even one",
    },
    "consistency": {"bounded_consistency: (1, -1) -> (-1, 1)": "a sum over both outcomes"},
}
# exercise -> function of the library -> the lines that use it, in place of one function of the solution
BORROWED = {
    "pseudo-label": {
        "losses.pseudo_label_loss": """
from medda_lib.methods import losses

def fair_pseudo_label_loss(weak_logits, strong_logits, threshold=0.7):
    return losses.pseudo_label_loss(strong_logits, weak_logits, threshold)
""",
    },
    "tversky": {
        "segmentation.dice": """
from medda_lib.metrics import segmentation

def tversky_index(prediction, mask, known, a=0.3, b=0.7):
    return torch.from_numpy(segmentation.dice(prediction & known, mask & known)).float()
""",
        "losses.dice_loss": """
from medda_lib.methods import losses

def tversky_loss(probabilities, mask, known, a=0.3, b=0.7, smooth=1.0):
    logits = torch.where(known, probabilities.logit(), -100.0)
    return losses.dice_loss(logits, mask & known)
""",
    },
    "audit": {
        "pictures.TOLERANCE": """
from medda_lib.papers.multimix import pictures

def audit(dice, jaccard, decimals=3):
    gap = dice - 2 * jaccard / (1 + jaccard)
    return torch.sign(gap).long() * (gap.abs() > pictures.TOLERANCE)
""",
    },
    "consistency": {
        "losses.bernoulli_kl": """
from medda_lib.methods import losses

def bounded_consistency(labelled_logits, unlabelled_logits):
    p = labelled_logits.sigmoid().mean(dim=0, keepdim=True)
    q = unlabelled_logits.sigmoid()
    both = losses.bernoulli_kl(p, unlabelled_logits) + losses.bernoulli_kl(q, p.logit())
    return both.mean() / 2
""",
    },
}

MULTIMIX = Case(
    Master("multimix"),
    WRONG,
    EQUIVALENT,
    BORROWED,
    said={
        "pseudo-label": (
            "plain mean over the batch",
            (
                "expected 0.5199, got 0.4621: class 0 was proposed twice and kept once, class 1 once "
                "and kept: the mean of (ln 2)/2 and ln 2"
            ),
        ),
        "consistency": (
            "softmax over the single channel",
            "the two predictions differ, but your term is zero: over what is your softmax?",
        ),
    },
)


class TestMultiMix(AssignmentTests):
    case = MULTIMIX


def test_variants_meet_the_library_where_they_should() -> None:
    own = MULTIMIX.master.solved()
    rng = torch.Generator().manual_seed(7)
    strong, weak, noise = torch.randn(3, 6, 1, 16, 16, generator=rng)
    close = torch.testing.assert_close
    # one class that is always proposed: one threshold, one mean
    z, w = strong[:, 0, 0, :2], weak[:, 0, 0, :2].abs() * torch.tensor([1.0, 0.0])
    close(own["fair_pseudo_label_loss"](w, z, 0.6), losses.pseudo_label_loss(z, w, 0.6))
    # equal costs, everything known
    p, mask, known = strong.sigmoid(), noise > 0, torch.ones_like(noise).bool()
    for cost, name in ((0.5, "dice"), (1.0, "jaccard")):
        found = own["tversky_index"](p > 0.5, mask, known, cost, cost)
        close(found.double(), torch.from_numpy(getattr(segmentation, name)(p > 0.5, mask)))
    dice, jaccard = (
        torch.from_numpy(f(p > 0.5, mask)) for f in (segmentation.dice, segmentation.jaccard)
    )
    close(own["dice_range"](jaccard)[1], dice)
    # the divergence is small near agreement, where KL is four times as large
    near = weak + 1e-2 * noise
    ratio = losses.segmentation_kl(weak[:1].double(), near[:1].double()) / own[
        "bounded_consistency"
    ](weak[:1].double(), near[:1].double())
    assert 3.9 < ratio < 4.1


class TestMultiMixGrading(GradingTests):
    case = MULTIMIX
