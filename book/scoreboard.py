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
# # Scoreboard
#
# Everything that the book has to do, and what of it is done: every system that one of its papers
# proposes or compares against, and every claim that it tests, with the verdict and the way to its
# evidence.
#
# A reproduction that lists only what worked tells you little. So the list came first: a system stands
# here from the day its paper entered the book, says *not yet* until it is implemented, and says where
# it was measured only once its numbers are committed. A claim says *not tested* until the table cells
# that it is about have been run.
#
# **Budget.** A few seconds at every profile. Nothing is trained here and no data are needed: the page
# reads the list of papers and the committed results, and it holds no number that was typed.

# %% tags=["parameters"]
profile = "demo"
data = "phantom"
seed = 0
device = "cpu"
results = ""  # another folder of results, such as one of your runs

# %% [markdown]
# The first four parameters are those of every page and change nothing here, since each table shows all
# kinds of data, each at the most thorough profile that was run.
#
# The tables of this page are made while the book is built, from the files of the papers and the committed
# results. They need no kernel. Choose above a table what it should show, click a heading to sort it, and
# copy the address of the page to share what you see: [the systems](#scoreboard-systems),
# [the claims](#scoreboard-claims), [the ledgers](#scoreboard-ledgers) behind them. In JupyterLab a table
# is a line that begins with `{scoreboard}`; [the last section](#scoreboard-frames) makes the same rows as
# frames.
#
# ## Where the book stands
#
# {count}`systems` systems of {count}`papers` papers: {count}`systems.done` are done and
# {count}`systems.measured` are measured. {count}`claims` claims, of which {count}`claims.tested` were
# tested on some kind of data, by {count}`runs` runs in {count}`ledgers` committed ledgers. Each number
# with a link leads to the rows that it counts.
#
# What each abstract would keep comes first, contradicted or not:
#
# ```{scoreboard} headlines
# ```
#
# And all claims together. *Decided by chance* is how many of the verdicts on a kind of data would be
# supported or contradicted on average if nothing differed from anything.
#
# ```{scoreboard} verdicts
# ```
#
# One row per paper. *Done* counts its systems that are implemented, *measured* those that have rows in
# a committed result; a system can be done and not measured, never the other way round. *Tested* counts
# the claims with a verdict on some kind of data; a paper without claims has none here yet. The
# [first page](index.md) says what each paper is about.
#
# ```{scoreboard} papers
# ```
#
# The same systems by what they may see, from [the map of settings](index.md). A paper counts in
# each setting in which it has a system: most compare against bounds that see more, or less, than their
# own method does.
#
# ```{scoreboard} settings
# ```

# %% [markdown]
# (scoreboard-systems)=
# ## Every system
#
# - The **role** is the one that the paper gives it: its *proposed* method; an *ablation*, which is that
#   method with parts taken out; a *baseline* from elsewhere; or a *bound*, trained on more than the
#   setting allows (or on less), which says how much there is to win.
# - The **setting** says what it may see while it is trained. Only systems of one setting compete.
# - **Measured on** lists the committed results that hold its numbers: the kind of data, and in brackets
#   the profile, that is how much work went into them. Each is a link to the file; *measured* leads to the
#   chapter's results.
#
# ```{scoreboard} systems
# ```

