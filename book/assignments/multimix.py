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
# # Assignment: the parts of MultiMix
#
# MultiMix learns to detect pneumonia and to outline the lungs with one network, from few labels and
# few masks. In this assignment you write the six small functions that carry the idea, on tensors so
# small that you can check every number with a pencil. You need PyTorch and nothing else: no data, no
# GPU, no training.
#
# **Time.** About 90 minutes if you have read the chapter; 10 to 20 minutes an exercise.
#
# | exercise | what you write | points |
# |---|---|---:|
# | 1 | the loss with confident pseudo-labels | 4 |
# | 2 | Dice, hard and soft | 4 |
# | 3 | Jaccard, and how it is tied to Dice | 3 |
# | 4 | a consistency term that cannot vanish | 4 |
# | 5 | the saliency bridge | 6 |
# | 6 | sharpening and MixUp | 4 |
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
# **Help.** Which help you may use, and how to name it, is for your course to say.
#
# **Conventions.** Images are float tensors $(n, 1, h, w)$, masks are boolean tensors of the same
# shape, logits are what a network returns before softmax or sigmoid. Equation numbers are those of
# Haque et al., *Generalized Multi-Task Learning from Substantially Unlabeled Multi-Source Medical
# Image Data* (MELBA).

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import math
import warnings
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# The grader takes anything on the error stream for a failure; a mere warning shall cost no points.
warnings.simplefilter("ignore")
torch.set_num_threads(1)  # the tensors are tiny: more threads would only wait for each other


def close(result: Tensor, expected: Tensor, tolerance: float = 1e-5) -> bool:
    """Same shape and, up to rounding, the same numbers."""
    return result.shape == expected.shape and torch.allclose(
        result.double(), expected.double(), rtol=tolerance, atol=tolerance
    )


# %% [markdown]
# ## Exercise 1: learn from the labels you are sure of (4 points)
#
# An image without a label enters the network twice: weakly augmented (a flip, a crop) and strongly
# augmented (contrast, rotation, solarising and more). The weak view proposes a label, the strong
# view has to learn it. Let $q_i = \mathrm{softmax}(z^w_i)$ be the class probabilities of weak view
# $i$. Its pseudo-label is $c_i = \arg\max_k q_{ik}$, and it counts only if the network is confident,
# $\max_k q_{ik} \geq t$. Over a batch of $m$ unlabelled images
#
# $$L_u = \frac{1}{m} \sum_{i=1}^{m} \mathbf{1}\left[\max_k q_{ik} \geq t\right]\;
# \mathrm{CE}\!\left(c_i,\, z^g_i\right),$$
#
# where CE is the cross-entropy between a label and the *logits* $z^g_i$ of strong view $i$. The
# classification objective (equation 1) adds the ordinary cross-entropy on labelled images, with
# weights $w_l$ for them (here 1) and $\lambda$ for the rest:
#
# $$L^c = L_l + \lambda L_u.$$
#
# Mind these points:
#
# - The sum is divided by the number of *all* unlabelled images in the batch. Images that were turned
#   away contribute zero; early in training this keeps the term small by itself.
# - If no image is kept, the loss is zero (and `backward()` still works).
# - A pseudo-label is a fixed target: no gradient flows into the weak view.


# %% nbgrader={"grade": false, "grade_id": "pseudo-label-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pseudo_label_loss(weak_logits: Tensor, strong_logits: Tensor, threshold: float = 0.7) -> Tensor:
    """Cross-entropy of strong views against the confident labels of their weak views.

    weak_logits, strong_logits: (m, classes), row i of both belongs to the same image.
    threshold: a pseudo-label counts if its softmax probability is at least this.
    Returns a scalar: the sum over the images that count, divided by m.
    """
    ### BEGIN SOLUTION
    with torch.no_grad():
        confidence, pseudo_labels = weak_logits.softmax(dim=1).max(dim=1)
        counts = (confidence >= threshold).to(strong_logits.dtype)
    each = F.cross_entropy(strong_logits, pseudo_labels, reduction="none")
    return (counts * each).mean()
    ### END SOLUTION


def classification_loss(
    labels: Tensor,
    labelled_logits: Tensor,
    weak_logits: Tensor,
    strong_logits: Tensor,
    *,
    threshold: float = 0.7,
    weight: float = 0.25,
) -> Tensor:
    """Equation 1: mean cross-entropy on labelled images plus `weight` times the pseudo-label loss.

    labels: (l,) integers; labelled_logits: (l, classes); the number l of labelled images may
    differ from the number m of unlabelled ones. Returns a scalar.
    """
    ### BEGIN SOLUTION
    supervised = F.cross_entropy(labelled_logits, labels)
    return supervised + weight * pseudo_label_loss(weak_logits, strong_logits, threshold)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "pseudo-label-checks", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# The first weak view is sure of class 0 (probability 0.95), the second is not (0.55).
