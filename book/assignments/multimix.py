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
# # Assignment: variations on MultiMix
#
# MultiMix learns to detect pneumonia and to outline the lungs with one network, from few labels and
# few masks. The chapter shows how its parts are written. Here you change each part in a way that
# somebody who uses it will want sooner or later, and write the result yourself, on tensors so small
# that you can check every number with a pencil. You need PyTorch and nothing else: no data, no GPU,
# no training.
#
# **Time.** About two hours if you have read the chapter; 15 to 25 minutes an exercise.
#
# | exercise | what you write | points |
# |---|---|---:|
# | 1 | pseudo-labels that are fair to the rare class | 5 |
# | 2 | Tversky instead of Dice, with unknown pixels | 4 |
# | 3 | an audit of a table of Dice and Jaccard | 3 |
# | 4 | a consistency term with a bound | 4 |
# | 5 | a bridge that stays shut when in doubt | 5 |
# | 6 | guesses with the right prevalence, and CutMix | 4 |
# | | **total** | **25** |
#
# **How to work.** Replace each `raise NotImplementedError()` by your code. Keep the names and the
# arguments of the functions; add helper functions and cells as you like. Below each answer is a
# locked cell with self-checks: run it, and read what it says when it complains. Before you hand in,
# restart the kernel and run all cells from top to bottom.
#
# **What is graded.** The self-checks and further hidden ones, which try your functions on random
# tensors and on the awkward cases that the text of the exercise names. An exercise counts as a whole:
# all its checks pass, or it scores nothing. The exercises do not depend on each other. How you
# write the code is not graded, as long as each check finishes within a minute.
#
# **The book's library is no answer.** It holds the paper's version of each part; the exercises ask for
# another one, and the checks tell them apart. Read the library as much as you like.
#
# **Help.** Which help you may use, and how to name it, is for your course to say.
#
# **Conventions.** Images are float tensors $(n, 1, h, w)$, masks are boolean tensors of the same
# shape, logits are what a network returns before softmax or sigmoid, $K$ is the number of classes.
# Functions return new tensors and leave their arguments as they are. Equation numbers are those of
# Haque et al., *Generalized Multi-Task Learning from Substantially Unlabeled Multi-Source Medical
# Image Data* (MELBA).

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import math
import warnings

import torch
import torch.nn.functional as F
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
# ## Exercise 1: pseudo-labels that are fair to the rare class (5 points)
#
# In equation 1 the weak view of an unlabelled image proposes a label, and the strong view has to
# learn it if the network was confident: $\max_k q_{ik} \geq t$, where $q_i = \mathrm{softmax}(z^w_i)$
# are the class probabilities of weak view $i$ of $m$. One threshold for all classes has a price. A
# network is sure of the frequent class long before it is sure of the rare one; so the pseudo-labels
# that pass are mostly "normal", and the network learns to say "normal" more often. Two changes
# work against that.
#
# **A threshold for each class.** Let $r_k = \frac1m \sum_i q_{ik}$ be the mean probability of class
# $k$ over the weak views. The class that the network knows best keeps the threshold $t$; the others
# get a lower one, in proportion:
#
# $$t_k = t \cdot \frac{r_k}{\max_j r_j}.$$
#
# **A mean for each class.** Let $c_i = \arg\max_k q_{ik}$ be the pseudo-label of image $i$, $M_k$ the
# images with $c_i = k$, and $C$ the classes for which $M_k$ is not empty. Then
#
# $$L_u = \frac{1}{|C|} \sum_{k \in C} \frac{1}{|M_k|} \sum_{i \in M_k}
# \mathbf{1}\left[q_{ik} \geq t_k\right] \; \mathrm{CE}\!\left(k,\, z^g_i\right),$$
#
# where CE is the cross-entropy between a label and the *logits* $z^g_i$ of strong view $i$.
#
# Mind these points:
#
# - $|M_k|$ counts *all* images with pseudo-label $k$, also those that were turned away. They
#   contribute zero; early in training this keeps the term small by itself.
# - A class that no image was given does not count in $|C|$.
# - If no image is kept, the loss is zero (and `backward()` still works).
# - A pseudo-label and a threshold are fixed targets: no gradient flows into the weak view.


# %% nbgrader={"grade": false, "grade_id": "pseudo-label-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def class_thresholds(weak_logits: Tensor, threshold: float) -> Tensor:
    """The threshold t_k of each class; weak_logits: (m, classes), m >= 1. Returns (classes,)."""
    ### BEGIN SOLUTION
    mean = weak_logits.detach().softmax(dim=1).mean(dim=0)
    return threshold * (mean / mean.max())
    ### END SOLUTION


def fair_pseudo_label_loss(
    weak_logits: Tensor, strong_logits: Tensor, threshold: float = 0.7
) -> Tensor:
    """Cross-entropy of strong views against confident labels of weak views, averaged by class.

    weak_logits, strong_logits: (m, classes), m >= 1, row i of both belongs to the same image.
    threshold: t, the threshold of the class with the largest mean probability.
    Returns a scalar: the mean over the classes that were proposed.
    """
    ### BEGIN SOLUTION
    confidence, labels = weak_logits.detach().softmax(dim=1).max(dim=1)
    kept = confidence >= class_thresholds(weak_logits, threshold)[labels]
    each = kept * F.cross_entropy(strong_logits, labels, reduction="none")
    proposed = labels.unique().tolist()
    return sum(each[labels == k].mean() for k in proposed) / len(proposed)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "pseudo-label-checks", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Probabilities of three weak views: (0.9, 0.1), (0.6, 0.4) and (0.3, 0.7); their mean is (0.6, 0.4).
