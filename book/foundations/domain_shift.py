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
# # What a domain shift is
#
# A network learns to outline lungs on the films of one hospital. At another hospital the same
# network, with the same weights, fails on patients whom a radiologist finds no harder. Nothing is
# broken; the data have moved. This page shows the move, takes it apart, and measures it.
#
# After it you can
# - tell covariate, prior and concept shift apart on an image, and say which of them a better network
#   can cure,
# - read a transfer gap from scores of single images instead of two averages,
# - judge a claim ("A is better than B") by a paired interval.
#
# **Budget.** One to two minutes at `demo` on two cores, half a minute at `smoke`; less than
# 1 GB of memory; no data to download: all radiographs are made here by the book's chest X-ray phantom.

# %% tags=["parameters"]
profile = "demo"
data = "phantom"
seed = 0
device = "cpu"

# %% [markdown]
# The profile sets how much work is done: the side of the images, how many there are, and how long
# the network is trained. This page needs the *same person* at two hospitals, which no real data set
# has, so it runs on phantoms only.

# %%
if data != "phantom":
    raise ValueError(f"data: {data!r} cannot show one person at two sites; use 'phantom'")
budgets = {
    "smoke": {"size": 32, "masks": 60, "people": 24, "steps": 40, "strengths": 5},
    "demo": {"size": 64, "masks": 300, "people": 150, "steps": 200, "strengths": 11},
    "paper": {"size": 256, "masks": 2000, "people": 500, "steps": 5000, "strengths": 11},
}
budget = budgets[profile]

# %% [markdown]
# ## One person, two hospitals
#
# A *domain* is a population and a way to image it. In the phantom it is a set of numbers: who comes
# (age, body, disease), how they stand, the beam, the detector, the display, and what lies on top of
# the patient. `render` takes a domain and one seed per person; a seed is the same person everywhere.

# %%
import torch

from medda_lib.phantoms.chest_xray import DOMAINS, render

torch.set_num_threads(1)  # the images are small; equal threads give equal digits
home, away = DOMAINS["jsrt"], DOMAINS["nihx"]
people = range(1_000_000, 1_000_000 + budget["people"])
at_home = render(home, people, budget["size"])
at_away = render(away, people, budget["size"])

# %% [markdown]
# Home is a set of careful films of standing adults, away is a busy hospital with portable devices
# and patients in bed. Above and below in the picture is the same person, with the outline of the
# lungs, which is known exactly because the phantom has made them.

# %%
from medda_lib.figures.contact_sheet import contact_sheet
from medda_lib.figures.display import show_figure

pairs = torch.cat([at_home.images[:4], at_away.images[:4]])
truth = torch.cat([at_home.lungs[:4], at_away.lungs[:4]])
titles = [f"person {i + 1}, {site}" for site in ("home", "away") for i in range(4)]
show_figure(
    contact_sheet(pairs, titles, masks=truth),
    "Four people at home (top) and away (bottom), with the true outline of their lungs.",
    "Two rows of four chest radiographs. The upper row is clear, with dark lungs; the lower row "
    "shows the same people greyer, tilted and shifted, some with tubes and wires.",
    name="two-hospitals",
)

# %% [markdown]
# Radiologists adjust to this without thinking. A network has only ever seen the numbers in the upper
# row. The histogram of all grey values is the simplest summary of those numbers, and already differs.

# %%
from medda_lib.figures.intensities import intensities

show_figure(
    intensities({"home": at_home.images, "away": at_away.images}),
    "Density of the grey values of all people at home and away.",
    "Two density curves of grey values that peak at different places.",
    name="intensities",
)

# %% [markdown]
# ## Three ways to move
#
# Write $x$ for an image and $y$ for its truth: a mask or a class. Training assumes that new pairs
# come from the same distribution $p(x, y) = p(y \mid x)\,p(x) = p(x \mid y)\,p(y)$. It can change in
# three ways.
#
# | shift | what changes | what stays | here |
# |---|---|---|---|
# | covariate | $p(x)$ | $p(y \mid x)$ | beam, detector, display, pose |
# | prior | $p(y)$ | $p(x \mid y)$ | how many patients have pneumonia |
# | concept | $p(y \mid x)$ | $p(x)$ | which rule the annotators follow |
#
# Real hospitals differ in all three at once. On a phantom each can be moved alone: take the home
# domain and replace some of its numbers by those of the other.

# %%
from dataclasses import fields, replace

names = [field.name for field in fields(home)]


