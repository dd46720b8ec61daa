"""What a folder of files holds, as one hash: a result on real data is one of these very files.

A run on files is only as good as the files: thirty pairs of a set and the whole set are two data sets
with one name. So the content of every set that a task reads is part of the run's key: the name, size and
SHA-256 of each file. Hashing a large set takes minutes, once: hashes are kept in the run store's folder
and taken from there for files whose size and times are the same. Files that changed in the last moments
are not kept, since a later change within the clock's grain could not be told apart.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from medda_lib import _paths
from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.parallel import in_parallel

GRAIN = 3.0
"""Seconds: a file that is younger is hashed again the next time."""
LITTER = frozenset({"Thumbs.db", "desktop.ini"})

_OPENED: ContextVar[set[str] | None] = ContextVar("_OPENED", default=None)
_SETTLED: ContextVar[dict[Path, Content] | None] = ContextVar("_SETTLED", default=None)


@dataclass(frozen=True)
class Content:
    """The files of a data set: 16 hex digits that stand for all of them, their number and bytes."""

    digest: str
    files: int
    bytes: int


def content(root: Path) -> Content:
    """What lies in a data set's folder now; hidden files and the litter of file managers do not count.

    Raises DatasetError that names a file or folder that cannot be read.
    """
    settled = _SETTLED.get()
    if settled is None:
        return _look(root)
    if root not in settled:
        settled[root] = _look(root)
    return settled[root]


@contextmanager
def settled() -> Iterator[None]:
    """Within the block each folder is looked at once: for loops over the runs of a study."""
    token = _SETTLED.set({})
    try:
        yield
    finally:
        _SETTLED.reset(token)


def _look(root: Path) -> Content:
    files = dict(sorted((path.relative_to(root).as_posix(), path) for path in _walk(root)))
    try:
        stamps = {name: _stamp(path) for name, path in files.items()}
        known = _kept(root)
        fresh = [name for name in files if known.get(name, [""])[:-1] != stamps[name]]
        work = in_parallel(
            lambda name: _hashed(files[name]),
            fresh,
            f"hashing {root.name}, once",
            unit="file",
            threads=4,
            many=200,
        )
        sums = dict(zip(fresh, work, strict=True))
    except OSError as error:
        raise DatasetError(
            f"{error.filename or root}: cannot be read ({error.strerror})"
        ) from error
    entries = {n: [*stamps[n], sums[n] if n in sums else known[n][-1]] for n in files}
    if sums or set(known) - set(files):
        _keep(root, entries)
    lines = "".join(f"{entry[0]} {entry[-1]} {name}\n" for name, entry in entries.items())
    total = sum(int(entry[0]) for entry in entries.values())
    return Content(hashlib.sha256(lines.encode()).hexdigest()[:16], len(files), total)


@contextmanager
def only(reads: Iterable[str], whose: str) -> Iterator[None]:
    """Within the block no other data set may be opened than those that `reads` names.

    A set that is read without being named would change without changing the key of the run. Raises
    DatasetError at the end of the block. whose: what names them, for the message.
    """
    token = _OPENED.set(set())
    try:
        yield
        others = sorted((_OPENED.get() or set()) - set(reads))
    finally:
        _OPENED.reset(token)
    if others:
        raise DatasetError(f"{whose}: reads {', '.join(others)}, but its `reads` does not say so")


def opened(name: str) -> None:
    """Called wherever a data set's folder is looked up: see `only`."""
    names = _OPENED.get()
    if names is not None:
        names.add(name)


def _walk(root: Path) -> Iterator[Path]:
    """Every file that counts, links followed."""
    for folder, folders, names in os.walk(root, followlinks=True, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if not name.startswith(".") and name not in LITTER:
                yield Path(folder, name)


def _refuse(error: OSError) -> None:
    raise DatasetError(f"{error.filename}: cannot be read ({error.strerror})") from error


def _stamp(path: Path) -> list[str]:
    """Size and times. The time of the last change of the file's entry cannot be set back by hand."""
    found = path.stat()
    return [str(found.st_size), str(found.st_mtime_ns), str(found.st_ctime_ns)]


def _hashed(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _kept(root: Path) -> dict[str, list[str]]:
    """Size, times and hash of each file as noted before; nothing where there is no sound note."""
    try:
        kept = json.loads(_note(root).read_bytes())
    except (OSError, ValueError):
        return {}  # never noted, or half a note of a machine that lost power: hash again
    return dict(kept) if isinstance(kept, dict) else {}


def _keep(root: Path, entries: Mapping[str, list[str]]) -> None:
    young = time.time_ns() - int(GRAIN * 1e9)
    sure = {n: e for n, e in entries.items() if max(int(e[1]), int(e[2])) < young}
    file = _note(root)
    draft = file.with_name(f"{file.name}.{uuid.uuid4().hex}")
    with suppress(OSError):  # a store that cannot be written costs time, no correctness
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(sure), encoding="utf-8")
        draft.replace(file)


def _note(root: Path) -> Path:
    name = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:32]
    return _paths.run_store() / "content" / f"{name}.json"
