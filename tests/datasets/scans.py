"""Analytic objects in millimetres, stored as NIfTI in any orientation, and tiny sets of scans."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from medda_lib.datasets.nifti import Grid, Scan

Points = NDArray[np.float64]
Field = Callable[[Points, Points, Points], NDArray[Any]]
"""A quantity in the patient: x (to the right), y (to the front), z (to the top) in mm -> value."""

DIRECTIONS = {
    "R": (1, 0, 0), "L": (-1, 0, 0), "A": (0, 1, 0), "P": (0, -1, 0), "S": (0, 0, 1), "I": (0, 0, -1),
}  # fmt: skip
ORIENTATIONS = ("RAS", "LPS", "PSR", "SAL", "AIL", "ILP")


def affine_of(
    codes: str,
    spacing: Sequence[float],
    shape: Sequence[int],
    centre: Sequence[float] = (0.0, 0.0, 0.0),
    tilt: float = 0.0,
) -> NDArray[np.float64]:
    """Stored axes along `codes`, the volume's middle at `centre`, turned by `tilt` degrees."""
    axes = np.array([DIRECTIONS[c] for c in codes], dtype=np.float64).T * np.asarray(spacing)
    turn = Rotation.from_rotvec(np.radians(tilt) * np.array([0.6, 0.48, 0.64])).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = turn @ axes
    affine[:3, 3] = np.asarray(centre) - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine


def sampled(field: Field, affine: NDArray[np.float64], shape: Sequence[int]) -> NDArray[np.float32]:
    """The field at the voxels' centres."""
    index = np.indices(tuple(shape)).reshape(3, -1)
    x, y, z = affine[:3, :3] @ index + affine[:3, 3:]
    return np.asarray(field(x, y, z), dtype=np.float32).reshape(tuple(shape))


def scan_of(field: Field, affine: NDArray[np.float64], shape: Sequence[int]) -> Scan:
    a, b, c = shape
    return Scan(Grid(Path("made.nii.gz"), (a, b, c), affine), sampled(field, affine, shape))


def head(faint: float = 1.0) -> Field:
    """An ellipsoid of a head on a neck: scalp, dark skull, brain. faint: brightness of the scalp."""

    def value(x: Points, y: Points, z: Points) -> NDArray[Any]:
        r = np.sqrt((x / 75) ** 2 + (y / 95) ** 2 + (z / 85) ** 2)
        neck = ((x**2 + (y + 20) ** 2) < 50**2) & (z < 0)
        tissue = np.where(r > 0.93, 0.8 * faint, np.where(r > 0.87, 0.1, 0.6 + 0.2 * np.cos(x / 9)))
        return np.asarray(np.where((r <= 1) | neck, np.where(r <= 1, tissue, 0.5), 0.0) * 900)

    return value


def brain(x: Points, y: Points, z: Points) -> NDArray[Any]:
    """Where the brain of `head` is."""
    return np.asarray((x / 75) ** 2 + (y / 95) ** 2 + (z / 85) ** 2 < 0.87**2)


def moved(field: Field, shift: Sequence[float]) -> Field:
    dx, dy, dz = shift
    return lambda x, y, z: field(x - dx, y - dy, z - dz)