def moved(first: str, last: str):
    """The home domain with the fields from `first` to `last` taken from the away domain."""
    chosen = names[names.index(first) : names.index(last) + 1]
    return replace(home, name=f"{first} to {last}", **{n: getattr(away, n) for n in chosen})


# %% [markdown]
# ### Covariate shift: the picture changes, its meaning does not
#
# The same four people once more, imaged the way the other hospital does it, first the beam, the
# detector and the display alone, then the pose and the field of view alone. Each lung is where it
# was, and a perfect reader would draw what was drawn before.

# %%
beam = render(moved("energy", "texture"), people, budget["size"])
pose = render(moved("ap", "rotation"), people, budget["size"])
titles = [f"person {i + 1}, {kind}" for kind in ("beam", "pose") for i in range(4)]
show_figure(
    contact_sheet(
        torch.cat([beam.images[:4], pose.images[:4]]),
        titles,
        masks=torch.cat([beam.lungs[:4], pose.lungs[:4]]),
    ),
    "Two covariate shifts of the people at home: beam and display (top), pose and field (bottom).",
    "Two rows of the same four people. The upper row has the contrast and noise of the other site "
    "with unchanged geometry; the lower row has the home contrast with another framing.",
    name="covariate",
)

# %% [markdown]
# ### Prior shift: the same pictures in other proportions
#
# Take a reader whose sensitivity (share of the sick that is called sick) and specificity (share of
# the healthy that is called healthy) are the same everywhere. How far a call of "pneumonia" can be
# trusted depends on how many patients have it:
#
# $$
# P(\text{sick} \mid \text{called sick}) =
# \frac{\text{sensitivity}\cdot\pi}{\text{sensitivity}\cdot\pi + (1-\text{specificity})(1-\pi)}
# $$
#
# with $\pi = p(y = \text{sick})$. The reader below is assumed; the share of the sick is counted on the
# rendered people.

# %% tags=["nbval-check-output"]
import pandas as pd

sensitivity = specificity = 0.9
rows = {}
for name in ("chex", "mcu", "nihx"):
    share = float(render(DOMAINS[name], people, 32).labels.float().mean())
    hits, alarms = sensitivity * share, (1 - specificity) * (1 - share)
    rows[name] = {"share of sick": share, "a call of pneumonia is right": hits / (hits + alarms)}
pd.DataFrame(rows).T.round(3)

# %% [markdown]
# No image was harder and no reader worse, and still the same call means something else. Prior shift
# spoils thresholds and calibration rather than the ranking of images, and can be corrected where the
# new share of the sick is known.

# %% [markdown]
# ### Concept shift: the same picture, another truth
#
# One group of annotators stops the lung at the heart, another draws on behind it. Here are both rules
# on the same film. Even a perfect copy of one rule is wrong under the other, and by how much can be
# computed without any network: the Dice coefficient $2\,|A\cap B| / (|A| + |B|)$ of the two masks.

# %%
from medda_lib.figures.masks import masks
from medda_lib.metrics.segmentation import dice

ceiling = dice(at_home.masks("lungs"), at_home.masks("lungs_and_heart"))
rule_a, rule_b = (at_home.masks(rule)[:3] for rule in ("lungs", "lungs_and_heart"))
show_figure(
    masks(at_home.images[:3], rule_b, rule_a),
    "The rule that runs on behind the heart taken as reference, the rule that stops at it as "
    f"prediction. Mean Dice of one rule against the other: {ceiling.mean():.3f}.",
    "Three radiographs with both masks; the region behind the heart is marked as missed.",
    name="concept",
)

# %% [markdown]
# No amount of adaptation to the *look* of the other hospital removes this gap. Only labels that follow
# the new rule can. When two real data sets are compared, part of the drop may be of this kind, and a
# careful paper says so.

# %% [markdown]
# ## The same network, two domains, the drop
#
# Now a small U-Net learns to outline lungs at home. A *task* files the images by role, a *setting*
# says which roles a method may see, and the method gets nothing but that view. The network sees the
# home domain alone; the other hospital is not in the task at all.

# %%
from medda_lib.methods.multimix import Settings, system
from medda_lib.methods.training import with_recipe
from medda_lib.tasks.chest_xray import Counts
from medda_lib.tasks.chest_xray_shift import ShiftTask

