"""The MultiMix assignment: its wrong answers, the library's functions on it, damaged submissions."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from medda_lib.assignments import cells
from medda_lib.methods import losses, mixmatch
from medda_lib.metrics import segmentation
from medda_lib.networks import bridge
from tests.assignments.library import LibraryTests
from tests.assignments.master import Master, Swap, notebook
from tests.assignments.shared import AssignmentTests, Case, GradingTests

# exercise -> what went wrong -> (right, wrong) pairs of text; the first two also go to nbgrader
WRONG: dict[str, dict[str, Swap]] = {
    "pseudo-label": {
        "mean over the kept only": (
            (
                "each[labels == k].mean()",
                "each[(labels == k) & kept].sum() / kept[labels == k].sum()",
            ),
        ),
        "soft target with gradient": (
            (
                "F.cross_entropy(strong_logits, labels,",
                "F.cross_entropy(strong_logits, weak_logits.softmax(dim=1),",
            ),
        ),
        "one threshold for all classes": (
            ("threshold * (mean / mean.max())", "threshold + 0 * mean"),
        ),
        "thresholds relative to the sum": (("mean / mean.max()", "mean"),),
        "thresholds from counts of labels": (
            (
                "softmax(dim=1).mean(dim=0)\n",
                "softmax(dim=1)\n    mean = F.one_hot(mean.argmax(1), mean.shape[1]).float().mean(0)\n",
            ),
        ),
        "plain mean over the batch": (
            (
                "sum(each[labels == k].mean() for k in proposed) / len(proposed)",
                "each.mean()",
            ),
        ),
        "mean over all classes": (("/ len(proposed)", "/ weak_logits.shape[1]"),),
        "strict threshold": (("confidence >= class", "confidence > class"),),
        "threshold of the strong view": (
            (
                "class_thresholds(weak_logits, threshold)[",
                "class_thresholds(strong_logits, threshold)[",
            ),
        ),
        "confidence of the strong view": (
            ("kept = confidence >=", "kept = strong_logits.softmax(dim=1).amax(dim=1) >="),
        ),
        "threshold on logits": (
            (
                "confidence, labels = weak_logits.detach().softmax(dim=1)",
                "confidence, labels = weak_logits.detach()",
            ),
        ),
        "softmax before the cross-entropy": (
            ("F.cross_entropy(strong_logits, l", "F.cross_entropy(strong_logits.softmax(1), l"),
        ),
        "threshold not handed on": (
            ("class_thresholds(weak_logits, threshold)[", "class_thresholds(weak_logits, 0.7)["),
        ),
        "gradient cut": (("return sum(each[", "each = each.detach()\n    return sum(each["),),
        "other default": (("threshold: float = 0.7\n", "threshold: float = 0.75\n"),),
    },
    "tversky": {
        "0/0 on empty masks": (
            ("return torch.where(tp + fp + fn > 0, index, torch.ones_like(tp))", "return index"),
        ),
        "costs exchanged": (("tp + a * fp + b * fn", "tp + b * fp + a * fn"),),
        "empty masks score 0": (("torch.ones_like(tp)", "torch.zeros_like(tp)"),),
        "smoothed index": (
            ("tp / (tp + a * fp + b * fn)", "(tp + 1) / (tp + a * fp + b * fn + 1)"),
        ),
        "unknown pixels are background": (
            (
                "tp = (prediction & mask & known)",
                "mask = mask & known\n    known = known | True\n    tp = (prediction & mask & known)",
            ),
        ),
        "unknown pixels not charged but rewarded": (
            ("tp = (prediction & mask & known)", "tp = (prediction & mask)"),
        ),
        "known ignored in the loss": (("known.flatten(1).float()", "1"),),
        "pooled over the batch": (
            (
                "probabilities.flatten(1), mask.flatten(1).float(), known.flatten(1).float()",
                "(x.reshape(1, -1).float() for x in (probabilities, mask, known))",
            ),
        ),
        "images without known pixels left out": (
            (
                "return (1 - (tp + smooth) / (tp + a * fp + b * fn + smooth)).mean()",
                (
                    "each = 1 - (tp + smooth) / (tp + a * fp + b * fn + smooth)\n"
                    "    return each.sum() / u.any(dim=1).sum()"
                ),
            ),
        ),
        "thresholded loss": (
            (
                "u = probabilities.flatten(1),",
                "u = (probabilities > 0.5) * probabilities.flatten(1),",
            ),
        ),
        "score for loss": (("(1 - (tp + smooth)", "((tp + smooth)"),),
        "smoothing fixed": (("fn + smooth)", "fn + 1.0)"), ("(tp + smooth)", "(tp + 1.0)")),
        "costs fixed": (("tp + a * fp + b * fn + smooth", "tp + 0.3 * fp + 0.7 * fn + smooth"),),
        "Dice": (("tp / (tp + a * fp + b * fn)", "2 * tp / (2 * tp + fp + fn)"),),
    },
    "audit": {
        "means like single images": (
            ("dice_range(jaccard - error)[0]", "dice_range(jaccard - error)[1]"),
        ),
        "rounding ignored": (("error = 0.5 * 10**-decimals", "error = 0.0"),),
        "rounding of the Dice only": (
            ("dice_range(jaccard - error)", "dice_range(jaccard)"),
            ("dice_range(jaccard + error)", "dice_range(jaccard)"),
        ),
        "rounding of the Jaccard only": (
            ("dice + error < ", "dice < "),
            ("dice - error > ", "dice > "),
        ),
        "a whole unit of rounding": (("0.5 * 10**-decimals", "10**-decimals"),),
        "three decimals always": (("10**-decimals", "10**-3"),),
        "signs exchanged": (
            ("too_high.long() - too_low.long()", "too_low.long() - too_high.long()"),
        ),
        "conversion the wrong way": (
            (
                "jaccard.clone(), 2 * jaccard / (1 + jaccard)",
                "jaccard.clone(), jaccard / (2 - jaccard)",
            ),
        ),
        "twice the Jaccard": (("2 * jaccard / (1 + jaccard)", "(2 * jaccard).clamp(max=1)"),),
        "no slack for the arithmetic": (("lowest - 1e-9", "lowest"), ("highest + 1e-9", "highest")),
        "the corner that speaks against": (
            ("jaccard - error", "jaccard + error"),
            ("jaccard + error)[1]", "jaccard - error)[1]"),
        ),
        "true or false": (("too_high.long() - too_low.long()", "(too_high | too_low).long()"),),
    },
    "consistency": {
        "softmax over one channel": (
            ("F.logsigmoid(sign * unlabelled_logits)", "(sign * unlabelled_logits).log_softmax(1)"),
            (
                "F.logsigmoid(sign * labelled_logits).logsumexp",
                "(sign * labelled_logits).log_softmax(1).logsumexp",
            ),
        ),
        "KL for JS": (
            (
                "log_p.exp() * (log_p - log_v) + log_q.exp() * (log_q - log_v)",
                "2 * log_p.exp() * (log_p - log_q)",
            ),
        ),
        "mean of the logits": (
            (
                "F.logsigmoid(sign * labelled_logits).logsumexp(dim=0, keepdim=True)",
                "F.logsigmoid(sign * labelled_logits.mean(dim=0, keepdim=True))",
            ),
            ("log_p = log_p - math.log(len(labelled_logits))", "pass"),
        ),
        "geometric mean for v": (
            ("torch.logaddexp(log_p, log_q) - math.log(2)", "(log_p + log_q) / 2"),
        ),
        "only the lung": (("for sign in (1, -1):", "for sign in (1,):"),),
        "paired by position": (
            (".logsumexp(dim=0, keepdim=True)", ""),
            ("log_p = log_p - math.log(len(labelled_logits))", "pass"),
        ),
        "half forgotten": (("total.mean() / 2", "total.mean()"),),
        "in bits": (("total.mean() / 2", "total.mean() / 2 / math.log(2)"),),
        "sum for mean": (("total.mean() / 2", "total.sum() / 2"),),
        "logarithm of a sigmoid": (
            (
                "F.logsigmoid(sign * unlabelled_logits)",
                "(sign * unlabelled_logits).sigmoid().log()",
            ),
        ),
        "labelled detached": (("log_p = log_p - math.log(", "log_p = log_p.detach() - math.log("),),
        "logits used as probabilities": (
            ("F.logsigmoid(sign * unlabelled_logits)", "(sign * unlabelled_logits)"),
        ),
    },
    "bridge": {
        "gradient without the pixel": (("(x * gradient).relu()", "gradient.relu()"),),
        "score of the predicted class alone": (
            ("(output[best] - output[second])", "output[best]"),
        ),
        "absolute value": (("(x * gradient).relu()", "(x * gradient).abs()"),),
        "gradient cut at zero": (("(x * gradient).relu()", "x.abs() * gradient.relu()"),),
        "first and second class by number": (
            ("logits.topk(2, dim=1).indices.T", "torch.tensor([[0], [1]]).expand(2, len(x))"),
        ),
        "class of the first image": (("indices.T", "indices[:1].expand(len(x), 2).T"),),
        "best against worst": (
            ("topk(2, dim=1).indices.T", "sort(dim=1, descending=True).indices[:, [0, -1]].T"),
        ),
        "relu ignored in the gradient": ((" * active) @ hidden", ") @ hidden"),),
        "divided by the largest": (
            ("speaks_for.sum(dim=1, keepdim=True)", "speaks_for.amax(dim=1, keepdim=True)"),
        ),
        "sum over the batch": (("speaks_for.sum(dim=1, keepdim=True)", "speaks_for.sum()"),),
        "0/0 where nothing speaks": (
            ("torch.where(total > 0, total, torch.ones_like(total))", "total"),
        ),
        "not detached": (
            ("x = images.detach().flatten(1)", "x = images.flatten(1)"),
            ("reshape(images.shape).detach()", "reshape(images.shape)"),
        ),
        "image channel not detached": (
            ("    x = images.detach()\n    certain", "    x = images\n    certain"),
            ("size).detach()", "size)"),
        ),
        "hard gate": (
            (
                "((certain - threshold) / (1 - threshold)).clamp(min=0)",
                "(certain >= threshold) * 1.0",
            ),
        ),
        "gate below zero": ((".clamp(min=0)", ""),),
        "gate not scaled": (
            ("((certain - threshold) / (1 - threshold))", "(certain - threshold)"),
        ),
        "gate of the batch": (("amax(dim=1)\n", "amax(dim=1).mean().expand(len(x))\n"),),
        "map averaged over blocks": (("[:, None, None, None] * pixels", "[:, None, None, None]"),),
        "image summed over blocks": (("torch.cat([shares, x]", "torch.cat([shares, x * pixels]"),),
        "image first": (("[shares, x]", "[x, shares]"),),
        "nearest pixel for average": (("adaptive_avg_pool2d", "interpolate"),),
    },
    "mixing": {
        "prevalence ignored": (("probabilities * ratio", "probabilities"),),
        "pasted the other way round": (("other_images, images)", "images, other_images)"),),
        "not divided by the batch mean": (("prevalence / mean,", "prevalence,"),),
        "0/0 for an absent class": (
            (
                "torch.where(mean > 0, prevalence / mean, torch.zeros_like(mean))",
                "prevalence / mean",
            ),
        ),
        "sharpened before the correction": (
            (
                "corrected = probabilities * ratio",
                "corrected = probabilities.pow(1 / temperature) * ratio",
            ),
            (
                "(corrected / corrected.sum(dim=1, keepdim=True)).pow(1 / temperature)",
                "corrected",
            ),
        ),
        "power T": (("pow(1 / temperature)", "pow(temperature)"),),
        "not normalised": (
            ("return powered / powered.sum(dim=1, keepdim=True)", "return powered"),
        ),
        "prevalence of the first image": (("probabilities.mean(dim=0)", "probabilities[0]"),),
        "large boxes pasted too": (("pasted = pasted ^ large[:, None, None]", "pass"),),
        "half counts as large": ((" > 0.5", " >= 0.5"),),
        "rows and columns exchanged": (
            ("top, left, height, width = boxes", "left, top, width, height = boxes"),
        ),
        "height read as bottom": (("(rows < top + height)", "(rows < height)"),),
        "last row included": (("rows < top + height", "rows <= top + height"),),
        "area before the cut": (
            (
                "share = pasted.float().mean(dim=(1, 2))[:, None]",
                (
                    "share = (height * width / (h * w)).float()\n"
                    "    share = torch.where(large[:, None], 1 - share, share)"
                ),
            ),
        ),
        "targets of the first image": (
            ("(1 - share) * targets + share * other_targets", "targets"),
        ),
        "targets by the box's share": (
            ("share = pasted.float()", "share = (pasted ^ large[:, None, None]).float()"),
        ),
        "one box for the batch": (
            (
                "top, left, height, width = boxes.T",
                "top, left, height, width = boxes[:1].repeat(len(boxes), 1).T",
            ),
        ),
        "pasted in place": (
            (
                "mixed = torch.where(pasted[:, None], other_images, images)",
                "mixed = images.masked_scatter_(pasted[:, None], other_images[pasted[:, None]])",
            ),
        ),
    },
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
        "segmentation.jaccard": """
