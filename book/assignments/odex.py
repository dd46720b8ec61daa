# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: nbgrader
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment: the parts of ODEx
#
# A network learns from scans that arrive in stages. Nobody says when the population or the scanner
# changes, and the scans of a stage are gone once it is over. In this assignment you write what ODEx does
# about it, the penalty of its best-known rival and the numbers that compare the two, on arrays so small
# that you can check most of them with a pencil. You need PyTorch and NumPy and nothing else: no data, no
# GPU, no training.
#
# **Time.** About 90 minutes if you have read the chapter; 15 to 20 minutes an exercise.
#
# | exercise | what you write | points |
# |---|---|---:|
# | 1 | which weights mattered: the penalty of EWC | 6 |
# | 2 | how far is a scan from all that a model has seen? | 5 |
# | 3 | forgotten, and learned: four averages of a matrix | 4 |
# | 4 | a new model or an old one? | 6 |
# | | **total** | **21** |
# | 5 | what a claim shows (text, read by your lecturer) | 4 |
#
# **How to work.** Replace each `raise NotImplementedError()` by your code. Keep the names and the
# arguments of the functions; add helper functions and cells as you like. Below each answer is a
# locked cell with self-checks: run it, and read what it says when it complains. Before you hand in,
# restart the kernel and run all cells from top to bottom.
#
# **What is graded.** The self-checks and further hidden ones, which try your functions on random
# arrays and on the awkward cases that the text of the exercise names. An exercise counts as a whole:
# all its checks pass, or it scores nothing. The exercises do not depend on each other. How you
# write the code is not graded, as long as each check finishes within a minute. Exercise 5 is a text;
# its points are given by hand.
#
# **Help.** Which help you may use, and how to name it, is for your course to say.
#
# **Conventions.** Stages and models are counted from 0. $\theta$ are the weights of a network. Equation
# numbers are those of González et al., *Task-Agnostic Continual Hippocampus Segmentation for Smooth
# Population Shifts* (DART 2022).

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import math
import warnings

import numpy as np
import torch
from torch import Tensor, nn

# The grader takes anything on the error stream for a failure; a mere warning shall cost no points.
warnings.simplefilter("ignore")
np.seterr(all="ignore")
torch.set_num_threads(1)  # the tensors are tiny: more threads would only wait for each other


def close(result: Tensor, expected: Tensor, tolerance: float = 1e-5) -> bool:
    """Same shape and, up to rounding, the same numbers."""
    return result.shape == expected.shape and torch.allclose(
        result.double(), expected.double(), rtol=tolerance, atol=tolerance
    )


def near(result: np.ndarray, expected: np.ndarray, tolerance: float = 1e-7) -> bool:
    """The same for NumPy; nan equals nan."""
    result, expected = np.asarray(result), np.asarray(expected)
    return result.shape == expected.shape and np.allclose(
        result, expected, rtol=tolerance, atol=tolerance, equal_nan=True
    )


# %% [markdown]
# ## Exercise 1: which weights mattered (6 points)
#
# Elastic weight consolidation (EWC) lets a weight move the less, the more the old predictions depend on it.
# How much that is, the diagonal of the *Fisher information* tells. Let a classifier give the
# probabilities $p_\theta(c \mid x)$, softmax of its logits. Over the $N$ inputs of a stage,
#
# $$F_i = \frac1N \sum_{n=1}^N \sum_c p_\theta(c \mid x_n)
# \left(\frac{\partial \log p_\theta(c \mid x_n)}{\partial \theta_i}\right)^2.$$
#
# Much code takes the labels of the stage in place of the inner sum (the "empirical" Fisher) or the square
# of a whole batch's gradient. Here the expectation over the network's *own* predictions is meant, so
# **no label is needed**. Mind these points:
#
# - Square the slope of each input and each class first, then average. (Slopes of opposite sign cancel.)
# - The weights $p_\theta(c \mid x_n)$ are not differentiated.
# - The network is left as it was: no weight moves, and nothing is written to `.grad`.
#
# A *memory* holds a pair for each stage of the past: the weights $\theta_k^*$ at its end and its importances
# $F_k$. While a new stage is learned, its loss is joined by
#
# $$P(\theta) = \frac{\lambda}{2} \sum_k \sum_i F_{k,i} \left(\theta_i - \theta_{k,i}^*\right)^2.$$
#
# The memory would grow with every stage. But a sum of parabolas is a parabola: one pair
# $(\bar\theta, \bar F)$ gives the same penalty **up to a constant**, so the same gradient everywhere. Which?
# (Write the derivative down. Where $\bar F_i = 0$, any $\bar\theta_i$ will do: keep that of the last stage,
# not `nan`.)


