"""Reading tables and lists of names as their owners publish them: UTF-8 text, with commas.

One contract for all of them. The text is UTF-8, with or without a byte order mark; what a spreadsheet
saved in another encoding is refused, because a guess would change names in silence. Quotes are closed on
their line, the columns that are asked for are there once, and a row has no more fields than the header.
Every fault is a DatasetError or a problem that names file, line and remedy.
"""

from __future__ import annotations

import csv
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.folder import unreadable

Row = Mapping[str, str]
UTF16 = (BOM_UTF16_LE, BOM_UTF16_BE)


def read_text(path: Path) -> str:
    """The text of a UTF-8 file without its byte order mark. Raises DatasetError for anything else."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise DatasetError(f"{path}: the file is missing; extract the data set again") from error
    except OSError as error:
        raise unreadable(path, error) from error
    if data.startswith(UTF16) or b"\0" in data:
        raise DatasetError(
            f"{path}: the text is UTF-16 or no text at all, expected UTF-8; save it as 'CSV UTF-8' or "
            "plain text, or get it again"
        )
    try:
        return data.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DatasetError(
            f"{path}, line {line}: byte {data[error.start]:#04x} is not UTF-8; save the file as 'CSV "
            "UTF-8' or plain text in UTF-8, or get it again"
        ) from error


def read_names(path: Path) -> list[str]:
    """The names of a list, separated by white space. Raises DatasetError."""
    return read_text(path).split()


def read_rows(path: Path, columns: Sequence[str], problems: list[str]) -> list[tuple[int, Row]]:
    """(line, column -> value without white space around it) of each row that is whole.

    A row that is not is added to the problems. Raises DatasetError where nothing can be read: another
    encoding, a quote left open, a missing or repeated column, no row at all.
    """
    reader = csv.reader(read_text(path).splitlines(keepends=True), strict=True)
    lines = _lines(path, reader)
    _, header = next(lines, (1, []))
    place = _places(path, [name.strip() for name in header], columns)
    rows: list[tuple[int, Row]] = []
    faulty = len(problems)
    for line, fields in lines:
        if not any(fields):
            continue
        extra = [field for field in fields[len(header) :] if field.strip()]
        if extra or len(fields) <= max(place.values()):
            problems.append(
                f"{path}, line {line}: {len(fields)} fields, the header has {len(header)}; correct the "
                "line, or get the table again"
            )
        else:
            rows.append((line, {name: fields[i].strip() for name, i in place.items()}))
    if not rows and len(problems) == faulty:
        raise DatasetError(f"{path}: the table is empty; get it again")
    return rows


def _lines(path: Path, reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """(line, fields); a quote that is left open swallows lines until it is closed, or the whole file."""
    line = 0
    try:
        for fields in reader:
            line += 1
            if any("\n" in field or "\r" in field for field in fields):
                raise csv.Error("a quote is left open")
            yield line, fields
    except csv.Error as error:
        raise DatasetError(
            f"{path}, line {max(line, 1)} or after: no sound table ({error}); close the quote, or get "
            "the table again"
        ) from error


def _places(path: Path, header: Sequence[str], columns: Sequence[str]) -> dict[str, int]:
    """Column -> its place in a row. Raises DatasetError for columns that are missing or there twice."""
    times = Counter(header)
    if missing := [name for name in columns if not times[name]]:
        other = next((mark for mark in ";\t|" if len(header) == 1 and mark in header[0]), "")
        remedy = f"separate columns by commas instead of {other!r}" if other else "get it again"
        raise DatasetError(f"{path}: no column {', '.join(missing)}; {remedy}")
    if twice := [name for name in columns if times[name] > 1]:
        raise DatasetError(f"{path}: column {', '.join(twice)} is there twice; get the table again")
    return {name: header.index(name) for name in columns}
