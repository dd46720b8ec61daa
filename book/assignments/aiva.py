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
# # Assignment: the parts of AIVA
#
# A network was trained at one hospital and has to work at another one that sends images and no labels.
# In this assignment you write the pieces of AIVA and of two methods that it is compared with, on arrays so
# small that you can check every number with a pencil. You need PyTorch, NumPy and SciPy and nothing else:
# no data, no GPU, no training.
#
# **Time.** About 90 minutes if you have read the chapter; 15 to 20 minutes an exercise.
#
# | exercise | what you write | points |
# |---|---|---:|
# | 1 | match the clusters of two sites | 4 |
# | 2 | the alignment loss | 6 |
# | 3 | a weight that needs no label, and a checkpoint that needs none either | 4 |
# | 4 | the statistics of AdaBN | 5 |
# | 5 | optimal transport between two minibatches | 5 |
# | | **total** | **24** |
#
# **How to work.** Replace each `raise NotImplementedError()` by your code. Keep the names and the
# arguments of the functions; add helper functions and cells as you like. Below each answer is a
# locked cell with self-checks: run it, and read what it says when it complains. Before you hand in,
# restart the kernel and run all cells from top to bottom.
#
# **What is graded.** The self-checks and further hidden ones, which try your functions on random
# arrays and on the awkward cases that the text of the exercise names. An exercise counts as a whole:
# all its checks pass, or it scores nothing. The exercises do not depend on each other. How you
# write the code is not graded, as long as each check finishes within a minute.
#
# **Help.** Which help you may use, and how to name it, is for your course to say.
#
# **Conventions.** $s$ is the source (with labels), $t$ the target (without). A *feature* is the bottleneck
# of one slice as a vector of length $d$; $k$ is the number of clusters of each site. Equation numbers are
# those of Goodman et al., *Unsupervised Site Adaptation by Intra-site Variability Alignment* (DART 2022).

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import itertools
import math
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

# The grader takes anything on the error stream for a failure; a mere warning shall cost no points.
warnings.simplefilter("ignore")
torch.set_num_threads(1)  # the tensors are tiny: more threads would only wait for each other


def close(result: Tensor, expected: Tensor, tolerance: float = 1e-5) -> bool:
    """Same shape and, up to rounding, the same numbers."""
    return result.shape == expected.shape and torch.allclose(
        result.double(), expected.double(), rtol=tolerance, atol=tolerance
    )


# %% [markdown]
# ## Exercise 1: which group here answers to which group there? (4 points)
#
# Both sites were clustered. $\mu_i^t$ and $\mu_j^s$ are the centres, and equation 1 looks for the
# permutation
#
# $$\hat\pi = \arg\min_\pi \sum_{i=1}^{k} \left\|\mu_i^t - \mu_{\pi(i)}^s\right\|^2.$$
#
# So $\hat\pi(i)$ is the *source* cluster that answers to *target* cluster $i$. SciPy's
# `linear_sum_assignment(cost)` returns row numbers in increasing order and, for each row, the column that
# makes the total cost least.
#
# Mind these points:
#
# - The cost is the **squared** distance.
# - A greedy choice (each target takes the nearest source that is left) is not the optimum.
# - The inverse permutation looks just as good in code, and pulls the wrong groups together.


# %% nbgrader={"grade": false, "grade_id": "matching-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def match(target_centres: np.ndarray, source_centres: np.ndarray) -> np.ndarray:
    """The permutation of equation 1.

    target_centres, source_centres: (k, 2) floats. Returns (k,) integers: entry i is the source cluster
    that answers to target cluster i.
    """
    ### BEGIN SOLUTION
    gaps = target_centres[:, None] - source_centres[None, :]
    cost = (gaps**2).sum(axis=2)
    return linear_sum_assignment(cost)[1]
    ### END SOLUTION


def wanted_cluster(target_clusters: np.ndarray, matching: np.ndarray) -> np.ndarray:
    """The source cluster to which each target slice is to be pulled.

    target_clusters: (n,) integers, the cluster of each target slice; matching: (k,) as from `match`.
    Returns (n,) integers.
    """
    ### BEGIN SOLUTION
    return matching[target_clusters]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "matching-checks", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