counts = Counts(train=budget["masks"], validation=max(12, budget["masks"] // 10), test=1)
task = ShiftTask("segmentation", "jsrt", ("jsrt",), counts, budget["size"]).build(seed)
settings = with_recipe(
    Settings(width=8 if profile == "smoke" else 16),
    steps=budget["steps"],
    learning_rate=2e-3,
    validate_every=max(10, budget["steps"] // 6),
)
unet = system("U-Net", settings)

# %% [markdown]
# Training reports its losses as it goes. `fixed_chance` fixes every random choice and the number of
# threads, so the same seed gives the same network.

# %%
from medda_lib.figures.progress import Progress
from medda_lib.studies.method import Run
from medda_lib.studies.trial import fixed_chance


def train(method, task, label: str):
    """The trained network and the record of its losses."""
    progress = Progress(label)
    with fixed_chance(seed, threads=1):
        run = Run(seed, torch.device(device), progress)
        return method.fit(task.view(method.setting), run), progress


network, record = train(unet, task, "U-Net at home")

# %% [markdown]
# The loss falls quickly: at home, lungs are an easy target.

# %%
from medda_lib.figures.training_curves import training_curves

show_figure(
    training_curves(record.curves()),
    "Training loss by step, faint as recorded and strong as a running mean.",
    "A curve that falls steeply at first and then flattens.",
    name="training",
)

# %% [markdown]
# Then it meets the same people at both hospitals. The score is per image, because an average cannot
# tell a network that is a little worse on everyone from one that fails on a few.

# %%


def score(films, network=network):
    """Predicted probabilities (n, 1, s, s) and Dice (n,) of the lungs of these films."""
    batches = films.images.split(64)
    found = torch.cat([network.segment(batch.to(device)).cpu() for batch in batches])
    return found, dice(found >= 0.5, films.lungs)


found_home, dice_home = score(at_home)
found_away, dice_away = score(at_away)
pd.DataFrame({"home": dice_home, "away": dice_away}).describe().loc[["mean", "min", "50%"]].round(3)

# %% [markdown]
# Which of the changes is to blame? Each box below is the home domain with one group of numbers taken
# from the other hospital, the last one with all of them.

# %%
from medda_lib.figures.boxes import boxes

parts = {
    "home": home,
    "people": moved("age", "shape_spread"),
    "pose": moved("ap", "rotation"),
    "beam": moved("energy", "texture"),
    "objects": moved("tubes", "border_grey"),
    "disease": moved("prevalence", "severity_spread"),
    "away": away,
}
scores = {part: score(render(d, people, budget["size"]))[1] for part, d in parts.items()}

# %%
show_figure(
    boxes({part: {"U-Net": values} for part, values in scores.items()}),
    "Dice of one network per image, with one part of the shift at a time and with all of it.",
    "Box plots of Dice for home, five partial shifts and the full shift. "
    + ", ".join(f"{part} median {pd.Series(v).median():.2f}" for part, v in scores.items())
    + ".",
    name="parts",
)

# %% [markdown]
# The parts need not add up: two changes that do no harm alone can do so together. And the group that
# hurts most need not be the one that looks most different to us; compare with the two rows of
# covariate shift above.
#
# The people whose score falls most show what the failure looks like.

# %%
import numpy as np

worst = np.argsort(dice_away - dice_home)[:3].copy()
show_figure(
    masks(at_away.images[worst], at_away.lungs[worst], found_away[worst]),
    "The three people with the largest loss, away. Dice there: "
    + ", ".join(f"{value:.2f}" for value in dice_away[worst])
    + "; of the same people at home: "
    + ", ".join(f"{value:.2f}" for value in dice_home[worst])
    + ".",
    "Three radiographs with the true lungs, the predicted lungs and the comparison of the two.",
    name="worst",
)

# %% [markdown]
# ## The dial
#
# `Domain.towards` walks from one hospital to the other: every number moves a little at each step.
# If the score falls along the way, the shift itself is the cause and not an accident of two data sets.

# %%
strengths = np.linspace(0, 1, budget["strengths"])
walk = [render(home.towards(away, float(s)), people, budget["size"]) for s in strengths]
walked = [score(films) for films in walk]
curve = np.array([values.mean() for _, values in walked])
pd.DataFrame({"strength": strengths, "mean Dice": curve}).round(3).set_index("strength").T

# %% [markdown]
# Move the slider (arrow keys work once it has the focus). It shows the person whose fall is nearest to
# the average, and the mean over all people. Every picture is stored in the page, so it works without a
# running kernel.

# %%
from medda_lib.figures.dial import dial

fall = walked[0][1] - walked[-1][1]
typical = int(np.abs(fall - fall.mean()).argmin())
dial(
    torch.stack([films.images[typical, 0] for films in walk]),
    torch.stack([films.lungs[typical, 0] for films in walk]),
    torch.stack([found[typical, 0] for found, _ in walked]),
    strengths,
    curve,
)

# %% [markdown]
# ## How a claim is judged
#
# "Network B is better than network A away from home." A is the network above, B is trained in the
# same way on a fifth of the masks. Would you bet on it? The question is what the scores say, and how
# surely.

# %%
fewer = Counts(max(10, budget["masks"] // 5), counts.validation, test=1)
small_task = ShiftTask("segmentation", "jsrt", ("jsrt",), fewer, budget["size"]).build(seed)
other, _ = train(unet, small_task, "the same on fewer masks")
dice_other = score(at_away, other)[1]
{"A": round(float(dice_away.mean()), 3), "B": round(float(dice_other.mean()), 3)}

# %% [markdown]
# Two averages differ always. Would they differ in the same direction for other people? The
# *bootstrap* answers by drawing new sets of people from those at hand, with replacement, and looking
# at how the mean difference varies.
#
# Both networks saw the same films, and a film that is hard for one is often hard for the other. A
# *paired* bootstrap draws people and keeps both of their scores together, so that what makes a film
# hard cancels in the difference $d_i = b_i - a_i$:
#
# $$
# \bar d^{\,*} = \frac1n \sum_{k=1}^{n} d_{i_k}, \qquad i_k \text{ drawn from } 1 \dots n .
# $$
#
# With as many people as here, the middle 95 % of many such means and *Student's interval*, which has a
# formula, are nearly the same. The library takes Student's for the claims of every chapter, because it
# also holds for few pairs (see [how to judge a claim](judging_claims)). This is its code:

# %%
from medda_lib.notebooks import show
from medda_lib.studies.intervals import student

show(student)

# %% [markdown]
# A claim of the form "greater" compares that interval with a margin, here zero.

# %%


def verdict(low: float, high: float, margin: float = 0.0) -> str:
    """What the interval says about the claim "greater than `margin`"."""
    if low > margin:
        return "supported"
    return "contradicted" if high < margin else "undecided"


# %% [markdown]
# Supported means that the whole interval lies on the claimed side, contradicted that it lies on the
# other, and undecided that it holds both. For comparison, the second row throws the pairing away by
# shuffling which of A's scores belongs to which person; the mean is the same, the interval is not.

# %%
from medda_lib.figures.verdicts import verdicts

shuffled = np.random.default_rng(seed).permutation(dice_away)
rows = []
for kind, reference in (("paired", dice_away), ("unpaired", shuffled)):
    found = student(dice_other - reference)
    effect, low, high = found.mean, found.low, found.high
    rows.append(
        {"id": "F1", "text": "B, with fewer masks, has the higher Dice away.", "where": "this page"}
        | {"reported": None, "data": f"phantom, {kind}", "effect": effect}
        | {"low": low, "high": high, "n": len(dice_away), "verdict": verdict(low, high)}
    )
verdicts(rows, "One claim, judged with and without pairing")

# %% [markdown]
# All masks are of *home*. Training and validation reward what helps there, and nothing in them tells
# which of two networks will do better elsewhere, so do not be surprised by either answer.
#
# This interval speaks about *these two networks*. A claim in a paper is about *methods*, and a method
# trained again gives another network. In the chapters, therefore, the pairs are repetitions: both
# methods with the same seed, the same labelled images and the same test set. With a handful of seeds the
# interval is wide, and "undecided" is an honest and frequent answer.

# %% [markdown]
# ## Try it
#
# 1. Which part of the shift hurts most if home and away change places? Swap `home` and `away` where
#    they are defined, train on `"nihx"`, and run the page again.
# 2. Before running it: will a network trained on *both* hospitals lose something at home?
#
# ```{admonition} A way to look at the second
# :class: dropdown
# Give the task two pools of half the size each, so that the number of masks stays the same; otherwise
# you measure the effect of more data as well. Compare per person and with the paired interval: a small
# loss at home is easily lost between two averages. If the interval covers zero, say "undecided",
# not "no loss".
# ```
#
# ## References
#
# - J. G. Moreno-Torres et al., *A unifying view on dataset shift in classification*, Pattern
#   Recognition 45, 2012: the three kinds of shift and their names.
# - D. C. Castro, I. Walker, B. Glocker, *Causality matters in medical imaging*, Nature
#   Communications 11, 2020: which shift follows from how data were collected.
# - O. Ronneberger, P. Fischer, T. Brox, *U-Net: convolutional networks for biomedical image
#   segmentation*, MICCAI 2015.
# - B. Efron, R. J. Tibshirani, *An introduction to the bootstrap*, Chapman & Hall, 1993.