weak = torch.tensor([[3.0, 0.0], [0.2, 0.0]])
strong = torch.tensor([[0.0, 0.0], [5.0, 0.0]])
loss = pseudo_label_loss(weak, strong, threshold=0.7)
assert isinstance(loss, Tensor), f"return a tensor, not {type(loss).__name__}"
assert loss.shape == (), (
    f"return one number for the batch, not a tensor of shape {tuple(loss.shape)}"
)
assert close(loss, torch.tensor(math.log(2) / 2)), (
    f"one of two images counts and costs ln 2, so the loss is (ln 2)/2 = 0.3466; yours is {loss:.4f}"
)
assert close(pseudo_label_loss(weak, strong, threshold=0.99), torch.tensor(0.0)), (
    "nobody reaches a threshold of 0.99 here: the loss must be 0, not nan"
)
total = classification_loss(torch.tensor([0]), torch.zeros(1, 2), weak, strong, weight=2.0)
assert close(total, torch.tensor(2 * math.log(2))), (
    f"ln 2 for the labelled image plus 2 x (ln 2)/2 makes 1.3863; yours is {total:.4f}"
)
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(20):
        generator = torch.Generator().manual_seed(trial)
        m, classes = 1 + trial % 7, 2 + trial % 3
        weak = (2 * torch.randn(m, classes, generator=generator)).requires_grad_()
        strong = torch.randn(m, classes, generator=generator).requires_grad_()
        threshold = (0.4, 0.6, 0.7, 0.9)[trial % 4]
        expected, slope = 0.0, torch.zeros(m, classes)
        for i in range(m):
            q = [math.exp(z) for z in weak[i].tolist()]
            c = max(range(classes), key=q.__getitem__)
            if q[c] / sum(q) >= threshold:
                g = [math.exp(z) for z in strong[i].tolist()]
                expected -= math.log(g[c] / sum(g)) / m
                slope[i] = torch.tensor([(g[k] / sum(g) - (k == c)) / m for k in range(classes)])
        loss = pseudo_label_loss(weak, strong, threshold)
        assert close(loss, torch.tensor(expected)), "wrong value on a random batch"
        loss.backward()
        assert weak.grad is None or not weak.grad.any(), "a gradient flows into the weak view"
        assert close(strong.grad, slope), "wrong gradient for the strong view"
        labels = torch.randint(classes, (3,), generator=generator)
        logits = torch.randn(3, classes, generator=generator)
        supervised = -sum(
            math.log(math.exp(logits[i, labels[i]]) / sum(math.exp(z) for z in logits[i].tolist()))
            for i in range(3)
        )
        unlabelled = weak.detach(), strong.detach()
        total = classification_loss(labels, logits, *unlabelled, threshold=threshold, weight=0.3)
        assert close(total, torch.tensor(supervised / 3 + 0.3 * expected)), "wrong total"
    # softmax of (200, 0) is exactly (1, 0) in single precision: it reaches a threshold of 1
    edge = pseudo_label_loss(torch.tensor([[200.0, 0.0]]), torch.zeros(1, 2), 1.0)
    assert close(edge, torch.tensor(math.log(2))), "a confidence equal to the threshold counts"
    weak, strong = torch.tensor([[0.84, 0.0], [0.86, 0.0]]), torch.zeros(2, 2)
    assert close(pseudo_label_loss(weak, strong), torch.tensor(math.log(2) / 2)), (
        "default threshold"
    )
    total = classification_loss(torch.tensor([1]), torch.zeros(1, 2), weak, strong)
    assert close(total, torch.tensor(math.log(2) * 1.125)), "default threshold and weight"


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2: Dice, hard and soft (4 points)
#
# Dice compares a predicted mask $P$ with a reference mask $M$ by the size of their overlap:
#
# $$\mathrm{DS}(P, M) = \frac{2\,|P \cap M|}{|P| + |M|}.$$
#
# It is 1 for identical masks and 0 for disjoint ones. If both masks are empty the fraction is 0/0;
# predicting "nothing" where there is nothing is right, so the rule here is **both empty: 1**.
#
# To train a network we need something with a gradient. The *soft* form replaces the sets by the
# probabilities $p_j \in [0, 1]$ and the mask values $m_j \in \{0, 1\}$ of an image's pixels, and a
# smoothing constant $s$ takes care of empty masks:
#
# $$L_{\mathrm{Dice}} = 1 - \frac{2 \sum_j p_j m_j + s}{\sum_j p_j + \sum_j m_j + s}.$$
#
# Both are computed **for each image**; the loss is then the mean over the batch. (Pooling the pixels
# of all images first would let large lungs drown small ones.)


