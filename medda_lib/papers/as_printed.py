"""A paper's own numbers beside those that the profile `paper` runs with, from one declaration.

`paper.toml` lists what a paper prints of its settings (`[[printed]]`): in words, where, the value, and
the place in the study's budget that holds ours. A test compares the two; where they differ, the entry
names the deviation that says why.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import pandas as pd

from medda_lib.papers import catalogue
from medda_lib.papers.catalogue import Printed, study_module

PROFILE = "paper"


def ours(paper: str, setting: Printed) -> Any:
    """The value of a setting at the profile `paper`; AttributeError where its place does not exist."""
    budget = study_module(paper).BUDGETS[PROFILE]
    return reduce(getattr, setting.ours.split("."), budget)


def side_by_side(paper: str) -> pd.DataFrame:
    """What the paper prints and what `--profile paper` runs with: columns where, printed, here, note."""
    rows = [
        {
            "setting": one.what,
            "where": one.where,
            "printed": one.value,
            "here": f"{ours(paper, one):g}",
            "note": one.deviation,
        }
        for one in catalogue.paper(paper).printed
    ]
    return pd.DataFrame(rows).set_index("setting")
