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
# # How the book's images are made
#
# An image is a measurement, and every measurement has settings. Two hospitals that image the same person
# with other settings give a network other numbers, and that is most of what *domain shift* means in
# radiology. This page follows a chest radiograph from the X-ray beam to the grey values on the screen,
# sets the magnetic resonance images beside it, and turns the settings one at a time to see what they do
# to the numbers and to networks that were trained on them.
#
# After it you can
# - write down what a pixel of each of the book's four kinds of image measures,
# - say which setting changes contrast, which sharpness, which noise, and which changes nothing but the
#   display,
# - predict which tasks a change of settings harms, and which it leaves alone,
# - tell from the way an image was made which kind of shift a change of it is.
#
# **Budget.** About a minute at `demo` on two cores, a third of that at `smoke`; less than 1 GB of
# memory; no data to download: all images are made here by the book's phantoms.

# %% tags=["parameters"]
profile = "demo"
data = "phantom"
seed = 0
device = "cpu"

# %% [markdown]
# The profile sets how large the images are, how many people are imaged, and how long two small networks
# are trained. The page needs the *same person* under many settings, so it runs on phantoms only.

# %%
if data != "phantom":
    raise ValueError(f"data: {data!r} cannot show one person under many settings; use 'phantom'")
budgets = {
    "smoke": {"size": 64, "side": 32, "train": 60, "people": 40, "steps": 30},
    "demo": {"size": 192, "side": 64, "train": 200, "people": 200, "steps": 200},
    "paper": {"size": 256, "side": 128, "train": 2000, "people": 500, "steps": 3000},
}
budget = budgets[profile]

# %% [markdown]
# ## Four kinds of image
#
# | image | a pixel measures | what rules it | noise |
# |---|---|---|---|
# | chest radiograph | X-ray quanta that reach the detector | attenuation along the ray | counting |
# | head, T1-weighted | magnetisation left after an inversion and a train of pulses | T1, T2\*, proton density | Rician |
# | prostate, T2-weighted | the echo of a refocused magnetisation | T2, T1, proton density | Rician |
# | hippocampus, T1-weighted | as the head, in a small crop of 1 mm | as the head | Rician |
#
# A phantom holds lengths and tissues instead of grey values, and computes the grey values from the
# physics. So the truth (what is lung, what is prostate) is known before there is an image.

# %%
import torch
from torch.nn.functional import interpolate

from medda_lib.figures.contact_sheet import contact_sheet
from medda_lib.figures.display import show_figure
from medda_lib.phantoms import brain_mr, chest_xray, hippocampus_mr, prostate_mr

torch.set_num_threads(1)  # the images are small; equal threads give equal digits


def framed(picture, side=128):
    """A picture (h, w) on a grid of `side` x `side` pixels, each as large as it was or repeated."""
    return interpolate(picture[None, None].float(), size=(side, side))[0, 0]


film = chest_xray.render(chest_xray.DOMAINS["jsrt"], [seed], 128)
head = brain_mr.render(brain_mr.SITES["sm3"], [seed], size=128, step=16)
gland = prostate_mr.render(prostate_mr.SITES["A"], [seed], size=128, slices=3)
crop = hippocampus_mr.render(hippocampus_mr.SOURCES["decathlon"], [seed])

# %%
four = {
    "chest radiograph": (film.images[0, 0], film.lungs[0, 0]),
    "head": (head.volumes[0, 3], head.brain[0, 3]),
    "prostate": (gland.volumes[0, 1], gland.prostate[0, 1]),
    "hippocampus": (crop.volumes[0, 22], crop.hippocampus[0, 22]),
}
pictures, truths = (torch.stack([framed(pair[k]) for pair in four.values()]) for k in (0, 1))
show_figure(
    contact_sheet(pictures, list(four), masks=truths > 0.5),
    "One image of each kind, with the true outline of lungs, brain, prostate and hippocampus.",
    "A radiograph of a chest and three grey slices: a head, a pelvis and a crop around a hippocampus, "
    "each with an outline.",
    name="four",
    limit=19_000,
)

