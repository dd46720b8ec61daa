"""The scoreboard page: no row is lost, links resolve, texts are escaped, counts are true."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest

from medda_lib import _paths
from medda_lib.figures.verdicts import SIGNS, tally, verdicts
from medda_lib.notebooks import running
from medda_lib.notebooks.checking import LIMIT
from medda_lib.pages.board import Board, Cell, Facet, Row, link
from medda_lib.pages.build import BookError, build
from medda_lib.pages.counting import differences
from medda_lib.pages.scoreboard import ANCHOR
from medda_lib.pages.scoreboard_tables import (
    TABLES,
    claims_board,
    headlines_board,
    slug,
    systems_board,
)
from medda_lib.papers import inventory
from medda_lib.papers.catalogue import papers
from medda_lib.papers.counts import Standing, standing
from tests.book.small import begin

SOURCE = _paths.BOOK / "scoreboard.py"
DICE = {"UMTL-S": (0.5, 0.6, 0.7), "UMTL": (0.71, 0.8, 0.9)}
LEDGER = "demo-phantom"


def write(folder: Path) -> None:
    """A ledger in which the bridge (UMTL-S against UMTL) lowers Dice in each of three repetitions."""
    rows: list[dict[str, object]] = []
    runs: list[dict[str, object]] = []
    for system, dice in DICE.items():
        place = {"system": system, "labels": "100", "masks": "10"}
        for seed, value in enumerate(dice):
            where = {"evaluation": "in-domain", "domain": "jsrt", "problem": "segmentation"}
            head: dict[str, object] = {"paper": "multimix", "profile": "demo", "data": "phantom"}
            rows.append(head | place | {"seed": seed} | where | {"metric": "dice", "value": value})
            runs.append(
                {"condition": place, "seed": seed, "seconds": 1.0, "key": f"{system}{seed}"}
            )
    origin: dict[str, object] = {
        "hardware": {"cpu": "a <processor>", "cores": 2, "gpu": None},
        "device": "cpu",
    }
    origin |= {"commit": "0123456789", "seconds": 7200.0, "last": "2026-01-02 03:04:05 UTC"}
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(folder / f"{LEDGER}.csv", index=False)
    (folder / f"{LEDGER}.json").write_text(json.dumps(origin | {"runs": runs}), "utf-8")


class Parsed(HTMLParser):
    """Anchors, links, rows of bodies and the tags that a page is made of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.hrefs: list[str] = []
        self.rows: list[dict[str, str]] = []
        self.tags: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: text or "" for name, text in attrs}
        self.tags.add(tag)
        self.ids += [values["id"]] if "id" in values else []
        self.hrefs += [values["href"]] if tag == "a" and "href" in values else []
        if tag == "tr" and "data-paper" in values:
            self.rows.append(values)


class Nowhere:
    """Addresses that say what was asked for."""

    def chapter(self, paper: str, *anchors: str) -> str:
        return f"chapter/{paper}?{'|'.join(anchors)}"

    def ledger(self, paper: str, ledger: str, suffix: str = ".csv") -> str:
        return f"ledger/{paper}/{ledger}{suffix}"


@pytest.fixture
def known(tmp_path: Path) -> Standing:
    write(tmp_path / "multimix")
    return standing(tmp_path)


def test_no_system_and_no_claim_is_lost(known: Standing) -> None:
    systems = Parsed(systems_board(known, Nowhere()))
    wanted = {f"system-{p.key}-{slug(s.name)}" for p in papers() for s in p.systems}
    assert set(systems.ids) == wanted
    assert len(systems.rows) == len(systems.ids) == sum(len(p.systems) for p in papers())
    claims = Parsed(claims_board(known, Nowhere()))
    frame = known.claims.drop_duplicates(["paper", "claim"])
    names = [f"claim-{row.paper}-{row.claim}" for row in frame.itertuples()]
    heads = [f"claim-{row.paper}-{row.claim}" for row in frame.itertuples() if row.headline]
    assert claims.ids[: len(heads)] == heads
    assert sorted(claims.ids) == sorted(names)
    boards = Parsed(headlines_board(known, Nowhere()))
    assert boards.ids == [name.replace("claim", "headline", 1) for name in heads]


