"""What all chest X-ray data sets have in common, so that each module only says what is special.

A module scans its folder into a `Scan`: one `Record` per image (who, which class, which files, which
official part) and the problems met on the way. From there checking and loading are the same for all,
so a module's `check` and `load` are those of its `Source` wherever it has nothing to add:
`Source.check` opens every file and lists everything that is wrong; `Source.load` refuses a folder
with problems, picks a split by the named scheme, refuses parts that share a patient, and decodes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol, Required, TypedDict

import numpy as np
import torch
from torch import Tensor

from medda_lib.datasets import pictures, reading
from medda_lib.datasets.card import Card, CheckReport, DatasetError
from medda_lib.datasets.checking import (
    FolderScan,
    Seen,
    check_folder,
    looked_at,
    refuse_problems,
    scanned,
)
from medda_lib.datasets.folder import is_file
from medda_lib.datasets.pictures import Frame, Pixels
from medda_lib.datasets.splits import (
    Indices,
    first_labelled,
    refuse_shared_patients,
    split_by_patient,
)

LABELS = {"normal": 0, "pneumonia": 1}
FRACTIONS = {"train": 0.65, "validation": 0.10, "test": 0.25}


@dataclass(frozen=True)
class ChestXrays:
    """Images (n, 1, size, size) float32 in [0, 1], bone bright and lung dark, and their truth.

    labels: (n,) int64, 0 normal, 1 pneumonia, or None. masks: (n, 1, size, size) bool, or None.
    rule: what the masks cover, "lungs" or "lungs_and_heart"; "" without masks. pixel: height and width
    (n, 2) float64 of the pixels in mm on the detector; NaN where the set does not tell.
    """

    images: Tensor
    labels: Tensor | None
    masks: Tensor | None
    patients: tuple[str, ...]
    names: tuple[str, ...]
    rule: str = ""
    pixel: Tensor | None = None

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Record:
    """One image before it is read. `group` is its class, `part` its official split ("" if none)."""

    name: str
    patient: str
    image: Path
    group: str = ""
    masks: tuple[Path, ...] = ()
    part: str = ""

    @property
    def states(self) -> Mapping[str, str]:
        """What a second record of the same content may contradict."""
        return {"patient": self.patient, "class": self.group, "split": self.part}


class Form(Protocol):
    """How a set's images are stored."""

    def frame(self, path: Path) -> Frame:
        """Width, height and turn, from the header. Raises DatasetError."""

    def read(self, path: Path, size: int) -> Pixels:
        """The image as (size, size) float32 in [0, 1]. Raises DatasetError."""

    def look(self, path: Path) -> Seen:
        """The whole image decoded: its content, and what is suspicious. Raises DatasetError."""


class LoadOptions(TypedDict, total=False):
    """What `Source.load` takes, for modules that take something besides."""

    size: Required[int]
    split: str | None
    scheme: str | None
    seed: int
    progress: bool


Scan = FolderScan[Record]
Scheme = Callable[[Sequence[Record], int], dict[str, Indices]]


