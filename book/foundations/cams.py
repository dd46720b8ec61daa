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
# # Reading a CAM
#
# A network calls a radiograph "pneumonia", and beside the call stands the film with a glowing spot on
# the lower lung. The spot is a *class activation map*, it comes from a few lines of arithmetic, and it
# convinces. Should it? A phantom knows where its disease is, to the pixel. So here a map can be marked
# like an exam, and fooled on purpose.
#
# After it you can
# - derive CAM and Grad-CAM, and say when they are the same,
# - name what a usual picture hides: the coarse grid, the negative evidence, how little there may be,
# - check a map: against a baseline that has not seen the image, against a network with random weights,
#   against what happens when the pixels are taken away,
# - say what a map can show of a spurious cue, and what it cannot.
#
# **Budget.** One to two minutes at `demo` on two cores, less than half a minute at `smoke`; less than
# 1 GB of memory; no data to download.

# %% tags=["parameters"]
profile = "demo"
data = "phantom"
seed = 0
device = "cpu"

# %% [markdown]
# The profile sets the side of the images, their number, and how long each of four small networks is
# trained. The page needs the exact place of the disease, so it runs on phantoms only.

# %%
if data != "phantom":
    raise ValueError(f"data: {data!r} does not say where the disease is; use 'phantom'")
budgets = {
    "smoke": {"size": 32, "lesson": 160, "people": 60, "steps": 40, "width": 8},
    "demo": {"size": 64, "lesson": 400, "people": 200, "steps": 200, "width": 12},
    "paper": {"size": 128, "lesson": 4000, "people": 1000, "steps": 3000, "width": 32},
}
budget = budgets[profile]

# %% [markdown]
# ## A small reader of films
#
# The phantom's disease replaces air by fluid. Of its three patterns we take the one with a place: dense
# patches in one or two spots of a lung. Half of the people are sick.

# %%
from dataclasses import replace

import torch
from torch import nn

from medda_lib.phantoms.chest_xray import DOMAINS, render

torch.set_num_threads(1)  # the images are small; equal threads give equal digits
home = replace(
    DOMAINS["jsrt"], prevalence=0.5, interstitial=0.0, diffuse=0.0, markers=0.0, tubes=0.0
)


def films(first, count, site=home, labels=None):
    """Radiographs of the persons number `first` and on; labels drawn at random if not given."""
    return render(site, range(first, first + count), budget["size"], labels)


lesson, people = films(0, budget["lesson"]), films(1_000_000, budget["people"])

# %% [markdown]
# The network has three blocks of convolutions, takes the *mean of each feature map* over all places
# (global average pooling), and ends in one linear layer.

# %%


class Reader(nn.Module):
    """Three blocks, a mean over places, a linear head for (normal, pneumonia)."""

    def __init__(self, width):
        super().__init__()
        self.first = nn.Sequential(*self.block(1, width), nn.MaxPool2d(2))
        self.second = nn.Sequential(*self.block(width, 2 * width), nn.MaxPool2d(2))
        self.third = nn.Sequential(*self.block(2 * width, 4 * width))
        self.head = nn.Linear(4 * width, 2)

    @staticmethod
    def block(inputs, outputs):
        convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        return convolution, nn.BatchNorm2d(outputs), nn.ReLU()

    def forward(self, x):
        return self.head(self.third(self.second(self.first(x))).mean((2, 3)))


# %%
from medda_lib.studies.trial import fixed_chance


def inputs(images):
    """Grey values in [0, 1] as the network gets them."""
    return 4 * (images - 0.5)


