"""The ODEx assignment: famous mistakes, the library's answers, and the tables that its text quotes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from medda_lib.methods.continual.quadratic import Anchor
from medda_lib.metrics import continual
from medda_lib.studies.reported import reported
from tests.assignments.master import Master, Swap
from tests.assignments.shared import AssignmentTests, Case, GradingTests

WEIGHED = "((p * (1 - p))[:, :, None] * slopes**2).sum(dim=1)"
PULLED = "pulled = (decay * old * anchor + importance * weights) / total"
PROXIMAL = """pull = rate * strength * importance
    return (weights + pull * anchor) / (1 + pull)"""
EXPLICIT = "return weights - (rate * strength * importance).clamp(max=1) * (weights - anchor)"
FALL = "falls.append(best[-1] - means[-1])"
FROM_BEFORE = "falls.append(np.nanmax(np.nanmean(scores[:, j], axis=1)) - means[-1])"
FALLEN = "fallen = np.flatnonzero(best - means > margin)"
HURT = "[change > margin for change in changes if not math.isnan(change)]"
USUAL = "min(1.0, len(h) * min(p[stage, k] for k in h))"
COPIED = "histories.append([*histories[best], stage])"
# exercise -> what went wrong -> words of the solution, others in their place; two are graded, too
WRONG: dict[str, dict[str, Swap]] = {
    "importance": {
        "the sum of slopes is squared": (
            WEIGHED,
            "((p * (1 - p)).sqrt()[:, :, None] * slopes).sum(dim=1).square()",
        ),
        "explicit step for large importances": (PROXIMAL, EXPLICIT),
        "likeliest mask as label": (
            WEIGHED,
            "(((p > 0.5) * 1.0 - p)[:, :, None] * slopes).sum(dim=1).square()",
        ),
        "importances not weighted by $p(1 - p)$": ("(p * (1 - p))[:, :, None] * ", ""),
        "faded penalty anchored at the newest weights": (
            "pulled, weights), total",
            "weights, weights), total",
        ),
        "weights averaged by decay": (PULLED, "pulled = decay * anchor + (1 - decay) * weights"),
        "0/0 where nothing has importance": ("torch.where(total > 0, pulled, weights)", "pulled"),
    },
    "transfer": {
        "fall from the moment it was learned": (FALL, "falls.append(means[0] - means[-1])"),
        "fall from a score *before* the stage was learned": (FALL, FROM_BEFORE),
        "stages counted for patients": (HURT, "[fall > margin for fall in falls]"),
        'the last stage counted as "nothing forgotten"': (
            HURT,
            f"[*{HURT}, *[False] * scores.shape[2]]",
        ),
        "below the start": (FALLEN, "fallen = np.flatnonzero(means[0] - means > margin)"),
        "below the one before": (
            FALLEN,
            "fallen = np.flatnonzero(np.append(0, means[:-1] - means[1:]) > margin)",
        ),
        "recovery counts": (
            FALLEN,
            "fallen = np.flatnonzero((best - means > margin)[-1:]) + n - 1 - j",
        ),
    },
    "pool": {
        "the least p-value without Bonferroni": (USUAL, "min(p[stage, k] for k in h)"),
        "a history shared by two models": (
            COPIED,
            "histories.append(histories[best]); histories[-1].append(stage)",
        ),
        "mean over the history": (USUAL, "sum(p[stage, k] for k in h) / len(h)"),
        "last stage alone": (USUAL, "p[stage, h[-1]]"),
        "old model learns too": (
            "parents.append(best)",
            "parents.append(best); histories[best].append(stage)",
        ),
        "a p-value of 0": ("(1 + as_far) / (len(held_out) + 1)", "as_far / len(held_out)"),
    },
}
# exercise -> mutant that passes -> why it may
EQUIVALENT = {
    "pool": {
        f"pool: histories -> {other}": "there are as many of them"
        for other in ("parents (2)", "usual (2)", "parents (5)")
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
    "transfer": {
        "backward_transfer": """
from medda_lib.metrics.continual import backward_transfer
def unforgiven(scores, margin, solved=unforgiven):
    lost = -backward_transfer(np.nanmean(scores, axis=2))[:-1]
    share = (lost > margin).mean() if len(lost) else math.nan
    return solved(scores, margin) | {"worst": max(lost, default=math.nan), "harmed": share}
""",
    },
    "pool": {
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
    EQUIVALENT,
    BORROWED,
    said={
        "importance": (
            "the sum of slopes is squared",
            (
                "expected [0.5], got [0.0]: one scan, two voxels at p = 1/2, slopes 1 and -1: the "
                "square of a sum, in the mean over four masks"
            ),
        ),
        "transfer": (
            "fall from the moment it was learned",
            (
                "expected 0.2, got 0.1: stage 0 went 0.8, 0.9, 0.7 in the mean, stage 1 went 0.7, 0.65: "
                "from where does a stage fall?"
            ),
        ),
    },
    in_words={"claim": "Three rows are one run."},
)


class TestOdex(AssignmentTests):
    case = ODEX


@pytest.fixture(scope="module")
def own() -> dict[str, Any]:
    """The functions of the solution."""
    return ODEX.master.solved()


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
