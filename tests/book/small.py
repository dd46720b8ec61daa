"""A book of a few pages with the real configuration: quick to build."""

from __future__ import annotations

import shutil
from pathlib import Path

from medda_lib import _paths

TOC = "format: jb-book\nroot: book/index\nchapters:\n"


def begin(top: Path, *pages: str) -> Path:
    """Configuration, vendored files, bibliography and contents in a folder; the pages are to be written.

    pages: after `index`, as `play` or `chapters/fda`. Returns the folder for them.
    """
    shutil.copy(_paths.CHECKOUT / "_config.yml", top)
    shutil.copytree(_paths.BOOK / "_vendor", top / "book" / "_vendor")
    shutil.copy(_paths.BOOK / "references.bib", top / "book")
    listed = "".join(f"  - file: book/{page}\n" for page in pages)
    (top / "_toc.yml").write_text(TOC + listed, "utf-8")
    return top / "book"
