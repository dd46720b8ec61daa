"""The scoreboard in a browser: filters, sorting, addresses, keyboard, phone, paper, no script at all."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from urllib.parse import unquote

import pandas as pd
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from medda_lib.papers.counts import standing
from tests.browser.pages import PAPER, PHONE, Page

pytestmark = pytest.mark.slow

PAGE = "book/scoreboard"
NOUN = "claims and remarks"
FEW = 30  # rows that a table shows before "show all"
SHOWN = """
const rows = [...document.querySelectorAll(`[data-board=${arguments[0]}] tbody tr`)];
return rows.filter(row => row.getClientRects().length).map(row => row.id);
"""
INSIDE = """
const top = document.getElementById(arguments[0]).getBoundingClientRect().top;
return 0 < top && top < innerHeight;
"""


def shown(page: Page, board: str) -> list[str]:
    """Anchors of the rows of a table that can be seen, in order."""
    ids: list[str] = page.run(SHOWN, board)
    return ids


def count(page: Page, board: str) -> str:
    """What stands above a table, "Showing 12 of 230 claims"."""
    return page.browser.find_element(By.CSS_SELECTOR, f"[data-board={board}] .count").text


def select(page: Page, board: str, name: str) -> Select:
    """One choice of a table's form."""
    return Select(page.browser.find_element(By.CSS_SELECTOR, f"[data-board={board}] [name={name}]"))


@pytest.fixture(scope="module")
def claims() -> pd.DataFrame:
    """What the ledgers say, one row per claim and kind of data."""
    # The page lists headlines first, and claims as their papers do, whatever the data.
    found = standing().claims.sort_values("headline", ascending=False, kind="stable")
    return found.assign(anchor="claim-" + found["paper"] + "-" + found["claim"])


@pytest.fixture
def tested(claims: pd.DataFrame) -> pd.DataFrame:
    return claims[claims["verdict"] != "not tested"]


@pytest.fixture
def board(page: Page) -> Iterator[Page]:
    """The scoreboard as it opens."""
    page.open(PAGE)
    yield page
    assert page.complaints() == []


def test_all_is_told_and_few_rows_are_shown_at_first(board: Page, claims: pd.DataFrame) -> None:
    total = claims["anchor"].nunique()
    assert count(board, "claims") == f"{total} {NOUN}"
    assert len(shown(board, "claims")) == FEW
    more = board.browser.find_element(By.CSS_SELECTOR, "[data-board=claims] .more")
    assert more.text == f"Show all {total} {NOUN}"
    more.send_keys(Keys.ENTER)
    assert shown(board, "claims") == list(dict.fromkeys(claims["anchor"]))


CHOICES: tuple[dict[str, str], ...] = (
    {"paper": "fda"},
    {"setting": "continual", "data": "own"},
    {"verdict": "contradicted"},
    {"verdict": "contradicted", "data": "real"},
    {"verdict": "supported", "data": "phantom", "modality": "radiography"},
    {"verdict": "not tested", "data": "own"},
    {"verdict": "not tested"},
)


def expected(claims: pd.DataFrame, chosen: dict[str, str]) -> list[str]:
    """Anchors of the claims that some choices should leave, from the frames."""
    rows = claims
    for name in ("paper", "setting", "modality"):
        if name in chosen:
            rows = rows[[chosen[name] in text.split(", ") for text in rows[name]]]
    if "data" in chosen:
        rows = rows[rows["data"] == chosen["data"]]
    if chosen == {"verdict": "not tested"}:  # on no kind of data at all
        rows = rows[~rows["anchor"].isin(rows.loc[rows["verdict"] != "not tested", "anchor"])]
    elif "verdict" in chosen:
        rows = rows[rows["verdict"] == chosen["verdict"]]
    elif "data" in chosen:
        rows = rows[rows["verdict"] != "not tested"]
    left = set(rows["anchor"])
    return [anchor for anchor in dict.fromkeys(claims["anchor"]) if anchor in left]


def test_choices_combine(board: Page, claims: pd.DataFrame) -> None:
    """Chosen in the form or named in the address, the rows are those that the frames give."""
    total = claims["anchor"].nunique()
    for chosen in CHOICES:
        wanted = expected(claims, chosen)
        board.run("location.hash = ''")
        board.wait(lambda: count(board, "claims") == f"{total} {NOUN}", "the view stays")
        for name, value in chosen.items():
            select(board, "claims", name).select_by_value(value)
        said = f"Showing {len(wanted)} of {total} {NOUN}"
        board.wait(lambda said=said: count(board, "claims") == said, f"{chosen}: not {said}")  # type: ignore[misc]
        assert shown(board, "claims") == wanted[:FEW], chosen
        assert len(shown(board, "systems")) == FEW, "the other table is as it was"
        address = board.address
        for name, value in chosen.items():
            assert f"claims.{name}={value}" in unquote(address).replace("+", " ")
            option = select(board, "claims", name).first_selected_option
            assert option.text.endswith(f"({len(wanted)})")
    board.open(PAGE, "#" + address.partition("#")[2])
    assert shown(board, "claims") == wanted[:FEW], "the address of a view brings it back"


def test_numbers_lead_to_their_rows(board: Page, tested: pd.DataFrame) -> None:
    link = "[data-board=verdicts] a[href*='real'][href*='supported']"
    number = board.browser.find_element(By.CSS_SELECTOR, link)
    said = number.text
    number.send_keys(Keys.ENTER)
    wanted = tested[(tested["data"] == "real") & (tested["verdict"] == "supported")]
    board.wait(lambda: count(board, "claims").startswith(f"Showing {said} of"), "no filtered view")
    assert len(wanted) == int(said)
    assert shown(board, "claims") == list(wanted["anchor"])[:FEW]
    board.browser.back()
    board.wait(lambda: not count(board, "claims").startswith("Showing"), "back leads nowhere")


