"""Brain sites: 63 public T1-weighted head scans at 2 mm from two sources, with automatic labels.

A small stand-in for CC359 where the question is whether a result on phantoms holds on real scanners.
One source is the Hammersmith part of IXI (one Philips scanner of 3 T), the other the demonstration
scans of the NiChart software. Those come in two acquisition matrices, 106 and 88 voxels wide, which
count as two sites. The region maps were drawn by a network (DLMUSE), not by hand; the brain is every
voxel that has a region.
"""

from __future__ import annotations

import re
from pathlib import Path

from medda_lib.datasets import nifti
from medda_lib.datasets.brain_mr.source import BrainSource
from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.folder import need_folder, pairs
from medda_lib.datasets.volume_source import VolumeRecord, VolumeScan, volumes_in
from medda_lib.datasets.volumes import VolumeCard

CARD = VolumeCard(
    name="brain_sites",
    title="Brain sites (IXI Hammersmith, NiChart demonstration)",
    input="63 T1-weighted head scans at 2 mm, NIfTI, 8-bit with scaling",
    label="region maps by DLMUSE (149 ids); the brain mask is every voxel with a region",
    metadata="source, subject number, acquisition matrix",
    website="https://brain-development.org/ixi-dataset/ (IXI), "
    "https://github.com/CBICA/NiChart_DLMUSE (NiChart, region maps)",
    publication="none of its own: cite IXI's website and the software NiChart_DLMUSE",
    licence="IXI images CC BY-SA 3.0; NiChart scans and region maps under SBIA's terms",
    how_to_get="Put scans at 2 mm and their DLMUSE maps into MEDDA_DATA/brain_sites in this layout.",
    layout="""
brain_sites/
  ixi_hh/IXI132-HH-1415_T1.nii.gz           image
  ixi_hh/IXI132-HH-1415_T1_DLMUSE.nii.gz    region ids, 0 outside of the brain
  nichart_demo/t1_1.nii.gz                  image
  nichart_demo/seg_1.nii.gz                 region ids
""",
    counts={"scans": 63, "ixi_hh": 40, "nichart_demo": 23, "nichart_106": 18, "nichart_88": 5},
    splits={
        "site": "ixi_hh; nichart_demo, which is nichart_106 and nichart_88 (by the matrix's width)",
    },
    caveats=(
        (
            "The masks are AUTOMATIC: a high score means agreement with DLMUSE, not with a human, and "
            "its mistakes are in training and test masks alike."
        ),
        "NiChart: the origin of the scans is not stated, the subjects are older than IXI's.",
        "A shift between the sources is scanner, protocol and age at once.",
        "nichart_88 has five scans: scores on it are an anecdote.",
    ),
    folders=("brain_sites",),
    mask="the brain, every voxel with a DLMUSE region (automatic)",
)

MATRICES = {106: "nichart_106", 88: "nichart_88"}
SITES = ("ixi_hh", *MATRICES.values())
LAST_REGION = 207  # the largest of DLMUSE's 149 ids


def scan(root: Path) -> VolumeScan:
    """Records of all pairs; a file without its partner is a problem, so is an unknown matrix."""
    need_folder(root, CARD)
    ixi, problems = _ixi(need_folder(root / "ixi_hh", CARD))
    nichart, more = _nichart(need_folder(root / "nichart_demo", CARD))
    if not ixi and not nichart:
        more.append(f"{root}: no .nii.gz file. {CARD.how_to_get}")
    return VolumeScan(root, (*ixi, *nichart), (*problems, *more))


def _ixi(folder: Path) -> tuple[list[VolumeRecord], list[str]]:
    problems: list[str] = []
    files = volumes_in(folder, problems)
    masks = {n.removesuffix("_DLMUSE"): p for n, p in files.items() if n.endswith("_DLMUSE")}
    images = {n: p for n, p in files.items() if not n.endswith("_DLMUSE")}
    both, alone = pairs(images, masks)
    records = [VolumeRecord(n.split("-")[0], "ixi_hh", images[n], masks[n]) for n in both]
    return records, problems + alone


def _nichart(folder: Path) -> tuple[list[VolumeRecord], list[str]]:
    found: dict[str, dict[str, Path]] = {"t1": {}, "seg": {}}
    problems: list[str] = []
    for name, path in volumes_in(folder, problems).items():
        match = re.fullmatch(r"(t1|seg)_(\d+)", name)
        if match is None:
            problems.append(f"{path}: expected a name like t1_1.nii.gz or seg_1.nii.gz; rename it")
        else:
            found[match[1]][match[2]] = path
    both, more = pairs(found["t1"], found["seg"])
    records = []
    for number in sorted(both, key=int):
        image, mask = found["t1"][number], found["seg"][number]
        try:
            records.append(VolumeRecord(f"nichart_{number}", _matrix(image), image, mask))
        except DatasetError as error:
            problems.append(str(error))
    return records, problems + more


def _matrix(image: Path) -> str:
    """The site that a scan belongs to, by the width of its acquisition matrix."""
    width = nifti.read_grid(image).shape[0]
    if width not in MATRICES:
        known = " or ".join(map(str, MATRICES))
        raise DatasetError(f"{image}: {width} voxels wide, expected {known}; get it again")
    return MATRICES[width]


SOURCE = BrainSource(
    CARD,
    SITES,
    "labels",
    scan,
    groups={"nichart_demo": tuple(MATRICES.values())},
    labels=range(LAST_REGION + 1),
)
check, load = SOURCE.check, SOURCE.load