# %% [markdown]
# ## From the beam to the screen
#
# ### Attenuation
#
# A beam of X-rays loses the same *fraction* of its quanta in each centimetre of tissue. The fraction is
# the attenuation coefficient $\mu$, in 1/cm. It depends on the tissue and on the energy of the quanta,
# which the voltage of the tube (kVp) sets. A real tube sends a spectrum; here one effective energy stands
# in for it, with coefficients from the tables of NIST {cite}`hubbell2004nist`.

# %%
import numpy as np

from medda_lib.figures.curves import curves
from medda_lib.phantoms.chest_xray.attenuation import linear_attenuation

energies = np.linspace(40, 100, 7)
tissues = ("bone", "soft", "fat", "lung")
mu = {name: [linear_attenuation(name, e) for e in energies] for name in tissues}
over = {e: linear_attenuation("bone", e) / linear_attenuation("soft", e) for e in (45.0, 90.0)}
show_figure(
    curves(energies, mu, "energy / keV", "attenuation / (1/cm)", log=(False, True)),
    "Attenuation coefficients by energy. Bone over soft tissue: "
    + ", ".join(f"{ratio:.2f} at {e:g} keV" for e, ratio in over.items())
    + ".",
    "Four falling curves, bone highest and steepest, then soft tissue and fat close together, lung far "
    "below.",
    name="attenuation",
    limit=11_000,
)

# %% [markdown]
# ### Beer and Lambert's law
#
# Along a ray these losses multiply, so logarithms add. With lengths $\ell_t$ of the tissues $t$ on the
# ray,
#
# $$
# A = \sum_t \mu_t(E)\,\ell_t, \qquad \frac{N}{N_0} = e^{-A} .
# $$
#
# $A$ is the *line integral*: everything that a radiograph can know about a ray. Organs at different
# depths are added up, which is why a heart hides lung behind it.

# %%
from medda_lib.notebooks import show
from medda_lib.phantoms.chest_xray.attenuation import transmission

show(transmission)

# %% [markdown]
# The phantom's steps can be looked at one by one. Here is one person at two energies. The pictures share
# one grey scale, dense is bright, and the curves follow the line.

# %%
from dataclasses import replace

from medda_lib.figures.profiles import profiles
from medda_lib.phantoms.chest_xray.chain import stages

home, away = chest_xray.DOMAINS["jsrt"], chest_xray.DOMAINS["nihx"]
size, person = budget["size"], 1_000_003
row = int(0.38 * size)
soft, hard = (stages(replace(home, energy=e), [person], size) for e in (45.0, 90.0))
show_figure(
    profiles({"45 keV": soft.integral[0], "90 keV": hard.integral[0]}, row, "line integral A"),
    "Line integrals of one person at two energies.",
    "Two images of line integrals and their profiles. At 45 keV the values are higher, and the ribs and "
    "the spine stand out more.",
    name="line-integral",
    limit=19_000,
)

# %% [markdown]
# Low energies show bone and cost dose, since more quanta stay in the patient. High energies make the ribs
# fade, which is what one wants for lungs. How much of the beam arrives behind the densest tenth of this
# picture?

# %%
arrives = {e: float(s.primary[0].quantile(0.1)) for e, s in ((45, soft), (90, hard))}
print(", ".join(f"{e} keV: {share:.2%} of the quanta" for e, share in arrives.items()))

# %% [markdown]
# ### Blur and scatter
#
# Not every quantum that interacts is gone. Many change direction and arrive elsewhere. To first order a
# ray scatters what it loses, $A e^{-A}$, and it lands far away, so scatter is a very wide blur of that.
# It adds a fog that has no structure, and $-\log$ of a sum is not the sum: where little arrives, fog is
# most of it. The detector, too, spreads a quantum over its neighbourhood; the phantom blurs $A$ by a
# Gaussian before the exponential, a simplification that matters only at hard edges.

# %%
from medda_lib.phantoms.chest_xray.acquisition import detect

show(detect)

# %%
foggy = stages(replace(home, scatter=away.scatter, blur=0.3), [person], size)
before, after = -foggy.primary[0].log(), -foggy.expected[0].log()
show_figure(
    profiles(
        {"as it came": foggy.integral[0], "blurred": before, "with scatter": after},
        row,
        "-log of what arrives",
    ),
    "The same person with a wide detector blur and as much scatter as at the busy hospital.",
    "Three images and their profiles: the second is smoother, the third is much flatter, with the dense "
    "middle pulled down most.",
    name="scatter",
    limit=19_000,
)

