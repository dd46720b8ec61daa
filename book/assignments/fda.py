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
#     class: 90 minutes, from the last year of a bachelor's course on
#     before: students read the chapter up to and with [the method](../chapters/fda.html#the-method){.external}
#     aims:
#       B1: "transform an image of 2 x 2 pixels by hand, swap one amplitude, and transform back | the board task"
#       B2: say in millimetres what a window in the spectrum does, also where pixels are not square
#       B3: "predict for a given difference between scanners whether a swap of low amplitudes can remove it | the first ten minutes; questions 1 and 2"
#       B4: "say what makes a donor a good one, and what several donors average out | questions 3 and 4"
#       B5: "compute an outline score with a tolerance, and say what Dice does not see | question 6"
#       B6: "choose a setting without labels of the target, and recognise when somebody did not | group work; question 5"
#       B7: "name the price of adaptation where nothing has to be adapted | the dial"
#     exercises:
#       swap: {write: "a soft window in millimetres, and a swap in part", varies: window and swap, minutes: 30, aims: [B1, B2]}
#       outline: {write: "outline scores by length, where a miss costs more", varies: surface Dice, minutes: 30, aims: [B5]}
#       beta: {write: a window size without any label of the target scanner, varies: leaving one pair out, minutes: 25, aims: [B6]}
# ---

# %% [markdown]
# # Assignment: variations on feather-light Fourier adaptation
#
# A scan from an unknown scanner takes the low-frequency amplitudes of scans that the network knows, and
# keeps its own phases. The chapter shows how the parts of this method and of its evaluation are written.
# Here you change three parts in a way that real scanners ask for (pixels that are not square, errors that do
# not cost the same, no label at all) and write the result yourself, on arrays so small
# that you can check most numbers with a pencil. You need PyTorch and nothing else: no data, no GPU, no
# training.
#
# <!-- frame -->
#
# **Conventions.** Images are float tensors $(n, h, w)$, masks are boolean tensors $(h, w)$. Rows of pixels
# are `spacing[0]` millimetres apart, columns `spacing[1]`. Functions return new tensors and leave their
# arguments as they are. Sections are those of Zakazov et al., *Feather-Light Fourier Domain Adaptation in
# Magnetic Resonance Imaging* (DART 2022).

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import math
import warnings

import numpy as np
import torch
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
# ## Exercise 1: a soft window in millimetres, and a swap in part (6 points)
#
# The paper's window is a disc with a sharp rim, counted in pixels of the spectrum. Its rim rings in the
# image; and where pixels are not square the disc means something else along rows than along columns. This
# window is a bell in *physical* frequencies, cycles per millimetre.
#
# `torch.fft.fft2` puts zero frequency at `[0, 0]` and negative frequencies at the end: along a side of $h$
# pixels the numbers $v$ of cycles per image are, for $h = 8$, 0, 1, 2, 3, -4, -3, -2, -1. The side is
# $h\,\Delta_y$ millimetres long, so that $v$ cycles per image are $f_y = v / (h\,\Delta_y)$ cycles per
# millimetre, and $f_x = u / (w\,\Delta_x)$ likewise. The window is
#
# $$W(f_y, f_x) = \exp\!\left(-\frac{f_y^2 + f_x^2}{2 \sigma^2}\right).$$
#
# For $\sigma = 0$ it is what remains of this as $\sigma$ goes to zero: 1 at zero frequency, 0 elsewhere.
#
# The swap is done in part. With a strength $\lambda \in [0, 1]$, a target $t$ and a source $s$, the new
# amplitude is a weighted mean, and the phase remains the target's:
#
# $$A = \lambda W \,|\mathcal F(s)| + (1 - \lambda W)\, |\mathcal F(t)|, \qquad
# f = \mathcal F^{-1}\big(\big[A, \; \arg \mathcal F(t)\big]\big).$$
#
# Mind these points:
#
# - The result is an image: real, with its *sign*. Take the real part, not the absolute value.
# - It is neither clipped nor rescaled.
# - Sides may be odd, and they may differ.
# - The phase of a zero counts as 0, so a black target is no special case.


