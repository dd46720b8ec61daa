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
# # How to judge a claim
#
# "Method A beats method B." The paper prints two numbers, ours are two others, and all four would have
# come out differently on another day. This page takes the rule apart by which every chapter of the book
# says *supported*, *contradicted* or *undecided*, and asks how often that rule is wrong. In a
# simulation the truth is known, so the question has an answer.
#
# After it you can
# - read a verdict of this book, and say what it does not tell,
# - say why two methods share their seeds, and what that is worth,
# - say how often an interval from three, five or twenty seeds holds the true effect,
# - say what an undecided study rules out all the same,
# - recognise three ways to get a positive result from nothing: many claims, a margin chosen late, and a
#   checkpoint chosen on the test set.
#
# **Budget.** Under a minute at `demo` on two cores, less than half of that at `smoke`; less than 1 GB of
# memory; no data to download. Nothing is trained here: the numbers are simulated, or read from the
# results that the book has committed.

# %% tags=["parameters"]
profile = "demo"
data = "phantom"
seed = 0
device = "cpu"

# %% [markdown]
# The profile sets how many studies are simulated. `data` and `device` change nothing on this page.

# %%
import numpy as np
import pandas as pd

worlds = {"smoke": 1000, "demo": 4000, "paper": 10_000}[profile]
resamples = {"smoke": 2000, "demo": 4000, "paper": 10_000}[profile]
SEEDS = (3, 5, 10, 20)

# %% [markdown]
# ## From a sentence to a verdict
#
# A claim is one sentence that can fail. Each chapter keeps its claims in a file, with the cells of the
# paper's table that the sentence rests on and the rule that would settle it. Here is the first claim of
# the MultiMix chapter.

# %% tags=["nbval-check-output"]
from medda_lib.figures.tables import plain
from medda_lib.studies import claims

claim = claims.load("multimix")[0]
words_of = {"a": ", ".join(claim.a.values()), "b": ", ".join((claim.b or {}).values())}
shown = ("id", "text", "where", "rule", "margin", "reported")
texts = {name: str(getattr(claim, name)) for name in shown} | words_of
plain(pd.DataFrame(texts.items(), columns=["field", "value"]), "One claim", long=("value",))

# %% [markdown]
# To judge it we train both systems with several *seeds*. A seed settles everything that is left to
# chance: which images are labelled, the initial weights, the order of the batches. Row by row the table
# below holds one seed, both systems, and their difference.

# %%
from medda_lib import _paths
from medda_lib.papers.judging import derivation
from medda_lib.studies import ledger


def ledger_rows(paper, kind):
    """The committed rows of a paper's study, as its claims select them."""
    return derivation(paper)(ledger.read(_paths.RESULTS / paper, "demo", kind))


def by_seed(rows, selection):
    """The mean score of each seed among the rows that a claim selects."""
    for column, value in selection.items():
        rows = rows[rows[column].astype(str) == value]
    return rows.groupby("seed")["value"].mean()


rows = ledger_rows("multimix", "phantom")
pair = pd.DataFrame({"a": by_seed(rows, claim.a), "b": by_seed(rows, claim.b)})
pair.assign(difference=pair["a"] - pair["b"]).round(3)

# %% [markdown]
# The effect is the mean of the last column. How far could it be off? *Student's interval*
# {cite}`student1908mean` answers with the spread $s$ of the $n$ differences themselves,
#
# $$
# \bar d \pm t_{n-1}\, \frac{s}{\sqrt n},
# $$
#
# where $t_{n-1}$ is 2 for many seeds, 2.8 for five and 4.3 for three: with few differences their spread
# is a guess, and the interval has to allow for that. This is the library's own code:

# %%
from medda_lib.notebooks import show
from medda_lib.studies.intervals import student

show(student)

# %% [markdown]
# The verdict follows from where the interval lies, and from nothing else:

# %%
from medda_lib.studies.verdict import _word as rule

show(rule)

# %% [markdown]
# ### Six words
#
# To see the rule at work, give it differences that we make up. Each line below goes through the
# library's `judge`, with the paper's name and the tables left out.