def store(
    path: Path,
    values: NDArray[Any],
    affine: NDArray[np.float64],
    *,
    kind: Any = np.float32,
    codes: tuple[int, int] = (1, 1),
) -> Path:
    """Write a NIfTI file. codes: (qform, sform)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(np.asarray(values, dtype=kind), affine)
    image.set_qform(affine, codes[0])
    image.set_sform(affine, codes[1])
    nib.save(image, path)
    return path


@dataclass(frozen=True)
class Folder:
    """A tiny set: what it should count; one image of it and the mask that belongs to it."""

    name: str
    root: Path
    counts: Mapping[str, int]
    image: Path
    mask: Path


def brain_sites(root: Path) -> Folder:
    """Two heads of IXI (sagittal), one of each matrix of NiChart (another orientation)."""
    rng = np.random.default_rng(0)
    for name, shift in (("IXI012-HH-1211", (5, -8, 20)), ("IXI015-HH-1258", (-6, 4, -15))):
        _pair(
            root / "ixi_hh" / f"{name}_T1.nii.gz",
            root / "ixi_hh" / f"{name}_T1_DLMUSE.nii.gz",
            affine_of("PSR", (6, 6, 6), (36, 36, 30)), (36, 36, 30), shift, rng, 47,
        )  # fmt: skip
    for number, width in ((1, 106), (2, 88)):
        _pair(
            root / "nichart_demo" / f"t1_{number}.nii.gz",
            root / "nichart_demo" / f"seg_{number}.nii.gz",
            affine_of("LPS", (2, 6, 6), (width, 36, 36)), (width, 36, 36), (0, 9, 12), rng, 47,
        )  # fmt: skip
    counts = {"scans": 4, "ixi_hh": 2, "nichart_demo": 2, "nichart_106": 1, "nichart_88": 1}
    folder = root / "ixi_hh"
    image = folder / "IXI012-HH-1211_T1.nii.gz"
    return Folder("brain_sites", root, counts, image, folder / "IXI012-HH-1211_T1_DLMUSE.nii.gz")


def cc359(root: Path) -> Folder:
    """One head per scanner; masks are probabilities."""
    rng = np.random.default_rng(1)
    names = (
        "CC0001_philips_15_55_M", "CC0061_philips_3_55_F", "CC0121_siemens_15_61_M",
        "CC0181_siemens_3_36_F", "CC0241_ge_15_60_F", "CC0301_ge_3_49_M",
    )  # fmt: skip
    for i, name in enumerate(names):
        _pair(
            root / "Original" / f"{name}.nii.gz",
            root / "STAPLE" / f"{name}_staple.nii.gz",
            affine_of("PSR", (6, 6, 6), (36, 36, 30), tilt=15.0 * (i == 1)), (36, 36, 30), (i, 0, 5 * i),
            rng, 0.9,
        )  # fmt: skip
    counts = {"scans": 6, "sm15": 1, "sm3": 1, "ge15": 1, "ge3": 1, "ph15": 1, "ph3": 1}
    image = root / "Original" / f"{names[0]}.nii.gz"
    return Folder("cc359", root, counts, image, root / "STAPLE" / f"{names[0]}_staple.nii.gz")


def prostate(root: Path) -> Folder:
    """Two scans of A, one of each other site; both spellings of a mask's name; C has thin slices."""
    rng = np.random.default_rng(2)
    sites = {"RUNMC": 2, "BMC": 1, "I2CVB": 1, "UCL": 1, "BIDMC": 1, "HK": 1}
    for site, number in sites.items():
        ending = "_Segmentation" if site == "BMC" else "_segmentation"
        shape, pitch = ((48, 48, 60), 1.25) if site == "I2CVB" else ((48, 48, 18), 3.6)
        affine = affine_of("LPS", (4, 4, pitch), shape, (10, -20, 30), tilt=4)
        ball = moved(_gland, (10, -20, 30))
        for case in range(number):
            inside = sampled(ball, affine, shape)
            path = root / site / f"Case{case:02d}.nii.gz"
            store(path, 200 * inside + 100 * rng.random(shape), affine)
            zones = inside * (1 + sampled(_left_half, affine, shape))
            store(root / site / f"Case{case:02d}{ending}.nii.gz", zones, affine, kind=np.uint8)
    counts = {"scans": 7, "A": 2, "B": 1, "C": 1, "D": 1, "E": 1, "F": 1}
    folder = root / "RUNMC"
    image, mask = folder / "Case00.nii.gz", folder / "Case00_segmentation.nii.gz"
    return Folder("prostate_multi_site", root, counts, image, mask)


SETS = {"brain_sites": brain_sites, "cc359": cc359, "prostate_multi_site": prostate}


def _gland(x: Points, y: Points, z: Points) -> NDArray[Any]:
    return np.asarray(x**2 + y**2 + z**2 < 25**2)


def _left_half(x: Points, y: Points, z: Points) -> NDArray[Any]:
    return np.asarray(x < 10)


def _pair(
    image: Path,
    mask: Path,
    affine: NDArray[np.float64],
    shape: tuple[int, int, int],
    shift: Sequence[float],
    rng: np.random.Generator,
    inside: float,
) -> None:
    """A head in the volume, moved, with a little noise, and its brain marked by the value `inside`."""
    values = sampled(moved(head(), shift), affine, shape) + 10 * rng.random(shape)
    store(image, values, affine)
    marked = inside * sampled(moved(brain, shift), affine, shape)
    store(mask, marked, affine, kind=np.float32 if inside < 1 else np.uint8)