# %% nbgrader={"grade": false, "grade_id": "dice-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def hard_dice(prediction: Tensor, mask: Tensor) -> Tensor:
    """Dice score of each image.

    prediction, mask: (n, 1, h, w) bool. Returns (n,) float; 1 where both masks are empty.
    """
    ### BEGIN SOLUTION
    overlap = (prediction & mask).flatten(1).sum(dim=1).float()
    sizes = prediction.flatten(1).sum(dim=1) + mask.flatten(1).sum(dim=1)
    return torch.where(sizes > 0, 2 * overlap / sizes.clamp(min=1), torch.ones_like(overlap))
    ### END SOLUTION


def soft_dice_loss(probabilities: Tensor, mask: Tensor, smooth: float = 1.0) -> Tensor:
    """Mean over the batch of one minus the smoothed soft Dice score of each image.

    probabilities: (n, 1, h, w) float in [0, 1]; mask: (n, 1, h, w) bool; smooth: the constant s.
    Returns a scalar that can be differentiated with respect to `probabilities`.
    """
    ### BEGIN SOLUTION
    p, m = probabilities.flatten(1), mask.flatten(1).to(probabilities.dtype)
    score = (2 * (p * m).sum(dim=1) + smooth) / (p.sum(dim=1) + m.sum(dim=1) + smooth)
    return (1 - score).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "dice-checks", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Two images of 1 x 4 pixels. First: overlap 1, sizes 2 and 1. Second: the masks are disjoint.
prediction = torch.tensor([[[[1, 1, 0, 0]]], [[[1, 0, 0, 0]]]], dtype=torch.bool)
mask = torch.tensor([[[[0, 1, 0, 0]]], [[[0, 1, 0, 0]]]], dtype=torch.bool)
score = hard_dice(prediction, mask)
assert isinstance(score, Tensor), f"return a tensor, not {type(score).__name__}"
assert score.shape == (2,), f"return one score an image, shape (2,), not {tuple(score.shape)}"
assert close(score, torch.tensor([2 / 3, 0.0])), (
    f"2 x 1 / (2 + 1) for the first image and 0 for the second; yours are {score.tolist()}"
)
probabilities = torch.tensor([[[[0.5, 0.5, 0.0, 0.0]]]])
loss = soft_dice_loss(probabilities, mask[:1], smooth=1.0)
assert loss.shape == (), f"return one number for the batch, not shape {tuple(loss.shape)}"
assert close(loss, torch.tensor(1 / 3)), (
    f"1 - (2 x 0.5 + 1) / (1 + 1 + 1) = 0.3333 for s = 1; yours is {loss:.4f}"
)
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(20):
        generator = torch.Generator().manual_seed(100 + trial)
        n, h, w = 1 + trial % 4, 3 + trial % 3, 5
        p = torch.rand(n, 1, h, w, generator=generator)
        # image i of the batch has its own density, so pooling over the batch shows
        density = torch.linspace(0.2, 0.9, n).reshape(n, 1, 1, 1)
        mask = torch.rand(n, 1, h, w, generator=generator) < density
        smooth = (1.0, 0.5, 3.0)[trial % 3]
        hard, soft, slope = [], [], torch.zeros(n, 1, h, w)
        for i in range(n):
            predicted = {j for j, v in enumerate(p[i].flatten().tolist()) if v > 0.5}
            reference = {j for j, v in enumerate(mask[i].flatten().tolist()) if v}
            sizes = len(predicted) + len(reference)
            hard.append(2 * len(predicted & reference) / sizes if sizes else 1.0)
            values = p[i].flatten().tolist()
            top = 2 * sum(values[j] for j in reference) + smooth
            bottom = sum(values) + len(reference) + smooth
            soft.append(1 - top / bottom)
            slope[i] = -(2 * mask[i].float() * bottom - top) / bottom**2 / n
        assert close(hard_dice(p > 0.5, mask), torch.tensor(hard)), "wrong Dice on random masks"
        leaf = p.clone().requires_grad_()
        loss = soft_dice_loss(leaf, mask, smooth)
        assert close(loss, torch.tensor(sum(soft) / n)), "wrong soft Dice loss on random images"
        loss.backward()
        assert close(leaf.grad, slope), "wrong gradient of the soft Dice loss"
    nothing, everything = torch.zeros(3, 1, 4, 4).bool(), torch.ones(3, 1, 4, 4).bool()
    assert close(hard_dice(nothing, nothing), torch.ones(3)), "both empty: the Dice score is 1"
    assert close(hard_dice(nothing, everything), torch.zeros(3)), "nothing found: the score is 0"
    assert close(hard_dice(everything, everything), torch.ones(3)), (
        "identical masks: the score is 1"
    )
    mixed = hard_dice(torch.cat([nothing[:1], everything[:1]]), torch.cat([nothing[:1]] * 2))
    assert close(mixed, torch.tensor([1.0, 0.0])), "the rule for empty masks holds image by image"
    assert close(soft_dice_loss(nothing.float(), nothing), torch.tensor(0.0)), "both empty: no loss"
    loss = soft_dice_loss(everything.float(), nothing)
    assert close(loss, torch.tensor(16 / 17)), "default smoothing is 1"


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3: Jaccard, and how it is tied to Dice (3 points)
#
# The Jaccard score divides the overlap by the union,
#
# $$\mathrm{JS}(P, M) = \frac{|P \cap M|}{|P \cup M|},$$
#
# with the same rule: both masks empty, score 1. Dice and Jaccard of one image carry the same
# information. Because $|P| + |M| = |P \cup M| + |P \cap M|$,
#
# $$\mathrm{JS} = \frac{\mathrm{DS}}{2 - \mathrm{DS}}.$$
#
# Solve this for DS and you can turn one into the other in both directions. One consequence is worth
# remembering when reading tables: JS is never larger than DS, for any pair of masks, hence not for
# means over images either.


