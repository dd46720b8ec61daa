"""The MultiMix assignment: its wrong answers, our library on its solutions, and damaged submissions."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from medda_lib.assignments import cells
from medda_lib.methods import losses, mixmatch
from medda_lib.metrics import segmentation
from medda_lib.networks import bridge
from tests.assignments.master import Master, Swap, notebook
from tests.assignments.shared import AssignmentTests, Case, GradingTests

# exercise -> what went wrong -> (right, wrong) pairs of text; the first two also go to nbgrader
WRONG: dict[str, dict[str, Swap]] = {
    "pseudo-label": {
        "mean over the kept only": (
            ("(counts * each).mean()", "(counts * each).sum() / counts.sum()"),
        ),
        "soft target with gradient": (
            (
                "F.cross_entropy(strong_logits, pseudo_labels,",
                "F.cross_entropy(strong_logits, weak_logits.softmax(dim=1),",
            ),
        ),
        "strict threshold": (("confidence >= threshold", "confidence > threshold"),),
        "no threshold": (("confidence >= threshold", "confidence >= 0"),),
        "sum for mean": (("(counts * each).mean()", "(counts * each).sum()"),),
        "confidence of the strong view": (
            ("(confidence >=", "(strong_logits.softmax(dim=1).amax(dim=1) >="),
        ),
        "threshold on logits": (("weak_logits.softmax(dim=1).max", "weak_logits.max"),),
        "softmax before the cross-entropy": (
            ("F.cross_entropy(strong_logits, p", "F.cross_entropy(strong_logits.softmax(1), p"),
        ),
        "weight forgotten": (("+ weight * pseudo", "+ pseudo"),),
        "threshold not handed on": (("strong_logits, threshold)", "strong_logits)"),),
    },
    "dice": {
        "0/0 on empty masks": (
            (
                "torch.where(sizes > 0, 2 * overlap / sizes.clamp(min=1), torch.ones_like(overlap))",
                "2 * overlap / sizes",
            ),
        ),
        "factor 2 forgotten": (("(2 * (p * m)", "((p * m)"),),
        "empty masks score 0": (("torch.ones_like(overlap)", "torch.zeros_like(overlap)"),),
        "smoothed hard score": (
            ("2 * overlap / sizes.clamp(min=1)", "(2 * overlap + 1) / (sizes + 1)"),
        ),
        "pooled over the batch": (
            (
                "probabilities.flatten(1), mask.flatten(1)",
                "probabilities.reshape(1, -1), mask.reshape(1, -1)",
            ),
        ),
        "thresholded loss": (("p, m = prob", "p, m = (probabilities > 0.5) * prob"),),
        "score for loss": (("(1 - score)", "(score)"),),
        "smoothing fixed": (("+ smooth)", "+ 1.0)"),),
        "squared sizes": (("p.sum(dim=1) + m", "(p**2).sum(dim=1) + m"),),
    },
    "jaccard": {
        "union counts the overlap twice": (
            (
                "(prediction | mask).flatten(1).sum(dim=1)",
                "prediction.flatten(1).sum(dim=1) + mask.flatten(1).sum(dim=1)",
            ),
        ),
        "conversion the wrong way": (("dice / (2 - dice)", "2 * dice / (1 + dice)"),),
        "empty masks score 0": (("torch.ones_like(overlap)", "torch.zeros_like(overlap)"),),
        "back conversion the wrong way": (("2 * js / (1 + js)", "js / (2 - js)"),),
    },
    "consistency": {
        "softmax over one channel": (
            (
                "labelled_logits.sigmoid() * lung + (-labelled_logits).sigmoid() * other",
                "F.kl_div(unlabelled_logits.log_softmax(1), labelled_logits.softmax(1))",
            ),
        ),
        "arguments swapped": (
            (
                "labelled_logits.sigmoid() * lung + (-labelled_logits).sigmoid() * other",
                "-(unlabelled_logits.sigmoid() * lung + (-unlabelled_logits).sigmoid() * other)",
            ),
        ),
        "logits used as probabilities": (
            ("return each.mean()", "return F.kl_div(unlabelled_logits, labelled_logits)"),
        ),
        "only the lung": ((" + (-labelled_logits).sigmoid() * other", ""),),
        "logarithm of a sigmoid": (
            (
                "F.logsigmoid(-labelled_logits) - F.logsigmoid(-unlabelled_logits)",
                "(1 - labelled_logits.sigmoid()).log() - (1 - unlabelled_logits.sigmoid()).log()",
            ),
        ),
        "clamped probabilities": (
            ("F.logsigmoid(-unlabelled_logits)", "F.logsigmoid(-unlabelled_logits).clamp(min=-16)"),
        ),
        "labelled detached": (
            ("each = labelled_logits.sig", "each = labelled_logits.detach().sig"),
        ),
        "sum for mean": (("each.mean()", "each.sum()"),),
    },
    "bridge": {
        "summed over classes": ((".max(dim=1).values", ".sum(dim=1)"),),
        "not detached": (
            ("top_scores.sum(), inputs)", "top_scores.sum(), inputs, create_graph=True)"),
            ("return gradient.detach()", "return gradient"),
        ),
        "one class for the batch": (
            ("classifier(inputs).max(dim=1).values", "classifier(inputs)[:, 1]"),
        ),
        "class of the first image": (
            (
                "classifier(inputs).max(dim=1).values",
                "classifier(inputs)[:, classifier(inputs)[0].argmax()]",
            ),
        ),
        "mean over the batch": (("top_scores.sum()", "top_scores.mean()"),),
        "probability for score": ((".max(dim=1)", ".softmax(dim=1).max(dim=1)"),),
        "absolute value": (("gradient.detach()", "gradient.detach().abs()"),),
        "gradient in the weights": (
            (
                "(gradient,) = torch.autograd.grad(top_scores.sum(), inputs)",
                "top_scores.sum().backward(); gradient = inputs.grad",
            ),
        ),
        "images require a gradient": ((".detach().clone().requires", ".requires"),),
        "dead under no_grad": (("with torch.enable_grad():", "if True:"),),
        "image first": (
            ("[saliency(classifier, images), images", "[images, saliency(classifier, images)"),
            (".detach()], dim=1)", "], dim=1).detach()"),
        ),
        "maximum for average": (("adaptive_avg_pool2d", "adaptive_max_pool2d"),),
        "nearest pixel for average": (("adaptive_avg_pool2d", "interpolate"),),
        "image not detached": (("images.detach()], dim", "images], dim"),),
    },
    "mixmatch": {
        "softmax with temperature": (
            ("probabilities.pow(1 / temperature)", "(probabilities / temperature).exp()"),
        ),
        "the smaller share allowed": (("torch.maximum(lam, 1 - lam)", "lam"),),
        "power T": (("pow(1 / temperature)", "pow(temperature)"),),
        "not normalised": (
            ("return powered / powered.sum(dim=1, keepdim=True)", "return powered"),
        ),
        "normalised over the batch": (("powered.sum(dim=1, keepdim=True)", "powered.sum(dim=0)"),),
        "one share for the batch": (("share = ", "share = 0 * lam + lam[0] + 0 * "),),
        "targets of the first image": (
            ("per_target * targets + (1 - per_target) * other_targets", "targets"),
        ),
    },
}

MULTIMIX = Case(
    Master("multimix"),
    WRONG,
    said={
        "pseudo-label": (
            "mean over the kept only",
            (
                "one of two images counts and costs ln 2, so the loss is (ln 2)/2 = 0.3466; yours is "
                "0.6931"
            ),
        ),
        "consistency": (
            "softmax over one channel",
            "the two predictions differ, but your term is zero: over what is your softmax?",
        ),
        "bridge": (
            "summed over classes",
            (
                "image 0 is predicted as class 0, so its map holds the weights of class 0: "
                "-1 everywhere"
            ),
        ),
    },
    fewest_mistakes=4,
    fewest_secrets=100,
)


class TestMultiMix(AssignmentTests):
    case = MULTIMIX


def test_solutions_agree_with_the_library() -> None:
    own = MULTIMIX.master.solved()
    rng = torch.Generator().manual_seed(7)
    strong, weak, masks = torch.randn(3, 6, 1, 16, 16, generator=rng)
    z, w = strong[:, 0, 0, :2], weak[:, 0, 0, :2]
    close = torch.testing.assert_close
    close(own["pseudo_label_loss"](w, z, 0.6), losses.pseudo_label_loss(z, w, 0.6))
    close(own["soft_dice_loss"](strong.sigmoid(), masks > 0), losses.dice_loss(strong, masks > 0))
    close(
        own["segmentation_consistency"](strong, weak), losses.segmentation_kl(strong, weak, "index")
    )
    close(own["sharpen"](z.softmax(dim=1), 0.5), mixmatch.sharpen(z.softmax(dim=1), 0.5))
    order, lam = torch.randperm(6, generator=rng), torch.rand(6, generator=rng)
    mixed = own["mix_up"](strong, z, strong[order], z[order], lam)
    close(mixed, mixmatch.mix_up(strong, z, order, torch.maximum(lam, 1 - lam)))
    classifier = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Tanh(), torch.nn.Linear(256, 2))
    inputs = strong.clone().requires_grad_()
    gradient = bridge.input_gradient(classifier(inputs), inputs)
    close(own["saliency"](classifier, strong), gradient)
    joined = bridge.bridge_input(gradient, strong)
    close(own["saliency_bridge"](classifier, strong, 16 // bridge.FACTOR), joined)
    scores = segmentation.per_image(strong.sigmoid(), masks > 0, strong.sigmoid())
    for name, function in (("dice", "hard_dice"), ("jaccard", "jaccard")):
        found = own[function](strong.sigmoid() > 0.5, masks > 0)
        close(found, torch.as_tensor(scores[name]).float())


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

        damaged = notebook(released, solution | {"jaccard": "def jaccard(prediction, mask:"})
        gone = ("dice-answer", "dice-checks", "mixmatch-checks")
        damaged.cells = [cell for cell in damaged.cells if cells.grade_id(cell) not in gone]
        cells.write(damaged, folder / "damaged.ipynb")

        crash = notebook(released, solution | {"dice": "import os; os._exit(1)"})
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
        assert self.lost(graded["damaged"]) == ["dice", "jaccard"]
        assert graded["damaged"]["remark"] == (
            "put back deleted cells: dice-answer, dice-checks, mixmatch-checks"
        )

    @pytest.mark.parametrize(
        ("student", "words"),
        [
            ("crash", "the kernel died"),
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
