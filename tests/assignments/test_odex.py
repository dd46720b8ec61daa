"""The ODEx assignment: what is released, and that points go to right answers only.

A wrong answer is the master's solution with a few words exchanged. All of them are tried in this
process; two per exercise also go through nbgrader.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import jupytext
import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis
from sklearn.covariance import shrunk_covariance

from medda_lib import assignments
from medda_lib.assignments import cells
from medda_lib.assignments.course import MASTERS
from medda_lib.metrics import continual
from medda_lib.studies.reported import reported
from tests.assignments.master import Master, Swap, notebook, run

MASTER = Master("odex")
EXERCISES, POINTS, SOLUTION = MASTER.exercises, MASTER.points, MASTER.solutions
TEXT = "claim"  # an answer in words: graded by hand

BACKWARD = """model.zero_grad()
            each.backward(retain_graph=True)
            slopes = [weight.grad.clone() for weight in weights]"""
SQUARED = "(gaps * np.linalg.solve(covariance, gaps.T).T).sum(axis=1)"
LOWEST: Swap = (
    ("    sums = ", "    lowest = lambda parts: np.min(list(parts), axis=0)\n    sums = "),
)
# exercise -> what went wrong -> (right, wrong) pairs of text; the first two also go to nbgrader
WRONG: dict[str, dict[str, Swap]] = {
    "importance": {
        "square of the batch's gradient": (
            ("for x in inputs:", "for x in [inputs]:"),
            (
                "log_p = model(x[None]).log_softmax(dim=1)[0]",
                "log_p = model(x).log_softmax(dim=1).mean(dim=0)",
            ),
            ("slope**2 / len(inputs)", "slope**2"),
        ),
        "largest class as label": (
            ("for each in log_p:", "for each in [log_p[log_p.argmax()]]:"),
            ("each.detach().exp() * slope**2", "slope**2"),
        ),
        "classes not weighted": (("each.detach().exp() * slope**2", "slope**2"),),
        "mean over classes": (("each.detach().exp() * slope**2", "slope**2 / len(log_p)"),),
        "sum over inputs": (("slope**2 / len(inputs)", "slope**2"),),
        "slope not squared": (("slope**2", "slope.abs()"),),
        "slopes of probabilities": (
            ("log_softmax(dim=1)[0]", "softmax(dim=1)[0]"),
            ("each.detach().exp()", "each.detach()"),
        ),
        "first input only": (("for x in inputs:", "for x in inputs[:1]:"),),
        "written to .grad": (
            ("slopes = torch.autograd.grad(each, weights, retain_graph=True)", BACKWARD),
        ),
        "step taken": (
            (
                "return {name: value.detach() for name, value in found.items()}",
                "[w.data.sub_(0.1) for w in weights]; return found",
            ),
        ),
        "half forgotten": (("return strength / 2 * total", "return strength * total"),),
        "importance squared": (("(importance[name] * (value", "(importance[name]**2 * (value"),),
        "mean for sum": (("- anchor[name]) ** 2).sum()", "- anchor[name]) ** 2).mean()"),),
        "last stage alone": (
            ("for anchor, importance in memory:", "for anchor, importance in memory[-1:]:"),
        ),
        "last weights for all": (
            ("for anchor, importance in memory:", "for _, importance in memory:"),
            ("(value - anchor[name])", "(value - memory[-1][0][name])"),
        ),
        "absolute distance": (("(value - anchor[name]) ** 2", "(value - anchor[name]).abs()"),),
        "no gradient": (("(value - anchor[name]) ** 2", "(value.detach() - anchor[name]) ** 2"),),
        "a number for an empty memory": (("total = torch.zeros(())", "total = 0.0"),),
        "plain mean of the weights": (
            ("pulled / total, last)", "sum(a[name] for a, _ in memory) / len(memory), last)"),
        ),
        "0/0": (("torch.where(total > 0, pulled / total, last)", "pulled / total"),),
        "importances averaged": (
            ("importances[name] = total", "importances[name] = total / len(memory)"),
        ),
        "last weights kept": (("torch.where(total > 0, pulled / total, last)", "last"),),
    },
    "distance": {
        "covariance by N - 1": (
            ("gaps.T @ gaps / len(features)", "gaps.T @ gaps / (len(features) - 1)"),
        ),
        "squared": (
            ("np.sqrt((gaps * np.linalg.solve(covariance, gaps.T).T).sum(axis=1))", SQUARED),
        ),
        "no shrinkage": (("(1 - alpha) * covariance + alpha * level", "covariance + 1e-9"),),
        "ridge for shrinkage": (("(1 - alpha) * covariance +", "covariance +"),),
        "shrunk to the identity": (("alpha * level * np", "alpha * np"),),
        "trace not divided": (("np.trace(covariance) / len(mean)", "np.trace(covariance)"),),
        "shares exchanged": (
            (
                "(1 - alpha) * covariance + alpha * level",
                "alpha * covariance + (1 - alpha) * level",
            ),
        ),
        "correlations dropped": (
            (
                "covariance = gaps.T @ gaps / len(features)",
                "covariance = np.diag((gaps**2).mean(axis=0))",
            ),
        ),
        "correlations ignored": (
            ("gaps * np.linalg.solve(covariance, gaps.T).T", "gaps**2 / np.diag(covariance)"),
        ),
        "not centred": (("gaps = features - mean", "gaps = features"),),
        "covariance for its inverse": (
            ("np.linalg.solve(covariance, gaps.T)", "(covariance @ gaps.T)"),
        ),
        "one scan accepted": (("if len(features) < 2:", "if len(features) < 1:"),),
        "other default": (("alpha: float = 0.1", "alpha: float = 0.5"),),
        "mean over the history": (
            ("for stage in history) for", "for stage in history) / len(history) for"),
        ),
        "least of the history": (("np.stack([sum(", "np.stack([lowest("), *LOWEST),
        "last stage alone": (("for stage in history) for", "for stage in history[-1:]) for"),),
        "first stage alone": (("for stage in history) for", "for stage in history[:1]) for"),),
        "farthest": (("sums.argmin(axis=0)", "sums.argmax(axis=0)"),),
        "one model for all scans": (
            ("sums.argmin(axis=0)", "np.full(len(z), sums.mean(axis=1).argmin())"),
        ),
        "younger on a tie": (("sums.argmin(axis=0)", "len(sums) - 1 - sums[::-1].argmin(axis=0)"),),
    },
    "transfer": {
        "backward includes the last": (
            ("(last - learned)[:-1].mean()", "(last - learned).mean()"),
        ),
        "forward from the stage before": (
            ("learned[1:] - np.diag(scores, k=1)", "learned[1:] - np.diag(scores, k=-1)"),
        ),
        "sign": (("(last - learned)[:-1]", "(learned - last)[:-1]"),),
        "transposed": (
            ("n, last, learned = len(scores)", "scores = scores.T; n, last, learned = len(scores)"),
        ),
        "diagonal deployed": (("float(last.mean())", "float(learned.mean())"),),
        "mean of the matrix": (("float(last.mean())", "float(scores.mean())"),),
        "nan left out": (("float(last.mean())", "float(np.nanmean(last))"),),
        "nan left out of transfer": (
            ("(last - learned)[:-1].mean()", "np.nanmean((last - learned)[:-1])"),
        ),
        "forward against the first network": (("np.diag(scores, k=1)", "scores[0, 1:]"),),
        "forward counts the first as 0": (
            (
                "(learned[1:] - np.diag(scores, k=1)).mean()",
                "(learned[1:] - np.diag(scores, k=1)).sum() / n",
            ),
        ),
        "forgetting from before": (("scores[j:, j].max()", "scores[:, j].max()"),),
        "forgetting is -BWT": (("scores[j:, j].max()", "scores[j, j]"),),
        "forgetting includes the last": (("(best - last)[:-1].mean()", "(best - last).mean()"),),
        "maximum without nan": (("scores[j:, j].max()", "np.nanmax(scores[j:, j], initial=-1)"),),
        "builtin maximum": (("scores[j:, j].max()", "max(scores[j:, j])"),),
        "last excluded from the best": (
            ("scores[j:, j].max()", "scores[j:-1, j].max(initial=-1)"),
        ),
        "largest fall for the mean": (("(best - last)[:-1].mean()", "(best - last)[:-1].max()"),),
        "zero for a single stage": (
            (
                '"bwt": math.nan, "fwt": math.nan, "forgetting": math.nan',
                '"bwt": 0.0, "fwt": 0.0, "forgetting": 0.0',
            ),
        ),
    },
    "pool": {
        "shared history": (
            (
                "histories.append([*histories[best], stage])",
                "histories.append(histories[best]); histories[-1].append(stage)",
            ),
        ),
        "history not inherited": (("[*histories[best], stage]", "[stage]"),),
        "threshold counts as near": (("sums[best] < xi", "sums[best] <= xi"),),
        "mean over the history": (
            ("for k in history) for history", "for k in history) / len(history) for history"),
        ),
        "last stage alone": (("for k in history) for", "for k in history[-1:]) for"),),
        "nearest stage": (
            (
                "[sum(distances[stage, k] for k in history)",
                "[min(distances[stage, k] for k in history)",
            ),
        ),
        "newest model always": (("sums.index(min(sums))", "len(sums) - 1"),),
        "younger on a tie": (
            ("sums.index(min(sums))", "len(sums) - 1 - sums[::-1].index(min(sums))"),
        ),
        "farthest": (("sums.index(min(sums))", "sums.index(max(sums))"),),
        "other side of the matrix": (("distances[stage, k]", "distances[k, stage]"),),
        "new stage not added": (("[*histories[best], stage])", "[*histories[best]])"),),
        "old model learns too": (
            ("parents.append(best)", "parents.append(best); histories[best].append(stage)"),
        ),
        "parent is the newest": (("parents.append(best)", "parents.append(len(histories) - 2)"),),
        "old model trained": (("trained.append(len(histories) - 1)", "trained.append(best)"),),
        "clipped": (
            ("(distances - low) / (high - low)", "((distances - low) / (high - low)).clip(0, 1)"),
        ),
        "maximum not doubled": (("2 * training.max()", "training.max()"),),
        "range doubled": (("2 * training.max()", "2 * training.max() - training.min()"),),
        "minimum not subtracted": (("(distances - low) /", "distances /"),),
        "scaled by the new data": (
            ("training.min(), 2 * training.max()", "distances.min(), 2 * distances.max()"),
        ),
        "threshold not normalised": (
            ("2 * normalised(training, training).mean()", "2 * training.mean()"),
        ),
        "threshold not doubled": (("2 * normalised(training", "normalised(training"),),
        "median": (
            (
                "2 * normalised(training, training).mean()",
                "2 * np.median(normalised(training, training))",
            ),
        ),
    },
}
ALL_WRONG = [(exercise, mistake) for exercise in WRONG for mistake in WRONG[exercise]]


def mutated(exercise: str, mistake: str) -> str:
    """The master's answer with the words of one mistake."""
    return MASTER.mutated(exercise, WRONG[exercise][mistake])


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return assignments.release("odex", tmp_path_factory.mktemp("release"))