def test_rows_are_found_under_their_facets(known: Standing) -> None:
    rows = {row["id"]: row for row in Parsed(claims_board(known, Nowhere())).rows}
    told = rows["claim-multimix-C1a"]
    assert (told["data-paper"], told["data-setting"]) == ("multimix", "semi-supervised")
    assert (told["data-modality"], told["data-data"]) == ("radiography", "phantom")
    assert told["data-verdict"] == told["data-verdict-phantom"] == "contradicted"
    assert told["data-verdict-real"] == "not tested"
    kinds = {name: rows[f"claim-multimix-{name}"]["data-kind"] for name in ("C1a", "C1c", "C2a")}
    assert kinds == {"C1a": "claim", "C1c": "remark", "C2a": "headline"}
    untested = rows["claim-multimix-C2a"]
    assert (untested["data-data"], untested["data-verdict"]) == ("", "not tested")
    systems = Parsed(systems_board(known, Nowhere())).rows
    measured = {row["id"] for row in systems if row["data-status"] == "measured"}
    assert measured == {"system-multimix-umtl-s", "system-multimix-umtl"}
    assert {row["data-data"] for row in systems if row["id"] in measured} == {"phantom"}
    two = next(row for row in systems if row["data-paper"] == "apl")
    assert two["data-modality"] == "CT|MR"


def test_a_verdict_leads_to_its_row_and_to_its_ledger(known: Standing) -> None:
    hrefs = Parsed(claims_board(known, Nowhere())).hrefs
    assert f"chapter/multimix?claim-multimix-C1a-{LEDGER}|claim-multimix-C1a|claims" in hrefs
    assert f"ledger/multimix/{LEDGER}.csv" in hrefs
    assert "chapter/multimix?results" in Parsed(systems_board(known, Nowhere())).hrefs


def test_filtered_views_name_facets_and_values_that_exist(known: Standing) -> None:
    """What the numbers link to, #claims.data=real&claims.verdict=supported, is understood there."""
    choices = {"systems": systems_board(known, Nowhere()), "claims": claims_board(known, Nowhere())}
    options = {
        name: {
            facet: set(re.findall(r'<option value="([^"]+)"', inside))
            for facet, inside in re.findall(r'<select name="(\w+)"[^>]*>(.*?)</select>', html)
        }
        for name, html in choices.items()
    }
    views = [
        href
        for make in TABLES.values()
        for href in Parsed(make(known, Nowhere())).hrefs
        if href.startswith("#")
    ]
    assert len(views) > 20
    for view in views:
        for part in unquote(view[1:]).split("&"):
            board, facet, value = re.split("[.=]", part, maxsplit=2)
            assert value in options[board][facet], view


def test_what_is_in_the_files_cannot_break_the_page() -> None:
    nasty = "<script>\"x\" & 'y'</script>"
    cells = [Cell(link(nasty, f"a?{nasty}", download=nasty)), Cell("1", sort=nasty)]
    row = Row(nasty, cells, {"paper": [nasty, "other"]})
    board = Board("b", nasty, ("one", nasty), [row], [Facet("paper", {nasty: nasty})], "rows")
    page = Parsed(board.html())
    assert "script" not in page.tags
    assert page.ids == [nasty]
    assert page.rows[0]["data-paper"] == f"{nasty}|other"
    assert page.hrefs == [f"a?{nasty}"]


def test_texts_of_papers_and_ledgers_are_escaped(known: Standing) -> None:
    nasty = "<b onclick=x>&"
    frames = {
        name: getattr(known, name).assign(title=nasty) for name in ("systems", "claims", "ledgers")
    }
    frames["systems"]["system"] = [f"{nasty}{i}" for i in range(len(frames["systems"]))]
    frames["claims"]["text"] = frames["claims"]["reason"] = nasty
    changed = replace(known, **frames)
    for name, make in TABLES.items():
        html = make(changed, Nowhere())
        assert "<b onclick" not in html, name
        assert Parsed(html).tags <= set(
            "div form label select option input button p span b table caption thead tbody tr th td "
            "small a i em".split()
        )
    assert "a &lt;processor&gt;" in TABLES["ledgers"](known, Nowhere())


