"""From what a learning platform exports to `submitted/<student>/<assignment>/`.

An export is a folder or a ZIP file made by strangers' uploads. Nothing is unpacked by the names in it:
a file is read up to a limit, looked at, and written under a name of ours. Which assignment a
notebook belongs to, its cells say; whose it is, its path:

    Moodle   Ann Other_1234_assignsubmission_file_/work.ipynb   (or all in one file name)
    Canvas   otherann_LATE_1234_5678_work.ipynb
    others   <student>/<assignment>/work.ipynb, <student>/work.ipynb, <student>.ipynb
"""

from __future__ import annotations

import re
import stat
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import nbformat

from medda_lib.assignments import cells, submission
from medda_lib.assignments.cells import AssignmentError
from medda_lib.assignments.folder import Course

FORMS = """\
  Moodle   Ann Other_1234_assignsubmission_file_/work.ipynb
  Canvas   otherann_LATE_1234_5678_work.ipynb
  others   <student>/<assignment>/work.ipynb, <student>/work.ipynb, <student>.ipynb"""
FILES = 20_000  # in one export
BYTES = 4 * 2**30  # all notebooks of one export together
STAMP = "%Y-%m-%d %H:%M:%S UTC"  # as nbgrader writes timestamp.txt
_MOODLE = re.compile(r"(?P<name>[^/]+)_(?P<id>\d+)_assignsubmission_file_?(?:[/_]|$)")
_CANVAS = re.compile(r"(?P<name>[^/_]+)_(?P<late>LATE_)?(?P<id>\d+)_\d+_[^/]+\.ipynb$")


@dataclass
class Collected:
    """What was taken, and what was not."""

    taken: list[tuple[str, str]] = field(default_factory=list)  # (student, assignment)
    unchanged: list[tuple[str, str]] = field(default_factory=list)  # the same file is there
    skipped: list[str] = field(default_factory=list)  # path: why

    def __str__(self) -> str:
        """A line for the terminal, and one for each file that was left."""
        lines = [f"{len(self.taken)} new, {len(self.unchanged)} unchanged"]
        if not (self.taken or self.unchanged or self.skipped):
            lines = [f"no notebook found; these forms of folders and ZIP files are known:\n{FORMS}"]
        return "\n".join([*lines, *(f"  left out {line}" for line in self.skipped)])


@dataclass(frozen=True)
class _Upload:
    path: str
    at: datetime
    read: Callable[[], bytes]


def collect(course: Course, export: Path, assignment: str = "") -> Collected:
    """Put the notebooks of an export where grading looks for them.

    A student's newer file replaces an older one. Its time is that of the file, or what a
    `timestamp.txt` beside it says; it is kept in `timestamp.txt`, where a lecturer may change it.

    Args:
        course: the course.
        export: a folder or a ZIP file.
        assignment: take notebooks of this one only.

    Raises:
        FileNotFoundError: there is no such folder or file.
        AssignmentError: the file is no ZIP file, too large, or the course has no such assignment.
    """
    chosen = course.chosen([assignment] if assignment else [])
    names = {name: set(course.master(name).cell_names) for name in chosen}
    result, size = Collected(), 0
    for upload in _uploads(export, result):
        try:
            content = upload.read()
            size += len(content)
            student = student_of(upload.path)
            which = _assignment_of(content, names)
            is_new = _store(course, student, which, content, upload.at)
        except AssignmentError as error:
            result.skipped.append(f"{upload.path}: {error}")
        else:
            (result.taken if is_new else result.unchanged).append((student, which))
        if size > BYTES:
            result.skipped.append(f"the rest: more than {BYTES >> 30} GB in one export")
            break
    return result


def student_of(path: str) -> str:
    """The student's name in the course, from the path of an upload.

    Raises:
        AssignmentError: the path names nobody.
    """
    parts = PurePosixPath(path).parts
    if match := _MOODLE.search(path) or _CANVAS.search(parts[-1]):
        name = f"{match['name']}_{match['id']}"
    elif len(parts) == 1:
        name = PurePosixPath(path).stem
    else:
        name = parts[-3] if len(parts) > 2 and PurePosixPath(path).stem == parts[-2] else parts[-2]
    name = unicodedata.normalize("NFC", name)
    name = re.sub(r"[^\w .,'()@+-]", "_", name).strip(" .")[:80].lstrip("-.")
    if not name:
        raise AssignmentError("its path names no student")
    return name


