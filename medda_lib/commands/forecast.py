"""`medda run PAPER --dry-run`: what a study would take, and what of it is done."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from medda_lib.commands.terminal import note, say

if TYPE_CHECKING:
    import pandas as pd

    from medda_lib.studies.run import Study

UNKNOWN = "unknown"
UNITS = ((3600.0, "h"), (60.0, "min"), (1.0, "s"))


def show_forecast(study: Study, store: Path, again: bool = False) -> None:
    """Print a table of the systems and what all of them take together. Runs nothing.

    again: committed runs are to be done once more.
    """
    from medda_lib.papers.forecast import forecast
    from medda_lib.studies.store import RunStore

    found = forecast(study, RunStore(store), again=again)
    heads = (
        "system",
        "runs",
        "committed",
        "stored",
        "left",
        "steps",
        "time left",
        "memory at demo",
    )
    table = Table(*heads, show_edge=False)
    for row in found.to_dict("records"):
        counts = (str(row[name]) for name in ("runs", "committed", "stored", "left"))
        memory = UNKNOWN if math.isnan(row["memory_mb"]) else f"{row['memory_mb']:.0f} MB"
        table.add_row(row["system"], *counts, f"{row['steps']:,}", spelled(row["seconds"]), memory)
    say(table)
    say(_together(study.name, found))
    if found.attrs["absent"]:
        note(f"nobody can tell what is stored: {found.attrs['absent']}")


def spelled(seconds: float) -> str:
    """A duration in its largest unit, to two digits: "25 min", "3.4 h"; "unknown" for NaN."""
    if math.isnan(seconds):
        return UNKNOWN
    size, unit = next((one for one in UNITS if seconds >= one[0]), UNITS[-1])
    return f"{seconds / size:.2g} {unit}" if seconds < 10 * size else f"{seconds / size:.0f} {unit}"


def _together(name: str, found: pd.DataFrame) -> str:
    """How many runs are left, how long they take and by which ledgers one can tell."""
    left = int(found["left"].sum())
    text = f"{name}: {left} of {int(found['runs'].sum())} runs are left"
    if not left:
        return text
    by = ", ".join(dict.fromkeys(one for each in found["by"] for one in each.split(", ") if one))
    unknown = found.loc[found["seconds"].isna(), "system"].tolist()
    if by:
        time = spelled(float(found["seconds"].sum()))
        text += f"; {time} one after another, by the seconds and steps of {by}"
    if unknown:
        text += f"; unknown for {', '.join(unknown)}"
    return text
