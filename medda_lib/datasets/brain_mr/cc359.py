"""CC359, the Calgary-Campinas set: 359 T1-weighted head scans from six scanners, with brain masks.

Three vendors at two field strengths each, about 60 healthy adults per scanner: the set that both papers
on brains here work on. Vendor and field stand in a file's name. The masks are a consensus (STAPLE) of
eight automatic methods, stored as probabilities: a "silver standard". The papers register all scans to
the MNI template; here they are only put on the brain grid, which moves but does not deform them.
"""

from __future__ import annotations

import re
from pathlib import Path

from medda_lib.datasets.brain_mr.source import BrainSource
from medda_lib.datasets.folder import first_folder, inner, need_folder, pairs
from medda_lib.datasets.volume_source import VolumeRecord, VolumeScan, volumes_in
from medda_lib.datasets.volumes import VolumeCard

CARD = VolumeCard(
    name="cc359",
    title="CC359 (Calgary-Campinas)",
    input="359 T1-weighted head scans of healthy adults of 29 to 80 years, about 1 mm, NIfTI",
    label="consensus brain masks (STAPLE of eight methods), probabilities",
    metadata="vendor, field strength, age and sex, from the file name",
    website="https://www.ccdataset.com",
    publication="R. Souza et al., An open, multi-vendor, multi-field-strength brain MR dataset and "
    "analysis of publicly available skull stripping methods agreement, NeuroImage 170, 2018",
    licence="CC BY-ND 4.0",
    how_to_get="Fill in the form on the website, download Original.zip and "
    "Silver-standard-STAPLE.zip and extract both into MEDDA_DATA/cc359.",
    layout="""
cc359/
  Original/CC0001_philips_15_55_M.nii.gz       number, vendor, field (15 or 3), age, sex
  STAPLE/CC0001_philips_15_55_M_staple.nii.gz  probability of brain, inside above one half
""",
    counts={"scans": 359},
    splits={
        "site": "sm15, sm3, ge15, ge3, ph15, ph3: Siemens, GE, Philips at 1.5 and 3 T, 59 or 60 scans "
        "each",
    },
    caveats=(
        (
            "The masks are AUTOMATIC (a consensus of methods): a silver standard. Twelve scans have "
            "manual masks too; they are not read here."
        ),
        "Scans are put on the brain grid, not registered to MNI152 as in the papers.",
        "Scanners see different people: age and sex differ a little between sites.",
    ),
    folders=("cc359", "CC359", "calgary-campinas"),
    mask="the brain, consensus of eight automatic methods",
)

VENDORS = {"siemens": "sm", "ge": "ge", "philips": "ph"}
SITES = ("sm15", "sm3", "ge15", "ge3", "ph15", "ph3")
NAME = re.compile(r"(CC\d{4})_(siemens|ge|philips)_(15|3)_(\d+)_([MF])", re.IGNORECASE)
MASKS = ("STAPLE", "Silver-standard-STAPLE", "Skull-stripping-masks/STAPLE")


def scan(root: Path) -> VolumeScan:
    """Records of all pairs; a file without its partner or with an unknown name is a problem."""
    need_folder(root, CARD)
    base = inner(root, "CC359/Reconstructed", "Reconstructed")
    problems: list[str] = []
    originals = _files(first_folder(base, CARD, "Original"), problems)
    staple = _files(first_folder(base, CARD, *MASKS), problems)
    masks = {n.removesuffix("_staple"): p for n, p in staple.items()}
    both, alone = pairs(originals, masks)
    problems += alone
    records = []
    for name in both:
        match = NAME.fullmatch(name)
        if match is None:
            problems.append(
                f"{originals[name]}: expected a name like CC0001_philips_15_55_M.nii.gz (number, "
                "vendor, field, age, sex); rename it"
            )
            continue
        site = VENDORS[match[2].lower()] + match[3]
        records.append(VolumeRecord(match[1], site, originals[name], masks[name]))
    if not originals:
        problems.append(f"{base / 'Original'}: no .nii.gz file. {CARD.how_to_get}")
    return VolumeScan(root, tuple(records), tuple(problems))


def _files(folder: Path, problems: list[str]) -> dict[str, Path]:
    """NIfTI files by name; archives extracted one level too deep (Original/Original) are fine."""
    return volumes_in(inner(folder, folder.name), problems)


SOURCE = BrainSource(CARD, SITES, "probability", scan)
check, load = SOURCE.check, SOURCE.load