weak = torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]]).log()
strong = torch.zeros(3, 2)  # the strong views know nothing: each cross-entropy is ln 2
found = class_thresholds(weak, 0.75)
assert isinstance(found, Tensor), f"return a tensor, not {type(found).__name__}"
assert found.shape == (2,), f"one threshold a class, shape (2,), not {tuple(found.shape)}"
assert close(found, torch.tensor([0.75, 0.5])), (
    "the mean probabilities are 0.6 and 0.4: the first class keeps 0.75, the second gets "
    f"0.75 x 0.4/0.6 = 0.5; yours are {found.tolist()}"
)
loss = fair_pseudo_label_loss(weak, strong, threshold=0.75)
assert isinstance(loss, Tensor), f"return a tensor, not {type(loss).__name__}"
assert loss.shape == (), (
    f"return one number for the batch, not a tensor of shape {tuple(loss.shape)}"
)
assert close(loss, torch.tensor(0.75 * math.log(2))), (
    "class 0 was proposed twice and kept once, (ln 2)/2; class 1 once and kept, ln 2; the mean of "
    f"both is 0.5199. Yours is {loss:.4f}: which images pass, and what do you divide by?"
)
assert close(fair_pseudo_label_loss(weak[:1], strong[:1], threshold=0.95), torch.tensor(0.0)), (
    "0.9 does not reach a threshold of 0.95: with nobody kept the loss is 0, not nan"
)
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(24):
        generator = torch.Generator().manual_seed(trial)
        m, classes = 1 + trial % 7, 2 + trial % 3
        weak = (2 * torch.randn(m, classes, generator=generator)).requires_grad_()
        strong = torch.randn(m, classes, generator=generator).requires_grad_()
        threshold = (0.4, 0.6, 0.75, 0.9)[trial % 4]
        q = []
        for row in weak.tolist():
            e = [math.exp(z) for z in row]
            q.append([v / sum(e) for v in e])
        r = [sum(row[k] for row in q) / m for k in range(classes)]
        t = [threshold * v / max(r) for v in r]
        members = {k: [i for i in range(m) if q[i][k] == max(q[i])] for k in range(classes)}
        proposed = [k for k in range(classes) if members[k]]
        expected, slope = 0.0, torch.zeros(m, classes)
        for k in proposed:
            share = 1 / (len(proposed) * len(members[k]))
            for i in members[k]:
                if q[i][k] >= t[k]:
                    g = [math.exp(z) for z in strong[i].tolist()]
                    expected -= share * math.log(g[k] / sum(g))
                    slope[i] = torch.tensor(
                        [share * (g[j] / sum(g) - (j == k)) for j in range(classes)]
                    )
        # topic: the threshold of each class, relative to the class with the largest mean probability
        assert close(class_thresholds(weak.detach(), threshold), torch.tensor(t)), "thresholds"
        # topic: which images are in the sum, and what each sum is divided by
        loss = fair_pseudo_label_loss(weak, strong, threshold)
        assert close(loss, torch.tensor(expected)), "wrong value on a random batch"
        loss.backward()
        # topic: fixed targets: through which of the two views a gradient may flow
        assert weak.grad is None or not weak.grad.any(), "a gradient flows into the weak view"
        assert close(strong.grad, slope), "wrong gradient for the strong view"
    # topic: a confidence that just reaches its threshold
    # softmax of (200, 0) is exactly (1, 0) in single precision: it reaches a threshold of 1
    edge = torch.tensor([[200.0, 0.0], [0.0, 200.0]])
    found = fair_pseudo_label_loss(edge, torch.zeros(2, 2), 1.0)
    assert close(found, torch.tensor(math.log(2))), "a confidence equal to its threshold counts"
    # topic: classes that no image was given
    lone = torch.tensor([[1.0, 0.0, 0.0]])
    assert close(fair_pseudo_label_loss(lone, torch.zeros(1, 3), 0.5), torch.tensor(math.log(3))), (
        "classes that were not proposed do not count"
    )
    # topic: the default threshold
    unsure = torch.tensor([[0.84, 0.0], [0.86, 0.0]])  # probabilities of 0.698 and 0.703
    assert close(
        fair_pseudo_label_loss(unsure, torch.zeros(2, 2)), torch.tensor(math.log(2) / 2)
    ), "default threshold"
    # topic: a batch in which nobody is kept
    strong = torch.zeros(2, 2, requires_grad=True)
    fair_pseudo_label_loss(unsure, strong, 0.99).backward()
    assert strong.grad is None or not strong.grad.any(), "nobody is kept: no gradient"


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2: Tversky instead of Dice, with unknown pixels (4 points)
#
# Dice charges a pixel that was found in error as much as one that was missed. Networks that have
# seen few masks miss lung where disease whitens it, and there one may want to charge for the miss.
# Let TP, FP and FN be the numbers of pixels that are in both masks, in the prediction $P$ only, and
# in the reference $M$ only. The *Tversky index* weighs the two kinds of error:
#
# $$\mathrm{TI} = \frac{\mathrm{TP}}{\mathrm{TP} + a\,\mathrm{FP} + b\,\mathrm{FN}}.$$
#
# With $a = b = \frac12$ it is Dice, with $a = b = 1$ Jaccard. If TP, FP and FN are all zero there was
# nothing to find and nothing was found, which is right: the index is **1**.
#
# The second twist: hospitals do not agree on what belongs to the lung. Some outline the part behind
# the heart, some do not. A third mask, `known`, says which pixels are labelled at all. Pixels that
# are *not known count nowhere*, neither as TP nor as FP nor as FN.
#
# To train a network we need something with a gradient. With probabilities $p_j$ in place of the
# prediction, mask values $m_j$ and $u_j = 1$ for known pixels (0 for others),
#
# $$\mathrm{TP} = \sum_j u_j\, p_j m_j, \quad \mathrm{FP} = \sum_j u_j\, p_j (1 - m_j), \quad
# \mathrm{FN} = \sum_j u_j\, (1 - p_j)\, m_j, \quad
# L = 1 - \frac{\mathrm{TP} + s}{\mathrm{TP} + a\,\mathrm{FP} + b\,\mathrm{FN} + s}.$$
#
# Both are computed **for each image**; the loss is then the mean over the batch. An image without
# any known pixel has loss 0, and still counts in the mean.


# %% nbgrader={"grade": false, "grade_id": "tversky-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def tversky_index(
    prediction: Tensor, mask: Tensor, known: Tensor, a: float = 0.3, b: float = 0.7
) -> Tensor:
    """Tversky index of each image.

    prediction, mask, known: (n, 1, h, w) bool. a, b: what a false positive and a false negative
    cost, both positive. Returns (n,) float; 1 where TP, FP and FN are all 0.
    """
    ### BEGIN SOLUTION
    tp = (prediction & mask & known).flatten(1).sum(dim=1).float()
    fp = (prediction & ~mask & known).flatten(1).sum(dim=1)
    fn = (~prediction & mask & known).flatten(1).sum(dim=1)
    index = tp / (tp + a * fp + b * fn)
    return torch.where(tp + fp + fn > 0, index, torch.ones_like(tp))
    ### END SOLUTION


def tversky_loss(
    probabilities: Tensor,
    mask: Tensor,
    known: Tensor,
    a: float = 0.3,
    b: float = 0.7,
    smooth: float = 1.0,
) -> Tensor:
    """Mean over the batch of one minus the smoothed soft Tversky index of each image.

    probabilities: (n, 1, h, w) float in [0, 1]; mask, known: (n, 1, h, w) bool; smooth: s.
    Returns a scalar that can be differentiated with respect to `probabilities`.
    """
    ### BEGIN SOLUTION
    p, m, u = probabilities.flatten(1), mask.flatten(1).float(), known.flatten(1).float()
    tp = (u * p * m).sum(dim=1)
    fp = (u * p * (1 - m)).sum(dim=1)
    fn = (u * (1 - p) * m).sum(dim=1)
    return (1 - (tp + smooth) / (tp + a * fp + b * fn + smooth)).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "tversky-checks", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Twice the same 1 x 4 pixels: TP = 1, FP = 2, FN = 1. In the second image the first pixel, a false
