"""The ODEx assignment: wrong answers, the library's answers, and the tables that its text quotes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.distance import mahalanobis
from sklearn.decomposition import PCA

from medda_lib.methods.continual import ewc
from medda_lib.methods.continual.quadratic import Anchor
from medda_lib.metrics import continual
from medda_lib.studies.reported import reported
from tests.assignments.library import LibraryTests
from tests.assignments.master import Master, Swap
from tests.assignments.shared import AssignmentTests, Case, GradingTests

PULLED = "pulled = (decay * old * anchor + importance * weights) / total"
PROXIMAL = """pull = rate * strength * importance
    return (weights + pull * anchor) / (1 + pull)"""
EXPLICIT = "return weights - rate * strength * importance * (weights - anchor)"
FAR = "np.sqrt((along / variances).sum(axis=1) + across / rest)"
SENT = "np.where(ratios.min(axis=0) <= 1, ratios.argmin(axis=0), -1).tolist()"
YOUNGER = (
    "np.where(ratios.min(axis=0) <= 1, len(ratios) - 1 - ratios[::-1].argmin(axis=0), -1).tolist()"
)
TOGETHER = "[int(ratios.mean(axis=1).argmin()) if ratios.mean(axis=1).min() <= 1 else -1] * len(z)"
HURT = "changes = changes[~np.isnan(changes)]"
FALLEN = "fallen = np.flatnonzero(best - means > margin)"
BY_STAGE = """harmed = float(np.mean([f > margin for f in falls]))"""
COUNTED = "harmed = float((changes > margin).mean()) if len(changes) else math.nan"
USUAL = "min(1.0, len(h) * min(p[stage, k] for k in h))"
CONDITION = "usual[best] < alpha and len(histories) < most"
COPIED = "histories.append([*histories[best], stage])"
# exercise -> what went wrong -> (right, wrong) pairs of text; the first two also go to nbgrader
WRONG: dict[str, dict[str, Swap]] = {
    "importance": {
        "square of the sum of slopes": (
            (
                "((p * (1 - p))[:, :, None] * slopes**2).sum(dim=1)",
                "((p * (1 - p)).sqrt()[:, :, None] * slopes).sum(dim=1).square()",
            ),
        ),
        "likeliest mask as label": (
            (
                "((p * (1 - p))[:, :, None] * slopes**2).sum(dim=1)",
                "(((p > 0.5) * 1.0 - p)[:, :, None] * slopes).sum(dim=1).square()",
            ),
        ),
        "voxels with the mask of the prediction": (
            ("(p * (1 - p))[:, :, None]", "((p > 0.5) * 1.0 - p).square()[:, :, None]"),
        ),
        "not weighted": (("(p * (1 - p))[:, :, None] * slopes**2", "slopes**2"),),
        "probability of the organ alone": (("(p * (1 - p))", "p"),),
        "slopes of probabilities": (("(p * (1 - p))", "(p * (1 - p)).square()"),),
        "mean over voxels": (("slopes**2).sum(dim=1)", "slopes**2).mean(dim=1)"),),
        "sum over scans": ((".sum(dim=1).mean(dim=0)", ".sum(dim=1).sum(dim=0)"),),
        "slope not squared": (("slopes**2", "slopes.abs()"),),
        "new importances fade": (
            ("total = decay * old + importance", "total = old + decay * importance"),
        ),
        "importances do not fade": (
            ("total = decay * old + importance", "total = old + importance"),
        ),
        "moving average": (
            ("total = decay * old + importance", "total = decay * old + (1 - decay) * importance"),
            (PULLED, PULLED.replace("importance *", "(1 - decay) * importance *")),
        ),
        "newest weights kept": (
            ("return torch.where(total > 0, pulled, weights), total", "return weights, total"),
        ),
        "weights averaged by decay": ((PULLED, "pulled = decay * anchor + (1 - decay) * weights"),),
        "pulled by old importance without decay": (
            (PULLED, "pulled = (old * anchor + importance * weights) / (old + importance)"),
        ),
        "0/0": (("torch.where(total > 0, pulled, weights)", "pulled"),),
        "oldest weight without importance": (
            ("torch.where(total > 0, pulled, weights)", "torch.where(total > 0, pulled, anchor)"),
        ),
        "explicit step": ((PROXIMAL, EXPLICIT),),
        "explicit step, cut": (
            (
                PROXIMAL,
                EXPLICIT.replace(
                    "rate * strength * importance", "(rate * strength * importance).clamp(max=1)"
                ),
            ),
        ),
        "strength left out": (("pull = rate * strength * importance", "pull = rate * importance"),),
        "rate divides": (("pull = rate * strength", "pull = strength / rate"),),
        "factor of two": (("pull = rate * strength", "pull = 2 * rate * strength"),),
        "shares exchanged": (("(weights + pull * anchor)", "(anchor + pull * weights)"),),
    },
    "distance": {
        "covariance by N - 1": (
            ("gaps.T @ gaps / len(features)", "gaps.T @ gaps / (len(features) - 1)"),
        ),
        "squared": ((FAR, FAR.replace("np.sqrt", "")),),
        "smallest directions kept": (
            ("values[::-1][:r]", "values[:r]"),
            ("vectors.T[::-1][:r]", "vectors.T[:r]"),
            ("values[::-1][r:]", "values[r:]"),
        ),
        "columns for rows": (("vectors.T[::-1][:r]", "vectors[::-1][:r]"),),
        "rest over all directions": (
            ("values[::-1][r:].mean()", "values[::-1][r:].sum() / len(values)"),
        ),
        "rest summed": (("values[::-1][r:].mean()", "values[::-1][r:].sum()"),),
        "largest of the rest": (("values[::-1][r:].mean()", "values[::-1][r]"),),
        "rest dropped": ((FAR, "np.sqrt((along / variances).sum(axis=1))"),),
        "rest counts all of the gap": (
            ("(gaps**2).sum(axis=1) - along.sum(axis=1)", "(gaps**2).sum(axis=1)"),
        ),
        "no floor": (("least = floor * values.mean()", "least = 0"),),
        "floor added": (("np.maximum(values[::-1][:r], least)", "values[::-1][:r] + least"),),
        "floor of the total": (("floor * values.mean()", "floor * values.sum()"),),
        "floor for the rest alone": (("np.maximum(values[::-1][:r], least)", "values[::-1][:r]"),),
        "floor for the kept alone": (
            ("max(values[::-1][r:].mean(), least)", "values[::-1][r:].mean()"),
        ),
        "not centred": (("gaps = features - mean", "gaps = features"),),
        "variance for deviation": (("along / variances", "along / variances**2"),),
        "root of a negative number": (
            (
                "np.maximum((gaps**2).sum(axis=1) - along.sum(axis=1), 0)",
                "(gaps**2).sum(axis=1) - along.sum(axis=1)",
            ),
        ),
        "one scan accepted": (("if len(features) < 2:", "if len(features) < 1:"),),
        "sum over the history": (("np.mean([distance", "np.sum([distance"),),
        "last stage alone": (("for stage in history]", "for stage in history[-1:]]"),),
        "least of the history": (("np.mean([distance", "np.min([distance"),),
        "limits left out": (("mean / limit for", "mean for"),),
        "nearest first, limit afterwards": (
            (
                SENT,
                "[int(j) if ratios[j, i] <= 1 else -1 for i, j in enumerate(np.argmin(means, axis=0))]",
            ),
        ),
        "gap to the limit": (("mean / limit for", "mean - limit + 1 for"),),
        "always some model": ((SENT, "ratios.argmin(axis=0).tolist()"),),
        "limit itself too far": (("ratios.min(axis=0) <= 1", "ratios.min(axis=0) < 1"),),
        "younger on a tie": ((SENT, YOUNGER),),
        "one model for all scans": ((SENT, TOGETHER),),
    },
    "transfer": {
        "fall from the moment it was learned": (
            ("falls.append(best[-1] - means[-1])", "falls.append(means[0] - means[-1])"),
        ),
        "mean fall": (("float(max(falls))", "float(np.mean(falls))"),),
        "fall from before it was learned": (
            ("falls.append(best[-1]", "falls.append(np.nanmax(np.nanmean(scores[:, j], axis=1))"),
        ),
        "largest fall on the way": (
            ("falls.append(best[-1] - means[-1])", "falls.append((best - means).max())"),
        ),
        "largest fall of a single scan": (
            (
                "falls.append(best[-1] - means[-1])",
                "falls.append(np.nanmax(scores[j, j] - scores[-1, j]))",
            ),
        ),
        "missing scans make nan": (
            ("np.nanmean(scores[j:, j], axis=1)", "scores[j:, j].mean(axis=1)"),
        ),
        "missing scans as zero": (
            ("np.nanmean(scores[j:, j], axis=1)", "np.nan_to_num(scores[j:, j]).mean(axis=1)"),
        ),
        "stages for patients": ((COUNTED, BY_STAGE),),
        "missing scans not harmed": ((HURT, "changes = np.nan_to_num(changes)"),),
        "margin itself ignored": (("(changes > margin)", "(changes > 0)"),),
        "margin as a share": (("(changes > margin)", "(changes > margin * scores[0, 0, 0])"),),
        "any change is harm": (("(changes > margin)", "(abs(changes) > margin)"),),
        "last stage's patients count": (("for j in range(n - 1)])", "for j in range(n)])"),),
        "recovery counts": (
            (FALLEN, "fallen = np.flatnonzero((best - means > margin)[-1:]) + n - 1 - j"),
        ),
        "last fall for the first": (("int(fallen[0]) - 1", "int(fallen[-1]) - 1"),),
        "stage of the fall counts": (("int(fallen[0]) - 1", "int(fallen[0])"),),
        "below the start": ((FALLEN, "fallen = np.flatnonzero(means[0] - means > margin)"),),
        "below the one before": (
            (FALLEN, "fallen = np.flatnonzero(np.append(0, means[:-1] - means[1:]) > margin)"),
        ),
        "never is minus one": (("else n - 1 - j", "else -1"),),
        "zero for a single stage": (
            ('"worst": math.nan, "harmed": math.nan', '"worst": 0.0, "harmed": 0.0'),
        ),
    },
    "pool": {
        "least p not multiplied": ((USUAL, "min(p[stage, k] for k in h)"),),
        "shared history": (
            (COPIED, "histories.append(histories[best]); histories[-1].append(stage)"),
        ),
        "nearest stage of the history": ((USUAL, "max(p[stage, k] for k in h)"),),
        "not cut at 1": ((USUAL, "len(h) * min(p[stage, k] for k in h)"),),
        "mean over the history": ((USUAL, "sum(p[stage, k] for k in h) / len(h)"),),
        "product over the history": ((USUAL, "math.prod(p[stage, k] for k in h)"),),
        "last stage alone": ((USUAL, "p[stage, h[-1]]"),),
        "multiplied by the pool": (
            (USUAL, "min(1.0, len(histories) * min(p[stage, k] for k in h))"),
        ),
        "most unusual model": (("usual.index(max(usual))", "usual.index(min(usual))"),),
        "younger on a tie": (
            ("usual.index(max(usual))", "len(usual) - 1 - usual[::-1].index(max(usual))"),
        ),
        "newest model always": (("usual.index(max(usual))", "len(usual) - 1"),),
        "level itself is news": (("usual[best] < alpha", "usual[best] <= alpha"),),
        "no largest pool": ((CONDITION, "usual[best] < alpha"),),
        "one model too many": (("len(histories) < most", "len(histories) <= most"),),
        "full pool skips the stage": (
            (
                "histories[best].append(stage)",
                "histories[best] += [stage] * int(usual[best] >= alpha)",
            ),
        ),
        "history not inherited": ((COPIED, "histories.append([stage])"),),
        "new stage not added": ((COPIED, "histories.append([*histories[best]])"),),
        "old model learns too": (
            ("parents.append(best)", "parents.append(best); histories[best].append(stage)"),
        ),
        "parent is the newest": (("parents.append(best)", "parents.append(len(histories) - 2)"),),
        "old model trained": (("trained.append(len(histories) - 1)", "trained.append(best)"),),
        "other side of the matrix": (("p[stage, k]", "p[k, stage]"),),
        "p-value of zero": (("(1 + as_far) / (len(held_out) + 1)", "as_far / len(held_out)"),),
        "new scan not counted above": (("(1 + as_far)", "as_far"),),
        "strictly farther": (("held_out[None, :] >= distances", "held_out[None, :] > distances"),),
        "other tail": (("held_out[None, :] >= distances", "held_out[None, :] <= distances"),),
    },
}
# exercise -> function of the library -> the lines that use it, in place of one function of the solution
BORROWED = {
    "importance": {
        "fisher_diagonal": """
