"""NIH ChestX-ray14: the paper's NIHX, class labels from a hospital that training never saw.

112,120 X-rays of 30,805 adults and children with up to 14 findings each, mined from reports by text
processing, in one table. The task here has two classes: "No Finding" alone is normal, and an image
whose findings contain Pneumonia, alone or with others, is pneumonia; the rest is left out. The paper
uses 4,185 images: the 1,431 of pneumonia and 2,754 normal ones that it does not name, so these are
drawn by the seed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Unpack

from medda_lib.datasets.card import Card, DatasetError
from medda_lib.datasets.chest_xray.xrays import (
    ChestXrays,
    LoadOptions,
    Record,
    Scan,
    Source,
    all_test,
    by_part,
    by_patient,
)
from medda_lib.datasets.folder import files, folders, is_file, is_folder, need_folder, one_each
from medda_lib.datasets.splits import first_labelled
from medda_lib.datasets.tables import Row, read_names, read_rows

CARD = Card(
    name="nih_chestxray14",
    title="NIH ChestX-ray14",
    input="112,120 frontal chest X-rays of 30,805 patients, PNG, 1024 x 1024, 8 bits",
    label='14 findings or "No Finding"; read as normal (0) or pneumonia (1), others left out',
    metadata="patient, and in the table age, sex, view and follow-up number (not read)",
    website="https://nihcc.app.box.com/v/ChestXray-NIHCC",
    publication="X. Wang et al., ChestX-ray8: hospital-scale chest X-ray database and benchmarks, "
    "CVPR 2017, doi:10.1109/CVPR.2017.369",
    licence="no restrictions; link to the website, cite the publication, acknowledge the NIH "
    "Clinical Center",
    how_to_get="Download the twelve archives images_001 ... images_012 (about 42 GB), "
    "Data_Entry_2017.csv, train_val_list.txt and test_list.txt to MEDDA_DATA/nih_chestxray14 and "
    "unpack the archives there.",
    layout="""
