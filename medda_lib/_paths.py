"""Where things lie: the checkout with the book, and the run store on this machine."""

from __future__ import annotations

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
BOOK = CHECKOUT / "book"
RESULTS = BOOK / "results"


def run_store() -> Path:
    """The run store: `MEDDA_RUNS` where it is set, else `runs/` in the checkout."""
    return Path(os.environ.get("MEDDA_RUNS", CHECKOUT / "runs"))
