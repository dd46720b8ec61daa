"""The MultiMix assignment: what is released, and that points go to right answers only.

A wrong answer is the master's solution with a few words exchanged. All of them are tried in this
process; two per exercise also go through nbgrader, spread over four notebooks of which each has
wrong answers in one half of the exercises and right ones in the other.
"""

from __future__ import annotations

import csv
import os
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jupytext
import pytest
import torch

from medda_lib import assignments
from medda_lib.assignments import cells
from medda_lib.assignments.course import MASTERS
from medda_lib.methods import losses, mixmatch
from medda_lib.metrics import segmentation
from medda_lib.networks import bridge

Swap = tuple[tuple[str, str], ...]
MASTER = cells.named(jupytext.read(MASTERS / "multimix.py"))
EXERCISES = [name.removesuffix("-checks") for name in MASTER if name.endswith("-checks")]
POINTS = {e: float(MASTER[f"{e}-checks"].metadata["nbgrader"]["points"]) for e in EXERCISES}

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
ALL_WRONG = [(exercise, mistake) for exercise in WRONG for mistake in WRONG[exercise]]


def mutated(exercise: str, mistake: str) -> str:
    """The master's answer with the words of one mistake."""
    source = str(MASTER[f"{exercise}-answer"].source)
    for right, wrong in WRONG[exercise][mistake]:
        assert right in source, f"the solution of {exercise} no longer has {right!r}"
        source = source.replace(right, wrong)
    return source


def run_checks(exercise: str, answer: str) -> None:
    """Execute set-up, an answer and the checks of its exercise, hidden ones included."""
    run(MASTER["setup"].source, answer, MASTER[f"{exercise}-checks"].source)


def run(*sources: str) -> set[str]:
    """Execute cells one after the other; the names that they leave behind."""
    namespace: dict[str, Any] = {}
    with warnings.catch_warnings():
        for source in sources:
            exec(source, namespace)
    return set(namespace)


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return assignments.release("multimix", tmp_path_factory.mktemp("release"))


def notebook(released: Path, answers: Mapping[str, str]) -> Any:
    """The released notebook with answers filled in."""
    copy = cells.read(released)
    for name, cell in cells.named(copy).items():
        if name.endswith("-answer") and name.removesuffix("-answer") in answers:
            cell.source = answers[name.removesuffix("-answer")]
    return copy


SOLUTION = {exercise: str(MASTER[f"{exercise}-answer"].source) for exercise in EXERCISES}


# --- the master ----------------------------------------------------------------------------------


@pytest.mark.parametrize("exercise", EXERCISES)
def test_solution_passes_alone(exercise: str) -> None:
    run_checks(exercise, SOLUTION[exercise])


@pytest.mark.parametrize(("exercise", "mistake"), ALL_WRONG)
def test_wrong_answer_fails(exercise: str, mistake: str) -> None:
    with pytest.raises((AssertionError, RuntimeError)):
        run_checks(exercise, mutated(exercise, mistake))


def test_solutions_agree_with_the_library() -> None:
    own: dict[str, Any] = {}
    with warnings.catch_warnings():
        for source in (MASTER["setup"].source, *SOLUTION.values()):
            exec(source, own)
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


@pytest.mark.parametrize("exercise", EXERCISES)
def test_hidden_checks_overwrite_no_helper(released: Path, exercise: str) -> None:
    before = (MASTER["setup"].source, SOLUTION[exercise])
    visible = cells.named(cells.read(released))[f"{exercise}-checks"].source
    left = run(*before, MASTER[f"{exercise}-checks"].source) - run(*before, visible)
    assert left == {"_hidden_checks"}


def test_introduction_states_the_points() -> None:
    text = jupytext.read(MASTERS / "multimix.py").cells[0].source
    rows = re.findall(r"^\| \d \|.*\| (\d+) \|$", text, flags=re.MULTILINE)
    assert [float(row) for row in rows] == list(POINTS.values())
    assert f"**{sum(POINTS.values()):.0f}**" in text


