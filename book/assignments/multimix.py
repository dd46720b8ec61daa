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
#     class: 90 minutes, from the first year of a master's course on
#     before: students read the chapter's [problem](../chapters/multimix.html#the-problem-the-same-network-another-hospital){.external} and [method](../chapters/multimix.html#the-method){.external}
#     aims:
#       A1: "compute a pseudo-label loss for a batch of three images: who is kept, what it is divided by | the board task"
#       A2: "say what an unlabelled image contributes early and late in training, and to which class | questions 2 and 3"
#       A3: write an overlap loss whose errors have different prices, and its value for empty masks
#       A4: "find a loss term that cannot do anything, by one test that takes a minute | the board task"
#       A5: "explain what a saliency bridge hands over, and name a control that tests whether it is used | minutes 52–64; question 4"
#       A6: "decide from two printed means whether they can belong to the same masks | group work"
#       A7: "read a verdict: on which data, how many repetitions, which interval | the last ten minutes"
#     exercises:
#       pseudo-label: {write: pseudo-labels that are fair to the rare class, varies: one threshold and one mean for all classes, minutes: 25, aims: [A1, A2]}
#       tversky: {write: "Tversky instead of Dice, with unknown pixels", varies: Dice, minutes: 20, aims: [A3]}
#       audit: {write: an audit of a table of Dice and Jaccard, varies: "Dice against Jaccard, without rounding", minutes: 20, aims: [A6]}
#       consistency: {write: a consistency term with a bound, varies: a divergence without one, minutes: 25, aims: [A4]}
# ---

# %% [markdown]
# # Assignment: variations on MultiMix
#
# MultiMix learns to detect pneumonia and to outline the lungs with one network, from few labels and
# few masks. The chapter shows how its parts are written. Here you change four of them in a way that
# somebody who uses them will want sooner or later, and write the result yourself, on tensors so small
# that you can check every number with a pencil. You need PyTorch and nothing else: no data, no GPU,
# no training.
#
# <!-- frame -->
#
# **Conventions.** Images are float tensors $(n, 1, h, w)$, masks are boolean tensors of the same
# shape, logits are what a network returns before softmax or sigmoid, $K$ is the number of classes.
# Functions return new tensors and leave their arguments as they are. Equation numbers are those of
# Haque et al., *Generalized Multi-Task Learning from Substantially Unlabeled Multi-Source Medical
# Image Data* (MELBA).

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import math
import warnings

import numpy as np
import torch
import torch.nn.functional as F
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
    confidence, labels = weak_logits.softmax(dim=1).max(dim=1)  # compared only: no gradient
    kept = confidence >= class_thresholds(weak_logits, threshold)[labels]
    each = kept * F.cross_entropy(strong_logits, labels, reduction="none")
    proposed = labels.unique().tolist()
    return sum(each[labels == k].mean() for k in proposed) / len(proposed)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "pseudo-label-checks", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Probabilities of three weak views: (0.9, 0.1), (0.6, 0.4) and (0.3, 0.7); their mean is (0.6, 0.4).
weak = torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]]).log()
strong = torch.zeros(3, 2)  # the strong views know nothing: each cross-entropy is ln 2
words = "the first class keeps 0.75, the second gets 0.75 x 0.4/0.6"
expect(class_thresholds(weak, 0.75), torch.tensor([0.75, 0.5]), words)
words = (
    "class 0 was proposed twice and kept once, class 1 once and kept: the mean of (ln 2)/2 and ln 2"
)
expect(fair_pseudo_label_loss(weak, strong, threshold=0.75), 0.75 * math.log(2), words)
words = "which images pass, and what do you divide by? Here one of one passes a threshold of 0.9"
expect(fair_pseudo_label_loss(weak[:1], strong[:1], threshold=0.9), math.log(2), words)
words = "0.9 does not reach a threshold of 0.95: with nobody kept the loss is 0, not nan"
expect(fair_pseudo_label_loss(weak[:1], strong[:1], threshold=0.95), 0.0, words)