# %% [markdown]
# (scoreboard-claims)=
# ## Every claim
#
# A claim is one sentence of a paper that could turn out false, tied to cells of its tables. From our own
# runs we take the same difference, paired over repetitions, and Student's interval around it (see
# [how to judge a claim](foundations/judging_claims.ipynb), where one is judged step by step). What
# the interval says is the verdict. A paper's *headline* claims stand first. *Remarks* are sentences of ours
# against a paper, judged in the same way and never counted among its claims.
#
# | verdict | when |
# |---|---|
# | ▲ supported | the whole interval lies where the claim says |
# | ▼ contradicted | the whole interval lies elsewhere |
# | ◆ undecided | the interval lies partly here, partly there; below it stands which effect would have shown |
# | = same system here | all pairs are exact ties: one run under two names |
# | ○ not tested | the cells were not run, or too rarely for an interval |
# | ● reproduced | supported, on the paper's own data at the paper's own settings |
#
# Three things to keep in mind.
#
# - **A verdict is about the data that it was measured on.** Each claim is judged once on phantoms, once
#   on a substitute (real images, but not the paper's), and once on the paper's own data.
#   *A verdict on phantoms is a statement about phantoms.* There, a contradicted claim may still be true
#   of patients, and a supported one may fail on them. What phantoms can show is whether the mechanism
#   that the paper describes does its work where everything about the images is known.
# - **Few repetitions are a rough judge.** With three the interval is wide, so that much stays undecided. And
#   among many claims some verdicts are decided by chance: one in twenty where nothing differs at all.
#   The table of verdicts prints how many that would be.
# - **A smaller budget is another experiment.** At `demo` networks are smaller and trained for a shorter
#   time than in the paper. The chapter lists each such difference as a numbered deviation.
#
# The word of a verdict leads to its row in the chapter, and the ledger behind it to the file with the
# numbers. Where a claim was not tested the reason stands below. *Verdict* and *data* together ask for a
# verdict on that data; *data* alone asks for claims that were tested on it; *not tested* alone asks for
# claims that were tested on none.
#
# ```{scoreboard} claims
# ```

# %% [markdown]
# (scoreboard-ledgers)=
# ## What the numbers rest on
#
# Every committed result, with the code, the machine and the time that it took. A star marks a commit
# to which files had been changed when it ran. The name of a ledger leads to its values, a row for each
# metric of each repetition; *origin* to the record of its runs. The command that makes a result again is
# `medda run PAPER --profile PROFILE --data DATA --commit`; runs that are already in your run store are
# not repeated.
#
# ```{scoreboard} ledgers
# ```

# %% [markdown]
# (scoreboard-frames)=
# ## With a kernel
#
# The same rows as frames, to compute with.

# %%
from pathlib import Path

from medda_lib import _paths
from medda_lib.papers import inventory

folder = Path(results) if results else _paths.RESULTS
systems, claims = inventory.systems(folder), inventory.claims(folder)

# %% [markdown]
# For instance, how the claims of each paper came out. The build of the book compares these numbers with
# the ledgers and fails where they differ.

# %%
from medda_lib.figures.verdicts import tally

words = "Verdicts on the claims of each paper by kind of data; remarks are not counted."
tally(claims, words, inventory.KIND_NAMES)

# %% [markdown]
# Or how large our effects are beside those that the papers report, for claims that one thing is better
# or worse than another. In the shaded quarters both have the same sign; on the dotted line they are
# equal. A bar is the interval. The axes are logarithmic outside of the innermost hundredth.

# %%
from medda_lib.figures.display import show_figure
from medda_lib.figures.effects import effects

ordered = claims[claims["rule"].isin(["greater", "less"]) & (claims["reported"] != 0)]
drawn = ordered[(ordered["verdict"] != inventory.NOT_TESTED) & ordered["reported"].notna()]
drawn = drawn[(drawn["reported"].abs() <= 1) & (drawn["effect"].abs() <= 1)]

# %%
same = (drawn["reported"] * drawn["effect"] > 0).groupby(drawn["data"], sort=False).mean()
shares = [f"{share:.0%} on {inventory.KIND_NAMES[kind]}" for kind, share in same.items()]
caption = f"Reported and measured effects up to 1. Of one sign: {', '.join(shares) or 'none'}."
alt = f"One panel per kind of data, measured effect against reported effect. {caption}"
show_figure(effects(drawn, inventory.KIND_NAMES), caption, alt, "effects")

# %% [markdown]
# And what was contradicted on real images, where that weighs most:

# %%
from medda_lib.figures.tables import plain

real = claims[(claims["verdict"] == "contradicted") & claims["data"].isin(["real", "own"])]
columns = ["title", "claim", "text", "data", "reported", "effect", "low", "high"]
plain(real[columns], "Claims that were contradicted on real images.", long=("text",), digits=3)

# %% [markdown]
# ## What a row takes
#
# A new system is one module under `medda_lib/methods/` and one line in its paper's `paper.toml`; a new
# claim is one entry in its `claims.toml`. This page finds both by itself. `CONTRIBUTING.md` lists the
# places that a new paper touches.