# %% nbgrader={"grade": false, "grade_id": "jaccard-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def jaccard(prediction: Tensor, mask: Tensor) -> Tensor:
    """Jaccard score of each image.

    prediction, mask: (n, 1, h, w) bool. Returns (n,) float; 1 where both masks are empty.
    """
    ### BEGIN SOLUTION
    overlap = (prediction & mask).flatten(1).sum(dim=1).float()
    union = (prediction | mask).flatten(1).sum(dim=1)
    return torch.where(union > 0, overlap / union.clamp(min=1), torch.ones_like(overlap))
    ### END SOLUTION


def jaccard_from_dice(dice: Tensor) -> Tensor:
    """Jaccard scores that belong to Dice scores; any shape, element by element."""
    ### BEGIN SOLUTION
    return dice / (2 - dice)
    ### END SOLUTION


def dice_from_jaccard(js: Tensor) -> Tensor:
    """Dice scores that belong to Jaccard scores; the inverse of `jaccard_from_dice`."""
    ### BEGIN SOLUTION
    return 2 * js / (1 + js)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "jaccard-checks", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Overlap 1 and union 2 in the first image; overlap 1 and union 4 in the second.
prediction = torch.tensor([[[[1, 1, 0, 0]]], [[[1, 1, 1, 0]]]], dtype=torch.bool)
mask = torch.tensor([[[[0, 1, 0, 0]]], [[[0, 0, 1, 1]]]], dtype=torch.bool)
score = jaccard(prediction, mask)
assert isinstance(score, Tensor), f"return a tensor, not {type(score).__name__}"
assert score.shape == (2,), f"return one score an image, shape (2,), not {tuple(score.shape)}"
assert close(score, torch.tensor([1 / 2, 1 / 4])), (
    f"overlap over union is 1/2 and 1/4 here; yours are {score.tolist()}"
)
ends = torch.tensor([0.0, 1.0])
assert close(jaccard_from_dice(ends), ends), "no overlap gives 0 and full overlap 1 on both scales"
assert close(dice_from_jaccard(ends), ends), "no overlap gives 0 and full overlap 1 on both scales"
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(20):
        generator = torch.Generator().manual_seed(200 + trial)
        n = 1 + trial % 4
        prediction = torch.rand(n, 1, 4, 5, generator=generator) < 0.6
        mask = torch.rand(n, 1, 4, 5, generator=generator) < 0.4
        expected, partner = [], []
        for i in range(n):
            predicted = {j for j, v in enumerate(prediction[i].flatten().tolist()) if v}
            reference = {j for j, v in enumerate(mask[i].flatten().tolist()) if v}
            both, union = len(predicted & reference), len(predicted | reference)
            expected.append(both / union if union else 1.0)
            partner.append(2 * both / (union + both) if union else 1.0)
        assert close(jaccard(prediction, mask), torch.tensor(expected)), "wrong on random masks"
        assert close(jaccard_from_dice(torch.tensor(partner)), torch.tensor(expected)), "DS to JS"
        assert close(dice_from_jaccard(torch.tensor(expected)), torch.tensor(partner)), "JS to DS"
    nothing, everything = torch.zeros(2, 1, 3, 3).bool(), torch.ones(2, 1, 3, 3).bool()
    assert close(jaccard(nothing, nothing), torch.ones(2)), "both empty: the Jaccard score is 1"
    assert close(jaccard(everything, nothing), torch.zeros(2)), (
        "the mask is empty, the prediction not"
    )
    grid = torch.linspace(0, 1, 12).reshape(3, 4)
    assert close(dice_from_jaccard(jaccard_from_dice(grid)), grid), "one undoes the other"
    assert bool((jaccard_from_dice(grid) <= grid + 1e-6).all()), "JS is never above DS"


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# With your functions you can audit a published table. These are Dice and Jaccard scores as printed
# in Table 2 of the paper, for 100 class labels and 10 masks. Which rows cannot come from the same
# masks? (Not graded. The rows are means over images, for which the conversion is only approximate;
# the order JS $\leq$ DS is exact all the same.)