nih_chestxray14/
  images/00000001_000.png ...      or  images_001/images/*.png ... images_012/images/*.png
  Data_Entry_2017.csv              or  Data_Entry_2017_v2020.csv
  train_val_list.txt  test_list.txt
""",
    counts={
        "images": 112120,
        "patients": 30805,
        "normal": 60361,
        "pneumonia": 1431,
        "train_val": 86524,
        "test": 25596,
    },
    splits={
        "paper": "the paper's 4,185 images (1,431 pneumonia, 2,754 normal), all for testing",
        "official": "train_val_list.txt and test_list.txt, by patient: train_val, test",
        "patient": "65 / 10 / 25 % train / validation / test by patient, drawn by the seed",
    },
    caveats=(
        "Labels come from report text; the authors expect more than 90 % of them to be right.",
        (
            "The first release of the table had 1,353 images of pneumonia; the paper's 1,431 are those "
            "of the later one."
        ),
        "1,109 of the 1,431 have other findings as well; nothing says that the paper left them out.",
        "The paper does not say which 2,754 normal images it took.",
        "A full check decodes 112,120 images; decode=False looks at file headers only.",
    ),
    folders=("nih_chestxray14", "ChestXray-NIHCC", "ChestX-ray14", "CXR8"),
)

TABLES = ("Data_Entry_2017.csv", "Data_Entry_2017_v2020.csv")
COLUMNS = ("Image Index", "Finding Labels", "Patient ID")
NOTHING, PNEUMONIA = "No Finding", "Pneumonia"
FINDINGS = frozenset(
    "Atelectasis Cardiomegaly Consolidation Edema Effusion Emphysema Fibrosis Hernia Infiltration "
    "Mass Nodule Pleural_Thickening Pneumonia Pneumothorax".split()
)
LISTS = {"train_val": "train_val_list.txt", "test": "test_list.txt"}
NORMALS = 2754


def scan(root: Path) -> Scan:
    """Records of the whole table, with the official part where the lists are there."""
    need_folder(root, CARD)
    records, problems = read_images(root, find_table(root, CARD))
    parts, trouble, warnings = _official(root)
    if parts and (left := sum(r.image.name not in parts for r in records)):
        warnings += (f"{root}: {left:,} image(s) of the table are in neither list of a split",)
    listed = tuple(replace(r, part=parts.get(r.image.name, "")) for r in records)
    return Scan(root, listed, (*problems, *trouble), warnings)


SOURCE = Source(
    CARD, {"paper": all_test, "official": by_part, "patient": by_patient}, scan, labelled=True
)
check = SOURCE.check


def load(
    root: Path, *, normals: int | None = NORMALS, **options: Unpack[LoadOptions]
) -> ChestXrays:
    """Images and labels of one split: all pneumonia and `normals` normal images.

    normals: how many of the "No Finding" images, drawn by the seed; None takes all 60,361. options:
    those of `Source.load`. Raises DatasetError.
    """

    def chosen(folder: Path) -> Scan:
        found = scan(folder)
        return replace(found, records=tuple(select(found.records, normals, options.get("seed", 0))))

    return replace(SOURCE, scan=chosen).load(root, **options)


def select(records: Sequence[Record], normals: int | None, seed: int) -> list[Record]:
    """All pneumonia records and `normals` (None: all) normal ones drawn by the seed, in order."""
    healthy = [i for i, r in enumerate(records) if r.group == "normal"]
    if normals is not None and normals > len(healthy):
        raise DatasetError(
            f"nih_chestxray14: {normals} normal images are wanted, the table has {len(healthy)}; "
            "ask for fewer, or None for all"
        )
    wanted = len(healthy) if normals is None else normals
    drawn = {healthy[i] for i in first_labelled([0] * len(healthy), wanted, seed).tolist()}
    return [r for i, r in enumerate(records) if i in drawn or r.group == "pneumonia"]


def find_table(root: Path, card: Card) -> Path:
    """The table of findings below `root`. Raises DatasetError where there is none, or both."""
    found = [root / name for name in TABLES if is_file(root / name)]
    if not found:
        raise DatasetError(f"{root / TABLES[0]}: the table is missing. {card.how_to_get}")
    if len(found) > 1:
        raise DatasetError(
            f"{found[1]}: {found[0].name} fits the same place; keep the table that goes with the images "
            "and move the other away"
        )
    return found[0]


def read_images(root: Path, table: Path) -> tuple[list[Record], list[str]]:
    """Records and problems of a table of findings and the images beside it.

    Images lie in images/ or in images_001/images ... images_012/images. An image that is not there keeps
    its record (it is reported when the files are checked, or read); an unlisted image is a problem.
    Raises DatasetError for a table that cannot be read.
    """
    problems: list[str] = []
    outer = [f for f in folders(root, problems) if f.name.startswith("images")]
    places = [p for f in outer for p in (f, f / "images") if is_folder(p)]
    found = (path for place in places for path in files(place, problems, ".png"))
    images = one_each(found, lambda path: path.name, problems)
    records: list[Record] = []
    for line, row in read_rows(table, COLUMNS, problems):
        record, fault = _record(row, images, table)
        records += [record] if record else []
        problems += [f"{table}, line {line}: {fault}"] if fault else []
    listed = Counter(r.image.name for r in records)
    problems += [f"{table}: {name} is listed {n} times" for name, n in listed.items() if n > 1]
    stray = sorted(set(images) - set(listed)) if not problems else []
    problems += [f"{images[name]}: the image is not in {table.name}" for name in stray]
    return records, problems


def _record(row: Row, images: Mapping[str, Path], table: Path) -> tuple[Record | None, str]:
    """The record of a row and what is wrong with it ("" when nothing is)."""
    name, labels, patient = (row[c] for c in COLUMNS)
    findings = set(labels.split("|"))
    if unknown := findings - FINDINGS - {NOTHING}:
        return None, f"unknown label {sorted(unknown)[0]!r} of {name}; known: {sorted(FINDINGS)}"
    if NOTHING in findings and len(findings) > 1:
        return None, f"{name} has {NOTHING!r} and other findings"
    number = re.match(r"(\d{8})_", name)
    if not patient.isdecimal() or (number and int(number[1]) != int(patient)):
        return None, f"{name}: Patient ID {patient!r} does not agree with the file name"
    group = "normal" if NOTHING in findings else "pneumonia" if PNEUMONIA in findings else "other"
    path = images.get(name, table.parent / "images" / name)
    return Record(Path(name).stem, str(int(patient)), path, group), ""


def _official(root: Path) -> tuple[dict[str, str], list[str], tuple[str, ...]]:
    """Image -> official part, with problems (an image in both lists) and warnings (no lists)."""
    parts: dict[str, str] = {}
    problems: list[str] = []
    warnings: list[str] = []
    for part, name in LISTS.items():
        if not is_file(root / name):
            warnings.append(f"{root / name}: missing; scheme 'official' needs it")
            continue
        try:
            listed = read_names(root / name)
        except DatasetError as error:
            problems.append(str(error))
            continue
        twice = [image for image in listed if parts.setdefault(image, part) != part]
        problems += [f"{root / name}: {i} is in {LISTS[parts[i]]} too" for i in twice]
        if again := len(listed) - len(set(listed)):
            warnings.append(f"{root / name}: {again:,} name(s) are listed twice")
    return parts, problems, tuple(warnings)