### BEGIN HIDDEN TESTS
def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(24):
        generator = torch.Generator().manual_seed(trial)
        m, classes, threshold = 1 + trial % 7, 2 + trial % 3, (0.4, 0.6, 0.75, 0.9)[trial % 4]
        weak, strong = 2 * torch.randn(2, m, classes, generator=generator)
        weak, strong = weak.requires_grad_(), strong.requires_grad_()
        q = weak.detach().softmax(dim=1).tolist()
        r = [sum(row[k] for row in q) for k in range(classes)]
        t = [threshold * v / max(r) for v in r]
        labels = [row.index(max(row)) for row in q]
        wanted = 0.0 * strong.sum()
        for k in set(labels):
            members = [i for i in range(m) if labels[i] == k]
            kept = [-strong[i].log_softmax(dim=0)[k] for i in members if q[i][k] >= t[k]]
            wanted = wanted + sum(kept) / len(members) / len(set(labels))
        # topic: the threshold of each class, relative to the class with the largest mean probability
        found = class_thresholds(weak, threshold)
        expect(found, torch.tensor(t), "thresholds")
        # topic: fixed targets: through which of the two views a gradient may flow
        assert not found.requires_grad, "a threshold is a fixed number"
        # topic: which images are in the sum, and what each sum is divided by
        loss = fair_pseudo_label_loss(weak, strong, threshold)
        expect(loss, wanted, "wrong value on a random batch")
        # topic: fixed targets: through which of the two views a gradient may flow
        loss.backward()
        assert weak.grad is None or not weak.grad.any(), "a gradient flows into the weak view"
        (slope,) = torch.autograd.grad(wanted, strong)
        found = torch.zeros(m, classes) if strong.grad is None else strong.grad  # nobody is kept
        expect(found, slope, "wrong gradient for the strong view")
    # topic: a confidence that just reaches its threshold
    # softmax of (200, 0) is exactly (1, 0) in single precision: it reaches a threshold of 1
    edge = torch.tensor([[200.0, 0.0], [0.0, 200.0]])
    found = fair_pseudo_label_loss(edge, torch.zeros(2, 2), 1.0)
    expect(found, torch.tensor(math.log(2)), "a confidence equal to its threshold counts")
    # topic: the default threshold
    unsure = torch.tensor([[0.84, 0.0], [0.86, 0.0]])  # probabilities of 0.698 and 0.703
    found = fair_pseudo_label_loss(unsure, torch.zeros(2, 2))
    expect(found, torch.tensor(math.log(2) / 2), "default threshold")


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
    return torch.where(fp + fn > 0, index, 1.0)  # no error: 1, also where there was nothing
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
assert len(index) == 2, f"return one index for each of two images, not {len(index)}"
words = (
    "1 / (1 + 0.3 x 2 + 0.7 x 1): 0.3 goes with what was found in error, 0.7 with what was missed"
)
expect(index[0], torch.tensor(1 / 2.3), words)
expect(index[1], torch.tensor(0.5), "with one false positive unknown, 1 / (1 + 0.3 x 1 + 0.7 x 1)")
half, three = torch.full((1, 1, 1, 4), 0.5), torch.tensor([[[[0, 1, 1, 1]]]], dtype=torch.bool)
loss = tversky_loss(half, three, torch.ones_like(three), a=0.3, b=0.7, smooth=1.0)
words = "TP = 1.5, FP = 0.5, FN = 1.5, so 1 - (1.5 + 1) / (1.5 + 0.15 + 1.05 + 1)"
expect(loss, 1 - 2.5 / 3.7, words)