# positive, is not known.
prediction = torch.tensor([[[[1, 1, 1, 0]]]] * 2, dtype=torch.bool)
mask = torch.tensor([[[[0, 0, 1, 1]]]] * 2, dtype=torch.bool)
known = torch.tensor([[[[1, 1, 1, 1]]], [[[0, 1, 1, 1]]]], dtype=torch.bool)
index = tversky_index(prediction, mask, known, a=0.3, b=0.7)
assert isinstance(index, Tensor), f"return a tensor, not {type(index).__name__}"
assert index.shape == (2,), f"return one index an image, shape (2,), not {tuple(index.shape)}"
assert close(index[0], torch.tensor(1 / 2.3)), (
    "1 / (1 + 0.3 x 2 + 0.7 x 1) = 0.4348 for the first image: 0.3 goes with what was found in "
    f"error, 0.7 with what was missed; yours is {index[0]:.4f}"
)
assert close(index[1], torch.tensor(1 / 2.0)), (
    f"with one false positive unknown, 1 / (1 + 0.3 x 1 + 0.7 x 1) = 0.5; yours is {index[1]:.4f}"
)
half, three = torch.full((1, 1, 1, 4), 0.5), torch.tensor([[[[0, 1, 1, 1]]]], dtype=torch.bool)
loss = tversky_loss(half, three, torch.ones_like(three), a=0.3, b=0.7, smooth=1.0)
assert loss.shape == (), f"return one number for the batch, not shape {tuple(loss.shape)}"
assert close(loss, torch.tensor(1 - 2.5 / 3.7)), (
    "TP = 1.5, FP = 0.5, FN = 1.5, so 1 - (1.5 + 1) / (1.5 + 0.15 + 1.05 + 1) = 0.3243; "
    f"yours is {loss:.4f}"
)
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(20):
        generator = torch.Generator().manual_seed(100 + trial)
        n, h, w = 1 + trial % 4, 3 + trial % 3, 5
        a, b = ((0.3, 0.7), (0.5, 0.5), (1.0, 1.0), (0.8, 0.1), (0.1, 1.5))[trial % 5]
        p = torch.rand(n, 1, h, w, generator=generator)
        # image i of the batch has its own density, so pooling over the batch shows
        density = torch.linspace(0.2, 0.9, n).reshape(n, 1, 1, 1)
        mask = torch.rand(n, 1, h, w, generator=generator) < density
        known = torch.rand(n, 1, h, w, generator=generator) < 0.7
        smooth = (1.0, 0.5, 3.0)[trial % 3]
        hard, soft, slope = [], [], torch.zeros(n, h * w)
        for i in range(n):
            values, truth = p[i].flatten().tolist(), mask[i].flatten().tolist()
            places = [j for j, v in enumerate(known[i].flatten().tolist()) if v]
            said = {j for j in places if values[j] > 0.5}
            true = {j for j in places if truth[j]}
            both, error, missed = len(said & true), len(said - true), len(true - said)
            bottom = both + a * error + b * missed
            hard.append(both / bottom if said | true else 1.0)
            top = sum(values[j] for j in true) + smooth
            bottom = top + sum(b * (1 - values[j]) if truth[j] else a * values[j] for j in places)
            soft.append(1 - top / bottom)
            for j in places:
                up, down = (1, 1 - b) if truth[j] else (0, a)
                slope[i, j] = (top * down - up * bottom) / bottom**2 / n
        # topic: the index image by image, without the pixels that are not known
        found = tversky_index(p > 0.5, mask, known, a, b)
        assert close(found, torch.tensor(hard)), "wrong index on random masks"
        leaf = p.clone().requires_grad_()
        # topic: the loss image by image, its constants and the pixels that are not known
        loss = tversky_loss(leaf, mask, known, a, b, smooth)
        assert close(loss, torch.tensor(sum(soft) / n)), "wrong loss on random images"
        # topic: the gradient of the loss: every step from the probabilities must be differentiable
        loss.backward()
        assert close(leaf.grad.flatten(1), slope), "wrong gradient of the loss"
    # topic: masks that are empty or full, and images without a known pixel
    no, yes = torch.zeros(1, 1, 4, 4).bool(), torch.ones(1, 1, 4, 4).bool()
    cases = [(no, no, yes, 1), (no, yes, yes, 0), (yes, no, yes, 0), (yes, yes, yes, 1)]
    cases += [(yes, no, no, 1), (no, yes, no, 1)]
    for said, true, known, expected in cases:
        found = tversky_index(said, true, known)
        assert close(found, torch.tensor([float(expected)])), "an empty or full mask"
    together = [torch.cat(part) for part in list(zip(*cases, strict=True))[:3]]
    assert close(tversky_index(*together), torch.tensor([1.0, 0, 0, 1, 1, 1])), "image by image"
    # topic: the loss of empty masks, and the default values of a, b and smooth
    assert close(tversky_loss(no.float(), no, yes), torch.tensor(0.0)), "both empty: no loss"
    assert close(tversky_loss(yes.float(), no, no), torch.tensor(0.0)), "nothing known: no loss"
    assert close(tversky_loss(yes.float(), no, yes), torch.tensor(4.8 / 5.8)), "default a and s"
    assert close(tversky_loss(no.float(), yes, yes), torch.tensor(11.2 / 12.2)), "default b and s"


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3: an audit of a table of Dice and Jaccard (3 points)
#
# For one pair of masks, Dice $D$ and Jaccard $J$ carry the same information: $D = g(J)$ with
# $g(J) = 2J / (1 + J)$. Papers print *means over images*, and for means this equation no longer
# holds. Something else does. For every image $J \leq D$, so this holds for the means too; and
# because $g$ is concave, the mean of $g(J)$ is at most $g$ of the mean (Jensen's inequality):
#
# $$\bar J \;\leq\; \bar D \;\leq\; g(\bar J).$$
#
# Both ends can be reached: the lower one by images that are either perfect or entirely wrong, the
# upper one by images that are all alike. So a printed pair outside of this range cannot belong to the
# same masks, whatever the images were.
#
# One more thing stands between the true means and the printed ones. They were *rounded*: a number
# printed with $d$ decimals may be off by half a unit of its last digit, $e = \frac12 \cdot 10^{-d}$,
# to either side. A pair is accused only if **no** true values within $e$ of the printed ones
# fulfil both inequalities. A bound that is just reached is reached; allow $10^{-9}$ for the
# arithmetic of the computer.
#
# All tensors here are double precision, `torch.float64`.


# %% nbgrader={"grade": false, "grade_id": "audit-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def dice_range(jaccard: Tensor) -> tuple[Tensor, Tensor]:
    """Lowest and highest mean Dice that go with a mean Jaccard (before any rounding).

    jaccard: float64 of any shape, in [0, 1]. Returns two tensors of the same shape.
    """
    ### BEGIN SOLUTION
    return jaccard.clone(), 2 * jaccard / (1 + jaccard)
    ### END SOLUTION


