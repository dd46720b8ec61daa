"""Every widget of every page moves with the keyboard, and its picture changes, without a kernel."""

from __future__ import annotations

import json

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from medda_lib import _paths
from tests.browser.pages import Page, executed

pytestmark = pytest.mark.slow
STATE = "application/vnd.jupyter.widget-state+json"
_VISIBLE = """
return [...document.querySelectorAll('.jupyter-widgets img')]
  .filter(e => e.getClientRects().length).map(e => e.src);
"""
_VALUE = "return arguments[0].getAttribute('aria-valuenow') ?? arguments[0].value"


def sliders(name: str) -> int:
    """How many controls the frozen notebook holds: what the page must show."""
    notebook = json.loads((_paths.CHECKOUT / f"{name}.ipynb").read_text("utf-8"))
    states = notebook["metadata"].get("widgets", {}).get(STATE, {}).get("state", {}).values()
    return sum(s["model_name"].endswith(("SliderModel", "DropdownModel")) for s in states)


WITH_WIDGETS = [name for name in executed() if sliders(name)]


def handle(slider: WebElement) -> WebElement:
    """What takes the keyboard: the slider's knob, or the list."""
    found = slider.find_elements(By.CSS_SELECTOR, ".noUi-handle, select, input")
    assert found, "a widget that the keyboard cannot reach"
    return found[0]


@pytest.mark.parametrize("name", WITH_WIDGETS)
def test_every_widget_changes_its_picture(page: Page, name: str) -> None:
    page.open(name)
    found = page.browser.find_elements(By.CSS_SELECTOR, ".widget-slider, .widget-dropdown")
    assert len(found) == sliders(name)
    for slider in found:
        page.run("arguments[0].scrollIntoView({block: 'center'})", slider)
        before = page.run(_VISIBLE)
        assert before, "no picture beside the widget"
        knob = handle(slider)
        assert page.run("return arguments[0].tabIndex", knob) >= 0
        stood = page.run(_VALUE, knob)
        for key in (Keys.ARROW_RIGHT, Keys.ARROW_DOWN):  # one of them where the other is the end
            knob.send_keys(key)
            if page.run(_VALUE, knob) != stood:
                break
        page.wait(lambda before=before: page.run(_VISIBLE) != before, "a widget moves no picture")  # type: ignore[misc]
    assert page.complaints() == []


def test_the_chapters_have_widgets() -> None:
    assert {f"book/chapters/{key}" for key in ("aiva", "fda", "multimix", "odex")} <= set(
        WITH_WIDGETS
    )