# %%
from medda_lib.studies.claims import Claim
from medda_lib.studies.verdict import judge


def judged(differences, kind="greater", margin=0.0, data="phantom", profile="demo"):
    """The verdict on "A against B" when A - B is `differences`, one per seed."""
    a, b = ({"system": name, "metric": "dice"} for name in "AB")
    made_up = Claim("made up", "A against B", "here", kind, margin, np.nan, a, b)
    n, base = len(differences), np.full(len(differences), 0.8)
    columns = {"profile": profile, "data": data, "metric": "dice", "seed": [*range(n)] * 2}
    values = {"system": ["A"] * n + ["B"] * n, "value": [*(base + differences), *base]}
    return judge(made_up, pd.DataFrame(columns | values))


# %%
from medda_lib.figures.display import show_figure
from medda_lib.figures.forest import Effect, forest

invented = {
    "three that agree": [0.02, 0.03, 0.04],
    "three of one sign, far apart": [0.01, 0.03, 0.05],
    "three that agree below zero": [-0.04, -0.03, -0.025],
    "ten, one of them below": [-0.01, *np.linspace(0.02, 0.06, 9)],
    "three exact ties": [0.0, 0.0, 0.0],
    "the first line on the paper's data": [0.02, 0.03, 0.04],
}
own = {"data": "own", "profile": "paper"}
found = {n: judged(np.array(d), **(own if "data" in n else {})) for n, d in invented.items()}
lines = [Effect(n, v.effect, v.low, v.high, v.verdict) for n, v in found.items()]

# %%
show_figure(
    forest(lines, "difference A - B, claim: greater than 0"),
    "Six invented studies of the claim that A is greater than B, judged by the library.",
    "Six intervals. " + "; ".join(f"{e.name}: {e.verdict}" for e in lines) + ".",
    name="words",
)

# %% [markdown]
# Two seeds are not judged at all:

# %% tags=["nbval-check-output"]
two = judged(np.array([0.01, 0.03]))
print(f"{two.verdict}: {two.reason}")

# %% [markdown]
# - **supported**: the whole interval lies on the claimed side.
# - **contradicted**: the whole interval lies on the other side.
# - **undecided**: it holds both. That is no evidence of equality. It does say something: an effect much
#   larger than the study could miss would have shown, and the chapters print that size (*would show*).
# - **same system here**: every pair is an exact tie, so one run stands under two names. A method whose
#   trigger never fires is the method without it; no claim about the two can be judged.
# - **not tested**: fewer than three pairs, or no rows at all. Nothing is filled in.
# - **reproduced**: supported, on the paper's own data at the paper's own settings. The last line has the
#   differences of the first, and only the data behind them give it the stronger word.

# %% [markdown]
# ## Why the seeds are shared
#
# A seed that picks easy images to label is kind to both methods. Write the score of method $m$ with
# seed $s$ as $\mu_m + u_s + e_{ms}$: what the method is worth, what the seed gives to everybody, and
# the rest. In the difference of two runs with *one* seed, $u_s$ cancels:
#
# $$
# \operatorname{Var}(a_s - b_s) = 2\sigma_e^2
# \qquad\text{instead of}\qquad
# \operatorname{Var}(a_s - b_{s'}) = 2\sigma_e^2 + 2\sigma_u^2 .
# $$
#
# First in a simulation, where A is truly better by 0.02 and the seeds matter twice as much as the rest.

# %%
gap, shared, own_noise, n = 0.02, 0.02, 0.01, 10
draw = np.random.default_rng(seed).normal
seeds_a, seeds_b = draw(0, shared, (2, worlds, n))
noise_a, noise_b = draw(0, own_noise, (2, worlds, n))
differences = {
    "same seeds": (gap + seeds_a + noise_a) - (seeds_a + noise_b),
    "other seeds": (gap + seeds_a + noise_a) - (seeds_b + noise_b),
}

# %% [markdown]
# Judging thousands of studies one by one would take long, so here is the interval of many at once. It
# must give what the library gives, which is checked on a few.