# %%
TABLE_2 = {
    "UMTL": (0.626, 0.871),
    "UMTL-S": (0.922, 0.848),
    "UMTL-SSL": (0.906, 0.925),
    "MultiMix": (0.954, 0.920),
}
for system, (printed_dice, printed_jaccard) in TABLE_2.items():
    implied = dice_from_jaccard(torch.tensor(printed_jaccard)).item()
    verdict = "possible" if printed_jaccard <= printed_dice else "impossible: JS above DS"
    print(f"{system:9} Dice {printed_dice:.3f} printed, {implied:.3f} from Jaccard: {verdict}")

# %% [markdown]
# ## Exercise 4: a consistency term that cannot vanish (4 points)
#
# For images without a mask, MultiMix asks that the predicted masks be distributed like those of
# images with a mask. Equation 2 adds to the Dice loss a Kullback-Leibler divergence between the
# predictions $\hat s_l$ (labelled) and $\hat s_u$ (unlabelled). Each pixel is a coin that shows
# "lung" with probability $p$ in the one and $q$ in the other prediction, so
#
# $$\mathrm{KL}(p \,\|\, q) = p \log\frac{p}{q} + (1 - p) \log\frac{1 - p}{1 - q},$$
#
# with $p = \sigma(z_l)$ and $q = \sigma(z_u)$. The term is the mean over all pixels and all pairs of
# images; the pairs are formed by position in the batch. (The paper does not say how the predictions
# are aligned. The chapter's default compares with the mean of the labelled predictions instead.)
#
# **A trap.** The network has *one* output channel. A softmax over an axis of length one returns 1
# whatever it is given, and the divergence between "always 1" and "always 1" is zero: a term that
# does nothing, and no error message. The next cell shows it. The two outcomes of the coin are
# "lung" and "not lung"; the second one must be written down even though no channel holds it.
#
# Mind these points:
#
# - KL is not symmetric. The labelled prediction is $p$, the unlabelled one is $q$.
# - Logits of $\pm 100$ happen. $\log \sigma(-100)$ is about $-100$, but computing the sigmoid first
#   and the logarithm afterwards gives $-\infty$. The result and its gradient must stay finite.
# - Gradients flow into both predictions, as the paper's equation has it.

# %%
one_channel = torch.tensor([-5.0, 0.0, 5.0]).reshape(3, 1, 1, 1)
print("softmax over one channel:", one_channel.softmax(dim=1).flatten().tolist())


# %% nbgrader={"grade": false, "grade_id": "consistency-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def segmentation_consistency(labelled_logits: Tensor, unlabelled_logits: Tensor) -> Tensor:
    """Mean Kullback-Leibler divergence between two predictions, each pixel a coin.

    labelled_logits, unlabelled_logits: (n, 1, h, w), before the sigmoid; row i of one is compared
    with row i of the other. Returns a scalar in nats, at least 0, and 0 only if both agree.
    """
    ### BEGIN SOLUTION
    lung = F.logsigmoid(labelled_logits) - F.logsigmoid(unlabelled_logits)
    other = F.logsigmoid(-labelled_logits) - F.logsigmoid(-unlabelled_logits)
    each = labelled_logits.sigmoid() * lung + (-labelled_logits).sigmoid() * other
    return each.mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "consistency-checks", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# One pixel with p = 1/2 and q = 3/4: KL = 1/2 log(2/3) + 1/2 log 2 = 0.1438.