# %% nbgrader={"grade": false, "grade_id": "importance-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fisher_diagonal(model: nn.Module, inputs: Tensor) -> dict[str, Tensor]:
    """The importance of each weight for the predictions on these inputs.

    model: turns inputs (n, ...) into logits (n, classes), each input for itself; inputs: (N, ...).
    Returns, for each name in `model.named_parameters()`, a tensor of the parameter's shape.
    """
    ### BEGIN SOLUTION
    names, weights = zip(*model.named_parameters(), strict=True)
    found = {name: torch.zeros_like(weight) for name, weight in zip(names, weights, strict=True)}
    for x in inputs:
        log_p = model(x[None]).log_softmax(dim=1)[0]
        for each in log_p:
            slopes = torch.autograd.grad(each, weights, retain_graph=True)
            for name, slope in zip(names, slopes, strict=True):
                found[name] += each.detach().exp() * slope**2 / len(inputs)
    return {name: value.detach() for name, value in found.items()}
    ### END SOLUTION


Weights = dict[str, Tensor]


def penalty(present: Weights, memory: list[tuple[Weights, Weights]], strength: float) -> Tensor:
    """P: what it costs that the weights have left those of the past.

    present: the weights by name; memory: for each stage of the past (its weights, its importances), all
    with the same names; strength: lambda. Returns a scalar tensor that can be differentiated with
    respect to `present`; 0 for an empty memory.
    """
    ### BEGIN SOLUTION
    total = torch.zeros(())
    for anchor, importance in memory:
        for name, value in present.items():
            total = total + (importance[name] * (value - anchor[name]) ** 2).sum()
    return strength / 2 * total
    ### END SOLUTION


def merged(memory: list[tuple[Weights, Weights]]) -> tuple[Weights, Weights]:
    """One pair (weights, importances) with the same penalty up to a constant; memory is not empty."""
    ### BEGIN SOLUTION
    weights, importances = {}, {}
    for name, last in memory[-1][0].items():
        total = sum(importance[name] for _, importance in memory)
        pulled = sum(importance[name] * anchor[name] for anchor, importance in memory)
        weights[name] = torch.where(total > 0, pulled / total, last)
        importances[name] = total
    return weights, importances
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "importance-checks", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Two classes, one weight each, no bias: logits w_0 x and w_1 x. With zero weights both have p = 1/2,
# and the slope of log p_c is plus or minus x/2.
model = nn.Linear(1, 2, bias=False)
nn.init.zeros_(model.weight)
importance = fisher_diagonal(model, torch.tensor([[2.0], [-2.0]]))
assert isinstance(importance, dict), f"return a dict by name, not {type(importance).__name__}"
assert set(importance) == {"weight"}, f"one tensor for each parameter; your names: {[*importance]}"
assert importance["weight"].shape == (2, 1), "an importance for each weight: the parameter's shape"
assert importance["weight"].any(), (
    "the slopes of the inputs 2 and -2 cancel when they are averaged: square each of them first"
)
assert close(importance["weight"], torch.ones(2, 1)), (
    "each input has squared slopes of 1 for both classes, each with p = 1/2, and the mean over the "
    f"inputs is 1; yours are {importance['weight'].flatten().tolist()}"
)
with torch.no_grad():
    model.weight.copy_(torch.tensor([[math.log(3)], [0.0]]))
importance = fisher_diagonal(model, torch.tensor([[1.0]]))
assert close(importance["weight"], torch.full((2, 1), 3 / 16)), (
    "p = 3/4 and 1/4, slopes +-1/4 and +-3/4: 3/4 x 1/16 + 1/4 x 9/16 = 0.1875 for both weights; yours "
    f"are {importance['weight'].flatten().tolist()}"
)
assert model.weight.grad is None, "leave the network as it was: nothing in .grad"
memory = [
    ({"w": torch.tensor([0.0, 5.0])}, {"w": torch.tensor([3.0, 0.0])}),
    ({"w": torch.tensor([4.0, 7.0])}, {"w": torch.tensor([1.0, 0.0])}),
]
cost = penalty({"w": torch.tensor([2.0, 9.0])}, memory, 10.0)
assert cost.shape == (), f"return one number, not shape {tuple(cost.shape)}"
assert close(cost, torch.tensor(80.0)), (
    f"10/2 x (3 x 2^2 + 1 x 2^2) = 80: the second weight has no importance; yours {cost.item()}"
)
weights, importances = merged(memory)
assert close(importances["w"], torch.tensor([4.0, 0.0])), "curvatures of parabolas add up: 3 + 1"
assert not weights["w"].isnan().any(), "no stage needed the second weight: 0/0; keep the last value"
assert close(weights["w"], torch.tensor([1.0, 7.0])), (
    f"the bottom of both parabolas lies at (3 x 0 + 1 x 4) / 4 = 1; yours {weights['w'].tolist()}"
)
### BEGIN HIDDEN TESTS