# --- the master ----------------------------------------------------------------------------------


@pytest.mark.parametrize("exercise", EXERCISES)
def test_solution_passes_alone(exercise: str) -> None:
    MASTER.run_checks(exercise, SOLUTION[exercise])


@pytest.mark.parametrize(("exercise", "mistake"), ALL_WRONG)
def test_wrong_answer_fails(exercise: str, mistake: str) -> None:
    with pytest.raises((AssertionError, RuntimeError)):
        MASTER.run_checks(exercise, mutated(exercise, mistake))


def test_every_exercise_has_wrong_answers() -> None:
    assert list(WRONG) == EXERCISES
    assert min(map(len, WRONG.values())) >= 7


def test_solutions_agree_with_libraries() -> None:
    own, rng = run(MASTER.cells["setup"].source, *SOLUTION.values()), np.random.default_rng(7)
    features, z = rng.normal(size=(9, 4)), rng.normal(size=(3, 4))
    mean, covariance = own["gaussian"](features, 0.3)
    shrunk = shrunk_covariance(np.cov(features.T, bias=True), shrinkage=0.3)
    np.testing.assert_allclose(covariance, shrunk)
    expected = [mahalanobis(row, mean, np.linalg.inv(covariance)) for row in z]
    np.testing.assert_allclose(own["mahalanobis"](z, mean, covariance), expected)
    scores = rng.uniform(size=(5, 5))
    found = own["transfers"](scores)
    library = continual.averages(scores)
    assert {name: found[name] for name in library} == pytest.approx(library)
    joint = np.where(np.arange(5)[:, None] == 4, scores, np.nan)
    library = continual.averages(joint)
    found = own["transfers"](joint)
    assert {name: found[name] for name in library} == pytest.approx(library, nan_ok=True)