def audit(dice: Tensor, jaccard: Tensor, decimals: int = 3) -> Tensor:
    """Whether printed means of Dice and Jaccard can belong to the same masks.

    dice, jaccard: (rows,) float64, printed with `decimals` decimals. Returns (rows,) int64:
    0 if they can, -1 if the Dice is too low for the Jaccard, 1 if it is too high.
    """
    ### BEGIN SOLUTION
    error = 0.5 * 10**-decimals
    lowest, highest = dice_range(jaccard - error)[0], dice_range(jaccard + error)[1]
    too_low, too_high = dice + error < lowest - 1e-9, dice - error > highest + 1e-9
    return too_high.long() - too_low.long()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "audit-checks", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Two images with Jaccard 1 and 1/3 have Dice 1 and 1/2: the means are 2/3 and 3/4.
lowest, highest = dice_range(torch.tensor([2 / 3, 0.0, 1.0], dtype=torch.float64))
assert lowest.shape == highest.shape == (3,), "one lowest and one highest Dice for each Jaccard"
assert bool((lowest <= highest).all()), (
    "return first the lowest mean Dice, then the highest; one of your highest is below the lowest"
)
assert close(lowest, torch.tensor([2 / 3, 0, 1])), (
    f"no mean Dice is below the mean Jaccard: the lowest for 2/3 is 2/3; yours is {lowest[0]:.4f}"
)
assert close(highest, torch.tensor([0.8, 0, 1])), (
    "if all images have a Jaccard of 2/3, all have a Dice of 4/5, and no mixture of images has more; "
    f"yours is {highest[0]:.4f}"
)
dice = torch.tensor([0.750, 0.626, 0.900, 0.9, 0.3], dtype=torch.float64)
jaccard = torch.tensor([0.667, 0.871, 0.667, 0.9, 0.3], dtype=torch.float64)
verdict = audit(dice, jaccard, decimals=3)
assert verdict.shape == (5,), f"one verdict a row, shape (5,), not {tuple(verdict.shape)}"
assert verdict.dtype == torch.int64, f"return whole numbers (int64), not {verdict.dtype}"
assert verdict.tolist() == [0, -1, 1, 0, 0], (
    "0.750 beside 0.667 is possible, 0.626 is too low for 0.871 (-1), 0.900 too high for 0.667 (1), "
    f"and equal means are possible; yours: {verdict.tolist()}"
)
assert audit(dice[:1] - 0.084, jaccard[:1]).tolist() == [0], (
    "0.666 beside 0.667: both may have been 0.6665 before they were rounded"
)
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    # topic: the two ends of the range of the mean Dice, for tensors of any shape
    grid = torch.linspace(0, 1, 12, dtype=torch.float64).reshape(3, 4)
    low, high = dice_range(grid)
    assert close(low, grid), "wrong lowest Dice"
    assert close(high / (2 - high), grid), "wrong highest Dice"
    for trial in range(12):
        generator = torch.Generator().manual_seed(200 + trial)
        decimals = 1 + trial % 4
        draws = torch.rand(60, 2, generator=generator, dtype=torch.float64)
        # first half anywhere, second half close to the bounds
        pairs = [(round(d, decimals), round(j, decimals)) for d, j in draws[:30].tolist()]
        for draw, step in draws[30:].tolist():
            j, shift = round(draw, decimals), (int(7 * step) - 3) * 10**-decimals
            pairs.append((round(min(max(j + shift, 0), 1), decimals), j))
            upper = 2 * j / (1 + j)
            pairs.append((round(min(max(upper + shift, 0), 1), decimals), j))
        expected = []
        for d, j in pairs:
            # whole numbers of half units: nothing is rounded here
            unit = 2 * 10**decimals
            d2, j2 = round(d * unit), round(j * unit)
            low, high = (d2 + 1 >= j2 - 1), ((d2 - 1) * (unit + j2 + 1) <= 2 * (j2 + 1) * unit)
            expected.append(0 if low and high else -1 if high else 1)
        table = torch.tensor(pairs, dtype=torch.float64)
        # topic: rounding: both printed numbers may be off by half a unit of their last digit
        found = audit(table[:, 0], table[:, 1], decimals).tolist()
        assert found == expected, "wrong verdict on a random table"
    # topic: a bound that is just reached, and the default number of decimals
    d, j = torch.tensor([[0.626, 0.625], [0.627, 0.627]], dtype=torch.float64)
    assert audit(d, j).tolist() == [0, -1], "a bound that is just reached, default decimals"
    # topic: a Dice close to the upper bound
    # 2 x 0.6005 / 1.6005 = 0.75039: the Dice may have been anything from 0.7505 in print of 0.751
    d, j = torch.tensor([[0.750, 0.751, 0.752], [0.6, 0.6, 0.6]], dtype=torch.float64)
    assert audit(d, j).tolist() == [0, 1, 1], "close to the upper bound"


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# With your functions you can audit a published table. These are Dice and Jaccard as printed in Table
# 2 of the paper, for 100 class labels and 10 masks. Which rows cannot come from the same masks? (Not
# graded. The chapter, under "What the paper leaves open", asks what may have happened.)

# %%
TABLE_2 = {
    "UMTL": (0.626, 0.871),
    "UMTL-S": (0.922, 0.848),
    "UMTL-SSL": (0.906, 0.925),
    "MultiMix": (0.954, 0.920),
}
WORDS = {0: "possible", -1: "impossible: Dice too low", 1: "impossible: Dice too high"}
for system, printed in TABLE_2.items():
    printed_dice, printed_jaccard = torch.tensor(printed, dtype=torch.float64)
    verdict = audit(printed_dice[None], printed_jaccard[None], decimals=3).item()
    print(f"{system:9} Dice {printed_dice:.3f}, Jaccard {printed_jaccard:.3f}: {WORDS[verdict]}")