source_centres = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
target_centres = source_centres[[1, 2, 0]] + 0.5  # target 0 lies near source 1, and so on
matching = match(target_centres, source_centres)
assert isinstance(matching, np.ndarray), f"return an array, not {type(matching).__name__}"
assert matching.shape == (3,), f"one source cluster for each target cluster, not {matching.shape}"
assert matching.tolist() == [1, 2, 0], (
    f"target 0 lies near source 1, 1 near 2, 2 near 0: the matching is [1, 2, 0]; yours is "
    f"{matching.tolist()}"
)
pulled = wanted_cluster(np.array([2, 0, 0, 1]), matching)
assert list(pulled) == [0, 1, 1, 2], (
    f"slices of the target clusters 2, 0, 0, 1 belong to the sources 0, 1, 1, 2; yours {list(pulled)}"
)
line = match(np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[1.0, 0.1], [3.0, 0.0]]))
assert line.tolist() == [0, 1], "0 to 1 and 1 to 3 costs 1 + 4; the other way round costs 9 + 0"
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(30):
        rng = np.random.default_rng(trial)
        k = 2 + trial % 5
        target, source = rng.normal(size=(k, 2)), 1.5 * rng.normal(size=(k, 2))

        def total(order: tuple[int, ...], t: np.ndarray = target, s: np.ndarray = source) -> float:
            return sum(math.dist(t[i], s[j]) ** 2 for i, j in enumerate(order))

        best = min(itertools.permutations(range(k)), key=total)
        found = match(target, source)
        assert tuple(int(j) for j in found) == best, "not the best permutation of random centres"
        which = rng.integers(k, size=9)
        expected = [best[i] for i in which]
        assert [int(j) for j in wanted_cluster(which, np.array(best))] == expected, "wrong cluster"


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2: pull the matched groups together (6 points)
#
# $\nu_j^s$ is the mean feature of source cluster $j$. $\bar x_i^t$ is the mean feature of the target slices
# *of this minibatch* that belong to target cluster $i$. Equation 2:
#
# $$L_{\mathrm{alignment}} = \sum_{i=1}^{k} \left\|\bar x_i^t - \nu_{\hat\pi(i)}^s\right\|^2.$$
#
# Mind these points:
#
# - A minibatch of eight cannot hold a slice of each of twelve clusters. A cluster without a slice has no
#   mean: leave it out of the sum (it must not count as a mean of zero, and nothing may become `nan`).
# - It is a **sum** over clusters of squared norms; a cluster with five slices counts as much as one with
#   one slice.
# - The source means are fixed for an epoch: no gradient flows into them.


# %% nbgrader={"grade": false, "grade_id": "alignment-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def source_means(features: Tensor, clusters: Tensor, k: int) -> Tensor:
    """The mean feature of every source cluster.

    features: (n, d) float; clusters: (n,) integers in 0 ... k - 1, each of which occurs. Returns (k, d).
    """
    ### BEGIN SOLUTION
    return torch.stack([features[clusters == j].mean(dim=0) for j in range(k)])
    ### END SOLUTION


