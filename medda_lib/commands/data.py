"""`medda data`: what data sets exist, where they are, and whether they are whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from medda_lib.commands.terminal import fail, say

if TYPE_CHECKING:
    from medda_lib.datasets.registry import Entry

data_app = typer.Typer(
    help="Real data: what exists, where it is, is it whole.", no_args_is_help=True
)


@data_app.command("list")
def data_list() -> None:
    """The data sets that the book has loaders for, and which are found here."""
    from medda_lib.datasets.registry import DATASETS

    table = Table("data set", "kind", "title", "licence", "found", show_edge=False)
    for name, entry in DATASETS.items():
        table.add_row(name, entry.kind, entry.card.title, entry.card.licence, _found(name))
    say(table)


@data_app.command("card")
def data_card(name: str) -> None:
    """Website, publication, licence, layout, counts and splits of a data set."""
    say(_dataset(name).card.text())


@data_app.command("check")
def data_check(
    name: str,
    root: Annotated[
        Path | None, typer.Option(help="Its folder; default: below MEDDA_DATA.")
    ] = None,
) -> None:
    """Say exactly what is missing or broken in a data set's folder."""
    from medda_lib.datasets.card import DatasetError
    from medda_lib.datasets.registry import find

    entry = _dataset(name)
    try:
        report = entry.check(root or find(name))
    except DatasetError as error:
        fail(str(error), code=1)
    say(report.text())
    if not report.ok:
        raise typer.Exit(1)


@data_app.command("where")
def data_where() -> None:
    """The folder that is searched for data sets."""
    from medda_lib.datasets.entry import data_root

    root = data_root()
    if root is None:
        fail(
            "MEDDA_DATA is not set; export MEDDA_DATA=/the/folder/that/holds/the/data/sets", code=1
        )
    say(str(root))


def _dataset(name: str) -> Entry:
    from medda_lib.datasets.registry import DATASETS

    if name not in DATASETS:
        fail(f"unknown data set {name!r}; there are: {', '.join(DATASETS)}")
    return DATASETS[name]


def _found(name: str) -> str:
    from medda_lib.datasets.card import DatasetError
    from medda_lib.datasets.folder import UnreadableError
    from medda_lib.datasets.registry import find

    try:
        return str(find(name))
    except UnreadableError:
        return "cannot be read"
    except DatasetError:
        return "no"
