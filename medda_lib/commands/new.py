"""`medda new`: the files of a chapter or a method, to be filled in, and what a chapter still lacks."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Annotated, Any

import typer

from medda_lib import _paths
from medda_lib.commands.terminal import fail, say

new_app = typer.Typer(
    help="Begin a chapter or a method; see what is missing.", no_args_is_help=True
)
SKELETON = Path(__file__).with_name("skeleton.toml")
NAME = re.compile(r"[a-z][a-z0-9_]*")


@new_app.command("paper")
def new_paper(
    key: Annotated[str, typer.Argument(help="Key of a paper without a study, see `medda list`.")],
) -> None:
    """Write study, claims, notes, page, assignment and test of a chapter; nothing is overwritten."""
    try:
        written = write_paper(key)
    except (ValueError, FileExistsError) as error:
        fail(str(error))
    say("\n".join(f"wrote {file}" for file in written))
    say("when the page is frozen, two lines belong into _toc.yml:")
    say(f"      - file: book/chapters/{key}\n      - file: book/teaching/{key}")
    say(f"what is missing: medda new gaps {key}")


@new_app.command("method")
def new_method(
    name: Annotated[str, typer.Argument(help="Name of the module, for example seg_jdot.")],
) -> None:
    """Write the module of a method and its test; nothing is overwritten."""
    try:
        written = write_method(name)
    except (ValueError, FileExistsError) as error:
        fail(str(error))
    say("\n".join(f"wrote {file}" for file in written))


@new_app.command("gaps")
def show_gaps(key: Annotated[str, typer.Argument(help="Key of a paper.")]) -> None:
    """Print what a chapter still lacks; exit code 1 where there is something."""
    from medda_lib.papers.gaps import gaps

    try:
        found = gaps(key)
    except ValueError as error:
        fail(str(error))
    say("\n".join(found) or f"{key}: nothing is missing")
    if found:
        raise typer.Exit(1)


def write_paper(key: str, checkout: Path = _paths.CHECKOUT) -> list[Path]:
    """The files of a chapter. ValueError for an unknown key, FileExistsError names what is there."""
    from medda_lib.papers import catalogue

    paper = catalogue.paper(key)
    first = paper.systems[0].name.replace('"', '\\"')
    words = {"key": key, "short": paper.short, "cite": paper.cite, "first": first}
    written = _write("paper", words, checkout, replace="__init__.py")
    file = checkout / "medda_lib/papers" / key / "paper.toml"
    text = file.read_text("utf-8")
    data = Template(_skeleton()["data"]["text"]).safe_substitute(words)
    if "[[data]]" not in text:
        file.write_text(text.replace("[[system]]", f"{data}[[system]]", 1), "utf-8")
        written.append(file)
    return written


def write_method(name: str, checkout: Path = _paths.CHECKOUT) -> list[Path]:
    """A method's module and test. ValueError for a name that is none of a module."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a module: small letters, digits and underscores")
    named = "".join(part.capitalize() for part in name.split("_"))
    return _write("method", {"key": name, "Class": named}, checkout)


def _write(what: str, words: Mapping[str, str], checkout: Path, replace: str = "") -> list[Path]:
    """All files or none; `replace`: the name of a file that may be there."""
    files = dict(_filled(_skeleton()[what], words))
    for name in files:
        if (checkout / name).exists() and Path(name).name != replace:
            raise FileExistsError(f"{checkout / name} is there already; nothing was written")
    for name, text in files.items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(text, "utf-8")
    return [checkout / name for name in files]


def _filled(files: Mapping[str, str], words: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, text in files.items():
        yield Template(name).substitute(words), Template(text).safe_substitute(words)


def _skeleton() -> dict[str, Any]:
    return tomllib.loads(SKELETON.read_text("utf-8"))
