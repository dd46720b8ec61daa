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
# # Assignment: the parts of ODEx, and what they leave open
#
# A network learns from scans that arrive in stages. Nobody says when the population or the scanner
# changes, and the scans of a stage are gone once it is over. The chapter shows what ODEx and its rivals do
# about it. In this assignment you write versions of your own: importances without labels and a memory that
# fades, a stage remembered in few numbers, measures that an average hides, and a rule for the pool that
# does not mistake a long history for a shift. You will not find them in the book's library, but the ideas
# are those of the chapter. The arrays are so small that you can check most numbers with a pencil. You need
# PyTorch and NumPy and nothing else: no data, no GPU, no training.
#
# **Time.** Plan two hours if you have read the chapter, 20 to 25 minutes an exercise and the text.
#
# | exercise | what you write | points |
# |---|---|---:|
# | 1 | which weights mattered, and a memory that fades | 6 |
# | 2 | a stage in few numbers, and scans that no model knows | 5 |
# | 3 | what an average hides | 4 |
# | 4 | a new model or an old one? | 6 |
# | | **total** | **21** |
# | 5 | what a claim shows (text, read by your lecturer) | 4 |
#
# **How to work.** Replace each `raise NotImplementedError()` by your code. Keep the names and the
# arguments of the functions; add helper functions and cells as you like. Below each answer is a
# locked cell with self-checks: run it, and read what it says when it complains. Before you hand in,
# restart the kernel and run all cells from top to bottom; `medda course validate` followed by the name
# of this notebook does the same from a terminal.
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
import itertools
import math
import warnings

import numpy as np
import torch
from torch import Tensor

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
# ## Exercise 1: which weights mattered, and a memory that fades (6 points)
#
# **Importance.** Elastic weight consolidation (EWC) lets a weight move the less, the more the old predictions
# depend on it, as the diagonal of the *Fisher information* tells. A network for segmentation gives a logit
# $z_v$ for each of the $V$ voxels of a scan $x$, so $p_v = \sigma(z_v)$, and takes the voxels for independent:
#
# $$\log p(y \mid x) = \sum_v \bigl( y_v \log p_v + (1 - y_v) \log (1 - p_v) \bigr), \qquad
# F_i = \frac1N \sum_{n=1}^N \; \mathbb E_{y \sim p(\cdot \mid x_n)}
# \left[ \left( \frac{\partial \log p(y \mid x_n)}{\partial \theta_i} \right)^2 \right].$$
#
# The mask $y$ is drawn from the network's *own* prediction, so **no label is needed**. (The chapter's EWC puts
# the labelled mask in its place, the "empirical" Fisher.) There are $2^V$ masks, but you need none of them:
# with the slopes $J_{vi} = \partial z_v / \partial \theta_i$ of the logits given, the expectation has a closed
# form. Write down $\partial \log p(y \mid x) / \partial \theta_i$, square it, and ask which products survive
# the expectation.
#
# **A memory that fades.** EWC keeps a pair (weights $\theta_k^*$, importances $F_k$) for each stage of the
# past. It grows with every stage, and it forgives nothing. Let old terms fade by a factor $\gamma$ in each
# stage: after stage $k$ the penalty is to be
#
# $$P_k(\theta) = \gamma \, P_{k-1}(\theta) + \tfrac12 \sum_i F_{k,i} \left(\theta_i - \theta_{k,i}^*\right)^2,
# \qquad P_{-1} = 0.$$
#
# A sum of parabolas is a parabola, so **one** pair $(\bar\theta, \bar F)$ gives $P_k$ up to a constant, and
# the next pair follows from the last one. (Write the derivative down. Where $\bar F_i = 0$, any $\bar\theta_i$
# will do: take the newest weight, not `nan`.)
#
# **A step that cannot overshoot.** A gradient step of size $\eta$ on $\frac\lambda2 \bar F_i (\theta_i -
# \bar\theta_i)^2$ overshoots when $\eta \lambda \bar F_i > 1$ and diverges beyond 2. So, after the usual step
# for the new data has led to $\theta'$, take as the new weights
#
# $$\arg\min_\theta \; \frac{1}{2 \eta} \|\theta - \theta'\|^2
# + \frac\lambda2 \sum_i \bar F_i \left(\theta_i - \bar\theta_i\right)^2 ,$$
#
# which has a closed form, too.


# %% nbgrader={"grade": false, "grade_id": "importance-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def expected_fisher(logits: Tensor, slopes: Tensor) -> Tensor:
    """The importance of each weight, (p,).

    logits: z (N, V) of N scans with V voxels; slopes: J (N, V, p) of the logits by the p weights.
    """
    ### BEGIN SOLUTION
    p = logits.sigmoid()
    return ((p * (1 - p))[:, :, None] * slopes**2).sum(dim=1).mean(dim=0)
    ### END SOLUTION