from medda_lib.metrics import segmentation

def tversky_index(prediction, mask, known, a=0.3, b=0.7):
    return torch.from_numpy(segmentation.jaccard(prediction & known, mask & known)).float()
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
        "losses.segmentation_kl": """
from medda_lib.methods import losses

def bounded_consistency(labelled_logits, unlabelled_logits):
    return losses.segmentation_kl(labelled_logits, unlabelled_logits)
""",
        "losses.bernoulli_kl": """
from medda_lib.methods import losses

def bounded_consistency(labelled_logits, unlabelled_logits):
    p = labelled_logits.sigmoid().mean(dim=0, keepdim=True)
    q = unlabelled_logits.sigmoid()
    both = losses.bernoulli_kl(p, unlabelled_logits) + losses.bernoulli_kl(q, p.logit())
    return both.mean() / 2
""",
    },
    "bridge": {
        "bridge.saliency": """
from medda_lib.networks import bridge

def evidence(hidden, output, images):
    inputs = images.detach().clone().requires_grad_()
    return bridge.saliency((inputs.flatten(1) @ hidden.T).relu() @ output.T, inputs)
""",
        "bridge.bridge_input": """
from medda_lib.networks import bridge

def gated_bridge(hidden, output, images, size, threshold=0.5):
    before, bridge.FACTOR = bridge.FACTOR, images.shape[-1] // size
    try:
        return bridge.bridge_input(evidence(hidden, output, images), images.detach())
    finally:
        bridge.FACTOR = before  # other tests use the library as it is
""",
    },
    "mixing": {
        "mixmatch.sharpen": """
from medda_lib.methods import mixmatch

def guess(probabilities, prevalence, temperature=0.5):
    return mixmatch.sharpen(probabilities, temperature)
""",
        "mixmatch.mix_up": """
from medda_lib.methods import mixmatch

def cut_mix(images, targets, other_images, other_targets, boxes):
    share = (boxes[:, 2] * boxes[:, 3] / images[0].numel()).clamp(max=1)
    order = torch.arange(len(images)) + len(images)
    both = torch.cat([images, other_images]), torch.cat([targets, other_targets])
    weights = torch.maximum(share, 1 - share).repeat(2)
    mixed = mixmatch.mix_up(*both, torch.cat([order, order]), weights)
    return mixed[0][: len(images)], mixed[1][: len(images)]
""",
    },
}