def _hidden_fisher() -> None:  # functions: they overwrite no name of the student's
    for trial in range(12):
        generator = torch.Generator().manual_seed(trial)
        n, d, classes = 1 + trial % 5, 1 + trial % 3, 2 + trial % 4
        x = torch.randn(n, d, generator=generator)
        weight = torch.randn(classes, d, generator=generator)
        linear = nn.Linear(d, classes)
        with torch.no_grad():
            linear.weight.copy_(weight)
            linear.bias.copy_(torch.randn(classes, generator=generator))
        # Closed form: the slope of log p_c by logit k is (c == k) - p_k, whose square is p_k (1 - p_k)
        # in the mean over c.
        p = (x @ weight.T + linear.bias.detach()).softmax(dim=1)
        spread = p * (1 - p)
        linear.weight.grad = torch.full_like(weight, 7.0)
        kept = {k: v.clone() for k, v in linear.state_dict().items()}
        found = fisher_diagonal(linear, x)
        assert close(found["bias"], spread.mean(0), 1e-4), "wrong importance of a bias"
        assert close(found["weight"], spread.T @ x**2 / n, 1e-4), "wrong importance of a weight"
        assert not any(v.requires_grad for v in found.values()), "importances are plain numbers"
        assert bool((linear.weight.grad == 7).all()), "the network's .grad was touched"
        assert linear.bias.grad is None, "something was written to .grad"
        assert all(torch.equal(v, kept[k]) for k, v in linear.state_dict().items()), "weights moved"


def _hidden_slopes() -> None:
    generator = torch.Generator().manual_seed(99)
    deep = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 3)).double()
    with torch.no_grad():
        for value in deep.parameters():
            value.copy_(torch.randn(value.shape, generator=generator, dtype=torch.float64))
    x = torch.randn(4, 2, generator=generator, dtype=torch.float64)
    found = fisher_diagonal(deep, x)
    with torch.no_grad():
        p = deep(x).softmax(1)
        for name, value in deep.named_parameters():
            flat = value.view(-1)
            for i in range(len(flat)):  # slopes by small steps to both sides
                middle = float(flat[i])
                flat[i] = middle + 1e-5
                above = deep(x).log_softmax(1)
                flat[i] = middle - 1e-5
                below = deep(x).log_softmax(1)
                flat[i] = middle
                wanted = (p * ((above - below) / 2e-5) ** 2).sum(1).mean()
                assert close(found[name].flatten()[i], wanted, 1e-4), "wrong for a deeper network"


def _hidden_penalty() -> None:
    for trial in range(12):
        generator = torch.Generator().manual_seed(100 + trial)
        stages, shapes = 1 + trial % 4, {"a": (2, 3), "b": (4,)}

        def some(shapes: dict = shapes, g: torch.Generator = generator) -> dict[str, Tensor]:
            return {k: torch.randn(s, generator=g) for k, s in shapes.items()}

        past = [(some(), {k: v.abs() for k, v in some().items()}) for _ in range(stages)]
        for _, importance in past:
            importance["b"][0] = 0
        now = {k: v.requires_grad_() for k, v in some().items()}
        cost, slope = 0.0, {k: torch.zeros(s) for k, s in shapes.items()}
        for anchor, importance in past:
            for k in shapes:
                gap = now[k].detach() - anchor[k]
                cost += 0.5 * 0.7 * float((importance[k] * gap * gap).sum())
                slope[k] += 0.7 * importance[k] * gap
        before = [[{k: v.clone() for k, v in part.items()} for part in pair] for pair in past]
        result = penalty(now, past, 0.7)
        assert close(result, torch.tensor(cost), 1e-4), "wrong penalty for a random memory"
        result.backward()
        assert all(close(now[k].grad, slope[k], 1e-4) for k in shapes), "wrong gradient of P"
        weights, importances = merged(past)
        for k in shapes:
            assert weights[k].isfinite().all(), "nan among the merged weights"
            pull = 0.7 * importances[k] * (now[k].detach() - weights[k])
            assert close(pull, slope[k], 1e-3), "the merged pair has another gradient"
        assert close(weights["b"][0], past[-1][0]["b"][0]), "without importance: the last weight"
        for pair, old in zip(past, before, strict=True):
            for part, was in zip(pair, old, strict=True):
                assert all(torch.equal(part[k], was[k]) for k in shapes), "the memory was changed"
    nothing = penalty({"w": torch.ones(2)}, [], 3.0)
    assert isinstance(nothing, Tensor), "an empty memory costs a tensor 0"
    assert close(nothing, torch.tensor(0.0)), "an empty memory costs nothing"