def alignment_loss(target: Tensor, clusters: Tensor, means: Tensor, matching: Tensor) -> Tensor:
    """Equation 2 for one minibatch.

    target: (b, d) features of target slices; clusters: (b,) their target clusters; means: (k, d) of the
    source clusters; matching: (k,) integers, the source cluster of each target cluster.
    Returns a scalar that can be differentiated with respect to `target`.
    """
    ### BEGIN SOLUTION
    loss = target.new_zeros(())
    for i in clusters.unique():
        mean = target[clusters == i].mean(dim=0)
        loss = loss + (mean - means[matching[i]].detach()).square().sum()
    return loss
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "alignment-checks", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
features = torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 6.0]])
means = source_means(features, torch.tensor([0, 0, 1]), 2)
assert close(means, torch.tensor([[2.0, 0.0], [0.0, 6.0]])), (
    f"cluster 0 holds (1, 0) and (3, 0), cluster 1 holds (0, 6); your means are {means.tolist()}"
)
# Target cluster 0 is matched with source 1, target cluster 1 with source 0.
batch, of = torch.tensor([[0.0, 4.0], [0.0, 6.0]]), torch.tensor([0, 0])
loss = alignment_loss(batch, of, means, torch.tensor([1, 0]))
assert loss.shape == (), f"return one number for the minibatch, not shape {tuple(loss.shape)}"
assert not loss.isnan(), "target cluster 1 has no slice here: leave it out, do not divide by zero"
assert close(loss, torch.tensor(1.0)), (
    f"the mean (0, 5) is 1 away from source mean 1 = (0, 6), and cluster 1 is absent: 1.0; yours {loss}"
)
both = alignment_loss(
    torch.tensor([[0.0, 5.0], [2.0, 3.0]]), torch.tensor([0, 1]), means, torch.tensor([1, 0])
)
assert close(both, torch.tensor(10.0)), (
    f"1 for cluster 0 plus 9 for cluster 1 makes 10; yours {both}"
)
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(20):
        generator = torch.Generator().manual_seed(trial)
        k, d, b = 2 + trial % 6, 1 + trial % 4, 1 + trial % 9
        pool = torch.randn(4 * k, d, generator=generator)
        owner = torch.arange(4 * k) % k
        order = torch.randperm(4 * k, generator=generator)
        pool, owner = pool[order], owner[order]
        centre = [
            [sum(pool[n, c].item() for n in range(4 * k) if owner[n] == j) / 4 for c in range(d)]
            for j in range(k)
        ]
        assert close(source_means(pool, owner, k), torch.tensor(centre)), "wrong source means"
        target = torch.randn(b, d, generator=generator)
        clusters = torch.randint(k, (b,), generator=generator)
        matching = torch.randperm(k, generator=generator)
        expected, slope = 0.0, torch.zeros(b, d)
        for i in range(k):
            mine = [n for n in range(b) if clusters[n] == i]
            for c in range(d):
                if mine:
                    gap = sum(target[n, c].item() for n in mine) / len(mine)
                    gap -= centre[int(matching[i])][c]
                    expected += gap**2
                    slope[mine, c] = 2 * gap / len(mine)
        leaf = target.clone().requires_grad_()
        fixed = torch.tensor(centre).requires_grad_()
        loss = alignment_loss(leaf, clusters, fixed, matching)
        assert close(loss, torch.tensor(expected), 1e-4), "wrong loss on a random minibatch"
        loss.backward()
        assert close(leaf.grad, slope, 1e-4), "wrong gradient for the target features"
        assert fixed.grad is None or not fixed.grad.any(), "a gradient flows into the source means"


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3: two choices without a label of the target (4 points)
#
# **The weight.** $L = L_{\mathrm{segmentation}} + \lambda L_{\mathrm{alignment}}$ (equation 3). No label of the
# target can tell how large $\lambda$ should be. The paper takes one over the mean of the first alignment
# losses, so that the weighted term starts near 1.
#
# **The checkpoint.** Which state of the training is kept? The scores at hand belong to validation scans of
# the *source*. (The paper's released code takes labelled *test* scans of the *target*: an oracle.) Keep
# the step with the best score, and of several equal ones the earliest.


# %% nbgrader={"grade": false, "grade_id": "choices-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def reciprocal_weight(first_losses: list[float]) -> float:
    """Lambda: one over the mean of the first alignment losses.

    Raises ValueError for an empty list.
    """
    ### BEGIN SOLUTION
    if not first_losses:
        raise ValueError("there is no alignment loss to take the mean of")
    return len(first_losses) / sum(first_losses)
    ### END SOLUTION


def chosen_step(scores: dict[str, dict[int, float]]) -> int:
    """The step whose state is kept.

    scores: name of a set of scans -> (step -> score, higher is better). The names are "source validation"
    and perhaps others, such as "source test" and "target test".
    """
    ### BEGIN SOLUTION
    allowed = scores["source validation"]
    best = max(allowed.values())
    return min(step for step, score in allowed.items() if score == best)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "choices-checks", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