from medda_lib.methods.continual.ewc import fisher_diagonal
class Linear(torch.nn.Module):
    def __init__(self, logits, slopes):
        super().__init__()
        self.logits, self.slopes = logits, slopes
        self.theta = torch.nn.Parameter(torch.zeros(slopes.shape[2]))
    def forward(self, numbers):
        which = numbers[:, 0, 0].long()
        return (self.logits[which] + self.slopes[which] @ self.theta)[:, None]
def expected_fisher(logits, slopes):
    scans = torch.arange(len(logits))[:, None, None].expand(-1, 1, logits.shape[1]).float()
    return fisher_diagonal(Linear(logits, slopes), scans, logits[:, None] > 0)
""",
        "Anchor": """
from medda_lib.methods.continual.quadratic import Anchor
def held_step(weights, memory, strength, rate):
    if memory is None:
        return weights
    leaf = weights.clone().requires_grad_()
    (strength / 2 * Anchor(*memory).penalty(leaf)).backward()
    return weights - rate * leaf.grad
""",
    },
    "distance": {
        "Gaussian": """
from medda_lib.methods.odex.statistics import Gaussian
def compressed(features, r, floor):
    if len(features) < 2:
        raise ValueError("two scans")
    found = Gaussian.of(torch.from_numpy(features))
    values, axes = np.linalg.eigh(found.shrunk(floor).numpy())
    return found.mean.numpy(), axes.T[::-1][:r], values[::-1][:r], float(values[::-1][r:].mean())
