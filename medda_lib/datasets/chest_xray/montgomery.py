"""Montgomery County: the paper's MCU, lung masks from a site that training never saw.

Adult chest X-rays of a tuberculosis screening programme, with one mask file per lung. The images are
large (4020 x 4892 or turned) with 12-bit grey values in PNG files; 8-bit copies of the set are
around and are read as well. The last digit of a name says normal (0) or tuberculosis (1), which is
not pneumonia, so no class labels come out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from medda_lib.datasets.card import Card
from medda_lib.datasets.chest_xray.xrays import (
    Record,
    Scan,
    Source,
    all_test,
    by_patient,
    exact,
)
from medda_lib.datasets.folder import absent, files, inner, is_folder, need_folder, one_each
from medda_lib.datasets.pictures import Frame
from medda_lib.datasets.reading import PictureForm
from medda_lib.datasets.splits import Indices

CARD = Card(
    name="montgomery",
    title="Montgomery County chest X-ray set",
    input="138 postero-anterior chest X-rays of adults, PNG, 12-bit grey, 4020 x 4892 or "
    "4892 x 4020 pixels of 0.0875 mm",
    label="left and right lung masks; the file name says normal (_0) or tuberculosis (_1)",
    metadata="sex, age and reading per image in ClinicalReadings (not read)",
    website="https://data.lhncbc.nlm.nih.gov/public/Tuberculosis-Chest-X-ray-Datasets/"
    "Montgomery-County-CXR-Set/MontgomerySet/index.html",
    publication="S. Jaeger et al., Two public chest X-ray datasets for computer-aided screening "
    "of pulmonary diseases, Quant. Imaging Med. Surg. 4(6), 2014, "
    "doi:10.3978/j.issn.2223-4292.2014.11.20",
    licence="public; acknowledge the U.S. National Library of Medicine and cite the publication",
    how_to_get="Download the folder MontgomerySet (about 0.6 GB) from its website to "
    "MEDDA_DATA/MontgomerySet.",
    layout="""
MontgomerySet/
  CXR_png/               MCUCXR_0001_0.png ...
  ManualMask/leftMask/   MCUCXR_0001_0.png ...
  ManualMask/rightMask/  MCUCXR_0001_0.png ...
  ClinicalReadings/      MCUCXR_0001_0.txt ...
""",
    counts={"images": 138, "normal": 80, "tuberculosis": 58, "masks": 138},
    splits={
        "test": "all images for testing, as a site that is only ever tested on",
        "paper": "93 / 10 / 35 train / validation / test (Table 1), drawn by the seed",
        "patient": "65 / 10 / 25 % train / validation / test, drawn by the seed",
    },
    caveats=(
        (
            "The paper lists 93 training images of this cross-domain set and does not say whether its "
            "test uses 35 images or all 138, nor which."
        ),
        "One image per patient, as far as the file names tell.",
        "Masks follow the lung borders and leave out the heart.",
    ),
    folders=("MontgomerySet", "montgomery", "Montgomery"),
    label_rule="lungs",
)

NAME = re.compile(r"(MCUCXR_\d+)_(\d)")
GROUPS = {"0": "normal", "1": "tuberculosis"}
SIDES = ("leftMask", "rightMask")
FRAME = (4020, 4892)  # or turned
PIXEL = 0.0875  # mm
WHITES = (4095, 65535)  # 12 bits as published; copies stretched to 16 bits are around


def paper(records: Sequence[Record], seed: int) -> dict[str, Indices]:
    """Scheme: 93 / 10 / 35, stratified by finding (Haque et al., Table 1)."""
    sizes = {"train": 93, "validation": 10, "test": 35}
    everyone = np.arange(len(records), dtype=np.int64)
    return exact(sizes, everyone, [r.group for r in records], seed)


def scan(root: Path) -> Scan:
    """Records of CXR_png with both lungs' masks; unpaired files and unknown labels are problems."""
    need_folder(root, CARD)
    base = inner(root, "MontgomerySet")
    images = need_folder(base / "CXR_png", CARD)
    folders = [need_folder(base / "ManualMask" / side, CARD) for side in SIDES]
    records: list[Record] = []
    problems: list[str] = []
    pictures = one_each(files(images, problems, ".png"), lambda p: p.stem, problems)
    for path in pictures.values():
        match = NAME.fullmatch(path.stem)
        if match is None or match[2] not in GROUPS:
            problems.append(
                f"{path}: unknown label; names look like MCUCXR_0001_0 or MCUCXR_0001_1"
            )
            continue
        masks = tuple(folder / path.name for folder in folders)
        problems += absent(masks, "the mask is missing; get it again")
        records.append(Record(path.stem, match[1], path, GROUPS[match[2]], masks))
    names = {r.image.name for r in records}
    drawn = [mask for folder in folders for mask in files(folder, problems, ".png")]
    problems += [
        f"{mask}: mask without an image in {images.name}"
        for mask in drawn
        if mask.name not in names
    ]
    return Scan(base, tuple(records), tuple(problems), _without_readings(base))


def _without_readings(base: Path) -> tuple[str, ...]:
    if is_folder(base / "ClinicalReadings"):
        return ()
    return (f"{base / 'ClinicalReadings'}: the folder is missing (it is not needed to load)",)


def pixel(frame: Frame) -> float:
    """The side of a pixel in mm; NaN for copies of another size, of which it is not known."""
    return PIXEL if {frame.width, frame.height} == set(FRAME) else float("nan")


SOURCE = Source(
    CARD,
    {"test": all_test, "paper": paper, "patient": by_patient},
    scan,
    labelled=False,
    form=PictureForm(WHITES),
    pixel=pixel,
)
check, load = SOURCE.check, SOURCE.load