_hidden_fisher()
_hidden_slopes()
_hidden_penalty()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2: how far is a scan from all that a model has seen? (5 points)
#
# At the end of a stage ODEx describes the features $z_1 \dots z_N$ of its scans by a Gaussian (equation 3),
#
# $$\mu = \frac1N \sum_k z_k, \qquad \Sigma = \frac1N \sum_k (z_k - \mu)(z_k - \mu)^T.$$
#
# With fewer scans than features $\Sigma$ cannot be inverted, and the paper does not say what it does then.
# Here we *shrink* it towards a multiple of the identity,
#
# $$\tilde\Sigma = (1 - \alpha)\, \Sigma + \alpha\, \frac{\mathrm{tr}\,\Sigma}{d}\, I,$$
#
# with $d$ the length of a feature: the total variance stays, its directions become more alike. The
# Mahalanobis distance is
#
# $$D(z; \mu, \tilde\Sigma) = \sqrt{(z - \mu)^T \tilde\Sigma^{-1} (z - \mu)}.$$
#
# A model's *history* $\mathcal B$ is the list of the Gaussians of all stages that it was trained on.
# Equation 4 **sums** the distances over the history; the model with the least sum is used. Mind these
# points:
#
# - The covariance is divided by $N$ as printed, not by $N - 1$. A single scan has no spread: refuse it.
# - The distance is not squared. (Squares would let one far stage outweigh all the others.)
# - Each scan gets a model of its own. When sums are equal, the older model (the lower number) is used.


