"""Scans, folders and tables that are not as they should be; `test_pictures` says how to read a row."""

from __future__ import annotations

import errno
import gzip
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from medda_lib.datasets.registry import CHEST_XRAYS, HIPPOCAMPI, VOLUMES
from tests.datasets import hippocampi, scans
from tests.datasets.contract import agreed
from tests.datasets.layouts import TINY, lungs, picture

GREY = (picture(96, 80, 0) * 255).round().astype(np.uint8)
LEFT, RIGHT = lungs(96, 80)
MASK = ((LEFT | RIGHT) * 255).astype(np.uint8)
NOISE = np.random.default_rng(0)


def header(at: int, form: str, *values: float) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        raw = bytearray(gzip.decompress(data))
        struct.pack_into(form, raw, at, *values)
        return gzip.compress(bytes(raw))

    return change


def more(data: bytes) -> bytes:
    return gzip.compress(gzip.decompress(data) + bytes(16))


def kind(new: Any) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        old = nib.Nifti1Image.from_bytes(gzip.decompress(data))
        values = np.asarray(old.dataobj)
        if np.dtype(new).names:
            values = np.stack([values] * 3, -1).astype(np.uint8).view(new)[..., 0]
        image = nib.Nifti1Image(values.astype(new), old.affine)
        return gzip.compress(image.to_bytes())

    return change


RGB = [("R", "u1"), ("G", "u1"), ("B", "u1")]
SCANS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "as it is": (lambda data: data, ""),
    "cut": (lambda data: data[:-20], "truncated or damaged"),
    "damaged": (lambda data: data[:30] + bytes(30) + data[60:], "truncated or damaged"),
    "unknown type": (header(70, "<h", 999), "broken NIfTI header"),
    "offset in the header": (header(108, "<f", 100.0), "broken NIfTI header"),
    "offset too far": (header(108, "<f", 400.0), "the header announces"),
    "no number as offset": (header(108, "<f", np.nan), "get it again"),
    "32767 voxels along each axis": (header(40, "<4h", 3, 32767, 32767, 32767), "the header announces"),
    "negative size": (header(40, "<4h", 3, -5, 50, 34), "shape -5 x 50 x 34"),
    "more bytes": (more, "warning: 16 bytes more than the header announces"),
    "infinite scale": (header(112, "<f", np.inf), "scales values by infinity"),
    "NaN offset of values": (header(112, "<2f", 1.0, np.nan), "broken NIfTI header"),
    "no scale": (header(112, "<2f", np.nan, np.nan), ""),
    "RGB": (kind(RGB), "colours or complex numbers"),
    "complex": (kind(np.complex64), "colours or complex numbers"),
    "double": (kind(np.float64), ""),
    "empty": (lambda data: data[:0], "get it again"),
}  # fmt: skip


def decathlon_of(root: Path) -> tuple[scans.Folder, Callable[[], Any], Callable[[], object]]:
    folder, entry = hippocampi.SETS["decathlon"](root), HIPPOCAMPI["decathlon"]
    return folder, lambda: entry.check(root, counts={}), lambda: entry.load(root, spacing=3.0)


@pytest.mark.parametrize("name", SCANS)
def test_scans(name: str, tmp_path: Path) -> None:
    change, expected = SCANS[name]
    folder, check, load = decathlon_of(tmp_path)
    folder.image.write_bytes(change(folder.image.read_bytes()))
    agreed(check, load, expected)
    assert len(check().problems) <= 1  # the others are looked at, and sound


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2, ""),
        (3, "label 3, but"),
        (255, "255 may mark"),
        (-1, "whole numbers"),
        (0.5, "whole numbers"),
    ],
)
def test_labels(value: float, expected: str, tmp_path: Path) -> None:
    folder, check, load = decathlon_of(tmp_path)
    mask: Any = nib.load(folder.mask)
    values = np.asarray(mask.dataobj).astype(np.float32)
    values[0, 0, 0] = value
    scans.store(folder.mask, values, mask.affine)
    agreed(check, load, expected)


@pytest.mark.parametrize(("name", "label"), [("prostate_multi_site", 3), ("brain_sites", 255)])
def test_labels_of_other_sets(name: str, label: int, tmp_path: Path) -> None:
    folder, entry = scans.SETS[name](tmp_path), VOLUMES[name]
    mask: Any = nib.load(folder.mask)
    values = np.asarray(mask.dataobj).copy()
    values[0, 0, 0] = label
    scans.store(folder.mask, values, mask.affine)
    agreed(lambda: entry.check(tmp_path, counts={}), lambda: entry.load(tmp_path), f"label {label}")


# --- folders ----------------------------------------------------------------------------------


def copied(source: str, target: str) -> Callable[[Path], object]:
    """One file of a set under another name; a glob that fits one file."""

    def change(root: Path) -> None:
        path = next(iter(sorted(root.glob(source))))
        (root / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / target)

    return change