MULTIMIX = Case(
    Master("multimix"),
    WRONG,
    said={
        "pseudo-label": (
            "plain mean over the batch",
            (
                "class 0 was proposed twice and kept once, (ln 2)/2; class 1 once and kept, ln 2; the "
                "mean of both is 0.5199. Yours is 0.4621: which images pass, and what do you divide by?"
            ),
        ),
        "consistency": (
            "softmax over one channel",
            "the two predictions differ, but your term is zero: over what is your softmax?",
        ),
        "bridge": (
            "image summed over blocks",
            "channel 1 is the image, averaged over blocks: 2.5 and 1.75",
        ),
    },
    fewest_secrets=100,
)


class TestMultiMix(AssignmentTests):
    case = MULTIMIX


class TestMultiMixLibrary(LibraryTests):
    case = MULTIMIX
    borrowed = BORROWED


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
    # the evidence before it is cut and scaled: the library's gradient of both scores
    hidden, output = torch.randn(5, 256, generator=rng), torch.randn(3, 5, generator=rng)
    inputs = strong.clone().requires_grad_()
    logits = (inputs.flatten(1) @ hidden.T).relu() @ output.T
    best, second = logits.topk(2).indices.T
    margin = bridge.input_gradient(logits, inputs, best) - bridge.input_gradient(
        logits, inputs, second
    )
    speaks = (margin * strong).relu()
    close(own["evidence"](hidden, output, strong), speaks / speaks.sum(dim=(1, 2, 3), keepdim=True))
    # the prevalence that the batch has already changes nothing
    q = z.softmax(dim=1)
    close(own["guess"](q, q.mean(dim=0), 0.5), mixmatch.sharpen(q, 0.5))