weight = reciprocal_weight([100.0, 300.0])
assert abs(weight - 0.005) < 1e-9, f"one over the mean of 100 and 300 is 0.005; yours is {weight}"
try:
    reciprocal_weight([])
    refused = False
except ValueError:
    refused = True
assert refused, "an empty list has no mean: raise a ValueError"
scores = {
    "source validation": {10: 0.90, 20: 0.94, 30: 0.94, 40: 0.92},
    "target test": {10: 0.55, 20: 0.60, 30: 0.71, 40: 0.80},
}
step = chosen_step(scores)
assert step != 40, "step 40 is best on labelled target scans, which nobody may look at"
assert step == 20, (
    f"steps 20 and 30 tie on the source's validation scans, 20 came first; yours {step}"
)
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(20):
        rng = np.random.default_rng(trial)
        losses = (10 ** rng.uniform(-3, 5, size=1 + trial % 6)).tolist()
        weight = reciprocal_weight(losses)
        mean = math.fsum(weight * loss for loss in losses) / len(losses)
        assert abs(mean - 1) < 1e-9, "the weighted losses must have the mean 1"
        steps = rng.permutation(np.arange(1, 9)).tolist()
        values = (rng.integers(5, size=8) / 10).tolist()
        mine = dict(zip(steps, values, strict=True))
        others = {"source test": {s: 1 - v for s, v in mine.items()}}
        others["target test"] = {s: float(s) for s in steps}
        best = sorted(steps, key=lambda s: (-mine[s], s))[0]
        assert chosen_step({**others, "source validation": mine}) == best, "wrong step"
        assert chosen_step({"source validation": mine}) == best, "other sets may be absent"


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4: the statistics of AdaBN (5 points)
#
# AdaBN keeps every weight and replaces, in each batch normalisation, the source's mean and variance of each
# channel by the target's, over **all** pixels of **all** bare target images. The images come in minibatches,
# and the last one may be smaller. Keep sums, so that the result is the same for every division into
# minibatches:
#
# $$m_c = \frac1N \sum x, \qquad v_c = \frac1N \sum x^2 - m_c^2,$$
#
# where $N$ counts images times pixels. (Averaging the variances of the minibatches is *not* the variance of
# all: it forgets that the means of the minibatches differ.) Sum in double precision.
#
# A channel is then normalised as $\gamma_c (x - m_c) / \sqrt{v_c + \varepsilon} + \beta_c$, with $\varepsilon$
# inside of the root.