def remember(
    memory: tuple[Tensor, Tensor] | None, weights: Tensor, importance: Tensor, decay: float
) -> tuple[Tensor, Tensor]:
    """The memory after a stage: one pair (weights, importances), (p,) each.

    memory: that after the stage before, None after none; weights, importance: (p,) of the stage that has
    just ended; decay: gamma, 0 ... 1.
    """
    ### BEGIN SOLUTION
    if memory is None:
        return weights, importance
    anchor, old = memory
    total = decay * old + importance
    pulled = (decay * old * anchor + importance * weights) / total
    return torch.where(total > 0, pulled, weights), total
    ### END SOLUTION


def held_step(
    weights: Tensor, memory: tuple[Tensor, Tensor] | None, strength: float, rate: float
) -> Tensor:
    """The weights (p,) after the step that holds them back.

    weights: theta' (p,); memory: as from `remember`, or None (nothing holds them); strength: lambda;
    rate: eta.
    """
    ### BEGIN SOLUTION
    if memory is None:
        return weights
    anchor, importance = memory
    pull = rate * strength * importance
    return (weights + pull * anchor) / (1 + pull)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "importance-checks", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# One scan, two voxels, both at p = 1/2; one weight that raises one logit and lowers the other.
fisher = expected_fisher(torch.zeros(1, 2), torch.tensor([[[1.0], [-1.0]]]))
assert fisher.shape == (1,), (
    f"an importance for each weight: expected (1,), got {tuple(fisher.shape)}"
)
assert close(fisher, torch.tensor([0.5])), (
    "four masks, each with the probability 1/4 and the slope 0, 1, -1 or 0 of its log-likelihood: "
    f"expected 0.5, got {fisher.item()}. Hint: the square of a sum, in the mean over the masks"
)
fisher = expected_fisher(torch.tensor([[math.log(3)], [0.0]]), torch.tensor([[[2.0]], [[1.0]]]))
assert close(fisher, torch.tensor([0.5])), (
    "two scans of one voxel. The first has p = 3/4 and slopes 2 x 1/4 and -2 x 3/4 of its two masks, 0.75 in "
    f"the mean of squares; the second has 0.25: expected 0.5, got {fisher.item()}"
)
memory = remember(None, torch.tensor([0.0, 5.0]), torch.tensor([6.0, 0.0]), 0.5)
memory = remember(memory, torch.tensor([4.0, 7.0]), torch.tensor([1.0, 0.0]), 0.5)
assert close(memory[1], torch.tensor([4.0, 0.0])), (
    f"importances 6, faded by 1/2, and 1: expected 4 (and 0), got {memory[1].tolist()}"
)
assert not memory[0].isnan().any(), "no stage needed the second weight: take the newest, not 0/0"
assert close(memory[0], torch.tensor([1.0, 7.0])), (
    "3/2 (w - 0)^2 + 1/2 (w - 4)^2 is least at 1, and nothing holds the second weight: expected [1, 7], "
    f"got {memory[0].tolist()}"
)
moved = held_step(torch.tensor([3.0, 9.0]), memory, 5.0, 0.05)
assert close(moved, torch.tensor([2.0, 9.0])), (
    "eta lambda F = 1 for the first weight, so its new value lies in the middle of 3 and 1; nothing holds "
    f"the second: expected [2, 9], got {moved.tolist()}"
)
### BEGIN HIDDEN TESTS


def _hidden_fisher() -> None:  # functions: they overwrite no name of the student's
    for trial in range(12):
        generator = torch.Generator().manual_seed(trial)
        n, v, p = 1 + trial % 4, 1 + trial % 5, 1 + trial % 3
        logits = 2 * torch.randn(n, v, generator=generator)
        slopes = torch.randn(n, v, p, generator=generator)
        wanted = torch.zeros(p)
        for z, slope in zip(logits, slopes, strict=True):
            for mask in itertools.product((0.0, 1.0), repeat=v):  # all masks there are
                chance, score = 1.0, torch.zeros(p)
                for y, one, row in zip(mask, z.tolist(), slope, strict=True):
                    q = 1 / (1 + math.exp(-one))
                    chance *= q if y else 1 - q
                    score = score + (y - q) * row
                wanted = wanted + chance * score**2 / n
        # topic: the expectation over all masks that the network itself would draw
        assert close(expected_fisher(logits, slopes), wanted, 1e-4), "wrong importance"


