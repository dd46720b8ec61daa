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
# proposes or compares against, and every claim that it tests, with the verdict.
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
results = ""  # a folder of results other than the book's own, such as one of your runs

# %% [markdown]
# The first four parameters are those of every page and change nothing here, since each table shows all
# kinds of data, each at the most thorough profile that was run.

# %% tags=["hide-input"]
from pathlib import Path

from medda_lib import _paths
from medda_lib.figures.tables import folded, plain
from medda_lib.figures.verdicts import SIGNS, verdicts
from medda_lib.notebooks import moved_on
from medda_lib.papers import scoreboard

folder = Path(results) if results else _paths.RESULTS
marks = {"not yet": ("○ not yet", "x"), "done": ("● done", "p1"), "": ("–", "x")}
moved_on()

# %% [markdown]
# ## Where the book stands
#
# One row per paper. *Done* counts its systems that are implemented, *measured* those that have rows in
# a committed result; a system can be done and not measured, never the other way round. The
# [first page](index.md) says what each paper is about and leads to its chapter.

# %% tags=["hide-input"]
papers = scoreboard.overview(folder)
columns = ["title", "year", "settings", "worlds", "systems", "done", "measured"]
plain(
    papers[columns].rename(columns={"title": "paper", "settings": "setting", "worlds": "world"}),
    f"The {len(papers)} papers, with {papers['systems'].sum()} systems between them, of which "
    f"{papers['done'].sum()} are done and {papers['measured'].sum()} are measured.",
    long=("setting", "world"),
)

# %% [markdown]
# The same systems by what they may see, from [the map of settings](index.md). A paper counts in
# each setting in which it has a system: most compare against bounds that see more, or less, than their
# own method does.

# %% tags=["hide-input"]
plain(scoreboard.by_setting(folder), "Systems of all papers by setting.")

# %% [markdown]
# ## Every system
#
# Click a paper to see its systems.
#
# - The **role** is the one that the paper gives it: its *proposed* method; an *ablation*, which is that
#   method with parts taken out; a *baseline* from elsewhere; or a *bound*, trained on more than the
#   setting allows (or on less), which says how much there is to win.
# - The **setting** says what it may see while it is trained. Only systems of one setting compete.
# - **Measured on** names the committed results that hold its numbers: the kind of data, and in brackets
#   the profile, that is how much work went into them. The chapters show the numbers themselves.

# %% tags=["hide-input"]
systems = scoreboard.systems(folder)
systems["measured on"] = systems["measured"].str.replace(
    r"([^-, ]+)-([^, ]+)", r"\2 (\1)", regex=True
)
columns = ["system", "role", "setting", "status", "measured on"]


def listed(paper) -> tuple[str, object]:
    """Words for the line of a paper, and the table behind it."""
    mine = systems.loc[systems["paper"] == paper.paper, columns]
    counts = f"{paper.done} done, {paper.measured} measured" if paper.done else "not yet"
    words = f"{paper.systems} systems, {counts}"
    caption = f"Systems of {paper.title}."
    return words, plain(mine, caption, long=("measured on",), marks=marks)


# %% tags=["hide-input"]
sections = {paper.title: listed(paper) for paper in papers.itertuples()}
folded(sections, opened=tuple(papers.loc[papers["done"] > 0, "title"]))

# %% [markdown]
# ## Every claim
#
# A claim is one sentence of a paper that could turn out false, tied to cells of its tables. From our own
# runs we take the same difference, paired over repetitions, and a bootstrap interval around it (see
# [the page on domain shift](foundations/domain_shift.ipynb), where one claim is judged step by step). What the interval says is
# the verdict.
#
# | verdict | when |
# |---|---|
# | ▲ supported | the whole interval lies where the claim says |
# | ▼ contradicted | the whole interval lies elsewhere |
# | ◆ inconclusive | the interval lies partly here, partly there: more repetitions could tell |
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
# - **Few repetitions are a rough judge.** At the fewest that are judged at all, the interval runs from
#   the smallest difference to the largest, so that *supported* means that all repetitions agree, which
#   also happens by chance. Among many claims some verdicts will be wrong.
# - **A smaller budget is another experiment.** At `demo` networks are smaller and trained for a shorter
#   time than in the paper. The chapter lists each such difference as a numbered deviation.