""",
        "mahalanobis": """
from medda_lib.methods.odex import Gaussian, mahalanobis
def distance(z, stage):
    mean, axes, variances, rest = (torch.as_tensor(np.array(part)) for part in stage)
    covariance = axes.T @ variances.diag() @ axes
    return mahalanobis(torch.from_numpy(z), Gaussian(mean, covariance), 0.1).numpy()
""",
        "Arrival": """
from medda_lib.methods.odex import Arrival
def route(z, histories, limits):
    sums = np.array([sum(distance(z, stage) for stage in history) for history in histories])
    return [Arrival((), tuple(column), ()).chosen for column in (sums.T / limits)]
""",
    },
    "transfer": {
        "averages": """
from medda_lib.metrics.continual import averages
def unforgiven(scores, margin, solved=unforgiven):
    return solved(scores, margin) | {"worst": -averages(np.nanmean(scores, axis=2))["bwt"]}
""",
        "backward_transfer": """
from medda_lib.metrics.continual import backward_transfer
def unforgiven(scores, margin, solved=unforgiven):
    lost = -backward_transfer(np.nanmean(scores, axis=2))[:-1]
    share = (lost > margin).mean() if len(lost) else math.nan
    return solved(scores, margin) | {"worst": max(lost, default=math.nan), "harmed": share}
