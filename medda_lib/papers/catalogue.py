"""The seventeen papers of the book, each described by one `paper.toml` beside its study.

A paper names its settings (what its methods may see), what shifts between its domains, its worlds
(what they are tested on) and every system that it compares, so that the book's map and scoreboard are
complete from the first day: a system without an implementation has the status "not yet". A paper with a
study also names the kinds of data that it runs on. Loading checks each file, and an error names the file
and the field.
"""

from __future__ import annotations

import importlib
import importlib.util
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from medda_lib.studies.setting import EVERY_SETTING, SETTINGS
from medda_lib.studies.transcription import Transcribed

if TYPE_CHECKING:
    from medda_lib.studies.run import Study

T = TypeVar("T")

FOLDER = Path(__file__).parent
TYPES = {"tuple": tuple, "Mapping": dict, "int | None": int, "int": int, "bool": bool}
"""What TOML makes of our annotations; text of all others."""

ROLES = ("proposed", "baseline", "ablation", "bound")
STATUSES = ("done", "not yet")
SOURCES = ("paper", "slides", "appendix", "supplement")
KINDS = {"phantom": "phantoms", "real": "substitute", "own": "the paper's own"}
"""What data can be, in readers' words: a substitute is real images, but not the paper's."""

CHECKED = ("converged", "separable", "shift", "no shift")
"""What data may check of a benchmark (see `papers.benchmark`)."""

SHIFTS = {
    "scanner": "another make, field strength or detector",
    "sequence": "another MR sequence of the same body",
    "modality": "another kind of instrument, such as CT after MR",
    "stain": "the dyes of another laboratory",
    "skin tone": "skin that the training set hardly holds",
    "population": "other patients: age, country, disease",
    "label rule": "labels by other hands or by other rules, or wrong ones",
    "organ": "another organ or another finding",
    "image world": "photographs of everyday things first, medical images then",
}
"""What may differ between the domains of a paper: the closed list of `shifts`, in the map's order."""


class CatalogueError(ValueError):
    """A `paper.toml` is wrong, or a paper is asked for that the book does not have."""


@dataclass(frozen=True)
class System:
    """One row that a paper compares, and its role there.

    A bound is trained on more (or less) than the setting allows, or is no method at all (readers).
    `setting` is that of a system which is "not yet"; a system that is done has its method's, which
    `papers.settings` finds, so that no table can say another.
    """

    name: str
    role: str
    status: str
    setting: str = ""


@dataclass(frozen=True)
class Data:
    """One source of a study's numbers: `medda run PAPER --data NAME`, and a ledger of that name.

    `kind` is a key of `KINDS`, `what` says what stands beside every number. Several of a paper's sources
    may be of one kind; its claims are judged on those that `judges`. `check`: what of the benchmark it
    checks (see `papers.benchmark`). `waits`: it is to be measured again, and is not yet.
    """

    name: str
    kind: str
    what: str
    judges: bool = True
    check: str = ""
    waits: bool = False


@dataclass(frozen=True)
class Table:
    """A reported table and where our half of it comes from (see `papers.tables`).

    `rows` and `columns` are those of our rows whose values name a row and a column, joined with "|";
    `only` says which rows count (column = value). `printed`: whether the paper's columns are met by
    their "metric" or by the "column" as printed. `percent`: the paper prints percent. `average`: a
    further row of that name, the mean over the others.
    """

    name: str
    caption: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    only: Mapping[str, str] = field(default_factory=dict)
    printed: str = "metric"
    digits: int = 3
    percent: bool = False
    average: str = ""


@dataclass(frozen=True)
class Printed:
    """A setting that the paper prints, and where the profile `paper` has ours (see `as_printed`).

    ours: a path in the budget, "segmenter.recipe.steps". deviation: why it differs, where it does.
    """

    what: str
    where: str
    value: str
    ours: str
    deviation: str = ""


@dataclass(frozen=True)
class Paper:
    """What the book says about a paper before any experiment.

    `shifts` says what differs between its domains, the most important first (keys of `SHIFTS`),
    `one_line` the idea in our words, `cite` the key in `book/references.bib`, `source` what of the
    paper the book could read. A paper may have its `chapter` before its last baseline is implemented;
    its `status` then stays "not yet".
    """

    key: str
    title: str
    short: str
    authors: tuple[str, ...]
    venue: str
    cite: str
    source: str
    settings: tuple[str, ...]
    shifts: tuple[str, ...]
    worlds: tuple[str, ...]
    anatomy: tuple[str, ...]
    modality: tuple[str, ...]
    one_line: str
    status: str
    systems: tuple[System, ...]
    year: int | None = None
    pages: str = ""
    doi: str = ""
    chapter: str = ""
    data: tuple[Data, ...] = ()
    tables: tuple[Table, ...] = ()
    transcribed: tuple[Transcribed, ...] = ()
    printed: tuple[Printed, ...] = ()

    def on(self, name: str) -> Data | None:
        """The data of that name; None where the paper has no such."""
        return next((one for one in self.data if one.name == name), None)


class StudyModule(Protocol):
    """What `medda_lib/papers/<paper>/study.py` offers: profiles and kinds of data are keys."""

    BUDGETS: Mapping[str, Any]
    DATA: Mapping[str, Any]

    def study(self, profile: str, data: str, seeds: int | None = None) -> Study:
        """The runs of a profile on one kind of data; ValueError names the choices."""
        ...


