# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How an MR image is made
#
# The grey values of a CT scan are a physical unit. Those of an MR scan are not: they depend on the
# tissue, on a dozen numbers of the protocol, and on where in the coil a voxel lies. Two scanners show the
# same head with other contrasts, so a network that learned one may fail on the other. This page makes
# such images from the equation that rules them, one step at a time.
#
# After it you can
# - say which tissues a protocol separates, and find the inversion time at which one of them vanishes,
# - name what a scanner adds to the signal, and recognise it in an image,
# - read a matrix of six scanners against six.
#
# **Budget.** About a minute at `demo` on two cores, half of it at `smoke`; less than 1 GB of
# memory; no data to download: all heads are made here by the book's brain phantom.

# %% tags=["parameters"]
profile = "demo"
data = "phantom"
seed = 0
device = "cpu"

# %% [markdown]
# The profile sets the side of the images and how many positions a slider has. The page needs the *same
# head* under six scanners, which no real data set has, so it runs on phantoms only.

# %%
if data != "phantom":
    raise ValueError(f"data: {data!r} cannot show one head at six scanners; use 'phantom'")
budgets = {
    "smoke": {"size": 64, "positions": 3},
    "demo": {"size": 128, "positions": 9},
    "paper": {"size": 128, "positions": 15},
}
budget = budgets[profile]

# %% [markdown]
# ## Three numbers of a tissue
#
# Protons in a magnetic field line up a little: the *magnetisation*. A radio pulse tips it over, it
# sends a signal, and it recovers. Three numbers say how a tissue does that: the **proton density** (how
# much there is to tip), **T1** (how fast it recovers) and **T2\*** (how fast the signal fades). T1 grows
# with the field, T2* shrinks, so a scanner of 3 T meets other tissues than one of 1.5 T.

# %% tags=["nbval-check-output"]
import pandas as pd
import torch

from medda_lib.phantoms.mr.tissues import relaxation

torch.set_num_threads(1)  # the images are small; equal threads give equal digits
shown = ["white matter", "grey matter", "fluid", "fat", "muscle"]
rows = {(name, f"{b} T"): relaxation(name, b) for name in shown for b in (1.5, 3.0)}
names = ["proton density", "T1 / ms", "T2* / ms"]
pd.DataFrame(rows, index=names).T.unstack().round(2)

# %% [markdown]
# ## The signal equation
#
# T1-weighted images of the head are mostly made by an *inversion-prepared spoiled gradient echo*
# (MPRAGE {cite}`mugler1990mprage`). A first pulse turns the magnetisation upside down. For the inversion
# time TI it recovers, each tissue at its own pace; then a train of small pulses of flip angle $\alpha$
# reads it out. Between pulses the magnetisation $M$ (1 in equilibrium) relaxes, and a pulse keeps
# $\cos\alpha$ of it. With $E(t) = e^{-t/T_1}$ all these steps are affine maps of $M$,
#
# $$
# M \to 1 + (M - 1)\,E(t) \quad\text{(free recovery)}, \qquad
# M \to -f M \quad\text{(inversion)},
# $$
#
# so the steady state over a repetition is one division {cite}`deichmann2000mprage`. What the coil
# receives is
#
# $$
# S = \rho \, M \sin\alpha \; e^{-TE/T_2^*}
# $$
#
# with the $M$ just before the pulse that fills the centre of k-space. The library's own code:

# %%
from medda_lib.notebooks import show
from medda_lib.phantoms.mr.signal import GradientEcho

show(GradientEcho.longitudinal)

# %% [markdown]
# Here is $S$ against TI. A tissue whose curve crosses zero is black at that TI. What
# separates grey from white matter is the distance of their curves, not their height.

# %%
import numpy as np

from medda_lib.figures import accuracy_curves, show_figure
from medda_lib.phantoms.brain_mr import SITES

home = SITES["sm3"]


def sequence(ti=home.ti, flip=home.flip):
    """The home protocol at 3 T with another inversion time or flip angle."""
    return GradientEcho(home.tr, ti, home.te, flip, home.spacing, home.pulses, home.centre)


times = np.linspace(600, 1500, 10)
curves = {
    name: np.array([[float(sequence(ti=t).signal(*relaxation(name, home.field)))] for t in times])
    for name in shown
}
nulled = {n: times[np.abs(c[:, 0]).argmin()] for n, c in curves.items() if c.min() < 0 < c.max()}

