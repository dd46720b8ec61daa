"""Tiny folders in each data set's official layout: a few small pictures, true names and tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 64  # pixels along an edge of the tiny .IMG files


@dataclass(frozen=True)
class Place:
    """A folder with a data set: what it should count and how `load` and `check` are called."""

    name: str
    root: Path
    counts: Mapping[str, int]
    load: Mapping[str, Any] = field(default_factory=dict)
    check: Mapping[str, Any] = field(default_factory=dict)
    real: bool = False


def lungs(height: int, width: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Two ellipses side by side: (left of the image, right of the image)."""
    y, x = np.mgrid[:height, :width]
    v, u = (y + 0.5) / height, (x + 0.5) / width
    one, two = (((u - c) / 0.16) ** 2 + ((v - 0.5) / 0.35) ** 2 <= 1 for c in (0.28, 0.72))
    return one, two


def picture(height: int, width: int, seed: int) -> NDArray[np.float64]:
    """Bright body, dark lungs, some noise, in [0, 1]."""
    one, two = lungs(height, width)
    noise = np.random.default_rng(seed).normal(0, 0.03, (height, width))
    return np.asarray(np.where(one | two, 0.25, 0.75) + noise).clip(0, 1)


def save(path: Path, values: NDArray[Any], white: int = 255) -> None:
    """Write values in [0, 1] as 8 bits, or as 16 bits when `white` is larger."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = np.uint8 if white < 256 else np.uint16
    Image.fromarray((values * white).round().astype(kind)).save(path)


def kermany(root: Path) -> Place:
    """Thirteen images; person3 is in the training and in the test folder."""
    people = {
        "train": ("person1_bacteria_1", "person1_virus_2", "person2_virus_7", "person3_bacteria_9"),
        "val": ("person8_bacteria_30",),
        "test": ("person3_virus_11", "person9_bacteria_41"),
    }
    normal = {
        "train": ("IM-0115-0001", "IM-0115-0002", "NORMAL2-IM-0217-0001"),
        "val": ("NORMAL2-IM-1427-0001",),
        "test": ("IM-0001-0001", "NORMAL2-IM-0052-0001-0002"),
    }
    for part, sick in people.items():
        for label, names in (("NORMAL", normal[part]), ("PNEUMONIA", sick)):
            for i, name in enumerate(names):
                path = root / "chest_xray" / part / label / f"{name}.jpeg"
                save(path, picture(60 + i, 80, seed=crc32(name.encode())))
    (root / "chest_xray" / "train" / "NORMAL" / ".DS_Store").write_bytes(b"not an image")
    counts = {
        "images": 13, "normal": 6, "pneumonia": 7, "train": 7, "validation": 2, "test": 4,
    }  # fmt: skip
    return Place("kermany", root, counts)


def jsrt(root: Path) -> Place:
    """Twenty-four images in two folds, with lungs and heart."""
    images = root / "All247images"
    images.mkdir(parents=True)
    names = [f"{kind}{i:03d}" for kind in ("JPCLN", "JPCNN") for i in range(1, 13)]
    half = SIDE // 2
    left, right = lungs(half, half)
    heart = np.zeros((half, half), bool)
    heart[14:26, 13:19] = True
    for i, name in enumerate(names):
        density = (1 - picture(SIDE, SIDE, seed=i)) * 4095
        density.round().astype(">u2").tofile(images / f"{name}.IMG")
        fold = "fold1" if int(name[5:]) % 2 else "fold2"
        for structure, mask in (("right lung", left), ("left lung", right), ("heart", heart)):
            save(root / "scratch" / fold / "masks" / structure / f"{name}.gif", mask)
    counts = {
        "images": 24, "nodule": 12, "no nodule": 12, "masks": 24, "fold1": 12, "fold2": 12,
    }  # fmt: skip
    return Place("jsrt", root, counts, {"side": SIDE}, {"side": SIDE})


def montgomery(root: Path) -> Place:
    """Twelve 12-bit images, some standing and some lying."""
    for i in range(12):
        name, shape = f"MCUCXR_{i + 1:04d}_{i % 2}.png", (48, 40) if i % 3 else (40, 48)
        save(root / "CXR_png" / name, picture(*shape, seed=i), white=4095)
        right, left = lungs(*shape)
        save(root / "ManualMask" / "leftMask" / name, left)
        save(root / "ManualMask" / "rightMask" / name, right)
        readings = root / "ClinicalReadings" / name.replace("png", "txt")
        readings.parent.mkdir(exist_ok=True)
        readings.write_text("Patient's Sex: F\nPatient's Age: 031Y\nnormal\n")
    counts = {"images": 12, "normal": 6, "tuberculosis": 6, "masks": 12}
    return Place("montgomery", root, counts)


NIH_HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
)


def nih_chestxray14(root: Path) -> Place:
    """Twelve patients with two images each, in two archives' folders, with both official lists."""
    findings = ("No Finding", "Pneumonia", "Infiltration|Pneumonia", "Cardiomegaly")
    rows, lists = [NIH_HEADER], {"train_val": list[str](), "test": list[str]()}
    for patient in range(1, 13):
        for visit in range(2):
            name = f"{patient:08d}_{visit:03d}.png"
            folder = root / f"images_{1 + patient % 2:03d}" / "images"
            save(folder / name, picture(40, 40, seed=2 * patient + visit))
            label = findings[(patient + visit) % 4]
            rows.append(f"{name},{label},{visit},{patient},058,M,PA,2682,2749,0.143,0.143,")
            lists["test" if patient > 9 else "train_val"].append(name)
    (root / "Data_Entry_2017.csv").write_text("\n".join(rows) + "\n")
    for part, names in lists.items():
        (root / f"{part}_list.txt").write_text("\n".join(names) + "\n")
    counts = {
        "images": 24, "patients": 12, "normal": 6, "pneumonia": 12, "train_val": 18, "test": 6,
    }  # fmt: skip
    return Place("nih_chestxray14", root, counts, {"normals": 4})


