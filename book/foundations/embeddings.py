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
# # Reading an embedding
#
# Many papers on domain adaptation end with the same figure: features of two hospitals as coloured dots
# in the plane, apart before adaptation, mixed after it. The dots come from t-SNE
# {cite}`vandermaaten2008` or UMAP {cite}`mcinnes2018umap`, which have settings, random starts and a taste
# of their own. This page makes such pictures from data whose geometry is known, and shows what can be
# read from them and what cannot.
#
# After it you can
# - name four things in a layout that mean nothing, and show it with data of your own,
# - print beside a layout the numbers that say how far to trust it,
# - answer "are the two domains mixed?" by a number with a permutation test, and say why even that does
#   not answer "will the classifier work there?".
#
# **Budget.** One to two minutes at `demo` on two cores, half a minute at `smoke`; less than 1 GB of
# memory; no data to download.

# %% tags=["parameters"]
profile = "demo"
data = "phantom"
seed = 0
device = "cpu"

# %% [markdown]
# The profile sets how many samples are laid out, how many seeds are tried, and how long a small network
# is trained. The page needs data whose truth is known, so it runs on phantoms only.

# %%
if data != "phantom":
    raise ValueError(f"data: {data!r} has no known geometry to compare with; use 'phantom'")
budgets = {
    "smoke": {"n": 20, "seeds": 2, "films": 48, "size": 32, "steps": 20, "times": 49, "sets": 20},
    "demo": {"n": 50, "seeds": 3, "films": 160, "size": 64, "steps": 200, "times": 199, "sets": 100},
    "paper": {
        "n": 200, "seeds": 5, "films": 500, "size": 128, "steps": 2000, "times": 999, "sets": 400,
    },
}  # fmt: skip
budget = budgets[profile]

# %% [markdown]
# ## A set that we know
#
# Three kinds of samples with sixteen features each. A and C are tight, B is five times as wide; A and B
# are neighbours, C is far away.

# %%
import numpy as np
import pandas as pd

rng = np.random.default_rng(seed)
n, width = budget["n"], 16
kinds = np.repeat(["A", "B", "C"], n)
spread = np.repeat([0.3, 1.5, 0.3], n)[:, None]
groups = spread * rng.normal(size=(3 * n, width))
groups[:, 0] += np.repeat([0.0, 12.0, 60.0], n)

# %% [markdown]
# t-SNE asks for a *perplexity*: roughly, how many neighbours a sample tries to keep. It starts from
# random places or from the first two principal components (PCA). One thread is enough for sets of this
# size, and many are slower.

# %%
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits


def tsne(features, perplexity=30.0, start="pca", seed=seed):
    """Points (n, 2) of features (n, d)."""
    perplexity = min(perplexity, (len(features) - 1) / 3)
    with threadpool_limits(1):
        layout = TSNE(perplexity=perplexity, init=start, random_state=seed, n_jobs=1)
        return layout.fit_transform(np.asarray(features, dtype=np.float32))


# %% [markdown]
# The same samples by PCA, which is a plain projection, and by t-SNE at two perplexities.

# %%
from sklearn.decomposition import PCA

from medda_lib.figures.display import show_figure
from medda_lib.figures.layout_panels import layout_panels

layouts = {"PCA": PCA(2).fit_transform(groups)}
layouts |= {f"t-SNE, perplexity {p}": tsne(groups, p) for p in (5, 30)}
show_figure(
    layout_panels({title: (points, kinds) for title, points in layouts.items()}, cell=2.3),
    "Three groups of known size and distance: a projection and two layouts.",
    "Three panels. In PCA two small clumps and one broad one, the third far away; in both t-SNE "
    "panels three clumps of similar size at similar distances.",
    name="known-groups",
)

# %% [markdown]
# ### Sizes and distances of clusters mean nothing
#
# t-SNE measures each sample's distances against the distance of *its own* neighbours. A wide group has
# wide neighbourhoods, so it comes out as large as a tight one. And beyond the neighbourhood, nothing
# in its objective asks for the right distance. Both ratios can be computed:

# %% tags=["nbval-check-output"]


