"""Damaged folders: every fault is a DatasetError that names the file, and a line in the report."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.chest_xray import jsrt, nih_chestxray14
from medda_lib.datasets.registry import CHEST_XRAYS
from tests.datasets.layouts import TINY, Place, picture, save

MASKED = ("jsrt", "montgomery", "lung_xray_a", "lung_xray_b")
NIH = ("nih_chestxray14", "nih_chestxray14_subset")
SUFFIXES = {"kermany": ".jpeg", "jsrt": ".IMG", "lung_xray_a": ".jpg"}


def refused(place: Place, *parts: str, check: bool = True) -> None:
    """`load` raises, and `check` reports, a message with all of `parts`."""
    entry = CHEST_XRAYS[place.name]
    with pytest.raises(DatasetError) as caught:
        entry.load(place.root, size=16, **place.load)
    for part in parts:
        assert part in str(caught.value)
    if check:
        report = entry.check(place.root, counts=place.counts, **place.check)
        assert not report.ok
        assert any(all(part in p for part in parts) for p in report.problems), report.text()


def an_image(place: Place) -> Path:
    """The last image; the masks of a pair lie in folders named after masks or end with @."""
    suffix = SUFFIXES.get(place.name, ".png")
    found = [p for p in sorted(place.root.rglob(f"*{suffix}")) if "ask" not in str(p.parent.name)]
    return found[-1]


def masks_of(place: Place) -> list[Path]:
    patterns = {"jsrt": "scratch/*/masks/*lung/*.gif", "lung_xray_a": "*@.png"}
    found = sorted(place.root.glob(patterns.get(place.name, "**/*ask*/*.png")))
    assert found
    return found


@pytest.mark.parametrize("name", TINY)
def test_missing_folder(name: str, root: Path) -> None:
    refused(Place(name, root, {}), str(root), "missing", "MEDDA_DATA")


@pytest.mark.parametrize("name", TINY)
def test_empty_folder(name: str, root: Path) -> None:
    root.mkdir()
    refused(Place(name, root, {}), str(root))


@pytest.mark.parametrize("name", TINY)
def test_truncated_image(name: str, root: Path) -> None:
    place = TINY[name](root)
    image = an_image(place)
    image.write_bytes(image.read_bytes()[: image.stat().st_size // 2])
    if name == "nih_chestxray14":
        place = Place(name, root, place.counts, {"normals": None})
    refused(place, image.name, "truncated")


@pytest.mark.parametrize("name", TINY)
def test_no_image_at_all(name: str, root: Path) -> None:
    place = TINY[name](root)
    image = an_image(place)
    image.write_bytes(b"")
    if name == "nih_chestxray14":
        place = Place(name, root, place.counts, {"normals": None})
    refused(place, image.name, "get it again")


@pytest.mark.parametrize("name", MASKED)
def test_mask_of_another_size(name: str, root: Path) -> None:
    place = TINY[name](root)
    mask = masks_of(place)[0]
    save(mask, np.ones((21, 23)))
    refused(place, mask.name, "23 x 21")


@pytest.mark.parametrize("name", MASKED)
def test_missing_mask(name: str, root: Path) -> None:
    place = TINY[name](root)
    mask = masks_of(place)[0]
    mask.unlink()
    refused(place, mask.stem.removesuffix("@"), "mask")


@pytest.mark.parametrize("name", MASKED)
def test_mask_without_an_image(name: str, root: Path) -> None:
    place = TINY[name](root)
    image = an_image(place)
    image.unlink()
    refused(place, image.stem, "image")


@pytest.mark.parametrize("name", MASKED)
def test_empty_mask(name: str, root: Path) -> None:
    place = TINY[name](root)
    stem = masks_of(place)[0].name
    for mask in place.root.rglob(stem):
        if mask in masks_of(place):
            with Image.open(mask) as old:
                shape = old.size[::-1]
            save(mask, np.full(shape, 1 / 255))  # 0 and 1 instead of 0 and 255
    refused(place, stem, "empty")


def test_unknown_label_kermany(root: Path) -> None:
    place = TINY["kermany"](root)
    save(root / "chest_xray/train/COVID/person4_virus_3.jpeg", picture(40, 40, 0))
    refused(place, "COVID", "unknown label")


def test_unreadable_patient_kermany(root: Path) -> None:
    place = TINY["kermany"](root)
    save(root / "chest_xray/train/PNEUMONIA/scan17.jpeg", picture(40, 40, 0))
    refused(place, "scan17.jpeg", "patient")


def test_missing_split_folder_kermany(root: Path) -> None:
    place = TINY["kermany"](root)
    shutil.rmtree(root / "chest_xray/test")
    refused(place, "chest_xray/test", "missing")


def test_missing_validation_folder_kermany(root: Path) -> None:
    """The original release has none: it loads, and the report says what is not there."""
    place = TINY["kermany"](root)
    shutil.rmtree(root / "chest_xray/val")
    entry = CHEST_XRAYS["kermany"]
    assert len(entry.load(root, size=8)) == 11
    with pytest.raises(DatasetError, match="no split 'validation'"):
        entry.load(root, size=8, split="validation")
    report = entry.check(root, counts=place.counts)
    assert "validation: expected 2, found 0" in report.problems
    assert "chest_xray/val" in report.warnings[0]


def test_no_overlap_no_warning_kermany(root: Path) -> None:
    place = TINY["kermany"](root)
    (root / "chest_xray/test/PNEUMONIA/person3_virus_11.jpeg").unlink()
    assert CHEST_XRAYS["kermany"].check(root, counts=place.counts).warnings == ()


def test_no_img_file_jsrt(root: Path) -> None:
    place = TINY["jsrt"](root)
    for image in (root / "All247images").iterdir():
        image.rename(image.with_suffix(".png"))
    refused(place, "All247images", "no .IMG file")


def test_missing_readings_are_a_warning_montgomery(root: Path) -> None:
    place = TINY["montgomery"](root)
    shutil.rmtree(root / "ClinicalReadings")
    report = CHEST_XRAYS["montgomery"].check(root, counts=place.counts)
    assert report.ok
    assert "ClinicalReadings" in report.warnings[0]


def test_unknown_label_jsrt(root: Path) -> None:
    place = TINY["jsrt"](root)
    shutil.copy(root / "All247images/JPCLN001.IMG", root / "All247images/JPXXX001.IMG")
    refused(place, "JPXXX001.IMG", "unknown label")


def test_unknown_label_montgomery(root: Path) -> None:
    place = TINY["montgomery"](root)
    save(root / "CXR_png/MCUCXR_0099_2.png", picture(40, 40, 0))
    refused(place, "MCUCXR_0099_2.png", "unknown label")


@pytest.mark.parametrize("name", NIH)
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Pneumonia", "Pnuemonia", "unknown label 'Pnuemonia'"),
        ("Pneumonia", "No Finding|Pneumonia", "other findings"),
        ("No Finding", "", "unknown label ''"),
    ],
)
def test_unknown_label_nih(name: str, old: str, new: str, message: str, root: Path) -> None:
    place = TINY[name](root)
    table = root / "Data_Entry_2017.csv"
    table.write_text(table.read_text().replace(old, new, 1))
    refused(place, "Data_Entry_2017.csv, line ", message)


def test_other_findings_are_no_class_of_the_subset(root: Path) -> None:
    place = TINY["nih_chestxray14_subset"](root)
    table = root / "Data_Entry_2017.csv"
    table.write_text(table.read_text().replace("Pneumonia", "Hernia", 1))
    refused(place, "00000001_000.png", "neither normal nor pneumonia")


@pytest.mark.parametrize("name", NIH)
def test_missing_table(name: str, root: Path) -> None:
    place = TINY[name](root)
    (root / "Data_Entry_2017.csv").unlink()
    refused(place, "Data_Entry_2017.csv", "missing")


@pytest.mark.parametrize("name", NIH)
def test_patient_disagrees_with_the_file_name(name: str, root: Path) -> None:
    place = TINY[name](root)
    table = root / "Data_Entry_2017.csv"
    first = table.read_text().splitlines()[1]
    table.write_text(table.read_text().replace(first, first.replace(",1", ",7")))
    refused(place, "00000001_000.png", "Patient ID '7'")


@pytest.mark.parametrize("name", NIH)
def test_listed_image_is_missing_and_unlisted_image_is_there(name: str, root: Path) -> None:
    place = TINY[name](root)
    image = next(p for p in root.rglob("*.png") if p.name == "00000001_000.png")
    image.rename(image.with_name("00000077_000.png"))
    refused(place, "00000077_000.png", "not in Data_Entry_2017.csv")
    report = CHEST_XRAYS[name].check(root, counts=place.counts)
    assert any("00000001_000.png" in p and "missing" in p for p in report.problems)
    image.with_name("00000077_000.png").unlink()
    refused(place, "00000001_000.png", "missing")


def test_patient_in_two_official_splits(root: Path) -> None:
    """NIH's lists are by patient: a patient in both is a fault of the copy."""
    place = TINY["nih_chestxray14"](root)
    train = root / "train_val_list.txt"
    moved = "00000001_001.png"
    train.write_text(train.read_text().replace(moved + "\n", ""))
    with (root / "test_list.txt").open("a") as file:
        file.write(moved + "\n")
    report = CHEST_XRAYS[place.name].check(root, counts=place.counts)
    assert any("patient '1'" in p and "'train_val'" in p for p in report.problems)
    with pytest.raises(DatasetError, match=r"patient '1' is in the splits 'train_val' and 'test'"):
        CHEST_XRAYS[place.name].load(root, size=16, scheme="official", split="test", normals=None)


