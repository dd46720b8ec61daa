"""Lung X-rays A: 275 chest X-rays of adults with lung masks, from one teaching site.

A small stand-in for JSRT: images as `NAME.jpg`, masks beside them as `NAME@.png`. The masks have soft
edges (values between 0 and 255) and leave out the heart.
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
    name="lung_xray_a",
    title="Lung X-rays A (one teaching site)",
    input="275 chest X-rays of adults, JPEG, 8-bit grey, about 500 pixels wide",
    label="lung masks; no class labels",
    metadata="none",
    website="none",
    publication="none",
    licence="none stated: for local tests only, no file or picture may be passed on",
    how_to_get="Not published with a licence, so it cannot be offered for download. The loader "
    "reads any folder in this layout: MEDDA_DATA/lung_xray_a.",
    layout="""
lung_xray_a/
  NAME.jpg    image
  NAME@.png   its mask: 0 outside, 255 inside, soft edges, threshold at 127
""",
    counts={"images": 275, "masks": 275},
    splits={
        "patient": "65 / 10 / 25 % train / validation / test, drawn by the seed",
        "test": "all images for testing",
    },
    caveats=(
        "No patient names: every image counts as its own patient.",
        (
            "The images 101-210-500-500-100 and 201-210-500-500-100 are the same file under two names "
            "with two masks: a split may put one on either side."
        ),
        "One site, one label rule: masks leave out the heart.",
    ),
    folders=("lung_xray_a",),
    label_rule="lungs",
)


def scan(root: Path) -> Scan:
    """Records of all pairs; a file without its partner is a problem."""
    need_folder(root, CARD)
    problems: list[str] = []
    drawn = [p for p in files(root, problems, ".png") if p.stem.endswith("@")]
    images = one_each(files(root, problems, ".jpg", ".jpeg"), lambda p: p.stem, problems)
    masks = one_each(drawn, lambda p: p.stem.removesuffix("@"), problems)
    paired, alone = pairs(images, masks, "no mask {name}@.png", "no image {name}.jpg")
    problems += alone
    if not images:
        problems.append(f"{root}: no .jpg file. {CARD.how_to_get}")
    records = tuple(Record(n, n, images[n], masks=(masks[n],)) for n in paired)
    return Scan(root, records, tuple(problems))


SOURCE = Source(CARD, {"patient": by_patient, "test": all_test}, scan, labelled=False)
check, load = SOURCE.check, SOURCE.load