# %% nbgrader={"grade": false, "grade_id": "distance-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gaussian(features: np.ndarray, alpha: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """The mean (d,) and the shrunk covariance (d, d) of features (N, d).

    Raises ValueError for fewer than two rows.
    """
    ### BEGIN SOLUTION
    if len(features) < 2:
        raise ValueError(
            f"features: {len(features)} row(s) have no spread; at least two are needed"
        )
    mean = features.mean(axis=0)
    gaps = features - mean
    covariance = gaps.T @ gaps / len(features)
    level = np.trace(covariance) / len(mean)
    return mean, (1 - alpha) * covariance + alpha * level * np.eye(len(mean))
    ### END SOLUTION


def mahalanobis(z: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """The distance (m,) of each row of z (m, d) from a Gaussian."""
    ### BEGIN SOLUTION
    gaps = z - mean
    return np.sqrt((gaps * np.linalg.solve(covariance, gaps.T).T).sum(axis=1))
    ### END SOLUTION


def choose(
    z: np.ndarray, histories: list[list[tuple[np.ndarray, np.ndarray]]]
) -> tuple[np.ndarray, np.ndarray]:
    """Equation 4 for each scan on its own.

    z: (m, d); histories: for each model of the pool its Gaussians (mean, covariance).
    Returns the number (m,) of the model to be used and its summed distance (m,).
    """
    ### BEGIN SOLUTION
    sums = np.stack([sum(mahalanobis(z, *stage) for stage in history) for history in histories])
    return sums.argmin(axis=0), sums.min(axis=0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "distance-checks", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
features = np.array([[0.0, 1.0], [4.0, 1.0]])  # two scans that differ in the first feature
mean, covariance = gaussian(features, alpha=0.5)
assert near(mean, [2.0, 1.0]), f"the mean of (0, 1) and (4, 1) is (2, 1); yours {mean}"
assert covariance.shape == (2, 2), f"a covariance of 2 features is (2, 2), not {covariance.shape}"
assert near(covariance, [[3.0, 0.0], [0.0, 1.0]]), (
    "divided by N = 2 the variances are 4 and 0, their mean is 2; half of each makes 2 + 1 and 0 + 1; "
    f"yours {covariance.tolist()}"
)
distance = mahalanobis(
    np.array([[4.0, 1.0], [2.0, 4.0]]), np.array([2.0, 1.0]), np.diag([4.0, 1.0])
)
assert np.shape(distance) == (2,), f"one distance for each row: (2,), not {np.shape(distance)}"
assert near(distance, [1.0, 3.0]), (
    f"2 away at a standard deviation of 2, then 3 away at 1: distances 1 and 3; yours {distance}"
)
unit = np.eye(1)
histories = [[(np.array([0.0]), unit), (np.array([4.0]), unit)], [(np.array([10.0]), unit)]]
model, summed = choose(np.array([[2.0], [9.0], [6.0]]), histories)
assert near(summed, [4.0, 1.0, 4.0]), (
    "to 0 and 4 the sums are 4, 14 and 8, to 10 they are 8, 1 and 4: least 4, 1, 4; yours "
    f"{np.asarray(summed).tolist()}"
)
assert list(model) == [0, 1, 1], f"the models 0, 1 and 1 are nearest; yours {list(model)}"
try:
    gaussian(features[:1])
    refused = False
except ValueError:
    refused = True
assert refused, "a single scan has no spread: raise a ValueError"
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    def parts(rows: list[list[float]], alpha: float) -> tuple[list[float], list[list[float]]]:
        n, d = len(rows), len(rows[0])
        mean = [math.fsum(row[i] for row in rows) / n for i in range(d)]
        spread = [
            [math.fsum((r[i] - mean[i]) * (r[j] - mean[j]) for r in rows) / n for j in range(d)]
            for i in range(d)
        ]
        level = sum(spread[i][i] for i in range(d)) / d
        return mean, [
            [(1 - alpha) * spread[i][j] + alpha * level * (i == j) for j in range(d)]
            for i in range(d)
        ]

    def far(z: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> float:
        values, axes = np.linalg.eigh(covariance)  # principal axes, instead of solving
        return math.dist((axes.T @ (z - mean)) / np.sqrt(values), np.zeros(len(z)))

    for trial in range(20):
        rng = np.random.default_rng(trial)
        n, d, m = 2 + trial % 5, 1 + trial % 4, 1 + trial % 6
        alpha = (0.1, 0.3, 0.7)[trial % 3]
        mix = rng.normal(size=(d, d))
        features = rng.normal(size=(n, d)) @ mix + 3 * rng.normal(size=d)
        copy = features.copy()
        mean, covariance = gaussian(features, alpha)
        expected = parts(features.tolist(), alpha)
        assert near(mean, expected[0]), "wrong mean of random features"
        assert near(covariance, expected[1]), "wrong covariance of random features"
        assert near(features, copy), "the features were changed"
        pool = [
            [gaussian(rng.normal(size=(9, d)) + rng.normal(size=d)) for _ in range(size)]
            for size in rng.integers(1, 4, size=1 + trial % 3)
        ]
        z = 2 * rng.normal(size=(m, d))
        for history in pool:
            for mean, covariance in history:
                wanted = [far(row, mean, covariance) for row in z]
                assert near(mahalanobis(z, mean, covariance), wanted, 1e-6), "wrong distance"
        model, summed = choose(z, pool)
        for i, row in enumerate(z):
            sums = [math.fsum(far(row, *stage) for stage in history) for history in pool]
            assert int(model[i]) == min(range(len(sums)), key=sums.__getitem__), "wrong model"
            assert abs(float(summed[i]) - min(sums)) < 1e-6, "wrong summed distance"
    features = np.random.default_rng(5).normal(size=(3, 8))  # fewer scans than features
    assert near(gaussian(features)[1], parts(features.tolist(), 0.1)[1]), "default alpha is 0.1"
    here = (np.zeros(1), np.eye(1))
    model, summed = choose(np.array([[3.0]]), [[here], [here], [here, here]])
    assert int(model[0]) == 0, "equal sums: the older model"
    assert near(summed, [3.0]), "equal sums: the sum is one of them"


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3: forgotten, and learned (4 points)
#
# `scores[i, j]` is the Dice on the test scans of stage $j$ after training on stage $i$, both $0 \dots N-1$.
# Four averages sum the matrix $R$ up:
#
# | key | meaning | average of | over the stages |
# |---|---|---|---|
# | `dice` | what is deployed | $R_{N-1,j}$ | all |
# | `bwt` | backward transfer: the end against the moment when $j$ was learned | $R_{N-1,j} - R_{j,j}$ | $0 \dots N-2$ |
# | `fwt` | forward transfer: what training on $j$ does for $j$ | $R_{j,j} - R_{j-1,j}$ | $1 \dots N-1$ |
# | `forgetting` | the fall from the best score since $j$ was learned | $\max_{j \le i \le N-1} R_{i,j} - R_{N-1,j}$ | $0 \dots N-2$ |
#
# The last stage has nothing to forget yet, and no stage precedes the first: they are left out, not counted
# as 0. Forgetting is never negative; it exceeds $-$BWT where a stage gained from later ones before it lost.
# Mind these points:
#
# - Scores that were not measured are `nan`. They make those averages `nan` that need them, and no others.
#   (Joint training has a last row only, so a `dice` and no transfer.)
# - What a network could do on a stage *before* it was trained on it plays no role in forgetting.
# - With a single stage only `dice` is defined; the rest is `nan`.


# %% nbgrader={"grade": false, "grade_id": "transfer-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def transfers(scores: np.ndarray) -> dict[str, float]:
    """The averages "dice", "bwt", "fwt" and "forgetting" of scores (N, N), N >= 1."""
    ### BEGIN SOLUTION
    n, last, learned = len(scores), scores[-1], np.diag(scores)
    found = {"dice": float(last.mean()), "bwt": math.nan, "fwt": math.nan, "forgetting": math.nan}
    if n > 1:
        best = np.array([scores[j:, j].max() for j in range(n)])
        found["bwt"] = float((last - learned)[:-1].mean())
        found["fwt"] = float((learned[1:] - np.diag(scores, k=1)).mean())
        found["forgetting"] = float((best - last)[:-1].mean())
    return found
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "transfer-checks", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
scores = np.array([[0.8, 0.8, 0.1], [0.9, 0.7, 0.3], [0.6, 0.6, 0.9]])
found = transfers(scores)
assert set(found) == {"dice", "bwt", "fwt", "forgetting"}, f"four keys, not {sorted(found)}"
assert near(found["dice"], 0.7), f"the last row, 0.6, 0.6 and 0.9; yours {found['dice']}"
assert near(found["bwt"], -0.15), (
    "0.6 - 0.8 and 0.6 - 0.7 make -0.15 in the mean of TWO stages (the last cannot have forgotten "
    f"anything); yours {found['bwt']:.4f}"
)
assert near(found["fwt"], 0.25), (
    f"stage 1: 0.7 - 0.8, stage 2: 0.9 - 0.3; the first has none; yours {found['fwt']:.4f}"
)
assert near(found["forgetting"], 0.2), (
    "stage 0 was at 0.9 after stage 1 and fell by 0.3; stage 1 fell from 0.7 by 0.1 (the 0.8 was there "
    f"before it was learned): 0.2 in the mean; yours {found['forgetting']:.4f}"
)
joint = np.full((3, 3), np.nan)
joint[-1] = 0.9
assert near(transfers(joint)["dice"], 0.9), "joint training was measured at the end: it has a dice"
assert np.isnan(transfers(joint)["bwt"]), "joint training has no diagonal: its transfer is nan"
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    def reference(table: list[list[float]]) -> dict[str, float]:
        n, falls, gains, drops = len(table), [], [], []
        for j in range(n):
            column = [table[i][j] for i in range(n)]
            if j < n - 1:
                falls.append(column[-1] - column[j])
                since = sorted(column[j:], key=lambda v: (math.isnan(v), v))
                drops.append(since[-1] - column[-1])  # nan sorts last: it wins as it should
            if j:
                gains.append(column[j] - column[j - 1])
        means = [math.fsum(v) / len(v) if v else math.nan for v in (table[-1], falls, gains, drops)]
        return dict(zip(("dice", "bwt", "fwt", "forgetting"), means, strict=True))

    def compare(matrix: np.ndarray, words: str) -> None:
        before, expected = matrix.copy(), reference(matrix.tolist())
        found = transfers(matrix)
        for key, value in expected.items():
            assert near(found[key], value), f"{key}: {words}"
        assert near(matrix, before), "the scores were changed"

    for trial in range(30):
        rng = np.random.default_rng(trial)
        n = 1 + trial % 6
        matrix = rng.uniform(size=(n, n))
        compare(matrix, "wrong for a random matrix")
        matrix[np.triu_indices(n, k=2)] = np.nan  # never measured, and never needed
        compare(matrix, "needs no score from far above the diagonal")
        holed = matrix.copy()
        holed[tuple(rng.integers(n, size=2))] = np.nan
        compare(holed, "one score was not measured")
        joint = np.full((n, n), np.nan)
        joint[-1] = matrix[-1]
        compare(joint, "only the last row was measured")


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4: a new model or an old one? (6 points)
#
# **The scale.** The paper normalises distances "between the minimum and doubled maximum in-distribution
# values" and sets the threshold to $\xi = 2\mu$. We read it like this: let $t$ be the distances of
# the training scans to their own Gaussian. A distance $d$ becomes
#
# $$\hat d = \frac{d - \min t}{2 \max t - \min t},$$
#
# and $\xi$ is twice the mean of the *normalised* distances $\hat t$. A scan from far away gets more than 1:
# do not clip it.
#
# **The pool.** When the data of stage $i$ arrive, each model of the pool is as far from them as the sum, over
# the stages $k$ in its history, of `distances[i, k]` (equation 4; the entries are normalised already). The
# nearest model is $\hat\theta$; of equally near ones it is the oldest.
#
# 1. If its sum is **below** $\xi$, $\hat\theta$ is trained further, and stage $i$ joins its history.
# 2. Otherwise a new model is made: it starts from the weights of $\hat\theta$ and inherits a **copy** of
#    its history, to which stage $i$ is added. $\hat\theta$ stays as it is.
#
# Stage 0 makes model 0. Models are numbered in the order in which they are made. `distances[i, k]` exists
# for $k < i$ only; the rest of the matrix is `nan`, and nothing may depend on it.


# %% nbgrader={"grade": false, "grade_id": "pool-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def normalised(distances: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Distances on the scale of the training scans; training: (n,) distances t. The shape stays."""
    ### BEGIN SOLUTION
    low, high = training.min(), 2 * training.max()
    return (distances - low) / (high - low)
    ### END SOLUTION


