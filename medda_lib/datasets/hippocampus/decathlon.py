"""The Medical Segmentation Decathlon, any of its tasks by `dataset.json`; here the hippocampus.

The file `dataset.json` lists the pairs of an image and its labels, names the labels and the channels.
Task 4 holds crops around the hippocampus of 1 mm voxels that differ in size from scan to scan. Its
labels 1 (anterior) and 2 (posterior) are joined to the whole hippocampus unless one is asked for. Part
of its images are stored as uint8 and the rest as float32 with another range: two intensity regimes,
which is told per scan. Scans 2 k - 1 and 2 k are of one person: the set does not say so, but its data
do (see the card), and a split that ignores it leaks. Other tasks have several channels (last axis) and
other voxels; they are read with `channel`, `labels` and a `field` that fits the organ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from medda_lib.datasets import nifti
from medda_lib.datasets.card import CheckReport, DatasetError
from medda_lib.datasets.folder import UnreadableError, is_file, need_folder
from medda_lib.datasets.hippocampus.crops import FIELD, Crops, Millimetres
from medda_lib.datasets.hippocampus.source import (
    Acquired,
    CropRecord,
    CropScan,
    CropSource,
    stored_type,
)
from medda_lib.datasets.tables import read_text
from medda_lib.datasets.volume_source import stem
from medda_lib.datasets.volumes import VolumeCard

CARD = VolumeCard(
    name="decathlon",
    title="Medical Segmentation Decathlon, hippocampus (task 4)",
    input="T1-weighted crops around one hippocampus, about 35 x 50 x 35 voxels of 1 mm, NIfTI",
    label="anterior (1) and posterior (2) hippocampus, joined by default",
    metadata="the number of the scan, which tells pairs of one person, and the type of the stored "
    "values, which tells two intensity regimes",
    website="http://medicaldecathlon.com",
    publication="M. Antonelli et al., The Medical Segmentation Decathlon, Nature Communications 13, "
    "2022; A. L. Simpson et al., A large annotated medical image dataset for the development and "
    "evaluation of segmentation algorithms, arXiv 1902.09063, 2019",
    licence="CC BY-SA 4.0",
    how_to_get="Download Task04_Hippocampus.tar from the website and extract it into "
    "MEDDA_DATA/Task04_Hippocampus.",
    layout="""
Task04_Hippocampus/
  dataset.json                           pairs, names of labels and channels
  imagesTr/hippocampus_001.nii.gz        image
  labelsTr/hippocampus_001.nii.gz        0 outside, 1 anterior, 2 posterior
  imagesTs/                              images without labels, not read