half, three_quarters = torch.zeros(1, 1, 1, 1), torch.full((1, 1, 1, 1), math.log(3))
result = segmentation_consistency(half, three_quarters)
assert isinstance(result, Tensor), f"return a tensor, not {type(result).__name__}"
assert result.shape == (), f"return one number, not a tensor of shape {tuple(result.shape)}"
assert result != 0, "the two predictions differ, but your term is zero: over what is your softmax?"
assert close(result, torch.tensor(0.5 * math.log(4 / 3))), (
    f"KL(1/2 || 3/4) is 0.1438; yours is {result:.4f} (0.1308 would be the reverse direction)"
)
assert close(segmentation_consistency(half, half), torch.tensor(0.0)), "equal predictions: KL is 0"
extreme = torch.full((1, 1, 1, 1), 100.0)
result = segmentation_consistency(extreme, -extreme)
assert close(result, torch.tensor(100.0)), (
    f"logits of 100 against -100 give a KL of 100, finite; yours is {result:.4f}"
)
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(20):
        generator = torch.Generator().manual_seed(300 + trial)
        shape = (1 + trial % 3, 1, 2 + trial % 4, 3)
        z_l = (3 * torch.randn(shape, generator=generator, dtype=torch.float64)).requires_grad_()
        z_u = (3 * torch.randn(shape, generator=generator, dtype=torch.float64)).requires_grad_()
        p = torch.distributions.Bernoulli(logits=z_l)
        q = torch.distributions.Bernoulli(logits=z_u)
        expected = torch.distributions.kl_divergence(p, q).mean()
        result = segmentation_consistency(z_l, z_u)
        assert close(result, expected, 1e-9), "wrong on random predictions"
        assert result > 0, "the divergence of different predictions is positive"
        wanted = torch.autograd.grad(expected, (z_l, z_u))
        found = torch.autograd.grad(result, (z_l, z_u), allow_unused=True)
        for name, a, b in zip(("labelled", "unlabelled"), found, wanted, strict=True):
            assert a is not None, f"no gradient for the {name} prediction"
            assert close(a, b, 1e-9), f"wrong gradient for the {name} prediction"
    for low, high in (
        (-100.0, 100.0),
        (100.0, -100.0),
        (100.0, 0.0),
        (0.0, -100.0),
        (100.0, 100.0),
    ):
        z_l = torch.full((2, 1, 2, 2), low, requires_grad=True)
        z_u = torch.full((2, 1, 2, 2), high, requires_grad=True)
        result = segmentation_consistency(z_l, z_u)
        result.backward()
        finite = result.isfinite() & z_l.grad.isfinite().all() & z_u.grad.isfinite().all()
        assert bool(finite), f"not finite for logits of {low} and {high}"
        p = 1 / (1 + math.exp(-low))
        log = [[-math.log1p(math.exp(-s * z)) for s in (1, -1)] for z in (low, high)]
        expected = p * (log[0][0] - log[1][0]) + (1 - p) * (log[0][1] - log[1][1])
        assert close(result.detach(), torch.tensor(expected)), "wrong for extreme logits"


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5: the saliency bridge (6 points)
#
# The bridge tells the decoder where the classifier looks. For image $x_i$ with class scores
# (logits) $f(x_i)$ and predicted class $c_i = \arg\max_k f_k(x_i)$, the saliency map is the gradient
# of that one score with respect to the pixels (equation 3):
#
# $$y_i = \frac{\partial f_{c_i}(x_i)}{\partial x_i}.$$
#
# It has the shape of the image. Equation 4 concatenates the map and the image along the channel
# axis, $b_i = y_i \oplus x_i$ (saliency first), and the result is reduced to the size of the
# feature map that it joins. The paper does not name the operator for this; here it is the
# **average over equal blocks of pixels**.
# The gradient keeps its sign and its scale here, as the equation has it; the book's library goes one
# step further and scales its absolute value to [0, 1].
#
# Mind these points:
#
# - Every image has its own predicted class. `classifier` treats the images of a batch one by one, so
#   the gradient of a *sum* over images holds the gradient of each image in its row.
# - The bridge is an input to the decoder, not a path for its gradients: the result is **detached**.
# - Nothing else may change: `images` and the `.grad` of the classifier's weights stay as they were.
# - It must work within `torch.no_grad()` too, because predictions are made that way.
#   (`torch.enable_grad()` helps.)


