"""A built book and a headless browser; both are made once for all tests of this folder.

The book is built as readers get it, or taken from `MEDDA_BUILT_BOOK` (the folder with `index.html`).
Without Debian's chromium and chromedriver the tests are skipped, and say so.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from medda_lib import _paths
from medda_lib.pages.build import build
from tests.browser.pages import Page

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
    options = ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    chrome = Chrome(options=options, service=Service(driver))
    chrome.set_page_load_timeout(60)
    yield chrome
    chrome.quit()


@pytest.fixture
def page(browser: Chrome, book: Path) -> Iterator[Page]:
    """The browser as a reader of the book; width, medium and theme are put back afterwards."""
    reader = Page(browser, book)
    yield reader
    reader.plain()
