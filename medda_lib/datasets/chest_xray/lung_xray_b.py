"""Lung X-rays B: 57 chest X-rays of COVID-19 patients, with masks that include the heart shadow.

A small stand-in for Montgomery: another hospital mix and another disease than A. Mind the label
rule: the masks cover the lungs AND the heart shadow, so a model trained on A loses part of its score
here by definition, not by failure. Figures of one article and series of one case are told by their
names; they count as one patient.
"""

from __future__ import annotations

from pathlib import Path

from medda_lib.datasets.card import Card
from medda_lib.datasets.chest_xray.xrays import (
    Record,
    Scan,
    Source,
    all_test,
    by_patient,
)
from medda_lib.datasets.folder import files, need_folder, one_each, pairs

CARD = Card(
    name="lung_xray_b",
    title="Lung X-rays B (COVID-19, from publications)",
    input="57 chest X-rays of COVID-19 patients, PNG, 8-bit grey, longest side 512 pixels",
    label="masks of lungs and heart shadow; no class labels",
    metadata="source or case, from the file name",
    website="https://github.com/ieee8023/covid-chestxray-dataset (the collection that the file "
    "names come from)",
    publication="J. P. Cohen, P. Morrison, L. Dao, COVID-19 image data collection, 2020, "
    "arXiv:2003.11597",
    licence="masks CC BY 4.0; images mixed, as their sources state",
    how_to_get="Put images and masks of equal names into MEDDA_DATA/lung_xray_b in this layout.",
    layout="""
lung_xray_b/
  images/NAME.png
  masks/NAME.png    0 outside, 255 inside
""",
    counts={"images": 57, "masks": 57},
    splits={
        "test": "all images for testing, as a site that is only ever tested on",
        "patient": "65 / 10 / 25 % train / validation / test by source, drawn by the seed",
    },
    caveats=(
        (
            "Masks INCLUDE the heart shadow, those of lung_xray_a leave it out: part of any drop from "
            "A to B is the label definition, not the model."
        ),
        "Pictures cut from publications: scaled, cropped and annotated by many hands.",
        "Patients are guessed from names: images of one article or case count as one.",
    ),
    folders=("lung_xray_b",),
    label_rule="lungs_and_heart",
)

# Beginnings of names that mark one article or one case followed over days.
SERIES = (
    "1-s2.0-S1684118220300608",
    "1.CXRCTThoraximagesofCOVID-19fromSingapore",
    "all14238",
    "auntminnie",
    "covid-19-pneumonia-evolution-over-a-week-1",
    "covid-19-pneumonia-rapidly-progressive",
    "covid-19-rapidly-progressive-acute-respiratory-distress-syndrome-ards",
    "kjr-21-e24",
    "lancet-case2",
    "nejmoa2001191",
)


def source(name: str) -> str:
    """The article or case that an image belongs to: its patient, as far as one can tell."""
    return next((series for series in SERIES if name.startswith(series)), name)


def scan(root: Path) -> Scan:
    """Records of all pairs; a file without its partner is a problem."""
    need_folder(root, CARD)
    problems: list[str] = []
    images, masks = (
        one_each(
            files(need_folder(root / part, CARD), problems, ".png"), lambda p: p.stem, problems
        )
        for part in ("images", "masks")
    )
    paired, alone = pairs(images, masks, "no mask of this name", "no image of this name")
    problems += alone
    if not images:
        problems.append(f"{root / 'images'}: no .png file. {CARD.how_to_get}")
    records = tuple(Record(n, source(n), images[n], masks=(masks[n],)) for n in paired)
    return Scan(root, records, tuple(problems))


SOURCE = Source(CARD, {"test": all_test, "patient": by_patient}, scan, labelled=False)
check, load = SOURCE.check, SOURCE.load