@dataclass(frozen=True)
class Source:
    """How one data set is checked and loaded.

    schemes: ways to split, the first for whoever names none. scan: the records below a folder.
    labelled: its groups are the classes of `LABELS`. rule: what the masks cover, by default what the
    card says. mask_scale: image pixels per mask pixel along a side. published_overlap: schemes that
    share patients as published, where this is a warning. form: how its images are stored. pixel: the
    side in mm of a square pixel of a file with this frame, NaN for a frame other than the published one.
    """

    card: Card
    schemes: Mapping[str, Scheme]
    scan: Callable[[Path], Scan]
    labelled: bool
    rule: str = ""
    mask_scale: int = 1
    published_overlap: tuple[str, ...] = ()
    form: Form = field(default_factory=reading.PictureForm)
    pixel: Callable[[Frame], float] | None = None

    def check(
        self, root: Path, *, counts: Mapping[str, int] | None = None, decode: bool = True
    ) -> CheckReport:
        """Compare a folder with the card: counts, pairing, readable files, sizes of masks, patients.

        Never raises DatasetError. counts: expected numbers, by default the card's. decode False: file
        headers only (fast).
        """
        verify = self._decode if decode else self._same_frame

        def look(records: Sequence[Record]) -> Iterator[Seen]:
            work = partial(looked_at, verify)
            return reading.in_parallel(work, records, f"checking {self.card.name}")

        return check_folder(self.card, root, self._apart, count=count, look=look, counts=counts)

    def load(
        self,
        root: Path,
        *,
        size: int,
        split: str | None = None,
        scheme: str | None = None,
        seed: int = 0,
        progress: bool = True,
    ) -> ChestXrays:
        """Images, and the labels or masks that the set has, of one split at size x size.

        split: a part of the scheme, None for all. scheme: a key of the card's splits, None for the
        first. seed: of what a scheme draws. Raises DatasetError, naming the file or argument.
        """
        found = scanned(self.scan, root)
        refuse_problems(self.card, found)
        if size < 1:
            raise DatasetError(f"size: {size} pixels; expected a positive number")
        scheme = next(iter(self.schemes)) if scheme is None else scheme
        chosen = self.choose(found.records, scheme, split, seed)
        return self._read(chosen, size, progress=progress)

    def choose(
        self, records: Sequence[Record], scheme: str, split: str | None, seed: int
    ) -> list[Record]:
        """The records of one split; refuses unknown names and parts that share a patient."""
        name = self.card.name
        if scheme not in self.schemes:
            raise DatasetError(f"{name}: no split scheme {scheme!r}; use {_list(self.schemes)}")
        parts = self.schemes[scheme](records, seed)
        if scheme not in self.published_overlap:
            refuse_shared_patients(parts, [r.patient for r in records], name)
        if split is not None and split not in parts:
            raise DatasetError(
                f"{name}: no split {split!r} in scheme {scheme!r}; use {_list(parts)}"
            )
        wanted = [split] if split is not None else list(parts)
        indices = np.sort(np.concatenate([np.zeros(0, np.int64), *(parts[p] for p in wanted)]))
        if len(indices) == 0:
            what = f"split {split!r}" if split is not None else "every split"
            raise DatasetError(
                f"{name}: {what} of scheme {scheme!r} is empty; `medda data check {name}` says "
                "what is missing"
            )
        return [records[i] for i in indices.tolist()]

    def _same_frame(self, record: Record) -> Seen:
        """Compare the headers of a record's files. Raises DatasetError."""
        image = self.form.frame(record.image)
        wanted = Frame(image.width // self.mask_scale, image.height // self.mask_scale, image.turn)
        for path in record.masks:
            mask = pictures.frame(path)
            if mask[:2] != wanted[:2]:
                raise DatasetError(
                    f"{path}: mask of {mask.width} x {mask.height} pixels, expected "
                    f"{wanted.width} x {wanted.height} for {record.image.name}; get both files again"
                )
            if mask.turn != wanted.turn:
                raise DatasetError(
                    f"{path}: the EXIF of {record.image.name} states another turn than that of its "
                    "mask, so where the mask lies is not known; turn the pixels and remove the tag"
                )
        return Seen()

    def _decode(self, record: Record) -> Seen:
        """Like `_same_frame`, and the pixels are decoded too."""
        self._same_frame(record)
        seen = self.form.look(record.image)
        warnings = reading.united(record.masks)[1] if record.masks else ()
        return replace(seen, warnings=(*seen.warnings, *warnings))

    def _apart(self, root: Path) -> Scan:
        """The scan, with a problem where the official parts share a patient."""
        found = self.scan(root)
        if self.published_overlap:
            return found
        patients = [r.patient for r in found.records]
        try:
            refuse_shared_patients(by_part(found.records, 0), patients, self.card.name)
        except DatasetError as error:
            return replace(found, problems=(*found.problems, str(error)))
        return found

    def _read(self, records: Sequence[Record], size: int, *, progress: bool) -> ChestXrays:
        masked = bool(records[0].masks)
        images = np.empty((len(records), 1, size, size), np.float32)
        masks = np.empty((len(records), 1, size, size), np.bool_) if masked else None

        sizes = np.full((len(records), 2), np.nan)

        def fill(i: int) -> None:
            self._same_frame(records[i])
            images[i, 0] = self.form.read(records[i].image, size)
            sizes[i] = self._pixel_size(records[i].image, size)
            if masks is not None:
                masks[i, 0] = reading.read_mask(records[i].masks, size)

        for _ in reading.in_parallel(
            fill, range(len(records)), f"reading {self.card.name}", progress=progress
        ):
            pass
        classes = [LABELS[r.group] for r in records] if self.labelled else None
        return ChestXrays(
            images=torch.from_numpy(images),
            labels=None if classes is None else torch.tensor(classes, dtype=torch.int64),
            masks=None if masks is None else torch.from_numpy(masks),
            patients=tuple(r.patient for r in records),
            names=tuple(r.name for r in records),
            rule=(self.rule or self.card.label_rule) if masked else "",
            pixel=torch.from_numpy(sizes),
        )

    def _pixel_size(self, path: Path, size: int) -> tuple[float, float]:
        """Height and width in mm of a pixel of the picture squeezed to size x size."""
        if self.pixel is None:
            return float("nan"), float("nan")
        frame = self.form.frame(path)
        side = self.pixel(frame)
        return side * frame.height / size, side * frame.width / size


def count(records: Sequence[Record], names: Sequence[str]) -> dict[str, int]:
    """Numbers of images, patients, masks, and of records by group or part, for the given names."""
    tally = Counter(r.group for r in records if r.group)
    tally.update(r.part for r in records if r.part)
    tally["images"] = sum(_is_there(r.image) for r in records)
    tally["patients"] = len({r.patient for r in records})
    tally["masks"] = sum(bool(r.masks) for r in records)
    return {name: tally[name] for name in names}


def by_part(records: Sequence[Record], _seed: int) -> dict[str, Indices]:
    """Scheme: the official parts."""
    names = list(dict.fromkeys(r.part for r in records if r.part))
    return {
        name: np.array([i for i, r in enumerate(records) if r.part == name], dtype=np.int64)
        for name in names
    }


def by_patient(records: Sequence[Record], seed: int) -> dict[str, Indices]:
    """Scheme: 65 / 10 / 25 % train / validation / test by patient, stratified by class."""
    groups = np.array([r.group for r in records])
    return split_by_patient([r.patient for r in records], FRACTIONS, seed, groups)


def all_test(records: Sequence[Record], _seed: int) -> dict[str, Indices]:
    """Scheme: every image is a test image."""
    return {"test": np.arange(len(records), dtype=np.int64)}


def exact(
    sizes: Mapping[str, int], pool: Indices, groups: Sequence[str], seed: int
) -> dict[str, Indices]:
    """Parts of exactly the given sizes, stratified, for sets with one image per patient.

    Where the pool holds another number of images than the sizes add up to (an incomplete folder),
    the sizes are scaled to it.
    """
    strata = np.array(groups)[pool]
    order = pool[first_labelled(strata, len(pool), seed)]
    edges = np.cumsum([0, *sizes.values()])
    if edges[-1] != len(pool):
        edges = np.round(edges * len(pool) / edges[-1]).astype(np.int64)
    return {name: np.sort(order[edges[i] : edges[i + 1]]) for i, name in enumerate(sizes)}


def _is_there(path: Path) -> bool:
    """Whether an image is there and may be read; why not is said where its record is looked at."""
    try:
        return is_file(path)
    except DatasetError:
        return False


def _list(names: Mapping[str, object]) -> str:
    return ", ".join(repr(name) for name in names)
