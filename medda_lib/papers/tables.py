"""The tables of a chapter: what the paper prints beside ours, and the verdict on every claim.

A paper declares its tables in `paper.toml` (`[[table]]`: which columns of our rows name a row and a
column of the table, and which rows count), so `beside(results, "2")` is all that a page says. Cells that
were not run say so; none is ever filled from the other side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from medda_lib.figures.side_by_side import side_by_side
from medda_lib.figures.tables import Table
from medda_lib.figures.verdicts import COLUMNS, verdicts
from medda_lib.papers import catalogue, inventory
from medda_lib.papers.catalogue import CatalogueError
from medda_lib.papers.catalogue import Table as Declared
from medda_lib.papers.judging import Derive, judged
from medda_lib.papers.results import MeanAndSd, Results, cells, rows
from medda_lib.studies.claims import load
from medda_lib.studies.reported import reported
from medda_lib.studies.verdict import NOT_TESTED, untested


def beside(measured: Results, table: str, caption: str = "") -> Table:
    """A table that the paper declares beside the same conditions here, cell by cell.

    caption: another than the declared one; what the numbers are and were measured on is added. Phantoms
    show every row of the paper, run or not; a substitute, which bears fewer conditions, those that were
    run.
    """
    known = declared(measured.paper, table)
    printed = reported_table(measured.paper, table, known.printed)
    ours = measured_table(measured, known)
    kind = catalogue.paper(measured.paper).on(measured.data)
    whole = kind is None or kind.kind != "real"
    return side(
        printed,
        ours,
        " ".join((caption or known.caption, _defined(measured, known), measured.measured_on)),
        rows=[row for row in printed["mean"].index if whole or row in ours[0].index],
        digits=known.digits,
    )


def _defined(measured: Results, known: Declared) -> str:
    """The definitions of the metrics in a table's columns."""
    named = known.only.get("metric")
    shown = [named] if named else list(dict.fromkeys(measured.derived["metric"]))
    return measured.defined(*shown)


def declared(paper: str, table: str) -> Declared:
    """The declaration of a paper's table; CatalogueError names those that it has."""
    known = {one.name: one for one in catalogue.paper(paper).tables}
    if table not in known:
        raise CatalogueError(f"{paper} declares no table {table!r}; there are: {', '.join(known)}")
    return known[table]


def measured_table(measured: Results, known: Declared) -> MeanAndSd:
    """Our half of a declared table, with its row of averages where it has one."""
    frame = rows(measured.derived, **known.only)
    if known.average:
        frame = _with_average(frame, known)
    mean, std = cells(frame, known.rows, known.columns)
    scale = 100.0 if known.percent else 1.0
    return scale * mean, scale * std


def _with_average(frame: pd.DataFrame, known: Declared) -> pd.DataFrame:
    """Cells by repetition, and for each column the mean over its rows as a further row."""
    keys = [*known.rows, *known.columns, "seed"]
    each = frame.groupby(keys, sort=False)["value"].mean().reset_index()
    over = each.groupby([*known.columns, "seed"], sort=False)["value"].mean().reset_index()
    return pd.concat([each, over.assign(**dict.fromkeys(known.rows, known.average))])


def reported_table(
    paper: str, table: str, columns: str = "metric", scale: float = 1.0
) -> dict[str, pd.DataFrame]:
    """A reported table as frames: "mean", "std" (numbers or NaN) and "mark".

    columns: "metric" for our names of the metrics, "column" for the table's own columns. scale: what to
    multiply the numbers with, 0.01 where the paper prints percent and we measure fractions.
    """
    found = reported(paper, table)
    order = list(dict.fromkeys(found[columns]))
    names = list(dict.fromkeys(found["row"]))
    wide = {
        part: found.pivot(index="row", columns=columns, values=part).loc[names, order]
        for part in ("mean", "std", "mark")
    }
    return {
        "mean": wide["mean"].apply(pd.to_numeric, errors="coerce") * scale,
        "std": wide["std"].apply(pd.to_numeric, errors="coerce") * scale,
        "mark": wide["mark"],
    }


def side(
    printed: Mapping[str, pd.DataFrame],
    measured: MeanAndSd,
    caption: str,
    *,
    rows: Sequence[str] | None = None,
    digits: int = 3,
) -> Table:
    """A table of the paper (from `reported_table`) beside ours (from `cells`), cell by cell.

    Rows and columns are the paper's, or those of its `rows`; ours are found by their names.
    """
    mean, std = measured
    return side_by_side(
        printed["mean"].loc[list(printed["mean"].index if rows is None else rows)],
        mean,
        caption,
        reported_sd=printed["std"],
        measured_sd=std,
        marks=printed["mark"],
        digits=digits,
    )