# %%
contrast = {
    name: float(values.quantile(0.95) - values.quantile(0.2))
    for name, values in (("primary", before), ("with scatter", after))
}
print(", ".join(f"{name}: {value:.2f}" for name, value in contrast.items()))

# %% [markdown]
# These are the distances between dense and lucent parts (95th and 20th percentile). Fog takes contrast
# away, and no display can give back what the noise then covers. Clinics put a grid of lead strips before
# the detector for this reason.

# %% [markdown]
# ### Quantum noise
#
# Quanta are counted, and counts fluctuate: with $N$ expected, the standard deviation is $\sqrt N$. The
# relative noise is $1/\sqrt N$, so four times the dose halves it, and it is worst behind the densest
# parts, where few quanta arrive {cite}`bushberg2012physics`.

# %%
from medda_lib.phantoms.chest_xray.acquisition import quantum_noise

show(quantum_noise)

# %%
dim = stages(replace(home, exposure=4000.0), [person], size)
clean, noisy = -dim.expected[0].log(), -dim.counted[0].clamp(min=3e-4).log()
show_figure(
    profiles({"expected": clean, "counted": noisy}, row, "-log of what is counted"),
    f"One person at {4000 / home.exposure:.2%} of the usual exposure: what would arrive on average, and "
    "what is counted.",
    "Two images and their profiles; the second is grainy, most of all in the dense middle and least in "
    "the lungs.",
    name="quantum-noise",
    limit=19_000,
)

# %% [markdown]
# ### The display
#
# Nobody looks at counts. The workstation takes the logarithm, flattens slow variations, sharpens edges,
# finds the lungs and gives them a chosen grey (automatic exposure), stretches the rest, and bends it all
# with a *gamma*. Each maker does so in its own way.

# %%
from medda_lib.phantoms.chest_xray.acquisition import display, film_curve

show(display)

# %%
inputs = torch.linspace(-0.2, 1.2, 29)
bends = {f"gamma {g:g}": film_curve(inputs.clone()).pow(g) for g in (0.5, 1.0, 2.0)}
show_figure(
    curves(inputs, bends, "value before the curve", "grey on the screen"),
    "The display's curve: straight in the middle, with a toe and a shoulder, bent by gamma.",
    "Three rising curves from black to white; gamma 0.5 is brighter in the middle, gamma 2 darker.",
    name="display-curve",
    limit=11_000,
)

# %% [markdown]
# Here is the whole chain for one person at both hospitals. Each of the first three pictures of a row is
# stretched from its own smallest to its own largest value, the last is what the screen shows.

# %%


def stretched(picture):
    """A picture scaled from its smallest to its largest value."""
    return (picture - picture.min()) / (picture.max() - picture.min())


names = ("line integral", "with scatter", "counted", "on the screen")
chain = []
for site in (home, away):
    s = stages(site, [person], size)
    steps = (s.blurred, -s.expected.log(), -s.counted.clamp(min=3e-4).log())
    chain += [stretched(step[0]) for step in steps] + [s.shown[0]]

# %%
titles = [f"{name}, {site}" for site in ("home", "away") for name in names]
show_figure(
    contact_sheet(torch.stack(chain), titles),
    "From line integral to screen, at home (top) and away (bottom): one person.",
    "Two rows of four radiographs. Above, clear at each step and dark lungs on the screen. Below, a wider "
    "view with a shallow breath, flat after scatter, and pale lungs on the screen.",
    name="chain",
    limit=19_000,
)

# %% [markdown]
# The display hides much of what came before it. Halve the energy and the beam changes a lot; on the
# screen the lungs have the same grey, because the display looked for them:

# %%
import pandas as pd

lungs = soft.lungs[0]
pd.DataFrame(
    {
        f"{e} keV": {
            "line integral in the lungs": float(s.integral[0][lungs].mean()),
            "grey of the lungs on the screen": float(s.shown[0][lungs].mean()),
        }
        for e, s in ((45, soft), (90, hard))
    }
).round(3)

