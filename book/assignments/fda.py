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
# # Assignment: variations on feather-light Fourier adaptation
#
# A scan from an unknown scanner takes the low-frequency amplitudes of scans that the network knows, and
# keeps its own phases. The chapter shows how the parts of this method and of its evaluation are written.
# Here you change each part in a way that real scanners ask for (pixels that are not square, heads that
# are not aligned, errors that do not cost the same) and write the result yourself, on arrays so small
# that you can check most numbers with a pencil. You need PyTorch and nothing else: no data, no GPU, no
# training.
#
# **Time.** About two hours if you have read the chapter; 15 to 30 minutes an exercise.
#
# | exercise | what you write | points |
# |---|---|---:|
# | 1 | a soft window in millimetres, and a swap in part | 6 |
# | 2 | a likeness that knows which way an edge points | 4 |
# | 3 | donors from scans that are not aligned | 5 |
# | 4 | outline scores by length, where a miss costs more | 6 |
# | 5 | a window size without any label of the target scanner | 4 |
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
# **Conventions.** Images are float tensors $(n, h, w)$, masks are boolean tensors $(h, w)$. Rows of pixels
# are `spacing[0]` millimetres apart, columns `spacing[1]`. Functions return new tensors and leave their
# arguments as they are. Sections are those of Zakazov et al., *Feather-Light Fourier Domain Adaptation in
# Magnetic Resonance Imaging* (DART 2022).

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
    squared = rows[:, None] ** 2 + columns[None, :] ** 2
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
    share = strength * soft_window(targets.shape[-2], targets.shape[-1], spacing, sigma)
    amplitude = share * of_source.abs() + (1 - share) * of_target.abs()
    return torch.fft.ifft2(torch.polar(amplitude, of_target.angle())).real
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "swap-checks", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# 4 x 4 pixels, rows 1 mm apart and columns 2 mm: along rows the frequencies are 0, 1/4, -1/2, -1/4
# cycles per mm, along columns half of that.
bell = soft_window(4, 4, (1.0, 2.0), 0.25)
assert isinstance(bell, Tensor), f"return a tensor, not {type(bell).__name__}"
assert bell.shape == (4, 4), f"the window has the image's shape (4, 4), not {tuple(bell.shape)}"
assert close(bell[0, 0], torch.tensor(1.0)), (
    "zero frequency stands at [0, 0], and the bell is 1 there"
)
assert close(bell[1, 0], torch.tensor(math.exp(-1 / 2))), (
    "one cycle in 4 rows of 1 mm is 1/4 cycle per mm, one sigma: exp(-1/2) = 0.6065; "
    f"yours is {bell[1, 0]:.4f}"
)
assert close(bell[0, 1], torch.tensor(math.exp(-1 / 8))), (
    "one cycle in 4 columns of 2 mm is 1/8 cycle per mm, half a sigma: exp(-1/8) = 0.8825; "
    f"yours is {bell[0, 1]:.4f}"
)
assert close(bell[3, 3], bell[1, 1]), "a negative frequency has the weight of the positive one"
targets = torch.tensor([[[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [0.0, 0.0]]])
sources = torch.tensor([[[4.0, 4.0], [4.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]]])
result = soft_swap(targets, sources, (1.0, 1.0), 0.0, 0.5)  # only the mean is swapped, half of it
assert result.shape == (2, 2, 2), f"as many images as came in, not {tuple(result.shape)}"
assert not result.is_complex(), "return the real part: an image has no imaginary part"
assert close(result[0], targets[0] - 0.25 + 2.125), (
    "halfway from the target's mean 0.25 to the source's mean 4 is 2.125"
)
result = soft_swap(targets, sources, (1.0, 1.0), 0.0)
assert close(result[1], targets[1] - 0.5), (
    "a black source takes the mean away: half of the pixels turn negative, and stay so"
)
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for h, w, spacing, sigma, strength in (
        (8, 8, (1.0, 1.0), 0.1, 1.0),
        (7, 9, (0.5, 1.5), 0.2, 0.7),
        (6, 10, (3.0, 1.0), 0.05, 0.4),
        (5, 5, (1.0, 2.0), 0.0, 1.0),
        (4, 6, (2.0, 2.0), 5.0, 0.9),
        (9, 4, (0.8, 1.2), 0.3, 0.0),
    ):
        wanted = torch.zeros(h, w)
        for y in range(h):
            for x in range(w):
                fy = (y if 2 * y < h else y - h) / (h * spacing[0])
                fx = (x if 2 * x < w else x - w) / (w * spacing[1])
                squared = fy * fy + fx * fx
                bell = math.exp(-squared / 2 / sigma**2) if sigma else float(squared == 0)
                wanted[y, x] = bell
        # topic: the frequency of each place in cycles per millimetre, for odd and even sides
        found = soft_window(h, w, spacing, sigma)
        assert close(found, wanted), "wrong window"
        generator = torch.Generator().manual_seed(h * w)
        t, s = torch.rand(2, h, w, generator=generator), torch.rand(2, h, w, generator=generator)
        # topic: the new amplitude, the phase that it gets, and the way back to an image
        result = soft_swap(t, s, spacing, sigma, strength)
        for i in range(2):
            a, b = _transform(t[i].tolist()), _transform(s[i].tolist())
            mixed = [
                [
                    cmath.rect(
                        abs(a[y][x])
                        + strength * float(wanted[y, x]) * (abs(b[y][x]) - abs(a[y][x])),
                        cmath.phase(a[y][x]),
                    )
                    for x in range(w)
                ]
                for y in range(h)
            ]
            back = _transform([[z.conjugate() for z in row] for row in mixed])
            image = torch.tensor([[z.real / (h * w) for z in row] for row in back])
            assert close(result[i], image), "wrong swap"
    # topic: a black target, whose phases count as 0
    black, grey = torch.zeros(1, 6, 6), torch.arange(36.0).reshape(1, 6, 6) / 36
    assert soft_swap(black, grey, (1.0, 1.0), 0.2).isfinite().all(), "a black target"
    found = soft_swap(black, grey, (1.0, 1.0), 0.0)[0]
    assert close(found, torch.full((6, 6), float(grey.mean()))), "phase of 0"
    # topic: the default strength
    assert close(soft_swap(grey, black, (1.0, 1.0), 1e6), black), "all of the amplitude is taken"


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
# ## Exercise 2: a likeness that knows which way an edge points (4 points)
#
# SR-SIM compares two images in two maps, the saliency $V \in [0, 1]$ and the *modulus* of the gradient. So
# an edge from dark to bright is as good as one from bright to dark. Between MR sequences that is a
# weakness: cerebrospinal fluid is dark in T1-weighted and bright in T2-weighted images, and donors of
# the other sequence have all their edges turned around. This likeness keeps the gradient as a vector
# $G = (G_y, G_x)$. Pixel by pixel, for a target $t$ and a source $s$,
#
# $$S_V = \frac{2 V_t V_s + C_1}{V_t^2 + V_s^2 + C_1}, \qquad
# S_G = \max\!\left(0,\; \frac{2\, G_t \cdot G_s + C_2}{\lVert G_t \rVert^2 + \lVert G_s \rVert^2 + C_2}
# \right),$$
#
# with the scalar product $G_t \cdot G_s$, $C_1 = 0.4$ and $C_2 = 225$. An edge that points the other way
# makes the numerator negative, and scores 0.
#
# A donor has to offer what the *target* shows; what else it shows does not matter. So the target's
# saliency alone is the weight:
#
# $$L(t, s) = \frac{\sum S_V \, S_G^{\,0.5} \, V_t}{\sum V_t}.$$
#
# Compute it for *every pair* of $n$ targets and $m$ sources. If a target is salient nowhere, the fraction
# is 0/0; then every pixel counts the same. Note that $L(t, s)$ is not $L(s, t)$.


# %% nbgrader={"grade": false, "grade_id": "likeness-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def likeness(v_t: Tensor, g_t: Tensor, v_s: Tensor, g_s: Tensor) -> Tensor:
    """L (n, m) of each target with each source.

    v_t: saliency (n, h, w) and g_t: gradient (n, 2, h, w) of the targets; v_s (m, h, w) and
    g_s (m, 2, h, w) of the sources. A gradient's first component runs along rows, the second along
    columns.
    """
    ### BEGIN SOLUTION
    v_t, g_t, v_s, g_s = v_t[:, None], g_t[:, None], v_s[None], g_s[None]
    s_v = (2 * v_t * v_s + 0.4) / (v_t**2 + v_s**2 + 0.4)
    product = (g_t * g_s).sum(dim=2)
    s_g = (2 * product + 225) / ((g_t**2).sum(dim=2) + (g_s**2).sum(dim=2) + 225)
    total = v_t.sum(dim=(-2, -1), keepdim=True)
    weight = torch.where(total > 0, v_t, torch.ones_like(v_t))
    return (s_v * s_g.clamp(min=0).sqrt() * weight).sum(dim=(-2, -1)) / weight.sum(dim=(-2, -1))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "likeness-checks", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Two targets of two pixels against three sources. Gradients: 15 grey values along rows, or nothing.
# Source 0 equals target 0. Source 1 has its edge in the second pixel turned around. Source 2 is flat.
v_t, v_s = torch.tensor([[[1.0, 1.0]], [[0.0, 1.0]]]), torch.tensor([[[1.0, 1.0]]] * 3)
edge, flat = torch.tensor([[[0.0, 15.0]], [[0.0, 0.0]]]), torch.zeros(2, 1, 2)
g_t, g_s = torch.stack([edge, edge]), torch.stack([edge, -edge, flat])
result = likeness(v_t, g_t, v_s, g_s)
assert isinstance(result, Tensor), f"return a tensor, not {type(result).__name__}"
assert result.shape == (2, 3), f"one number for each pair, shape (2, 3), not {tuple(result.shape)}"
assert close(result[0, 0], torch.tensor(1.0)), f"equal images score 1; yours {result[0, 0]:.4f}"
assert close(result[0, 1], torch.tensor(0.5)), (
    "the first pixel agrees (1), in the second the edge points the other way: 2 x (-225) + 225 is "
    f"negative and counts 0. The mean is 0.5; yours is {result[0, 1]:.4f}"
)
assert close(result[0, 2], torch.tensor((1 + 0.5**0.5) / 2)), (
    "S_G of 15 against nothing is 225/450 = 0.5, and its root counts: (1 + 0.7071)/2 = 0.8536; "
    f"yours is {result[0, 2]:.4f}"
)
assert close(result[1, 0], torch.tensor(1.0)), (
    "target 1 is salient in the second pixel only, and there source 0 agrees: what the source shows in "
    f"the first pixel does not matter; yours is {result[1, 0]:.4f}"
)
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(12):
        generator = torch.Generator().manual_seed(trial)
        n, m, h, w = 1 + trial % 3, 1 + trial % 4, 3, 4
        vt, vs = (torch.rand(k, h, w, generator=generator) for k in (n, m))
        gt, gs = (30 * torch.randn(k, 2, h, w, generator=generator) for k in (n, m))
        dark = trial > 7  # in the last trials the first target is salient nowhere
        if dark:
            vt[0] = 0
        # topic: one number for each pair, targets in rows and sources in columns
        found = likeness(vt, gt, vs, gs)
        assert found.shape == (n, m), "wrong shape"
        for i in range(n):
            for j in range(m):
                top = bottom = plain = 0.0
                for y in range(h):
                    for x in range(w):
                        a, b = float(vt[i, y, x]), float(vs[j, y, x])
                        p, q = gt[i, :, y, x].tolist(), gs[j, :, y, x].tolist()
                        s = (2 * a * b + 0.4) / (a * a + b * b + 0.4)
                        size = math.hypot(*p) ** 2 + math.hypot(*q) ** 2 + 225
                        s *= math.sqrt(max(0.0, (2 * (p[0] * q[0] + p[1] * q[1]) + 225) / size))
                        top, bottom, plain = top + s * a, bottom + a, plain + s
                # topic: a target that is salient nowhere
                if dark and i == 0:
                    wanted = torch.tensor(plain / (h * w))
                    assert close(found[i, j], wanted), "wrong likeness of a dark target"
                # topic: the scalar product, the cut at zero, the root, the weight
                elif not close(found[i, j], torch.tensor(top / bottom)):
                    raise AssertionError("wrong likeness of a random pair")


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3: donors from scans that are not aligned (5 points)
#
# `similarity[k, s, j]` says how much slice $k$ of the target scan resembles slice $j$ of source scan $s$;
# all scans have $d$ slices. Each slice of the target wants `count` donors, best first, as pairs
# (scan, slice). The paper assumes that position $k$ is the same height in every head. Suppose that it is
# not.
#
# **3D with an offset.** Each scan may be shifted as a whole by $o \in \{-m, \dots, m\}$ slices. A scan's
# value at offset $o$ is the mean similarity over those slices $k$ of the target for which slice $k + o$
# exists:
#
# $$\mathrm{value}(s, o) = \underset{k \,:\, 0 \leq k + o < d}{\mathrm{mean}} \; \text{similarity}[k, s, k + o].$$
#
# Each scan takes its best offset, and the scans with the highest value are the donors for all slices.
# Slice $k$ gets slice $k + o$ of each, with the scan's own $o$; where that does not exist, the slice at
# that end of the scan (0 or $d - 1$).
#
# **2.5D with a price.** For each slice on its own: slice $j$ of any scan is worth its similarity minus a
# price for each millimetre between the positions,
#
# $$\text{similarity}[k, s, j] - \text{price} \cdot |j - k| \cdot \Delta_z,$$
#
# where $\Delta_z$ is the distance of neighbouring slices. Only slices with $|j - k| \cdot \Delta_z \leq$
# `reach` are candidates. And because seven slices of one scan bring the same accidents seven times, **each
# scan gives at most one slice**, its best; then the `count` best of these.
#
# On a tie the smaller distance $|o|$ or $|j - k|$ wins, then the lower slice (the more negative offset);
# between scans the lower number.


# %% nbgrader={"grade": false, "grade_id": "donors-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def donors_3d(similarity: Tensor, count: int, m: int) -> list[list[tuple[int, int]]]:
    """For each slice of the target its donors (scan, slice).

    similarity: (d, scans, d); count <= scans; m: largest offset, m < d.
    """
    ### BEGIN SOLUTION
    depth, scans = similarity.shape[:2]
    ranked = []
    for scan in range(scans):
        best = None
        for offset in sorted(range(-m, m + 1), key=lambda o: (abs(o), o)):
            inside = [k for k in range(depth) if 0 <= k + offset < depth]
            value = sum(float(similarity[k, scan, k + offset]) for k in inside) / len(inside)
            if best is None or value > best[0]:
                best = (value, offset)
        ranked.append((-best[0], scan, best[1]))
    chosen = sorted(ranked)[:count]
    return [
        [(scan, min(max(k + offset, 0), depth - 1)) for _, scan, offset in chosen]
        for k in range(depth)
    ]
    ### END SOLUTION


def donors_25d(
    similarity: Tensor, count: int, reach: float, slice_mm: float, price: float = 0.01
) -> list[list[tuple[int, int]]]:
    """The same in 2.5D, at most one slice from each scan.

    similarity: (d, scans, d); count <= scans; reach: in mm; slice_mm: distance of neighbouring
    slices in mm; price: similarity per mm.
    """
    ### BEGIN SOLUTION
    depth, scans = similarity.shape[:2]
    found = []
    for k in range(depth):
        near = [j for j in range(depth) if abs(j - k) * slice_mm <= reach]
        ranked = []
        for scan in range(scans):
            value, _, j = min(
                (price * abs(j - k) * slice_mm - float(similarity[k, scan, j]), abs(j - k), j)
                for j in near
            )
            ranked.append((value, scan, j))
        found.append([(scan, j) for _, scan, j in sorted(ranked)[:count]])
    return found
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "donors-checks", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
similarity = torch.full((3, 2, 3), 0.25)  # three slices, two scans
similarity[0, 1, 1] = similarity[1, 1, 2] = 0.75  # scan 1 fits when it is shifted by one slice
for k in range(3):
    similarity[k, 0, k] = 0.5  # scan 0 fits as it is
found = donors_3d(similarity, 2, m=1)
assert len(found) == 3, f"one list of donors for each slice of the target; you return {len(found)}"
assert all(len(row) == 2 for row in found), "as many donors for each slice as `count` says"
assert [row[0] for row in found] == [(1, 1), (1, 2), (1, 2)], (
    "shifted by one, scan 1 has the mean (0.75 + 0.75)/2: it comes first, with slice k + 1, and with its "
    f"last slice where there is no k + 1; yours: {[row[0] for row in found]}"
)
assert [row[1] for row in found] == [(0, 0), (0, 1), (0, 2)], (
    f"scan 0 has 0.5 without an offset and comes second; yours: {[row[1] for row in found]}"
)
found = donors_25d(similarity, 2, reach=2.0, slice_mm=2.0, price=0.05)
assert found[0] == [(1, 1), (0, 0)], (
    "slice 0: scan 1 offers its slice 1 for 0.75 - 0.05 x 2 mm = 0.65, scan 0 its slice 0 for 0.5; "
    f"yours: {found[0]}"
)
found = donors_25d(similarity, 2, reach=2.0, slice_mm=2.0, price=0.2)
assert found[0] == [(0, 0), (1, 1)], (
    "at a price of 0.2 the same slice is worth 0.35, still the best of scan 1, but less than scan 0's; "
    f"yours: {found[0]}"
)
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    def plain(rows: list) -> list:
        return [[tuple(map(int, place)) for place in row] for row in rows]

    for trial in range(16):
        generator = torch.Generator().manual_seed(50 + trial)
        depth, scans = 1 + trial % 6, 2 + trial % 4
        m = min(trial % 4, depth - 1)
        table = torch.rand(depth, scans, depth, generator=generator)
        count = 1 + trial % scans
        best = {}
        for s in range(scans):
            means = {}
            for o in range(-m, m + 1):
                values = [float(table[k, s, k + o]) for k in range(depth) if 0 <= k + o < depth]
                means[o] = sum(values) / len(values)
            o = max(means, key=means.__getitem__)
            best[s] = (means[o], o)
        order = sorted(range(scans), key=lambda s, b=best: -b[s][0])[:count]
        expected = [
            [(s, min(depth - 1, max(0, k + best[s][1]))) for s in order] for k in range(depth)
        ]
        # topic: the mean of a scan at each offset, and what happens at the ends of a scan
        assert plain(donors_3d(table, count, m)) == expected, "wrong 3D donors"
        slice_mm, price = (1.0, 1.5, 3.0)[trial % 3], (0.0, 0.02, 0.2)[trial // 2 % 3]
        reach = (2.0, 3.0, 4.0)[trial // 3 % 3]
        expected = []
        for k in range(depth):
            offers = []
            for s in range(scans):
                worth = {
                    j: float(table[k, s, j]) - price * abs(j - k) * slice_mm
                    for j in range(depth)
                    if abs(j - k) * slice_mm <= reach
                }
                j = max(worth, key=worth.__getitem__)
                offers.append((worth[j], s, j))
            offers.sort(reverse=True)
            expected.append([(s, j) for _, s, j in offers[:count]])
        # topic: candidates within reach, what they are worth, one slice from each scan
        found = donors_25d(table, count, reach, slice_mm, price)
        assert plain(found) == expected, "wrong 2.5D donors"
    # topic: ties
    even = torch.full((4, 3, 4), 0.5)
    assert plain(donors_3d(even, 2, 2)) == [[(0, k), (1, k)] for k in range(4)], "all offsets tie"
    near = plain(donors_25d(even, 3, 3.0, 1.0, 0.0))
    assert near == [[(0, k), (1, k), (2, k)] for k in range(4)], "all slices tie"
    for k in range(4):
        even[k, :, k] = 0.25
    assert plain(donors_25d(even, 1, 1.0, 1.0, 0.0)) == [[(0, j)] for j in (1, 0, 1, 2)], (
        "both sides"
    )
    assert plain(donors_3d(even, 1, 1)) == [[(0, j)] for j in (0, 0, 1, 2)], "the negative offset"
    # topic: the default price
    table = torch.zeros(2, 1, 2)
    table[0, 0, 1], table[1, 0, 0] = 0.05, 0.03
    assert plain(donors_25d(table, 1, 4.0, 4.0)) == [[(0, 1)], [(0, 1)]], "the default price"


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4: outline scores by length, where a miss costs more (6 points)
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
    wide = torch.nn.functional.pad(mask, (1, 1, 1, 1))
    step = torch.tensor(spacing, dtype=torch.float64)
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
assert places.shape == (4, 2), f"a pixel has four edges: shape (4, 2), not {tuple(places.shape)}"
assert lengths.shape == (4,), f"one length an edge: shape (4,), not {tuple(lengths.shape)}"
assert abs(float(lengths.sum()) - 6) < 1e-6, (
    "a pixel of 1 mm x 2 mm has an outline of 1 + 2 + 1 + 2 = 6 mm; "
    f"yours is {float(lengths.sum()):.2f} mm"
)
assert sorted(tuple(p) for p in places.tolist()) == [(0.5, 2), (1, 1), (1, 3), (1.5, 2)], (
    "its centre is at (1, 2) mm; the edges' midpoints lie half a pixel above, below, left and right of "
    f"it; yours: {sorted(tuple(p) for p in places.tolist())}"
)
full, _ = edges(torch.ones(3, 3, dtype=torch.bool), (1.0, 1.0))
assert len(full) == 12, (
    f"beyond the image is outside: 4 x 3 edges around 3 x 3 pixels, not {len(full)}"
)
moved = pixel.roll(1, dims=1)  # one column to the right: the two pixels share one edge
score = outline_score(pixel, moved, 0.0, (1.0, 1.0), weight=1.0)
assert abs(score - 2 / 8) < 1e-6, f"1 edge of 4 of each lies on the other: 2/8; yours {score:.4f}"
score = outline_score(pixel, moved, 0.75, (1.0, 1.0), weight=1.0)
assert abs(score - 6 / 8) < 1e-6, (
    "from the middle of the upper edge to that of the shared one it is 0.7071 mm: within 0.75 mm lie 3 "
    f"edges of 4; yours {score:.4f}"
)
pair = (
    pixel | moved
)  # the reference has 2 pixels, 6 edges; 3 edges of the single pixel are among them
score = outline_score(pixel, pair, 0.0, (1.0, 1.0), weight=2.0)
assert abs(score - (3 + 2 * 3) / (4 + 2 * 6)) < 1e-6, (
    f"3 of 4 edges predicted, 3 of 6 found, the latter twice: 9/16 = 0.5625; yours {score:.4f}"
)
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(24):
        generator = torch.Generator().manual_seed(200 + trial)
        h, w = 3 + trial % 4, 4 + trial % 3
        a, b = (torch.rand(h, w, generator=generator) < p for p in (0.7, (0.6, 0.2)[trial % 2]))
        dy, dx = ((1.0, 1.0), (1.0, 2.5), (3.0, 0.5))[trial % 3]
        tolerance, kappa = (0.0, 1.0, 2.5)[trial // 3 % 3], (1.0, 2.0, 0.5, 3.0)[trial % 4]
        outlines = []
        for mask in (a, b):
            inside = {tuple(p) for p in mask.nonzero().tolist()}
            found = {}
            for y, x in inside:
                for up, right in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                    if (y + up, x + right) not in inside:
                        place = ((y + up / 2) * dy, (x + right / 2) * dx)
                        found[place] = dx if up else dy
            outlines.append(found)
            # topic: which edges a mask has, where their midpoints lie and how long they are
            places, lengths = edges(mask, (dy, dx))
            rows = [(*p, v) for p, v in zip(places.tolist(), lengths.tolist(), strict=True)]
            wanted = sorted((*p, v) for p, v in found.items())
            assert len(rows) == len(wanted), "wrong number of edges"
            both = zip(sorted(rows), wanted, strict=True)
            assert all(math.dist(p, q) < 1e-5 for p, q in both), "wrong edges"
        top = bottom = 0.0
        for one, other, share in ((*outlines, 1.0), (*outlines[::-1], kappa)):
            bottom += share * sum(one.values())
            for place, length in one.items():
                if min(math.dist(place, q) for q in other) <= tolerance + 1e-9:
                    top += share * length
        # topic: lengths near the other outline, in both directions, and what the weight belongs to
        score = outline_score(a, b, tolerance, (dy, dx), kappa)
        assert abs(score - top / bottom) < 1e-5, "wrong score of random masks"
    # topic: a distance of exactly the tolerance
    one = torch.zeros(4, 4).bool()
    one[1, 1] = True
    two = one.clone()
    two[1, 1], two[3, 1] = False, True
    wanted = 2 * 1.0 / (2 * 4)  # 2 rows lower: nearest edges are 1 row apart, of one edge each
    assert abs(outline_score(one, two, 1.0, (1.0, 1.0), 1.0) - wanted) < 1e-6, "exactly tau"
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
# ## Exercise 5: a window size without any label of the target scanner (4 points)
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
    pairs = torch.arange(len(test))
    return float((test[pairs, tuning.argmax(dim=1)] - test[pairs, picked]).mean())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "beta-checks", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Four pairs, three target scanners: pairs 0 and 1 both go to scanner A.
tuning = torch.tensor(
    [[0.2, 0.9, 0.1], [0.3, 0.8, 0.2], [0.55, 0.4, 0.6], [0.7, 0.4, 0.8]], dtype=torch.float64
)
picked = pick(tuning, ["A", "A", "B", "C"])
assert isinstance(picked, Tensor), f"return a tensor, not {type(picked).__name__}"
assert picked.shape == (4,), f"one choice for each pair, shape (4,), not {tuple(picked.shape)}"
assert picked.tolist()[:2] == [0, 0], (
    "for scanner A only pairs 2 and 3 may be asked: means 0.625, 0.4, 0.7, standard error of the best "
    "0.1. So 0.625 is good enough, and its window is the smallest; "
    f"yours: {picked.tolist()[:2]}"
)
assert picked.tolist()[2:] == [1, 1], (
    "for B the means of pairs 0, 1, 3 are 0.4, 0.7, 0.37, and the standard error of the best is 0.15: 0.4 "
    f"is too low, so the middle one; for C likewise. Yours: {picked.tolist()[2:]}"
)
test = torch.tensor([[0.1, 0.8], [0.5, 0.3]], dtype=torch.float64)
found = regret(
    torch.tensor([[0.2, 0.9], [0.4, 0.6]], dtype=torch.float64), test, torch.tensor([0, 0])
)
assert abs(found - (0.7 - 0.2) / 2) < 1e-9, (
    "the oracle takes the second window for both pairs (tuning decides): it gains 0.7 and loses 0.2 on "
    f"the test, 0.25 on average; yours is {found:.4f}"
)
### BEGIN HIDDEN TESTS


def _hidden_checks() -> None:  # a function: it overwrites no name of the student's
    for trial in range(40):
        generator = torch.Generator().manual_seed(300 + trial)
        n, k = 2 + trial % 6, 2 + trial % 5
        tuning = torch.rand(n, k, generator=generator, dtype=torch.float64)
        tuning = 0.5 + 0.1 * tuning + torch.linspace(0, 0.1, k)  # larger windows tend to be better
        test = torch.rand(n, k, generator=generator, dtype=torch.float64)
        targets = ["ABC"[int(v)] for v in 3 * torch.rand(n, generator=generator)]
        targets[0], targets[-1] = "A", "B"
        expected, own = [], []
        for p in range(n):
            rows = [tuning[q].tolist() for q in range(n) if targets[q] != targets[p]]
            r = len(rows)
            means = [sum(row[j] for row in rows) / r for j in range(k)]
            best = means.index(max(means))
            square = sum((row[best] - means[best]) ** 2 for row in rows)
            error = math.sqrt(square / (r - 1) / r) if r > 1 else 0.0
            expected.append(next(j for j in range(k) if means[j] >= means[best] - error - 1e-12))
            own.append(max(range(k), key=lambda j, p=p: float(tuning[p, j])))
        # topic: which pairs may be asked, the standard error of the best mean, the smallest window
        assert pick(tuning, targets).tolist() == expected, "wrong choice"
        chosen = torch.tensor(expected)
        wanted = sum(float(test[p, own[p]] - test[p, expected[p]]) for p in range(n)) / n
        # topic: what the regret compares, and which scores choose
        assert abs(regret(tuning, test, chosen) - wanted) < 1e-9, "wrong regret"
    # topic: only one other target, and scores that tie
    tuning = torch.tensor([[0.5, 0.25, 0.75], [0.25, 0.5, 0.5]], dtype=torch.float64)
    assert pick(tuning, ["x", "y"]).tolist() == [1, 2], "one pair is left: no standard error"
    level = torch.full((3, 4), 0.5, dtype=torch.float64)
    assert pick(level, ["x", "y", "z"]).tolist() == [0, 0, 0], "all windows tie"
    test = torch.tensor([[0.0, 0.25, 0.5, 0.75]] * 3, dtype=torch.float64)
    assert regret(level, test, torch.tensor([1, 1, 1])) == -0.25, "the oracle's tie"


_hidden_checks()
### END HIDDEN TESTS

# %% [markdown]
# ## Before you hand in
#
# Restart the kernel, run all cells, and see that no self-check complains. `medda course validate`
# followed by the name of this notebook does the same from a terminal. Then hand in the notebook
# under the name it came with.