# %% [markdown]
# ## Exercise 4: a consistency term with a bound (4 points)
#
# For images without a mask, MultiMix asks that the predicted masks be distributed like those of
# images with a mask. Equation 2 adds to the Dice loss a Kullback-Leibler divergence
# $\mathrm{KL}(p \,\|\, q)$ between the two kinds of prediction. It has no bound: one pixel where the
# network is sure of "lung" for the one and of "no lung" for the other image can outweigh all
# others. The *Jensen-Shannon divergence* compares both with their mean $v$ instead:
#
# $$\mathrm{JS}(p, q) = \tfrac12 \mathrm{KL}(p \,\|\, v) + \tfrac12 \mathrm{KL}(q \,\|\, v), \qquad
# v = \tfrac12 (p + q).$$
#
# It is symmetric, zero only for $p = q$, and never larger than $\ln 2$. Each pixel is a coin that
# shows "lung" with a probability, so that for two such coins
#
# $$\mathrm{KL}(p \,\|\, v) = p \ln\frac{p}{v} + (1 - p) \ln\frac{1 - p}{1 - v}.$$
#
# The images with and without masks are different images. Here each unlabelled prediction
# $q_i = \sigma(z^u_i)$ is compared with the *mean labelled probability map*
# $\bar p = \frac1l \sum_j \sigma(z^s_j)$, a soft outline of where lungs are:
#
# $$L = \frac{1}{u} \sum_{i=1}^{u} \; \underset{\text{pixels}}{\mathrm{mean}} \;
# \mathrm{JS}(\bar p, q_i).$$
#
# **A trap.** The network has *one* output channel. A softmax over an axis of length one returns 1
# whatever it is given, and the divergence between "always 1" and "always 1" is zero: a term that
# does nothing, and no error message. The next cell shows it. The two outcomes of the coin are
# "lung" and "not lung"; the second one must be written down even though no channel holds it.
#
# Mind these points:
#
# - Logits of $\pm 200$ happen. In single precision $\sigma(-200)$ is exactly 0, and $0 \cdot \ln 0$
#   is not a number. The result *and its gradient* must stay finite. (`F.logsigmoid`,
#   `torch.logsumexp` and `torch.logaddexp` help: stay in logarithms as long as you can.)
# - The mean is one of probabilities, not of logits.
# - The number of labelled images may differ from the number of unlabelled ones.
# - Gradients flow into both kinds of prediction, as the paper's equation has it.

# %%
one_channel = torch.tensor([-5.0, 0.0, 5.0]).reshape(3, 1, 1, 1)
print("softmax over one channel:", one_channel.softmax(dim=1).flatten().tolist())


# %% nbgrader={"grade": false, "grade_id": "consistency-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bounded_consistency(labelled_logits: Tensor, unlabelled_logits: Tensor) -> Tensor:
    """Mean Jensen-Shannon divergence of predictions from the mean labelled probability map.

    labelled_logits: (l, 1, h, w), unlabelled_logits: (u, 1, h, w), before the sigmoid, l, u >= 1.
    Returns a scalar in nats, between 0 and ln 2.
    """
    ### BEGIN SOLUTION
    total = 0.0
    for sign in (1, -1):  # "lung", then "not lung"
        log_q = F.logsigmoid(sign * unlabelled_logits)
        log_p = F.logsigmoid(sign * labelled_logits).logsumexp(dim=0, keepdim=True)
        log_p = log_p - math.log(len(labelled_logits))
        log_v = torch.logaddexp(log_p, log_q) - math.log(2)
        total = total + log_p.exp() * (log_p - log_v) + log_q.exp() * (log_q - log_v)
    return total.mean() / 2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "consistency-checks", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# One pixel with p = 1/4 and q = 3/4: v = 1/2, and both divergences from it are
# 1/4 ln(1/2) + 3/4 ln(3/2) = 0.1308.
quarter, three_quarters = (torch.full((1, 1, 1, 1), z) for z in (-math.log(3), math.log(3)))
result = bounded_consistency(quarter, three_quarters)
assert isinstance(result, Tensor), f"return a tensor, not {type(result).__name__}"
assert result.shape == (), f"return one number, not a tensor of shape {tuple(result.shape)}"
assert result != 0, "the two predictions differ, but your term is zero: over what is your softmax?"
js = math.log(1 / 2) / 4 + 3 * math.log(3 / 2) / 4
assert close(result, torch.tensor(js)), (
    f"JS of 1/4 and 3/4 is 0.1308; yours is {result:.4f} (0.5493 would be KL, 0.0000 a softmax over "
    "one channel)"
)
assert abs(bounded_consistency(quarter, quarter)) < 1e-6, "equal predictions: the divergence is 0"
both = torch.cat([quarter, three_quarters])  # their mean probability is 1/2
assert abs(bounded_consistency(both, torch.zeros(3, 1, 1, 1))) < 1e-6, (
    "two labelled predictions of 1/4 and 3/4 have the mean 1/2, and so have logits of 0: nothing differs"
)
extreme = torch.full((1, 1, 1, 1), 200.0)
result = bounded_consistency(extreme, -extreme)
assert close(result, torch.tensor(math.log(2))), (
    f"logits of 200 against -200 give the bound, ln 2 = 0.6931, and nothing infinite; yours: {result:.4f}"
)
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(20):
        generator = torch.Generator().manual_seed(300 + trial)
        h, w, few, many = 2 + trial % 4, 3, 1 + trial % 3, 1 + trial % 4
        z_l = 3 * torch.randn((few, 1, h, w), generator=generator, dtype=torch.float64)
        z_u = 3 * torch.randn((many, 1, h, w), generator=generator, dtype=torch.float64)
        expected, slope_l, slope_u = 0.0, torch.zeros_like(z_l), torch.zeros_like(z_u)
        for y in range(h):
            for x in range(w):
                p_all = [1 / (1 + math.exp(-z)) for z in z_l[:, 0, y, x].tolist()]
                p = sum(p_all) / few
                for i, z in enumerate(z_u[:, 0, y, x].tolist()):
                    q = 1 / (1 + math.exp(-z))
                    v, share = (p + q) / 2, 1 / (many * h * w)
                    for one in (p, q):
                        two = one * math.log(one / v) + (1 - one) * math.log((1 - one) / (1 - v))
                        expected += share * two / 2
                    # the derivative of JS by p is half the difference of the log odds of p and v
                    by_p, by_q = (
                        share * (math.log(o / v) - math.log((1 - o) / (1 - v))) / 2 for o in (p, q)
                    )
                    slope_u[i, 0, y, x] += by_q * q * (1 - q)
                    for j, o in enumerate(p_all):
                        slope_l[j, 0, y, x] += by_p * o * (1 - o) / few
        z_l.requires_grad_()
        z_u.requires_grad_()
        # topic: the mean over pixels and unlabelled images, each against the mean labelled map
        result = bounded_consistency(z_l, z_u)
        wanted = torch.tensor(expected, dtype=torch.float64)
        assert close(result, wanted, 1e-9), "wrong on random predictions"
        # topic: gradients into both kinds of prediction
        result.backward()
        for name, leaf, slope in (("labelled", z_l, slope_l), ("unlabelled", z_u, slope_u)):
            assert leaf.grad is not None, f"no gradient for the {name} prediction"
            assert close(leaf.grad, slope, 1e-9), f"wrong gradient for the {name} prediction"
    # topic: logits of 200 and -200: value and gradient stay finite
    cases = [((200.0,), 200.0, 0.0), ((-200.0,), -200.0, 0.0), ((200.0,), -200.0, math.log(2))]
    half = (math.log(4 / 3) + 0.5 * math.log(2 / 3) + 0.5 * math.log(2)) / 2
    cases += [((200.0,), 0.0, half), ((0.0,), -200.0, half), ((200.0, -200.0), 0.0, 0.0)]
    for labelled, unlabelled, expected in cases:
        z_l = torch.tensor(labelled).reshape(-1, 1, 1, 1).repeat(1, 1, 2, 2).requires_grad_()
        z_u = torch.full((2, 1, 2, 2), unlabelled, requires_grad=True)
        result = bounded_consistency(z_l, z_u)
        assert close(result.detach(), torch.tensor(expected)), "wrong for extreme logits"
        result.backward()
        finite = z_l.grad.isfinite().all() & z_u.grad.isfinite().all()
        assert bool(finite), f"a gradient is not finite for logits of {labelled} and {unlabelled}"


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5: a bridge that stays shut when in doubt (5 points)
#
# The bridge tells the decoder where the classifier looks. MultiMix takes the gradient of the predicted
# class's score (equation 3) for every image, also where the classifier merely guesses, and that
# gradient says nothing about *why this class and not another one*. This variant changes both. The
# classifier is a network of one hidden layer, given by its two matrices $U$ and $V$:
#
# $$f(x) = V \, \mathrm{relu}(U x),$$
#
# where $x$ is the image with its pixels in one column, row by row. Let $c$ be the class with the
# highest and $d$ the class with the second highest logit of an image.
#
# **Evidence.** How much does each pixel speak for $c$ against $d$? Take the gradient of the
# *margin* times the pixel, leave out what speaks against, and let it sum to one:
#
# $$a = \mathrm{relu}\!\left( x \odot \frac{\partial\, (f_c - f_d)}{\partial x} \right), \qquad
# y = \frac{a}{\sum_j a_j}.$$
#
# If no pixel speaks for $c$ (all $a_j = 0$), $y$ is zero everywhere.
#
# **Gate.** With the class probabilities $q = \mathrm{softmax}(f(x))$ and a threshold $0 \le t < 1$, the map is
# multiplied by
#
# $$\gamma = \max\!\left(0,\; \frac{\max_k q_k - t}{1 - t}\right):$$
#
# zero up to the threshold, one for certainty.
#
# **Bridge.** Equation 4 puts map and image side by side as two channels, the map first, and scales
# them down to `size` x `size` equal blocks of pixels. The map says which *share* of the evidence lies
# where, so its blocks are **summed**; the image is **averaged**.
#
# Mind these points:
#
# - Every image has its own $c$, $d$, sum and gate; there may be more than two classes.
# - Pixels may be negative. It is the product that is cut at zero, not the gradient.
# - The bridge is an input to the decoder, not a path for its gradients: what you return is
#   **detached**. `images` stays as it was.
# - You may use autograd or write the derivative down; it has one line. (Nothing depends on what the
#   derivative of relu is at exactly 0.)