""",
    counts={"scans": 260, "people": 170},
    splits={"site": "one clinic, so there is one site, named after the task: hippocampus"},
    caveats=(
        (
            "Two intensity regimes: 55 images are stored as uint8 (to 255), 205 as float32 (from about "
            "850 to over a million). What made them differ is not published."
        ),
        (
            "The publications count 263 labelled crops; `dataset.json` lists 260 and is what counts "
            "here."
        ),
        (
            "Which scans are of one person is nowhere written down, but the numbers 2 k - 1 and 2 k "
            "are: their volumes and intensities agree and their regimes never differ, while those of "
            "2 k and 2 k + 1 have nothing in common (a test measures it). So 260 scans are of 170 "
            "people, and a split by file puts one side of a person into training and the other into "
            "the test."
        ),
        "The crops were cut around the label: where the hippocampus may be is given away.",
    ),
    folders=("Task04_Hippocampus", "decathlon/Task04_Hippocampus"),
    mask="the whole hippocampus (anterior and posterior), by hand",
)


TASK = "hippocampus"  # the task whose numbers tell pairs


@dataclass(frozen=True)
class Listing:
    """What `dataset.json` says. channels and labels by number; pairs of paths, image and labels."""

    name: str
    channels: Mapping[int, str]
    labels: Mapping[int, str]
    pairs: tuple[tuple[Path, Path], ...]


def read_listing(root: Path) -> Listing:
    """The task's `dataset.json`. Raises DatasetError when it is missing or says less than it must."""
    path = need_folder(root, CARD) / "dataset.json"
    if not is_file(path):
        raise DatasetError(f"{path}: the file is missing. {CARD.how_to_get}")
    text = read_text(path)
    try:
        found: Any = json.loads(text)
        pairs = tuple((root / pair["image"], root / pair["label"]) for pair in found["training"])
        channels, labels = (
            {int(number): str(name) for number, name in found[key].items()}
            for key in ("modality", "labels")
        )
        name = str(found["name"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DatasetError(
            f"{path}: not a Decathlon listing ({type(error).__name__}: {error}); expected name, "
            "modality, labels and training with image and label: extract the task again"
        ) from error
    if not channels or max(labels, default=0) < 1:
        raise DatasetError(
            f"{path}: it declares no channel, or no label above 0; extract the task again"
        )
    visible = tuple(pair for pair in pairs if not pair[0].name.startswith("._"))
    return Listing(name.lower(), channels, labels, visible)


def scan(root: Path) -> CropScan:
    """Records of all listed pairs. Half a pair is a problem; a pair that is not here, a warning."""
    listing = read_listing(root)
    records: list[CropRecord] = []
    problems: list[str] = []
    gone: list[str] = []
    for image, mask in listing.pairs:
        try:
            here = is_file(image), is_file(mask)
            problems += _unpacked(image, mask)
        except UnreadableError as error:
            problems.append(str(error))
            continue
        if all(here):
            name = stem(image)
            records.append(CropRecord(name, person_of(name), listing.name, image, mask))
        elif any(here):
            missing, other = (mask, image) if here[0] else (image, mask)
            problems.append(f"{missing}: the file is missing, {other.name} is here; extract again")
        else:
            gone.append(f"{image}: listed in dataset.json, but neither image nor labels are here")
    if not records and not problems:
        problems.append(f"{root}: no listed pair is here. {CARD.how_to_get}")
    return CropScan(root, tuple(records), tuple(problems), tuple(gone))


def _unpacked(*paths: Path) -> Iterator[str]:
    """A problem for each listed file beside which its name lies with the other ending."""
    for path in paths:
        other = path.with_name(stem(path) + (".nii" if path.suffix == ".gz" else ".nii.gz"))
        if is_file(path) and is_file(other):
            yield f"{other}: {path} fits the same place; keep one and move the other away"


def person_of(name: str) -> str:
    """Who was scanned: hippocampi 1 and 2 are of person 1, 3 and 4 of person 2; else the scan's name."""
    match = re.fullmatch(TASK + r"_(\d+)", name)
    return f"person_{(int(match[1]) + 1) // 2:03d}" if match else name


def check(
    root: Path, *, counts: Mapping[str, int] | None = None, decode: bool = True
) -> CheckReport:
    """Compare a folder with its own `dataset.json`: pairs, headers, readable files, labels.

    A pair of which nothing is here is a warning (a part of the set can be used), half a pair is a
    problem. counts: numbers that have to be met besides, by default none.
    """
    try:
        listing = read_listing(root)
    except DatasetError as error:
        return CheckReport(CARD.name, root, {}, (str(error),))
    source = replace(SOURCE, read=partial(read_all, listing=listing))
    report = source.check(root, counts=counts or {}, decode=decode)
    published = CARD.counts["scans"]
    if counts is not None or not report.found or report.found["scans"] == published:
        return report
    if listing.name != TASK:
        return report
    fewer = f"{report.found['scans']} scans are here, {published} were published"
    return replace(report, warnings=(*report.warnings, fewer))


def load(
    root: Path,
    *,
    site: str | None = None,
    spacing: float = 1.0,
    labels: tuple[int, ...] | None = None,
    channel: int | str | None = None,
    field: Millimetres = FIELD,
    progress: bool = True,
) -> Crops:
    """All scans on a grid of `spacing` mm around the middle of each.

    site: the task's name or None. labels: which to join (None: all above 0). channel: of several, by
    number or name. field: (slices, rows, columns) in mm. Raises DatasetError, naming file or argument.
    """
    listing = read_listing(root)
    _known_labels(labels, listing)
    number = channel_number(channel, listing)
    read_one = partial(read, listing=listing, labels=labels, channel=number)
    source = replace(SOURCE, read=read_one)
    return source.load(root, site=site, spacing=spacing, field=field, progress=progress)


def read(
    record: CropRecord,
    listing: Listing,
    labels: tuple[int, ...] | None = None,
    channel: int | None = None,
) -> Acquired:
    """One scan as stored. Raises DatasetError, for labels that the listing does not declare as well."""
    image = _image(record.image, channel)
    mask = nifti.read_mask(record.mask, image.grid, "labels", {0, *listing.labels})
    if labels is not None:
        mask = np.isin(nifti.read_scan(record.mask).values, labels)
        if not mask.any():
            raise DatasetError(f"{record.mask}: labels {labels} do not occur; choose others")
    return Acquired(image, mask, stored_type(record.image))


def read_all(record: CropRecord, listing: Listing) -> Acquired:
    """One scan, every channel looked at; the first comes out. Raises DatasetError."""
    if len(listing.channels) == 1:
        return read(record, listing)
    found = [read(record, listing, channel=number) for number in sorted(listing.channels)]
    return found[0]


def _read(record: CropRecord) -> Acquired:
    """For a source without a listing: that of the record's own task."""
    return read(record, read_listing(record.image.parent.parent))


SOURCE = CropSource(CARD, scan, _read)


def channel_number(channel: int | str | None, listing: Listing) -> int | None:
    """The channel by number; None for a task with one. Raises DatasetError naming `channel`."""
    names = ", ".join(f"{number} ({name})" for number, name in listing.channels.items())
    if channel is None:
        if len(listing.channels) > 1:
            raise DatasetError(f"channel: {listing.name} has several, choose one of {names}")
        return None
    by_name = {name: number for number, name in listing.channels.items()}
    number = by_name.get(channel) if isinstance(channel, str) else channel
    if number not in listing.channels:
        raise DatasetError(f"channel: {listing.name} has no {channel!r}; there are: {names}")
    return None if len(listing.channels) == 1 else number


def _image(path: Path, channel: int | None) -> nifti.Scan:
    if channel is None:
        _refuse_series(path)
        return nifti.read_scan(path)
    # One channel of a series, with every check of a header that a single volume gets.
    with nifti.opened(path) as series:
        if len(series.shape) != 4 or channel >= series.shape[3]:
            raise DatasetError(
                f"{path}: shape {series.shape} has no channel {channel}; correct `channel`"
            )
        warnings = nifti.verify(path, series)
        one = series.slicer[..., channel]
        grid = nifti.grid_of(path, one)
        values = np.asarray(one.get_fdata(dtype=np.float32, caching="unchanged"))
    if not np.isfinite(values).all() or values.min() == values.max():
        raise DatasetError(f"{path}: channel {channel} is empty or not finite; get the file again")
    return nifti.Scan(grid, values, warnings)


def _refuse_series(path: Path) -> None:
    """Several channels and none chosen."""
    with nifti.opened(path) as image:
        shape = image.shape
    if len(shape) == 4 and shape[3] > 1:
        raise DatasetError(f"{path}: {shape[3]} channels; choose one with the argument `channel`")


def _known_labels(labels: tuple[int, ...] | None, listing: Listing) -> None:
    known = {number: name for number, name in listing.labels.items() if number > 0}
    if labels is not None and not (labels and set(labels) <= set(known)):
        names = ", ".join(f"{number} ({name})" for number, name in known.items())
        raise DatasetError(f"labels: {labels}; {listing.name} has {names}")