def test_headings_state_the_points() -> None:
    text = "\n".join(cell.source for cell in jupytext.read(MASTERS / "multimix.py").cells)
    found = re.findall(r"^## Exercise \d: .*\((\d+) points\)$", text, flags=re.MULTILINE)
    assert [float(value) for value in found] == list(POINTS.values())


# --- the release ---------------------------------------------------------------------------------


def regions(marker: str) -> set[str]:
    """Lines between BEGIN and END of a marker in the master, without the shortest ones."""
    text = (MASTERS / "multimix.py").read_text()
    found = re.findall(rf"### BEGIN {marker}\n(.*?)### END {marker}", text, flags=re.DOTALL)
    assert found, f"the master has no {marker}"
    return {
        line.strip() for region in found for line in region.splitlines() if len(line.strip()) > 24
    }


def test_release_holds_no_solution_and_no_hidden_test(released: Path) -> None:
    raw = released.read_text()
    assert not re.search(r"(BEGIN|END) (SOLUTION|HIDDEN)|hidden_tests", raw)
    lines = {
        line.strip() for cell in cells.read(released).cells for line in cell.source.splitlines()
    }
    secret = regions("SOLUTION") | regions("HIDDEN TESTS")
    assert len(secret) > 100
    assert not secret & lines
    for exercise in EXERCISES:
        answer = cells.named(cells.read(released))[f"{exercise}-answer"].source
        assert answer.count("raise NotImplementedError()") == SOLUTION[exercise].count("### BEGIN")


def test_release_is_locked_clean_and_the_same_every_time(released: Path, tmp_path: Path) -> None:
    assert assignments.release("multimix", tmp_path / "mine.ipynb").read_bytes() == (
        released.read_bytes()
    )
    for name, cell in cells.named(cells.read(released)).items():
        assert not cell.outputs
        assert cell.execution_count is None
        assert cell.metadata["nbgrader"]["locked"] == (not name.endswith("-answer"))
        assert cell.metadata.get("editable", True) == name.endswith("-answer")
        assert len(cell.metadata["nbgrader"]["checksum"]) == 32


def test_release_keeps_names_and_visible_checks(released: Path) -> None:
    copy = cells.named(cells.read(released))
    assert list(copy) == list(MASTER)
    for exercise in EXERCISES:
        visible = copy[f"{exercise}-checks"].source
        assert MASTER[f"{exercise}-checks"].source.startswith(visible.rstrip())
        assert visible.count("assert ") >= 4


# --- self-checks -------------------------------------------------------------------------------


def test_self_checks_accept_the_solution(released: Path, tmp_path: Path) -> None:
    cells.write(notebook(released, SOLUTION), tmp_path / "mine.ipynb")
    report = assignments.validate(tmp_path / "mine.ipynb")
    assert report.ok
    assert report.text().splitlines() == [
        *(f"{exercise}: passed" for exercise in EXERCISES),
        "mine.ipynb: all self-checks pass",
    ]


def test_self_checks_say_what_is_wrong(released: Path, tmp_path: Path) -> None:
    answers = {
        "pseudo-label": mutated("pseudo-label", "mean over the kept only"),
        "consistency": mutated("consistency", "softmax over one channel"),
        "bridge": mutated("bridge", "summed over classes"),
    }
    cells.write(notebook(released, answers), tmp_path / "mine.ipynb")
    report = assignments.validate(tmp_path / "mine.ipynb")
    assert not report.ok
    assert report.complaints == {
        "pseudo-label": "one of two images counts and costs ln 2, so the loss is (ln 2)/2 = 0.3466; "
        "yours is 0.6931",
        "dice": "not answered yet",
        "jaccard": "not answered yet",
        "consistency": "the two predictions differ, but your term is zero: over what is your softmax?",
        "bridge": "image 0 is predicted as class 0, so its map holds the weights of class 0: "
        "-1 everywhere",
        "mixmatch": "not answered yet",
    }