def of_systems(
    frame: pd.DataFrame, metrics: Sequence[str], columns: str, percent: bool = False
) -> pd.DataFrame:
    """Means over repetitions of rows that no table of the paper is about: systems by metric and column.

    columns: the column of the rows that heads the table's columns, below the metric.
    """
    chosen = frame[frame["metric"].isin(metrics)]
    wide = chosen.pivot_table(
        index="system", columns=["metric", columns], values="value", sort=False, aggfunc="mean"
    )
    return (100 * wide).round(2) if percent else wide.round(3)


def wins(measured: Results, systems: Sequence[str], metric: str) -> pd.DataFrame:
    """On how many pairs of sites each system is better than the first one, and the best of all.

    Of means over repetitions. Columns: pairs, better, best, mean gain (in percent points).
    """
    chosen = measured.frame[measured.frame["system"].isin(systems)]
    wide = rows(chosen, metric=metric).pivot_table(
        index=["source", "domain"], columns="system", values="value"
    )
    wide = wide.reindex(columns=list(systems))
    gain = wide.sub(wide[systems[0]], axis=0)
    found = {
        "pairs": wide.notna().sum(),
        f"better than {systems[0]}": (gain > 0).sum(),
        "best": wide.idxmax(axis=1).value_counts().reindex(systems, fill_value=0),
        "mean gain": (100 * gain.mean()).round(2),
    }
    return pd.DataFrame(found).loc[list(systems)]


def headlines(paper: str) -> Table:
    """The paper's headline claims with the verdict of the committed results on each kind of data.

    Kinds of data on which none was tested are left out; the caption counts the verdicts.
    """
    found = inventory.claims_of(catalogue.paper(paper))
    found = found[found["headline"]]
    tested = found[found["verdict"] != NOT_TESTED]
    told = "; ".join(f"{kind}: {words}" for kind, words in inventory.found_on(found).items())
    caption = f"Headline claims, by committed results. {told or 'Not tested yet'}."
    shown = found if tested.empty else tested
    shown = _in_order(shown, "claim", shown["claim"].unique())
    shown = shown.replace({"data": inventory.KIND_NAMES})
    shown = shown.rename(columns={"claim": "id", "seeds": "n"})
    columns = ["id", "text", "where", "reported", "data", "effect", "low", "high", "n", "shows"]
    return verdicts(shown[[*columns, "verdict"]], caption)


def verdict_table(
    paper: str, studies: Mapping[str, Results | None], derive: Derive | None = None
) -> Table:
    """The verdict on every claim for each kind of data that it speaks about and that was run.

    studies: what the page calls the data -> results; a study that was not run (None) is left out.
    derive: see `papers.judging.derivation`, the default. A claim that none of the studies can judge
    keeps one row, "not tested".
    """
    run = {name: study for name, study in studies.items() if study is not None}
    ledgers = {  # by which a built page finds the numbers again; "" for those measured on the spot
        name: f"{study.profile}-{study.data}" if study.provenance else ""
        for name, study in run.items()
    }
    found = {
        name: {
            verdict.claim.id: verdict
            for verdict in judged(paper, study.frame, derive, study.images)
        }
        for name, study in run.items()
    }
    lines = []
    for claim in load(paper):
        about = {name: known[claim.id] for name, known in found.items() if claim.id in known}
        if not about:
            about = {", ".join(claim.data): untested(claim, "no results on such data")}
        lines += [
            verdict.row() | {"data": name, "paper": paper, "ledger": ledgers.get(name, "")}
            for name, verdict in about.items()
        ]
    rows = pd.DataFrame(lines, columns=None if lines else COLUMNS)  # a draft may claim nothing
    return verdicts(rows, "Claims of the paper and what our rows say about them.")


def chosen(judged: Table, claims: Sequence[str], caption: str) -> Table:
    """Some rows of a `verdict_table`, for where a page draws its conclusions.

    Raises ValueError for a claim that the table does not have.
    """
    frame = judged.frame
    if missing := sorted(set(claims) - set(frame["id"])):
        raise ValueError(f"claims: the table has none of {missing}")
    return verdicts(_in_order(frame[frame["id"].isin(claims)], "id", claims), caption)


def _in_order(frame: pd.DataFrame, column: str, names: Iterable[str]) -> pd.DataFrame:
    """The rows in the order of their names; those of one name as they were."""
    order = {name: place for place, name in enumerate(names)}
    return frame.sort_values(column, key=lambda values: values.map(order), kind="stable")