# %% nbgrader={"grade": false, "grade_id": "swap-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def soft_window(h: int, w: int, spacing: tuple[float, float], sigma: float) -> Tensor:
    """The bell (h, w) with values in [0, 1], zero frequency at [0, 0].

    spacing: (row, column) in mm; sigma: width of the bell in cycles per mm, at least 0.
    """
    ### BEGIN SOLUTION
    rows, columns = torch.fft.fftfreq(h, spacing[0]), torch.fft.fftfreq(w, spacing[1])
    squared = rows[:, None] ** 2 + columns**2
    if sigma == 0:
        return (squared == 0).float()
    return torch.exp(-squared / (2 * sigma**2))
    ### END SOLUTION


def soft_swap(
    targets: Tensor,
    sources: Tensor,
    spacing: tuple[float, float],
    sigma: float,
    strength: float = 1.0,
) -> Tensor:
    """Targets (n, h, w) whose low-frequency amplitudes are moved towards those of sources (n, h, w).

    strength: lambda, 0 changes nothing. Returns (n, h, w), real.
    """
    ### BEGIN SOLUTION
    of_target, of_source = torch.fft.fft2(targets), torch.fft.fft2(sources)
    share = strength * soft_window(*targets.shape[-2:], spacing, sigma)
    amplitude = share * of_source.abs() + (1 - share) * of_target.abs()
    return torch.fft.ifft2(torch.polar(amplitude, of_target.angle())).real
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "swap-checks", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# 4 x 4 pixels, rows 1 mm apart and columns 2 mm: along rows the frequencies are 0, 1/4, -1/2, -1/4
# cycles per mm, along columns half of that.
bell = soft_window(4, 4, (1.0, 2.0), 0.25)
expect(bell[0, 0], torch.tensor(1.0), "zero frequency stands at [0, 0], and the bell is 1 there")
words = "one cycle in 4 rows of 1 mm is 1/4 cycle per mm, one sigma: exp(-1/2)"
expect(bell[1, 0], math.exp(-1 / 2), words)
words = "one cycle in 4 columns of 2 mm is 1/8 cycle per mm, half a sigma: exp(-1/8)"
expect(bell[0, 1], math.exp(-1 / 8), words)
expect(bell[3, 3], bell[1, 1], "a negative frequency has the weight of the positive one")
targets = torch.tensor([[[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [0.0, 0.0]]])
sources = torch.tensor([[[4.0, 4.0], [4.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]]])
result = soft_swap(targets, sources, (1.0, 1.0), 0.0, 0.5)  # only the mean is swapped, half of it
assert not result.is_complex(), "return the real part: an image has no imaginary part"
words = "halfway from the target's mean 0.25 to the source's mean 4 is 2.125"
expect(result[0], targets[0] - 0.25 + 2.125, words)
result = soft_swap(targets, sources, (1.0, 1.0), 0.0)
words = "a black source takes the mean away: half of the pixels turn negative, and stay so"
expect(result[1], targets[1] - 0.5, words)


### BEGIN HIDDEN TESTS
def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    def waves(n: int) -> Tensor:  # the transform of a side, term by term
        steps = torch.arange(n).double()
        return torch.exp(-2j * math.pi / n * steps[:, None] * steps)

    for h, w, spacing, sigma, strength in (
        (8, 8, (1.0, 1.0), 0.1, 1.0),
        (7, 9, (0.5, 1.5), 0.2, 0.7),
        (6, 10, (3.0, 1.0), 0.05, 0.4),
        (5, 5, (1.0, 2.0), 0.0, 1.0),
        (4, 6, (2.0, 2.0), 5.0, 0.9),
        (9, 4, (0.8, 1.2), 0.3, 0.0),
    ):
        wanted = torch.zeros(h, w).double()
        for y in range(h):
            for x in range(w):
                fy = (y if 2 * y < h else y - h) / (h * spacing[0])
                fx = (x if 2 * x < w else x - w) / (w * spacing[1])
                squared = fy * fy + fx * fx
                wanted[y, x] = math.exp(-squared / 2 / sigma**2) if sigma else squared == 0
        # topic: the frequency of each place in cycles per millimetre, for odd and even sides
        expect(soft_window(h, w, spacing, sigma), wanted, "wrong window")
        generator = torch.Generator().manual_seed(h * w)
        t, s = torch.rand(2, 2, h, w, generator=generator)
        a, b = (waves(h) @ image.to(torch.complex128) @ waves(w) for image in (t, s))
        mixed = a * (1 - strength * wanted + strength * wanted * b.abs() / a.abs())
        image = (waves(h).conj() @ mixed @ waves(w).conj()).real / (h * w)
        # topic: the new amplitude, the phase that it gets, and the way back to an image
        expect(soft_swap(t, s, spacing, sigma, strength), image, "wrong swap")
    # topic: a black target, whose phases count as 0
    black, grey = torch.zeros(1, 6, 6), torch.arange(36.0).reshape(1, 6, 6) / 36
    assert soft_swap(black, grey, (1.0, 1.0), 0.2).isfinite().all(), "a black target"
    found = soft_swap(black, grey, (1.0, 1.0), 0.0)[0]
    expect(found, torch.full((6, 6), float(grey.mean())), "phase of 0")
    # topic: the default strength
    expect(soft_swap(grey, black, (1.0, 1.0), 1e6), black, "all of the amplitude is taken")


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2: outline scores by length, where a miss costs more (6 points)
#
# Surface Dice asks which share of two outlines lies within a tolerance $\tau$ of the other one. Two things
# about it may be wanted otherwise. Pixels that are not square should not count the same in all directions;
# and to miss a piece of the true outline may be worse than to draw one too many.
#
# **Edges.** Here the outline of a mask (two-dimensional, to keep it short) consists of pixel *edges*: the
# sides that a pixel in the mask shares with a pixel that is not in it. What lies beyond the image is not
# in the mask. Pixel $(y, x)$ covers a rectangle of $\Delta_y \times \Delta_x$ millimetres with its centre
# at $(y\,\Delta_y, x\,\Delta_x)$. So
#
# - an edge between $(y, x)$ and $(y + 1, x)$ has its midpoint at $((y + \frac12)\Delta_y, x\,\Delta_x)$
#   and the length $\Delta_x$;
# - an edge between $(y, x)$ and $(y, x + 1)$ has its midpoint at $(y\,\Delta_y, (x + \frac12)\Delta_x)$
#   and the length $\Delta_y$.
#
# **Score.** Distances are those between midpoints. Let $\ell_P$ be the length of the predicted outline,
# $\ell_P^\tau$ the length of its edges whose distance from the *nearest* edge of the reference is at most
# $\tau$, and $\ell_R$, $\ell_R^\tau$ the same for the reference against the prediction. With a weight
# $\kappa > 0$ for the reference,
#
# $$S = \frac{\ell_P^\tau + \kappa\, \ell_R^\tau}{\ell_P + \kappa\, \ell_R}.$$
#
# With $\kappa > 1$ a piece of the reference that nobody drew costs more than a piece that was drawn in
# error. A distance of exactly $\tau$ is near enough. Two empty masks agree (1); an empty mask has nothing
# in common with another one (0).
#
# (`torch.cdist` takes a shortcut for many points that rounds. Where a distance may equal the tolerance, tell
# it not to: `compute_mode="donot_use_mm_for_euclid_dist"`.)


# %% nbgrader={"grade": false, "grade_id": "outline-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def edges(mask: Tensor, spacing: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """Edges of a mask (h, w) bool: midpoints (e, 2) as (y, x) and lengths (e,), both in mm.

    In any order, float. A mask without pixels has no edges: shapes (0, 2) and (0,).
    """
    ### BEGIN SOLUTION
    wide = torch.nn.functional.pad(mask, [1] * 4)
    step = torch.tensor(spacing)
    # An edge after row y of `wide` is one after row y - 1 of the mask.
    after_row = (wide[1:] != wide[:-1]).nonzero() - torch.tensor([0.5, 1.0])
    after_column = (wide[:, 1:] != wide[:, :-1]).nonzero() - torch.tensor([1.0, 0.5])
    lengths = torch.cat([step[1].expand(len(after_row)), step[0].expand(len(after_column))])
    return torch.cat([after_row, after_column]) * step, lengths
    ### END SOLUTION


def outline_score(
    prediction: Tensor,
    reference: Tensor,
    tolerance: float,
    spacing: tuple[float, float],
    weight: float = 2.0,
) -> float:
    """The score S of two masks (h, w) bool at a tolerance in mm; weight: kappa."""
    ### BEGIN SOLUTION
    (p, length_p), (r, length_r) = edges(prediction, spacing), edges(reference, spacing)
    if not len(p) or not len(r):
        return float(len(p) == len(r))
    distance = torch.cdist(p, r, compute_mode="donot_use_mm_for_euclid_dist")
    near_p = length_p[distance.amin(dim=1) <= tolerance].sum()
    near_r = length_r[distance.amin(dim=0) <= tolerance].sum()
    return float((near_p + weight * near_r) / (length_p.sum() + weight * length_r.sum()))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "outline-checks", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
pixel = torch.zeros(3, 4, dtype=torch.bool)
pixel[1, 1] = True
places, lengths = edges(pixel, (1.0, 2.0))
words = "sorted lengths; a pixel of 1 mm x 2 mm has an outline of 1 + 2 + 1 + 2 mm"
expect(lengths.sort().values, torch.tensor([1.0, 1.0, 2.0, 2.0]), words)
words = "its centre is at (1, 2) mm; midpoints lie half a pixel above, below, left and right of it"
expect(sorted(places.tolist()), [[0.5, 2], [1, 1], [1, 3], [1.5, 2]], words)
full, _ = edges(torch.ones(3, 3, dtype=torch.bool), (1.0, 1.0))
expect(len(full), 12, "beyond the image is outside: 4 x 3 edges around 3 x 3 pixels")
moved = pixel.roll(1, dims=1)  # one column to the right: the two pixels share one edge
score = outline_score(pixel, moved, 0.0, (1.0, 1.0), weight=1.0)
expect(score, 2 / 8, "1 edge of 4 of each lies on the other")
score = outline_score(pixel, moved, 0.75, (1.0, 1.0), weight=1.0)
words = "from the middle of the upper edge to that of the shared one it is 0.7071 mm: 3 edges of 4"
expect(score, 6 / 8, words)
score = outline_score(pixel, pixel | moved, 0.0, (1.0, 1.0), weight=2.0)
expect(score, (3 + 2 * 3) / (4 + 2 * 6), "3 of 4 edges predicted, 3 of 6 found, the latter twice")


### BEGIN HIDDEN TESTS
def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(24):
        generator = torch.Generator().manual_seed(200 + trial)
        h, w = 3 + trial % 4, 4 + trial % 3
        a, b = (torch.rand(h, w, generator=generator) < p for p in (0.7, (0.6, 0.2)[trial % 2]))
        dy, dx = ((1.0, 1.0), (1.0, 2.5), (0.7, 1.3))[trial % 3]
        tolerance, kappa = (0.0, 1.0, 2.5)[trial // 3 % 3], (1.0, 2.0, 0.5, 3.0)[trial % 4]
        outlines = []
        for mask in (a, b):
            inside = {tuple(p) for p in mask.nonzero().tolist()}
            sides = [(y, x, *s) for y, x in inside for s in ((-1, 0), (1, 0), (0, -1), (0, 1))]
            found = [
                ((y + up / 2) * dy, (x + right / 2) * dx, dx if up else dy)
                for y, x, up, right in sides
                if (y + up, x + right) not in inside
            ]
            outlines.append(found)
            # topic: which edges a mask has, where their midpoints lie and how long they are
            places, lengths = edges(mask, (dy, dx))
            assert len(lengths) == len(found), "wrong number of edges"
            rows = torch.cat([places, lengths[:, None]], dim=1).tolist()
            both = zip(sorted(rows), sorted(found), strict=True)
            assert all(math.dist(p, q) < 1e-5 for p, q in both), "wrong edges"
        top = bottom = 0.0
        for one, other, share in ((*outlines, 1.0), (*outlines[::-1], kappa)):
            for y, x, length in one:
                near = min(math.dist((y, x), q[:2]) for q in other) <= tolerance + 1e-9
                top, bottom = top + share * length * near, bottom + share * length
        # topic: lengths near the other outline, in both directions, and what the weight belongs to
        score = outline_score(a, b, tolerance, (dy, dx), kappa)
        assert abs(score - top / bottom) < 1e-5, "wrong score of random masks"
    # topic: a distance of exactly the tolerance
    one, two = torch.zeros(2, 4, 4).bool()
    one[1, 1] = two[3, 1] = True  # 2 rows lower: nearest edges are 1 row apart, of one edge each
    assert abs(outline_score(one, two, 1.0, (1.0, 1.0), 1.0) - 2 / 8) < 1e-6, "exactly tau"
    many = torch.rand(20, 20, generator=torch.Generator().manual_seed(0)) < 0.7
    assert abs(outline_score(many, many, 0.0, (0.7, 1.3)) - 1) < 1e-6, "an outline lies on itself"
    # topic: empty masks
    nothing, all_of_it = torch.zeros(4, 4).bool(), torch.ones(4, 4).bool()
    assert [tuple(t.shape) for t in edges(nothing, (1.0, 1.0))] == [(0, 2), (0,)], "no edges"
    assert float(outline_score(nothing, nothing, 1.0, (1.0, 1.0))) == 1, "two empty masks agree"
    assert float(outline_score(nothing, all_of_it, 9.0, (1.0, 1.0))) == 0, "one is empty: 0"
    assert float(outline_score(all_of_it, nothing, 9.0, (1.0, 1.0))) == 0, "one is empty: 0"
    # topic: the default weight
    wanted = (4 + 2 * 4) / (4 + 2 * 8)
    assert abs(outline_score(one, one | two, 0.0, (1.0, 1.0)) - wanted) < 1e-6, "default weight"


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3: a window size without any label of the target scanner (4 points)
#
# A grid of window sizes was tried on $n$ pairs of scanners, each from a source to a target.
# `tuning[p, j]` is the score of pair $p$ at `betas[j]` on labelled tuning scans *of its target*,
# `test[p, j]` the one on test scans; the grid is sorted, smallest first. The chapter leaves out the pair
# under test. That is not enough if another pair has the *same target scanner*: its tuning scans carry
# labels of the very scanner that should be unknown. So here, for pair $p$:
#
# 1. Use the other pairs $q$ with a target that is not the target of $p$. There are $r \geq 1$ of them.
# 2. Take their mean tuning score $\mu_j$ at each window size, and the *standard error* of that
#    mean, $e_j = s_j / \sqrt r$, where $s_j$ is the sample standard deviation (divided by $r - 1$). For
#    $r = 1$ it is 0.
# 3. Let $\hat\jmath$ be the best window size (highest $\mu_j$; the smaller one on a tie). Pick the
#    **smallest** window size whose mean is at least $\mu_{\hat\jmath} - e_{\hat\jmath}$. A smaller window
#    changes less of the image; so as long as the data cannot tell the two apart, it is preferred. (This
#    is the "one standard error rule" of Breiman and colleagues.)
#
# What the labels would have been worth is the **regret**: for each pair, the test score at the pair's own
# best *tuning* score (an oracle; the smaller window on a tie) minus the test score at the picked
# window; then the mean over the pairs. Test scores choose nothing, so the regret may be negative.
#
# Scores are double precision, `torch.float64`.


# %% nbgrader={"grade": false, "grade_id": "beta-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pick(tuning: Tensor, targets: list[str]) -> Tensor:
    """The number (n,) int64 of the window size picked for each pair.

    tuning: (n, betas) float64; targets: the target scanner of each pair, at least two different.
    """
    ### BEGIN SOLUTION
    picked = []
    for own in targets:
        others = tuning[[q for q, target in enumerate(targets) if target != own]]
        mean = others.mean(dim=0)
        best = int(mean.argmax())
        error = others[:, best].std() / len(others) ** 0.5 if len(others) > 1 else 0.0
        picked.append(int((mean >= mean[best] - error).int().argmax()))
    return torch.tensor(picked)
    ### END SOLUTION


def regret(tuning: Tensor, test: Tensor, picked: Tensor) -> float:
    """Mean test score that the oracle has over the windows picked.

    tuning, test: (n, betas) float64; picked: (n,) int64.
    """
    ### BEGIN SOLUTION
    oracle = test.gather(1, tuning.argmax(dim=1, keepdim=True))
    return float((oracle - test.gather(1, picked[:, None])).mean())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "beta-checks", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Four pairs, three target scanners: pairs 0 and 1 both go to scanner A.
tuning = torch.tensor([[2, 9, 1], [3, 8, 2], [5.5, 4, 6], [7, 4, 8]], dtype=torch.float64) / 10
picked = pick(tuning, ["A", "A", "B", "C"])
# For A the means of pairs 2 and 3 are 0.625, 0.4, 0.7, the best with a standard error of 0.1. For B the
# means of pairs 0, 1, 3 are 0.4, 0.7, 0.37, the best with one of 0.15, and 0.4 is too low; for C likewise.
words = "only pairs with another target; the smallest window within one standard error of the best"
expect(picked, torch.tensor([0, 0, 1, 1]), words)
test = torch.tensor([[0.1, 0.8], [0.5, 0.3]], dtype=torch.float64)
tuning = torch.tensor([[0.2, 0.9], [0.4, 0.6]], dtype=torch.float64)
words = "the oracle takes the second window twice (tuning decides): it gains 0.7 and loses 0.2"
expect(regret(tuning, test, torch.tensor([0, 0])), (0.7 - 0.2) / 2, words)
words = "who picks the oracle's windows regrets nothing"
expect(regret(tuning, test, torch.tensor([1, 1])), 0, words)
one = pick(torch.tensor([[0.5, 0.3], [0.3, 0.5]], dtype=torch.float64), ["A", "B"])
expect(one, [1, 0], "with a single pair left there is no standard error: take its best window")


### BEGIN HIDDEN TESTS
def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(40):
        generator = torch.Generator().manual_seed(300 + trial)
        n, k = 2 + trial % 6, 2 + trial % 5
        tuning, test = torch.rand(2, n, k, generator=generator, dtype=torch.float64)
        tuning = 0.5 + 0.1 * tuning + torch.linspace(0, 0.1, k)  # larger windows tend to be better
        targets = ["ABC"[int(v)] for v in 3 * torch.rand(n, generator=generator)]
        targets[0], targets[-1] = "A", "B"
        expected, wanted = [], 0.0
        for p in range(n):
            rows = [tuning[q].tolist() for q in range(n) if targets[q] != targets[p]]
            r = len(rows)
            means = [sum(column) / r for column in zip(*rows, strict=True)]
            best = means.index(max(means))
            square = sum((row[best] - means[best]) ** 2 for row in rows)
            error = math.sqrt(square / (r - 1) / r) if r > 1 else 0.0
            expected.append(next(j for j in range(k) if means[j] >= means[best] - error - 1e-12))
            own = tuning[p].tolist()
            wanted += float(test[p, own.index(max(own))] - test[p, expected[p]]) / n
        # topic: which pairs may be asked, the standard error of the best mean, the smallest window
        assert pick(tuning, targets).tolist() == expected, "wrong choice"
        # topic: what the regret compares, and which scores choose
        found = regret(tuning, test, torch.tensor(expected))
        assert abs(found - wanted) < 1e-9, "wrong regret"
    # topic: only one other target, and scores that tie
    tuning = torch.tensor([[0.5, 0.25, 0.75], [0.25, 0.5, 0.5]], dtype=torch.float64)
    assert pick(tuning, ["x", "y"]).tolist() == [1, 2], "one pair is left: no standard error"
    level = torch.full((3, 4), 0.5, dtype=torch.float64)
    assert pick(level, ["x", "y", "z"]).tolist() == [0, 0, 0], "all windows tie"
    test = torch.tensor([[0.0, 0.25, 0.5, 0.75]] * 3, dtype=torch.float64)
    assert regret(level, test, torch.tensor([1, 1, 1])) == -0.25, "the oracle's tie"


_hidden_checks()
### END HIDDEN TESTS