# --- grading -------------------------------------------------------------------------------------

HALVES = {"odd": EXERCISES[0::2], "even": EXERCISES[1::2]}


@pytest.fixture(scope="module")
def graded(released: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Rows of the CSV by student, for one run over every kind of submission."""
    folder = tmp_path_factory.mktemp("submissions")
    cells.write(notebook(released, SOLUTION), folder / "solution.ipynb")
    cells.write(notebook(released, {}), folder / "blank" / "multimix" / "multimix.ipynb")
    for half, wrong in HALVES.items():
        for which in (0, 1):
            answers = {e: mutated(e, list(WRONG[e])[which]) for e in wrong}
            copy = notebook(released, SOLUTION | answers)
            cells.write(copy, folder / f"{half}-{which}" / "multimix.ipynb")

    cheat = notebook(released, {})  # no answer, but friendlier checks that are worth more
    for name, cell in cells.named(cheat).items():
        if name.endswith("-checks"):
            cell.source, cell.metadata["nbgrader"]["points"] = "assert True", 100
    cells.write(cheat, folder / "Ann Ö. Other.ipynb")

    damaged = notebook(released, SOLUTION | {"jaccard": "def jaccard(prediction, mask:"})
    gone = ("dice-answer", "dice-checks", "mixmatch-checks")
    damaged.cells = [cell for cell in damaged.cells if cells.grade_id(cell) not in gone]
    cells.write(damaged, folder / "damaged.ipynb")

    crash = notebook(released, SOLUTION | {"dice": "import os; os._exit(1)"})
    cells.write(crash, folder / "crash.ipynb")
    other = notebook(released, SOLUTION)
    for cell in other.cells:
        cell.metadata.pop("nbgrader", None)
    cells.write(other, folder / "other.ipynb")
    (folder / "absent").mkdir()
    (folder / "broken.ipynb").write_text('{"cells": [')
    (folder / "notes.txt").write_text("not a submission")

    path = os.environ["PATH"]
    table = tmp_path_factory.mktemp("grades") / "new folder" / "grades.csv"
    grades = assignments.grade("multimix", folder, table)
    assert os.environ["PATH"] == path
    assert str(grades).startswith(f"{table} (12 submissions)")
    with table.open(newline="", encoding="utf-8") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def lost(row: Mapping[str, str]) -> list[str]:
    """Exercises without points; every other one must have all of its points."""
    points = {exercise: float(row[exercise]) for exercise in EXERCISES}
    assert float(row["total"]) == sum(points.values())
    assert float(row["possible"]) == sum(POINTS.values())
    assert all(points[e] in {0.0, POINTS[e]} for e in EXERCISES)
    return [e for e in EXERCISES if points[e] == 0]


def test_solution_gets_full_marks(graded: dict[str, dict[str, str]]) -> None:
    assert lost(graded["solution"]) == []
    assert graded["solution"]["remark"] == ""


def test_blank_gets_none(graded: dict[str, dict[str, str]]) -> None:
    assert lost(graded["blank"]) == EXERCISES


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("half", list(HALVES))
def test_wrong_answers_lose_exactly_their_points(
    graded: dict[str, dict[str, str]], half: str, which: int
) -> None:
    assert lost(graded[f"{half}-{which}"]) == HALVES[half]


def test_rewritten_checks_earn_nothing(graded: dict[str, dict[str, str]]) -> None:
    assert lost(graded["Ann Ö. Other"]) == EXERCISES


def test_damage_costs_only_the_damaged_exercise(graded: dict[str, dict[str, str]]) -> None:
    assert lost(graded["damaged"]) == ["dice", "jaccard"]
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
    graded: dict[str, dict[str, str]], student: str, words: str
) -> None:
    row = graded[student]
    assert words in row["remark"]
    assert row["remark"].startswith("not graded: ")
    assert [row[e] for e in [*EXERCISES, "total"]] == [""] * (len(EXERCISES) + 1)
