"""Tiny sets of hippocampi in the layouts of Decathlon, HarP and Dryad, from analytic objects."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.datasets.scans import Folder, Points, affine_of, moved, sampled, store

AXES = (6.0, 16.0, 7.0)  # mm: half axes of the hippocampus to the right, front and top
SIDE = 26.0  # mm from the middle plane of a head
HEIGHT = 5.0  # mm of both below the head's middle


def hippocampus(x: Points, y: Points, z: Points) -> NDArray[Any]:
    """Inside an ellipsoid around the origin."""
    a, b, c = AXES
    return np.asarray((x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2 < 1)


def volume() -> float:
    """Of the ellipsoid, mm3."""
    return float(4 / 3 * np.pi * np.prod(AXES))


def decathlon(root: Path, codes: Sequence[str] = ("RAS", "RAS", "LPS", "ILP")) -> Folder:
    """Crops of several sizes and orientations, the first stored as uint8, with a listing."""
    rng = np.random.default_rng(0)
    sizes = ((35, 51, 36), (34, 50, 35), (36, 48, 33), (40, 38, 52))
    pairs = []
    for k, (code, shape) in enumerate(zip(codes, sizes, strict=True), 1):
        name = f"hippocampus_{k:03d}.nii.gz"
        affine = affine_of(code, (1, 1, 1), shape, (10.0 * k, -20, 5))
        inside = sampled(moved(hippocampus, (10.0 * k, -20, 5)), affine, shape)
        front = sampled(_front, affine, shape)
        values = 80 * inside + 40 * rng.random(shape)
        scale, kind = (1, np.uint8) if k == 1 else (10.0**k, np.float32)
        store(root / "imagesTr" / name, scale * values, affine, kind=kind)
        store(root / "labelsTr" / name, inside * (2 - front), affine, kind=np.uint8)
        pairs.append({"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}"})
    (root / "imagesTr" / "._hippocampus_001.nii.gz").write_bytes(b"Mac OS X")
    pairs.append({"image": "./imagesTr/._x.nii.gz", "label": "./labelsTr/._x.nii.gz"})
    listing(root, pairs)
    first = "hippocampus_001.nii.gz"
    return Folder(
        "decathlon",
        root,
        {"scans": 4, "people": 2},
        root / "imagesTr" / first,
        root / "labelsTr" / first,
    )


def listing(root: Path, pairs: list[dict[str, str]], channels: Sequence[str] = ("MRI",)) -> None:
    """Write `dataset.json`."""
    found = {
        "name": "Hippocampus",
        "modality": {str(k): name for k, name in enumerate(channels)},
        "labels": {"0": "background", "1": "Anterior", "2": "Posterior"},
        "numTraining": len(pairs),
        "training": pairs,
    }
    (root / "dataset.json").write_text(json.dumps(found), encoding="utf-8")


def harp(root: Path) -> Folder:
    """Two heads and one; a label file with two large numbers instead of 0 and 1."""
    names = {
        "100": ("ADNI_002_S_0295_13722", "ADNI_005_S_0221_11958"),
        "35": ("ADNI_007_S_0068_7",),
    }
    for part, heads in names.items():
        for k, name in enumerate(heads):
            affine = affine_of("RAS", (2, 2, 2), (60, 60, 50), (3.0 * k, 5, 0), tilt=3.0 * k)
            _head(root / part / f"{name}_conv.nii.gz", affine, (60, 60, 50))
            for side, x in (("R", SIDE), ("L", -SIDE)):
                path = root / f"Labels_{part}_NIFTI" / f"{name}_{side}.nii"
                inside = sampled(moved(hippocampus, (x, 0, -HEIGHT)), affine, (60, 60, 50))
                store(path, inside + (26896.988 if k else 0), affine)
    folder, first = root / "100", "ADNI_002_S_0295_13722"
    return Folder(
        "harp", root, {"scans": 6, "people": 3}, folder / f"{first}_conv.nii.gz",
        root / "Labels_100_NIFTI" / f"{first}_L.nii",
    )  # fmt: skip


def dryad(root: Path) -> Folder:
    """Two people; subfields 1 to 3 from right to left."""
    for k in (1, 2):
        name, affine = f"s{k:02d}", affine_of("LPS", (2, 2, 2), (60, 60, 50), (0, 4.0 * k, 0))
        folder = root / name
        _head(folder / f"{name}_t1w_standard_defaced_MNI.nii.gz", affine, (60, 60, 50))
        (folder / f"{name}_t2w_hires_defaced_MNI.nii.gz").write_bytes(b"another image")
        for side, x in (("R", SIDE), ("L", -SIDE)):
            inside = sampled(moved(hippocampus, (x, 0, -HEIGHT)), affine, (60, 60, 50))
            thirds = sum(
                sampled(moved(_right, (x + edge, 0, 0)), affine, (60, 60, 50)) for edge in (-2, 2)
            )
            fields = 1 + np.asarray(thirds)
            path = folder / f"{name}_hippolabels_t1w_standard_{side}_MNI.nii.gz"
            store(path, inside * fields, affine, kind=np.uint8)
    first = root / "s01"
    return Folder(
        "dryad", root, {"scans": 4, "people": 2}, first / "s01_t1w_standard_defaced_MNI.nii.gz",
        first / "s01_hippolabels_t1w_standard_L_MNI.nii.gz",
    )  # fmt: skip


SETS = {"decathlon": decathlon, "harp": harp, "dryad": dryad}


def _front(_x: Points, y: Points, _z: Points) -> NDArray[Any]:
    return np.asarray(y > -20)


def _right(x: Points, _y: Points, _z: Points) -> NDArray[Any]:
    return np.asarray(x > 0)


def _head(path: Path, affine: NDArray[np.float64], shape: tuple[int, int, int]) -> None:
    """A grey head in which both hippocampi are brighter."""
    both = sum(sampled(moved(hippocampus, (x, 0, -HEIGHT)), affine, shape) for x in (SIDE, -SIDE))
    noise = np.random.default_rng(len(path.name)).random(shape)
    store(path, 300 + 200 * np.asarray(both) + 50 * noise, affine)
