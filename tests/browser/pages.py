"""What a test does with a page: open it, wait until it stands still, ask what it fetched and printed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from selenium.webdriver import Chrome

from medda_lib import _paths

PHONE = 390  # pixels
PAPER = 718  # pixels of 190 mm, an A4 page between margins of 10 mm
PATIENCE = 300  # seconds after which something is broken, not slow
# What vendored libraries print on every page: the widgets' about a schema, the theme's about a reader
# who has not chosen light or dark yet.
NOT_OURS = ("strict mode: use allowUnionTypes", "Got invalid theme mode: .")
_READY = """
const typeset = !window.MathJax || !MathJax.startup || !document.querySelector('.math')
  || document.querySelectorAll('.math mjx-container').length > 0;
const states = document.querySelector('script[type="application/vnd.jupyter.widget-state+json"]');
const views = document.querySelectorAll('script[type="application/vnd.jupyter.widget-view+json"]');
const drawn = !states || document.querySelectorAll('.jupyter-widgets').length >= views.length;
return document.readyState === 'complete' && typeset && drawn;
"""
_WIDTH = "return document.documentElement.clientWidth"
_MEDIA = "return arguments[0].every(query => matchMedia(query).matches)"
_CHANGING = "return document.getAnimations().some(one => one instanceof CSSTransition)"


def names() -> list[str]:
    """Every page of the table of contents, as `book/chapters/fda`."""
    toc = yaml.safe_load((_paths.CHECKOUT / "_toc.yml").read_text("utf-8"))
    parts = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    return [toc["root"], *parts]


def executed() -> list[str]:
    """The pages that are notebooks."""
    return [name for name in names() if (_paths.CHECKOUT / f"{name}.ipynb").is_file()]


@dataclass
class Page:
    """A page of the built book in the browser."""

    browser: Chrome
    book: Path

    def open(self, name: str, query: str = "") -> None:
        """Load a page over `file://` and wait for mathematics and widgets."""
        for kind in ("performance", "browser"):
            self.browser.get_log(kind)  # type: ignore[no-untyped-call]  # what was before is gone
        self.browser.get("about:blank")  # the same address with another fragment loads nothing
        self.browser.get((self.book / f"{name}.html").as_uri() + query)
        self.wait(lambda: bool(self.run(_READY)), "mathematics or widgets are not ready")

    def run(self, script: str, *arguments: object) -> Any:
        """The result of a piece of JavaScript."""
        return self.browser.execute_script(script, *arguments)

    def wait(self, done: Callable[[], bool], complaint: str) -> None:
        """Wait until something holds; AssertionError with the complaint after `PATIENCE`."""
        end = time.monotonic() + PATIENCE
        while not done():
            assert time.monotonic() < end, f"{self.browser.current_url}: {complaint}"
            time.sleep(0.05)

    @property
    def address(self) -> str:
        """Where the page says that it is; the browser's own idea of it may be a moment old."""
        return str(self.run("return location.href"))

    def requests(self) -> list[str]:
        """Everything that pages of the book fetched since `open`, their own files included."""
        messages = [
            json.loads(entry["message"])["message"]
            for entry in self.browser.get_log("performance")  # type: ignore[no-untyped-call]
        ]
        sent = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        # a new browser also fetches the parts of its own first page
        ours = [params for params in sent if params["documentURL"].startswith("file:")]
        return [params["request"]["url"] for params in ours]

    def complaints(self) -> list[str]:
        """Warnings and errors on the console since `open`."""
        entries = self.browser.get_log("browser")  # type: ignore[no-untyped-call]
        said = [entry["message"] for entry in entries if entry["level"] in {"SEVERE", "WARNING"}]
        return [message for message in said if not any(one in message for one in NOT_OURS)]

    def size(self, width: int, height: int = 844) -> None:
        """A screen of that width, as a phone has it. A page has to be open that fits it."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.wait(lambda: self.run(_WIDTH) == width, f"the page is not {width} pixels wide")
        self.settle()

    def medium(self, medium: str, theme: str = "light") -> None:
        """Pretend to be "print" or "screen", and a system that prefers light or dark."""
        features = [{"name": "prefers-color-scheme", "value": theme}]
        command = {"media": medium, "features": features}
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", command)
        wanted = [medium or "screen", f"(prefers-color-scheme: {theme})"]
        self.wait(lambda: bool(self.run(_MEDIA, wanted)), f"the page is not on {wanted}")
        self.settle()

    def settle(self) -> None:
        """Wait until colours and sizes that change little by little have done so."""
        self.wait(lambda: not self.run(_CHANGING), "the page does not come to rest")

    def on_paper(self) -> None:
        """As printed: the pages' own scripts hear of it as they do when a reader prints."""
        self.size(PAPER)
        self.medium("print")
        self.run("window.dispatchEvent(new Event('beforeprint'))")

    def plain(self) -> None:
        """The screen of a desk again."""
        self.run("window.dispatchEvent(new Event('afterprint'))")
        self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        self.medium("")

    def sticking_out(self, width: int) -> list[str]:
        """Elements wider than the page that no box of their own lets scroll, and by how much."""
        found: list[str] = self.run(_STICKING_OUT, width)
        return found

    def cut_off(self, width: int) -> list[str]:
        """Elements whose content does not fit their box: on paper nobody can scroll."""
        found: list[str] = self.run(_CUT_OFF, width)
        return found


_SHORT = """
const short = e => e.tagName.toLowerCase() + (e.className && e.className.split
  ? '.' + e.className.split(' ').join('.') : '') + ' "' + e.textContent.trim().slice(0, 30) + '"';
"""
_STICKING_OUT = (
    _SHORT
    + """
const width = arguments[0];
const scrolls = e => { for (let p = e.parentElement; p && p !== document.body; p = p.parentElement)
  if (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(p).overflowX)) return true;
  return false; };
const wide = document.documentElement.scrollWidth > width
  ? ['the page: ' + document.documentElement.scrollWidth + ' px'] : [];
const main = document.querySelector('article') || document.body;
return wide.concat([...main.querySelectorAll('*')].filter(e => {
  const box = e.getBoundingClientRect();
  return box.width > 0 && box.right > width + 1 && !scrolls(e);
}).slice(0, 5).map(e => short(e) + ' reaches ' + Math.round(e.getBoundingClientRect().right)));
"""
)
_CUT_OFF = (
    _SHORT
    + """
const width = arguments[0];
const main = document.querySelector('article') || document.body;
const seen = e => e.getClientRects().length && getComputedStyle(e).visibility !== 'hidden';
return [...main.querySelectorAll('*')].filter(e => {
  if (!seen(e) || e.closest('svg, .jupyter-widgets, .visually-hidden, .MathJax')) return false;
  const clipped = e.scrollWidth > e.clientWidth + 2 && e.clientWidth > 0
    && getComputedStyle(e).overflowX !== 'visible';
  return clipped || e.getBoundingClientRect().right > width + 2;
}).slice(0, 8).map(e => short(e) + ' ' + e.scrollWidth + ' in ' + e.clientWidth);
"""
)