""",
    },
    "pool": {
        "Range": """
from medda_lib.methods.odex import Range
def p_values(distances, held_out):
    scale = Range.of(torch.from_numpy(held_out))
    return np.array([1 - scale.normalised(d) for d in distances]).clip(0, 1)
""",
        "Arrival": """
from medda_lib.methods.odex import Arrival
def pool(p, alpha, most):
    trained, parents, histories = [0], [None], [[0]]
    for stage in range(1, len(p)):
        odd = tuple(sum(1 - p[stage, k] for k in history) for history in histories)
        found = Arrival(odd, odd, (1 - alpha,) * len(odd))
        best = found.chosen
        if found.shifted(1.0) and len(histories) < most:
            parents.append(best)
            best = len(histories)
            histories.append([*histories[parents[-1]]])
        histories[best].append(stage)
        trained.append(best)
    return trained, parents, histories
""",
    },
}

ODEX = Case(
    Master("odex"),
    WRONG,
    said={
        "importance": (
            "square of the sum of slopes",
            (
                "four masks, each with the probability 1/4 and the slope 0, 1, -1 or 0 of its "
                "log-likelihood: expected 0.5, got 0.0. Hint: the square of a sum, in the mean over "
                "the masks"
            ),
        ),
        "distance": (
            "squared",
            (
                "the gap (4, 1, 1) has 16 along the axis with a variance of 8, and 2 across with a "
                "variance of 1: expected [2, 0], got [4. 0.]. Hint: is it squared?"
            ),
        ),
        "transfer": (
            "fall from the moment it was learned",
            (
                "stage 0 went 0.8, 0.9, 0.7 in the mean, stage 1 went 0.7, 0.65: expected 0.2, got "
                "0.1000. Hint: from where does a stage fall?"
            ),
        ),
    },
    in_words={"claim": "Three rows are one run."},
    hidden_names=frozenset(
        {
            *("_hidden_fisher", "_hidden_memory", "_hidden_step"),
            *("_hidden_compression", "_hidden_routing", "_far"),
            *("_hidden_checks", "_hidden_p_values", "_hidden_pool"),
        }
    ),
)


class TestOdex(AssignmentTests):
    case = ODEX


class TestOdexLibrary(LibraryTests):
    case = ODEX
    borrowed = BORROWED


@pytest.fixture(scope="module")
def own() -> dict[str, Any]:
    """The functions of the solution."""
    return ODEX.master.solved()


class _OneScan(torch.nn.Module):
    """A network whose inputs (1, 1, voxels, features) are the features of one scan's voxels."""

    def __init__(self, network: torch.nn.Linear) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.network(images)
        return found[..., 0]