# %% nbgrader={"grade": false, "grade_id": "bridge-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def evidence(hidden: Tensor, output: Tensor, images: Tensor) -> Tensor:
    """The share of the evidence for the predicted class, against the second, in each pixel.

    hidden: U (k, h * w); output: V (classes, k), at least two classes; images: (n, 1, h, w).
    Returns (n, 1, h, w), each image's map non-negative with the sum 1 (or all 0), detached.
    """
    ### BEGIN SOLUTION
    x = images.detach().flatten(1)
    active = x @ hidden.detach().T > 0
    logits = (x @ hidden.detach().T).relu() @ output.detach().T
    best, second = logits.topk(2, dim=1).indices.T
    gradient = ((output[best] - output[second]) * active) @ hidden
    speaks_for = (x * gradient).relu()
    total = speaks_for.sum(dim=1, keepdim=True)
    share = speaks_for / torch.where(total > 0, total, torch.ones_like(total))
    return share.reshape(images.shape).detach()
    ### END SOLUTION


def gated_bridge(
    hidden: Tensor, output: Tensor, images: Tensor, size: int, threshold: float = 0.5
) -> Tensor:
    """Gated evidence and image side by side, in size x size blocks.

    Arguments as for `evidence`; h and w are multiples of size. Returns (n, 2, size, size),
    detached: channel 0 holds the evidence, gated and summed, channel 1 the image, averaged.
    """
    ### BEGIN SOLUTION
    x = images.detach()
    certain = ((x.flatten(1) @ hidden.T).relu() @ output.T).softmax(dim=1).amax(dim=1)
    gate = ((certain - threshold) / (1 - threshold)).clamp(min=0)
    pixels = x.shape[2] // size * (x.shape[3] // size)
    shares = evidence(hidden, output, x) * gate[:, None, None, None] * pixels
    return F.adaptive_avg_pool2d(torch.cat([shares, x], dim=1), size).detach()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "bridge-checks", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# With U = 1 (the identity) and bright pixels the logits are simply V x.