# %%
show_figure(
    accuracy_curves([round(t) for t in times], curves, "inversion time TI / ms", "signal"),
    "Signal of five tissues at 3 T by inversion time; below zero the magnetisation is still inverted.",
    "Five rising curves. "
    + "; ".join(f"{name} is nearest to zero at {t:.0f} ms" for name, t in nulled.items())
    + ".",
    name="signal",
)

# %% [markdown]
# ### Turn the dials
#
# The same head, painted with nothing but the equation: every voxel has the magnitude of the signal of
# its main tissue, on one grey scale for all positions. First the inversion time.

# %% tags=["hide-input"]
from medda_lib.figures.contact_sheet import contact_sheet
from medda_lib.figures.frames import frames
from medda_lib.phantoms.brain_mr import TISSUES, render

SLICE = 3  # of every sixteenth slice: through the ventricles
head = render(home, [seed], size=budget["size"], step=16)
labels = head.tissues[0, SLICE].long()


def painted(echo):
    """Magnitude of the signal (h, w) of each voxel's main tissue."""
    signal = [abs(float(echo.signal(*relaxation(name, home.field)))) for name in TISSUES]
    return torch.tensor(signal)[labels]


def dials(echoes, words, description):
    """A slider over protocols, one picture each, on a common grey scale."""
    pictures = torch.stack([painted(echo) for echo in echoes])
    pictures = (pictures / pictures.quantile(0.995)).clamp(0, 1)

    def draw(i):
        alt = f"A slice of a head, painted with the signal at {description} {words[i]}."
        return contact_sheet(pictures[i : i + 1], [f"{description} {words[i]}"]), alt

    return frames(draw, words, description)


# %%
steps = np.linspace(600, 1500, budget["positions"])
dials([sequence(ti=t) for t in steps], [f"{t:.0f} ms" for t in steps], "TI")

# %% [markdown]
# Fluid recovers most slowly and passes through zero last, so there is a TI at which it is black. Grey and
# white matter have done so long before, at inversion times for which this train of pulses leaves no
# room. Now the flip angle:

# %%
angles = np.linspace(4, 20, budget["positions"])
dials([sequence(flip=a) for a in angles], [f"{a:.0f}°" for a in angles], "flip angle")

# %% [markdown]
# ## Six scanners, one head
#
# A *site* of the phantom is a protocol and a machine: three makers at two field strengths, named as in
# the data set that two of the book's papers use {cite}`souza2018cc359`. The protocols are typical ones,
# not those of that set.

# %%
protocol = ["field", "tr", "ti", "te", "flip", "inversion", "noise", "shading", "ghost"]
pd.DataFrame({name: [getattr(site, p) for p in protocol] for name, site in SITES.items()}, protocol)

# %% [markdown]
# And one person in all of them. Every scan is scaled from its own smallest to its own largest value, as
# networks get to see it.

# %%
heads = {name: render(site, [seed], size=budget["size"], step=16) for name, site in SITES.items()}
slices = torch.stack([h.volumes[0, SLICE] for h in heads.values()])
brains = torch.stack([h.brain[0, SLICE] for h in heads.values()])
show_figure(
    contact_sheet(slices, list(heads), columns=3, masks=brains),
    "One person at six sites, with the true outline of the brain.",
    "Six slices of the same head that differ in contrast, brightness of the scalp, evenness and noise.",
    name="six-sites",
)

# %% [markdown]
# Inside of the brain alone, where all six show the same tissue, the grey values have moved:

# %%
from medda_lib.figures.intensities import intensities

inside = {name: h.volumes[0][h.brain[0]].numpy() for name, h in heads.items()}
show_figure(
    intensities(inside),
    "Density of the grey values inside of one person's brain at six sites.",
    "Six density curves. "
    + ", ".join(f"{name}: median {np.median(v):.2f}" for name, v in inside.items())
    + ".",
    name="grey-values",
)

# %% [markdown]
# ## What the scanner adds
#
# The signal is not the image. The coil hears nearby tissue louder (**shading**, slowly varying). Noise
# enters both channels of the receiver, and the magnitude of the two follows a Rician distribution
# {cite}`gudbjartsson1995rician`: in air it is not zero on average. Motion and pulsation repeat the head
# along the phase direction (**ghost**), and a field of view that is too small folds it over (**wrap**).
# Below, the home scanner with one of them at a time, each stronger than any preset has it.

# %%
from dataclasses import replace