def unpacked(root: Path) -> None:
    path = next(p for p in sorted(root.rglob("*.nii.gz")) if not p.name.startswith("."))
    path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))


def recompressed(source: str, target: str) -> Callable[[Path], object]:
    def change(root: Path) -> None:
        with Image.open(root / source) as image:
            image.save(root / target, optimize=True, compress_level=1)

    return change


def linked(name: str) -> Callable[[Path], object]:
    return lambda root: (root / name).symlink_to(root / "nothing")


SAME = "warning: the same content as"


def each(*changes: Callable[[Path], object]) -> Callable[[Path], object]:
    def change(root: Path) -> None:
        for one in changes:
            one(root)

    return change


def file_as_folder(root: Path) -> None:
    shutil.rmtree(root / "HK")
    (root / "HK").write_text("no folder")


FOLDERS: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "scan unpacked beside": ("decathlon", unpacked, "fits the same place"),
    "scan unpacked in a site": ("prostate_multi_site", unpacked, "fits the same place"),
    "scan unpacked in IXI": ("brain_sites", unpacked, "fits the same place"),
    "mask in two spellings": (
        "prostate_multi_site",
        copied("HK/*_segmentation.nii.gz", "HK/Case00_Segmentation.nii.gz"), "fits the same place",
    ),
    "second head": (
        "harp", copied("100/*_13722*", "100/ADNI_002_S_0295_13722_inverted.nii.gz"), "fits the same",
    ),
    "two scans of one person": (
        "cc359", each(copied("Original/CC0001*", "Original/CC0001_ge_3_20_F.nii.gz"),
                      copied("STAPLE/CC0001*", "STAPLE/CC0001_ge_3_20_F_staple.nii.gz")), "as well",
    ),
    "NIH, resized copies": (
        "nih_chestxray14_subset", lambda root: shutil.copytree(root / "images", root / "images_224"),
        "(and 19 more such files)",
    ),
    "NIH, both tables": (
        "nih_chestxray14", copied("Data*.csv", "Data_Entry_2017_v2020.csv"), "fits the same place",
    ),
    "Kermany, two endings": (
        "kermany", copied("chest_xray/train/NORMAL/IM-0115-0001.jpeg",
                          "chest_xray/train/NORMAL/IM-0115-0001.png"), "fits the same place",
    ),
    "A, two endings": ("lung_xray_a", copied("0-*.jpg", "0-9-500-500-100.JPEG"), "fits the same place"),
    "two folders of masks": (
        "cc359", lambda root: shutil.copytree(root / "STAPLE", root / "Silver-standard-STAPLE"),
        "fits the same place",
    ),
    "same image, two classes": (
        "kermany", copied("chest_xray/train/PNEUMONIA/person1_b*",
                          "chest_xray/train/NORMAL/IM-0115-0001.jpeg"), SAME,
    ),
    "same image, two splits": (
        "kermany", copied("chest_xray/train/NORMAL/IM-0115-0001.jpeg",
                          "chest_xray/test/NORMAL/IM-0001-0001.jpeg"), SAME,
    ),
    "same pixels, another file": (
        "nih_chestxray14_subset",
        recompressed("images/00000001_000.png", "images/00000002_000.png"), SAME,
    ),
    "same scan, two sites": (
        "prostate_multi_site", each(*(
            copied(f"HK/Case00{s}.nii.gz", f"UCL/Case00{s}.nii.gz") for s in ("", "_segmentation")
        )), SAME,
    ),
    "same head, two people": (
        "dryad", each(*(copied(f"s01/s01_{s}.nii.gz", f"s02/s02_{s}.nii.gz") for s in (
            "t1w_standard_defaced_MNI", *(f"hippolabels_t1w_standard_{k}_MNI" for k in "LR")))), SAME,
    ),
    "folder as a file": ("lung_xray_b", lambda root: (root / "images/y.png").mkdir(), "y.png: a folder"),
    "link to nothing": ("lung_xray_b", linked("images/y.png"), "y.png: a link to nothing"),
    "link to itself": (
        "lung_xray_b", lambda root: (root / "images/y.png").symlink_to("y.png"), "y.png: a link",
    ),
    "file as a folder": (
        "prostate_multi_site",
        file_as_folder, "HK: the folder",
    ),
}  # fmt: skip
ALL = {**CHEST_XRAYS, **VOLUMES, **HIPPOCAMPI}
MAKE: dict[str, Callable[[Path], Any]] = {**TINY, **scans.SETS, **hippocampi.SETS}


@pytest.mark.parametrize("name", FOLDERS)
def test_folders(name: str, tmp_path: Path) -> None:
    dataset, change, expected = FOLDERS[name]
    place = MAKE[dataset](tmp_path)
    change(tmp_path)
    options: dict[str, Any] = getattr(place, "load", {})
    entry = ALL[dataset]
    load = {"size": 16, **options} if dataset in CHEST_XRAYS else {}
    agreed(lambda: entry.check(tmp_path, counts={}), lambda: entry.load(tmp_path, **load), expected)