# %% [markdown]
# What survives the display is what a network can stumble over: not the brightness, but the *ratio* of
# bone to soft tissue, the sharpness, and the noise.

# %% [markdown]
# ## Turn the dials
#
# Two networks learn at home. One outlines lungs; home has no sick people, so it has never seen an opacity.
# The other calls pneumonia, and to learn it got as many sick as healthy ones. Both standardise each image
# before they look at it, to mean 0 and standard deviation 1:

# %%
from medda_lib.methods.normalise import standardise

show(standardise)

# %%
from medda_lib.methods.multimix import Settings, system
from medda_lib.methods.training import with_recipe
from medda_lib.studies.method import Run
from medda_lib.studies.trial import fixed_chance
from medda_lib.tasks.chest_xray import Counts
from medda_lib.tasks.chest_xray_shift import ShiftTask

counts, side = Counts(train=budget["train"], validation=40, test=2), budget["side"]
short = {"steps": budget["steps"], "validate_every": budget["steps"] // 2}
outlining = with_recipe(Settings(width=12), learning_rate=2e-3, **short)
calling = with_recipe(Settings(width=8), learning_rate=1e-3, **short)
recipes = {"segmentation": system("U-Net", outlining), "classification": system("Enc", calling)}


def trained(problem):
    """The network of a problem, trained at home."""
    task = ShiftTask(problem, "jsrt", ("jsrt",), counts, side).build(seed)
    with fixed_chance(seed, threads=1):
        return recipes[problem].fit(
            task.view(recipes[problem].setting), Run(seed, torch.device(device))
        )


outliner, caller = trained("segmentation"), trained("classification")

# %% [markdown]
# Then they meet people whom they have never seen, again half of them ill, under other settings. The score
# of the first is the mean Dice of the lungs, of the second the area under the ROC curve (AUC): the chance
# that of one sick and one healthy person the sick one gets the higher probability.

# %%
from medda_lib.metrics import classification
from medda_lib.metrics.segmentation import dice

people = range(1_000_000, 1_000_000 + budget["people"])
half_ill = [i % 2 for i in people]


def measured(site):
    """Images of all people at a site, the predicted lungs, and the score of both networks."""
    films = chest_xray.render(site, people, side, half_ill)
    found = outliner.segment(films.images) >= 0.5
    auc = classification.summary(caller.classify(films.images), films.labels)["auc"]
    scores = {"lungs (Dice)": float(dice(found, films.lungs).mean()), "pneumonia (AUC)": auc}
    return films, found, scores


at_home = measured(home)[2]
at_away = measured(away)[2]
pd.DataFrame({"home": at_home, "away": at_away}).round(3)

# %% [markdown]
# Now one number of the home domain at a time. The ranges reach far beyond what the four presets of the
# phantom use, so that the effect can be seen:

# %%
ranges = {
    "energy": (42, 52, 66, 82, 100),
    "scatter": (0, 0.4, 1.5, 4, 8),
    "exposure": (1e3, 5e3, 5e4, 1.6e6),
    "blur": (0.06, 0.3, 0.6, 1.0),
    "gamma": (0.4, 0.7, 1.05, 2.5),
}
presets = {name: [getattr(d, name) for d in chest_xray.DOMAINS.values()] for name in ranges}
pd.DataFrame(presets, index=list(chest_xray.DOMAINS)).T

# %% tags=["hide-input"]
from medda_lib.figures.parameter_dial import Position, parameter_dial

swept = {
    name: [measured(replace(home, **{name: float(v)})) for v in values]
    for name, values in ranges.items()
}
SHOWN = 3  # which of the people is drawn


def turned(name, unit, scale=1.0):
    """A slider over one number of the home domain; shown in `unit`, which is `scale` of the field's."""
    positions = []
    for value, (films, found, scores) in zip(ranges[name], swept[name], strict=True):
        one = (films.images, films.lungs, found)
        image, truth, drawn = (x[SHOWN, 0].numpy() for x in one)
        label = f"{value / scale:g} {unit}".strip()
        positions.append(Position(label, image, truth, drawn, films.images.numpy(), scores))
    start = ranges[name].index(getattr(home, name))
    what = f"{name} ({unit})" if unit else name
    return parameter_dial(positions, start, what, name, total=50_000)


# %% [markdown]
# Each slider moves one number. Left, one of the people with the true outline (solid) and the predicted
# one (dashed); in the middle the grey values of all people, those at home shaded; right, the scores of
# both networks, with the training's value dotted. **Energy**, in keV:

# %%
turned("energy", "keV")

# %% [markdown]
# **Scatter**, as the ratio of scattered to primary quanta behind an average patient:

# %%
turned("scatter", "")

# %% [markdown]
# **Exposure**, in thousands of quanta per cm² of an empty beam:

# %%
turned("exposure", "thousand/cm²", 1000)

# %% [markdown]
# **Blur** of the detector, in cm:

# %%
turned("blur", "cm")

# %% [markdown]
# All four dials in one table, and the gamma of the display as a fifth: how far the histogram moved at most
# (share of the grey values that would have to move to another of 40 bins), and the lowest score of both
# networks along the dial.

# %%
from medda_lib.figures.intensities import densities


def moved_greys(name):
    """Largest total variation distance from the home histogram along a dial."""
    start = ranges[name].index(getattr(home, name))
    greys = {str(i): f.images for i, (f, *_) in enumerate(swept[name])}
    _, found = densities(greys, bins=40)
    return max(np.abs(found[str(start)] - other).mean() / 2 for other in found.values())


lowest = {
    name: {"histogram moved": moved_greys(name)}
    | {score: min(s[score] for *_, s in sweep) for score in at_home}
    for name, sweep in swept.items()
}
pd.DataFrame(lowest).T.round(3)

# %% [markdown]
# Compare the columns with each other and with the scores at home. A histogram that moves far need not
# hurt, and one that moves little may. Gamma recolours every pixel and keeps their order, and after
# standardising little of it is left. Blur and noise move the histogram less than gamma does, but they take
# away the fine and faint structure by which pneumonia is told. Lungs are large and dark, so their outline
# survives much of this. A shift has no strength of its own: it has one *for a task*, and for the network
# that does it.
#
# Those were extremes. Here are the numbers of the other hospital, one at a time, then all five, then
# everything:

# %%
theirs = {name: {name: getattr(away, name)} for name in ranges}
theirs["all five"] = {name: getattr(away, name) for name in ranges}
alone = {name: measured(replace(home, **numbers))[2] for name, numbers in theirs.items()}
pd.DataFrame({"home": at_home} | alone | {"away": at_away}).T.round(3)

# %% [markdown]
# What is missing between the last two rows is in the other fields: the rest of the display, who is imaged,
# how they lie, and what lies on top of them. [The page on domain shift](domain_shift) takes that loss apart.

# %% [markdown]
# ## Which shift is it? Ask how the image was made
#
# Whoever made the image knows. Take the fields of the phantom's domain one at a time, change nothing
# else, and look at the same people: does the image move, does the outline, does the diagnosis?

# %%
from dataclasses import fields

groups = {
    "who comes": ("age", "shape_spread"),
    "pose and field of view": ("ap", "rotation"),
    "beam, detector, display": ("energy", "texture"),
    "tubes, wires, markers": ("tubes", "border_grey"),
    "how common is disease": ("prevalence", "prevalence"),
    "how disease looks": ("lobar", "severity_spread"),
    "label rule": ("rule", "rule"),
}
listed = [f.name for f in fields(home)]
base = replace(home, prevalence=0.5)
few = range(1_000_000, 1_000_000 + 24)


def elsewhere(name):
    """The base domain with one field from the first preset, or rule, that has another value."""
    others = (
        chest_xray.RULES
        if name == "rule"
        else [getattr(d, name) for d in chest_xray.DOMAINS.values()]
    )
    different = [value for value in others if value != getattr(base, name)]
    return replace(base, **{name: different[0]}) if different else None


# %%
reference = chest_xray.render(base, few, side)


def changes(name):
    """Whether the image, the outline and the label of anyone move with a field; None if it cannot."""
    if (site := elsewhere(name)) is None:
        return None
    films = chest_xray.render(site, few, side)
    return (
        bool((films.images != reference.images).any()),
        bool((films.masks(site.rule) != reference.masks(base.rule)).any()),
        bool((films.labels != reference.labels).any()),
    )


def kind(image, outline, label):
    """The shift that these changes amount to."""
    if label:
        return "prior shift"
    if outline and not image:
        return "concept shift"
    return "covariate shift" + (", truth moves along" if outline else "") if image else "none"


# %%
rows = []
for group, (first, last) in groups.items():
    names = listed[listed.index(first) : listed.index(last) + 1]
    found = {n: c for n in names if (c := changes(n)) is not None}
    kinds = pd.Series([kind(*c) for c in found.values()]).value_counts()
    counted = [sum(column) for column in zip(*found.values(), strict=True)]
    rows.append([group, len(found), *counted, "; ".join(f"{k} ({n})" for k, n in kinds.items())])
heads = ["fields", "tried", "image moves", "outline moves", "label moves", "shift"]

# %%
from medda_lib.figures.tables import plain

plain(
    pd.DataFrame(rows, columns=heads),
    "What moves when one field of the domain moves, and which shift that is",
    long=("shift",),
)

# %% [markdown]
# - **Covariate shift by construction**: beam, detector, display. The image moves, and truth stays where it
#   was, to the last pixel.
# - *How disease looks* reads like a covariate shift in this table, and is a matter of its own: only the
#   images of the ill move, so $p(x \mid y)$ changes for one class. It is known as *manifestation shift*
#   {cite}`castro2020causality`.
# - **Covariate shift with the truth moving along**: anatomy, pose. Another image has another outline, but
#   the rule that leads from one to the other is the same.
# - **Prior shift**: the same seeds turn from healthy to ill, as many as the new prevalence says.
# - **Concept shift**: not one grey value changes, and the outline does.
#
# One caution. A covariate shift leaves the *truth* alone, but $p(y \mid x)$ is about what can be known
# from the image. Noise or blur that swallows a faint opacity changes that too: the patient is ill as
# before, and the picture no longer says so. No adaptation brings back what was not measured.

# %% [markdown]
# ## Magnetic resonance in short
#
# An MR image has no line integrals. Each voxel sends the signal of its own tissue, and the protocol says
# which property of the tissue counts. [The page on MR](mr_physics) derives the gradient echo of the heads;
# here it stands beside the spin echo {cite}`hahn1950echoes` of the prostates:
#
# $$
# S_\text{gradient} = \rho\, M(T_1; TI, \alpha)\,\sin\alpha\; e^{-TE/T_2^*}, \qquad
# S_\text{spin} = \rho\,\bigl(1 - e^{-(TR - T_\text{train})/T_1}\bigr)\; e^{-TE/T_2} .
# $$
#
# The first is short in $TE$ and lives by $T_1$; the second waits long for the magnetisation to recover, so
# that $T_1$ hardly matters, and lives by $T_2$.

# %%
from medda_lib.phantoms.mr.spin_echo import SpinEcho

show(SpinEcho.signal)

# %%
from medda_lib.phantoms.prostate_mr.tissues import relaxation

clinic = prostate_mr.SITES["A"]
echo_times = np.linspace(20, 160, 8)


def pelvic(tissue, te):
    """Signal of a tissue of the pelvis at 3 T and an echo time in ms."""
    echo = SpinEcho(clinic.tr, float(te), max(clinic.train, float(te)))
    return float(echo.signal(*relaxation(tissue, 3.0)))


shown = ("peripheral zone", "central gland", "tumour", "muscle", "fat")
lines = {name: [pelvic(name, te) for te in echo_times] for name in shown}
apart = np.subtract(lines["peripheral zone"], lines["tumour"])
show_figure(
    curves(echo_times, lines, "echo time TE / ms", "signal"),
    "Spin echo signal of five tissues of the pelvis by echo time, 3 T. Of these echo times, "
    f"{echo_times[apart.argmax()]:g} ms sets tumour and peripheral zone farthest apart.",
    "Five falling curves; muscle falls fastest, the peripheral zone slowest.",
    name="spin-echo",
    limit=11_000,
)

# %% [markdown]
# At short echo times the tissues lie close together. Waiting lets them part, the peripheral zone from a
# tumour and both from muscle; waiting too long lets everything sink into the noise. The same man at five
# echo times, each scan scaled by its own brightest tissue, as the display does:

# %% tags=["hide-input"]
from medda_lib.figures.frames import frames


def at_echo(te):
    """The middle slice of one man at the clinic with another echo time."""
    site = replace(clinic, te=float(te), train=max(clinic.train, float(te)))
    return prostate_mr.render(site, [seed], size=128, slices=3)


chosen = (30, 60, clinic.te, 140, 180)
scans = [at_echo(te) for te in chosen]


def draw(i):
    scan = scans[i]
    picture = contact_sheet(
        scan.volumes[0, 1:2], [f"TE {chosen[i]:g} ms"], masks=scan.prostate[0, 1:2]
    )
    return (
        picture,
        f"A slice of a pelvis with the prostate outlined, at an echo time of {chosen[i]:g} ms.",
    )


frames(draw, [f"{te:g} ms" for te in chosen], "echo time")

# %% [markdown]
# The same seed at three sites, and in three sources of hippocampi:

# %%
sites, sources = ("A", "B", "D"), ("harp", "dryad", "decathlon")
men = [prostate_mr.render(prostate_mr.SITES[s], [seed], size=128, slices=3) for s in sites]
crops = [hippocampus_mr.render(hippocampus_mr.SOURCES[s], [seed]) for s in sources]
pictures = [m.volumes[0, 1] for m in men] + [framed(c.volumes[0, 22]) for c in crops]
outlines = [m.prostate[0, 1] for m in men] + [framed(c.hippocampus[0, 22]) > 0.5 for c in crops]
show_figure(
    contact_sheet(
        torch.stack(pictures), [*(f"site {s}" for s in sites), *sources], columns=3,
        masks=torch.stack(outlines),
    ),
    "One seed at three sites (top; B has a coil in the rectum) and one in three sources (bottom).",
    "Three slices of a pelvis: even, very bright near the rectum, bright at the skin. Three crops around a "
    "hippocampus of different size, contrast and grain.",
    name="mr-sites",
    limit=19_000,
)  # fmt: skip

# %% [markdown]
# The prostates differ most by their **coil**: the receiver inside the rectum is deaf to what lies far from
# it. The crops differ by **protocol and grain**. And both differ by **who comes**: a site has a population
# as well as a scanner, and the same seed is the same person only as far as that population allows.

# %%
areas = [float(m.prostate[0, 1].sum()) * m.spacing[1] * m.spacing[2] / 100 for m in men]
volumes = [int(c.hippocampus.sum()) for c in crops]
print("middle of the prostate / cm2:", {s: round(a, 1) for s, a in zip(sites, areas, strict=True)})
print("hippocampus / mm3:", dict(zip(sources, volumes, strict=True)))

# %% [markdown]
# The elderly volunteers that *harp* stands for have the smallest hippocampi and the widest spaces of fluid
# around them. To move the image alone, replace the fields of the protocol and keep those of the
# population, as the slider above did with the echo time.

# %% [markdown]
# ## Two laws of noise
#
# Counting noise grows with the signal, and averages to zero. An MR scanner adds the same noise everywhere,
# in two channels, and shows the length of the sum: in the dark it cannot go below zero, so its *mean* is
# too high {cite}`gudbjartsson1995rician`. Both laws, measured on flat images by the phantoms' own
# functions:

# %%
from medda_lib.phantoms.mr.noise import rician

levels = np.linspace(0.02, 1.0, 10)
chance = torch.Generator().manual_seed(seed)
normal = torch.randn(2, 20_000, generator=chance)
laws = {"counting": [], "Rician": []}
for level in levels:
    flat = torch.full((1, 1, 20_000), float(level))
    laws["counting"].append(quantum_noise(flat, np.array([25.0]), normal[:1, None].numpy()))
    laws["Rician"].append(rician(flat[0, 0], 0.2, normal))
spread = {name: [float(x.std()) for x in seen] for name, seen in laws.items()}
bias = {
    name: [float(x.mean()) - s for x, s in zip(seen, levels, strict=True)]
    for name, seen in laws.items()
}

# %%
both = {f"{name}: spread": y for name, y in spread.items()} | {
    f"{name}: mean too high by": y for name, y in bias.items()
}
show_figure(
    curves(levels, both, "true signal (1: empty beam, or white)", "measured on flat images"),
    "Spread and bias of counting noise (25 quanta per pixel at signal 1) and of Rician noise (standard "
    "deviation 0.2 in each channel).",
    "Four curves. The spread of counting noise rises like a root, its bias is zero; the spread of Rician "
    "noise is lower in the dark and then constant, its bias is largest in the dark and fades.",
    name="noise-laws",
    limit=11_000,
)

# %% [markdown]
# A network that has got used to the noise of radiographs is not prepared for that of MR scans. And adding
# Gaussian noise of one strength to the finished picture, as augmentations do, imitates neither of them in
# the dark.

# %% [markdown]
# ## What a phantom leaves out
#
# - The X-ray beam is one energy, the rays are parallel, and scatter does not know where it came from.
# - MR signals are those of a steady state: no flow, no chemical shift, no motion in the middle of a scan.
# - Anatomy is a set of smooth shapes with random sizes. There are no operations, no implants, no rare
#   disease, and nobody who fits no model.
# - People differ in ways that someone has thought of. Real ones also differ in the others.
#
# How much that matters is a number: networks trained on phantoms alone, tested on real images, beside
# networks trained on real images. Rows as committed by the chapters, mean Dice over seeds:

# %% tags=["hide-input"]
from medda_lib import _paths
from medda_lib.studies import ledger

TRAINED_ON = {"multimix": "trained on", "fda": "source", "odex": "system"}


def realism(paper):
    """Mean Dice by what a network was trained and tested on, or None where nothing is committed."""
    try:
        rows = ledger.read(_paths.RESULTS / paper, "demo", "realism")
    except FileNotFoundError:
        print(f"No results of {paper}/demo-realism are committed yet.")
        return None
    rows = rows[(rows["metric"] == "dice") & (rows.get("masks", "-") != "10")]
    keys = [rows[TRAINED_ON[paper]].rename("trained on"), rows["domain"].rename("tested on")]
    return rows.groupby(keys)["value"].agg(["mean", "size"]).reset_index().assign(paper=paper)


tables = [t for paper in TRAINED_ON if (t := realism(paper)) is not None]

# %%
real = pd.concat(tables)[["paper", "trained on", "tested on", "mean", "size"]]
plain(real, "Mean Dice on real images (size: number of values behind the mean)", digits=3)

# %% [markdown]
# Two things to see. On hippocampi phantoms cost much, on lungs and heads less. And on *lung_xray_b* the
# network that learned from phantoms beats those that learned from real films: the phantoms carried the
# annotation rule of that set (`lungs_and_heart`), the real films of *lung_xray_a* another one. It looks like
# a concept shift between two public sets that costs more than all that the phantom leaves out.
#
# What a phantom cannot do is stand in for a paper's own data; [the page on claims](judging_claims) says
# how the book keeps the two apart.

# %% [markdown]
# ## Try it
#
# 1. Guess which field of `Domain` has the largest effect on the AUC when it alone takes the value of
#    `"nihx"`. Then measure all fields of the group *beam, detector, display*.
# 2. Train the caller of pneumonia with images of random exposure. Does it lose at home what it gains in
#    the dark?
#
# ```{admonition} A way to look at the first
# :class: dropdown
# `measured(replace(home, **{name: getattr(away, name)}))[2]` gives both scores for a field. Fields that
# come with a `_spread` are a mean and a width: move both. With 200 people the AUC itself is uncertain by
# a few hundredths, so compare pairs on the same people, and look at the largest effects only.
# ```
#
# ```{admonition} A way to look at the second
# :class: dropdown
# Render the training images yourself with `exposure_spread=2.0`, or mix several domains in one task.
# What you gain where quanta are few is an augmentation that knows the physics; compare it with plain
# Gaussian noise of the same mean strength.
# ```
#
# ## References
#
# The works cited here stand in the [bibliography](../references). The constants of the tissues and their
# sources are in `medda_lib/phantoms/chest_xray/attenuation.py`, `medda_lib/phantoms/mr/tissues.py` and
# `medda_lib/phantoms/prostate_mr/tissues.py`.