def threshold(training: np.ndarray) -> float:
    """The threshold xi on the normalised scale."""
    ### BEGIN SOLUTION
    return float(2 * normalised(training, training).mean())
    ### END SOLUTION


def pool(distances: np.ndarray, xi: float) -> tuple[list[int], list[int | None], list[list[int]]]:
    """The pool after a whole stream.

    distances: (N, N), entry [i, k] is how far the data of stage i are from the Gaussian of stage k < i;
    xi: the threshold, -inf and inf included.
    Returns (trained, parents, histories): for each stage the model that was trained on it; for each
    model the one that it started from (None for model 0); for each model the stages of its history.
    """
    ### BEGIN SOLUTION
    trained: list[int] = [0]
    parents: list[int | None] = [None]
    histories = [[0]]
    for stage in range(1, len(distances)):
        sums = [sum(distances[stage, k] for k in history) for history in histories]
        best = sums.index(min(sums))
        if sums[best] < xi:
            histories[best].append(stage)
            trained.append(best)
        else:
            histories.append([*histories[best], stage])
            parents.append(best)
            trained.append(len(histories) - 1)
    return trained, parents, histories
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "pool-checks", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
training = np.array([1.0, 2.0, 3.0])
scaled = normalised(np.array([1.0, 6.0, 11.0]), training)
assert near(scaled, [0.0, 1.0, 2.0]), (
    f"the least, 1, becomes 0; twice the largest, 6, becomes 1; 11 becomes 2, unclipped; yours {scaled}"
)
assert near(threshold(training), 0.4), (
    f"normalised they are 0, 0.2 and 0.4, in the mean 0.2, and twice that is 0.4; yours "
    f"{threshold(training)}"
)
gaps = np.array(
    [
        [np.nan, np.nan, np.nan, np.nan],
        [0.2, np.nan, np.nan, np.nan],
        [0.9, 0.6, np.nan, np.nan],
        [0.1, 0.1, 0.9, np.nan],
    ]
)
trained, parents, histories = pool(gaps, 1.0)
assert trained == [0, 0, 1, 0], (
    "stage 1 is 0.2 away: model 0. Stage 2 is 0.9 + 0.6 = 1.5 away: a new model 1. Stage 3 is 0.2 away "
    f"from model 0, 1.1 from model 1: model 0. Yours: {trained}"
)
assert parents == [None, 0], f"model 0 starts from nothing, model 1 from model 0; yours {parents}"
assert histories[1] == [0, 1, 2], (
    "the new model inherits [0, 1] and adds 2. What model 0 learns afterwards is not its own; yours "
    f"{histories[1]}"
)
assert histories[0] == [0, 1, 3], f"model 0 never saw stage 2; yours {histories[0]}"
# A stream in which nothing changes: every stage is equally far from every other one.
trained, parents, histories = pool(np.ones((6, 6)), 3.0)
assert trained == [0, 0, 0, 1, 2, 3], (
    "a history of three sums up to 3, which is not below 3: from stage 3 on each stage gets a model of "
    f"its own, though nothing changes (think about it in exercise 5); yours {trained}"
)
assert parents == [None, 0, 0, 0], f"the shorter history is always the nearest; yours {parents}"
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    def reference(table: list[list[float]], xi: float) -> tuple[list, list, list]:
        models: list[tuple[int | None, tuple[int, ...]]] = [(None, (0,))]
        used = [0]
        for i, row in enumerate(table[1:], start=1):
            ranked = sorted(
                (math.fsum(row[k] for k in seen), number) for number, (_, seen) in enumerate(models)
            )
            far, nearest = ranked[0]
            parent, seen = models[nearest]
            if far < xi:
                models[nearest] = (parent, (*seen, i))
                used.append(nearest)
            else:
                used.append(len(models))
                models.append((nearest, (*seen, i)))
        return used, [parent for parent, _ in models], [list(seen) for _, seen in models]

    sizes = set()
    for trial in range(60):
        rng = np.random.default_rng(trial)
        n = 1 + trial % 8
        table = rng.integers(1, 17, size=(n, n)) / 8  # exact in binary, and ties are common
        table[np.triu_indices(n)] = np.nan
        for xi in (-np.inf, 0.5, 1.0, 2.0, 3.5, np.inf):
            before = table.copy()
            trained, parents, histories = pool(table, xi)
            expected = reference(table.tolist(), xi)
            assert [int(v) for v in trained] == expected[0], "wrong model trained"
            assert [v if v is None else int(v) for v in parents] == expected[1], "wrong parent"
            assert [[int(v) for v in h] for h in histories] == expected[2], "wrong history"
            assert near(table, before), "the distances were changed"
            sizes.add(len(parents))
        assert len(pool(table, -np.inf)[1]) == n, "minus infinity: a model for each stage"
        assert len(pool(table, np.inf)[1]) == 1, "infinity: one model for all"
        t = rng.uniform(0.5, 4, size=2 + trial % 5)
        d = rng.uniform(0, 12, size=(2, 3))
        lowest, highest = sorted(t.tolist())[0], sorted(t.tolist())[-1]
        wanted = [[(v - lowest) / (2 * highest - lowest) for v in row] for row in d.tolist()]
        assert near(normalised(d, t), wanted), "wrong scale"
        mean = math.fsum(t.tolist()) / len(t)
        assert near(threshold(t), 2 * (mean - lowest) / (2 * highest - lowest)), "wrong threshold"
    assert len(sizes) > 4, "this check must see pools of many sizes"


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5: what a claim shows (text, 4 points)
#
# Rows of the paper's Tables 1 and 2 for the stream "shifting source", as printed. The
# paper averages over tasks, and the numbers after $\pm$ seem to be the spread over them. "Models" are those in
# the pool at the end. "Gram" measures the distance in another way; the row without history compares the data
# with the last stage of each model only.
#
# | system | Dice | BWT | FWT | models |
# |---|---|---|---|---|
# | Sequential | .57 ± .32 | -.19 ± .12 | .14 ± .09 | |
# | ODEx | .87 ± .04 | -.03 ± .02 | .14 ± .09 | 2 |
# | ODEx without history | .57 ± .32 | -.19 ± .12 | .14 ± .09 | 1 |
# | ODEx with Gram distance | .57 ± .32 | -.19 ± .12 | .14 ± .09 | 1 |
#
# The paper concludes that the history is what makes ODEx work, and that the Gram distance "does not properly
# detect distribution shifts". Answer in about ten sentences:
#
# **(a)** Three of the four rows agree in every digit. Why must they? How many independent experiments are they?
# (1 point)
#
# **(b)** What do the rows show about the history and about the Gram distance, and what do they *not* show?
# (1 point)
#
# **(c)** Look again at the last check of exercise 4, a stream in which nothing changes. What does a sum over
# the history confuse with a shift of the data, and what does that mean for the explanation of the .87? (1 point)
#
# **(d)** Which experiment would separate "the history detects shifts" from "two models are better than one"?
# Say what you would keep fixed and what you would vary. (1 point)