# %%
from scipy import stats


def intervals(pairs, level=0.95):
    """Student's intervals (studies, 2) of many studies at once; pairs (studies, n)."""
    n = pairs.shape[1]
    half = stats.t.ppf((1 + level) / 2, n - 1) * pairs.std(1, ddof=1) / np.sqrt(n)
    return np.stack([pairs.mean(1) - half, pairs.mean(1) + half], 1)


few = differences["same seeds"][:20]
library = np.array([(found.low, found.high) for found in map(student, few)])
print("equal to the library:", np.allclose(intervals(few), library))

# %% [markdown]
# Now the same ten seeds per method, paired and not:

# %%


def words(bounds, kind="greater", margin=0.0):
    """Share of each verdict among intervals (studies, 2)."""
    low, high = bounds.T
    if kind == "equivalent":
        inside, outside = (low >= -margin) & (high <= margin), (low > margin) | (high < -margin)
    else:
        inside, outside = low > margin, high < margin
    shares = {"supported": inside.mean(), "contradicted": outside.mean()}
    return shares | {"undecided": 1 - sum(shares.values())}


table = {}
for name, pairs in differences.items():
    bounds = intervals(pairs)
    table[name] = {"width of the interval": np.ptp(bounds, axis=1).mean()} | words(bounds)
pd.DataFrame(table).T.round(3)

# %% [markdown]
# The effect is the same and so is the work. Only the bookkeeping differs.
#
# ### Does it help here?
#
# That depends on how large $\sigma_u$ is, and real trainings have to say. For every comparison among the
# claims of the four finished chapters, take the committed scores, one per seed, and compute the spread
# of the difference in two ways: paired by seed, and as if the seeds were unrelated.

# %%
LEDGERS = {
    "multimix": {"phantoms": ["phantom"], "real images": ["real"]},
    "fda": {"phantoms": ["phantom", "matrix"], "real images": ["real"]},
    "aiva": {"phantoms": ["phantom", "prostate", "clusters"], "real images": ["real"]},
    "odex": {"phantoms": ["shifting", "transformed"], "real images": ["ordered", "real"]},
}


def each_claim():
    """Paper, kind of images, the rows of one ledger, a claim about such data, and its verdict."""
    for paper, kinds in LEDGERS.items():
        for kind, names in kinds.items():
            for name in (n for n in names if (_paths.RESULTS / paper / f"demo-{n}.csv").exists()):
                rows = ledger_rows(paper, name)
                about = [c for c in claims.load(paper) if c.about(name)]
                yield from ((paper, kind, rows, c, judge(c, rows)) for c in about)


everything = list(each_claim())

# %%
spreads = []
for paper, kind, rows, c, verdict in everything:
    if c.b is None or verdict.n < 3:
        continue
    a, b = by_seed(rows, c.a), by_seed(rows, c.b)
    sds = {"paired": (a - b).std(), "unpaired": np.hypot(a.std(), b.std())}
    about = {"paper": paper, "images": kind, "rule": c.rule, "pairs": (a - b).dropna().to_numpy()}
    spreads.append(about | {"effect": abs((a - b).mean())} | sds)
spreads = pd.DataFrame(spreads)
ratio = (spreads["paired"] / spreads["unpaired"]).replace(np.inf, np.nan)
grouped = spreads.assign(ratio=ratio, smaller=ratio < 1).groupby(["paper", "images"])
grouped.agg(
    comparisons=("ratio", "size"), median_ratio=("ratio", "median"), smaller=("smaller", "mean")
).round(2)

# %%
from medda_lib.figures.scatter import scatter_against_identity

small = spreads[spreads["unpaired"].between(1e-6, 0.15)]
points = {k: (g["unpaired"], g["paired"]) for k, g in small.groupby("images")}
show_figure(
    scatter_against_identity(points, "spread if unpaired", "spread of paired differences"),
    f"Standard deviation over seeds of {len(small)} comparisons, unpaired and paired "
    f"({len(spreads) - len(small)} larger than 0.15 or exactly zero are left out). "
    f"Below the line, pairing helps: {np.mean(small['paired'] < small['unpaired']):.0%}.",
    f"Points mostly below the diagonal; the median ratio of all comparisons is {ratio.median():.2f}.",
    name="pairing",
)

