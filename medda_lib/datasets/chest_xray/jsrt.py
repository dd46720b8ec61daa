"""JSRT with the SCR masks: the paper's source of lung masks (in-domain segmentation).

The images are raw `.IMG` files: no header, 2048 x 2048 big-endian 16-bit numbers of which 12 bits
are used. A number grows with the density of the film, so shown as brightness the lungs come out
bright and the bones dark. The loader turns this round (1 - v / 4095): bone bright, lung dark, as in
all other sets here. The masks are those of the SCR database, 1024 x 1024 GIFs, one per structure, in
two folds. The paper's 111 / 13 / 123 images fit these folds (124 and 123), so its scheme is read as:
test on the second fold, train and validate on the first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Unpack

import numpy as np

from medda_lib.datasets import reading
from medda_lib.datasets.card import Card, CheckReport, DatasetError
from medda_lib.datasets.checking import Seen, content_of
from medda_lib.datasets.chest_xray.xrays import (
    ChestXrays,
    LoadOptions,
    Record,
    Scan,
    Source,
    by_part,
    by_patient,
    exact,
)
from medda_lib.datasets.folder import (
    absent,
    files,
    inner,
    is_file,
    need_folder,
    one_each,
    unreadable,
)
from medda_lib.datasets.pictures import Frame, Pixels
from medda_lib.datasets.splits import Indices

CARD = Card(
    name="jsrt",
    title="JSRT chest radiographs with SCR lung, heart and clavicle masks",
    input="247 postero-anterior chest X-rays of adults, digitised film, 2048 x 2048, 12 bits, "
    "0.175 mm per pixel, raw .IMG",
    label="lung masks (SCR, first observer); the file name says nodule (JPCLN) or none (JPCNN)",
    metadata="none is read",
    website="http://db.jsrt.or.jp/eng.php (images), "
    "https://www.isi.uu.nl/Research/Databases/SCR/ (masks)",
    publication="J. Shiraishi et al., AJR 174(1), 2000, doi:10.2214/ajr.174.1.1740071; "
    "B. van Ginneken, M. Stegmann, M. Loog, Medical Image Analysis 10(1), 2006, "
    "doi:10.1016/j.media.2005.02.002",
    licence="free for research and teaching, no redistribution, no commercial use; cite both",
    how_to_get="Register at the two websites; unpack the images to MEDDA_DATA/jsrt/All247images "
    "and the masks to MEDDA_DATA/jsrt/scratch.",
    layout="""
jsrt/
  All247images/  JPCLN001.IMG ... JPCLN154.IMG  JPCNN001.IMG ... JPCNN093.IMG
  scratch/       (or its content directly)
    fold1/masks/  left lung/JPCLN001.gif  right lung/  heart/  left clavicle/  right clavicle/
    fold2/masks/  ...
