"""A thousand images of NIH ChestX-ray14 at 192 x 192: small enough for a laptop.

500 images with the single label "No Finding" and 500 with the single label "Pneumonia", named and
tabulated like the full set. Balanced classes and single labels make it easier than the full set, and
some patients have images in both classes, so an image-wise split would leak: split by patient.
"""

from __future__ import annotations

from pathlib import Path

from medda_lib.datasets.card import Card
from medda_lib.datasets.chest_xray.nih_chestxray14 import CARD as FULL
from medda_lib.datasets.chest_xray.nih_chestxray14 import find_table, read_images
from medda_lib.datasets.chest_xray.xrays import (
    Scan,
    Source,
    all_test,
    by_patient,
)
from medda_lib.datasets.folder import need_folder

CARD = Card(
    name="nih_chestxray14_subset",
    title="NIH ChestX-ray14, a balanced subset at 192 x 192",
    input="1,000 frontal chest X-rays, PNG, 192 x 192 (resized from 1024 x 1024), 8 bits",
    label='normal (0, "No Finding") or pneumonia (1), single labels only',
    metadata="patient",
    website=FULL.website,
    publication=FULL.publication,
    licence=FULL.licence,
    how_to_get="Take from the full set 500 images labelled 'No Finding' and 500 labelled "
    "'Pneumonia', resize them to 192 x 192 and list them in a Data_Entry_2017.csv, in "
    "MEDDA_DATA/nih_chestxray14_subset.",
    layout="""
nih_chestxray14_subset/
  images/00000061_012.png ...
  Data_Entry_2017.csv          (Image Index, Finding Labels, Patient ID)
""",
    counts={"images": 1000, "patients": 682, "normal": 500, "pneumonia": 500},
    splits={
        "patient": "65 / 10 / 25 % train / validation / test by patient, drawn by the seed",
        "test": "all images for testing",
    },
    caveats=(
        "21 patients have images in both classes: split by patient.",
        "00002658_001 and 00002658_002 are the same image (one patient, one class): it counts twice.",
        "Half the images are pneumonia; in the full set 1.3 % are. Accuracies do not compare.",
        *FULL.caveats[:1],
    ),
    folders=("nih_chestxray14_subset",),
)


def scan(root: Path) -> Scan:
    """Records of the table; other findings than the two are problems."""
    need_folder(root, CARD)
    table = find_table(root, CARD)
    records, problems = read_images(root, table)
    others = [r for r in records if r.group == "other"]
    problems += [f"{table}: {r.image.name} is neither normal nor pneumonia" for r in others]
    return Scan(root, tuple(records), tuple(problems))


SOURCE = Source(CARD, {"patient": by_patient, "test": all_test}, scan, labelled=True)
check, load = SOURCE.check, SOURCE.load
