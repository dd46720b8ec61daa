"""How long the scoreboard takes to show what a reader types: milliseconds from a letter to the table.

Measured by the page itself in headless Chromium, layout included, in the book as built (`make book`).
The time is by the clock, so nothing else should run. Aim: 200 ms, which feels immediate.

    python benchmarks/scoreboard_filter.py
"""

from __future__ import annotations

import argparse
import shutil
import statistics
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from medda_lib import _paths

TYPED = ("d", "di", "dic", "dice", "dice ", "dice b", "")
TIMED = """
const form = document.querySelector('[data-board=claims] form');
const start = performance.now();
form.elements.words.value = arguments[0];
form.elements.words.dispatchEvent(new Event('input'));
document.body.getBoundingClientRect();
return performance.now() - start;
"""


def browser() -> Chrome:
    """Headless Chromium, Debian's."""
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1300,900"):
        options.add_argument(flag)
    return Chrome(options=options, service=Service(shutil.which("chromedriver")))


def main() -> None:
    """Print a line for each text that is typed, and the median."""
    parser = argparse.ArgumentParser(description=__doc__)
    built = _paths.CHECKOUT / "_build" / "html"
    parser.add_argument("--book", type=Path, default=built, help="folder with index.html")
    page = parser.parse_args().book.resolve() / "book" / "scoreboard.html"
    with browser() as chrome:
        chrome.get(page.as_uri())
        times = [float(chrome.execute_script(TIMED, words)) for words in TYPED]
    for words, milliseconds in zip(TYPED, times, strict=True):
        print(f"{words!r:9} {milliseconds:6.1f} ms")
    print(f"median    {statistics.median(times):6.1f} ms")


if __name__ == "__main__":
    main()
