"""Where a page's notebook can be had: as a file, in Colab, on Binder.

The download works offline. Colab and Binder open the notebook of the public repository; where no such
address is known, their links are left out. Colab starts with the page's setup cell (`setup_cell`),
Binder with the environment in `.binder/`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import quote

from medda_lib.notebooks import setup_cell

BRANCH = "main"


@dataclass(frozen=True)
class Link:
    """One way to the notebook. `hint` says what happens; `download` marks the file itself."""

    text: str
    address: str
    hint: str
    download: bool = False


def repository() -> str | None:
    """The public repository as "owner/name"; None where there is none.

    `MEDDA_REPOSITORY` decides, then `GITHUB_REPOSITORY`, then a remote `origin` on GitHub.
    """
    return setup_cell.repository() or None


def branch() -> str:
    """The branch whose notebooks are opened: `MEDDA_BRANCH`, by default `main`."""
    return os.environ.get("MEDDA_BRANCH") or BRANCH


def colab(repository: str, page: str) -> str:
    """The address that opens a page ("book/chapters/fda") in Colab."""
    return (
        f"https://colab.research.google.com/github/{repository}/blob/"
        f"{quote(branch(), safe='')}/{quote(page)}.ipynb"
    )


def binder(repository: str, page: str) -> str:
    """The address that opens a page in JupyterLab on Binder."""
    tree = quote(f"lab/tree/{page}.ipynb", safe="")
    return f"https://mybinder.org/v2/gh/{repository}/{quote(branch(), safe='')}?urlpath={tree}"


def links(page: str) -> list[Link]:
    """All ways to the notebook of a page of the book, the download first.

    The download's address is relative to the page, and is the copy that Sphinx keeps of each source.
    """
    up = "../" * page.count("/")
    file = Link(
        "Notebook", f"{up}_sources/{page}.ipynb", "Download this page as a notebook", download=True
    )
    address = repository()
    if address is None:
        return [file]
    return [
        file,
        Link("Colab", colab(address, page), "Open in Google Colab; its first cell installs medda"),
        Link("Binder", binder(address, page), "Open on Binder; the first start takes minutes"),
    ]
