"""The multi-site prostate set: 116 T2-weighted pelvis scans from six sites, with the gland outlined.

Liu, Dou and Heng gathered three public challenges (NCI-ISBI 2013, I2CVB, PROMISE12) by the site where
scans were acquired, which makes six domains that differ in field strength, vendor and coil: three of
them use an endorectal coil, which lights up what lies next to it. The papers call the sites A to F.
Slices stay as acquired: their whole frame is squeezed to a square, as the owners did to 384 x 384, so
that the field of view differs between sites here as it does there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medda_lib.datasets import nifti
from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.folder import is_folder, need_folder, pairs
from medda_lib.datasets.resampling import Values, resample, upright, upright_axes
from medda_lib.datasets.volume_source import (
    VolumeRecord,
    VolumeScan,
    VolumeSource,
    volumes_in,
)
from medda_lib.datasets.volumes import VolumeCard, Volumes

CARD = VolumeCard(
    name="prostate_multi_site",
    title="Multi-site prostate (SAML)",
    input="116 T2-weighted pelvis scans, slices of 384 x 384 pixels, NIfTI",
    label="outlines of the prostate; A and B have two zones (1, 2), which are joined",
    metadata="site",
    website="https://liuquande.github.io/SAML/",
    publication="Q. Liu, Q. Dou, P.-A. Heng, Shape-aware meta-learning for generalizing prostate MRI "
    "segmentation to unseen domains, MICCAI 2020; and the three challenges that it is made of",
    licence="that of the three challenges; the collection states none of its own",
    how_to_get="Download the archive from the website and extract its six folders into "
    "MEDDA_DATA/prostate_multi_site.",
    layout="""
prostate_multi_site/
  RUNMC/Case00.nii.gz               A, from NCI-ISBI 2013
  RUNMC/Case00_segmentation.nii.gz  0 outside, gland above 0 (also ..._Segmentation.nii.gz)
  BMC/    B, from NCI-ISBI 2013
  I2CVB/  C, from I2CVB
  UCL/    D, from PROMISE12
  BIDMC/  E, from PROMISE12
  HK/     F, from PROMISE12
""",
    counts={"scans": 116, "A": 30, "B": 30, "C": 19, "D": 13, "E": 12, "F": 12},
    splits={"site": "A to F, as the papers name them"},
    caveats=(
        (
            "Pixels were resampled to 384 x 384 by the owners, site C was cropped before: noise and "
            "sharpness are not the scanners' own."
        ),
        "Spacings differ within a site; the loader states their mean.",
        "D, E and F have 12 or 13 scans: intervals are wide.",
        "Outlines by several readers with several rules; part of a shift is the reader.",
    ),
    folders=("prostate_multi_site", "SAML", "Processed_data_nii"),
    mask="the whole prostate, by hand",
)

FOLDERS = {"A": "RUNMC", "B": "BMC", "C": "I2CVB", "D": "UCL", "E": "BIDMC", "F": "HK"}
PITCH = 3.6  # mm: thinner slices are thinned out to about this, by taking every second, third ...
SUFFIX = "_segmentation"


def scan(root: Path) -> VolumeScan:
    """Records of all pairs; a missing site or a file without its partner is a problem."""
    need_folder(root, CARD)
    records: list[VolumeRecord] = []
    problems: list[str] = []
    for site, name in FOLDERS.items():
        folder = root / name
        if not is_folder(folder):
            problems.append(f"{folder}: the folder of site {site} is missing. {CARD.how_to_get}")
            continue
        files = volumes_in(folder, problems)
        masks = {n[: -len(SUFFIX)]: p for n, p in files.items() if n.lower().endswith(SUFFIX)}
        images = {n: p for n, p in files.items() if not n.lower().endswith(SUFFIX)}
        both, more = pairs(images, masks)
        problems += more
        records += [VolumeRecord(f"{site}/{n}", site, images[n], masks[n]) for n in both]
    return VolumeScan(root, tuple(records), tuple(problems))


SOURCE = VolumeSource(CARD, tuple(FOLDERS), "labels", scan, labels=(0, 1, 2))
check = SOURCE.check


def load(
    root: Path,
    *,
    site: str | None = None,
    size: int = 96,
    slices: int = 16,
    progress: bool = True,
) -> Volumes:
    """Scans of a site, "A" to "F" (None: all): the middle `slices` slices, size x size pixels.

    Slices much thinner than 3.6 mm are thinned out first; scans with too few slices are filled up with
    background. Images are in [0, 1] by the scan's own minimum and maximum. `spacing` is the mean over
    the scans, whose fields of view differ a little. Raises DatasetError.
    """
    if size < 1 or slices < 1:
        raise DatasetError(f"size: {size}, slices: {slices}; expected positive numbers")
    records = SOURCE.choose(root, site)
    spacing = _mean_spacing([nifti.read_grid(r.image) for r in records], size)
    return SOURCE.read(
        records,
        lambda image, mask: _frames(image, mask, size, slices),
        spacing,
        progress=progress,
    )


def _frames(
    scan: nifti.Scan, mask: NDArray[np.bool_], size: int, slices: int
) -> tuple[Values, NDArray[np.bool_]]:
    affine, values = scan.grid.affine, scan.values
    image = (values - values.min()) / (values.max() - values.min())
    (pitch, *_), (depth, *_) = _upright(scan.grid)
    chosen = _middle(depth, slices, _thinning(pitch))
    inside = _squeezed(upright(mask.astype(np.float32), affine), chosen, size) > 0.5
    return _squeezed(upright(image, affine), chosen, size).clip(0, 1), inside


def _squeezed(planes: Values, chosen: NDArray[np.int64], size: int) -> Values:
    """The chosen slices (-1: background) with their frame squeezed to size x size: area average."""
    _, rows, columns = planes.shape
    padded = np.concatenate([planes, np.zeros((1, rows, columns), np.float32)])[chosen]
    target = np.diag([1.0, rows / size, columns / size, 1.0])
    target[1:3, 3] = rows / size / 2 - 0.5, columns / size / 2 - 0.5
    return resample(padded, np.eye(4), target, (len(chosen), size, size))


def _middle(depth: int, slices: int, every: int) -> NDArray[np.int64]:
    """Numbers (slices,) of the slices to take, -1 where the scan has none, around its middle."""
    number = np.round((depth - 1) / 2 + (np.arange(slices) - (slices - 1) / 2) * every).astype(int)
    return np.where((number >= 0) & (number < depth), number, -1)


def _thinning(pitch: float) -> int:
    return max(1, round(PITCH / pitch))


def _upright(grid: nifti.Grid) -> tuple[tuple[float, float, float], tuple[int, int, int]]:
    """(mm, number) along slices, rows and columns: of the scan held upright."""
    k, i, j = upright_axes(grid.affine)
    mm, n = grid.spacing.tolist(), grid.shape
    return (mm[k], mm[i], mm[j]), (n[k], n[i], n[j])


def _mean_spacing(grids: list[nifti.Grid], size: int) -> tuple[float, float, float]:
    each = []
    for grid in grids:
        (pitch, row, column), (_, rows, columns) = _upright(grid)
        each.append((pitch * _thinning(pitch), row * rows / size, column * columns / size))
    k, i, j = np.mean(each, axis=0).tolist()
    return k, i, j
