# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: nbgrader
#     notebook_metadata_filter: medda
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   medda:
#     class: 90 minutes, from the second year of a master's course on
#     before: students read the chapter up to "The experiment"
#     aims:
#       C1: "match two sets of groups at the least total cost, say in which direction the result points, and decide when a group should have no partner | minutes 24–40"
#       C2: "derive the gradient of an alignment loss with respect to one slice, and say which group rules it | minutes 40–52; question 2"
#       C3: "compute mean and variance of a mixture, and predict for a described site whether AdaBN helps or harms | question 4"
#       C4: "detect in a described experiment where labels of the target were used to choose something | minutes 82–88; question 6"
#       C5: "read the chapter's tables as evidence about phantoms, and name the sentence that they do not support | minutes 70–82"
#     exercises:
#       matching: {write: "match the groups of two sites, or leave one alone", varies: "equation (1), a forced permutation", minutes: 25, aims: [C1]}
#       alignment: {write: an alignment loss that one odd group cannot rule, varies: "equation (2)", minutes: 30, aims: [C2]}
#       statistics: {write: AdaBN with few images, varies: AdaBN, minutes: 25, aims: [C3]}
# ---

# %% [markdown]
# # Assignment: the parts of AIVA, and what they leave open
#
# A network was trained at one hospital and has to work at another one that sends images and no labels.
# AIVA and the methods that it is compared with make assumptions: both sites hold the same kinds of slices,
# no feature lies far off, there are images enough for new statistics. In this assignment you write versions
# that need less. So you will not find them in the book's library, but the ideas are those of the chapter.
# The arrays are so small that you can check every number with a pencil. You need PyTorch, NumPy and SciPy
# and nothing else: no data, no GPU, no training.
#
# <!-- frame -->
#
# **Conventions.** $s$ is the source (with labels), $t$ the target (without). A *feature* is the bottleneck
# of one slice as a vector of length $d$; a *group* is a cluster of slices of one site. Equation numbers are
# those of Goodman et al., *Unsupervised Site Adaptation by Intra-site Variability Alignment* (DART 2022).

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import math
import warnings

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

# The grader takes anything on the error stream for a failure; a mere warning shall cost no points.
warnings.simplefilter("ignore")
torch.set_num_threads(1)  # the tensors are tiny: more threads would only wait for each other


def expect(found: object, wanted: object, words: str, tolerance: float = 1e-4) -> None:
    """Complain, with a hint, unless a result has the kind, the shape and the numbers expected."""
    if isinstance(wanted, (Tensor, np.ndarray)) and not isinstance(found, type(wanted)):
        kinds = f"expected {type(wanted).__name__}, got {type(found).__name__}"
        raise AssertionError(f"{kinds}: {words}")
    mine, right = (
        np.asarray(v.detach() if isinstance(v, Tensor) else v, dtype=float) for v in (found, wanted)
    )
    assert mine.shape == right.shape, f"expected shape {right.shape}, got {mine.shape}: {words}"
    if not np.allclose(mine, right, tolerance, tolerance, equal_nan=True):
        expected, got = (np.round(v, 4).tolist() for v in (right, mine))
        raise AssertionError(f"expected {expected}, got {got}: {words}")


# %% [markdown]
# ## Exercise 1: who answers to whom, and who to nobody? (4 points)
#
# Equation 1 gives every group of the target a partner in the source, whatever the distance. But a hospital
# that also images the neck has groups that nothing in a set of heads answers to, and pulling them to a
# partner does harm. So now the sites may have *different* numbers of groups, $k_t$ and $k_s$, and a target
# group may stay alone for a price $\rho$. Let $\mu_i^t$ and $\mu_j^s$ be the centres. We look for the set
# $M$ of pairs $(i, j)$, in which no $i$ and no $j$ occurs twice, with the least
#
# $$\sum_{(i,j) \in M} \left\|\mu_i^t - \mu_j^s\right\|^2 \; + \; \rho \, (k_t - |M|).$$
#
# A source group without a partner costs nothing.
#
# A cautious neighbour of this idea needs no price: $i$ and $j$ are **mutual nearest neighbours** when $j$ is
# the source group nearest to $i$ *and* $i$ is the target group nearest to $j$.
#
# Mind these points:
#
# - The cost is the **squared** distance.
# - Matching all groups first and then cutting the pairs that are dearer than $\rho$ is not the optimum: a cut
#   pair has blocked a source group that another target group could have used.
# - Either site may have more groups than the other one.
# - SciPy's `linear_sum_assignment(cost)` solves rectangular problems, too: it returns row numbers in
#   increasing order and, for each, its column, and it uses each column once at most. How can "stays alone"
#   become something that a row is assigned to?