def lung_xray_a(root: Path) -> Place:
    """Twenty pairs in one folder; the masks have soft edges."""
    for i in range(20):
        shape = (40 + i % 3, 50)
        soft = sum(lungs(*shape)) * 0.9
        save(root / f"{i}-{i + 9}-500-500-100.jpg", picture(*shape, seed=i))
        save(root / f"{i}-{i + 9}-500-500-100@.png", np.asarray(soft))
    return Place("lung_xray_a", root, {"images": 20, "masks": 20})


def lung_xray_b(root: Path) -> Place:
    """Twelve pairs in two folders; three names belong to one case."""
    case = [
        f"covid-19-pneumonia-rapidly-progressive-{d}" for d in ("admission", "12-hours", "3-days")
    ]
    for i, name in enumerate([*case, *(f"covid-19-pneumonia-{n}" for n in range(9))]):
        shape = (48, 40 + i)
        save(root / "images" / f"{name}.png", picture(*shape, seed=i))
        save(root / "masks" / f"{name}.png", np.logical_or(*lungs(*shape)))
    return Place("lung_xray_b", root, {"images": 12, "masks": 12})


def nih_chestxray14_subset(root: Path) -> Place:
    """Ten patients, one of them in both classes, in the short table."""
    rows = ["Image Index,Finding Labels,Patient ID"]
    for patient in range(1, 11):
        for visit in range(2):
            name = f"{patient:08d}_{visit:03d}.png"
            save(root / "images" / name, picture(40, 40, seed=2 * patient + visit))
            sick = patient % 2 or (patient == 10 and visit)
            rows.append(f"{name},{'Pneumonia' if sick else 'No Finding'},{patient}")
    (root / "Data_Entry_2017.csv").write_text("\n".join(rows) + "\n")
    counts = {"images": 20, "patients": 10, "normal": 9, "pneumonia": 11}
    return Place("nih_chestxray14_subset", root, counts)


TINY: Mapping[str, Callable[[Path], Place]] = {
    "kermany": kermany,
    "jsrt": jsrt,
    "montgomery": montgomery,
    "nih_chestxray14": nih_chestxray14,
    "lung_xray_a": lung_xray_a,
    "lung_xray_b": lung_xray_b,
    "nih_chestxray14_subset": nih_chestxray14_subset,
}