def _assignment_of(content: bytes, names: dict[str, set[str]]) -> str:
    """The assignment whose cells a notebook has."""
    try:
        notebook = nbformat.reads(content.decode(), as_version=4)  # type: ignore[no-untyped-call]
        found = {cells.grade_id(cell) for cell in notebook.cells} - {""}
    except Exception as error:  # a stranger's file may break the parser in any way
        raise AssignmentError("not a whole Jupyter notebook") from error
    best = max(names, key=lambda name: len(names[name] & found))
    if not names[best] & found - {"setup"}:
        raise AssignmentError("it has no cell of " + " or ".join(names))
    return best


def _store(course: Course, student: str, which: str, content: bytes, at: datetime) -> bool:
    """Write a submission; False if the same one is there, whose time then stays as it is."""
    folder = course.root / "submitted" / student / which
    stamp = folder / "timestamp.txt"
    path = folder / f"{which}.ipynb"
    if stamp.is_file():
        if path.is_file() and path.read_bytes() == content:
            return False
        before = read_time(stamp)
        if before and before > at:
            raise AssignmentError("an older file than the one that is there")
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    stamp.write_text(at.astimezone(UTC).strftime(STAMP) + "\n", encoding="utf-8")
    return True


def read_time(stamp: Path) -> datetime | None:
    """The time in a `timestamp.txt`; None if there is none that can be read."""
    try:
        text = stamp.read_text(encoding="utf-8").strip().removesuffix(" UTC")
        at = datetime.fromisoformat(text)
    except (OSError, ValueError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _uploads(export: Path, result: Collected) -> Iterator[_Upload]:
    if export.is_dir():
        yield from _in_folder(export, result)
    elif export.is_file():
        try:
            with zipfile.ZipFile(export) as archive:
                yield from _in_zip(archive, result)
        except zipfile.BadZipFile as error:
            raise AssignmentError(f"{export} is no ZIP file: {error}") from error
    else:
        raise FileNotFoundError(f"there is no export {export}")


def _in_folder(export: Path, result: Collected) -> Iterator[_Upload]:
    for path in sorted(export.rglob("*.ipynb")):
        relative = path.relative_to(export).as_posix()
        if "/." in f"/{relative}":
            continue  # checkpoints, rubbish of the operating system
        if path.is_symlink() or not path.is_file():
            result.skipped.append(f"{relative}: a link, no file")
            continue
        stamp = read_time(path.parent / "timestamp.txt")
        at = stamp or datetime.fromtimestamp(path.stat().st_mtime, UTC)
        yield _Upload(relative, at, lambda path=path: _limited(path.open("rb")))  # type: ignore[misc]


def _in_zip(archive: zipfile.ZipFile, result: Collected) -> Iterator[_Upload]:
    entries = archive.infolist()
    if len(entries) > FILES:
        raise AssignmentError(f"the ZIP file holds {len(entries)} files; {FILES} at most")
    for entry in entries:
        name = entry.filename.replace("\\", "/")
        hidden = any(part[:1] in (".", "_") for part in PurePosixPath(name).parts)
        if entry.is_dir():
            continue
        if name.startswith("/") or ".." in PurePosixPath(name).parts or ":" in name[:2]:
            result.skipped.append(f"{name}: a path that leads out of the archive")
            continue
        if stat.S_ISLNK(entry.external_attr >> 16):
            result.skipped.append(f"{name}: a link, no file")
            continue
        if hidden:
            continue  # checkpoints, rubbish of the operating system
        if not name.endswith(".ipynb"):
            result.skipped.append(f"{name}: no notebook")
            continue
        at = datetime(*entry.date_time).astimezone()
        yield _Upload(name, at, lambda entry=entry: _limited(archive.open(entry)))  # type: ignore[misc]


def _limited(file: object) -> bytes:
    """The content of a file, unless it is larger than a notebook should be."""
    try:
        with file:  # type: ignore[attr-defined]
            content: bytes = file.read(submission.LARGEST + 1)  # type: ignore[attr-defined]
    except (RuntimeError, zipfile.BadZipFile, NotImplementedError, OSError) as error:
        raise AssignmentError(f"it cannot be read ({error})") from error
    if len(content) > submission.LARGEST:
        raise AssignmentError(f"larger than {submission.LARGEST >> 20} MB")
    return content