def test_expected_fisher_is_the_mean_of_the_library_s_scores(own: dict[str, Any]) -> None:
    rng = np.random.default_rng(7)
    network, x = torch.nn.Linear(2, 1).double(), torch.from_numpy(rng.normal(size=(3, 2)))
    logits = network(x)[:, 0].detach()[None]
    slopes = torch.cat([x, torch.ones(3, 1)], dim=1)[None]
    wanted = torch.zeros(3, dtype=torch.float64)
    for mask in itertools.product((False, True), repeat=3):
        y = torch.tensor(mask)
        chance = torch.where(y, logits.sigmoid(), 1 - logits.sigmoid()).prod()
        score = ewc.scores(_OneScan(network), x[None, None], y[None, None])
        wanted += chance * score[0].square()
    torch.testing.assert_close(own["expected_fisher"](logits, slopes), wanted)


def test_memory_that_never_fades_is_the_sum_of_the_library_s_penalties(
    own: dict[str, Any],
) -> None:
    rng = torch.Generator().manual_seed(7)
    past = [torch.rand(2, 4, generator=rng).unbind() for _ in range(3)]
    memory: Any = None
    for weights, importance in past:
        memory = own["remember"](memory, weights, importance, 1.0)
    leaf = torch.rand(4, generator=rng).requires_grad_()
    torch.stack([Anchor(*pair).penalty(leaf) for pair in past]).sum().backward()
    torch.testing.assert_close(2 * memory[1] * (leaf.detach() - memory[0]), leaf.grad)


def test_compression_is_probabilistic_pca(own: dict[str, Any]) -> None:
    rng = np.random.default_rng(7)
    features, z = rng.normal(size=(12, 5)), rng.normal(size=(3, 5))
    mean, axes, variances, rest = own["compressed"](features, 2, 0.0)
    pca = PCA(2, svd_solver="full").fit(features)  # divides by N - 1
    mine = rest * np.eye(5) + axes.T @ np.diag(variances - rest) @ axes
    np.testing.assert_allclose(mine * 12 / 11, pca.get_covariance())
    expected = [mahalanobis(row, mean, np.linalg.inv(mine)) for row in z]
    np.testing.assert_allclose(own["distance"](z, (mean, axes, variances, rest)), expected)


def test_largest_fall_of_two_stages_is_the_backward_transfer(own: dict[str, Any]) -> None:
    scores = np.random.default_rng(3).uniform(size=(2, 2, 3))
    scores[1, 0] = scores[0, 0] - 0.2
    worst = own["unforgiven"](scores, 0.1)["worst"]
    assert worst == pytest.approx(-continual.averages(scores.mean(axis=2))["bwt"])


def test_p_values_keep_their_promise(own: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    found = [own["p_values"](*np.split(rng.exponential(size=20), [1]))[0] for _ in range(4000)]
    for alpha in (0.05, 0.2, 0.5):  # new scans of the same kind: alpha of them, up to chance
        assert np.mean(np.array(found) <= alpha) == pytest.approx(alpha, abs=0.025)


def test_a_sum_over_the_history_takes_length_for_a_shift(own: dict[str, Any]) -> None:
    """What question (c) asks for: distances of 1 to each stage, a threshold of 3, the paper's sum."""
    histories, made = [[0]], []
    for stage in range(1, 6):
        sums = [sum(1 for _ in history) for history in histories]
        best = sums.index(min(sums))
        if sums[best] < 3:
            histories[best].append(stage)
        else:
            histories.append([*histories[best], stage])
            made.append(stage)
    assert made == [3, 4, 5]
    assert len(own["pool"](np.full((6, 6), 0.5), 0.05, 9)[1]) == 1


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