def test_text_quotes_the_tables_as_printed() -> None:
    text = "\n".join(cell.source for cell in jupytext.read(MASTERS / "odex.py").cells)
    printed = reported("odex")
    printed = printed[printed["column"].str.startswith("Shifting source|")]
    for system in ("Sequential", "ODEx", "ODEx without history", "ODEx with Gram distance"):
        mine = printed[printed["row"] == system].drop_duplicates("metric").set_index("metric")
        values = [
            f"{mine.loc[metric, 'mean']} ± {mine.loc[metric, 'std']}"
            for metric in ("dice", "bwt", "fwt")
        ]
        models = [mine.loc["models", "mean"]] if "models" in mine.index else []
        assert f"| {' | '.join([system, *values, *models])} |" in text


@pytest.mark.parametrize("exercise", EXERCISES)
def test_hidden_checks_overwrite_no_helper(released: Path, exercise: str) -> None:
    before = (MASTER.cells["setup"].source, SOLUTION[exercise])
    visible = cells.named(cells.read(released))[f"{exercise}-checks"].source
    left = set(run(*before, MASTER.cells[f"{exercise}-checks"].source)) - set(run(*before, visible))
    assert all(name.startswith("_hidden") for name in left)


def test_introduction_and_headings_state_the_points() -> None:
    text = "\n".join(cell.source for cell in jupytext.read(MASTERS / "odex.py").cells)
    rows = re.findall(r"^\| \d \|.*\| (\d+) \|$", text, flags=re.MULTILINE)
    headings = re.findall(r"^## Exercise \d: .*\((\d+) points\)$", text, flags=re.MULTILINE)
    by_hand = float(MASTER.cells[f"{TEXT}-answer"].metadata["nbgrader"]["points"])
    assert [float(row) for row in rows] == [*POINTS.values(), by_hand]
    assert [float(value) for value in headings] == list(POINTS.values())
    assert f"(text, {by_hand:.0f} points)" in text
    assert f"**{sum(POINTS.values()):.0f}**" in text