# %% [markdown]
# `median_ratio` is the spread of paired differences over the spread of unpaired ones, `smaller` the share
# of comparisons in which pairing made it smaller. Three seeds estimate a spread roughly, so single
# points mean little; the pattern is what counts. Pairing costs nothing but care: both methods must get
# the same labelled images and the same test set from the same seed. Where a seed hardly touches what two
# methods have in common, it brings nothing and does little harm.

# %% [markdown]
# ## How often does an interval hold the truth?
#
# "95 %" is a promise: of many such intervals, 95 in 100 hold the true effect. Simulate thousands of studies
# whose true effect is known and count. Differences are drawn from a normal distribution with standard
# deviation 1, which makes that standard deviation the unit of everything below.

# %%
normal = {n: np.random.default_rng([seed, n]).normal(size=(worlds, n)) for n in SEEDS}
null = {n: intervals(pairs) for n, pairs in normal.items()}  # the true effect is 0


def coverage(bounds, truth=0.0):
    """Share of intervals (studies, 2) that hold the truth."""
    return float(np.mean((bounds[:, 0] <= truth) & (truth <= bounds[:, 1])))


{n: round(coverage(bounds), 3) for n, bounds in null.items()}

# %% [markdown]
# The promise is kept at every number of seeds. It is made for normal differences, and training is not
# always normal: let one run in ten collapse and lose six standard deviations. And another interval is
# popular that needs no normal distribution, the *bootstrap* {cite}`efron1993bootstrap`: draw as many
# differences as there are, with replacement, take their mean, do so thousands of times; the middle 95 %
# of these means are the interval. Are three seeds enough for it?


