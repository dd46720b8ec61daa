"""What chapters show, at smoke: rows, tables beside the paper's, live runs, pictures with words."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ipywidgets import Stack, VBox
from matplotlib.figure import Figure

from medda_lib.figures.display import encode
from medda_lib.figures.embedding import project
from medda_lib.figures.tables import Table
from medda_lib.papers import catalogue
from medda_lib.papers.catalogue import FOLDER, study_module
from medda_lib.papers.judging import ledgers
from medda_lib.papers.live import Live, train
from medda_lib.papers.standing import system_of
from medda_lib.papers.tables import beside, verdict_table
from medda_lib.studies.claims import load
from medda_lib.studies.evaluate import evaluate
from medda_lib.studies.snapshots import Snapshots
from tests.papers.smoke import ARGUMENTS, LIVES, STUDIES, measured, shown, shows

RESULTS = [(paper, data) for paper, kinds in STUDIES.items() for data in kinds]
JUDGING = [(key, name) for key, name in RESULTS if name in ledgers(key, "phantom")]
PLACE = ["evaluation", "domain", "problem", "metric"]


def chosen(frame: pd.DataFrame, values: Mapping[str, str]) -> pd.DataFrame:
    """The rows with these values in these columns."""
    return frame[(frame[list(values)] == pd.Series(values)).all(axis=1)]


def test_every_paper_with_a_study_is_run_and_its_pictures_are_looked_at() -> None:
    studied = {path.parent.name for path in FOLDER.glob("*/study.py")}
    assert set(STUDIES) == studied
    names = [module.__name__.split(".") for module in ARGUMENTS]
    own = {parts[2] for parts in names if parts[3:]}
    assert own == {path.parent.name for path in FOLDER.glob("*/pictures.py")}
    assert len(shows()) > 60


@pytest.mark.parametrize(("paper", "data"), RESULTS)
def test_every_system_trains_without_cuda(paper: str, data: str) -> None:
    """`measured` forbids CUDA. Each condition leaves numbers, and says on what they were measured."""
    found = measured(paper, data)
    specs = study_module(paper).study("smoke", data).specs
    rows = found.frame.groupby(["system", "seed"], sort=False)["value"]
    assert [name for name, _ in rows.count().index] == list(dict.fromkeys(map(system_of, specs)))
    assert (rows.count() > 0).all()
    kind = catalogue.paper(paper).on(data)
    assert kind is not None
    wanted = f"Measured on {kind.what}; profile smoke, 1 repetition, commit this run."
    assert found.measured_on == wanted


@pytest.mark.parametrize(("paper", "data"), JUDGING)
def test_tables_have_every_printed_row_and_our_means_where_we_ran_it(paper: str, data: str) -> None:
    found = measured(paper, data)
    for table in catalogue.paper(paper).tables:
        heads = (list(table.rows), list(table.columns))
        if not {*table.rows, *table.columns} <= set(found.derived):
            continue
        if (rows := chosen(found.derived, table.only)).empty:
            continue
        place = [rows[part].astype(str).agg("|".join, axis=1) for part in heads]
        side = beside(found, table.name).frame
        filled = 0
        for row, column in product(side.index, side.columns.unique(0)):
            here = place[1] == column
            ours = rows[here & (place[0] == row)]["value"]
            if row == table.average:  # every row counts once, however many sources it has
                ours = rows[here].groupby(heads[0])["value"].mean()
            wanted = (100 if table.percent else 1) * ours.mean()
            assert side.loc[row, (column, "measured")] == pytest.approx(wanted, nan_ok=True)
            filled += len(ours) > 0
        assert filled


@pytest.mark.parametrize(("paper", "data"), JUDGING)
def test_one_repetition_judges_no_claim(paper: str, data: str) -> None:
    table = verdict_table(paper, {data: measured(paper, data), "real": None}).frame
    assert set(table["id"]) == {claim.id for claim in load(paper)}
    assert set(table["verdict"]) == {"not tested"}


def rows_of(live: Live) -> Iterator[tuple[tuple[str, ...], float]]:
    """Place and value of everything that can be measured on a live run, moment by moment."""
    found = live.predictor
    moments = found.after if isinstance(found, Snapshots) else {0: found}
    for number, predictor in moments.items():
        for row in evaluate(predictor, live.task, live.spec.task)[0]:
            moment = f"after {number}" if number else str(row["evaluation"])
            place = (moment, *(str(row[name]) for name in PLACE[1:]))
            yield place, float(str(row["value"]))


@pytest.mark.parametrize("name", LIVES)
def test_a_live_run_is_the_run_of_the_study_and_keeps_its_losses(name: str) -> None:
    where, made = LIVES[name]
    live, found = made(), measured(*where.split()).frame
    known = {column: value for column, value in live.condition.items() if column in found}
    stored = chosen(found, known).set_index(PLACE)["value"]
    ours = dict(rows_of(live))
    assert len(ours) >= 2
    for place, value in ours.items():
        assert stored[place] == pytest.approx(value, nan_ok=True), place
    assert live.losses
    assert all(np.isfinite(values).all() for _, values in live.losses.values())
    assert f"profile smoke, repetition {live.spec.seed}" in live.measured_on


@pytest.mark.parametrize("paper", STUDIES)
def test_a_run_that_is_not_in_the_study_is_refused(paper: str) -> None:
    with pytest.raises(ValueError, match="no condition"):
        train(paper, "smoke", STUDIES[paper][0], {"system": "another"}, seed=0)


def without_umap(features: np.ndarray, method: str, seed: int) -> np.ndarray:
    """UMAP compiles itself for long, and tests/figures has it: here t-SNE stands in."""
    return project(features, "t-SNE", seed)


@pytest.mark.parametrize("function", shows(), ids=lambda f: f"{f.__module__}.{f.__name__}"[17:])
def test_what_is_shown_has_something_to_see_and_words_that_tell_it(
    function: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[function.__module__], "project", without_umap, raising=False)
    found = shown(function)
    if isinstance(found, VBox):
        check_widget(found)
    elif isinstance(found, tuple):
        check_figure(*found)
    else:
        frame = found.frame if isinstance(found, Table) else found
        assert isinstance(frame, pd.DataFrame)
        assert frame.notna().any(axis=None)
        assert frame.columns.is_unique


def check_figure(figure: Figure, alt: str) -> None:
    drawn = [axis for axis in figure.axes if axis.get_visible()]
    artists = [(*a.lines, *a.collections, *a.images, *a.patches, *a.texts) for a in drawn]
    assert drawn
    assert all(artists)
    assert len(alt) > 40
    assert alt.endswith(".")
    assert alt[0].isupper() or alt[0].isdigit()
    assert not re.search(r"\bNone\b|<.*>", alt)
    assert encode(figure)


def check_widget(found: VBox) -> None:
    """A picture for each position of a slider, and none twice."""
    parts = list(walk(found))
    sliders = [part for part in parts if hasattr(part, "_options_labels")]
    stacks = [part for part in parts if isinstance(part, Stack)]
    assert sliders
    assert {len(s._options_labels) for s in sliders} == {len(s.children) for s in stacks}
    for stack in stacks:
        texts = [repr([getattr(p, "value", "") for p in walk(page)]) for page in stack.children]
        assert len(set(texts)) == len(texts)


def walk(widget: Any) -> Iterator[Any]:
    """A widget and all that it holds."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)