# %% [markdown] nbgrader={"grade": true, "grade_id": "claim-answer", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# One point for each of (a) to (d); these are the thoughts to look for, not the words.
#
# **(a)** With one model there is nothing to choose and nothing is ever copied: each stage trains the same
# network further, which is sequential training. With the same seed and batches, as the equal digits suggest,
# the three rows are one run, printed three times. Their agreement is no replication and adds no certainty.
#
# **(b)** They show that, at the thresholds used, neither variant made a second model on this stream, and
# that a single model forgets. They do not show that these distances cannot tell the stages apart: with
# another threshold they might have. The scale of a distance without a sum, or of a Gram distance, is
# another one, and a threshold of the same form need not be equally strict. Nor does one stream with one run
# give a spread over repetitions; the printed one seems to be over tasks.
#
# **(c)** The sum grows with the length of the history even if nothing changes. So it confuses "this model
# has seen many stages" with "these data are different". The second model may have been made because the
# history had become long, and not because a shift was found: part of the gain may come from *having* two
# models, whatever made the second. (Worth a remark: the paper does not say whether the values that set its
# scale are sums as well. If they were, the scale would grow with the history and hide some of this.)
#
# **(d)** Keep the number of models (two) and the training fixed and vary only when the second is made: at
# each possible stage, by the history's distance, by a distance without history whose threshold was set
# so that it also makes two, and at random; with several seeds. The history detects shifts if its choice
# is better than the average moment, and if, on a stream without any shift, it makes no second model.
# (A mean over the history in place of the sum is a further variant.)
# ### END SOLUTION