def train(images, labels, steps=budget["steps"]):
    """A reader trained by cross-entropy on random batches."""
    with fixed_chance(seed, threads=1):
        network = Reader(budget["width"])
        optimiser = torch.optim.AdamW(network.parameters(), 3e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
        for _ in range(steps):
            chosen = torch.randint(len(images), (32,))
            loss = nn.functional.cross_entropy(network(inputs(images[chosen])), labels[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return network.eval()


# %% [markdown]
# A softmax over two logits depends on their difference alone. So there is one *score*, logit of
# pneumonia minus logit of normal, and its sign is the call. Why this matters for maps follows below.

# %%
from sklearn.metrics import roc_auc_score


def margin(logits):
    """The score (n,): positive means pneumonia."""
    return logits[:, 1] - logits[:, 0]


@torch.no_grad()
def score(images, network):
    """Scores (n,) of images (n, 1, h, w)."""
    return margin(network(inputs(images)))


reader = train(lesson.images, lesson.labels)
calls = score(people.images, reader)
{
    "accuracy on new people": round(float(((calls > 0) == people.labels).float().mean()), 3),
    "area under the ROC curve": round(float(roc_auc_score(people.labels, calls)), 3),
}

# %% [markdown]
# ## The arithmetic
#
# Let $A_c(p)$ be feature map $c$ of the last block at place $p$ of $P$ places, $w_c$ the head's weight
# for the score and $b$ its bias. Mean and sum may change places:
#
# $$
# s = b + \sum_c w_c\,\frac1P\sum_p A_c(p) = b + \frac1P \sum_p
# \underbrace{\sum_c w_c A_c(p)}_{\mathrm{CAM}(p)} .
# $$
#
# So the CAM {cite}`zhou2016cam` is no heuristic for such a network: it is the score, split over places.
# **Grad-CAM** {cite}`selvaraju2017gradcam` works at any layer of any network. It takes
# $\alpha_c = \frac1P\sum_p \partial s/\partial A_c(p)$ for the weight. Here that derivative is $w_c/P$
# everywhere: Grad-CAM is the CAM divided by $P$. The library's own code:

# %%
from medda_lib.figures.class_maps import activations, cam, enlarged, grad_cam, stretched
from medda_lib.notebooks import show

show(cam)

# %%
show(grad_cam)

# %% [markdown]
# Both sentences can be checked to the last digits that a computer keeps.

# %%
weights = reader.head.weight[1] - reader.head.weight[0]
bias = reader.head.bias[1] - reader.head.bias[0]
features, gradients = activations(reader, reader.third, inputs(people.images), margin)
maps = cam(features, weights)
places = maps[0].numel()

torch.testing.assert_close(maps.mean((1, 2)) + bias, calls, rtol=1e-4, atol=1e-4)
torch.testing.assert_close(places * grad_cam(features, gradients), maps, rtol=1e-4, atol=1e-4)
f"{places} places; the mean of each map plus the bias is the score"

# %% [markdown]
# Here it is, for five sick people: red speaks for pneumonia, blue against it, on one scale for all. The
# green line is the truth.

# %%
from medda_lib.figures.display import show_figure
from medda_lib.figures.evidence import evidence

size = budget["size"]
full = enlarged(maps, size)
truth = people.disease[:, 0]
sick = (people.labels == 1) & truth.flatten(1).any(1)
seen = sick.nonzero().squeeze(1)[:5]
show_figure(
    evidence(people.images[seen], {"CAM": full[seen]}, truth[seen]),
    "The score of five sick people, split over places. Scores: "
    + ", ".join(f"{v:.1f}" for v in calls[seen])
    + ".",
    "Five chest films above, the same with red and blue patches below; the true disease is outlined.",
    name="cam",
)

# %% [markdown]
# ## What a picture of it hides
#
# ### The grid
#
# The map has far fewer places than the image has pixels. Smooth enlargement suggests an outline that
# was never computed. The same maps, once as they are and once enlarged:

# %%
few = seen[:4]
grain = enlarged(maps, size, "nearest")
show_figure(
    evidence(people.images[few], {"as computed": grain[few], "enlarged": full[few]}, truth[few]),
    f"A grid of {maps.shape[1]} by {maps.shape[2]} on images of {size} by {size}.",
    "The upper maps are made of squares; the lower ones are the same, smooth.",
    name="grain",
)

# %% [markdown]
# A ResNet at the usual 224 pixels ends in a grid of 7 by 7: each place is a square of 32 pixels, and sees
# far more than that. No border in such a map means anything below that size.
#
# ### The evidence against
#
# Grad-CAM as published ends in a ReLU: what speaks against the class is cut off. In a healthy person
# that is most of it.

# %%
import pandas as pd

share = maps.relu().sum((1, 2)) / maps.abs().sum((1, 2))
pd.DataFrame(
    {
        "people": [int((~sick).sum()), int(sick.sum())],
        "mean share of the map that speaks for": [
            float(share[~sick].mean()),
            float(share[sick].mean()),
        ],
    },
    ["healthy", "sick"],
).round(2)

# %% [markdown]
# ### Which class?
#
# A map of one logit has a deeper fault. Add the same vector to the weights of *both* classes: no
# probability changes, since the softmax sees differences only. The map of the logit "pneumonia" does.
# As the vector, take minus the weights of "pneumonia": its logit is then a constant, and its map zero.

# %%
old = reader.head.weight.detach()
new = old - old[1]  # the same vector taken from both classes
pooled = features.mean((2, 3))
probabilities = [(pooled @ w.T + reader.head.bias.detach()).softmax(1) for w in (old, new)]
{
    "largest change of a probability": float((probabilities[0] - probabilities[1]).abs().max()),
    "largest value of the map before": float(cam(features, old[1]).abs().max()),
    "and after": float(cam(features, new[1]).abs().max()),
}

# %% [markdown]
# Two networks that agree on every probability, and for one of them nothing speaks for pneumonia anywhere.
# With two classes, explain the difference of the logits, as this page does; with many, the class against
# the others.
#
# ### How little there may be
#
# Packages stretch each map to its own range. Then every map has a glowing spot, whatever it holds. Five
# healthy people whom the network rightly calls normal, stretched and on the scale of the sick:

# %%
calm = ((people.labels == 0) & (calls < 0)).nonzero().squeeze(1)[:5]
common = float(full[sick].abs().quantile(0.995))
picture = evidence(
    people.images[calm], {"stretched": enlarged(stretched(maps), size)[calm]}, each=True
)
show_figure(
    picture,
    "Healthy people, as packages show it: cut at zero, each map stretched to its own maximum.",
    "Five healthy chest films, each with a strong red spot.",
    name="stretched",
)

# %%
show_figure(
    evidence(people.images[calm], {"CAM": full[calm]}, scale=common),
    "The same five people, nothing cut, on the scale of the sick.",
    "Five healthy chest films with hardly any red, and blue over the lungs.",
    name="shared-scale",
)

# %% [markdown]
# The first figure is an answer to "where would you point if you had to?". Print the score beside a
# map, and share the scale between images.
#
# ## Method and layer
#
# Grad-CAM++ {cite}`chattopadhay2018gradcampp` keeps positive gradients only and weighs them by place.
# The product of features and their own gradient, added over channels, leaves the gradient where it is
# instead of averaging it. And each can be computed at each layer. Turn both dials (arrow keys work; no
# kernel is needed). Every map is cut at zero and stretched, as usual.

# %%
from medda_lib.figures.class_maps import elementwise, grad_cam_plus_plus
from medda_lib.metrics import saliency as measures

layers = {"third": reader.third, "second": reader.second, "first": reader.first}
methods = {
    "Grad-CAM": grad_cam,
    "Grad-CAM++": grad_cam_plus_plus,
    "gradient x feature": elementwise,
}
found = {
    (m, name): enlarged(method(*at), size)
    for name, layer in layers.items()
    for at in [activations(reader, layer, inputs(people.images), margin)]
    for m, method in methods.items()
}

# %% tags=["hide-input"]
from medda_lib.figures.two_sliders import two_sliders


def draw(i, j):
    """Four sick people by method i at layer j, and the alt text."""
    method, layer = list(methods)[i], list(layers)[j]
    chosen = seen[:4]
    shown = stretched(found[method, layer][chosen])
    inside = float(measures.mass_inside(shown, truth[chosen]).mean())
    figure = evidence(people.images[chosen], {"map": shown}, truth[chosen], each=True, cell=1.3)
    alt = (
        f"{method} at the {layer} block for four sick people; on average {inside:.0%} of what "
        "speaks for the disease lies inside its true outline."
    )
    return figure, alt


two_sliders(draw, (list(methods), list(layers)), ("method", "block"))

# %% [markdown]
# At the third block the first and the last method are the same, for the reason above. The first block
# has a finer grid, and its maps look sharper: they follow ribs and edges, which says that the block
# *has* such features, not that the answer hangs on them. Averaging the gradient over places, as
# Grad-CAM does, is harmless only where the gradient is the same everywhere.
#
# ## Marking a map
#
# Three marks against the true disease:
#
# - **pointing** {cite}`zhang2018pointing`: is the highest place inside?
# - **mass inside**: which share of the positive evidence lies inside?
# - **overlap**: intersection over union, the map cut at half of its maximum.
#
# None has a meaning alone. Disease of the lung lies in the lung, the lung in the middle of the film, and
# so does the bright part of most maps. Two *baselines* have not seen the image: the frequency of disease
# at each pixel over the training films, the same map for everybody, and a map that is equal everywhere.

# %%


def marks(maps):
    """The three marks (n,) of maps (n, h, w) on the sick people."""
    chosen, disease = maps[sick], truth[sick]
    return {
        "pointing": measures.pointing(chosen, disease),
        "mass inside": measures.mass_inside(chosen, disease),
        "overlap": measures.overlap(chosen, disease),
    }


usual = lesson.disease[lesson.labels == 1].float().mean(0)
candidates = {"usual place of disease": usual.expand(len(people), -1, -1)}
candidates |= {"equal everywhere": torch.ones_like(full)}
candidates |= {f"{m}, {layer} block": values for (m, layer), values in found.items()}
marked = {name: marks(values) for name, values in candidates.items()}
pd.DataFrame({name: {k: v.mean() for k, v in m.items()} for name, m in marked.items()}).T.round(3)

# %% [markdown]
# The second row is the size of the disease: what a map earns that says nothing. The gain over the first
# row is what the map has found *in the image*. Person by person, with the interval that the book uses for
# all claims:

# %%
from medda_lib.studies.intervals import student

rows = {}
for name in ("Grad-CAM, third block", "Grad-CAM, first block"):
    for mark, values in marked[name].items():
        gain = values - marked["usual place of disease"][mark]
        interval = student(gain)
        rows[name, mark] = {"mean gain": gain.mean(), "low": interval.low, "high": interval.high}
pd.DataFrame(rows).T.round(3)

# %% [markdown]
# Where an interval lies below zero, or holds it, a constant picture would have earned as much. Compare
# the marks: a map can point better than the baseline and outline worse.
#
# Overlap depends on where the map is cut, and half of the maximum is a habit. What another choice would
# have given, with both baselines:

# %%
import numpy as np

from medda_lib.figures.accuracy_curves import accuracy_curves

levels = np.round(np.linspace(0.1, 0.9, 9), 1)
kinds = ["Grad-CAM, third block", "usual place of disease", "equal everywhere"]
cut = {
    kind: np.array(
        [[measures.overlap(candidates[kind][sick], truth[sick], v).mean()] for v in levels]
    )
    for kind in kinds
}
show_figure(
    accuracy_curves(levels, cut, "cut, as a share of each map's maximum", "mean overlap"),
    "Overlap with the true disease by the level at which the map is cut.",
    "Three curves. "
    + "; ".join(
        f"{kind} is best at {levels[c.argmax()]:.1f} with {c.max():.2f}" for kind, c in cut.items()
    )
    + ".",
    name="levels",
)

# %% [markdown]
# A map with a good point can still be a poor outline. On real films the finding was similar: the maps of
# seven methods located findings worse than a radiologist does {cite}`saporta2022saliency`.
#
# ## Would a broken network give the same map?
#
# A map that explains *this* network must change when the network does. Adebayo et al.
# {cite}`adebayo2018sanity` propose two checks. First, **random weights**: reset the layers one after the
# other, from the head downwards, and compare the maps with the original ones.

# %%
import copy


def broken(count):
    """The reader with its last `count` parts reset to random weights."""
    network = copy.deepcopy(reader)
    with fixed_chance(seed + 1, threads=1):
        for part in (network.head, network.third, network.second, network.first)[:count]:
            for module in part.modules():
                if hasattr(module, "reset_parameters"):
                    module.reset_parameters()
    return network.eval()


parts = ("none", "head", "and third block", "and second block", "and first block")
reset = {}
for count, name in enumerate(parts):
    network = broken(count)
    at = activations(network, network.third, inputs(people.images), margin)
    reset[name] = enlarged(grad_cam(*at), size)

# %%
rows = {
    name: {
        "rank correlation with the original": measures.rank_correlation(values, full).mean(),
        "same, magnitudes": measures.rank_correlation(values.abs(), full.abs()).mean(),
        "mass inside": marks(values)["mass inside"].mean(),
    }
    for name, values in reset.items()
}
pd.DataFrame(rows).T.rename_axis("reset").round(2)

# %%
show_figure(
    evidence(
        people.images[few],
        {k: v[few] for k, v in list(reset.items())[:4]},
        truth[few],
        each=True,
        cell=1.25,
    ),
    "Grad-CAM while the network is reset from the head downwards.",
    "Rows of maps for four people; the first row is the trained network, the others have random parts.",
    name="reset",
)

# %% [markdown]
# A correlation far from zero after a reset, of either sign, says that the map shows the *image*, seen
# through any convolution: borders of the lungs, bright and dark. Even a random head gives maps with a
# bright place in the chest.
#
# Second, **random labels**: train the same network on shuffled labels. It has nothing to learn about
# disease. If its maps still earn marks, those are not marks for knowing the disease. (It is trained as long
# as the first one, not until it knows the films by heart.)

# %%
shuffle = torch.randperm(len(lesson.labels), generator=torch.Generator().manual_seed(seed))
fooled = train(lesson.images, lesson.labels[shuffle])
at = activations(fooled, fooled.third, inputs(people.images), margin)
candidates["random labels"] = enlarged(grad_cam(*at), size)
chosen = ("Grad-CAM, third block", "random labels", "usual place of disease", "equal everywhere")
pd.DataFrame(
    {name: {k: v.mean() for k, v in marks(candidates[name]).items()} for name in chosen}
).T.round(3)

# %% [markdown]
# ## A spurious cue
#
# In a hospital, the films of intensive care come from a portable machine, and another department puts a
# letter into the corner. Either goes along with disease, and networks have been found to use such cues
# {cite}`zech2018variable`. We build two such worlds. In the one, every sick person of the training set
# has a letter in the corner and no healthy one does; in the other the sick were imaged at another
# machine, whose display shows lungs a little brighter.

# %%


def world(cue, first, labels, worn):
    """Films with these labels, with the cue where `worn` is 1; and all without, all with it."""
    field, *values = cue
    parts = [films(first, len(labels), replace(home, **{field: v}), labels) for v in values]
    pick = torch.as_tensor(worn, dtype=torch.bool)[:, None, None, None]
    return torch.where(pick, parts[1].images, parts[0].images), parts


cues = {"letter": ("markers", 0.0, 1.0), "display": ("lung_grey", home.lung_grey, 0.42)}
labels = lesson.labels.tolist()
cheats = {
    name: train(world(cue, 0, labels, labels)[0], lesson.labels) for name, cue in cues.items()
}

# %% [markdown]
# The same new people in four versions, since a phantom can do what no hospital can: each with and without
# the disease, each with and without the cue.

# %%
count = budget["people"]
four = {}
for name, cue in cues.items():
    for state in (0, 1):
        _, parts = world(cue, 5_000_000, [state] * count, [0] * count)
        four[name, state] = parts
shown = [
    four[name, state][worn].images[0, 0] for name in cues for state in (0, 1) for worn in (0, 1)
]
titles = [
    f"{'sick' if state else 'healthy'}{', ' + name if worn else ''}"
    for name in cues
    for state in (0, 1)
    for worn in (0, 1)
]

# %%
from medda_lib.figures.contact_sheet import contact_sheet

show_figure(
    contact_sheet(torch.stack(shown), titles),
    "One person in four versions, in the world of the letter (top) and in that of the display (bottom).",
    "Two rows of four films of one person: healthy, healthy with the cue, sick, sick with the cue.",
    name="worlds",
)

# %% [markdown]
# What each network has learned is the mean change of its score when one thing alone changes. This is an
# experiment, not a picture, and it is the answer to "what does it use?".

# %%
networks = {"honest": reader} | cheats
rows = {}
for title, network in networks.items():
    for name in cues:
        s = {k: score(four[name, k[0]][k[1]].images, network) for k in [(0, 0), (0, 1), (1, 0)]}
        rows[title, name] = {
            "score gained by the disease": float((s[1, 0] - s[0, 0]).mean()),
            "score gained by the cue": float((s[0, 1] - s[0, 0]).mean()),
        }
pd.DataFrame(rows).T.rename_axis(["network", "cue"]).round(2)

# %% [markdown]
# And in the clinic: area under the ROC curve where the cue goes with the disease as in training, where
# nobody has it, and where only the healthy have it.

# %%
rows = {}
for name in cues:
    state = torch.arange(count) % 2
    for where, worn in (("as in training", state), ("nobody", 0 * state), ("reversed", 1 - state)):
        images = torch.stack(
            [
                four[name, int(k)][int(w)].images[i]
                for i, (k, w) in enumerate(zip(state, worn, strict=True))
            ]
        )
        for title in ("honest", name):
            rows.setdefault(f"{title}, {name}", {})[where] = roc_auc_score(
                state, score(images, networks[title])
            )
pd.DataFrame(rows).T.rename_axis("network, cue").round(2)

# %% [markdown]
# What would a reader have seen? The maps of both networks, on sick people with the cue:

# %%
rows, cue_masks = {}, {}
for name in cues:
    plain, worn = (four[name, 1][k] for k in (0, 1))
    at = activations(cheats[name], cheats[name].third, inputs(worn.images), margin)
    rows[name] = enlarged(grad_cam(*at), size)
    cue_masks[name] = (worn.images - plain.images).abs()[:, 0] > 0.02
for name in cues:
    worn = four[name, 1][1]
    show_figure(
        evidence(worn.images[:5], {"Grad-CAM": rows[name][:5]}, worn.disease[:5, 0]),
        f"The network trained where the {name} gives the disease away, on sick people with the cue; the "
        "true disease outlined.",
        f"Five films with the cue ({name}), and the maps of the network trained in that world.",
        name=f"cue-{name}",
    )

# %%
table = {}
for name in cues:
    disease = four[name, 1][1].disease[:, 0]
    table[name] = {
        "mass inside the disease": measures.mass_inside(rows[name], disease).mean(),
        "mass on the cue": measures.mass_inside(rows[name], cue_masks[name]).mean(),
        "size of the disease": float(disease.float().mean()),
        "size of the cue": float(cue_masks[name].float().mean()),
    }
pd.DataFrame(table).T.rename_axis("cue").round(3)

# %% [markdown]
# The letter lies where no disease can be, so a map that glows there gives it away. The display has no
# place of its own: it changes the lungs as a whole, where a reader expects the disease to be. Look at the
# second figure alone and decide whether that network knows the disease; then look at the table of gains.
# A map says *where*. It never says *what* there was used.
#
# And one half of such a rule has no place at all: calling a film normal because the cue is *absent*. No
# pixel can glow for that.
#
# ## Take the pixels away
#
# If a map ranks the pixels by what they contribute, removing the highest first should bring the score
# down fast (*deletion*) and putting them first into an empty film should bring it up fast (*insertion*)
# {cite}`petsiuk2018rise`. Removed pixels need a filler; here it is the film itself, strongly blurred, and
# the score is the probability of pneumonia, for sick people who are called sick.

# %%
from torch.nn.functional import avg_pool2d

caught = (sick & (calls > 0)).nonzero().squeeze(1)[:60]
images, disease = people.images[caught], truth[caught]
radius = size // 8
blurred = avg_pool2d(images, 2 * radius + 1, 1, radius, count_include_pad=False)
noise = torch.rand(disease.shape, generator=torch.Generator().manual_seed(seed))
orders = {
    "Grad-CAM, third block": full[caught],
    "Grad-CAM, first block": found["Grad-CAM", "first"][caught],
    "usual place of disease": usual.expand(len(caught), -1, -1),
    "true disease": disease + noise / 2,
    "random order": noise,
}


def probability(batch):
    """Probability of pneumonia (n,)."""
    return score(batch, reader).sigmoid()


# %%
removed = {
    name: measures.removal_curve(probability, images, order, blurred)
    for name, order in orders.items()
}
shares = np.linspace(0, 1, 11).round(1)
areas = {name: float(measures.area(curve).mean()) for name, curve in removed.items()}
show_figure(
    accuracy_curves(
        shares,
        {name: curve.mean(1, keepdims=True) for name, curve in removed.items()},
        "share of pixels replaced, highest first",
        "mean probability of pneumonia",
    ),
    "Deletion. Area under each curve (lower: found faster): "
    + ", ".join(f"{name} {value:.2f}" for name, value in areas.items())
    + ".",
    "Five falling curves of the probability against the share of pixels replaced.",
    name="deletion",
)

# %% [markdown]
# The same with a mid-grey filler instead of a blurred film, and the insertion. The filler is part of the
# question: a grey hole in a lung may itself look like disease, since the network has never seen such a
# film.
# Look at the random order, too: where it lowers the score as fast as a map or faster, the curve measures
# how a network fails on holes scattered over a film, not how good the map is.

# %%
fillers = {"blurred": blurred, "grey": torch.full_like(images, 0.5)}
rows = {
    (filler, "insertion" if insert else "deletion"): {
        name: measures.area(
            measures.removal_curve(probability, images, order, with_, insert=insert)
        ).mean()
        for name, order in orders.items()
    }
    for filler, with_ in fillers.items()
    for insert in (False, True)
}
pd.DataFrame(rows).T.round(2)

# %% [markdown]
# ## A list to keep
#
# 1. State method, layer, grid size, which score (logit, difference, probability), and whether the map
#    was cut at zero or stretched.
# 2. Print the score beside the map; share the scale between images; show healthy people too.
# 3. Mark maps against a truth, beside a map that has not seen the image.
# 4. Reset the weights; train on random labels. What stays is not about the disease.
# 5. "What does it use?" is a question for an experiment: change one thing, measure the score.
# 6. A map in a sensible place is no proof of a sensible reason.
#
# ## Where the book uses maps
#
# {doc}`../chapters/multimix` shows saliency and Grad-CAM of pneumonia, marks them against the true
# disease of the phantom, and has a bridge in its network that feeds saliency from one task to another.
# Ask there which of the checks above its figures pass.

# %% [markdown]
# ## Try it
#
# 1. Replace global *average* pooling by a maximum over places. Is Grad-CAM still the CAM up to a
#    constant? Derive it before you run it.
# 2. Let the cue go with the disease in nine of ten people instead of always. How much of the score is
#    still gained by the cue, and does the map of the letter still give it away?
#
# ```{admonition} A way to look at both
# :class: dropdown
# With a maximum, the derivative is $w_c$ at the one place where $A_c$ is largest and zero elsewhere;
# its mean is again $w_c/P$, so Grad-CAM has the same formula, but the map no longer adds up to the
# score. "Same picture" and "explains the score" are two things. For the second, draw `worn` from the
# labels with one in ten flipped, train again, and print the two gains beside the mass on the cue.
# ```
#
# ## References
#
# The works cited here stand in the [bibliography](../references). The maps are in
# `medda_lib/figures/class_maps.py`, the marks in `medda_lib/metrics/saliency.py`.