# %% nbgrader={"grade": false, "grade_id": "bridge-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def saliency(classifier: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Gradient of each image's highest class score with respect to the image.

    classifier: maps (n, 1, h, w) to logits (n, classes); images: (n, 1, h, w).
    Returns (n, 1, h, w), detached.
    """
    ### BEGIN SOLUTION
    with torch.enable_grad():
        inputs = images.detach().clone().requires_grad_(True)
        top_scores = classifier(inputs).max(dim=1).values
        (gradient,) = torch.autograd.grad(top_scores.sum(), inputs)
    return gradient.detach()
    ### END SOLUTION


def saliency_bridge(classifier: Callable[[Tensor], Tensor], images: Tensor, size: int) -> Tensor:
    """Saliency and image side by side, reduced to size x size by averaging over blocks.

    images: (n, 1, h, w), h and w multiples of size. Returns (n, 2, size, size), detached:
    channel 0 holds the saliency, channel 1 the image.
    """
    ### BEGIN SOLUTION
    joined = torch.cat([saliency(classifier, images), images.detach()], dim=1)
    return F.adaptive_avg_pool2d(joined, size)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "bridge-checks", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# A linear classifier: its class scores are weighted sums of the pixels, so the gradient of a score
# is the row of weights of that class. Both classes have weights that are easy to recognise.
linear = nn.Sequential(nn.Flatten(), nn.Linear(16, 2, bias=False))
with torch.no_grad():
    linear[1].weight.copy_(torch.stack([torch.full((16,), -1.0), torch.arange(16.0)]))
images = torch.stack([torch.full((1, 4, 4), -1.0), torch.ones(1, 4, 4)])  # class 0, class 1
result = saliency(linear, images)
assert isinstance(result, Tensor), f"return a tensor, not {type(result).__name__}"
assert result.shape == images.shape, f"one map an image, {tuple(images.shape)}, not {result.shape}"
assert close(result[0], torch.full((1, 4, 4), -1.0)), (
    "image 0 is predicted as class 0, so its map holds the weights of class 0: -1 everywhere"
)
assert close(result[1], torch.arange(16.0).reshape(1, 4, 4)), (
    "image 1 is predicted as class 1, so its map holds the weights of class 1: 0, 1, ..., 15"
)
bridge = saliency_bridge(linear, images, size=2)
assert bridge.shape == (2, 2, 2, 2), f"expected the shape (2, 2, 2, 2), not {tuple(bridge.shape)}"
assert close(bridge[1, 0], torch.tensor([[2.5, 4.5], [10.5, 12.5]])), (
    "channel 0 is the saliency, each value the mean of a block of 2 x 2 pixels"
)
assert close(bridge[:, 1], images[:, 0, :2, :2]), "channel 1 is the image (constant here)"
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(8):
        torch.manual_seed(400 + trial)
        n, classes, size, block = 2 + trial % 4, 2 + trial % 2, 2 + trial % 3, 1 + trial % 3
        side = size * block
        network = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.Tanh(), nn.Flatten(), nn.Linear(4 * side**2, classes)
        ).double()
        images = torch.randn(n, 1, side, side, dtype=torch.float64)
        before = images.clone()
        weights = [w.clone() for w in network.parameters()]
        with torch.no_grad():
            predicted = network(images).argmax(dim=1)
            # by central differences: row j of `step` changes pixel j and nothing else
            step = 1e-4 * torch.eye(side**2, dtype=torch.float64).reshape(-1, 1, side, side)
            expected = torch.stack(
                [
                    ((network(x + step) - network(x - step))[:, c] / 2e-4).reshape(1, side, side)
                    for x, c in zip(images, predicted.tolist(), strict=True)
                ]
            )
        found = saliency(network, images)
        assert close(found, expected, 1e-6), "wrong saliency for a random network"
        bridge = saliency_bridge(network, images, size)
        assert bridge.shape == (n, 2, size, size), "wrong shape of the bridge"
        for row in range(size):
            for column in range(size):
                rows = slice(row * block, (row + 1) * block)
                columns = slice(column * block, (column + 1) * block)
                for channel, source in enumerate((expected, images)):
                    mean = source[:, 0, rows, columns].flatten(1).mean(dim=1)
                    assert close(bridge[:, channel, row, column], mean, 1e-6), "wrong block mean"
        for tensor in (found, bridge):
            assert not tensor.requires_grad, "the result is not detached"
        assert torch.equal(images, before), "the images have changed"
        assert not images.requires_grad, "the images now require a gradient"
        assert images.grad is None, "the images have gathered a gradient"
        assert all(w.grad is None for w in network.parameters()), "the weights gathered a gradient"
        assert all(w.requires_grad for w in network.parameters()), "the weights no longer learn"
        assert all(torch.equal(a, b) for a, b in zip(weights, network.parameters(), strict=True))
        with torch.no_grad():
            assert close(saliency(network, images), expected, 1e-6), "fails within no_grad"
            assert close(saliency_bridge(network, images, size), bridge, 1e-6), (
                "fails within no_grad"
            )
        tracked = images.clone().requires_grad_()
        assert not saliency_bridge(network, tracked, size).requires_grad, (
            "image channel not detached"
        )
        assert tracked.requires_grad, "the caller's tensor has changed"
        assert tracked.grad is None, "the caller's tensor has gathered a gradient"


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 6: sharpening and MixUp (4 points)
#
# The baseline Enc-MM uses MixMatch (Berthelot et al., 2019) instead of a threshold. It *sharpens* a
# guessed distribution $p$ over classes with a temperature $T$,
#
# $$\mathrm{Sharpen}(p, T)_k = \frac{p_k^{1/T}}{\sum_j p_j^{1/T}},$$
#
# and then *mixes* two images together with their targets. With $\lambda_i \in [0, 1]$ drawn for
# each image,
#
# $$\lambda_i' = \max(\lambda_i, 1 - \lambda_i), \qquad
# x_i' = \lambda_i' x_i + (1 - \lambda_i') \tilde x_i, \qquad
# t_i' = \lambda_i' t_i + (1 - \lambda_i') \tilde t_i.$$
#
# The maximum makes sure that the mixture stays closer to the first image, so that it can still be
# counted as labelled or unlabelled like that one. Probabilities of exactly zero are allowed in $p$.


# %% nbgrader={"grade": false, "grade_id": "mixmatch-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sharpen(probabilities: Tensor, temperature: float = 0.5) -> Tensor:
    """Raise each row to the power 1/temperature and normalise it.

    probabilities: (n, classes), rows sum to 1. Returns the same shape, rows sum to 1.
    """
    ### BEGIN SOLUTION
    powered = probabilities.pow(1 / temperature)
    return powered / powered.sum(dim=1, keepdim=True)
    ### END SOLUTION


def mix_up(
    images: Tensor, targets: Tensor, other_images: Tensor, other_targets: Tensor, lam: Tensor
) -> tuple[Tensor, Tensor]:
    """Mix images and their targets, each pair with its own weight.

    images, other_images: (n, 1, h, w); targets, other_targets: (n, classes); lam: (n,) in [0, 1].
    Returns the mixed images and the mixed targets.
    """
    ### BEGIN SOLUTION
    share = torch.maximum(lam, 1 - lam)
    per_image, per_target = share.reshape(-1, 1, 1, 1), share.reshape(-1, 1)
    mixed = per_image * images + (1 - per_image) * other_images
    return mixed, per_target * targets + (1 - per_target) * other_targets
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "mixmatch-checks", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
result = sharpen(torch.tensor([[0.75, 0.25]]), temperature=0.5)
assert isinstance(result, Tensor), f"return a tensor, not {type(result).__name__}"
assert close(result, torch.tensor([[0.9, 0.1]])), (
    f"9/16 to 1/16 is 0.9 to 0.1 after normalising; yours is {result.tolist()}"
)
white, black = torch.ones(2, 1, 2, 2), torch.zeros(2, 1, 2, 2)
first, second = torch.tensor([[1.0, 0.0]] * 2), torch.tensor([[0.0, 1.0]] * 2)
mixed, target = mix_up(white, first, black, second, torch.tensor([0.9, 0.6]))
assert mixed.shape == white.shape, f"images keep their shape, yours have {tuple(mixed.shape)}"
assert target.shape == first.shape, f"targets keep their shape, yours have {tuple(target.shape)}"
assert close(mixed[:, 0, 0, 0], torch.tensor([0.9, 0.6])), "each image has its own weight"
assert close(target, torch.tensor([[0.9, 0.1], [0.6, 0.4]])), "targets are mixed like the images"
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(20):
        generator = torch.Generator().manual_seed(500 + trial)
        n, classes = 1 + trial % 5, 2 + trial % 3
        p = torch.rand(n, classes, generator=generator)
        p = p / p.sum(dim=1, keepdim=True)
        temperature = (0.5, 0.25, 1.0, 2.0)[trial % 4]
        rows = [[v ** (1 / temperature) for v in row] for row in p.tolist()]
        expected = torch.tensor([[v / sum(row) for v in row] for row in rows])
        assert close(sharpen(p, temperature), expected), "wrong on random distributions"
        x, y = (torch.randn(n, 1, 3, 4, generator=generator) for _ in range(2))
        t, u = (torch.rand(n, classes, generator=generator) for _ in range(2))
        lam = torch.rand(n, generator=generator)
        mixed, target = mix_up(x, t, y, u, lam)
        for i, weight in enumerate(max(v, 1 - v) for v in lam.tolist()):
            assert close(mixed[i], y[i] + weight * (x[i] - y[i])), "wrong mixed image"
            assert close(target[i], u[i] + weight * (t[i] - u[i])), "wrong mixed target"
    certain = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    assert close(sharpen(certain), certain), "zeros stay zero and ties stay ties"
    assert close(sharpen(torch.tensor([[0.75, 0.25]])), torch.tensor([[0.9, 0.1]])), (
        "default T is 0.5"
    )


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Before you hand in
#
# Restart the kernel, run all cells, and see that no self-check complains. `medda assignment validate`
# followed by the name of this notebook does the same from a terminal. Then hand in the notebook
# under the name it came with.
