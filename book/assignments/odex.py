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
#     before: students read the chapter up to "The methods against forgetting"
#     aims:
#       D1: "read a matrix of scores over stages, compute backward and forward transfer from it, and name what a mean of it hides | minutes 17–32"
#       D2: "derive the Fisher information of independent outputs, and merge quadratic penalties into one | minutes 32–42"
#       D3: "say what a distance of features may decide, and when a person has to look | question 6"
#       D4: "predict for a given matrix of distances when a pool grows, whom it copies, and what each history holds | minutes 42–57"
#       D5: judge whether a threshold promises anything on a stream in which nothing changes
#       D6: "tell replication from repetition: rows of a table that agree because they are one run | question 7"
#     exercises:
#       importance: {write: "which weights mattered, and a memory that fades", varies: "EWC: empirical Fisher, a penalty for each boundary", minutes: 35, aims: [D2]}
#       transfer: {write: what an average hides, varies: "BWT, FWT, boxes", minutes: 25, aims: [D1]}
#       pool: {write: "a new model or an old one?", varies: "normalised sums, twice the mean", minutes: 30, aims: [D4, D5]}
#       claim: {write: what a claim shows, varies: Table 2 of the paper, minutes: 20, aims: [D5, D6]}
# ---

# %% [markdown]
# # Assignment: the parts of ODEx, and what they leave open
#
# A network learns from scans that arrive in stages. Nobody says when the population or the scanner
# changes, and the scans of a stage are gone once it is over. The chapter shows what ODEx and its rivals do
# about it. In this assignment you write versions of your own: importances without labels and a memory that
# fades, measures that an average hides, and a rule for the pool that does not mistake a long history for
# a shift. You will not find them in the book's library, but the ideas are those of the chapter. The arrays
# are so small that you can check most numbers with a pencil. You need PyTorch and NumPy and nothing else:
# no data, no GPU, no training.
#
# <!-- frame -->
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
words = "one scan, two voxels at p = 1/2, slopes 1 and -1: the square of a sum, in the mean over four masks"
expect(
    expected_fisher(torch.zeros(1, 2), torch.tensor([[[1.0], [-1.0]]])), torch.tensor([0.5]), words
)
fisher = expected_fisher(torch.tensor([[math.log(3)], [0.0]]), torch.tensor([[[2.0]], [[1.0]]]))
words = "two scans of one voxel: p = 3/4 with slope 2 gives 0.75, p = 1/2 with slope 1 gives 0.25"
expect(fisher, torch.tensor([0.5]), words)
memory = remember(None, torch.tensor([0.0, 5.0]), torch.tensor([6.0, 0.0]), 0.5)
memory = remember(memory, torch.tensor([4.0, 7.0]), torch.tensor([1.0, 0.0]), 0.5)
expect(memory[1], torch.tensor([4.0, 0.0]), "importances 6, faded by 1/2, and 1")
words = "3/2 (w - 0)^2 + 1/2 (w - 4)^2 is least at 1; nothing holds the second weight: the newest, not 0/0"
expect(memory[0], torch.tensor([1.0, 7.0]), words)
moved = held_step(torch.tensor([3.0, 9.0]), memory, 5.0, 0.05)
words = "eta lambda F = 1 for the first weight: the middle of 3 and 1; nothing holds the second"
expect(moved, torch.tensor([2.0, 9.0]), words)


### BEGIN HIDDEN TESTS
def _hidden_fisher() -> None:  # functions: they overwrite no name of the student's
    for trial in range(12):
        generator = torch.Generator().manual_seed(trial)
        n, v, p = 1 + trial % 4, 1 + trial % 5, 1 + trial % 3
        logits = 2 * torch.randn(n, v, generator=generator)
        slopes = torch.randn(n, v, p, generator=generator)
        wanted = torch.zeros(p)
        for q, slope in zip(logits.sigmoid(), slopes, strict=True):
            for mask in itertools.product((0.0, 1.0), repeat=v):  # all masks there are
                y = torch.tensor(mask)
                score = ((y - q)[:, None] * slope).sum(dim=0)
                wanted += torch.where(y > 0, q, 1 - q).prod() * score**2 / n
        # topic: the expectation over all masks that the network itself would draw
        expect(expected_fisher(logits, slopes), wanted, "wrong importance", 1e-4)