def shape(points):
    """How much wider B is than A, and how much farther C is from B than A is."""
    parts = [np.asarray(points)[kinds == k] for k in "ABC"]
    middle = [part.mean(0) for part in parts]
    wide = [np.sqrt(((p - m) ** 2).sum(1).mean()) for p, m in zip(parts, middle, strict=True)]
    gap = [np.linalg.norm(middle[1] - middle[k]) for k in (0, 2)]
    return {"width of B / width of A": wide[1] / wide[0], "gap B-C / gap A-B": gap[1] / gap[0]}


pd.DataFrame({"truth": shape(groups)} | {t: shape(p) for t, p in layouts.items()}).T.round(1)

# %% [markdown]
# So "the domains lie closer together after adaptation" and "the class became more compact" are not
# findings when they are read from such a picture.
#
# ### Clusters in pure noise
#
# Next a single cloud of Gaussian noise, without any group in it, beside groups that do exist: eight
# of them, at equal steps along a straight line, numbered in that order.

# %%
noise = rng.normal(size=(3 * n, width))
order = np.repeat(np.arange(8), max(6, 3 * n // 8))
islands = 0.5 * rng.normal(size=(len(order), width))
islands[:, 0] += 6.0 * order
stage = [f"{k + 1}" for k in order]

# %% [markdown]
# Turn both dials: the perplexity, and the seed of the random start. (Arrow keys move a slider that has
# the focus; every picture is stored in the page, so it works without a kernel.) Above each panel stands
# the *trustworthiness* of the layout {cite}`venna2001`, which is 1 if all neighbours in the plane are
# neighbours in truth, and about one half for a random layout.

# %%
from sklearn.manifold import trustworthiness

perplexities, seeds = (2, 5, 15, 40), range(budget["seeds"])
grid = {
    (p, s): (tsne(noise, p, "random", s), tsne(islands, p, "random", s))
    for p in perplexities
    for s in seeds
}

# %% tags=["hide-input"]
from medda_lib.figures.two_sliders import two_sliders


def draw(i, j):
    """The two panels of perplexity i and seed j, with their alt text."""
    left, right = grid[perplexities[i], seeds[j]]
    trust = [trustworthiness(x, p, n_neighbors=5) for x, p in ((noise, left), (islands, right))]
    titles = [f"{name}: {t:.2f}" for name, t in zip(("noise", "eight groups"), trust, strict=True)]
    panels = {titles[0]: (left, ["noise"] * len(left)), titles[1]: (right, stage)}
    alt = (
        f"Perplexity {perplexities[i]}, seed {seeds[j]}: one cloud of noise with trustworthiness "
        f"{trust[0]:.2f} and eight groups with {trust[1]:.2f}."
    )
    return layout_panels(panels, cell=2.5), alt


names = [str(p) for p in perplexities], [str(s) for s in seeds]
two_sliders(draw, names, ("perplexity", "seed"))

# %% [markdown]
# Three things to see.
#
# - **Noise clumps** at low perplexity. Nobody would call the cloud at perplexity 40 clustered; at 2 it
#   shows filaments and islands. How clustered a picture looks can be given a number, the best
#   *silhouette* over two to twelve clusters (1 well apart, 0 not). Beside the layouts of noise stand
#   the features themselves and a plain Gaussian cloud drawn in the plane, since two dimensions alone
#   raise the number:

# %%
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score


def clumped(points):
    """The best silhouette over k-means with 2 to 12 clusters."""
    with threadpool_limits(1):
        found = [KMeans(k, n_init=2, random_state=0).fit_predict(points) for k in range(2, 13)]
    return max(silhouette_score(points, labels) for labels in found)


row = {"features": clumped(noise), "plane cloud": clumped(rng.normal(size=(3 * n, 2)))}
row |= {f"layout, {p}": clumped(grid[p, 0][0]) for p in perplexities}
pd.DataFrame(row, index=["best silhouette of noise"]).round(2)

# %% [markdown]
# - **Real groups look no better.** A picture of clumps is no evidence of clumps. Compare several
#   perplexities, and lay out noise of the same size beside your data.
# - **The order of the groups is lost.** They stand on a line, one to eight. Where groups do not touch,
#   the layout puts them anywhere, and another seed puts them elsewhere. `distance_correlation` compares
#   all distances between the groups' centres (1: same order of distances, 0: unrelated).

# %%
from medda_lib.metrics.embedding import distance_correlation


def centres(points):
    """The mean (8, ...) of each group."""
    return np.stack([np.asarray(points)[order == k].mean(0) for k in range(8)])


starts = {
    start: [
        distance_correlation(centres(islands), centres(tsne(islands, 15, start, s))) for s in seeds
    ]
    for start in ("random", "pca")
}
pd.DataFrame(starts, index=[f"seed {s}" for s in seeds]).T.round(2)

# %% [markdown]
# Starting from PCA is the better habit {cite}`kobak2019art`: the picture no longer depends on the seed,
# and where groups touch, their large-scale arrangement often survives. It cannot promise that for
# islands, as the second row shows. UMAP has the same traps under other names: `n_neighbors` for the
# perplexity, `min_dist` for how tightly it packs, and a start that matters as much.
#
# Below, UMAP of the two sets that this page began with (left out at `smoke`, where it takes longer to
# start than everything else).

# %%
if profile != "smoke":
    from medda_lib.figures.embedding import project

    panels = {}
    for k in (5, 30):
        panels[f"three groups, {k}"] = (project(groups, "UMAP", seed, k), kinds)
        panels[f"noise, {k}"] = (project(noise, "UMAP", seed, k), ["noise"] * len(noise))
    show_figure(
        layout_panels(panels, cell=2.2),
        "UMAP of the three known groups and of noise, with 5 and with 30 neighbours.",
        "Four panels. The three groups come out as islands of similar size; noise is a ragged cloud "
        "with 5 neighbours and a rounder one with 30.",
        name="umap",
    )

# %% [markdown]
# ## What to print beside a layout
#
# Three numbers take no more than a line under the figure:
#
# - *trustworthiness*: are neighbours in the picture neighbours in truth?
# - *neighbour overlap*: which share of the true nearest neighbours is kept?
# - *distance correlation*: is what is far in the picture far in truth?

# %% tags=["nbval-check-output"]
from medda_lib.metrics.embedding import knn_overlap


def faithful(features, points):
    """The three numbers of a layout."""
    return {
        "trustworthiness": trustworthiness(features, points, n_neighbors=10),
        "neighbour overlap": knn_overlap(features, points, 10),
        "distance correlation": distance_correlation(features, points),
    }


rows = {f"groups, {t}": faithful(groups, p) for t, p in layouts.items()}
rows["noise, PCA"] = faithful(noise, PCA(2).fit_transform(noise))
rows["noise, t-SNE, perplexity 30"] = faithful(noise, tsne(noise))
pd.DataFrame(rows).T.round(2)

# %% [markdown]
# PCA keeps the distances and loses neighbours, t-SNE the other way round. For noise in sixteen
# dimensions nothing fits into two: no setting cures that, and only the numbers show it.

# %% [markdown]
# ## Are the domains mixed?
#
# The question behind the figure is a *two-sample* question: could the features of both domains have come
# from one distribution? It needs no picture. Take a number that grows with the difference, deal the
# domain names out to the samples by chance many times, and see how often chance reaches that number.
# This is the whole test:

# %%
from medda_lib.metrics import embedding as measures
from medda_lib.notebooks import show

show(measures.permutation_test)

# %% [markdown]
# Four numbers, each blind in its own way:
#
# | statistic | asks | blind to |
# |---|---|---|
# | neighbours {cite}`schilling1986` | how often is a neighbour of the same domain? | small shifts in few of many features |
# | linear probe {cite}`lopezpaz2017c2st` | can a line tell the domains apart, on held-out samples? | shifts that no line sees, such as a width |
# | MMD {cite}`gretton2012` | do means agree in all directions of a kernel? | what is finer or coarser than its bandwidth |
# | Fréchet distance {cite}`heusel2017fid` | do mean and covariance agree? | everything else; biased for few samples |

# %%
STATISTICS = {
    "neighbours": measures.same_domain_share,
    "linear probe": measures.linear_probe,
    "MMD": measures.mmd,
    "Fréchet": measures.frechet,
}


def mixed(features, domain, units=None):
    """The four statistics of these features (n, d), each with its permutation test."""
    return {
        name: measures.permutation_test(make(features), domain, budget["times"], seed, units)
        for name, make in STATISTICS.items()
    }


# %% [markdown]
# ### Three sets that fool the eye
#
# Two classes, two domains, thirty-two features; the class sits in the first feature. In the first set
# the second domain is moved along a feature that the class does not use. In the second, a small but
# clean offset in one feature drowns among the others. In the third the domains are exactly alike, only
# the two classes have changed places.

# %%


def three_sets(pairs=3 * n, width=32):
    """Three feature sets (2 * pairs, width) with their classes and domains (2 * pairs,)."""
    label, away = np.tile([0, 1], pairs), np.repeat([False, True], pairs)
    base = rng.normal(size=(2 * pairs, width))
    base[:, 0] += 4.0 * (2 * label - 1)
    moved, hidden, swapped = base.copy(), base.copy(), base.copy()
    moved[away, 1] += 12.0
    hidden[:, 1] = np.where(away, 0.6, -0.6) + 0.15 * rng.normal(size=2 * pairs)
    swapped[away, 0] *= -1
    return {"moved": moved, "hidden": hidden, "swapped": swapped}, label, away


sets, label, away = three_sets()
site = np.where(away, "away", "home")

# %%
pictures = {name: tsne(features) for name, features in sets.items()}
by_site = {f"{name}, by domain": (p, site) for name, p in pictures.items()}
by_class = {f"{name}, by class": (p, [f"class {k}" for k in label]) for name, p in pictures.items()}
show_figure(
    layout_panels(by_site | by_class, columns=3, cell=2.2),
    "Three constructed sets by t-SNE, coloured by domain (top) and by class (bottom).",
    "Six panels. The first set falls apart by domain; the second and the third show two groups, one "
    "for each class, in which the domains look mixed.",
    name="three-sets",
)

# %% [markdown]
# From the upper row most readers would say: the first needs adaptation, the other two are fine. Now the
# numbers: a classifier of the *class*, trained at home alone and tested away, and two of the statistics.

# %% tags=["nbval-check-output"]
from sklearn.linear_model import LogisticRegression


def transfer(features, label, away):
    """Accuracy away of a linear classifier trained at home."""
    probe = LogisticRegression(max_iter=1000).fit(features[~away], label[~away])
    return probe.score(features[away], label[away])


rows = {}
for name, features in sets.items():
    found = mixed(features, away)
    rows[name] = {"accuracy away": transfer(features, label, away)}
    rows[name] |= {f"{k}, p": found[k].p for k in ("neighbours", "linear probe")}
    rows[name] |= {"linear probe": found["linear probe"].value}
pd.DataFrame(rows).T.round(3)

# %% [markdown]
# - *moved*: two separate worlds, and the classifier does not care. Separation of domains is no loss by
#   itself.
# - *hidden*: looks mixed, and a line tells every sample's domain. A network that sees these features can
#   use the domain as well, and "domain-invariant" would be false.
# - *swapped*: no statistic finds a difference, rightly, since there is none in the features; and the
#   classifier is wrong nearly everywhere. Mixing says nothing about labels. Only target labels can.
#
# A mixed picture is thus neither necessary nor sufficient for transfer.

# %% [markdown]
# ### Who is dealt out? The patient
#
# Features are often those of *slices*, many for each patient, and slices of one patient are alike. Deal
# out slices, and every difference between people counts as a difference between scanners. Below, sixteen
# patients of *one* distribution, ten slices each, half of them named "away" by chance. A test at 5 %
# should raise an alarm in one of twenty such sets.

# %% tags=["nbval-check-output"]


def alarms(repeat):
    """Whether each way of dealing out calls two halves of one distribution different at 5 %."""
    chance = np.random.default_rng([seed, repeat])
    patient = np.repeat(np.arange(16), 10)
    slices = chance.normal(size=(16, 8))[patient] + chance.normal(size=(160, 8))
    statistic = measures.mmd(slices)
    tests = {"slices dealt out": None, "patients dealt out": patient}
    return {
        name: measures.permutation_test(statistic, patient >= 8, 59, seed, units).p <= 0.05
        for name, units in tests.items()
    }


pd.DataFrame([alarms(r) for r in range(budget["sets"])]).mean().rename("share of alarms").to_frame()

# %% [markdown]
# The test is only as good as its unit. In the book's chapters patients are dealt out, never slices.
#
# ## Features of a network
#
# Now the real use. A small network learns to find pneumonia on phantom radiographs of one site; we lay
# out its features for new people of that site and of another one.

# %%
from dataclasses import replace

import torch
from torch import nn

from medda_lib.phantoms.chest_xray import DOMAINS, render
from medda_lib.studies.trial import fixed_chance

torch.set_num_threads(1)
home, other = (replace(DOMAINS[name], prevalence=0.5) for name in ("jsrt", "mcu"))


def films(site, first, count):
    """Radiographs of the persons number `first` and on at a site."""
    return render(site, range(first, first + count), budget["size"])


# %%
def block(inputs, outputs):
    """Convolution, normalisation, ReLU, half the resolution."""
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2))