# --- the release ---------------------------------------------------------------------------------


def regions(marker: str) -> set[str]:
    """Lines between BEGIN and END of a marker in the master, without the shortest ones."""
    text = (MASTERS / "odex.py").read_text()
    found = re.findall(rf"### BEGIN {marker}\n(.*?)### END {marker}", text, flags=re.DOTALL)
    assert found, f"the master has no {marker}"
    return {
        line.strip() for region in found for line in region.splitlines() if len(line.strip()) > 24
    }


def test_release_holds_no_solution_and_no_hidden_test(released: Path) -> None:
    assert not re.search(r"(BEGIN|END) (SOLUTION|HIDDEN)|hidden_tests", released.read_text())
    copy = cells.named(cells.read(released))
    lines = {line.strip() for cell in copy.values() for line in cell.source.splitlines()}
    secret = regions("SOLUTION") | regions("HIDDEN TESTS")
    assert len(secret) > 80
    assert not secret & lines
    assert copy[f"{TEXT}-answer"].source == "YOUR ANSWER HERE"
    for exercise in EXERCISES:
        answer = copy[f"{exercise}-answer"].source
        assert answer.count("raise NotImplementedError()") == SOLUTION[exercise].count("### BEGIN")


def test_release_keeps_visible_checks_and_locks_the_rest(released: Path) -> None:
    copy = cells.named(cells.read(released))
    assert list(copy) == list(MASTER.cells)
    for exercise in EXERCISES:
        visible = copy[f"{exercise}-checks"].source
        assert MASTER.cells[f"{exercise}-checks"].source.startswith(visible.rstrip())
        assert visible.count("assert ") >= 4
    for name, cell in copy.items():
        assert cell.metadata["nbgrader"]["locked"] == (not name.endswith("-answer"))


