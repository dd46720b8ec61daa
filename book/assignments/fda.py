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
# # Assignment: the parts of feather-light Fourier adaptation
#
# A scan from an unknown scanner takes the low-frequency amplitudes of scans that the network knows, and
# keeps its own phases. In this assignment you write the small functions that make up the method and its
# evaluation, on arrays so small that you can check most numbers with a pencil. You need PyTorch and
# nothing else: no data, no GPU, no training.
#
# **Time.** About 90 minutes if you have read the chapter; 10 to 20 minutes an exercise.
#
# | exercise | what you write | points |
# |---|---|---:|
# | 1 | the window and the swap | 6 |
# | 2 | SR-SIM from its maps | 4 |
# | 3 | style donors in 3D, 2D and 2.5D | 5 |
# | 4 | surface Dice by brute force | 6 |
# | 5 | beta without the target's labels | 4 |
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
# **Conventions.** Images are float tensors $(n, h, w)$, masks are boolean tensors. Sections are those of
# Zakazov et al., *Feather-Light Fourier Domain Adaptation in Magnetic Resonance Imaging* (DART 2022).

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import cmath
import math
import warnings

import torch
from torch import Tensor

# The grader takes anything on the error stream for a failure; a mere warning shall cost no points.
warnings.simplefilter("ignore")
torch.set_num_threads(1)  # the tensors are tiny: more threads would only wait for each other


def close(result: Tensor, expected: Tensor, tolerance: float = 1e-4) -> bool:
    """Same shape and, up to rounding, the same numbers."""
    return result.shape == expected.shape and torch.allclose(
        result.double(), expected.double(), rtol=tolerance, atol=tolerance
    )


# %% [markdown]
# ## Exercise 1: the window and the swap (6 points)
#
# `torch.fft.fft2` puts zero frequency at `[0, 0]` and negative frequencies at the end: along a side of
# length 8 the frequencies are 0, 1, 2, 3, -4, -3, -2, -1. The window $M_\beta$ is the disc of frequencies
# $(f_y, f_x)$ with
#
# $$\sqrt{f_y^2 + f_x^2} < \beta \cdot \min(h, w).$$
#
# The inequality is strict: at $\beta = 0$ nothing is swapped. Section 3 then makes of a target $t$ and a
# source $s$
#
# $$f(s, t) = \mathcal F^{-1}\big(\big[M_\beta \circ |\mathcal F(s)| + (1 - M_\beta) \circ
# |\mathcal F(t)|, \; \arg \mathcal F(t)\big]\big),$$
#
# amplitudes of the source inside of the disc, everything else of the target. Mind these points:
#
# - The result is an image: real, with its *sign*. Take the real part, not the absolute value.
# - It is neither clipped nor rescaled.
# - Sides may be odd, and they may differ.
# - The phase of a zero counts as 0, so a black target is no special case.


# %% nbgrader={"grade": false, "grade_id": "swap-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def window(h: int, w: int, beta: float) -> Tensor:
    """The disc as bool (h, w), zero frequency at [0, 0]."""
    ### BEGIN SOLUTION
    rows, columns = torch.fft.fftfreq(h) * h, torch.fft.fftfreq(w) * w
    distance = (rows[:, None] ** 2 + columns[None, :] ** 2).sqrt()
    return distance < beta * min(h, w)
    ### END SOLUTION