faults = {
    "none of them": {"noise": 0.0, "shading": 0.0, "uneven": 0.0, "falloff": 0.0},
    "shading": {"noise": 0.0, "shading": 1.6, "corrected": 0.0},
    "noise": {"noise": 0.15, "shading": 0.0},
    "ghost": {"ghost": 0.15, "noise": 0.0},
    "wrap": {"fov": 160.0, "noise": 0.0},
    "blur": {"blur": 5.0, "noise": 0.0},
}
scans = [
    render(replace(home, name=name, **numbers), [seed], size=budget["size"], step=16)
    for name, numbers in faults.items()
]

# %%
show_figure(
    contact_sheet(torch.stack([s.volumes[0, SLICE] for s in scans]), list(faults), columns=3),
    "The home scanner with one fault of the acquisition at a time.",
    "Six slices of one head: clean, brighter at the edge, grainy, with a faint shifted copy, folded "
    "over at front and back, and blurred.",
    name="faults",
)

# %% [markdown]
# The outline of the brain is the same in all of them: it is known from the anatomy, not found in the
# image. That is what makes a phantom a fair judge of a segmentation.

# %% [markdown]
# ## How real are they?
#
# A number instead of an opinion: a network trained on phantoms of all six sites alone, tested on real
# heads, beside the same network trained on real heads of one site. What was committed:

# %% tags=["hide-input"]
from medda_lib import _paths
from medda_lib.studies import ledger


def committed(name):
    """The rows of a study of the Fourier chapter, or None with a remark."""
    try:
        return ledger.read(_paths.RESULTS / "fda", "demo", name)
    except FileNotFoundError:
        print(f"No results of fda/demo-{name} are committed yet.")
        return None


# %%
from IPython.display import display

realism = committed("realism")
if realism is not None:
    dice = realism[realism["metric"] == "dice"]
    table = dice.pivot_table(index="source", columns="domain", values="value", sort=False)
    display(table.rename_axis("trained on", axis=0).rename_axis("tested on", axis=1).round(3))

# %% [markdown]
# A row below the real ones says that phantoms lack something; how much is the difference.
#
# ## What it does to a network
#
# Trained on one scanner, tested on all: a row for each of the six source models, surface Dice at 1 mm. In the
# left matrix are the numbers that Zakazov et al. {cite}`zakazov2022fda` print for real heads, in the right
# one ours for phantoms. The pattern need not agree, since these are other scanners; what should is that
# the diagonal is good and that some pairs fail.

# %% tags=["hide-input"]
from medda_lib.figures import shift_matrices
from medda_lib.papers.results import cells
from medda_lib.papers.tables import reported_table

printed = reported_table("fda", "1", "column")["mean"].T  # the paper has targets in rows
matrix = committed("matrix")
panels = {"Table 1 of the paper": printed}
if matrix is not None:
    mean, _ = cells(matrix, ["source"], ["domain"], system="No DA", metric="surface_dice")
    panels["here, on phantoms"] = mean.reindex(index=printed.index, columns=printed.columns)
spread = {
    t: (np.diag(v).mean(), np.asarray(v)[~np.eye(6, dtype=bool)].min()) for t, v in panels.items()
}

# %%
show_figure(
    shift_matrices(panels, list(printed.index), list(printed.columns), "surface Dice", (0, 1)),
    "Surface Dice of source models (rows) on six scanners (columns), without adaptation.",
    "; ".join(
        f"{t}: {home:.2f} on the diagonal, {least:.2f} at worst"
        for t, (home, least) in spread.items()
    )
    + ".",
    name="matrices",
)

# %% [markdown]
# ## Try it
#
# 1. At which TI is grey matter black at 3 T, and is that earlier or later at 1.5 T? Guess first. Then
#    draw the curves again with a train of 40 pulses, which leaves room for shorter inversion times.
# 2. Which single number, moved from the home preset to that of `ge15`, changes the grey values inside of
#    the brain most?
#
# ```{admonition} A way to look at the second
# :class: dropdown
# Take one field of the site at a time with `replace(home, name="x", field=..., ...)`, render, and
# compare the medians inside of the brain. Timing that does not fit raises an error: TI, spacing and
# pulses have to move together, since the train must fit around TI.
# ```
#
# ## References
#
# The works cited here stand in the [bibliography](../references). The constants of the tissues and
# their sources are in `medda_lib/phantoms/mr/tissues.py`.