""",
    counts={
        "images": 247,
        "nodule": 154,
        "no nodule": 93,
        "masks": 247,
        "fold1": 124,
        "fold2": 123,
    },
    splits={
        "paper": "111 / 13 / 123 train / validation / test: test is SCR's fold 2, the other two "
        "are drawn from fold 1 by the seed, with equal shares of nodules",
        "folds": "SCR's fold1 (odd numbers) and fold2 (even numbers)",
        "patient": "65 / 10 / 25 % train / validation / test, drawn by the seed",
    },
    caveats=(
        "Stored values grow with film density; they are inverted here so that bone is bright.",
        "The paper does not name its test images: that they are fold 2 is read off the numbers.",
        "No patient names are published; every image counts as its own patient.",
        (
            "SCR masks leave out the heart, the mediastinum and what is below the diaphragm; with "
            "rule='lungs_and_heart' the SCR heart mask is added."
        ),
    ),
    folders=("jsrt", "JSRT"),
    label_rule="lungs",
)

SIDE = 2048
PIXEL = 0.175  # mm
WHITE = 4095
STRUCTURES = {
    "lungs": ("left lung", "right lung"),
    "lungs_and_heart": ("left lung", "right lung", "heart"),
}
GROUPS = {"JPCLN": "nodule", "JPCNN": "no nodule"}


def paper(records: Sequence[Record], seed: int) -> dict[str, Indices]:
    """Scheme: 111 / 13 from fold 1, all of fold 2 for testing (Haque et al., Table 1)."""
    folds = by_part(records, seed)
    none = np.zeros(0, np.int64)
    sizes = {"train": 111, "validation": 13}
    home = exact(sizes, folds.get("fold1", none), [r.group for r in records], seed)
    return {**home, "test": folds.get("fold2", none)}


SCHEMES = {"paper": paper, "folds": by_part, "patient": by_patient}


@dataclass(frozen=True)
class RawForm:
    """Raw `.IMG` files of side x side pixels: 12 bits in two bytes, the larger first, film density."""

    side: int = SIDE

    def frame(self, path: Path) -> Frame:
        """(side, side) when the file has the bytes of that, else DatasetError with what it has."""
        if not is_file(path):
            raise DatasetError(f"{path}: the file is missing; extract the data set again")
        size, wanted = path.stat().st_size, 2 * self.side * self.side
        if size != wanted:
            root = math.isqrt(size // 2)
            square = f", which would be {root} x {root}" if 2 * root * root == size and root else ""
            raise DatasetError(
                f"{path}: {size:,} bytes{square}, expected {wanted:,} ({self.side} x {self.side} "
                "numbers of 16 bits); it is truncated or another format: get it again"
            )
        return Frame(self.side, self.side)

    def read(self, path: Path, size: int) -> Pixels:
        """A raw image, inverted, as (size, size) float32 in [0, 1]."""
        return reading.resize(1 - self._density(path) / np.float32(WHITE), size)

    def look(self, path: Path) -> Seen:
        """The content of a raw image."""
        return Seen(content_of(self._density(path)))

    def _density(self, path: Path) -> Pixels:
        self.frame(path)
        try:
            values = np.fromfile(path, dtype=">u2").reshape(self.side, self.side).astype(np.float32)
        except OSError as error:
            raise unreadable(path, error) from error
        if values.max() > WHITE:
            raise DatasetError(
                f"{path}: values up to {values.max():.0f}, expected 12 bits (at most {WHITE}); the "
                "bytes are swapped (the original is big-endian): get the original file"
            )
        if values.max() == values.min():
            raise DatasetError(f"{path}: every pixel has one value; get the original file")
        return values


def scan(root: Path, rule: str = "lungs") -> Scan:
    """Records of all .IMG files with the masks of `rule`; unpaired files are problems."""
    if rule not in STRUCTURES:
        raise DatasetError(f"jsrt: no label rule {rule!r}; use {', '.join(STRUCTURES)}")
    need_folder(root, CARD)
    images = inner(root, "All247images")
    scr = inner(root, "scratch", "SCR", "scr")
    need_folder(scr / "fold1" / "masks", CARD)
    records: list[Record] = []
    problems: list[str] = []
    raw = one_each(files(images, problems, ".img"), lambda p: p.stem, problems)
    for path in raw.values():
        if path.stem[:5] not in GROUPS:
            problems.append(f"{path}: unknown label; names start with {' or '.join(GROUPS)}")
            continue
        part, masks, faults = _masks(scr, path.stem, STRUCTURES[rule])
        problems += faults
        records.append(Record(path.stem, path.stem, path, GROUPS[path.stem[:5]], masks, part))
    if not records:
        problems.append(f"{images}: no .IMG file. {CARD.how_to_get}")
    problems += _unpaired(scr, {r.name for r in records}, STRUCTURES[rule])
    return Scan(root, tuple(records), tuple(problems))


def check(
    root: Path,
    *,
    counts: Mapping[str, int] | None = None,
    decode: bool = True,
    side: int = SIDE,
) -> CheckReport:
    """Compare a folder with the card: counts, sizes, byte order, pairing and mask sizes.

    side: pixels along an edge of the raw files. The rest is that of `Source.check`.
    """
    return source(side).check(root, counts=counts, decode=decode)


def load(
    root: Path, *, rule: str = "lungs", side: int = SIDE, **options: Unpack[LoadOptions]
) -> ChestXrays:
    """Images and lung masks of one split; no class labels (nodules are not pneumonia).

    rule: "lungs" or "lungs_and_heart". side: pixels along an edge of the raw files. options: those of
    `Source.load`. Raises DatasetError.
    """
    return source(side, rule).load(root, **options)


def source(side: int = SIDE, rule: str = "lungs") -> Source:
    """How the set is read from files of side x side pixels, with the masks of `rule`."""
    return Source(
        CARD,
        SCHEMES,
        partial(scan, rule=rule),
        labelled=False,
        rule=rule,
        mask_scale=2,
        form=RawForm(side),
        pixel=pixel,
    )


def pixel(frame: Frame) -> float:
    """The side of a pixel in mm: the same film, whatever the pixels along its edge."""
    return PIXEL * SIDE / frame.width


def _masks(
    scr: Path, name: str, structures: tuple[str, ...]
) -> tuple[str, tuple[Path, ...], list[str]]:
    """Fold, mask files and problems of one image."""
    folds = [
        f for f in ("fold1", "fold2") if is_file(scr / f / "masks" / structures[0] / f"{name}.gif")
    ]
    if len(folds) != 1:
        where = "in both folds" if folds else "in neither fold"
        return "", (), [f"{name}.gif: mask of {structures[0]!r} {where} of {scr}; unpack SCR again"]
    masks = tuple(scr / folds[0] / "masks" / s / f"{name}.gif" for s in structures)
    return folds[0], masks, absent(masks, "the mask is missing; unpack SCR again")


def _unpaired(scr: Path, names: set[str], structures: tuple[str, ...]) -> list[str]:
    masks = (m for s in structures for m in scr.glob(f"fold[12]/masks/{s}/*.gif"))
    return sorted(f"{m}: mask without an image {m.stem}.IMG" for m in masks if m.stem not in names)