# %% nbgrader={"grade": false, "grade_id": "statistics-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def statistics(batches: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Mean and (biased) variance of each channel over all minibatches.

    batches: tensors (n, c, h, w) with different n. Returns two tensors (c,).
    """
    ### BEGIN SOLUTION
    count, first, second = 0, 0.0, 0.0
    for part in batches:
        x = part.double()
        count += x.numel() // x.shape[1]
        first = first + x.sum(dim=(0, 2, 3))
        second = second + (x**2).sum(dim=(0, 2, 3))
    mean = first / count
    return mean, second / count - mean**2
    ### END SOLUTION


def normalise(
    x: Tensor, mean: Tensor, variance: Tensor, scale: Tensor, shift: Tensor, eps: float = 1e-5
) -> Tensor:
    """Batch normalisation with given statistics.

    x: (n, c, h, w); mean, variance, scale (gamma), shift (beta): (c,). Returns (n, c, h, w).
    """
    ### BEGIN SOLUTION
    m, v, g, b = (t[None, :, None, None] for t in (mean, variance, scale, shift))
    return g * (x - m) / (v + eps).sqrt() + b
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "statistics-checks", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# One channel, one pixel: the values 0, 0, 0 in the first minibatch and 8 in the second.
parts = [torch.zeros(3, 1, 1, 1), torch.full((1, 1, 1, 1), 8.0)]
mean, variance = statistics(parts)
assert mean.shape == (1,), f"one mean for each channel, shape (1,), not {tuple(mean.shape)}"
assert variance.shape == (1,), f"one variance for each channel, not {tuple(variance.shape)}"
assert close(mean, torch.tensor([2.0])), (
    f"the mean of 0, 0, 0, 8 is 2 (the mean of the minibatches' means would be 4); yours {mean.item()}"
)
assert close(variance, torch.tensor([12.0])), (
    f"(3 x 2^2 + 6^2) / 4 = 12, though within each minibatch nothing varies; yours {variance.item()}"
)
one = torch.ones(1)
normal = normalise(
    torch.full((1, 1, 1, 1), 8.0), torch.tensor([2.0]), torch.tensor([9.0]), 3 * one, one
)
assert normal.shape == (1, 1, 1, 1), f"the shape of the images stays; yours {tuple(normal.shape)}"
assert close(normal.flatten(), torch.tensor([7.0]), 1e-4), "3 x (8 - 2) / 3 + 1 makes 7"
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(20):
        generator = torch.Generator().manual_seed(trial)
        n, c = 4 + trial % 5, 1 + trial % 3
        x = torch.randn(n, c, 3, 4, generator=generator) * (1 + torch.arange(n).view(-1, 1, 1, 1))
        x = x + torch.arange(c).view(1, -1, 1, 1)
        channels = [x[:, i].flatten().double() for i in range(c)]
        means = torch.stack([v.mean() for v in channels])
        spreads = torch.stack([v.var(unbiased=False) for v in channels])
        for size in (1, 3, n):
            found = statistics(list(x.split(size)))
            assert close(found[0], means), "wrong mean for some division into minibatches"
            assert close(found[1], spreads), "wrong variance for some division into minibatches"
        scale, shift = torch.rand(2, c, generator=generator)
        expected = F.batch_norm(x, means.float(), spreads.float(), scale, shift, eps=1e-5)
        found = normalise(x, means.float(), spreads.float(), scale, shift)
        assert close(found, expected, 1e-4), "wrong normalisation"
    tiny = torch.tensor([[[[1e-3, -1e-3]]]])
    flat = normalise(tiny, torch.zeros(1), torch.zeros(1), torch.ones(1), torch.zeros(1), eps=1e-2)
    assert close(flat, tiny * 10, 1e-4), "eps stands inside of the root"
    far = [torch.full((2, 1, 1, 1), 4096.0), torch.full((2, 1, 1, 1), 4097.0)]
    assert close(statistics(far)[1], torch.tensor([0.25]), 1e-4), "sum in double precision"


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5: optimal transport between two minibatches (5 points)
#
# Seg-JDOT asks: if source slice $i$ were carried over to target slice $j$, how far is the way, and how badly
# would the source's mask fit the prediction there?
#
# $$C_{ij} = \alpha \left\|x_i^s - x_j^t\right\|^2 + \beta\, \mathrm{BCE}\!\left(y_i, z_j\right).$$
#
# $x$ are features, $y_i$ is the mask of source slice $i$, $z_j$ are the *logits* of target slice $j$, and BCE
# is the binary cross entropy **summed** over pixels. A transport plan gives mass $\gamma_{ij} \ge 0$ to every
# pair, with row and column sums $1/m$; the optimal one has the least $\sum_{ij} \gamma_{ij} C_{ij}$. For
# square problems with equal weights an optimal plan sits on a permutation, with $1/m$ on each of its pairs:
# an assignment problem again.
#
# Mind these points:
#
# - Logits may be as large as 200; the loss must not become infinite.
# - The plan is computed from the values of $C$ and then held fixed: the gradient flows through the entries
#   of $C$ that carry mass.


# %% nbgrader={"grade": false, "grade_id": "transport-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def joint_cost(
    source: Tensor, target: Tensor, masks: Tensor, logits: Tensor, alpha: float, beta: float
) -> Tensor:
    """The cost of all pairs.

    source (m, d), target (n, d): features; masks (m, 1, h, w) bool of the source slices; logits
    (n, 1, h, w) of the target slices. Returns (m, n).
    """
    ### BEGIN SOLUTION
    distance = (source[:, None] - target[None]).square().sum(dim=2)
    y, z = masks.flatten(1).to(logits.dtype), logits.flatten(1)
    entropy = torch.stack(
        [
            F.binary_cross_entropy_with_logits(z, row.expand_as(z), reduction="none").sum(dim=1)
            for row in y
        ]
    )
    return alpha * distance + beta * entropy
    ### END SOLUTION


def transport_cost(cost: Tensor) -> Tensor:
    """The least total cost of carrying uniform weights 1/m over to uniform weights 1/m.

    cost: (m, m). Returns a scalar that can be differentiated with respect to `cost`.
    """
    ### BEGIN SOLUTION
    rows, columns = linear_sum_assignment(cost.detach().numpy())
    return cost[torch.as_tensor(rows), torch.as_tensor(columns)].mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "transport-checks", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
source, target = torch.tensor([[0.0, 0.0], [3.0, 4.0]]), torch.tensor([[0.0, 1.0]])
masks = torch.tensor([[[[True, False]]], [[[False, False]]]])
cost = joint_cost(source, target, masks, torch.zeros(1, 1, 1, 2), alpha=1.0, beta=0.0)
assert cost.shape == (2, 1), (
    f"two source slices and one target slice: (2, 1), not {tuple(cost.shape)}"
)
assert close(cost, torch.tensor([[1.0], [18.0]])), (
    f"0^2 + 1^2 = 1 and 3^2 + 3^2 = 18; yours are {cost.flatten().tolist()}"
)
cost = joint_cost(source, target, masks, torch.zeros(1, 1, 1, 2), alpha=0.0, beta=1.0)
assert close(cost, torch.full((2, 1), 2 * math.log(2))), (
    "a logit of 0 costs ln 2 in each of the two pixels, summed, whatever the mask"
)
table = torch.tensor([[1.0, 2.0], [1.0, 5.0]])
assert close(transport_cost(table), torch.tensor(1.5)), (
    "2 + 1 against 1 + 5: the pairs (0, 1) and (1, 0) carry 1/2 each, which makes 1.5"
)
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(15):
        generator = torch.Generator().manual_seed(trial)
        m, n, d = 1 + trial % 4, 1 + trial % 3, 1 + trial % 5
        xs, xt = torch.randn(m, d, generator=generator), torch.randn(n, d, generator=generator)
        masks = torch.rand(m, 1, 2, 3, generator=generator) > 0.4
        logits = 3 * torch.randn(n, 1, 2, 3, generator=generator)
        expected = torch.zeros(m, n)
        for i, j in itertools.product(range(m), range(n)):
            gap = sum((a - b) ** 2 for a, b in zip(xs[i].tolist(), xt[j].tolist(), strict=True))
            pixels = zip(masks[i].flatten().tolist(), logits[j].flatten().tolist(), strict=True)
            entropy = sum(math.log1p(math.exp(-z if y else z)) for y, z in pixels)
            expected[i, j] = 0.3 * gap + 0.7 * entropy
        found = joint_cost(xs, xt, masks, logits, 0.3, 0.7)
        assert close(found, expected, 1e-4), "wrong cost of some pair"
        size = 1 + trial % 6
        table = torch.rand(size, size, generator=generator).requires_grad_()
        values = table.detach().tolist()
        orders = itertools.permutations(range(size))
        best = min(orders, key=lambda p: sum(values[i][j] for i, j in enumerate(p)))
        loss = transport_cost(table)
        wanted = sum(values[i][j] for i, j in enumerate(best)) / size
        assert close(loss, torch.tensor(wanted), 1e-4), "not the least transport cost"
        loss.backward()
        slope = torch.zeros(size, size)
        slope[range(size), list(best)] = 1 / size
        assert close(table.grad, slope), (
            "the gradient is the plan: 1/m on the pairs that carry mass"
        )
    large = torch.tensor([[[[200.0, -200.0]]]])
    masks = torch.tensor([[[[True, False]]], [[[False, True]]]])
    cost = joint_cost(torch.zeros(2, 1), torch.zeros(1, 1), masks, large, 1.0, 1.0)
    assert close(cost, torch.tensor([[0.0], [400.0]])), "large logits must stay finite and exact"


_hidden_checks()
### END HIDDEN TESTS