def test_image_in_both_lists(root: Path) -> None:
    place = TINY["nih_chestxray14"](root)
    with (root / "test_list.txt").open("a") as file:
        file.write("00000001_001.png\n")
    refused(place, "test_list.txt", "00000001_001.png", "train_val_list.txt")


def test_missing_lists_matter_to_their_scheme_only(root: Path) -> None:
    place = TINY["nih_chestxray14"](root)
    for part in ("train_val", "test"):
        (root / f"{part}_list.txt").unlink()
    entry = CHEST_XRAYS[place.name]
    assert len(entry.load(root, size=16, **place.load)) == 16
    with pytest.raises(DatasetError, match="scheme 'official'"):
        entry.load(root, size=16, scheme="official", **place.load)
    assert any("test_list.txt" in w for w in entry.check(root).warnings)


def test_more_normals_than_there_are(root: Path) -> None:
    TINY["nih_chestxray14"](root)
    with pytest.raises(DatasetError, match="2754 normal images are wanted, the table has 6"):
        nih_chestxray14.load(root, size=16)


def test_jsrt_takes_2048_only_unless_told(root: Path) -> None:
    place = TINY["jsrt"](root)
    with pytest.raises(DatasetError, match=r"JPCLN001\.IMG: 8,192 bytes, which would be 64 x 64"):
        jsrt.load(root, size=16, scheme="folds")
    assert not jsrt.check(root, counts=place.counts).ok


