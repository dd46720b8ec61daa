"""Build the book from its executed notebooks; `make book` calls `python -m medda_lib.pages.build`.

Nothing is executed. Jupyter Book 1.x reads `_config.yml` and `_toc.yml` at the top of the checkout and
writes `_build/html`; every warning is an error, so a broken reference or a missing picture cannot slip
into a published page. The last line of the output is the path of the first page.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from medda_lib import _paths


class BookError(RuntimeError):
    """The book could not be built; Jupyter Book's own lines above say why."""


def build(checkout: Path = _paths.CHECKOUT, output: Path | None = None) -> Path:
    """Build the book of a checkout; returns the path of `index.html`.

    output: the folder in which `_build` is made; the checkout by default.
    Raises `BookError` where `_config.yml` is missing or the build had an error or a warning.
    """
    command = _jupyter_book(checkout)
    target = output or checkout
    shutil.rmtree(target / "_build" / "html", ignore_errors=True)  # pages that are no more
    # Always from scratch: whether a page is out of date does not show in the page's own file.
    options = ["--all", "--path-output", str(target), "--builder", "html", "-W", "--keep-going"]
    if subprocess.run([*command, *options, "-q"], check=False).returncode:
        raise BookError(
            f"the book in {target / '_build' / 'html'} is not fit to be read:"
            " each WARNING or ERROR above names a page to mend"
        )
    return target / "_build" / "html" / "index.html"


def check_links(checkout: Path = _paths.CHECKOUT) -> None:
    """Ask for every address outside the book that a page links to; prints each with its state.

    Apart from `build`, since it needs the network and others' servers. Raises `BookError` where a link
    is broken.
    """
    command = [*_jupyter_book(checkout), "--builder", "linkcheck"]
    if subprocess.run(command, check=False).returncode:
        raise BookError("each line above with the word `broken` names a page and a dead address")


def _jupyter_book(checkout: Path) -> list[str]:
    """The command without its options."""
    if not (checkout / "_config.yml").is_file():
        raise BookError(f"{checkout / '_config.yml'} is missing: the book is built from a checkout")
    return [str(Path(sys.executable).with_name("jupyter-book")), "build", str(checkout)]


def main() -> int:
    """Build, then print where the book is; with `--links`, try the links that lead out of it."""
    try:
        if "--links" in sys.argv[1:]:
            check_links()
            return 0
        index = build()
    except BookError as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"The book is ready. Open this file in a browser, no server and no network needed:\n{index}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