def _hidden_memory() -> None:
    for trial in range(24):
        generator = torch.Generator().manual_seed(100 + trial)
        stages, p, decay = 1 + trial % 4, 1 + trial % 5, (1.0, 0.7, 0.2, 0.0)[trial // 4 % 4]
        memory, present, slope = None, torch.randn(p, generator=generator), torch.zeros(p)
        for _ in range(stages):
            weights = torch.randn(p, generator=generator)
            importance = torch.rand(p, generator=generator)
            importance *= importance > 0.4  # some weights are needed in no stage, some in one
            # topic: the memory after a stage, from the one before
            memory = remember(memory, weights, importance, decay)
            slope = decay * slope + importance * (present - weights)
            # topic: where nothing has importance, the newest weight stays
            kept = torch.where(memory[1] > 0, memory[0], weights)
            expect(memory[0], kept, "without importance: the newest weight")
            # topic: the slope of the penalty that fades, after several stages
            expect(memory[1] * (present - memory[0]), slope, "another slope", 1e-4)


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
        expect(slope / scale, torch.zeros(4, dtype=torch.float64), "not the minimum")
    # topic: nothing is held without a memory
    expect(held_step(torch.ones(2), None, 3.0, 0.1), torch.ones(2), "nothing holds")


_hidden_fisher()
_hidden_memory()
_hidden_step()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2: what an average hides (4 points)
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
    falls, survived, changes = [], [], []
    for j in range(n - 1):
        means = np.nanmean(scores[j:, j], axis=1)
        best = np.maximum.accumulate(means)
        falls.append(best[-1] - means[-1])
        fallen = np.flatnonzero(best - means > margin)
        survived.append(int(fallen[0]) - 1 if len(fallen) else n - 1 - j)
        changes += (scores[j, j] - scores[-1, j]).tolist()
    harmed = np.mean([change > margin for change in changes if not math.isnan(change)])
    return {"worst": float(max(falls)), "harmed": float(harmed), "survived": survived}
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
words = (
    "stage 0 went 0.8, 0.9, 0.7 in the mean, stage 1 went 0.7, 0.65: from where does a stage fall?"
)
expect(found["worst"], 0.2, words)
words = "0.8 to 0.9, 0.8 to 0.5, and twice 0.7 to 0.65, with a margin of 0.1: one scan of four"
expect(found["harmed"], 0.25, words)
words = (
    "stage 0 outlived stage 1 and fell with stage 2; stage 1 outlived stage 2, within the margin"
)
expect(found["survived"], [1, 1], words)
found = unforgiven(scores, 0.02)
expect(found["harmed"], 0.75, "margin 0.02: three of four")
expect(found["survived"], [1, 0], "margin 0.02: stage 1 falls at once")
expect(unforgiven(scores[:1, :1], 0.1)["worst"], nan, "a single stage has forgotten nothing yet")


### BEGIN HIDDEN TESTS
def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
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
        falls, survived, hurt = [], [], []
        for j in range(n - 1):
            kept = [[v for v in table[i, j].tolist() if not math.isnan(v)] for i in range(j, n)]
            means = [math.fsum(row) / len(row) for row in kept]
            falls.append(max(means) - means[-1])
            best, lasted = means[0], 0
            for mean in means[1:]:
                best = max(best, mean)
                if best - mean > margin:
                    break
                lasted += 1
            survived.append(lasted)
            recovered += falls[-1] <= margin and lasted < n - 1 - j
            pairs = zip(table[j, j].tolist(), table[-1, j].tolist(), strict=True)
            hurt += [a - b > margin for a, b in pairs if a + b == a + b]
        # topic: stages without a successor, and scores that are missing
        found = unforgiven(table, margin)
        # topic: the largest fall of a stage's mean since it was learned
        expect(found["worst"], max(falls, default=math.nan), "wrong largest fall")
        # topic: the share of scans that lost more than the margin, each against itself
        wanted = sum(hurt) / len(hurt) if hurt else math.nan
        expect(found["harmed"], wanted, "wrong share of harmed scans")
        # topic: how many later stages a stage outlived, before its first fall
        assert [int(v) for v in found["survived"]] == survived, "wrong number of stages"
    assert recovered > 5, "these checks must see stages that recover"
    gone = np.array([[[0.5, nan], [nan, nan]], [[nan, 0.4], [0.9, 0.9]]])
    # topic: scans that were not measured at both moments
    assert np.isnan(unforgiven(gone, 0.1)["harmed"]), "no scan was measured twice"
    # topic: a loss of exactly the margin
    found = unforgiven(np.array([[[0.75], [nan]], [[0.5], [0.5]]]), 0.25)
    assert (found["harmed"], list(found["survived"])) == (0, [1]), "more than the margin"


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3: a new model or an old one? (6 points)
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
    as_far = (held_out >= distances[:, None]).sum(axis=1)
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
words = (
    "of 1, 2 and 3 all are as far as 0.5, two at least as far as 2, none as far as 9; can p be 0?"
)
expect(found, np.array([1.0, 0.75, 0.25]), words)
table = np.full((4, 4), np.nan)
table[1, :1], table[2, :2], table[3, :3] = 0.5, (0.9, 0.01), (0.3, 0.2, 0.001)
trained, parents, histories = pool(table, 0.05, 9)
words = "stage 2: twice 0.01, below 0.05, a new model; stage 3: 0.4 for model 0, 0.003 for model 1"
expect(trained, [0, 0, 1, 0], words)
assert parents == [None, 0], f"model 1 starts from model 0: expected [None, 0], got {parents}"
words = "the new model inherits [0, 1] and adds 2; what model 0 learns afterwards is not its own"
expect(histories[1], [0, 1, 2], words)
expect(histories[0], [0, 1, 3], "model 0 never saw stage 2")
expect(pool(table, 0.05, 1)[0], [0, 0, 0, 0], "one model at most: it has to learn everything")
table[2, :2] = 0.03, 0.90
words = "0.03 would be below 0.05, but it is the least of two; 0.001 is small even for the least of three"
expect(pool(table, 0.05, 9)[0], [0, 0, 0, 1], words)
# A stream in which nothing changes: each stage looks to each other one like a scan from the middle.
words = "nothing changes, so one model learns it all (think about it in exercise 4)"
expect(pool(np.full((6, 6), 0.5), 0.05, 9)[2], [[0, 1, 2, 3, 4, 5]], words)


### BEGIN HIDDEN TESTS
def _hidden_p_values() -> None:  # functions: they overwrite no name of the student's
    for trial in range(20):
        rng = np.random.default_rng(trial)
        held_out = rng.integers(0, 9, size=1 + trial % 7) / 4  # equal distances are common
        new = rng.integers(0, 10, size=1 + trial % 5) / 4
        places = [sorted([*held_out.tolist(), d])[::-1] for d in new.tolist()]
        # the last place from above that a new scan could take
        wanted = [1 - row[::-1].index(d) / len(row) for row, d in zip(places, new, strict=True)]
        # topic: p-values, equal distances among them
        expect(p_values(new, held_out), wanted, "wrong p-value")


def _hidden_pool() -> None:
    sizes = set()
    for trial, alpha, most in itertools.product(range(80), (0.0, 0.125, 0.25, 0.5, 1.0), (1, 2, 9)):
        rng = np.random.default_rng(trial)
        n = 1 + trial % 8
        table = rng.integers(1, 33, size=(n, n)) / 32  # exact in binary, and ties are common
        table = table ** (1 + trial % 2)
        table[np.triu_indices(n)] = np.nan
        models, used = [(None, (0,))], [0]
        for i, row in enumerate(table.tolist()[1:], start=1):
            odd = [(-min(1, len(b) * min(row[k] for k in b)), j) for j, (_, b) in enumerate(models)]
            usual, nearest = min(odd)
            parent, seen = models[nearest]
            if -usual >= alpha or len(models) == most:
                models[nearest] = (parent, (*seen, i))
                used.append(nearest)
            else:
                used.append(len(models))
                models.append((nearest, (*seen, i)))
        # topic: the nearest model of each stage, ties and a full pool among them
        trained, parents, histories = pool(table, alpha, most)
        assert [int(v) for v in trained] == used, "wrong model trained"
        # topic: what a new model starts from
        wanted = [parent for parent, _ in models]
        assert [v if v is None else int(v) for v in parents] == wanted, "wrong parent"
        # topic: what belongs to the history of a model
        wanted = [list(seen) for _, seen in models]
        assert [[int(v) for v in h] for h in histories] == wanted, "wrong history"
        sizes.add(len(parents))
    assert len(sizes) > 4, "these checks must see pools of many sizes"


_hidden_p_values()
_hidden_pool()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4: what a claim shows (text, 4 points)
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
# threshold of 3. When does a sum over the history make a new model, and when does your rule of exercise 3
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
# stage gets a model of its own. The rule of exercise 3 keeps one model.
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