hidden = torch.eye(4)
output = torch.tensor([[0.0, 0, 2, 1], [1, 1, 1, 0], [0, 0, 0, 0]])
images = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]], [[[4.0, 2.0], [1.0, 0.0]]]])
# Image 0 has the logits 10, 6, 0. The margin of class 0 over class 1 has the gradient -1 -1 1 1; times
# the pixels -1 -2 3 4. Image 1 has the logits 2, 7, 0: gradient 1 1 -1 -1, times the pixels 4 2 -1 0.
share = evidence(hidden, output, images)
assert isinstance(share, Tensor), f"return a tensor, not {type(share).__name__}"
assert share.shape == images.shape, (
    f"one map an image, shape {tuple(images.shape)}, not {tuple(share.shape)}"
)
assert close(share[0].flatten(), torch.tensor([0, 0, 3 / 7, 4 / 7])), (
    "in image 0 the lower pixels speak for class 0 with 3 and 4, the upper ones against it: shares of "
    f"0, 0, 3/7, 4/7; yours are {share[0].flatten().tolist()}"
)
assert close(share[1].flatten(), torch.tensor([4 / 6, 2 / 6, 0, 0])), (
    "in image 1 class 1 wins over class 0: shares of 4/6, 2/6, 0, 0; "
    f"yours are {share[1].flatten().tolist()}"
)
bridge = gated_bridge(hidden, output / 4, images, size=1, threshold=0.5)
assert bridge.shape == (2, 2, 1, 1), f"expected the shape (2, 2, 1, 1), not {tuple(bridge.shape)}"
assert close(bridge[:, 1].flatten(), torch.tensor([2.5, 1.75])), (
    "channel 1 is the image, averaged over blocks: 2.5 and 1.75"
)
# A quarter of V makes the logits of image 0 2.5, 1.5, 0: it is sure of class 0 with 0.6897.
sure = 1 / (1 + math.exp(-1) + math.exp(-2.5))
assert close(bridge[0, 0, 0, 0], torch.tensor(2 * sure - 1)), (
    "all of the evidence lies in the one block, so channel 0 holds 1 times the gate, "
    f"(0.6897 - 0.5) / 0.5 = 0.3795; yours is {bridge[0, 0, 0, 0]:.4f}"
)
shut = gated_bridge(hidden, output / 4, images, size=2, threshold=0.9)
assert not shut[:, 0].any(), "below the threshold the gate is shut: channel 0 is zero"
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(12):
        generator = torch.Generator().manual_seed(400 + trial)
        n, classes, size, block, wide = (
            1 + trial % 4,
            2 + trial % 3,
            1 + trial % 3,
            2,
            1 + trial % 2,
        )
        h, w, k = size * block, size * wide, 5
        hidden = torch.randn(k, h * w, generator=generator, dtype=torch.float64)
        output = torch.randn(classes, k, generator=generator, dtype=torch.float64)
        images = torch.randn(n, 1, h, w, generator=generator, dtype=torch.float64)
        threshold = (0.5, 0.0, 0.7)[trial % 3]
        before = images.clone()
        leaf = images.clone().requires_grad_()
        # topic: what is returned is detached, and the images stay as they were
        found = evidence(hidden, output, leaf)
        bridge = gated_bridge(hidden, output, leaf, size, threshold)
        for tensor in (found, bridge):
            assert not tensor.requires_grad, "the result is not detached"
        assert torch.equal(leaf.detach(), before), "the images have changed"
        assert bridge.shape == (n, 2, size, size), "wrong shape of the bridge"
        for i in range(n):
            x = images[i].flatten().tolist()
            units = [sum(u * v for u, v in zip(row, x, strict=True)) for row in hidden.tolist()]
            logits = [
                sum(v * max(z, 0) for v, z in zip(row, units, strict=True))
                for row in output.tolist()
            ]
            c, d = sorted(range(classes), key=lambda j, s=logits: -s[j])[:2]
            pull = [
                sum(
                    float(output[c, j] - output[d, j]) * float(hidden[j, pixel])
                    for j in range(k)
                    if units[j] > 0
                )
                for pixel in range(h * w)
            ]
            speaks = [max(0.0, a * b) for a, b in zip(x, pull, strict=True)]
            total = sum(speaks) or 1.0
            wanted = torch.tensor([v / total for v in speaks], dtype=torch.float64).reshape(h, w)
            # topic: the evidence: whose margin, which product, what is cut at zero, what sums to one
            assert close(found[i, 0], wanted), "wrong evidence for a random network"
            # topic: gate and scaling: the map is summed over blocks, the image averaged
            q = 1 / sum(math.exp(s - max(logits)) for s in logits)
            gate = max(0.0, (q - threshold) / (1 - threshold))
            for row in range(size):
                for column in range(size):
                    rows = slice(row * block, (row + 1) * block)
                    columns = slice(column * wide, (column + 1) * wide)
                    part = gate * float(wanted[rows, columns].sum())
                    assert abs(float(bridge[i, 0, row, column]) - part) < 1e-5, "wrong channel 0"
                    mean = float(images[i, 0, rows, columns].mean())
                    assert abs(float(bridge[i, 1, row, column]) - mean) < 1e-5, "wrong channel 1"
    # topic: images in which nothing speaks for a class, and the ends of the gate
    hidden, output = torch.eye(4), torch.tensor([[1.0, 1, 0, 0], [0, 0, 1, 1]])
    black = torch.zeros(2, 1, 2, 2)
    black[1, 0, 0, 0] = 40.0  # the first image is black, the second is certain
    assert close(evidence(hidden, output, black), black / 40), "nothing speaks: zero everywhere"
    bridge = gated_bridge(hidden, output, black, 1)
    assert close(bridge[:, 0].flatten(), torch.tensor([0.0, 1.0])), "the gate is 0 in doubt, else 1"
    # topic: the default threshold
    faint = torch.tensor([[[[2.0, 0.0], [0.0, 0.0]]]])
    sure = 1 / (1 + math.exp(-2))
    wanted = torch.tensor([[2 * sure - 1, 0.0], [0.0, 0.0]])
    assert close(gated_bridge(hidden, output, faint, 2)[0, 0], wanted), "the default threshold"


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 6: guesses with the right prevalence, and CutMix (4 points)
#
# The baseline Enc-MM uses MixMatch instead of a threshold: it sharpens guessed class probabilities and
# mixes pairs of images by a weighted mean. Both have relatives that suit medical images better.
#
# **Prevalence.** One often knows how frequent a disease is among the patients of a hospital, even if
# nobody labelled a single image: $\pi_k$ for class $k$. If the guesses over a batch say something
# else, $\bar q_k = \frac1n \sum_i q_{ik}$, they are corrected before they are sharpened with the
# temperature $T$:
#
# $$s_{ik} = \frac{q_{ik}\, \pi_k / \bar q_k}{\sum_j q_{ij}\, \pi_j / \bar q_j}, \qquad
# \mathrm{guess}_{ik} = \frac{s_{ik}^{1/T}}{\sum_j s_{ij}^{1/T}}.$$
#
# A class that *no* image of the batch has any probability for ($\bar q_k = 0$) gets the guess 0.
#
# **CutMix.** The mean of two chest X-rays looks like no patient. CutMix pastes a box of the other
# image instead and mixes the targets by area. A box is `(top, left, height, width)` in pixels; it
# covers the rows from `top` to `top + height - 1` and columns likewise, as far as they are in the image.
# What lies beyond the border is cut off, and a height or width of 0 makes an empty box. With $\alpha_i$ the
# *share of the image's pixels* that box $i$ covers then:
#
# - if $\alpha_i \leq \frac12$, the pixels of the box come from the other image, the rest stays;
# - if $\alpha_i > \frac12$, it is the other way round: the pixels of the box *stay*, those around it come
#   from the other image.
#
# So at least half of the result is the first image, and it can still be counted as labelled or
# unlabelled like that one. Its target is the mean of both targets, weighted by the share of pixels that
# come from each.


# %% nbgrader={"grade": false, "grade_id": "mixing-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def guess(probabilities: Tensor, prevalence: Tensor, temperature: float = 0.5) -> Tensor:
    """Probabilities corrected for the prevalence, then sharpened.

    probabilities: (n, classes), rows sum to 1; prevalence: (classes,), positive, sums to 1.
    Returns (n, classes), rows sum to 1.
    """
    ### BEGIN SOLUTION
    mean = probabilities.mean(dim=0)
    ratio = torch.where(mean > 0, prevalence / mean, torch.zeros_like(mean))
    corrected = probabilities * ratio
    powered = (corrected / corrected.sum(dim=1, keepdim=True)).pow(1 / temperature)
    return powered / powered.sum(dim=1, keepdim=True)
    ### END SOLUTION