def test_the_tables_print_counts_that_are_true(known: Standing) -> None:
    for make in TABLES.values():
        assert list(differences(make(known, Nowhere()), known)) == []


def test_a_wrong_count_is_told(known: Standing) -> None:
    right = known.counts["systems.done"]
    body = f'<p><span class="x" data-count="systems.done">{right + 1}</span></p>'
    (words,) = differences(body, known)
    assert words == f"systems.done is printed as '{right + 1}', the ledgers say {right}"
    assert list(differences(body.replace(str(right + 1), str(right)), known)) == []
    (words,) = differences('<i data-count="nothing">1</i>', known)
    assert "nothing is counted by the name 'nothing'" in words


def test_a_table_of_verdicts_is_held_against_its_ledger(known: Standing) -> None:
    row: dict[str, object] = {"id": "C1a", "text": "t", "where": "w", "reported": 0.1}
    row |= {"data": "phantom", "effect": -0.2, "low": -0.3, "high": -0.1, "n": 3}
    row |= {"paper": "multimix", "ledger": LEDGER}
    true = verdicts([row | {"verdict": "contradicted"}], "Claims").html
    assert set(Parsed(true).ids) == {"claim-multimix-C1a", f"claim-multimix-C1a-{LEDGER}"}
    assert list(differences(true, known)) == []
    (words,) = differences(verdicts([row | {"verdict": "supported"}], "Claims").html, known)
    assert words == f"multimix C1a is printed as '▲ supported', {LEDGER} says contradicted"
    gone = verdicts([row | {"verdict": "supported", "ledger": "paper-own"}], "Claims").html
    assert "nothing: it is not committed" in next(differences(gone, known))
    loose = verdicts([row | {"verdict": "supported", "ledger": ""}], "Claims").html
    assert list(differences(loose, known)) == [], "measured on the spot: no ledger to hold it to"


def test_a_frozen_table_of_verdicts_is_found_in_its_notebook() -> None:
    row: dict[str, object] = {"id": "C1a", "text": "t", "where": "w", "reported": 0.1, "n": 3}
    row |= {"data": "phantom", "effect": -0.2, "low": -0.3, "high": -0.1, "verdict": "supported"}
    html = verdicts([row | {"paper": "multimix", "ledger": LEDGER}], "Claims").html
    stored = json.dumps({"text/html": [html]})
    assert set(ANCHOR.findall(stored)) == set(Parsed(html).ids)


def test_the_tally_says_what_it_counts(known: Standing) -> None:
    table = tally(known.claims, "Verdicts", inventory.KIND_NAMES)
    assert 'data-count="verdicts.multimix.phantom.contradicted">1<' in table.html
    assert list(differences(table.html, known)) == []
    assert table.frame[list(SIGNS)].to_numpy().sum() == (~known.claims["remark"]).sum()


def html(results: Path, folder: Path) -> str:
    """All HTML of the page's notebook, executed on a folder of results."""
    parameters = {"profile": "smoke", "data": "phantom", "seed": 0, "device": "cpu"}
    notebook = running.execute(
        SOURCE, folder / "page.ipynb", parameters | {"results": str(results)}
    )
    assert len(json.dumps(notebook)) < LIMIT / 2
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    return "".join("".join(output.get("data", {}).get("text/html", "")) for output in outputs)


@pytest.mark.slow
@pytest.mark.parametrize("measured", [False, True])
def test_the_notebook_runs_with_results_and_without(tmp_path: Path, measured: bool) -> None:
    if measured:
        write(tmp_path / "multimix")
    page = html(tmp_path, tmp_path)
    assert list(differences(page, standing(tmp_path))) == []
    assert page.count('data-count="verdicts.multimix.phantom.contradicted">1<') == measured
    assert ("100% on phantoms" in page or "0% on phantoms" in page) == measured


