"""The Dryad set (MNI-HISUB25): 25 healthy adults at 3 T with the subfields of both hippocampi.

One scanner, healthy people only, submillimetric and standard T1-weighted heads; the standard ones are
read here, as the other sets have their resolution. The subfields (subicular complex, CA1 to CA3, CA4
and dentate gyrus) are joined to the whole hippocampus. Each hippocampus is a scan of its own, cut from
the head around its label; the two of a person carry one person's name.
"""

from __future__ import annotations

import re
from pathlib import Path

from medda_lib.datasets import nifti
from medda_lib.datasets.folder import absent, folders, inner, need_folder
from medda_lib.datasets.hippocampus.crops import cut_out
from medda_lib.datasets.hippocampus.source import (
    Acquired,
    CropRecord,
    CropScan,
    CropSource,
    stored_type,
)
from medda_lib.datasets.volumes import VolumeCard

CARD = VolumeCard(
    name="dryad",
    title="Dryad hippocampus (MNI-HISUB25)",
    input="25 T1-weighted heads at 3 T, 1 mm (standard resolution), defaced, on the MNI grid, NIfTI; "
    "crops around each hippocampus",
    label="subicular complex (1), CA1 to CA3 (2), CA4 and dentate gyrus (3), joined",
    metadata="number of the person, side",
    website="https://doi.org/10.5061/dryad.gc72v",
    publication="J. Kulaga-Yoskovitz et al., Multi-contrast submillimetric 3 Tesla hippocampal subfield "
    "segmentation protocol and dataset, Scientific Data 2:150059, 2015",
    licence="CC0 1.0",
    how_to_get="Download mri_dataset.tar.gz from the website and extract it into MEDDA_DATA/dryad.",
    layout="""
dryad/
  s01/s01_t1w_standard_defaced_MNI.nii.gz             image
  s01/s01_hippolabels_t1w_standard_L_MNI.nii.gz       left subfields, 0 outside
  s01/s01_hippolabels_t1w_standard_R_MNI.nii.gz       right subfields
  s02/ ...                                            other files of a folder are not read
""",
    counts={"scans": 50, "people": 25},
    splits={"site": "one scanner, so there is one site: dryad"},
    caveats=(
        (
            "Not run on the published files: the names are those that public code for this set expects."
        ),
        (
            "A crop lies around its label: where the hippocampus may be is given away, as in "
            "Decathlon's own crops."
        ),
        (
            "The heads are on the grid of the MNI template: sizes are those after registration, noise "
            "is not the scanner's own."
        ),
        "Another protocol for the outline than in the other sets: part of a shift is the reader.",
    ),
    folders=("dryad", "mri_dataset", "mni-hisub25/mri_dataset"),
    mask="the whole hippocampus of one side, its subfields by hand",
)

SIDES = ("L", "R")
LABELS = (0, 1, 2, 3)  # outside and the three subfields


def scan(root: Path) -> CropScan:
    """Two records per person; a missing file is a problem."""
    need_folder(root, CARD)
    base = inner(root, "mri_dataset")
    problems: list[str] = []
    people = [p for p in folders(base, problems) if re.fullmatch(r"s\d+", p.name)]
    if not people:
        problems.append(f"{base}: no folder like s01 in it. {CARD.how_to_get}")
    records: list[CropRecord] = []
    for folder in people:
        name = folder.name
        image = folder / f"{name}_t1w_standard_defaced_MNI.nii.gz"
        masks = {s: folder / f"{name}_hippolabels_t1w_standard_{s}_MNI.nii.gz" for s in SIDES}
        missing = absent((image, *masks.values()), "the file is missing; extract the archive again")
        problems += missing
        if not missing:
            records += [CropRecord(f"{name}_{s}", name, "dryad", image, masks[s]) for s in SIDES]
    return CropScan(root, tuple(records), tuple(problems))


def read(record: CropRecord) -> Acquired:
    """One hippocampus and what is around it. Raises DatasetError for files that cannot be trusted."""
    head = nifti.read_scan(record.image)
    image, mask = cut_out(head, nifti.read_mask(record.mask, head.grid, "labels", LABELS))
    return Acquired(image, mask, stored_type(record.image), head)


SOURCE = CropSource(CARD, scan, read)
check, load = SOURCE.check, SOURCE.load