def test_words_are_all_looked_for_and_clear_forgets(board: Page, claims: pd.DataFrame) -> None:
    words = board.browser.find_element(By.CSS_SELECTOR, "[data-board=claims] [name=words]")
    words.send_keys("CYCLEGAN severe")
    rows = shown(board, "claims")
    texts = claims.drop_duplicates("anchor").set_index("anchor")["text"].str.lower()
    said = texts[texts.str.contains("cyclegan") & texts.str.contains("severe")]
    assert len(said)
    assert set(said.index) <= set(rows)
    assert len(rows) < FEW
    assert "claims.words=CYCLEGAN+severe" in board.address
    board.browser.find_element(By.CSS_SELECTOR, "[data-board=claims] [type=reset]").click()
    board.wait(lambda: len(shown(board, "claims")) == FEW, "clear does not clear")
    assert "#" not in board.address


def test_nothing_found_is_said(board: Page) -> None:
    words = board.browser.find_element(By.CSS_SELECTOR, "[data-board=systems] [name=words]")
    words.send_keys("no such system anywhere")
    assert count(board, "systems").startswith("Showing 0 of ")
    assert shown(board, "systems") == []


def test_a_heading_sorts_up_down_and_back(board: Page, claims: pd.DataFrame) -> None:
    first = claims.drop_duplicates("anchor").set_index("anchor")["reported"]
    select(board, "claims", "paper").select_by_value("multimix")
    board.wait(lambda: count(board, "claims").startswith("Showing"), "nothing is filtered")
    before = shown(board, "claims")
    head = "[data-board=claims] thead th:nth-child(3)"
    for direction in ("ascending", "descending"):
        board.browser.find_element(By.CSS_SELECTOR, f"{head} button").send_keys(Keys.ENTER)
        heading = board.browser.find_element(By.CSS_SELECTOR, head)
        assert heading.get_attribute("aria-sort") == direction
        numbers = first[shown(board, "claims")].dropna()
        assert list(numbers) == sorted(numbers, reverse=direction == "descending")
    assert "claims.sort=-reported" in board.address
    board.browser.find_element(By.CSS_SELECTOR, f"{head} button").send_keys(Keys.ENTER)
    assert shown(board, "claims") == before


def test_the_address_of_a_row_shows_it_even_far_down(page: Page, claims: pd.DataFrame) -> None:
    last = claims["anchor"].iloc[-1]
    page.open(PAGE, f"#{last}")
    assert last in shown(page, "claims")
    page.wait(lambda: bool(page.run(INSIDE, last)), f"{last} is not on the screen")


def test_the_keyboard_reaches_every_control(board: Page) -> None:
    """Tab goes from the first choice through all others to the headings, each with a visible ring."""
    select(board, "systems", "paper")
    board.run("document.querySelector('[data-board=systems] form select').focus()")
    reached = []
    for _ in range(16):
        reached.append(
            board.run("return document.activeElement.name || document.activeElement.type")
        )
        ring = board.run("return getComputedStyle(document.activeElement).outlineStyle")
        assert ring != "none", reached
        board.browser.switch_to.active_element.send_keys(Keys.TAB)
    assert reached[:8] == [
        *("paper", "setting", "modality", "role", "status", "data", "words", "reset")
    ]
    assert reached[8:15] == ["button"] * 7, "seven headings"


def test_ledgers_are_beside_the_page(board: Page) -> None:
    links = board.run(
        "return [...document.querySelectorAll('.medda-board a[download]')].map(a => a.href)"
    )
    assert len(set(links)) >= 2 * standing().counts["ledgers"]
    for address in sorted(set(links)):
        path = board.book / unquote(address).partition("/_build/html/")[2]
        assert path.is_file(), address
        if path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as file:
                assert {"system", "metric", "value"} <= set(next(csv.reader(file)))


def test_rows_are_cards_on_a_phone(page: Page) -> None:
    page.open(PAGE, "#claims.paper=fda&claims.sort=-reported")
    page.size(PHONE)
    assert page.sticking_out(PHONE) == []
    assert len(shown(page, "claims")) == FEW
    labels = page.run(
        "const cell = document.querySelector('[data-board=claims] tbody td');"
        "return [getComputedStyle(cell, '::before').content, getComputedStyle(cell).display]"
    )
    assert labels == ['"what it says"', "block"]
    by = page.browser.find_element(By.CSS_SELECTOR, "[data-board=claims] .by select")
    assert by.is_displayed()
    assert by.get_attribute("value") == "-reported"


def test_paper_shows_every_row_that_was_chosen(page: Page, claims: pd.DataFrame) -> None:
    page.open(PAGE, "#claims.paper=fda")
    page.on_paper()
    assert len(shown(page, "claims")) == claims.loc[claims["paper"] == "fda", "claim"].nunique()
    boards = [words for words in page.cut_off(PAPER) if "medda" in words or words.startswith("t")]
    assert boards == []
    forms = page.browser.find_elements(By.CSS_SELECTOR, ".medda-board form, .medda-board .more")
    assert not any(form.is_displayed() for form in forms)


def test_without_script_every_row_is_there(page: Page, claims: pd.DataFrame) -> None:
    page.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.browser.get("about:blank")
        page.browser.get((page.book / f"{PAGE}.html").as_uri())
        rows = page.browser.find_elements(By.CSS_SELECTOR, "[data-board=claims] tbody tr")
        assert len(rows) == claims["anchor"].nunique()
        assert all(row.rect["height"] > 0 for row in rows)
        forms = page.browser.find_elements(By.CSS_SELECTOR, ".medda-board form")
        assert [form.rect["height"] for form in forms] == [0, 0]
    finally:
        page.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