# %% tags=["hide-input"]
claims = scoreboard.claims(folder)
tally = claims.groupby(["title", "data", "verdict"], sort=False).size().unstack(fill_value=0)
tally = tally.reindex(columns=list(SIGNS), fill_value=0).reset_index()
tally["data"] = tally["data"].map(scoreboard.KIND_NAMES)
plain(
    tally.rename(columns={"title": "paper"}),
    f"Verdicts on {len(claims.drop_duplicates(['paper', 'claim']))} claims by kind of data.",
)

# %% [markdown]
# Papers without a row have no claims here yet. Now claim by claim, with one column per kind of data:

# %% tags=["hide-input"]
wide = scoreboard.verdicts(folder).rename(columns={"text": "what it says"})
titles = papers.set_index("paper")["title"]
shown = {
    titles[key]: (
        f"{len(mine)} claims",
        plain(
            mine.drop(columns="paper").rename(columns=scoreboard.KIND_NAMES),
            f"Claims of {titles[key]}, with the verdict on each kind of data.",
            long=("what it says",),
            marks=SIGNS,
        ),
    )
    for key, mine in wide.groupby("paper", sort=False)
}
folded(shown, opened=tuple(shown))

# %% [markdown]
# The numbers behind the verdicts: the effect that the paper prints, ours with its interval, and how many
# pairs it rests on.

# %% tags=["hide-input"]
rows = claims.rename(columns={"claim": "id", "seeds": "n"})


def judged(mine) -> tuple[str, object]:
    """Words for the line of a paper and a kind of data, and the verdicts behind it."""
    done = ", ".join(filter(None, mine["profile"].unique()))
    words = f"at profile {done}" if done else "no committed results"
    caption = f"Claims of {mine['title'].iloc[0]} on data of the kind: {mine['data'].iloc[0]}."
    return words, verdicts(mine, caption)


# %% tags=["full-width", "hide-input"]
folded(
    {
        f"{titles[key]}, {scoreboard.KIND_NAMES[kind]}": judged(mine)
        for (key, kind), mine in rows.groupby(["paper", "data"], sort=False)
    }
)

# %% [markdown]
# Where a claim was not tested, the reason is one of these:

# %% tags=["hide-input"]
untested = claims[claims["verdict"] == scoreboard.NOT_TESTED]
reasons = untested.groupby(["title", "data", "reason"], sort=False)["claim"]
reasons = reasons.agg(["size", ", ".join]).reset_index()
reasons["data"] = reasons["data"].map(scoreboard.KIND_NAMES)
reasons.columns = ["paper", "data", "reason", "claims", "which"]
table = plain(reasons, "Claims that were not tested, and why.", long=("reason", "which"))
folded({"Reasons": (f"for {len(untested)} verdicts", table)})

# %% [markdown]
# ## What the numbers rest on
#
# Every committed result, with the code, the machine and the time that it took. A star marks a commit
# to which files had been changed when it ran. The command that makes a result again is
# `medda run PAPER --profile PROFILE --data DATA --commit`; runs that are already in your run store are
# not repeated.

# %% tags=["hide-input"]
made = scoreboard.ledgers(folder).drop(columns="paper").rename(columns={"title": "paper"})
caption = "Committed results." if len(made) else "No results are committed yet."
plain(made, caption, long=("hardware",))

# %% [markdown]
# ## What a row takes
#
# A new system is one module under `medda_lib/methods/` and one line in its paper's `paper.toml`; a new
# claim is one entry in its `claims.toml`. This page finds both by itself. `CONTRIBUTING.md` lists the
# places that a new paper touches.