# %%
def bootstrap(pairs):
    """Percentile bootstrap intervals (studies, 2); a resample is a row of counts."""
    n = pairs.shape[1]
    chosen = np.random.default_rng(seed).integers(n, size=(resamples, n))
    counts = np.zeros((resamples, n))
    np.add.at(counts, (np.arange(resamples)[:, None], chosen), 1 / n)
    parts = np.array_split(pairs, max(1, len(pairs) // 500))  # a few at a time, to save memory
    return np.concatenate([np.percentile(p @ counts.T, [2.5, 97.5], axis=1).T for p in parts])


chance = np.random.default_rng(seed + 1)
collapse = {n: p - 6.0 * (chance.random(p.shape) < 0.1) + 0.6 for n, p in normal.items()}  # mean 0
kinds = {"normal": normal, "some collapse": collapse}
rules = {"Student": intervals, "bootstrap": bootstrap}
bounds = {
    f"{name}, {kind}": {n: f(pairs) for n, pairs in drawn.items()}
    for kind, drawn in kinds.items()
    for name, f in rules.items()
}

# %%
from medda_lib.figures.curves import curves

covers = {name: [coverage(b) for b in by_n.values()] for name, by_n in bounds.items()}
show_figure(
    curves(
        SEEDS,
        covers,
        "paired seeds",
        "intervals that hold the truth",
        level=(0.95, "promised"),
        limits=(0.5, 1.0),
        ticks=True,
    ),
    f"Coverage of 95 % intervals, {worlds} simulated studies for each point.",
    "Four curves over the number of seeds. "
    + "; ".join(f"{name}: {y[0]:.2f} at 3, {y[-1]:.2f} at 20" for name, y in covers.items())
    + ".",
    name="coverage",
)

# %%
widths = {name: {n: np.ptp(b, axis=1).mean() for n, b in d.items()} for name, d in bounds.items()}
pd.DataFrame(widths).rename_axis("seeds").round(2)

# %% [markdown]
# At three seeds the bootstrap's interval runs from the smallest to the largest difference. It misses the
# mean of a symmetric distribution when all three fall on one side of it, in one study of four. Student's
# interval is two to three times as wide there and keeps its promise. Collapsed runs break both: no
# formula knows of a collapse that has not happened yet, which is why the chapters look for collapsed
# runs by a rule of their own before anything is judged.
#
# The price of honesty is paid in verdicts. Of the comparisons above, how many lie wholly on one side of
# zero?

# %%
decided = {
    name: [np.ptp(np.sign(f(d[None])[0])) == 0 for d in spreads["pairs"]]
    for name, f in rules.items()
}
pd.DataFrame(decided).agg(["sum", "mean"]).round(2).T

# %% [markdown]
# The second row counts what three seeds agree on; the first, what they show. Most of the difference is
# not wrong, only not shown. More seeds are the cure, not another formula: with five, Student's interval is
# less than half as wide as with three.

# %% [markdown]
# ### Other people
#
# Repetitions answer one question: what would another training have given, on these test people? Another
# question is left: what would other people have given? Five trainings may agree to a hair on four heads, and
# on four other heads agree to a hair on something else. Where every repetition is tested on the same people,
# both doubts can be had from one table, repetitions by people:

# %% tags=["hide-output"]
from medda_lib.studies.intervals import crossed

show(crossed)

# %% [markdown]
# Simulated: the effect differs from person to person ten times as much as from training to training. How
# often does each interval hold the truth?

# %% tags=["nbval-check-output"]
rng = np.random.default_rng(seed)
tests = rng.normal(size=(300, 1, 12)) + 0.1 * rng.normal(size=(300, 5, 12))
found = {
    "repetitions alone": [student(t.mean(axis=1)) for t in tests],
    "repetitions and people": [crossed(t) for t in tests],
}
pd.Series({n: np.mean([i.low < 0 < i.high for i in f]) for n, f in found.items()}).round(2)

# %% [markdown]
# The first interval is a statement about these twelve people and no others. The verdicts of this book rest on
# the second, wherever the values of single people are kept.

# %% [markdown]
# ## Turn the truth
#
# Two dials: the true effect, in standard deviations of one paired difference, and the number of seeds.
# At the left, some simulated studies, with the truth dotted; at the right, what the rule says in
# thousands of them. An effect that is added to all differences moves the interval by as much, so the
# intervals computed above serve every effect.

# %% tags=["hide-input"]
from medda_lib.figures.verdict_dial import Simulation, verdict_dial

EFFECTS = (0.0, 0.25, 0.5, 1.0, 2.0)


def simulation(i, j):
    """Verdicts on "greater than 0" for effect i and number of seeds j."""
    truth, n = EFFECTS[i], SEEDS[j]
    bounds = null[n] + truth
    means = normal[n].mean(1) + truth
    said = np.select(
        [bounds[:, 0] > 0, bounds[:, 1] < 0], ["supported", "contradicted"], "undecided"
    )
    some = [Effect("", means[k], *bounds[k], str(said[k])) for k in range(16)]
    return Simulation(truth, some, words(bounds), coverage(bounds, truth))


labels = ([f"{e:g}" for e in EFFECTS], [str(n) for n in SEEDS])
verdict_dial(
    simulation, labels, ("true effect", "seeds"), "difference A - B", (-2.5, 4.5), total=160_000
)

# %% [markdown]
# Start at effect 0: whatever is not *undecided* there is false, one study in twenty whatever the number of
# seeds. Then look for the effect that three seeds find more often than not. Where do the comparisons of this
# book lie on that dial? The size of an effect in units of its own spread, over all comparisons above
# (with three seeds such a ratio comes out too large more often than too small):

# %%
sizes = (spreads["effect"] / spreads["paired"]).replace(np.inf, np.nan).dropna()
sizes.quantile([0.25, 0.5, 0.75]).round(2).rename("effect / spread").to_frame().T

# %% [markdown]
# ## "As good as" needs a margin
#
# Papers like to say that a cheap method is *as good as* a dear one. A difference that is "not
# significant" does not show that: the fewer seeds, the less is significant. What can be shown is that
# the difference is smaller than something, and that something has to be named. The rule `equivalent`
# asks for the *whole* interval within the margin, in the spirit of the two one-sided tests by which
# generic drugs are admitted {cite}`schuirmann1987tost`.

# %%
studies_of_two = {
    "close together, around zero": [0.004, -0.006, 0.007],
    "far apart, around zero": [0.025, -0.03, 0.01],
    "all above zero, and small": [0.003, 0.006, 0.008],
    "all above the margin": [0.013, 0.018, 0.024],
}
found = {n: judged(np.array(d), "equivalent", 0.01) for n, d in studies_of_two.items()}
lines = [Effect(n, v.effect, v.low, v.high, v.verdict) for n, v in found.items()]
show_figure(
    forest(lines, "difference A - B, claim: equal within 0.01", bars=(-0.01, 0.01)),
    "Four invented studies of the claim that A is as good as B; the band is the margin.",
    "Four intervals and a band. " + "; ".join(f"{e.name}: {e.verdict}" for e in lines) + ".",
    name="margins",
)

# %% [markdown]
# The second line is what papers call "no significant difference": it holds zero, and large differences
# as well. The third differs from zero for sure, by too little to matter. And here are the same four
# studies with other margins:

# %%
limits = (0.005, 0.01, 0.02, 0.03)
said = {
    f"margin {m:g}": [judged(np.array(d), "equivalent", m).verdict for d in studies_of_two.values()]
    for m in limits
}
pd.DataFrame(said, index=list(studies_of_two))

# %% [markdown]
# The margin decides, so it must be chosen before the results are seen, from what matters in the clinic
# or from how far two readers differ. How wide does it have to be for truly equal methods to be called
# equal?

# %%
margins = np.linspace(0.25, 2.5, 10)
equal = {
    f"{n} seeds": [words(null[n], "equivalent", m)["supported"] for m in margins] for n in SEEDS
}
show_figure(
    curves(margins, equal, "margin, in standard deviations of a difference", "called equivalent"),
    "How often two methods without any true difference are called equivalent, by margin.",
    "Four rising curves; at a margin of 1: "
    + ", ".join(f"{name} {np.interp(1, margins, y):.2f}" for name, y in equal.items())
    + ".",
    name="equivalence",
)

# %% [markdown]
# And how often is the word wrong? Put the truth exactly *on* the margin, where "supported" is false by a
# hair:

# %%
wrong = {n: words(null[n] + 1.0, "equivalent", 1.0)["supported"] for n in SEEDS}
pd.Series(wrong, name="falsely called equivalent").rename_axis("seeds").round(3).to_frame().T

# %% [markdown]
# ## Many claims
#
# A chapter judges dozens of claims. If none of them had any true difference behind it, how many verdicts
# would still be definite? Each has the chance that the dial shows at effect 0. For the claims with a
# rule of direction that this book has judged:

# %%
from medda_lib.studies.verdict import DECIDED, JUDGED

directed = [v for *_, v in everything if v.verdict in JUDGED and v.claim.rule != "equivalent"]
definite = sum(v.verdict in DECIDED for v in directed)
rate = {n: 1 - words(null[n])["undecided"] for n in SEEDS}
many = pd.DataFrame({"false verdicts per claim": rate}).rename_axis("seeds")
many[f"expected among {len(directed)}"] = many.iloc[:, 0] * len(directed)
many["at least one among 10"] = 1 - (1 - many.iloc[:, 0]) ** 10
pairs = {v.n for v in directed}
print(f"definite verdicts in the book: {definite} of {len(directed)}, pairs behind each: {pairs}")
many.round(3)

# %% [markdown]
# The book has more definite verdicts than chance alone would give, so many of them mean something; which
# ones, the count cannot say. The scoreboard therefore prints the number by chance beside each bar. The
# last column takes claims as independent, which they are not, since many share their runs: then false
# verdicts come in clusters. The expected number does not mind.
#
# The usual cure is a stricter level for each of $N$ claims, 5 % divided by $N$. It is dear where seeds are
# few. This is the half-width of an interval, in standard deviations of a difference:

# %%
half = {
    f"{n} seeds": [stats.t.ppf(1 - 0.025 / N, n - 1) / np.sqrt(n) for N in (1, 10, len(directed))]
    for n in SEEDS
}
pd.DataFrame(half, index=[1, 10, len(directed)]).rename_axis("claims judged together").round(2)

# %% [markdown]
# Fewer claims, said beforehand, are the cheaper cure. So each chapter names one to three *headline* claims,
# what the abstract would keep, and shows them first. Sentences of ours against a paper are *remarks*:
# judged in the same way, counted apart.

# %% [markdown]
# ## The test set as a teacher
#
# A network is saved after every epoch, all are run on the test set, and the best one is reported. It
# looks harmless, since nobody trained on the test set. But the best of $K$ is chosen *because* it was
# lucky on these images. Let all checkpoints be equally good, right on 85 % of all patients. Some images
# are hard for all of them, so their errors agree to a large part.

# %%
accuracy, agreement, checkpoints = 0.85, 0.8, 50
threshold = stats.norm.ppf(accuracy)


def scores_by_chance(shape, images, rng, hard):
    """Test accuracies (*shape, checkpoints), all with the same true accuracy.

    hard: how hard each image is, (*shape, images) or fewer axes.
    """
    rest = rng.standard_normal((*shape, checkpoints, images), dtype=np.float32)
    score = np.sqrt(agreement) * hard[..., None, :] + np.sqrt(1 - agreement) * rest
    return (score < threshold).mean(-1)


# %%
choices = (1, 2, 5, 10, 20, 50)
studies = {"smoke": 50, "demo": 200, "paper": 1000}[profile]
gain = {}
for images in (50, 200, 1000):
    rng = np.random.default_rng([seed, images])
    scores = scores_by_chance((studies,), images, rng, rng.normal(size=(studies, images)))
    best = np.maximum.accumulate(scores, axis=-1) - scores[:, :1]
    gain[f"{images} test images"] = [best[:, k - 1].mean() for k in choices]
show_figure(
    curves(
        choices,
        gain,
        "checkpoints to choose from",
        "gain in accuracy",
        log=(True, False),
        ticks=True,
    ),
    "What is gained by reporting the best checkpoint on the test set instead of the first, when all are "
    "equally good.",
    "Three rising curves from zero. "
    + "; ".join(f"{name}: {y[-1]:.3f} with 50 checkpoints" for name, y in gain.items())
    + ".",
    name="selection",
)

# %% [markdown]
# Points of accuracy out of thin air, and more of them the smaller the test set. It gets worse when only
# one side does it: our method with the best checkpoint, the baseline as its authors left it. The two
# below are equally good. What does the rule make of "ours is better"?

# %%
checkpoints, images, n = 20, 100, 10
rng = np.random.default_rng([seed, 7])
hard = rng.normal(size=(studies, 1, images))  # one test set per study, for all seeds and methods
ours, theirs = (scores_by_chance((studies, n), images, rng, hard) for _ in range(2))
ways = {
    "both report their last": ours[..., -1] - theirs[..., -1],
    "ours picks on the test set": ours.max(-1) - theirs[..., -1],
    "both pick on the test set": ours.max(-1) - theirs.max(-1),
}
rows = {
    (way, f"{k} seeds"): {"mean effect": d.mean()} | words(intervals(d[:, :k]))
    for way, d in ways.items()
    for k in (3, n)
}
pd.DataFrame(rows).T.round(3)

# %% [markdown]
# More seeds do not help against a bias; they make it *surer*. If both sides pick, their difference is
# fair again, but both scores are too high. Choosing on validation data costs nothing, and holding them
# apart is a matter of plumbing: in this library a method gets a *view* of its task in which test data
# are absent, and a rule for checkpoints that looks at target labels carries the word *oracle* in its
# name. What repeated looks at one test set do to it is studied in {cite}`dwork2015holdout`.

# %%
from medda_lib.studies.setting import SEMI_SUPERVISED, LeakError, Role
from medda_lib.tasks.chest_xray import Counts
from medda_lib.tasks.chest_xray_shift import ShiftTask

task = ShiftTask("segmentation", "jsrt", ("nihx",), Counts(4, 2, 2), 32).build(seed)
view = task.view(SEMI_SUPERVISED)
try:
    view.labelled(Role.TEST, "segmentation")
except LeakError as refused:
    print(f"LeakError: {refused}")

# %% [markdown]
# ## What the interval does not know
#
# The seeds of a study share one test set. If that set happens to favour method A, it does so with every
# seed, and no number of seeds will show it. Give the test set a luck of its own, as a share of the
# spread between seeds, and count again how often the interval holds the effect *in all patients*:

# %%
luck = np.random.default_rng([seed, 11]).normal(size=(worlds, 1))
held = {
    f"luck of the test set {size:g}": {n: coverage(null[n] + size * luck) for n in SEEDS}
    for size in (0.0, 0.5, 1.0)
}
pd.DataFrame(held).rename_axis("seeds").round(2)

# %% [markdown]
# With more seeds the interval closes in on the wrong number. Seeds answer "would the methods rank like
# this if I trained them again?", not "would they on other patients?". For the second, patients have to be
# drawn again too, which is what [the page on domain shift](domain_shift) does for two given networks.
# Benchmarks rarely vary all that varies {cite}`bouthillier2021variance`, and rankings of challenges turn
# over when they do {cite}`maierhein2018rankings`.

# %% [markdown]
# ## Why only the paper's own data can reproduce
#
# The same claim, the same code, other images. Here is every claim of the finished chapters that was
# judged both on phantoms and on real images that stand in for the paper's: rows by the verdict on
# phantoms, columns by the verdict on real images.

# %%
both = [
    {"paper": paper, "id": v.claim.id, "images": kind, "verdict": v.verdict}
    for paper, kind, _, _, v in everything
]
tested = pd.DataFrame(both).groupby(["paper", "id", "images"])["verdict"].first().unstack()
tested = tested[tested.isin(JUDGED).all(axis=1)]
pd.crosstab(tested["phantoms"], tested["real images"])

# %%
decided = tested[(tested != "undecided").all(axis=1)]
agree = (decided["phantoms"] == decided["real images"]).mean()
print(f"decided on both: {len(decided)} of {len(tested)}; of these, {agree:.0%} alike")

# %% [markdown]
# Where both kinds of images decide, they mostly agree, and not always. A phantom shows whether a method
# *can* do what it promises when its assumptions hold; real images of another hospital show whether it
# does so elsewhere. Neither says what came out on the paper's images. So the library keeps the word
# *reproduced* for rows whose data are the paper's own and whose profile is `paper`, and a phantom may
# support or contradict a claim, but never reproduce it.
#
# Failures of this kind are common in medical imaging; {cite}`varoquaux2022failures` walks through them
# with examples.

# %% [markdown]
# ## Try it
#
# 1. How many seeds does it take to find an effect of one standard deviation in four studies out of
#    five? Guess from the dial, then compute it.
# 2. Suppose that a paper reports the best of five seeds for its own method and the mean of five for the
#    baseline. How large is the gain when both are equal?
#
# ````{admonition} A way to look at the first
# :class: dropdown
# ```python
# for n in range(3, 13):
#     drawn = np.random.default_rng(seed).normal(1.0, 1.0, (worlds, n))
#     print(n, words(intervals(drawn))["supported"])
# ```
# `student` gives the same answer from one study: its `shows` is the effect that four studies of five find.
# ````
#
# ```{admonition} A way to look at the second
# :class: dropdown
# `normal[5].max(1).mean()` is the answer in standard deviations of one run, since the mean of the
# baseline is zero on average. Compare with the effects that the table of sizes above calls typical.
# ```
#
# ## References
#
# The works cited here stand in the [bibliography](../references). The claims of each chapter are in
# `medda_lib/papers/<paper>/claims.toml`, the rows that judge them in `book/results/`.