def cut_mix(
    images: Tensor, targets: Tensor, other_images: Tensor, other_targets: Tensor, boxes: Tensor
) -> tuple[Tensor, Tensor]:
    """Paste a box of each other image, or all but the box, and mix the targets by area.

    images, other_images: (n, 1, h, w); targets, other_targets: (n, classes); boxes: (n, 4) int64,
    (top, left, height, width), top and left within the image. Returns images and targets.
    """
    ### BEGIN SOLUTION
    h, w = images.shape[-2:]
    top, left, height, width = boxes.T[:, :, None]
    rows, columns = torch.arange(h), torch.arange(w)
    in_rows = (rows >= top) & (rows < top + height)
    in_columns = (columns >= left) & (columns < left + width)
    pasted = in_rows[:, :, None] & in_columns[:, None, :]
    large = pasted.float().mean(dim=(1, 2)) > 0.5
    pasted = pasted ^ large[:, None, None]
    share = pasted.float().mean(dim=(1, 2))[:, None]
    mixed = torch.where(pasted[:, None], other_images, images)
    return mixed, (1 - share) * targets + share * other_targets
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "mixing-checks", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# The guesses say 0.4 and 0.6 on average, the hospital 0.2 and 0.8. The first class is therefore
# weighted with 0.2/0.4 = 1/2, the second with 0.8/0.6 = 4/3.
q = torch.tensor([[0.6, 0.4], [0.2, 0.8]])
result = guess(q, torch.tensor([0.2, 0.8]), temperature=1.0)
assert isinstance(result, Tensor), f"return a tensor, not {type(result).__name__}"
assert result.shape == q.shape, f"the shape of the guesses stays, yours is {tuple(result.shape)}"
assert close(result[0], torch.tensor([9 / 25, 16 / 25])), (
    f"0.6/2 to 0.4 x 4/3 is 9 to 16 for the first image; yours is {result[0].tolist()}"
)
result = guess(q, torch.tensor([0.2, 0.8]), temperature=0.5)
assert close(result[0], torch.tensor([81 / 337, 256 / 337])), (
    f"at T = 1/2 the shares 9 to 16 are squared: 81 to 256; yours is {result[0].tolist()}"
)
white, black = torch.ones(2, 1, 2, 4), torch.zeros(2, 1, 2, 4)
first, second = torch.tensor([[1.0, 0.0]] * 2), torch.tensor([[0.0, 1.0]] * 2)
boxes = torch.tensor([[0, 0, 1, 2], [0, 1, 2, 3]])  # 2 of 8 pixels, and 6 of 8
mixed, target = cut_mix(white, first, black, second, boxes)
assert mixed.shape == white.shape, f"images keep their shape, yours have {tuple(mixed.shape)}"
assert target.shape == first.shape, f"targets keep their shape, yours have {tuple(target.shape)}"
assert mixed[0, 0].tolist() == [[0, 0, 1, 1], [1, 1, 1, 1]], (
    f"a small box is pasted: two black pixels at the upper left; yours is {mixed[0, 0].tolist()}"
)
assert mixed[1, 0].tolist() == [[0, 1, 1, 1], [0, 1, 1, 1]], (
    f"of a large box the first image keeps the inside; yours is {mixed[1, 0].tolist()}"
)
assert close(target, torch.tensor([[0.75, 0.25], [0.75, 0.25]])), (
    f"six of eight pixels are of the first image in both; yours are {target.tolist()}"
)
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(24):
        generator = torch.Generator().manual_seed(500 + trial)
        n, classes, h, w = 1 + trial % 5, 2 + trial % 3, 3 + trial % 2, 4
        p = torch.rand(n, classes, generator=generator)
        p = p / p.sum(dim=1, keepdim=True)
        prior = torch.rand(classes, generator=generator) + 0.1
        prior = prior / prior.sum()
        temperature = (0.5, 0.25, 1.0, 2.0)[trial % 4]
        mean = [sum(row[k] for row in p.tolist()) / n for k in range(classes)]
        expected = []
        for row in p.tolist():
            s = [(v * c / m) for v, c, m in zip(row, prior.tolist(), mean, strict=True)]
            s = [(v / sum(s)) ** (1 / temperature) for v in s]
            expected.append([v / sum(s) for v in s])
        # topic: the correction by prevalence, and the temperature
        found = guess(p, prior, temperature)
        assert close(found, torch.tensor(expected), 1e-4), "wrong on random guesses"
        x, y = (torch.randn(n, 1, h, w, generator=generator) for _ in range(2))
        t, u = (torch.rand(n, classes, generator=generator) for _ in range(2))
        draw = torch.rand(n, 4, generator=generator)
        boxes = (draw * torch.tensor([h, w, h + 2, w + 2])).long()
        # topic: which pixels come from which image, and the share of each in the target
        mixed, target = cut_mix(x, t, y, u, boxes)
        for i, (top, left, height, width) in enumerate(boxes.tolist()):
            box = {
                (r, c)
                for r in range(top, min(top + height, h))
                for c in range(left, min(left + width, w))
            }
            everywhere = {(r, c) for r in range(h) for c in range(w)}
            pasted = box if 2 * len(box) <= h * w else everywhere - box
            for r, c in everywhere:
                wanted = (y if (r, c) in pasted else x)[i, 0, r, c]
                assert float(mixed[i, 0, r, c]) == float(wanted), "wrong pixel"
            part = len(pasted) / (h * w)
            assert close(target[i], t[i] + part * (u[i] - t[i])), "wrong mixed target"
    # topic: boxes of exactly half of the image, without a pixel, and beyond the border
    x, y = torch.ones(3, 1, 2, 4), torch.zeros(3, 1, 2, 4)
    t, u = torch.tensor([[1.0, 0.0]] * 3), torch.tensor([[0.0, 1.0]] * 3)
    boxes = torch.tensor([[0, 2, 2, 2], [0, 0, 0, 3], [1, 3, 9, 9]])
    mixed, target = cut_mix(x, t, y, u, boxes)
    assert mixed[0, 0].tolist() == [[1, 1, 0, 0]] * 2, "a box of exactly half is pasted"
    assert mixed[2, 0].tolist() == [[1, 1, 1, 1], [1, 1, 1, 0]], "cut off at the border"
    assert close(target[:, 1], torch.tensor([0.5, 0.0, 1 / 8])), "the area counts after the cut"
    assert bool((x == 1).all()), "the images that were given have changed"
    # topic: a class that no image of the batch has any probability for
    absent = torch.tensor([[0.0, 0.75, 0.25], [0.0, 0.25, 0.75]])
    found = guess(absent, torch.tensor([0.2, 0.4, 0.4]))
    assert close(found, torch.tensor([[0.0, 0.9, 0.1], [0.0, 0.1, 0.9]])), "a class that is absent"


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Before you hand in
#
# Restart the kernel, run all cells, and see that no self-check complains. `medda course validate`
# followed by the name of this notebook does the same from a terminal. Then hand in the notebook
# under the name it came with.