@pytest.mark.parametrize("closed", ["chest_xray/test/NORMAL", "chest_xray/train"])
def test_a_folder_that_may_not_be_read_is_one_problem(
    closed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    TINY["kermany"](tmp_path)
    broken = tmp_path / "chest_xray/test/PNEUMONIA/person9_bacteria_41.jpeg"
    broken.write_bytes(b"no picture")
    scandir = os.scandir

    def refused(path: Path) -> Any:
        if path == tmp_path / closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    entry = CHEST_XRAYS["kermany"]
    for words in (
        f"{tmp_path / closed}: cannot be read (Permission denied)",
        "person9_bacteria_41",
    ):
        agreed(
            lambda: entry.check(tmp_path, counts={}), lambda: entry.load(tmp_path, size=8), words
        )


# --- tables -----------------------------------------------------------------------------------


def changed(old: str, new: str) -> Callable[[str], bytes]:
    return lambda text: text.replace(old, new, 1).encode()


TABLES: dict[str, tuple[Callable[[str], bytes], str]] = {
    "byte order mark": (lambda text: text.encode("utf-8-sig"), ""),
    "line ends of Windows": (lambda text: text.replace("\n", "\r\n").encode(), ""),
    "empty lines": (changed("\n", "\n\n"), ""),
    "quoted": (changed("Patient ID", '"Patient ID"'), ""),
    "UTF-16": (lambda text: text.encode("utf-16"), "UTF-16 or no text"),
    "UTF-16 without mark": (lambda text: text.encode("utf-16-le"), "UTF-16 or no text"),
    "Latin-1": (lambda text: text.replace("ID", "ID,Größe", 1).encode("latin-1"), "line 1: byte 0xf6"),
    "NUL": (changed("Pneumonia", "Pneu\0monia"), "UTF-16 or no text"),
    "open quote": (changed("Pneumonia", '"Pneumonia'), "close the quote"),
    "open quote, closed later": (
        lambda text: text.replace("Pneumonia", '"Pneumonia', 2).encode(), "close the quote",
    ),
    "open quote, long": (
        lambda text: (text.replace("Pneumonia", '"Pneumonia', 1) + "x,No Finding,2\n" * 9000).encode(),
        "close the quote",
    ),
    "semicolons": (lambda text: text.replace(",", ";").encode(), "by commas instead of ';'"),
    "column missing": (changed("Patient ID", "Person"), "no column Patient ID"),
    "column twice": (changed("Patient ID", "Patient ID,Patient ID"), "Patient ID is there twice"),
    "short row": (changed("Pneumonia,1\n", "Pneumonia\n"), "line 2: 2 fields"),
    "long row": (changed("Pneumonia,1\n", "Pneumonia,1,7\n"), "line 2: 4 fields"),
    "no digits": (changed("Pneumonia,1\n", "Pneumonia,¹\n"), "Patient ID '¹'"),
    "row twice": (
        lambda text: (text + text.splitlines()[1]).encode(), "00000001_000.png is listed 2 times",
    ),
    "empty": (lambda text: text[:0].encode(), "no column"),
    "header alone": (lambda text: text.splitlines()[0].encode(), "the table is empty"),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_tables(name: str, tmp_path: Path) -> None:
    change, expected = TABLES[name]
    TINY["nih_chestxray14_subset"](tmp_path)
    table = tmp_path / "Data_Entry_2017.csv"
    table.write_bytes(change(table.read_text()))
    entry = CHEST_XRAYS["nih_chestxray14_subset"]
    agreed(lambda: entry.check(tmp_path, counts={}), lambda: entry.load(tmp_path, size=8), expected)
    assert all(
        "Data_Entry_2017.csv" in problem for problem in entry.check(tmp_path, counts={}).problems
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda text: text.encode("utf-8-sig"), ""),
        (lambda text: text.encode("utf-16"), "train_val_list.txt: the text is UTF-16"),
        (lambda text: text.encode() + b"\xff", "train_val_list.txt, line 19: byte 0xff"),
        (lambda text: (text + text).encode(), "warning: 18 name(s) are listed twice"),
        (lambda text: "\n".join(text.split()[1:]).encode(), "warning: 1 image(s) of the table"),
    ],
)
def test_lists(change: Callable[[str], bytes], expected: str, tmp_path: Path) -> None:
    TINY["nih_chestxray14"](tmp_path)
    names = tmp_path / "train_val_list.txt"
    names.write_bytes(change(names.read_text()))
    entry, options = CHEST_XRAYS["nih_chestxray14"], {"size": 8, "normals": None}
    agreed(
        lambda: entry.check(tmp_path, counts={}), lambda: entry.load(tmp_path, **options), expected
    )
