"""A built book and a headless browser; both are made once for all tests of this folder.

The book is built as readers get it, or taken from `MEDDA_BUILT_BOOK` (the folder with `index.html`).
Without Debian's chromium and chromedriver the tests are skipped, and say so. Nothing here is in a hurry:
what a browser is asked may take as long as `PATIENCE`, so that a slow or busy machine fails no test.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from filelock import FileLock
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from medda_lib import _paths
from medda_lib.pages.build import build
from tests.browser.pages import PATIENCE, Page

# The first group stops what Chromium fetches for itself, the last keeps it apart from other tests.
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1300,900",
)
STARTS = 5  # chromedriver itself waits a minute for Chromium, and cannot be told to wait longer


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built book. Processes that share the tests share the build."""
    if given := os.environ.get("MEDDA_BUILT_BOOK"):
        return Path(given)
    top = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        top = top.parent
    html = top / "built" / "_build" / "html"
    with FileLock(top / "built.lock"):
        if not (html / "index.html").is_file():
            build(_paths.CHECKOUT, top / "built")
    return html


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """Headless Chromium that logs its requests and what pages print on its console."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        missing = "chromium" if chromium is None else "chromedriver (package chromium-driver)"
        pytest.skip(f"no {missing} on this machine: the pages are not tried in a browser")
    chrome = started(chromium, driver, tmp_path_factory)
    yield chrome
    chrome.quit()


def started(chromium: str, driver: str, folders: pytest.TempPathFactory) -> Chrome:
    """A browser; another try, with another profile, where it was not there in time."""
    for _ in range(STARTS - 1):
        with suppress(WebDriverException):
            return started_once(chromium, driver, folders.mktemp("profile"))
    return started_once(chromium, driver, folders.mktemp("profile"))


def started_once(chromium: str, driver: str, profile: Path) -> Chrome:
    """A browser that no command is too slow for; WebDriverException where it does not start."""
    options = ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    options.timeouts = {"pageLoad": 1000 * PATIENCE, "script": 1000 * PATIENCE}
    return Chrome(options=options, service=Service(driver))


@pytest.fixture
def page(browser: Chrome, book: Path) -> Iterator[Page]:
    """The browser as a reader of the book; width, medium and theme are put back afterwards."""
    reader = Page(browser, book)
    yield reader
    reader.plain()
    browser.get("about:blank")  # a page left open goes on taking half a core from other tests