### BEGIN HIDDEN TESTS
def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(20):
        generator = torch.Generator().manual_seed(100 + trial)
        n, h, w, smooth = 1 + trial % 4, 3 + trial % 3, 5, (1.0, 0.5, 3.0)[trial % 3]
        a, b = ((0.3, 0.7), (0.5, 0.5), (1.0, 1.0), (0.8, 0.1), (0.1, 1.5))[trial % 5]
        p = torch.rand(n, 1, h, w, generator=generator).requires_grad_()
        # image i of the batch has its own density, so pooling over the batch shows
        density = torch.linspace(0.2, 0.9, n).reshape(n, 1, 1, 1)
        mask = torch.rand(n, 1, h, w, generator=generator) < density
        known = torch.rand(n, 1, h, w, generator=generator) < 0.7
        known[-1] &= trial % 2 == 0  # every other batch has an image without a known pixel
        hard, wanted = [], 0.0
        for i in range(n):
            places = known[i, 0].nonzero().tolist()
            pixels = [(p[i, 0, y, x], bool(mask[i, 0, y, x])) for y, x in places]
            both = sum(v > 0.5 and m for v, m in pixels)
            wrong = a * sum(v > 0.5 and not m for v, m in pixels)
            wrong += b * sum(v <= 0.5 and m for v, m in pixels)
            hard.append(both / (both + wrong) if both or wrong else 1.0)
            tp = sum(v for v, m in pixels if m)
            wrong = sum(b * (1 - v) if m else a * v for v, m in pixels)
            wanted = wanted + (1 - (tp + smooth) / (tp + wrong + smooth)) / n
        # topic: the index image by image, without the pixels that are not known
        found = tversky_index(p.detach() > 0.5, mask, known, a, b)
        expect(found, torch.tensor([float(v) for v in hard]), "wrong index on random masks")
        # topic: the loss image by image; an image without a known pixel counts in the mean
        loss = tversky_loss(p, mask, known, a, b, smooth)
        expect(loss, torch.as_tensor(wanted), "wrong loss on random images")
        # topic: the gradient of the loss: every step from the probabilities must be differentiable
        if known.any():
            (slope,) = torch.autograd.grad(wanted, p)
            loss.backward()
            expect(p.grad, slope, "wrong gradient of the loss")
    # topic: masks that are empty or full, and images without a known pixel
    no, yes = torch.zeros(1, 1, 4, 4).bool(), torch.ones(1, 1, 4, 4).bool()
    one = no.clone()
    one[0, 0, 1, 2] = True
    cases = [(no, no, yes, 1), (no, yes, yes, 0), (yes, no, yes, 0), (yes, yes, yes, 1)]
    cases += [(yes, no, no, 1), (no, yes, no, 1), (no, one, yes, 0), (one, no, yes, 0)]
    said, true, known, expected = zip(*cases, strict=True)
    found = tversky_index(torch.cat(said), torch.cat(true), torch.cat(known))
    expect(found, torch.tensor(expected).float(), "an empty or full mask")
    # topic: the default values of a, b and smooth
    expect(tversky_index(yes, one, yes), torch.tensor([1 / 5.5]), "default a")
    expect(tversky_index(one, yes, yes), torch.tensor([1 / 11.5]), "default b")
    expect(tversky_loss(yes.float(), no, yes), torch.tensor(4.8 / 5.8), "default a and s")
    expect(tversky_loss(no.float(), yes, yes), torch.tensor(11.2 / 12.2), "default b and s")


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
    # Only the lower bound can be reached just so: at the upper one an odd number would be even.
    too_low, too_high = dice + error < lowest - 1e-9, dice - error > highest
    return too_high.long() - too_low.long()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "audit-checks", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Two images with Jaccard 1 and 1/3 have Dice 1 and 1/2: the means are 2/3 and 3/4.
lowest, highest = dice_range(torch.tensor([2 / 3, 0.0, 1.0], dtype=torch.float64))
expect(lowest, torch.tensor([2 / 3, 0, 1]), "no mean Dice is below the mean Jaccard")
words = "if all images have a Jaccard of 2/3, all have a Dice of 4/5, and no mixture has more"
expect(highest, torch.tensor([0.8, 0, 1]), words)
dice = torch.tensor([0.750, 0.626, 0.900, 0.9, 0.3], dtype=torch.float64)
jaccard = torch.tensor([0.667, 0.871, 0.667, 0.9, 0.3], dtype=torch.float64)
verdict = audit(dice, jaccard, decimals=3)
assert verdict.dtype == torch.int64, f"return whole numbers (int64), not {verdict.dtype}"
words = "0.626 is too low for 0.871 (-1), 0.900 too high for 0.667 (1), all others are possible"
expect(verdict, torch.tensor([0, -1, 1, 0, 0]), words)
words = "0.666 beside 0.667: both may have been 0.6665 before they were rounded"
expect(audit(dice[:1] - 0.084, jaccard[:1]), [0], words)