def _hidden_memory() -> None:
    for trial in range(24):
        generator = torch.Generator().manual_seed(100 + trial)
        stages, p, decay = 1 + trial % 4, 1 + trial % 5, (1.0, 0.7, 0.2, 0.0)[trial // 4 % 4]
        memory, present = None, torch.randn(p, generator=generator)
        slope = torch.zeros(p)
        for _ in range(stages):
            weights = torch.randn(p, generator=generator)
            importance = torch.rand(p, generator=generator)
            importance[0] = 0.0
            # topic: the memory after a stage, from the one before
            memory = remember(memory, weights, importance, decay)
            slope = decay * slope + importance * (present - weights)
            # topic: where nothing has importance, the newest weight stays
            assert close(memory[0][0], weights[0]), "without importance: the newest weight"
            # topic: the slope of the penalty that fades, after several stages
            assert close(memory[1] * (present - memory[0]), slope, 1e-4), "another slope"


def _hidden_step() -> None:
    for trial in range(12):
        generator = torch.Generator().manual_seed(200 + trial)
        weights, anchor = torch.randn(2, 4, generator=generator, dtype=torch.float64)
        importance = 10 ** (3 * torch.rand(4, generator=generator, dtype=torch.float64))
        importance[trial % 4] = 0.0
        strength, rate = (0.4, 3.0, 50.0)[trial % 3], (0.1, 2.0)[trial % 2]
        # topic: the minimum of both terms, for large importances, too
        found = held_step(weights, (anchor, importance), strength, rate)
        slope = (found - weights) / rate + strength * importance * (found - anchor)
        scale = 1 / rate + strength * importance
        assert close(slope / scale, torch.zeros(4, dtype=torch.float64)), "not the minimum"
    # topic: nothing is held without a memory
    assert close(held_step(torch.ones(2), None, 3.0, 0.1), torch.ones(2)), "nothing holds"


_hidden_fisher()
_hidden_memory()
_hidden_step()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2: a stage in few numbers, and scans that no model knows (5 points)
#
# **Compression.** At the end of a stage ODEx keeps the Gaussian of the features $z_1 \dots z_N$ of its scans
# (equation 3), a mean $\mu$ and a covariance $\Sigma$ **divided by $N$**. That is $d^2$ numbers a stage, and
# with fewer scans than features $\Sigma$ cannot be inverted. Keep less: let
# $\lambda_1 \ge \dots \ge \lambda_d$ be the eigenvalues of $\Sigma$ and $u_1 \dots u_d$ its unit eigenvectors.
# Kept are $r < d$ directions with their variances and **one** variance for all other directions, the mean
# of theirs, so that the total variance stays:
#
# $$\sigma^2 = \frac{1}{d - r} \sum_{j > r} \lambda_j .$$
#
# No variance, kept or $\sigma^2$, may be less than $\varphi\, \mathrm{tr}\,\Sigma / d$; a smaller one is raised to
# it. With $g = z - \mu$ the distance is
#
# $$D(z) = \sqrt{\; \sum_{j \le r} \frac{(u_j^T g)^2}{\lambda_j}
# \; + \; \frac{\|g\|^2 - \sum_{j \le r} (u_j^T g)^2}{\sigma^2} \;} .$$
#
# **Routing.** A *history* is the list of the compressed stages that a model was trained on. Equation 4 sums
# over it, so a model that has learned more lies farther from everything. Here a scan's distance to a model
# is the **mean** over the history. Each model has a *limit* $\ell$, the largest such mean that is normal for
# it. The scan goes to the model with the least ratio of mean and limit; of equal ones to the oldest. When
# all ratios exceed 1, no model knows such scans: the answer is $-1$, and a person has to look.
#
# Mind these points:
#
# - A single scan has no spread: raise a `ValueError` for fewer than two.
# - Rounding may make the numerator of the second term slightly negative: the distance is then not `nan`.
# - Each scan is routed for itself.


# %% nbgrader={"grade": false, "grade_id": "distance-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def compressed(
    features: np.ndarray, r: int, floor: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Mean (d,), axes (r, d), their variances (r,) largest first, and the variance of all other directions.

    features: (N, d); r: 1 ... d - 1; floor: phi. Raises ValueError for fewer than two rows.
    """
    ### BEGIN SOLUTION
    if len(features) < 2:
        raise ValueError(f"features: {len(features)} row(s) have no spread; two are needed")
    mean = features.mean(axis=0)
    gaps = features - mean
    values, vectors = np.linalg.eigh(gaps.T @ gaps / len(features))
    least = floor * values.mean()
    kept = np.maximum(values[::-1][:r], least)
    return mean, vectors.T[::-1][:r], kept, float(max(values[::-1][r:].mean(), least))
    ### END SOLUTION


def distance(z: np.ndarray, stage: tuple[np.ndarray, np.ndarray, np.ndarray, float]) -> np.ndarray:
    """The distance D (m,) of each row of z (m, d) from a stage as `compressed` describes it."""
    ### BEGIN SOLUTION
    mean, axes, variances, rest = stage
    gaps = z - mean
    along = (gaps @ axes.T) ** 2
    across = np.maximum((gaps**2).sum(axis=1) - along.sum(axis=1), 0)
    return np.sqrt((along / variances).sum(axis=1) + across / rest)
    ### END SOLUTION


def route(z: np.ndarray, histories: list[list[tuple]], limits: list[float]) -> list[int]:
    """The number of the model for each scan, or -1.

    z: (m, d); histories: for each model its stages as from `compressed`; limits: l > 0 of each model.
    """
    ### BEGIN SOLUTION
    means = [np.mean([distance(z, stage) for stage in history], axis=0) for history in histories]
    ratios = np.stack([mean / limit for mean, limit in zip(means, limits, strict=True)])
    return np.where(ratios.min(axis=0) <= 1, ratios.argmin(axis=0), -1).tolist()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "distance-checks", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Four scans with three features: the first varies most, the third not at all.
features = np.array([[5.0, 1, 0], [-3, 1, 0], [1, 3, 0], [1, -1, 0]])
mean, axes, variances, rest = compressed(features, 1, 0.03)
assert near(mean, [1.0, 1.0, 0.0]), f"the mean of the four scans: expected [1, 1, 0], got {mean}"
assert np.shape(axes) == (1, 3), (
    f"one direction of three numbers: expected (1, 3), got {np.shape(axes)}"
)
assert near(np.abs(axes), [[1.0, 0.0, 0.0]]), (
    f"the first feature varies most: expected the axis [1, 0, 0] or its negative, got {axes}"
)
assert near(variances, [8.0]), (
    f"4^2 and 4^2 and twice 0, in the mean: expected a variance of 8, got {variances}"
)
assert near(rest, 1.0), (
    f"the other two directions have the variances 2 and 0: expected 1 for both, got {rest}"
)
assert near(compressed(features, 2, 0.03)[3], 0.1), (
    "with two directions kept nothing is left for the third; the floor is 0.03 of 10 / 3: expected 0.1, "
    f"got {compressed(features, 2, 0.03)[3]}"
)
far = distance(np.array([[5.0, 2.0, 1.0], [1.0, 1.0, 0.0]]), (mean, axes, variances, rest))
assert near(far, [2.0, 0.0]), (
    "the gap (4, 1, 1) has 16 along the axis with a variance of 8, and 2 across with a variance of 1: "
    f"expected [2, 0], got {far}. Hint: is it squared?"
)
# Three stages on a line, one direction of variance 1 and one of 1: plain distances from 0, 4 and 10.
line = [(np.array([x, 0.0]), np.array([[1.0, 0.0]]), np.ones(1), 1.0) for x in (0.0, 4.0, 10.0)]
sent = route(
    np.array([[2.0, 0.0], [9.0, 0.0], [7.0, 0.0], [30.0, 0.0]]), [line[:2], line[2:]], [2, 2]
)
assert list(sent) == [0, 1, -1, -1], (
    "means of 2, 7, 5 and 28 to model 0 (stages at 0 and 4) and of 8, 1, 3 and 20 to model 1 (at 10), with "
    f"limits of 2: expected [0, 1, -1, -1], got {list(sent)}"
)
sent = route(np.array([[7.0, 0.0]]), [line[:2], line[2:]], [10.0, 2.0])
assert list(sent) == [0], (
    f"5 with a limit of 10 against 3 with a limit of 2: expected [0], got {list(sent)}"
)
try:
    compressed(features[:1], 1, 0.03)
    refused = False
except ValueError:
    refused = True
assert refused, "a single scan has no spread: a ValueError is expected"
### BEGIN HIDDEN TESTS


def _hidden_compression() -> None:  # functions: they overwrite no name of the student's
    for trial in range(24):
        rng = np.random.default_rng(trial)
        n, d = 2 + trial % 7, 2 + trial % 4
        r, floor = 1 + trial % (d - 1), (0.001, 0.05, 0.3)[trial % 3]
        features = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 3 * rng.normal(size=d)
        gaps = features - features.mean(axis=0)
        _, s, axes = np.linalg.svd(gaps / math.sqrt(n))  # of the scans, not of the covariance
        values = np.zeros(d)
        values[: len(s)] = s**2
        least = floor * math.fsum(values) / d
        kept = [max(v, least) for v in values[:r]]
        rest = max(math.fsum(values[r:]) / (d - r), least)
        # topic: mean, largest variances, the mean of the others, and the floor
        stage = compressed(features, r, floor)
        assert near(stage[0], features.mean(axis=0)), "wrong mean"
        assert near(stage[2], kept, 1e-6), "wrong variances"
        assert near(stage[3], rest, 1e-6), "wrong variance of the other directions"
        z = np.concatenate([2 * rng.normal(size=(3, d)), features[:2]])
        parts = [(axes @ (row - stage[0])) ** 2 for row in z]
        spread = np.array([*kept, *[rest] * (d - r)])
        # topic: the distance, along the kept directions and across them
        wanted = [math.sqrt(math.fsum(part / spread)) for part in parts]
        assert near(distance(z, stage), wanted, 1e-5), "wrong distance"
    tilted = np.array([[math.cos(1.0), math.sin(1.0)]])
    plane = (np.zeros(2), tilted, np.full(1, 1e6), 1e-14)
    # topic: rounding, where a scan lies exactly along a kept direction
    found = distance(np.outer(np.linspace(0.1, 50, 200), tilted[0]), plane)
    assert np.isfinite(found).all(), "a tiny negative number under the root"


def _hidden_routing() -> None:
    unknown = 0
    for trial in range(48):
        rng = np.random.default_rng(50 + trial)
        d, m = 2 + trial % 3, 1 + trial % 6
        models = [
            [compressed(rng.normal(size=(9, d)) + rng.normal(size=d), 1, 0.05) for _ in range(size)]
            for size in rng.integers(1, 4, size=1 + trial % 3)
        ]
        limits = (10 ** rng.uniform(0, 1.2, size=len(models))).tolist()
        z = 2 * rng.normal(size=(m, d))
        wanted = []
        for row in z:
            ratios = []
            for history, limit in zip(models, limits, strict=True):
                each = [_far(row, stage) for stage in history]
                ratios.append(math.fsum(each) / len(each) / limit)
            wanted.append(ratios.index(min(ratios)) if min(ratios) <= 1 else -1)
        unknown += wanted.count(-1)
        # topic: the least ratio of mean and limit for each scan, or nobody
        assert [int(j) for j in route(z, models, limits)] == wanted, "wrong model"
    assert unknown > 10, "these checks must see scans that no model knows"
    here = (np.zeros(2), np.array([[1.0, 0.0]]), np.ones(1), 1.0)
    # topic: equal ratios, and a ratio of exactly 1
    sent = route(np.array([[3.0, 0.0]]), [[here], [here], [here, here]], [3.0, 3.0, 3.0])
    assert [int(j) for j in sent] == [0], (
        "equal ratios of 1: the oldest model, which is near enough"
    )


def _far(row: np.ndarray, stage: tuple) -> float:
    mean, axes, variances, rest = stage
    full = rest * np.eye(len(mean)) + axes.T @ np.diag(variances - rest) @ axes
    gap = row - mean
    return math.sqrt(float(gap @ np.linalg.solve(full, gap)))


_hidden_compression()
_hidden_routing()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3: what an average hides (4 points)
#
# `scores[i, j, s]` is the Dice of test scan $s$ of stage $j$ after training on stage $i$; $i$ and $j$ run over
# $0 \dots N-1$. Dice, BWT and FWT are means over scans and stages. Means forgive: a stage that gains pays for
# one that loses, and a patient for another. Three measures that do not forgive, with $M_{ij}$ for the mean of
# `scores[i, j]` over the scans:
#
# | key | meaning | what it is |
# |---|---|---|
# | `worst` | how far did the stage that lost most fall? | the largest of $\max_{j \le i \le N-1} M_{ij} - M_{N-1,j}$ over the stages $j = 0 \dots N-2$ |
# | `harmed` | how many patients are worse off now? | the share of all test scans of the stages $0 \dots N-2$ whose Dice at the end lies more than the margin below that when their stage was learned |
# | `survived` | how long did a stage last? | a list, for $j = 0 \dots N-2$: how many later stages were learned before $M_{ij}$ *first* lay more than the margin below the best $M$ of this stage since it was learned |
#
# In `survived` the stage at which that happens does not count, and a later recovery changes nothing. If it
# never happens, all $N-1-j$ later stages count. Mind these points:
#
# - The last stage has nothing to forget yet; it is left out, not counted as 0.
# - What a network could do on a stage *before* it was trained on it plays no role. Those scores (above the
#   diagonal) may be `nan`.
# - Now and then a single scan was not measured: `nan`. $M$ is the mean over the others. In `harmed` a scan
#   counts only if it was measured at both moments. (Each stage has measured scans at every moment since it
#   was learned. If no scan has both, `harmed` is `nan`.)
# - With a single stage `worst` and `harmed` are `nan`, and `survived` is empty.


# %% nbgrader={"grade": false, "grade_id": "transfer-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def unforgiven(scores: np.ndarray, margin: float) -> dict[str, float | list[int]]:
    """The measures "worst", "harmed" and "survived" of scores (N, N, scans), N >= 1; margin: >= 0."""
    ### BEGIN SOLUTION
    n = len(scores)
    if n == 1:
        return {"worst": math.nan, "harmed": math.nan, "survived": []}
    falls, survived = [], []
    for j in range(n - 1):
        means = np.nanmean(scores[j:, j], axis=1)
        best = np.maximum.accumulate(means)
        falls.append(best[-1] - means[-1])
        fallen = np.flatnonzero(best - means > margin)
        survived.append(int(fallen[0]) - 1 if len(fallen) else n - 1 - j)
    changes = np.stack([scores[j, j] - scores[-1, j] for j in range(n - 1)])
    changes = changes[~np.isnan(changes)]
    harmed = float((changes > margin).mean()) if len(changes) else math.nan
    return {"worst": float(max(falls)), "harmed": harmed, "survived": survived}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "transfer-checks", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
nan = np.nan
scores = np.array(
    [
        [[0.8, 0.8], [nan, nan], [nan, nan]],  # after stage 0: its two test scans
        [[0.9, 0.9], [0.7, 0.7], [nan, nan]],
        [[0.9, 0.5], [0.65, 0.65], [0.9, 0.9]],
    ]
)
found = unforgiven(scores, 0.1)
assert set(found) == {"worst", "harmed", "survived"}, (
    f"three keys are expected, not {sorted(found)}"
)
assert near(found["worst"], 0.2), (
    "stage 0 went 0.8, 0.9, 0.7 in the mean, stage 1 went 0.7, 0.65: expected 0.2, got "
    f"{found['worst']:.4f}. Hint: from where does a stage fall?"
)
assert near(found["harmed"], 0.25), (
    "0.8 to 0.9, 0.8 to 0.5, and twice 0.7 to 0.65, with a margin of 0.1: one scan of four is expected, got "
    f"{found['harmed']:.4f}"
)
assert list(found["survived"]) == [1, 1], (
    "stage 0 outlived stage 1 and fell with stage 2; stage 1 outlived stage 2, within the margin: expected "
    f"[1, 1], got {list(found['survived'])}"
)
found = unforgiven(scores, 0.02)
assert near(found["harmed"], 0.75), (
    f"margin 0.02: expected three of four, got {found['harmed']:.4f}"
)
assert list(found["survived"]) == [1, 0], (
    f"margin 0.02: stage 1 falls at once, expected [1, 0], got {list(found['survived'])}"
)
alone = unforgiven(scores[:1, :1], 0.1)
assert np.isnan(alone["worst"]), "a single stage has forgotten nothing yet: nan is expected, not 0"
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    def reference(table: list, margin: float) -> dict:
        stages, falls, survived, hurt = len(table), [], [], []
        for j in range(stages - 1):
            kept = [[v for v in table[i][j] if not math.isnan(v)] for i in range(j, stages)]
            means = [math.fsum(row) / len(row) for row in kept]
            falls.append(max(means) - means[-1])
            best, lasted = means[0], 0
            for mean in means[1:]:
                best = max(best, mean)
                if best - mean > margin:
                    break
                lasted += 1
            survived.append(lasted)
            pairs = zip(table[j][j], table[-1][j], strict=True)
            hurt += [a - b > margin for a, b in pairs if not math.isnan(a + b)]
        return {
            "worst": max(falls, default=math.nan),
            "harmed": sum(hurt) / len(hurt) if hurt else math.nan,
            "survived": survived,
        }

    recovered = 0
    for trial in range(60):
        rng = np.random.default_rng(trial)
        n, scans, margin = 1 + trial % 6, 2 + trial % 3, (0.0, 0.03, 0.15, 0.5)[trial % 4]
        drift = rng.normal(size=(n, n, 1)).cumsum(axis=0) / 8
        table = 0.5 + drift + 0.1 * rng.uniform(size=(n, n, scans))
        if trial % 3:
            table[np.triu_indices(n, k=1)] = np.nan  # never measured, and never needed
        if trial % 2:
            missing = rng.uniform(size=table.shape) < 0.3
            missing[..., 0] = False
            table[missing] = np.nan
        # topic: stages without a successor, and scores that are missing
        found, wanted = unforgiven(table, margin), reference(table.tolist(), margin)
        # topic: the largest fall of a stage's mean since it was learned
        assert near(found["worst"], wanted["worst"]), "wrong largest fall"
        # topic: the share of scans that lost more than the margin, each against itself
        assert near(found["harmed"], wanted["harmed"]), "wrong share of harmed scans"
        # topic: how many later stages a stage outlived, before its first fall
        assert [int(v) for v in found["survived"]] == wanted["survived"], "wrong number of stages"
        last = [np.nanmean(table[j:, j], axis=1) for j in range(n - 1)]
        recovered += sum(
            stage.max() - stage[-1] <= margin and lasted < len(stage) - 1
            for stage, lasted in zip(last, wanted["survived"], strict=True)
        )
    assert recovered > 5, "these checks must see stages that recover"
    gone = np.array([[[0.5, nan], [nan, nan]], [[nan, 0.4], [0.9, 0.9]]])
    # topic: scans that were not measured at both moments
    assert np.isnan(unforgiven(gone, 0.1)["harmed"]), "no scan was measured twice"
    assert near(unforgiven(gone, 0.1)["worst"], 0.1), (
        "the means are of the scans that were measured"
    )


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4: a new model or an old one? (6 points)
#
# The paper sums distances over a model's history, brings them to a scale "between the minimum and doubled
# maximum in-distribution values" and lets the pool grow at $\xi = 2 \mu$, twice the mean on that scale. What
# such a threshold promises, nobody can say. Here is a rule with a promise.
#
# **How unusual is a scan?** Some scans of a stage were held out when it was described. Let $t_1 \dots t_n$ be
# their distances and $d$ that of a new scan. Its *p-value* is
#
# $$p = \frac{1 + \#\{m : t_m \ge d\}}{n + 1} .$$
#
# If the new scan is of the same kind, every place among the held-out ones is equally likely for it, and
# $p \le \alpha$ happens with a probability of $\alpha$ at most. No Gaussian is needed for that.
#
# **And with a history?** A model has learned from the stages of its history $B$. A scan that differs from
# *any* of them is news to it, so the least p-value counts. But the least of many is small by chance, so it
# is multiplied by their number (Bonferroni):
#
# $$p_B = \min\bigl(1,\; |B| \cdot \min_{k \in B} p_k\bigr) .$$
#
# **The pool.** When the data of stage $i$ arrive, one scan drawn by lot speaks for them; its p-value under
# stage $k$ is `p[i, k]`. The nearest model $\hat\theta$ is the one with the **largest** $p_B$; of equal ones it
# is the oldest.
#
# 1. If its $p_B$ is below $\alpha$ **and** the pool holds fewer than `most` models, a new model is made: it
#    starts from the weights of $\hat\theta$ and inherits a **copy** of its history, to which stage $i$ is added.
#    $\hat\theta$ stays as it is.
# 2. Otherwise $\hat\theta$ is trained further, and stage $i$ joins its history.
#
# Stage 0 makes model 0. Models are numbered in the order in which they are made. `p[i, k]` exists for
# $k < i$ only; the rest of the matrix is `nan`, and nothing may depend on it.


# %% nbgrader={"grade": false, "grade_id": "pool-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def p_values(distances: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    """The p-value (m,) of each of the distances (m,); held_out: t (n,), n >= 1."""
    ### BEGIN SOLUTION
    as_far = (held_out[None, :] >= distances[:, None]).sum(axis=1)
    return (1 + as_far) / (len(held_out) + 1)
    ### END SOLUTION


def pool(
    p: np.ndarray, alpha: float, most: int
) -> tuple[list[int], list[int | None], list[list[int]]]:
    """The pool after a whole stream.

    p: (N, N), entry [i, k] is the p-value of stage i under stage k < i; alpha: the level; most: models at
    most, >= 1.
    Returns (trained, parents, histories): for each stage the model that was trained on it; for each
    model the one that it started from (None for model 0); for each model the stages of its history.
    """
    ### BEGIN SOLUTION
    trained: list[int] = [0]
    parents: list[int | None] = [None]
    histories = [[0]]
    for stage in range(1, len(p)):
        usual = [min(1.0, len(h) * min(p[stage, k] for k in h)) for h in histories]
        best = usual.index(max(usual))
        if usual[best] < alpha and len(histories) < most:
            histories.append([*histories[best], stage])
            parents.append(best)
            trained.append(len(histories) - 1)
        else:
            histories[best].append(stage)
            trained.append(best)
    return trained, parents, histories
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "pool-checks", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
found = p_values(np.array([0.5, 2.0, 9.0]), np.array([1.0, 3.0, 2.0]))
assert np.shape(found) == (3,), f"a p-value for each distance: expected (3,), got {np.shape(found)}"
assert near(found, [1.0, 0.75, 0.25]), (
    "of the held-out 1, 2 and 3 all are as far as 0.5, two are at least as far as 2 (the equal one counts), none is as "
    f"far as 9: expected 4/4, 3/4 and 1/4, got {found}. Hint: can a p-value be 0?"
)
table = np.array(
    [
        [np.nan, np.nan, np.nan, np.nan],
        [0.50, np.nan, np.nan, np.nan],
        [0.90, 0.01, np.nan, np.nan],
        [0.30, 0.20, 0.001, np.nan],
    ]
)
trained, parents, histories = pool(table, 0.05, 9)
assert trained == [0, 0, 1, 0], (
    "stage 1: 0.5, model 0. Stage 2: twice 0.01, below 0.05, a new model 1. Stage 3: 0.4 for model 0, 0.003 "
    f"for model 1. Expected [0, 0, 1, 0], got {trained}"
)
assert parents == [None, 0], f"model 1 starts from model 0: expected [None, 0], got {parents}"
assert histories[1] == [0, 1, 2], (
    "the new model inherits [0, 1] and adds 2; what model 0 learns afterwards is not its own: expected "
    f"[0, 1, 2], got {histories[1]}"
)
assert histories[0] == [0, 1, 3], (
    f"model 0 never saw stage 2: expected [0, 1, 3], got {histories[0]}"
)
assert pool(table, 0.05, 1)[0] == [0, 0, 0, 0], "one model at most: it has to learn everything"
table[2] = [0.03, 0.90, np.nan, np.nan]
assert pool(table, 0.05, 9)[0] == [0, 0, 0, 1], (
    "0.03 would be below 0.05, but it is the least of two; 0.001 is small even for the least of three: "
    f"expected [0, 0, 0, 1], got {pool(table, 0.05, 9)[0]}"
)
# A stream in which nothing changes: each stage looks to each other one like a scan from the middle.
trained, parents, histories = pool(np.full((6, 6), 0.5), 0.05, 9)
assert histories == [[0, 1, 2, 3, 4, 5]], (
    f"nothing changes, so one model learns it all (think about it in exercise 5); got {histories}"
)
### BEGIN HIDDEN TESTS


def _hidden_p_values() -> None:  # functions: they overwrite no name of the student's
    for trial in range(20):
        rng = np.random.default_rng(trial)
        held_out = rng.integers(0, 9, size=1 + trial % 7) / 4  # equal distances are common
        new = rng.integers(0, 10, size=1 + trial % 5) / 4
        ranked = [sorted([*held_out.tolist(), d], reverse=True) for d in new.tolist()]
        wanted = [
            (len(row) - row[::-1].index(d)) / len(row)  # the last place that it could take
            for row, d in zip(ranked, new.tolist(), strict=True)
        ]
        # topic: p-values, equal distances among them
        assert near(p_values(new, held_out), wanted), "wrong p-value"


def _hidden_pool() -> None:
    def reference(table: list[list[float]], alpha: float, most: int) -> tuple[list, list, list]:
        models: list[tuple[int | None, tuple[int, ...]]] = [(None, (0,))]
        used = [0]
        for i, row in enumerate(table[1:], start=1):
            odd = [(-min(1, len(b) * min(row[k] for k in b)), j) for j, (_, b) in enumerate(models)]
            usual, nearest = sorted(odd)[0]
            parent, seen = models[nearest]
            if -usual >= alpha or len(models) == most:
                models[nearest] = (parent, (*seen, i))
                used.append(nearest)
            else:
                used.append(len(models))
                models.append((nearest, (*seen, i)))
        return used, [parent for parent, _ in models], [list(seen) for _, seen in models]

    sizes = set()
    for trial in range(80):
        rng = np.random.default_rng(trial)
        n = 1 + trial % 8
        table = rng.integers(1, 33, size=(n, n)) / 32  # exact in binary, and ties are common
        if trial % 2:
            table = table**2
        table[np.triu_indices(n)] = np.nan
        for alpha in (0.0, 0.125, 0.25, 0.5, 1.0):
            for most in (1, 2, 9):
                # topic: the nearest model of each stage, ties and a full pool among them
                trained, parents, histories = pool(table, alpha, most)
                expected = reference(table.tolist(), alpha, most)
                assert [int(v) for v in trained] == expected[0], "wrong model trained"
                # topic: what a new model starts from
                assert [v if v is None else int(v) for v in parents] == expected[1], "wrong parent"
                # topic: what belongs to the history of a model
                assert [[int(v) for v in h] for h in histories] == expected[2], "wrong history"
                sizes.add(len(parents))
    assert len(sizes) > 4, "these checks must see pools of many sizes"


_hidden_p_values()
_hidden_pool()
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
# **(c)** Take a stream in which nothing changes, every stage at the distance 1 from every other one, and a
# threshold of 3. When does a sum over the history make a new model, and when does your rule of exercise 4
# (see its last check)? What does the sum confuse with a shift of the data, and what does that mean for the
# explanation of the .87? (1 point)
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
# **(c)** Once a history has three entries, the sum is 3, which is not below the threshold: from stage 3 on every
# stage gets a model of its own. The rule of exercise 4 keeps one model.
# The sum grows with the length of the history even if nothing changes. So it confuses "this model
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