def swap(targets: Tensor, sources: Tensor, beta: float) -> Tensor:
    """Targets (n, h, w) with the low-frequency amplitudes of sources (n, h, w), (n, h, w)."""
    ### BEGIN SOLUTION
    of_target, of_source = torch.fft.fft2(targets), torch.fft.fft2(sources)
    inside = window(targets.shape[-2], targets.shape[-1], beta)
    amplitude = torch.where(inside, of_source.abs(), of_target.abs())
    return torch.fft.ifft2(torch.polar(amplitude, of_target.angle())).real
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "swap-checks", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
disc = window(8, 8, 0.2)  # radius 1.6: zero, its four neighbours and the four diagonal ones
assert disc.dtype == torch.bool, f"the window is a mask: return bool, not {disc.dtype}"
assert disc.shape == (8, 8), f"the window has the image's shape (8, 8), not {tuple(disc.shape)}"
assert int(disc.sum()) == 9, (
    f"a disc of radius 1.6 holds 9 frequencies; yours holds {int(disc.sum())}"
)
assert bool(disc[0, 0]), "zero frequency stands at [0, 0], not in the middle"
assert not window(8, 8, 0.0).any(), "at beta = 0 the window is empty"
targets = torch.tensor([[[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [0.0, 0.0]]])
sources = torch.tensor([[[4.0, 4.0], [4.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]]])
result = swap(targets, sources, 0.5)  # radius 1: only the mean is swapped
assert result.shape == (2, 2, 2), f"as many images as came in, not {tuple(result.shape)}"
assert not result.is_complex(), "return the real part: an image has no imaginary part"
assert close(result[0], targets[0] - 0.25 + 4), "the target's mean 0.25 becomes the source's mean 4"
assert close(result[1], targets[1] - 0.5), (
    "a black source takes the mean away: half of the pixels turn negative, and stay so"
)
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for h, w, beta in (
        (8, 8, 0.3),
        (7, 9, 0.4),
        (6, 10, 0.5),
        (5, 5, 0.0),
        (4, 6, 3.0),
        (9, 4, 0.26),
    ):
        found = window(h, w, beta)
        for y in range(h):
            for x in range(w):
                fy, fx = (y if 2 * y < h else y - h), (x if 2 * x < w else x - w)
                inside = math.hypot(fy, fx) < beta * min(h, w)
                assert bool(found[y, x]) == inside, "wrong window"
        generator = torch.Generator().manual_seed(h * w)
        t, s = torch.rand(2, h, w, generator=generator), torch.rand(2, h, w, generator=generator)
        result = swap(t, s, beta)
        for i in range(2):
            a, b = _transform(t[i].tolist()), _transform(s[i].tolist())
            mixed = [
                [
                    cmath.rect(abs(b[y][x] if found[y, x] else a[y][x]), cmath.phase(a[y][x]))
                    for x in range(w)
                ]
                for y in range(h)
            ]
            back = _transform([[z.conjugate() for z in row] for row in mixed])
            wanted = torch.tensor([[z.real / (h * w) for z in row] for row in back])
            assert close(result[i], wanted), "wrong swap"
    black, grey = torch.zeros(1, 6, 6), torch.rand(1, 6, 6)
    assert swap(black, grey, 0.4).isfinite().all(), "a black target gives an image as well"
    assert close(swap(black, grey, 0.16)[0], torch.full((6, 6), float(grey.mean()))), "phase of 0"


def _transform(image: list) -> list:
    """The discrete Fourier transform of a list of rows, term by term: rows first, then columns."""
    h, w = len(image), len(image[0])
    rows = [
        [sum(v * cmath.exp(-2j * math.pi * u * x / w) for x, v in enumerate(row)) for u in range(w)]
        for row in image
    ]
    return [
        [sum(rows[y][u] * cmath.exp(-2j * math.pi * v * y / h) for y in range(h)) for u in range(w)]
        for v in range(h)
    ]


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2: SR-SIM from its maps (4 points)
#
# SR-SIM (Zhang and Li) asks how alike two images are. Each image $a$ has two maps: a saliency
# $V_a \in [0, 1]$ and a gradient modulus $G_a \geq 0$. Pixel by pixel
#
# $$S_V = \frac{2 V_a V_b + C_1}{V_a^2 + V_b^2 + C_1}, \qquad
# S_G = \frac{2 G_a G_b + C_2}{G_a^2 + G_b^2 + C_2},$$
#
# with $C_1 = 0.4$ and $C_2 = 225$. Salient pixels count more, whichever image they are salient in:
#
# $$\text{SR-SIM} = \frac{\sum S_V \, S_G^{\,0.5} \, \max(V_a, V_b)}{\sum \max(V_a, V_b)}.$$
#
# Compute it for *every pair* of $n$ images of one kind and $m$ of another. If neither image of a pair is
# salient anywhere, the fraction is 0/0; then every pixel counts the same.


# %% nbgrader={"grade": false, "grade_id": "srsim-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sr_sim(v_a: Tensor, g_a: Tensor, v_b: Tensor, g_b: Tensor) -> Tensor:
    """SR-SIM (n, m) of all pairs.

    v_a, g_a: saliency and gradient (n, h, w) of the first images; v_b, g_b: (m, h, w) of the others.
    """
    ### BEGIN SOLUTION
    v_a, g_a, v_b, g_b = v_a[:, None], g_a[:, None], v_b[None, :], g_b[None, :]
    s_v = (2 * v_a * v_b + 0.4) / (v_a**2 + v_b**2 + 0.4)
    s_g = (2 * g_a * g_b + 225) / (g_a**2 + g_b**2 + 225)
    weight = torch.maximum(v_a, v_b)
    total = weight.sum(dim=(-2, -1), keepdim=True)
    weight = torch.where(total > 0, weight, torch.ones_like(weight))
    return (s_v * s_g.sqrt() * weight).sum(dim=(-2, -1)) / weight.sum(dim=(-2, -1))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "srsim-checks", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Two images of two pixels against three; the first of the three equals the first of the two.
v_a, g_a = torch.tensor([[[1.0, 1.0]], [[0.0, 1.0]]]), torch.tensor([[[0.0, 15.0]], [[0.0, 15.0]]])
v_b = torch.tensor([[[1.0, 1.0]], [[0.0, 1.0]], [[1.0, 0.0]]])
g_b = torch.tensor([[[0.0, 15.0]], [[0.0, 15.0]], [[0.0, 0.0]]])
result = sr_sim(v_a, g_a, v_b, g_b)
assert result.shape == (2, 3), f"one number for each pair, shape (2, 3), not {tuple(result.shape)}"
assert close(result[0, 0], torch.tensor(1.0)), f"equal images score 1; yours {result[0, 0]:.4f}"
assert close(result[0, 1], torch.tensor((0.4 / 1.4 + 1) / 2)), (
    "the first pixel is salient in one image only and counts fully: (0.4/1.4 + 1)/2 = 0.6429; "
    f"yours is {result[0, 1]:.4f}"
)
wanted = (0.4 / 1.4 + (0.4 / 1.4) * 0.5**0.5) / 2
assert close(result[1, 2], torch.tensor(wanted)), (
    f"S_G of 15 against 0 is 225/450 = 0.5, and its root counts: {wanted:.4f}; yours {result[1, 2]:.4f}"
)
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(10):
        generator = torch.Generator().manual_seed(trial)
        n, m, h, w = 1 + trial % 3, 1 + trial % 4, 3, 4
        maps = [torch.rand(k, h, w, generator=generator) for k in (n, n, m, m)]
        va, ga, vb, gb = maps[0], 60 * maps[1], maps[2], 60 * maps[3]
        if trial % 3 == 0:
            va[0], vb[0] = 0, 0
        found = sr_sim(va, ga, vb, gb)
        for i in range(n):
            for j in range(m):
                top = bottom = plain = 0.0
                for y in range(h):
                    for x in range(w):
                        a, b = float(va[i, y, x]), float(vb[j, y, x])
                        c, d = float(ga[i, y, x]), float(gb[j, y, x])
                        s = (2 * a * b + 0.4) / (a * a + b * b + 0.4)
                        s *= math.sqrt((2 * c * d + 225) / (c * c + d * d + 225))
                        top, bottom, plain = top + s * max(a, b), bottom + max(a, b), plain + s
                wanted = top / bottom if bottom else plain / (h * w)
                assert close(found[i, j], torch.tensor(wanted)), "wrong SR-SIM of a random pair"
        back = sr_sim(vb, gb, va, ga)
        assert close(found, back.T), "SR-SIM is symmetric"


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3: style donors in 3D, 2D and 2.5D (5 points)
#
# `similarity[k, s, j]` is the SR-SIM of slice $k$ of the target scan with slice $j$ of source scan $s$;
# all scans have the same number of slices. Each slice of the target wants the `count` donors that
# resemble it most (section 3), best first, as pairs (scan, slice):
#
# - **3D**: the scans with the highest mean over equal positions, $\frac1d \sum_k$ `similarity[k, s, k]`;
#   slice $k$ gets slice $k$ of each of them, so the scans are the same for all slices.
# - **2D**: for each slice on its own, the scans with the highest `similarity[k, s, k]`.
# - **2.5D**: for each slice on its own, the best among slices $k - m$ to $k + m$ of all scans. Near the
#   ends there are fewer of them: slice 0 has no neighbour below, and certainly not the *last* slice.


# %% nbgrader={"grade": false, "grade_id": "donors-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def donors_3d(similarity: Tensor, count: int) -> list[list[tuple[int, int]]]:
    """For each slice of the target its donors (scan, slice); similarity: (d, scans, d)."""
    ### BEGIN SOLUTION
    depth = len(similarity)
    each = torch.stack([similarity[k, :, k] for k in range(depth)])
    best = each.mean(dim=0).topk(count).indices.tolist()
    return [[(scan, k) for scan in best] for k in range(depth)]
    ### END SOLUTION


def donors_25d(similarity: Tensor, count: int, m: int = 2) -> list[list[tuple[int, int]]]:
    """The same in 2.5D; `m = 0` is 2D."""
    ### BEGIN SOLUTION
    depth, scans = similarity.shape[:2]
    found = []
    for k in range(depth):
        near = range(max(k - m, 0), min(k + m + 1, depth))
        candidates = [(scan, j) for scan in range(scans) for j in near]
        candidates.sort(key=lambda place: -float(similarity[k, place[0], place[1]]))
        found.append(candidates[:count])
    return found
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "donors-checks", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
similarity = torch.zeros(2, 3, 2)  # two slices, three scans
similarity[0, :, 0] = torch.tensor([0.9, 0.5, 0.7])
similarity[1, :, 1] = torch.tensor([0.2, 0.5, 0.8])
similarity[0, 1, 1] = 0.95  # slice 1 of scan 1 resembles slice 0 of the target most
found = donors_3d(similarity, 2)
assert len(found) == 2, f"one list of donors for each slice of the target; you return {len(found)}"
assert found == [[(2, 0), (0, 0)], [(2, 1), (0, 1)]], (
    f"the scans' means are 0.55, 0.5 and 0.75: scans 2 and 0 for both slices; yours: {found}"
)
found = donors_25d(similarity, 2, m=0)
assert found == [[(0, 0), (2, 0)], [(2, 1), (1, 1)]], f"2D: each slice has its own scans; {found}"
found = donors_25d(similarity, 2, m=1)
assert found[0] == [(1, 1), (0, 0)], (
    f"2.5D: slice 1 of scan 1 (0.95) is next to slice 0, then slice 0 of scan 0; yours: {found[0]}"
)
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(12):
        generator = torch.Generator().manual_seed(50 + trial)
        depth, scans, m = 1 + trial % 6, 2 + trial % 4, trial % 4
        table = torch.rand(depth, scans, depth, generator=generator)
        count = 1 + trial % scans
        means = [sum(float(table[k, s, k]) for k in range(depth)) / depth for s in range(scans)]
        order = sorted(range(scans), key=means.__getitem__, reverse=True)[:count]
        three = [[tuple(map(int, place)) for place in row] for row in donors_3d(table, count)]
        assert three == [[(s, k) for s in order] for k in range(depth)], "wrong 3D donors"
        near = donors_25d(table, count, m)
        for k in range(depth):
            places = [(s, j) for s in range(scans) for j in range(depth) if abs(j - k) <= m]
            places.sort(key=lambda p, k=k: float(table[k, p[0], p[1]]), reverse=True)
            mine = [tuple(map(int, place)) for place in near[k]]
            assert mine == places[:count], "wrong 2.5D donors"
    table = torch.zeros(8, 1, 8)
    table[0, 0, 7], table[0, 0, 6] = 0.9, 0.8
    table[0, 0, 2], table[0, 0, 1] = 0.3, 0.2
    assert [tuple(map(int, p)) for p in donors_25d(table, 2)[0]] == [(0, 2), (0, 1)], (
        "the default m is 2, and slice 0 has no neighbours at the other end"
    )


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4: surface Dice by brute force (6 points)
#
# Surface Dice asks which share of two outlines lies within a tolerance $\tau$ of the other one. Here the
# outline $S_A$ of a mask $A$ (two-dimensional, to keep it short) is the set of its pixels that have one
# of their four neighbours outside of $A$; what lies beyond the image is outside. Distances are those
# between pixel centres, in millimetres: rows are `spacing[0]` apart, columns `spacing[1]`. Then
#
# $$\mathrm{SD} = \frac{|\{a \in S_A : d(a, S_B) \leq \tau\}| + |\{b \in S_B : d(b, S_A) \leq \tau\}|}
# {|S_A| + |S_B|}, \qquad d(a, S) = \min_{b \in S} \lVert a - b \rVert.$$
#
# Two empty masks agree (1); an empty mask has nothing in common with another one (0). (The definition
# that the book uses takes the faces between voxels instead of pixels and weighs them by their area.)


# %% nbgrader={"grade": false, "grade_id": "surface-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def outline(mask: Tensor) -> Tensor:
    """The outline of a mask (h, w): bool (h, w)."""
    ### BEGIN SOLUTION
    wide = torch.nn.functional.pad(mask, (1, 1, 1, 1))
    inner = wide[:-2, 1:-1] & wide[2:, 1:-1] & wide[1:-1, :-2] & wide[1:-1, 2:]
    return mask & ~inner
    ### END SOLUTION


def surface_dice(a: Tensor, b: Tensor, tolerance: float, spacing: tuple[float, float]) -> float:
    """Surface Dice of two masks (h, w) at a tolerance in millimetres."""
    ### BEGIN SOLUTION
    p, q = (outline(mask).nonzero() * torch.tensor(spacing) for mask in (a, b))
    if not len(p) or not len(q):
        return float(len(p) == len(q))
    distance = torch.cdist(p.double(), q.double(), compute_mode="donot_use_mm_for_euclid_dist")
    near = (distance.amin(dim=1) <= tolerance).sum() + (distance.amin(dim=0) <= tolerance).sum()
    return float(near) / (len(p) + len(q))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "surface-checks", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
block = torch.zeros(5, 6, dtype=torch.bool)
block[1:4, 1:4] = True
edge = outline(block)
assert edge.shape == block.shape, f"the outline is a mask like the mask itself, not {edge.shape}"
assert int(edge.sum()) == 8, (
    f"a block of 3 x 3 has 8 outline pixels and a centre; yours {edge.sum()}"
)
assert outline(torch.ones(3, 3, dtype=torch.bool)).sum() == 8, "beyond the image is outside"
moved = block.roll(1, dims=1)  # one column to the right
score = surface_dice(block, moved, 0.5, (1.0, 1.0))
assert abs(score - 8 / 16) < 1e-9, f"4 pixels of each outline lie on the other: 8/16; yours {score}"
assert surface_dice(block, moved, 1.0, (1.0, 1.0)) == 1.0, "within one column: all of it"
score = surface_dice(block, moved, 1.0, (1.0, 2.0))
assert score < 1, "columns are 2 mm apart here: 1 mm is not enough for all of it"
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(24):
        generator = torch.Generator().manual_seed(200 + trial)
        h, w = 3 + trial % 4, 4 + trial % 3
        a, b = (torch.rand(h, w, generator=generator) < p for p in (0.7, (0.6, 0.2)[trial % 2]))
        spacing = ((1.0, 1.0), (1.0, 2.5), (3.0, 0.5))[trial % 3]
        tolerance = (0.0, 1.0, 2.5)[trial // 3 % 3]
        rims = []
        for mask in (a, b):
            inside = {tuple(p) for p in mask.nonzero().tolist()}
            rim = [
                (y, x)
                for y, x in sorted(inside)
                if not {(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)} <= inside
            ]
            assert sorted(map(tuple, outline(mask).nonzero().tolist())) == rim, "wrong outline"
            rims.append([(y * spacing[0], x * spacing[1]) for y, x in rim])
        near = sum(
            any(math.dist(p, q) <= tolerance for q in other)
            for one, other in (rims, rims[::-1])
            for p in one
        )
        wanted = near / (len(rims[0]) + len(rims[1]))
        assert abs(surface_dice(a, b, tolerance, spacing) - wanted) < 1e-6, "wrong surface Dice"
    nothing, all_of_it = torch.zeros(4, 4).bool(), torch.ones(4, 4).bool()
    assert float(surface_dice(nothing, nothing, 1.0, (1.0, 1.0))) == 1, "two empty masks agree"
    assert float(surface_dice(nothing, all_of_it, 9.0, (1.0, 1.0))) == 0, "one is empty: 0"
    assert float(surface_dice(all_of_it, nothing, 9.0, (1.0, 1.0))) == 0, "one is empty: 0"


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5: beta without the target's labels (4 points)
#
# A grid of window sizes was tried on each of $n$ pairs of scanners. `tuning[p, j]` is the score of pair $p$
# at `betas[j]` on labelled tuning scans, `test[p, j]` the one on test scans. Two rules pick a $\beta$ for
# each pair:
#
# - **leave one pair out**: the best mean tuning score over all *other* pairs;
# - **per pair (oracle)**: the pair's own best tuning score. It uses labels of the target.
#
# What the rule then scores is the *test* score at the picked $\beta$; the test scores choose nothing. On
# a tie the smaller $\beta$ wins; the grid is sorted.


# %% nbgrader={"grade": false, "grade_id": "beta-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def leave_one_out(tuning: Tensor) -> Tensor:
    """The number (n,) int64 of the beta picked for each pair; tuning: (n, betas), n >= 2."""
    ### BEGIN SOLUTION
    return oracle((tuning.sum(dim=0) - tuning) / (len(tuning) - 1))
    ### END SOLUTION


def oracle(tuning: Tensor) -> Tensor:
    """The same for the rule that looks at the pair itself."""
    ### BEGIN SOLUTION
    rounded = (tuning.double() * 1e5).round()  # so that scores that are equal but for rounding tie
    return (rounded == rounded.amax(dim=1, keepdim=True)).int().argmax(dim=1)
    ### END SOLUTION


def scored(test: Tensor, picked: Tensor) -> float:
    """Mean test score over the pairs at the betas picked; test: (n, betas), picked: (n,)."""
    ### BEGIN SOLUTION
    return float(test[torch.arange(len(test)), picked].mean())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "beta-checks", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
tuning = torch.tensor([[0.9, 0.1, 0.2], [0.3, 0.5, 0.4], [0.3, 0.4, 0.6]])
picked = leave_one_out(tuning)
assert picked.shape == (3,), f"one choice for each pair, shape (3,), not {tuple(picked.shape)}"
assert picked.tolist() == [2, 0, 0], (
    "without pair 0 the means are 0.3, 0.45, 0.5: the last; without the others pair 0 pulls to the "
    f"first; yours: {picked.tolist()}"
)
assert oracle(tuning).tolist() == [0, 1, 2], (
    f"each pair's own best; yours {oracle(tuning).tolist()}"
)
test = torch.tensor([[0.8, 0.2, 0.3], [0.2, 0.6, 0.5], [0.1, 0.3, 0.7]])
assert abs(scored(test, torch.tensor([2, 0, 0])) - 0.2) < 1e-6, "the mean of 0.3, 0.2 and 0.1"
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(20):
        generator = torch.Generator().manual_seed(300 + trial)
        n, k = 2 + trial % 5, 2 + trial % 4
        tuning = (10 * torch.rand(n, k, generator=generator)).round() / 10  # ties are common
        test = torch.rand(n, k, generator=generator)
        own, others = [], []
        for p in range(n):
            own.append(max(range(k), key=lambda j, p=p: (round(10 * float(tuning[p, j])), -j)))
            sums = [
                sum(round(10 * float(tuning[q, j])) for q in range(n) if q != p) for j in range(k)
            ]
            others.append(max(range(k), key=lambda j, sums=sums: (sums[j], -j)))
        assert oracle(tuning).tolist() == own, "wrong choice per pair"
        assert leave_one_out(tuning).tolist() == others, "wrong choice from the other pairs"
        wanted = sum(float(test[p, own[p]]) for p in range(n)) / n
        assert abs(scored(test, torch.tensor(own)) - wanted) < 1e-5, "wrong test score"


_hidden_checks()
### END HIDDEN TESTS