def features_of(network, images):
    """Features (n, 32): what the last layer sees."""
    with torch.no_grad():
        return network.eval()[:-1](4 * (images - 0.5)).numpy()


def train(images, labels):
    """A small classifier, trained by cross-entropy."""
    with fixed_chance(seed, threads=1):
        blocks = [block(1, 8), block(8, 16), block(16, 32)]
        network = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 2))
        optimiser = torch.optim.AdamW(network.parameters(), 3e-3)
        for _ in range(budget["steps"]):
            chosen = torch.randint(len(images), (32,))
            loss = nn.functional.cross_entropy(network(4 * (images[chosen] - 0.5)), labels[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return network


# %% [markdown]
# Three samples of people, none of whom the network has seen: two of home and one of the other site. The
# second sample of home is a *control*: a test that finds a difference between the two has a fault.

# %%
lesson = films(home, 0, 2 * budget["films"])
network = train(lesson.images, lesson.labels)
count = budget["films"]
samples = {
    "home": films(home, 1_000_000, count),
    "home again": films(home, 2_000_000, count),
    "other site": films(other, 3_000_000, count),
}
features = {name: features_of(network, sample.images) for name, sample in samples.items()}

# %%
from medda_lib.figures.embedding import embedding

pair = np.concatenate([features["home"], features["other site"]])
truth = torch.cat([samples["home"].labels, samples["other site"].labels])
where = np.repeat(["home", "other site"], count)
picture = tsne(pair)
trust = faithful(pair, picture)
show_figure(
    embedding({"t-SNE": picture}, [("normal", "pneumonia")[k] for k in truth], where.tolist()),
    "Features of people at two sites. Beside it, always: "
    + ", ".join(f"{name} {value:.2f}" for name, value in trust.items())
    + ".",
    "The same points coloured by class at the left and by site at the right.",
    name="network",
)

# %% [markdown]
# And the answer in numbers, with the control in the first row.

# %%
tests = {
    name: mixed(np.concatenate([features["home"], features[name]]), np.repeat([False, True], count))
    for name in ("home again", "other site")
}
pd.DataFrame(
    {
        f"home against {name}": {k: f"{r.value:.3g}  (p = {r.p:.3f})" for k, r in found.items()}
        for name, found in tests.items()
    }
).T

# %% [markdown]
# What chance gives, and where the measured values lie:

# %%
from medda_lib.figures.permutations import permutations

show_figure(
    permutations(
        {
            f"{name}\n{k}": (r.value, r.chance, r.p)
            for name, found in tests.items()
            for k, r in found.items()
        }
    ),
    "Grey: the statistic with the sites dealt out by chance. Line: as measured. Top row: two samples of "
    "one site; bottom row: two sites.",
    "Eight histograms with a vertical line each. p: "
    + "; ".join(f"{n}, {k} {r.p:.3f}" for n, f in tests.items() for k, r in f.items())
    + ".",
    name="chance",
)

# %% [markdown]
# The smallest possible p is one over the number of permutations plus one: it says "never seen in so
# many", not how far apart the domains are. How far is what the value says, against its histogram.
#
# ### Standardised, and mixed?
#
# Subtract each site's own mean feature and divide by its own standard deviation. That is a common first
# step of adaptation, here applied at the end of a network that stays as it is.

# %%
aligned = {name: (f - f.mean(0)) / (f.std(0) + 1e-6) for name, f in features.items()}
pair = np.concatenate([aligned["home"], aligned["other site"]])
found = mixed(pair, where == "other site")
show_figure(
    layout_panels({"before": (picture, where), "after": (tsne(pair), where)}, cell=2.8),
    "The same features before and after each site is standardised by itself. After: "
    + ", ".join(f"{k} p = {r.p:.3f}" for k, r in found.items())
    + ".",
    "Two layouts coloured by site, before and after the standardisation.",
    name="aligned",
)

# %% [markdown]
# The linear probe can only be at chance now, whatever else differs: both sites have the same mean, so a
# line has nothing to hold on to. An alignment always looks good by the number that it makes equal. Judge
# it by the others.
#
# Did it help with the *task*? A classifier of pneumonia on top of the features, trained at home, used at
# the other site, before and after:

# %% tags=["nbval-check-output"]
from sklearn.metrics import roc_auc_score


def judged(parts):
    """Area under the ROC curve on new people of home and at the other site."""
    probe = LogisticRegression(max_iter=2000).fit(parts["home"], samples["home"].labels)
    return {
        name: roc_auc_score(samples[name].labels, probe.decision_function(parts[name]))
        for name in ("home again", "other site")
    }


pd.DataFrame({"before": judged(features), "after": judged(aligned)}).T.round(3)

# %% [markdown]
# Mixing and transfer are two questions. This table is the one that a patient cares about; a layout may
# stand beside it as an illustration.
#
# ## A list to keep
#
# 1. State method, perplexity or `n_neighbors`, start, seed, number of samples, and which layer.
# 2. Print trustworthiness, neighbour overlap and distance correlation.
# 3. Show a second perplexity and a second seed. Keep only what is in all of them.
# 4. Read neighbourhoods. Do not read sizes, distances, densities, or the order of islands.
# 5. Answer "mixed?" by a statistic with a permutation test on the *features*, patients dealt out, with a
#    control of two samples of one domain.
# 6. Answer "does it transfer?" by labelled target data, and by nothing else.
#
# ## Where the book uses embeddings
#
# - {doc}`../chapters/aiva` clusters slices *in* the plane of a t-SNE, at each step of the training, and
#   asks for a small distance between centres. Ask there which of the traps above reach the loss.
# - {doc}`../chapters/multimix` lays out encoder features by class and by site.
# - {doc}`../chapters/odex` looks for stages of a stream in its features, and detects them by a distance
#   on the features themselves.

# %% [markdown]
# ## Try it
#
# 1. In the set *hidden*, make the offset smaller until the linear probe is at chance. Which of the four
#    statistics gives up first? Guess from the table of blind spots.
# 2. Build a set whose domains differ in *width* alone (same mean). Which statistics see it?
#
# ```{admonition} A way to look at both
# :class: dropdown
# For the first, put `three_sets` into a loop over the offset and plot p of each statistic; the
# neighbours and MMD weigh all features alike, so thirty others drown one, while the probe may look at
# one feature alone. For the second, multiply the features of one domain by 1.5: a line through the middle
# is at chance however long you train it, Fréchet compares covariances, and MMD sees widths near its
# bandwidth. Then add the squares of the features as further columns, and look at the probe again.
# ```
#
# ## References
#
# The works cited here stand in the [bibliography](../references). An interactive page on the traps of
# t-SNE is that of Wattenberg, Viégas and Johnson {cite}`wattenberg2016tsne`; how to start it, and why, is
# explained by Kobak and Berens {cite}`kobak2019art`. The functions that measure are in
# `medda_lib/metrics/embedding.py`.