### BEGIN HIDDEN TESTS
def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    # topic: the two ends of the range of the mean Dice, for tensors of any shape
    grid = torch.linspace(0, 1, 12, dtype=torch.float64).reshape(3, 4)
    low, high = dice_range(grid)
    expect(low, grid, "wrong lowest Dice")
    expect(high / (2 - high), grid, "wrong highest Dice")
    for decimals in (1, 2, 3, 4):
        # whole numbers of half units: nothing is rounded here
        unit, pairs, expected = 2 * 10**decimals, [], []
        for j in range(0, unit + 1, 2 * max(1, unit // 80)):
            upper = 4 * round(j * unit / (unit + j) / 2)
            near = [*range(j - 6, j + 7, 2), *range(upper - 6, upper + 7, 2)]
            for d in (d for d in near if 0 <= d <= unit):
                low, high = d + 1 >= j - 1, (d - 1) * (unit + j + 1) <= 2 * (j + 1) * unit
                pairs.append((d / unit, j / unit))
                expected.append(0 if low and high else -1 if high else 1)
        table = torch.tensor(pairs, dtype=torch.float64)
        # topic: rounding: both printed numbers may be off by half a unit of their last digit
        found = audit(table[:, 0], table[:, 1], decimals).tolist()
        assert found == expected, "wrong verdict close to a bound"
    # topic: a bound that is just reached, and the default number of decimals
    d, j = torch.tensor([[0.626, 0.625], [0.627, 0.627]], dtype=torch.float64)
    assert audit(d, j).tolist() == [0, -1], "a bound that is just reached, default decimals"


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
        log_p = F.logsigmoid(sign * labelled_logits).logsumexp(dim=0)
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
assert result != 0, "the two predictions differ, but your term is zero: over what is your softmax?"
js = math.log(1 / 2) / 4 + 3 * math.log(3 / 2) / 4
expect(result, js, "JS of 1/4 and 3/4 (0.5493 would be KL)")
expect(bounded_consistency(quarter, quarter), 0, "equal predictions")
both = torch.cat([quarter, three_quarters])
words = "two labelled predictions of 1/4 and 3/4 have the mean 1/2, as logits of 0 have"
expect(bounded_consistency(both, torch.zeros(3, 1, 1, 1)), 0, words)
extreme = torch.full((1, 1, 1, 1), 200.0)
words = "logits of 200 against -200 give the bound, ln 2, and nothing infinite"
expect(bounded_consistency(extreme, -extreme), math.log(2), words)


### BEGIN HIDDEN TESTS
def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(20):
        generator = torch.Generator().manual_seed(300 + trial)
        h, w, few, many = 2 + trial % 4, 3, 1 + trial % 3, 1 + trial % 4
        z_l, z_u = (
            (3 * torch.randn(n, 1, h, w, generator=generator).double()).requires_grad_()
            for n in (few, many)
        )
        p, each = sum(z.sigmoid() for z in z_l) / few, []
        for z in z_u:
            q = z.sigmoid()
            v = (p + q) / 2
            each += [o * (o / v).log() + (1 - o) * ((1 - o) / (1 - v)).log() for o in (p, q)]
        wanted = torch.stack(each).mean()  # of both halves of JS, all images, all pixels
        # topic: the mean over pixels and unlabelled images, each against the mean labelled map
        result = bounded_consistency(z_l, z_u)
        expect(result, wanted, "wrong on random predictions", 1e-9)
        # topic: gradients into both kinds of prediction
        result.backward()
        for leaf, slope in zip((z_l, z_u), torch.autograd.grad(wanted, (z_l, z_u)), strict=True):
            assert leaf.grad is not None, "no gradient for one of the predictions"
            expect(leaf.grad, slope, "wrong gradient for one of the predictions", 1e-9)
    # topic: logits of 200 and -200: value and gradient stay finite
    cases = [((200.0,), 200.0, 0.0), ((-200.0,), -200.0, 0.0), ((200.0,), -200.0, math.log(2))]
    half = (math.log(4 / 3) + 0.5 * math.log(2 / 3) + 0.5 * math.log(2)) / 2
    cases += [((200.0,), 0.0, half), ((0.0,), -200.0, half), ((200.0, -200.0), 0.0, 0.0)]
    for labelled, unlabelled, expected in cases:
        z_l = torch.tensor(labelled).reshape(-1, 1, 1, 1).repeat(1, 1, 2, 2).requires_grad_()
        z_u = torch.full((2, 1, 2, 2), unlabelled, requires_grad=True)
        result = bounded_consistency(z_l, z_u)
        expect(result.detach(), torch.tensor(expected), "wrong for extreme logits")
        result.backward()
        finite = z_l.grad.isfinite().all() & z_u.grad.isfinite().all()
        assert bool(finite), f"a gradient is not finite for logits of {labelled} and {unlabelled}"


_hidden_checks()
### END HIDDEN TESTS