PARTS: Mapping[str, tuple[str, type[Any]]] = {
    "data": ("data", Data),
    "table": ("tables", Table),
    "transcribed": ("transcribed", Transcribed),
    "printed": ("printed", Printed),
}
"""Lists of a `paper.toml`: what they fill and what they are of."""


@cache
def papers() -> tuple[Paper, ...]:
    """All papers, those with a chapter first, then by key."""
    found = [read(path) for path in sorted(FOLDER.glob("*/paper.toml"))]
    return tuple(sorted(found, key=lambda p: (not p.chapter, p.key)))


def paper(key: str) -> Paper:
    """The paper of that key; CatalogueError lists the known keys."""
    found = {one.key: one for one in papers()}
    if key not in found:
        raise CatalogueError(f"unknown paper {key!r}; there are: {', '.join(sorted(found))}")
    return found[key]


def study_module(key: str) -> StudyModule:
    """The paper's study; CatalogueError (a ValueError) where there is none yet."""
    name = f"medda_lib.papers.{paper(key).key}.study"
    if importlib.util.find_spec(name) is None:
        ready = [one.key for one in papers() if (FOLDER / one.key / "study.py").is_file()]
        raise CatalogueError(f"{key} has no study yet; papers with one: {', '.join(ready)}")
    return cast(StudyModule, importlib.import_module(name))


def read(path: Path) -> Paper:
    """One `paper.toml`, checked."""
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{path}: not valid TOML: {error}") from error
    parts: dict[str, Any] = {"systems": _rows(System, content.pop("system", []), f"{path}, system")}
    for name, (filled, kind) in PARTS.items():
        if name in content:
            parts[filled] = _rows(kind, content.pop(name), f"{path}, {name}")
    found = _build(Paper, content | parts, str(path))
    _check(found, path)
    return found


def _rows(kind: type[T], rows: list[Mapping[str, Any]], where: str) -> tuple[T, ...]:
    return tuple(_build(kind, row, f"{where} {i + 1}") for i, row in enumerate(rows))


def _build(kind: type[T], content: Mapping[str, Any], where: str) -> T:
    """Make `kind` of a TOML table; lists become tuples."""
    known = {f.name: f for f in fields(cast(Any, kind))}
    if extra := sorted(set(content) - set(known)):
        raise CatalogueError(f"{where}: unknown field {extra[0]!r}; known are {', '.join(known)}")
    needed = {n for n, f in known.items() if f.default is MISSING is f.default_factory}
    if missing := sorted(needed - set(content)):
        raise CatalogueError(f"{where}: the field {missing[0]!r} is missing")
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
    for name, value in values.items():
        _check_type(known[name].type, value, f"{where}: {name}")
    return kind(**values)


def _check_type(wanted: object, value: object, where: str) -> None:
    """Compare with the annotation, which is text here: str, int, bool, a tuple or a table of them."""
    text = str(wanted)
    kind = TYPES.get(text.partition("[")[0], str)
    if not isinstance(value, kind) or value in ("", ()):
        raise CatalogueError(f"{where}: need a filled {text}, got {value!r}")
    if text == "tuple[str, ...]" and not all(isinstance(one, str) for one in cast(Any, value)):
        raise CatalogueError(f"{where}: need a list of strings, got {value!r}")


def _check(found: Paper, path: Path) -> None:
    if found.key != path.parent.name:
        raise CatalogueError(f"{path}: key {found.key!r} is not the name of its folder")
    named = {
        "system": [one.name for one in found.systems],
        "data": [one.name for one in found.data],
        "table": [one.name for one in found.tables],
        "transcribed table": [one.table for one in found.transcribed],
    }
    for what, names in named.items():
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise CatalogueError(f"{path}: {what} {twice[0]!r} is listed twice")
    settings = {setting.name for setting in SETTINGS}
    _among(found.source, SOURCES, f"{path}: source")
    _among(found.status, STATUSES, f"{path}: status")
    for setting in found.settings:
        _among(setting, settings, f"{path}: settings")
    for shift in found.shifts:
        _among(shift, set(SHIFTS), f"{path}: shifts")
    for data in found.data:
        _among(data.kind, set(KINDS), f"{path}: kind of {data.name!r}")
        _among(data.check, ("", *CHECKED), f"{path}: check of {data.name!r}")
    for system in found.systems:
        _check_system(system, path)
    statuses = {system.status for system in found.systems}
    if (found.status == "done") != (statuses == {"done"} and bool(found.chapter)):
        raise CatalogueError(
            f'{path}: status is "done" exactly when every system is and a chapter is named'
        )
    if found.chapter and "done" not in statuses:
        raise CatalogueError(f"{path}: chapter: no system of the paper is done yet")


def _check_system(system: System, path: Path) -> None:
    _among(system.role, ROLES, f"{path}: role of {system.name!r}")
    _among(system.status, STATUSES, f"{path}: status of {system.name!r}")
    where = f"{path}: setting of {system.name!r}"
    if system.status == "not yet":
        _among(system.setting, {one.name for one in EVERY_SETTING}, where)
    elif system.setting:
        raise CatalogueError(f"{where}: is that of its method, since it is done; leave it out")


def _among(value: str, choices: tuple[str, ...] | set[str], where: str) -> None:
    if value not in choices:
        raise CatalogueError(f"{where}: {value!r} is not one of {', '.join(sorted(choices))}")