# --- self-checks and grading ---------------------------------------------------------------------


def test_self_checks_say_what_is_wrong(released: Path, tmp_path: Path) -> None:
    answers = {
        "importance": mutated("importance", "square of the batch's gradient"),
        "distance": mutated("distance", "covariance by N - 1"),
        "transfer": mutated("transfer", "backward includes the last"),
    }
    cells.write(notebook(released, answers), tmp_path / "mine.ipynb")
    report = assignments.validate(tmp_path / "mine.ipynb")
    assert not report.ok
    assert report.complaints == {
        "importance": "the slopes of the inputs 2 and -2 cancel when they are averaged: square each of "
        "them first",
        "distance": "divided by N = 2 the variances are 4 and 0, their mean is 2; half of each makes "
        "2 + 1 and 0 + 1; yours [[6.0, 0.0], [0.0, 2.0]]",
        "transfer": "0.6 - 0.8 and 0.6 - 0.7 make -0.15 in the mean of TWO stages (the last cannot have "
        "forgotten anything); yours -0.1000",
        "pool": "not answered yet",
        TEXT: "not answered yet",
    }


def test_a_text_is_nothing_that_a_check_could_pass(released: Path, tmp_path: Path) -> None:
    cells.write(
        notebook(released, SOLUTION | {TEXT: "Three rows are one run."}), tmp_path / "a.ipynb"
    )
    report = assignments.validate(tmp_path / "a.ipynb")
    assert report.ok
    assert list(report.complaints) == EXERCISES


@pytest.mark.slow
def test_grading_gives_the_points_to_right_answers_only(released: Path, tmp_path: Path) -> None:
    folder = tmp_path / "submissions"
    folder.mkdir()
    cells.write(notebook(released, SOLUTION | {TEXT: "Because."}), folder / "solution.ipynb")
    cells.write(notebook(released, {}), folder / "blank.ipynb")
    for which in (0, 1):
        answers = {e: mutated(e, list(WRONG[e])[which]) for e in EXERCISES[which::2]}
        cells.write(notebook(released, SOLUTION | answers), folder / f"wrong{which}.ipynb")
    table = tmp_path / "grades.csv"
    assignments.grade("odex", folder, table)
    with table.open(newline="", encoding="utf-8") as file:
        graded = {row["student"]: row for row in csv.DictReader(file)}
    lost = {
        student: [e for e in EXERCISES if float(row[e]) == 0] for student, row in graded.items()
    }
    assert lost == {
        "solution": [],
        "blank": EXERCISES,
        "wrong0": EXERCISES[0::2],
        "wrong1": EXERCISES[1::2],
    }
    assert float(graded["solution"]["total"]) == sum(POINTS.values())
