"""HarP: 135 heads of ADNI with both hippocampi outlined by the harmonised protocol.

Healthy people, people with mild cognitive impairment and with Alzheimer's disease, at 1.5 and 3 T. The
labels are the benchmark of the EADC-ADNI harmonised protocol, so they are the most careful outlines of
the three sets here. Each hippocampus is a scan of its own, cut from the head around its label; the two
of a person carry one person's name. Images are published as MINC, labels as NIfTI; images have to be
converted once. Some label files hold two large numbers instead of 0 and 1: the larger one is inside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medda_lib.datasets import nifti
from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.folder import files, is_folder, need_folder, one_each
from medda_lib.datasets.hippocampus.crops import cut_out
from medda_lib.datasets.hippocampus.source import (
    Acquired,
    CropRecord,
    CropScan,
    CropSource,
    stored_type,
)
from medda_lib.datasets.volume_source import volumes_in
from medda_lib.datasets.volumes import VolumeCard

CARD = VolumeCard(
    name="harp",
    title="HarP (EADC-ADNI harmonised hippocampal protocol)",
    input="135 T1-weighted heads of ADNI, 1.5 and 3 T, about 1 mm; crops around each hippocampus",
    label="outlines of the left and the right hippocampus by trained readers",
    metadata="number of the person in ADNI, side, part of the release",
    website="http://www.hippocampal-protocol.net",
    publication="M. Boccardi et al., Training labels for hippocampal segmentation based on the "
    "EADC-ADNI harmonized hippocampal protocol, Alzheimer's & Dementia 11 (2), 2015",
    licence="images under ADNI's data use agreement, which has to be applied for",
    how_to_get="Apply for access to ADNI, download both parts (100 and 35 heads) and their labels from "
    "the website, convert the images from MINC to NIfTI (mnc2nii, or nibabel) and put all four folders "
    "into MEDDA_DATA/harp.",
    layout="""
harp/
  100/ADNI_002_S_0295_13722.nii.gz                image, converted; the name may go on
  Labels_100_NIFTI/ADNI_002_S_0295_13722_L.nii    left hippocampus
  Labels_100_NIFTI/ADNI_002_S_0295_13722_R.nii    right hippocampus
  35/                                             the same for the second part
  Labels_35_NIFTI/
""",
    counts={"scans": 270, "people": 135},
    splits={"site": "the parts of the release: part_100 and part_35"},
    caveats=(
        (
            "Not run on the published files, which need an agreement: the names are those that public "
            "code for this set expects."
        ),
        (
            "A crop lies around its label: where the hippocampus may be is given away, as in "
            "Decathlon's own crops."
        ),
        "Several sites, vendors and fields of ADNI are mixed; the file names do not tell them.",
        "The heads were resampled to a template's grid by the owners: noise is not the scanners' own.",
    ),
    folders=("harp", "HarP"),
    mask="the whole hippocampus of one side, by hand",
)

PARTS = ("100", "35")
NAME = re.compile(r"(ADNI_\d+_S_\d+)_\d+")


def scan(root: Path) -> CropScan:
    """Two records per head; a head without its labels, or labels without a head, is a problem."""
    need_folder(root, CARD)
    records: list[CropRecord] = []
    problems: list[str] = []
    for part in PARTS:
        images, labels = root / part, root / f"Labels_{part}_NIFTI"
        absent = [folder for folder in (images, labels) if not is_folder(folder)]
        if absent:
            problems += [f"{f}: the folder is missing. {CARD.how_to_get}" for f in absent]
            continue
        heads, faults = _heads(images)
        problems += faults
        for record in _sides(heads, volumes_in(labels, problems), part):
            if isinstance(record, str):
                problems.append(record)
            else:
                records.append(record)
    return CropScan(root, tuple(records), tuple(problems))


def read(record: CropRecord) -> Acquired:
    """One hippocampus and what is around it. Raises DatasetError for files that cannot be trusted."""
    head = nifti.read_scan(record.image)
    image, mask = cut_out(head, two_valued(record.mask, head.grid))
    return Acquired(image, mask, stored_type(record.image), head)


def two_valued(path: Path, image: nifti.Grid) -> NDArray[np.bool_]:
    """A mask of any two values, inside the larger one. Raises DatasetError for anything else."""
    nifti.same_grid(nifti.read_grid(path), image)
    values = nifti.read_scan(path).values
    low, high = values.min(), values.max()
    if not np.all((values == low) | (values == high)):
        raise DatasetError(
            f"{path}: mask values from {low:g} to {high:g}, expected two values; this may be an image "
            "instead of a mask, or a mask resampled smoothly: get it again"
        )
    return np.asarray(values == high)


def _heads(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """Images by the part of their name that the labels share, and what is wrong with the others."""
    problems: list[str] = []
    named: dict[Path, str] = {}
    for path in volumes_in(folder, problems).values():
        match = NAME.match(path.name)
        if match is None:
            problems.append(f"{path}: expected a name like ADNI_002_S_0295_13722.nii.gz; rename it")
        else:
            named[path] = match[0]
    heads = one_each(named, named.__getitem__, problems)
    if not heads and not problems and files(folder, problems, ".mnc"):
        problems.append(f"{folder}: the images are MINC; convert them to NIfTI (mnc2nii) beside")
    return heads, problems


def _sides(
    heads: Mapping[str, Path], labels: Mapping[str, Path], part: str
) -> Iterator[CropRecord | str]:
    """A record for each side, or the problem with it."""
    for name, image in sorted(heads.items()):
        for side in ("L", "R"):
            mask = labels.get(f"{name}_{side}")
            if mask is None:
                yield f"{image}: no label {name}_{side}.nii for this image; extract the labels again"
                continue
            match = NAME.match(name)
            person = match[1] if match else name
            yield CropRecord(f"{name}_{side}", person, f"part_{part}", image, mask)
    known = {f"{name}_{side}" for name in heads for side in ("L", "R")}
    for name in sorted(set(labels) - known):
        yield f"{labels[name]}: no image for this label"


SOURCE = CropSource(CARD, scan, read)
check, load = SOURCE.check, SOURCE.load