# %% nbgrader={"grade": false, "grade_id": "matching-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def match_or_leave(
    target_centres: np.ndarray, source_centres: np.ndarray, price: float
) -> np.ndarray:
    """The best matching in which a target group may stay alone.

    target_centres: (k_t, 2), source_centres: (k_s, 2) floats; price: rho, finite and >= 0.
    Returns (k_t,) integers: the source group of each target group, or -1 for one that stays alone.
    """
    ### BEGIN SOLUTION
    k_t, k_s = len(target_centres), len(source_centres)
    gaps = target_centres[:, None] - source_centres
    places = np.hstack([(gaps**2).sum(axis=2), np.full((k_t, k_t), price)])
    found = linear_sum_assignment(places)[1]
    return np.where(found < k_s, found, -1)
    ### END SOLUTION


def mutual(target_centres: np.ndarray, source_centres: np.ndarray) -> np.ndarray:
    """Mutual nearest neighbours: (k_t,) integers, -1 for a target group that has none.

    target_centres: (k_t, 2), source_centres: (k_s, 2) floats.
    """
    ### BEGIN SOLUTION
    gaps = target_centres[:, None] - source_centres
    cost = (gaps**2).sum(axis=2)
    both = (cost == cost.min(axis=1, keepdims=True)) & (cost == cost.min(axis=0))
    return np.where(both.any(axis=1), both.argmax(axis=1), -1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "matching-checks", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Three groups here, two there: targets 0 and 2 lie near the sources 1 and 0, target 1 near nothing.
target_centres = np.array([[10.0, 1.0], [50.0, 50.0], [1.0, 0.0]])
source_centres = np.array([[0.0, 0.0], [10.0, 0.0]])
words = "targets 0 and 2 have a source within the price, target 1 is alone; an entry names a source"
expect(match_or_leave(target_centres, source_centres, 9.0), np.array([1, -1, 0]), words)
line = match_or_leave(np.array([[0.0, 0], [3, 0]]), np.array([[2.0, 0], [20, 0]]), 9.0)
words = (
    "targets at 0 and 3, sources at 2 and 20, price 9: what does each possible set of pairs cost?"
)
expect(line, [-1, 0], words)
here, there = np.array([[0.0, 0], [4, 0]]), np.array([[3.0, 0], [7, 0]])
words = "targets at 0 and 4, sources at 3 and 7: the cheapest pair need not be part of the best matching"
expect(match_or_leave(here, there, 100.0), [0, 1], words)
words = "both targets have the source at 3 nearest; only one of them is nearest to it"
expect(mutual(here, there), np.array([-1, 0]), words)


### BEGIN HIDDEN TESTS
def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    def ways(rows: int, free: list[int]) -> list[list[int]]:
        rests = [(j, [f for f in free if f != j]) for j in (-1, *free)]
        return [[j, *way] for j, rest in rests for way in ways(rows - 1, rest)] if rows else [[]]

    alone = 0
    for trial in range(32):
        rng = np.random.default_rng(trial)
        k_t, k_s = 1 + trial % 4, 1 + (trial // 4) % 4
        target, source = rng.normal(size=(k_t, 2)), 1.5 * rng.normal(size=(k_s, 2))
        gaps = [[math.dist(t, s) ** 2 for s in source.tolist()] for t in target.tolist()]
        for price in (0.0, 0.4, 1.5, 1e6):
            totals = [
                (sum(row[j] if j >= 0 else price for row, j in zip(gaps, way, strict=True)), way)
                for way in ways(k_t, list(range(k_s)))
            ]
            # topic: the least total, with the price of those who stay alone; either site may have more groups
            found = [int(j) for j in match_or_leave(target, source, price)]
            assert found == min(totals)[1], "not the cheapest matching of random centres"
            alone += found.count(-1)
        wanted = []
        for row in gaps:
            j = row.index(min(row))
            wanted.append(j if row[j] == min(other[j] for other in gaps) else -1)
        # topic: mutual nearest neighbours: nearest in both directions
        assert [int(j) for j in mutual(target, source)] == wanted, "wrong mutual neighbours"
    assert alone > 80, "these checks must see groups that stay alone"


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2: an alignment that one odd group cannot rule (6 points)
#
# Equation 2 pulls the mean of each target group to the mean of *one* source group, by a squared distance.
# Two changes:
#
# **A group may answer to several, or to none.** `links[i, j]` says whether target group $i$ answers to source
# group $j$. The place to which group $i$ is pulled is the mean of **all slices** of the source groups that it
# is linked with. Kept are only the mean $\nu_j$ and the size $m_j$ of each source group; that suffices:
#
# $$b_i = \text{the mean of all slices of the source groups linked with } i .$$
#
# **No group may rule the gradient.** The square makes the farthest group the loudest, and the farthest is
# the one that was most likely matched wrongly. Let $\bar x_i$ be the mean of the $n_i$ slices of group $i$ in
# this minibatch, $r_i = \|\bar x_i - b_i\|$ its distance, and
#
# $$
# L = \sum_i \frac{n_i}{n} \, H_\delta(r_i), \qquad
# H_\delta(r) = \begin{cases} r^2 / 2 & r \le \delta \\ \delta \, (r - \delta/2) & r > \delta , \end{cases}
# $$
#
# where the sum runs over the groups that are linked **and** have slices in the minibatch, and $n$ is the
# number of their slices.
#
# Mind these points:
#
# - Huber's $H_\delta$ is taken of the *length* of the gap, not of each of its components.
# - A group without slices has no mean, one without links has no place to go: both are left out, also of
#   $n$. If nothing is left, the loss is 0 (and `backward()` still works). Nothing may become `nan`.
# - A group that sits exactly where it should has $r_i = 0$. There, too, the **gradient** must be finite
#   (it is 0); PyTorch's derivative of a square root at 0 is not.
# - The source means are fixed: no gradient flows into them.


# %% nbgrader={"grade": false, "grade_id": "alignment-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def barycentres(means: Tensor, sizes: Tensor, links: Tensor) -> Tensor:
    """The place b_i of each target group.

    means: (k_s, d) float, the mean feature of each source group; sizes: (k_s,) integers > 0, its number of
    slices; links: (k_t, k_s) bool. Returns (k_t, d); zeros for a group without a link.
    """
    ### BEGIN SOLUTION
    mass = links.to(means.dtype) * sizes
    return mass @ means / mass.sum(dim=1, keepdim=True).clamp(min=1)
    ### END SOLUTION


def robust_alignment(
    target: Tensor, clusters: Tensor, means: Tensor, sizes: Tensor, links: Tensor, delta: float
) -> Tensor:
    """The loss L of one minibatch.

    target: (b, d) features of target slices; clusters: (b,) integers, their target groups; means, sizes,
    links: as in `barycentres`; delta: > 0.
    Returns a scalar that can be differentiated with respect to `target`.
    """
    ### BEGIN SOLUTION
    places = barycentres(means, sizes, links).detach()
    loss, n = 0.0 * target.sum(), 0
    for i in clusters.unique():
        mine = target[clusters == i]
        if links[i].any():
            squared = (mine.mean(dim=0) - places[i]).square().sum()
            near = squared <= delta**2  # a root is taken of the others only
            cost = squared / 2 if near else delta * (squared.sqrt() - delta / 2)
            loss, n = loss + len(mine) * cost, n + len(mine)
    return loss / max(n, 1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "alignment-checks", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Source group 0 has three slices around (0, 0), group 1 has one slice at (4, 0).
means, sizes = torch.tensor([[0.0, 0.0], [4.0, 0.0]]), torch.tensor([3, 1])
# Target group 0 answers to both, group 1 to nobody, group 2 to source group 1.
links = torch.tensor([[True, True], [False, False], [False, True]])
places = barycentres(means, sizes, links)
words = "three slices with the mean (0, 0) and one at (4, 0): do both groups weigh the same?"
expect(places[0], torch.tensor([1.0, 0.0]), words)
words = "group 1 has no link: zeros, not nan; group 2 goes to (4, 0)"
expect(places[1:], torch.tensor([[0.0, 0.0], [4.0, 0.0]]), words)
batch = torch.tensor([[1.0, 1.0], [1.0, 3.0]])  # both of target group 0; their mean is (1, 2)
loss = robust_alignment(batch, torch.tensor([0, 0]), means, sizes, links, 10.0)
expect(loss, 2.0, "the mean (1, 2) is 2 away from (1, 0), which is below delta = 10")
loss = robust_alignment(batch, torch.tensor([0, 0]), means, sizes, links, 1.0)
expect(loss, 1.5, "a distance of 2 with delta = 1: which branch of H, and of what?")
batch = torch.tensor([[1.0, 1.0], [1.0, 3.0], [4.0, 0.0], [70.0, 70.0]], requires_grad=True)
loss = robust_alignment(batch, torch.tensor([0, 0, 2, 1]), means, sizes, links, 1.0)
words = "group 0: two slices, H = 1.5; group 2: one slice, H = 0; group 1 has no link. Which does n count?"
expect(loss, 1.0, words)
(slope,) = torch.autograd.grad(loss, batch)
words = (
    "group 2 sits exactly at its place: where does your code take a root, and is it needed there?"
)
assert slope.isfinite().all(), f"its gradient is not finite; {words}"


### BEGIN HIDDEN TESTS
def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    empty, far, near = 0, 0, 0
    for trial in range(40):
        generator = torch.Generator().manual_seed(trial)
        k_t, k_s, d, b = 1 + trial % 4, 1 + trial % 5, 1 + trial % 3, 1 + trial % 7
        means = torch.randn(k_s, d, generator=generator)
        sizes = torch.randint(1, 9, (k_s,), generator=generator)
        links = torch.rand(k_t, k_s, generator=generator) < 0.35
        target, delta = 2 * torch.randn(b, d, generator=generator), (0.4, 1.0, 2.5)[trial % 3]
        clusters = torch.randint(k_t, (b,), generator=generator)
        place = {}
        for i in range(k_t):
            slices = [means[j] for j in range(k_s) if links[i, j] for _ in range(sizes[j])]
            if slices:
                place[i] = torch.stack(slices).mean(dim=0)
        wanted = torch.stack([place.get(i, torch.zeros(d)) for i in range(k_t)])
        # topic: the mean of all slices of the linked source groups
        expect(barycentres(means, sizes, links), wanted, "wrong barycentres", 1e-4)
        leaf, fixed = target.clone().requires_grad_(), means.clone().requires_grad_()
        counted = [i for i in clusters.tolist() if i in place]
        expected = 0.0 * leaf.sum()
        for i in set(counted):
            r = (leaf[clusters == i].mean(dim=0) - place[i]).norm()
            h = r * r / 2 if r <= delta else delta * (r - delta / 2)
            expected = expected + counted.count(i) / len(counted) * h
            far, near = far + int(r > delta), near + int(r <= delta)
        empty += not counted
        # topic: the loss L: which groups are left out, which slices n counts, the two branches of H
        loss = robust_alignment(leaf, clusters, fixed, sizes, links, delta)
        expect(loss, expected, "wrong loss on a random minibatch", 1e-4)
        # topic: the gradient for the target's features, and none for the source's means
        (slope,) = torch.autograd.grad(expected, leaf)
        loss.backward()
        found = torch.zeros(b, d) if leaf.grad is None else leaf.grad
        expect(found, slope, "wrong gradient for the target features", 1e-4)
        assert fixed.grad is None or not fixed.grad.any(), "a gradient flows into the means"
    assert min(empty, far, near) > 3, "these checks must see all cases"
    # topic: a minibatch of which nothing is left
    nowhere = torch.zeros(2, 2).bool()
    leaf = torch.tensor([[0.0, 0.0], [5.0, 5.0]], requires_grad=True)  # one of them at its place
    spots, every = torch.tensor([[0.0, 0.0], [5.0, 1.0]]), torch.eye(2, dtype=torch.bool)
    one, groups = torch.tensor([1, 1]), torch.tensor([0, 1])
    loss = robust_alignment(0 * leaf, groups, spots, one, nowhere, 2.0)
    expect(loss, torch.tensor(0.0), "nothing is left: 0")
    loss.backward()
    # topic: a group that sits exactly at its place
    leaf.grad = None
    loss = robust_alignment(leaf, groups, spots, one, every, 2.0)
    expect(loss, torch.tensor(3.0), "0 for the first group, 2 (4 - 1) for the second, halved")
    loss.backward()
    expect(leaf.grad, torch.tensor([[0.0, 0.0], [0.0, 1.0]]), "wrong gradient at distance 0")


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3: AdaBN with few images (5 points)
#
# AdaBN replaces, in each batch normalisation, the source's mean and variance of each channel by the
# target's. That goes wrong in two ways. Where the target shows something else (more empty margin, another
# field of view), its statistics change though its *tissue* does not. And a handful of images gives poor
# statistics. Two remedies:
#
# **Look at the body only.** Mean $m_c$ and (biased) variance $v_c$ of each channel are those over all pixels,
# of all images, that lie inside of a mask. The images come in minibatches of different sizes. (Averaging
# the variances of minibatches is *not* the variance of all: it forgets that their means differ.)
#
# **Do not forget the source at once.** Let the source's statistics $m_c^s, v_c^s$ be worth $w$ pixels and the
# target's be those of $N$ pixels. The normalisation uses the mean and the variance of the **mixture**: a
# crowd of $w$ pixels with the source's mean and variance, and $N$ pixels with the target's, taken together.
# $w = 0$ gives AdaBN, $N = 0$ the source.
#
# Mind these points:
#
# - The variance of the mixture is larger than the weighted mean of the two variances. By how much? (Write
#   the mean of $x^2$ of each crowd with its mean and variance.)
# - A minibatch may have no pixel inside of its masks; perhaps none has. Then $N = 0$, mean and variance are
#   zeros (not `nan`), and the mixture is the source.
# - Sum in double precision.


# %% nbgrader={"grade": false, "grade_id": "statistics-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def masked_statistics(batches: list[Tensor], masks: list[Tensor]) -> tuple[int, Tensor, Tensor]:
    """How many pixels lie inside, and mean and variance of each channel over them.

    batches: tensors (n, c, h, w) with different n, at least one; masks: bool tensors (n, 1, h, w).
    Returns the count N and two tensors (c,).
    """
    ### BEGIN SOLUTION
    count, first, second = 0, 0.0, 0.0
    for part, mask in zip(batches, masks, strict=True):
        x = part.double()
        count += int(mask.sum())
        first = first + (x * mask).sum(dim=(0, 2, 3))
        second = second + (x**2 * mask).sum(dim=(0, 2, 3))
    mean = first / max(count, 1)
    return count, mean, second / max(count, 1) - mean**2
    ### END SOLUTION


def mixture(
    source: tuple[Tensor, Tensor], worth: float, target: tuple[int, Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Mean and variance (c,) of the mixture.

    source: mean and variance, (c,) each; worth: w >= 0; target: N >= 0, mean and variance, as from
    `masked_statistics`. w and N are not both 0.
    """
    ### BEGIN SOLUTION
    (m_s, v_s), (count, m_t, v_t) = source, target
    share = count / (count + worth)
    mean = (1 - share) * m_s + share * m_t
    between = share * (1 - share) * (m_s - m_t) ** 2
    return mean, (1 - share) * v_s + share * v_t + between
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "statistics-checks", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# One channel, images of two pixels. Inside: 0, 0, 0 in the first minibatch, 8 in the second. The 100s are outside.
parts = [torch.tensor([[[[0.0, 0.0]]], [[[0.0, 100.0]]]]), torch.tensor([[[[100.0, 8.0]]]])]
inside = [torch.tensor([[[[True, True]]], [[[True, False]]]]), torch.tensor([[[[False, True]]]])]
count, mean, variance = masked_statistics(parts, inside)
expect(count, 4, "pixels that lie inside")
words = "the mean of 0, 0, 0 and 8: which pixels count, and does every minibatch weigh the same?"
expect(mean, torch.tensor([2.0]), words)
words = "(3 x 2^2 + 6^2) / 4: within each minibatch nothing varies, yet the whole does"
expect(variance, torch.tensor([12.0]), words)
source = torch.tensor([6.0]), torch.tensor([4.0])
mean, variance = mixture(source, 4.0, (4, torch.tensor([2.0]), torch.tensor([12.0])))
expect(mean, torch.tensor([4.0]), "as many pixels on both sides, means 6 and 2")
words = "variances 4 and 12, means 6 and 2: half of all pixels lie around 6, the others around 2"
expect(variance, torch.tensor([12.0]), words)
mean, variance = mixture(source, 12.0, (4, torch.tensor([2.0]), torch.tensor([4.0])))
expect(mean, torch.tensor([5.0]), "12 pixels around 6 and 4 around 2")


### BEGIN HIDDEN TESTS
def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    def facts(crowds: list[Tensor]) -> tuple[Tensor, Tensor]:
        each = [(v.mean(), v.var(correction=0)) for v in crowds]
        return torch.stack([m for m, _ in each]), torch.stack([v for _, v in each])

    for trial in range(24):
        generator = torch.Generator().manual_seed(trial)
        n, c = 4 + trial % 5, 1 + trial % 3
        x = torch.randn(n, c, 3, 4, generator=generator) * (1 + torch.arange(n).view(-1, 1, 1, 1))
        x = x + torch.arange(c).view(1, -1, 1, 1)
        mask = torch.rand(n, 1, 3, 4, generator=generator) < 0.4
        mask[trial % n] = False
        chosen = [x[:, i][mask[:, 0]].double() for i in range(c)]
        for size in (1, 3, n):
            # topic: count, mean and variance over all pixels inside, for every division into minibatches
            count, *found = masked_statistics(list(x.split(size)), list(mask.split(size)))
            assert int(count) == int(mask.sum()), "wrong number of pixels"
            for one, wanted in zip(found, facts(chosen), strict=True):
                expect(one, wanted, "wrong for some division into minibatches")
        others = [3 * torch.randn(5 + trial % 4, generator=generator).double() for _ in range(c)]
        for repeats in (0, 1, 6):  # source pixels, each several times: a crowd that can be counted
            crowd = [torch.cat([v, o.repeat(repeats)]) for v, o in zip(chosen, others, strict=True)]
            worth = float(repeats * len(others[0]))
            # topic: mean and variance of the mixture of two crowds
            mixed = mixture(facts(others), worth, (int(mask.sum()), *facts(chosen)))
            for one, wanted in zip(mixed, facts(crowd), strict=True):
                expect(one, wanted, "wrong mean or variance of a mixture")
        # topic: no pixel inside of any mask, or a single one
        lone = (torch.arange(n * 12) == trial).reshape(n, 1, 3, 4)
        for inside in (lone & False, lone):
            count, mean, variance = masked_statistics([x[:2], x[2:]], [inside[:2], inside[2:]])
            assert int(count) == int(inside.sum()), "wrong number of pixels"
            expect(mean, (x * inside).sum(dim=(0, 2, 3)), "0 without a pixel, or the pixel")
            expect(variance, torch.zeros(c), "nothing varies")
        kept = mixture(facts(others), 7.5, (0, torch.zeros(c), torch.zeros(c)))
        for one, wanted in zip(kept, facts(others), strict=True):
            expect(one, wanted, "without a target pixel the source stays")
    far = [torch.full((2, 1, 1, 1), 4096.0), torch.full((2, 1, 1, 1), 4097.0)]
    every = [torch.ones(2, 1, 1, 1, dtype=torch.bool)] * 2
    # topic: a large mean with a small spread: sum in double precision
    expect(masked_statistics(far, every)[2], torch.tensor([0.25]), "double precision", 1e-4)


_hidden_checks()
### END HIDDEN TESTS
