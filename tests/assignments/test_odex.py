"""The ODEx assignment: its wrong answers, libraries on its solutions, and the tables that it quotes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis
from sklearn.covariance import shrunk_covariance

from medda_lib.metrics import continual
from medda_lib.studies.reported import reported
from tests.assignments.master import Master, Swap
from tests.assignments.shared import AssignmentTests, Case, GradingTests

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

ODEX = Case(
    Master("odex"),
    WRONG,
    said={
        "importance": (
            "square of the batch's gradient",
            (
                "the slopes of the inputs 2 and -2 cancel when they are averaged: square each of "
                "them first"
            ),
        ),
        "distance": (
            "covariance by N - 1",
            (
                "divided by N = 2 the variances are 4 and 0, their mean is 2; half of each makes "
                "2 + 1 and 0 + 1; yours [[6.0, 0.0], [0.0, 2.0]]"
            ),
        ),
        "transfer": (
            "backward includes the last",
            (
                "0.6 - 0.8 and 0.6 - 0.7 make -0.15 in the mean of TWO stages (the last cannot have "
                "forgotten anything); yours -0.1000"
            ),
        ),
    },
    in_words={"claim": "Three rows are one run."},
    hidden_names=frozenset(
        {"_hidden_checks", "_hidden_fisher", "_hidden_penalty", "_hidden_slopes"}
    ),
)


class TestOdex(AssignmentTests):
    case = ODEX


def test_solutions_agree_with_libraries() -> None:
    own, rng = ODEX.master.solved(), np.random.default_rng(7)
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
    printed = reported("odex")
    printed = printed[printed["column"].str.startswith("Shifting source|")]
    for system in ("Sequential", "ODEx", "ODEx without history", "ODEx with Gram distance"):
        mine = printed[printed["row"] == system].drop_duplicates("metric").set_index("metric")
        values = [
            f"{mine.loc[metric, 'mean']} ± {mine.loc[metric, 'std']}"
            for metric in ("dice", "bwt", "fwt")
        ]
        models = [mine.loc["models", "mean"]] if "models" in mine.index else []
        assert f"| {' | '.join([system, *values, *models])} |" in ODEX.master.text


@pytest.mark.slow
class TestOdexGrading(GradingTests):
    case = ODEX