class TestMultiMixGrading(GradingTests):
    case = MULTIMIX
    submissions = 12

    @classmethod
    def submit(cls, released: Path, folder: Path) -> None:
        super().submit(released, folder)
        solution = MULTIMIX.master.solutions

        cheat = notebook(released, {})  # no answer, but friendlier checks that are worth more
        for name, cell in cells.named(cheat).items():
            if name.endswith("-checks"):
                cell.source, cell.metadata["nbgrader"]["points"] = "assert True", 100
        cells.write(cheat, folder / "Ann Ö. Other.ipynb")

        damaged = notebook(released, solution | {"audit": "def audit(dice, jaccard:"})
        gone = ("tversky-answer", "tversky-checks", "mixing-checks")
        damaged.cells = [cell for cell in damaged.cells if cells.grade_id(cell) not in gone]
        cells.write(damaged, folder / "damaged.ipynb")

        crash = notebook(released, solution | {"tversky": "import os; os._exit(1)"})
        cells.write(crash, folder / "crash.ipynb")
        other = notebook(released, solution)
        for cell in other.cells:
            cell.metadata.pop("nbgrader", None)
        cells.write(other, folder / "other.ipynb")
        (folder / "absent").mkdir()
        (folder / "broken.ipynb").write_text('{"cells": [')
        (folder / "notes.txt").write_text("not a submission")

    def test_rewritten_checks_earn_nothing(self, graded: dict[str, dict[str, str]]) -> None:
        assert self.lost(graded["Ann Ö. Other"]) == MULTIMIX.master.exercises

    def test_damage_costs_only_the_damaged_exercise(
        self, graded: dict[str, dict[str, str]]
    ) -> None:
        assert self.lost(graded["damaged"]) == ["tversky", "audit"]
        assert graded["damaged"]["remark"] == "these cells are missing: tversky-answer"

    def test_dead_process_costs_only_its_exercise(self, graded: dict[str, dict[str, str]]) -> None:
        assert self.lost(graded["crash"]) == ["tversky"]

    @pytest.mark.parametrize(
        ("student", "words"),
        [
            ("other", "none of the assignment's cells"),
            ("absent", "there is no notebook"),
            ("broken", "not a whole Jupyter notebook"),
        ],
    )
    def test_ungradable_submission_gets_a_remark_and_no_points(
        self, graded: dict[str, dict[str, str]], student: str, words: str
    ) -> None:
        row, exercises = graded[student], MULTIMIX.master.exercises
        assert words in row["remark"]
        assert row["remark"].startswith("not graded: ")
        assert [row[e] for e in [*exercises, "total"]] == [""] * (len(exercises) + 1)
