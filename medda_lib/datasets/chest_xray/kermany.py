"""Kermany's pneumonia set: chest X-rays of children, the paper's CheX (class labels, in-domain).

Two releases are around. The one that the paper's numbers fit (5,216 / 16 / 624) has a folder per
split and class, and file names from which the patient can be read: `person12_bacteria_47.jpeg` is
patient 12, `IM-0115-0001.jpeg` and `NORMAL2-IM-0217-0001.jpeg` are the series IM-0115 and
NORMAL2-IM-0217. The original release names files `BACTERIA-7422-0001.jpeg` (patient 7422) and has no
validation folder. Both are read. Numbers may have been given anew per split: whether `person12` of
training and of test are one child cannot be told, so the cautious reading is taken and they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from medda_lib.datasets.card import Card
from medda_lib.datasets.chest_xray.xrays import (
    Record,
    Scan,
    Source,
    by_part,
    by_patient,
)
from medda_lib.datasets.folder import files, folders, inner, is_folder, need_folder, one_each
from medda_lib.datasets.splits import Indices, shared_patients

CARD = Card(
    name="kermany",
    title="Chest X-ray images (pneumonia), Kermany et al.",
    input="5,856 frontal chest X-rays (JPEG, mostly 8-bit grey, 384 to 2,916 pixels wide) of "
    "children aged one to five",
    label="normal (0) or pneumonia (1; the file name says bacterial or viral)",
    metadata="patient and cause, from the file name",
    website="https://data.mendeley.com/datasets/rscbjbr9sj/ and "
    "https://www.kaggle.com/datasets/paultimothymooney/chest-xray-pneumonia",
    publication="D. Kermany et al., Identifying medical diagnoses and treatable diseases by "
    "image-based deep learning, Cell 172(5), 2018, doi:10.1016/j.cell.2018.02.010",
    licence="CC BY 4.0",
    how_to_get="Download chest-xray-pneumonia (about 1.2 GB) from its website and unpack it, so "
    "that MEDDA_DATA/chest_xray/train/NORMAL exists.",
    layout="""
chest_xray/
  train/  NORMAL/*.jpeg  PNEUMONIA/*.jpeg
  val/    NORMAL/*.jpeg  PNEUMONIA/*.jpeg
  test/   NORMAL/*.jpeg  PNEUMONIA/*.jpeg
""",
    counts={
        "images": 5856,
        "normal": 1583,
        "pneumonia": 4273,
        "train": 5216,
        "validation": 16,
        "test": 624,
    },
    splits={
        "official": "the folders; the paper's Table 1. By file name, patients are in two of them",
        "official_disjoint": "the folders, without the training and validation images of patients "
        "who, by file name, are also in a later folder (train, validation, test)",
        "patient": "65 / 10 / 25 % train / validation / test by patient, drawn by the seed",
    },
    caveats=(
        "The official validation set has 16 images: a choice made on it is close to chance.",
        "The same person number in two folders may be two children; counting it as one is cautious.",
        (
            "The original release has 5,232 / 624 images and no validation folder; the 16 were taken "
            "from its training images, so the totals agree."
        ),
        "Children only: a model meets adults for the first time across domains.",
    ),
    folders=("chest_xray", "kermany", "chest-xray-pneumonia"),
)

PARTS = {"train": "train", "val": "validation", "test": "test"}
CLASSES = {"NORMAL": "normal", "PNEUMONIA": "pneumonia"}
PATIENT = {
    "normal": re.compile(r"((?:NORMAL2-)?IM-\d+)-\d+(?:-\d+)*|NORMAL-(\d+)-\d+"),
    "pneumonia": re.compile(r"(person\d+)_(?:bacteria|virus)_\d+|(?:BACTERIA|VIRUS)-(\d+)-\d+"),
}


def official_disjoint(records: Sequence[Record], seed: int) -> dict[str, Indices]:
    """Scheme: the folders, each without the patients of the folders after it."""
    parts, later = by_part(records, seed), set[str]()
    kept: dict[str, Indices] = {}
    for name in reversed(parts):
        own = [i for i in parts[name].tolist() if records[i].patient not in later]
        kept[name] = np.array(own, dtype=np.int64)
        later |= {records[i].patient for i in own}
    return {name: kept[name] for name in parts}


def scan(root: Path) -> Scan:
    """Records of the six folders; unknown folders and file names are problems."""
    need_folder(root, CARD)
    base = inner(root, "chest_xray")
    need_folder(base / "train", CARD)
    records: list[Record] = []
    problems: list[str] = []
    warnings: list[str] = []
    for folder, part in PARTS.items():
        if not is_folder(base / folder):
            gone = f"{base / folder}: the folder is missing"
            if part == "validation":  # the original release has none
                warnings.append(f"{gone}; there is no official validation split")
            else:
                problems.append(f"{gone}; unpack the data set again")
            continue
        for kind in folders(base / folder, problems):
            if kind.name not in CLASSES:
                problems.append(f"{kind}: unknown label; expected a folder {' or '.join(CLASSES)}")
                continue
            records += _of_class(kind, CLASSES[kind.name], part, problems)
    return Scan(base, tuple(records), tuple(problems), (*warnings, *_overlap(records)))


def _of_class(folder: Path, group: str, part: str, problems: list[str]) -> Iterator[Record]:
    """The records of one class of one part."""
    images = files(folder, problems, ".jpeg", ".jpg", ".png")
    for image in one_each(images, lambda p: p.stem, problems).values():
        match = PATIENT[group].fullmatch(image.stem)
        if match is None:
            problems.append(f"{image}: no patient can be read from this name of a {group} image")
        else:
            patient = next(g for g in match.groups() if g)
            yield Record(image.stem, patient, image, group, part=part)


def _overlap(records: Sequence[Record]) -> tuple[str, ...]:
    shared = shared_patients(by_part(records, 0), [r.patient for r in records])
    if not shared:
        return ()
    some = ", ".join(list(shared)[:3])
    return (
        (
            f"{len(shared)} patient(s) by file name are in two official splits ({some} ...); "
            "scheme 'official_disjoint' or 'patient' keeps them apart"
        ),
    )


SOURCE = Source(
    CARD,
    {"official": by_part, "official_disjoint": official_disjoint, "patient": by_patient},
    scan,
    labelled=True,
    published_overlap=("official",),
)
check, load = SOURCE.check, SOURCE.load