PAGE = "# Scoreboard\n\n{count}`systems` systems.\n\n" + "\n\n".join(
    f"```{{scoreboard}} {name}\n```" for name in TABLES
)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small book: the tables, a chapter with a frozen table of verdicts, and one without."""
    top = tmp_path_factory.mktemp("book")
    begin(top, "scoreboard", "chapters/multimix", "chapters/fda")
    (top / "book" / "index.md").write_text("# First\n", "utf-8")
    (top / "book" / "scoreboard.md").write_text(PAGE, "utf-8")
    write(top / "book" / "results" / "multimix")
    (top / "book" / "chapters").mkdir()
    (top / "book" / "chapters" / "fda.md").write_text("# FDA\n\n## Results\n", "utf-8")
    chapter(top, "contradicted")
    build(top)
    return top


def chapter(top: Path, verdict: str) -> None:
    """The chapter of a paper with a table of verdicts, as a frozen notebook holds it."""
    row: dict[str, object] = {"id": "C1a", "text": "t", "where": "w", "reported": 0.1, "n": 3}
    row |= {"data": "phantom", "effect": -0.2, "low": -0.3, "high": -0.1, "verdict": verdict}
    table = verdicts([row | {"paper": "multimix", "ledger": LEDGER}], "Claims").html
    shown = {"output_type": "display_data", "data": {"text/html": [table]}, "metadata": {}}
    words = {"cell_type": "markdown", "source": ["# MultiMix\n\n## Results\n\n## Claims"]}
    code = {"cell_type": "code", "source": ["1"], "outputs": [shown], "execution_count": 1}
    notebook = {
        "cells": [words | {"metadata": {}}, code | {"metadata": {}}],
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python 3"},
            "language_info": {"name": "python", "pygments_lexer": "ipython3"},
        },
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    path = top / "book" / "chapters" / "multimix.ipynb"
    path.write_text(json.dumps(notebook), "utf-8")
    (top / "book" / "chapters" / "multimix.py").write_text("# %%\n1\n", "utf-8")


def addresses(page: Path) -> Iterator[tuple[str, Path, str]]:
    """Links of a page's tables to files: (as written, file, anchor)."""
    for href in Parsed(page.read_text("utf-8")).hrefs:
        path, _, anchor = href.partition("#")
        if path.endswith((".csv", ".json")) or "chapters/" in path:
            yield href, (page.parent / path).resolve(), anchor


@pytest.mark.slow
def test_every_link_of_the_tables_resolves(book: Path) -> None:
    page = book / "_build" / "html" / "book" / "scoreboard.html"
    found = list(addresses(page))
    anchors = {anchor for _, _, anchor in found}
    assert {"results", "claims", "claim-multimix-C1a", f"claim-multimix-C1a-{LEDGER}"} <= anchors
    for href, path, anchor in found:
        assert path.is_file(), href
        if anchor:
            assert anchor in Parsed(path.read_text("utf-8")).ids, href
    copies = book / "_build" / "html" / "_downloads" / "results" / "multimix"
    for suffix in (".csv", ".json"):
        committed = book / "book" / "results" / "multimix" / f"{LEDGER}{suffix}"
        assert (copies / committed.name).read_bytes() == committed.read_bytes()


@pytest.mark.slow
def test_only_pages_with_a_table_load_its_script(book: Path) -> None:
    pages = book / "_build" / "html" / "book"
    for asset in ("medda/scoreboard.js", "medda/scoreboard.css"):
        assert asset in (pages / "scoreboard.html").read_text("utf-8")
        assert asset not in (pages / "index.html").read_text("utf-8")
        assert asset not in (pages / "chapters" / "multimix.html").read_text("utf-8")
    words = re.sub(r"<[^>]+>", "", (pages / "scoreboard.html").read_text("utf-8"))
    assert f"{sum(len(p.systems) for p in papers())} systems." in words


@pytest.mark.slow
def test_a_verdict_that_the_ledger_does_not_bear_out_fails_the_build(
    book: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    chapter(book, "supported")
    index = book / "book" / "index.md"
    index.write_text('# First\n\n<b data-count="systems.done">1000</b>\n', "utf-8")
    try:
        with pytest.raises(BookError, match="names a page to mend"):
            build(book)
    finally:
        chapter(book, "contradicted")
        index.write_text("# First\n", "utf-8")
    said = "".join(capfd.readouterr())
    assert f"multimix C1a is printed as '▲ supported', {LEDGER} says contradicted" in said
    assert "medda freeze multimix" in said
    assert "systems.done is printed as '1000'" in said