def test_jsrt_official_size(tmp_path: Path) -> None:
    """A file of the official size and byte order: 2048 x 2048, big-endian, 12 bits, inverted."""
    path = tmp_path / "JPCLN001.IMG"
    values = np.zeros((2048, 2048), ">u2")
    values[:1024] = 4095
    values.tofile(path)
    small = jsrt.RawForm().read(path, 8)
    assert (small[:4] == 0).all()
    assert (small[4:] == 1).all()


def test_jsrt_missing_image(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"JPCLN001\.IMG: the file is missing"):
        jsrt.RawForm().read(tmp_path / "JPCLN001.IMG", 8)


def test_jsrt_swapped_bytes(root: Path) -> None:
    place = TINY["jsrt"](root)
    path = root / "All247images/JPCLN001.IMG"
    np.fromfile(path, ">u2").astype("<u2").tofile(path)
    refused(place, "JPCLN001.IMG", "bytes are swapped")


def test_jsrt_mask_in_both_folds(root: Path) -> None:
    place = TINY["jsrt"](root)
    folder = root / "scratch"
    shutil.copytree(
        folder / "fold1/masks/left lung", folder / "fold2/masks/left lung", dirs_exist_ok=True
    )
    refused(place, "JPCLN001.gif", "in both folds")


@pytest.mark.parametrize("name", TINY)
def test_wrong_count_is_reported(name: str, root: Path) -> None:
    """With the card's own numbers a tiny folder is incomplete, and the report says by how much."""
    place = TINY[name](root)
    report = CHEST_XRAYS[name].check(root, **place.check)
    expected = CHEST_XRAYS[name].card.counts["images"]
    assert f"images: expected {expected:,}, found {place.counts['images']}" in report.problems


@pytest.mark.parametrize("name", TINY)
def test_headers_alone_miss_a_broken_body(name: str, root: Path) -> None:
    """decode=False is quick and says less: a file cut in its pixels passes, a missing one does not."""
    if name in {"jsrt", "kermany"}:
        pytest.skip("cut .IMG files have the wrong size; cut JPEGs of this size lose their header")
    place = TINY[name](root)
    image = an_image(place)
    image.write_bytes(image.read_bytes()[:-40])
    entry = CHEST_XRAYS[name]
    assert entry.check(root, counts=place.counts, decode=False).ok
    assert not entry.check(root, counts=place.counts).ok


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scheme": "odd"}, r"no split scheme 'odd'; use 'patient', 'test'"),
        (
            {"split": "dev"},
            r"no split 'dev' in scheme 'patient'; use 'train', 'validation', 'test'",
        ),
        ({"size": 0}, "size: 0"),
    ],
)
def test_unknown_requests(
    options: dict[str, object], message: str, tiny_places: dict[str, Place]
) -> None:
    with pytest.raises(DatasetError, match=message):
        CHEST_XRAYS["lung_xray_a"].load(tiny_places["lung_xray_a"].root, **{"size": 16, **options})


def test_unknown_rule(tiny_places: dict[str, Place]) -> None:
    with pytest.raises(DatasetError, match="no label rule 'heart'"):
        jsrt.load(tiny_places["jsrt"].root, size=16, rule="heart")
