"""Results survive what does not concern them, and nothing else: ten edits of a copy of the library.

Each test copies the library, edits it as a contributor would, and asks in a fresh process whether the
committed results still stand: every specification of every committed study, and the fingerprints of a
few small ones. Harmless edits leave all of them standing; the others are caught, by study and condition.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from medda_lib import _paths
from medda_lib.datasets.entry import data_root

pytestmark = pytest.mark.slow

ASK = """
import json, sys
from medda_lib import _paths
from medda_lib.papers import standing
from medda_lib.papers.catalogue import study_module
from medda_lib.studies.fingerprint import measure

said = []
for file in sorted(_paths.RESULTS.glob("*/*.csv")):
    profile, _, data = file.stem.partition("-")
    said += standing.standing(file.parent.name, profile, data)
for paper, data, wanted in json.loads(sys.argv[1]):
    specs = [s for s in study_module(paper).study("smoke", data).specs if wanted in s.label]
    assert specs, (paper, data, wanted)
    moved = standing.moved(paper, data, measure(specs, data))
    said += [text for texts in moved.values() for text in texts]
print(json.dumps(said))
"""
ADABN = ("aiva", "phantom", "AdaBN")
SMALL = (ADABN, ("fda", "matrix", "No DA"), ("multimix", "phantom", "MultiMix"))
"""(paper, data, part of the conditions' labels): a few seconds together."""

Questions = tuple[tuple[str, str, str], ...]


class Copy:
    """The library in a folder of its own, beside the committed results, to be edited."""

    def __init__(self, folder: Path) -> None:
        self.top = folder
        shutil.copytree(
            _paths.CHECKOUT / "medda_lib",
            folder / "medda_lib",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        (folder / "book").mkdir()
        (folder / "book" / "results").symlink_to(_paths.RESULTS)

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text that occurs exactly once."""
        path = self.top / "medda_lib" / file
        text = path.read_text("utf-8")
        assert text.count(old) == 1, f"{file} has {text.count(old)} of {old!r}"
        path.write_text(text.replace(old, new), "utf-8")

    def said(self, *questions: tuple[str, str, str], **environment: str) -> list[str]:
        """Why results do not stand, in a process that knows the copy only."""
        done = subprocess.run(
            [sys.executable, "-c", ASK, json.dumps(questions)],
            cwd=self.top,
            env={**os.environ, "PYTHONPATH": str(self.top), "OMP_NUM_THREADS": "1", **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        found: list[str] = json.loads(done.stdout)
        return found


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path / "copy")


# ---- harmless -----------------------------------------------------------------------------------


def add_an_unused_function(copy: Copy) -> None:
    with (copy.top / "medda_lib/studies/task.py").open("a") as file:
        file.write("\n\ndef unused(x: int) -> int:\n    return x + 1\n")


def reword_an_error(copy: Copy) -> None:
    copy.edit("studies/task.py", "scale them where they are loaded", "scale them when loading")


def add_an_option(copy: Copy) -> None:
    copy.edit(
        "methods/source_network/settings.py",
        '    normalise: Normalise = "none"\n',
        '    normalise: Normalise = "none"\n    momentum: float = 0.0\n',
    )


def rename_a_module(copy: Copy) -> None:
    library = copy.top / "medda_lib"
    (library / "methods/adabn.py").rename(library / "methods/batch_statistics.py")
    for path in library.rglob("*.py"):
        text = path.read_text("utf-8")
        path.write_text(re.sub(r"\bmethods\.adabn\b", "methods.batch_statistics", text), "utf-8")


@pytest.mark.parametrize(
    "edit", [add_an_unused_function, reword_an_error, add_an_option, rename_a_module]
)
def test_results_survive(copy: Copy, edit: Callable[[Copy], None]) -> None:
    edit(copy)
    assert copy.said(*SMALL) == []


# ---- caught -------------------------------------------------------------------------------------


def caught(said: list[str], study: str, condition: str) -> bool:
    """Whether a message names the study and the condition."""
    return any(text.startswith(study) and condition in text for text in said)


def test_a_loss_that_is_a_thousandth_larger_is_caught(copy: Copy) -> None:
    copy.edit(
        "methods/losses.py",
        "return (1 - (2 * overlap + 1) / (total + 1)).mean()",
        "return 1.001 * (1 - (2 * overlap + 1) / (total + 1)).mean()",
    )
    said = copy.said(("fda", "matrix", "sm3"), ("odex", "realism", "phantoms"))[:9]
    assert caught(said, "fda matrix, No DA|-|sm3 seed 0: step 1 loss segmentation", "")


def test_another_default_learning_rate_is_caught(copy: Copy) -> None:
    copy.edit(
        "methods/finetuning/settings.py",
        "learning_rate=1e-3",
        "learning_rate=2e-3",
    )
    said = copy.said()
    assert caught(said, "aiva demo phantom: the specification changed", "Seg-JDOT|sm15|sm3")
    assert not caught(said, "fda", "")


def test_another_demo_budget_is_caught(copy: Copy) -> None:
    copy.edit("papers/fda/study.py", "Recipe(1600, 5e-3", "Recipe(1599, 5e-3")
    said = copy.said()
    assert caught(said, "fda demo matrix: the specification changed", "No DA|-|sm15 seed 0")
    assert not caught(said, "aiva", "")


def test_another_order_of_an_augmentation_is_caught(copy: Copy) -> None:
    line = '    "equalize": lambda images, _: intensity.equalize(images),\n'
    copy.edit("methods/augment/strong.py", line, "")
    before = '    "autocontrast": lambda images, _: intensity.autocontrast(images),\n'
    copy.edit("methods/augment/strong.py", before, line + before)
    said = copy.said(("multimix", "phantom", "MultiMix"))
    assert caught(said, "multimix phantom, MultiMix|100|50 seed 0: ", "")


def test_another_tolerance_of_a_metric_is_caught(copy: Copy) -> None:
    copy.edit("metrics/surface.py", "PRINTED = 1.0", "PRINTED = 1.3")
    said = copy.said(("fda", "matrix", "sm3"))
    assert caught(said, "fda matrix, every condition: scans surface_dice: ", "")


@pytest.mark.real
def test_another_image_of_a_real_set_is_caught(copy: Copy, tmp_path: Path) -> None:
    root = data_root()
    if root is None:
        pytest.skip("MEDDA_DATA is not set")
    data = tmp_path / "data"
    data.mkdir()
    for folder in root.iterdir():
        if folder.name != "lung_xray_b":
            (data / folder.name).symlink_to(folder)
    shutil.copytree(root / "lung_xray_b", data / "lung_xray_b")
    image = sorted((data / "lung_xray_b" / "images").iterdir())[0]
    image.chmod(0o644)
    image.write_bytes(image.read_bytes() + b"\0")
    said = copy.said(MEDDA_DATA=str(data), MEDDA_RUNS=str(tmp_path / "runs"))
    assert caught(
        said, "multimix demo realism: lung_xray_b holds ", "U-Net|phantoms, lungs_and_heart"
    )
    assert not caught(said, "fda", "")
