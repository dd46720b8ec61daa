"""Looking into a data set's folder: what is there is found once, or named as a problem.

Two rules hold for every set. A folder or file that may not be read is a named problem, as is what bears
a file's name and is none (a folder, a link to nothing). Two files that fit one place (`x.nii` beside
`x.nii.gz`, one name in two folders, two spellings) are a problem: which of them was meant is not for a
loader to guess. The same holds for two folders of which one is read. Hidden files do not count.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from medda_lib.datasets.card import Card, DatasetError


class UnreadableError(DatasetError):
    """Something is there, but may not or cannot be read."""


def unreadable(path: Path, error: OSError | ValueError) -> UnreadableError:
    """The error for a path that the system refuses."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return UnreadableError(
        f"{path}: cannot be read ({reason}); correct its permissions, or move it away"
    )


def is_folder(path: Path) -> bool:
    """Whether a folder is there. Raises UnreadableError where that cannot be told."""
    return _is(path, stat.S_ISDIR)


def is_file(path: Path) -> bool:
    """Whether a file is there. Raises UnreadableError where that cannot be told."""
    return _is(path, stat.S_ISREG)


def absent(paths: Iterable[Path], remedy: str) -> list[str]:
    """A problem for each of the paths that is no file, with the remedy, or may not be read."""
    problems = []
    for path in paths:
        try:
            problems += [] if is_file(path) else [f"{path}: {remedy}"]
        except UnreadableError as error:
            problems.append(str(error))
    return problems


def files(folder: Path, problems: list[str], *suffixes: str) -> list[Path]:
    """Visible files whose names end with one of the suffixes (any case), by name.

    What bears such a name and is no file is added to the problems, and so is a folder that cannot be
    read: the rest of the set is looked at all the same.
    """
    found = []
    for path, what in _entries(folder, problems):
        if path.name.lower().endswith(suffixes):
            if what == "file":
                found.append(path)
            else:
                problems.append(f"{path}: {what}; a file is expected here: get it again")
    return found


def folders(folder: Path, problems: list[str]) -> list[Path]:
    """Visible folders in a folder, by name; a folder that cannot be read is added to the problems."""
    return [path for path, what in _entries(folder, problems) if what == "a folder"]


def one_each(
    paths: Iterable[Path], key: Callable[[Path], str], problems: list[str]
) -> dict[str, Path]:
    """Key -> path. Paths of one key are a problem, also where the key differs in upper and lower case.

    One problem for each two folders that clash, with the first two files and how many more there are.
    """
    kept: dict[str, Path] = {}
    first: dict[str, Path] = {}
    clashes: dict[tuple[Path, Path], list[tuple[Path, Path]]] = {}
    for path in paths:
        other = first.setdefault(key(path).casefold(), path)
        if other is path:
            kept[key(path)] = path
        else:
            clashes.setdefault((other.parent, path.parent), []).append((other, path))
    for [(one, other), *rest] in clashes.values():
        more = f" (and {len(rest):,} more such files)" if rest else ""
        problems.append(
            f"{other}: {one} fits the same place{more}; keep the one that belongs here and move the "
            "other away"
        )
    return kept


def pairs(
    images: Mapping[str, Path],
    masks: Mapping[str, Path],
    no_mask: str = "no mask for this image",
    no_image: str = "no image for this mask",
) -> tuple[list[str], list[str]]:
    """(names that have both an image and a mask, problems for the others), sorted.

    no_mask, no_image: what is missing, with {name} where it should stand.
    """
    one, other = set(images), set(masks)
    problems = [f"{images[n]}: {no_mask.format(name=n)}" for n in sorted(one - other)]
    problems += [f"{masks[n]}: {no_image.format(name=n)}" for n in sorted(other - one)]
    return sorted(one & other), problems


def need_folder(folder: Path, card: Card) -> Path:
    """The folder, or DatasetError with how to get the data set."""
    if not is_folder(folder):
        raise DatasetError(f"{folder}: the folder is missing. {card.how_to_get}")
    return folder


def first_folder(root: Path, card: Card, *candidates: str) -> Path:
    """The one of root/candidate that is a folder. Raises DatasetError where none is, or two are."""
    return _the_one(root, candidates) or need_folder(root / candidates[0], card)


def inner(root: Path, *candidates: str) -> Path:
    """The one of root/candidate that is a folder, else root itself. Raises DatasetError for two."""
    return _the_one(root, candidates) or root


def _the_one(root: Path, candidates: Iterable[str]) -> Path | None:
    found = [root / name for name in candidates if is_folder(root / name)]
    # One folder under two names (a link, or a system to which SCR and scr are one) is no second one.
    others = [path for path in found[1:] if not path.samefile(found[0])]
    if others:
        raise DatasetError(
            f"{others[0]}: {found[0]} fits the same place; keep one of the two folders and move the "
            "other away"
        )
    return found[0] if found else None


def _is(path: Path, kind: Callable[[int], bool]) -> bool:
    try:
        return kind(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def _entries(folder: Path, problems: list[str]) -> list[tuple[Path, str]]:
    """(path, "file" or what it is instead) of what is visible in a folder, by name."""
    try:
        with os.scandir(folder) as entries:
            seen = [(Path(folder, e.name), _what(e)) for e in entries if not e.name.startswith(".")]
    except OSError as error:
        problems.append(str(unreadable(folder, error)))
        return []
    return sorted(seen)


def _what(entry: os.DirEntry[str]) -> str:
    try:
        if entry.is_file():
            return "file"
        if entry.is_dir():
            return "a folder"
    except OSError:
        return "a link that cannot be followed"
    return "a link to nothing" if entry.is_symlink() else "neither file nor folder"
