"""The three heads on the first page: `python -m medda_lib.pages.front_heads` draws them anew.

One phantom head is outlined on the scanner that a network learned on, on another scanner, and there once
more after AdaBN. The pictures come from two runs of AIVA's study, trained again (a minute on one core);
the scores have to be those that the committed ledger keeps for these runs, or nothing is written. Only a
machine of the kind that made the ledger trains the same networks bit for bit, so pictures are drawn on
such a one. Beside them lies `front.json` with the scores and the keys of the runs: a test compares them
with the ledger's, so that the pictures cannot fall behind it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medda_lib import _paths
from medda_lib.figures.tile import tile

if TYPE_CHECKING:
    from medda_lib.phantoms.brain_mr import Heads

PICTURES = _paths.BOOK / "pictures"
FACTS = "front.json"
LEDGER = ("aiva", "demo", "phantom")
METRIC = "surface_dice"
SOURCE, TARGET, SEED, SCAN = "sm3", "ge15", 0, 0
PLAIN, ADAPTED, BOUND = "Source site model", "AdaBN", "Target site model"
VIEWS = {"home": (SOURCE, PLAIN), "away": (TARGET, PLAIN), "adapted": (TARGET, ADAPTED)}
"""Name of a picture -> scanner of the head and system that outlines it."""
MAKES = {"sm": "Siemens", "ge": "GE", "ph": "Philips"}
WHITE, SIDE = 0.62, 360
"""Signal that is drawn white, the same in all three, and pixels of a picture's side."""


class HeadsError(RuntimeError):
    """The pictures would not show what the ledger says."""


class View(NamedTuple):
    """A picture (side, side, 3) and the surface Dice of the scan that it is a slice of."""

    picture: NDArray[np.uint8]
    score: float


def scanner(site: str) -> str:
    """A phantom site in words: "sm15" is "Siemens 1.5 T"."""
    return f"{MAKES[site[:2]]} {'1.5' if site.endswith('15') else site[2:]} T"


def keys(folder: Path = _paths.RESULTS) -> dict[str, str]:
    """System -> key of its committed run on this pair of scanners and this repetition."""
    return {system: run["key"] for system, run in _runs(folder).items()}


def same_machine(folder: Path = _paths.RESULTS) -> bool:
    """Whether the committed runs were made where bits are equal: same instructions, same libraries."""
    from medda_lib.studies.closure import versions
    from medda_lib.studies.machine import instruction_set

    origins = [_ledger(folder)["origins"][run["origin"]] for run in _runs(folder).values()]
    return all(
        origin["hardware"].get("instructions") == instruction_set()
        and versions().items() <= origin["versions"].items()
        for origin in origins
    )


def _runs(folder: Path) -> dict[str, Any]:
    """System -> what the ledger says of its run."""
    pair = {"source": SOURCE, "target": TARGET}
    return {
        run["condition"]["system"]: run
        for run in _ledger(folder)["runs"]
        if run["seed"] == SEED
        and pair.items() <= run["condition"].items()
        and run["condition"]["system"] in (PLAIN, ADAPTED)
    }


def _ledger(folder: Path) -> dict[str, Any]:
    paper, profile, data = LEDGER
    found: dict[str, Any] = json.loads(
        (folder / paper / f"{profile}-{data}.json").read_text("utf-8")
    )
    return found


def load(folder: Path = PICTURES) -> dict[str, Any]:
    """Scores and run keys; FileNotFoundError names the file and the command."""
    file = folder / FACTS
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing: python -m medda_lib.pages.front_heads")
    facts: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return facts


def views(profile: str = LEDGER[1]) -> dict[str, View]:
    """Train the two systems as the study does at a profile, and outline the head."""
    import medda_lib._torchvision  # noqa: F401 - before anything that imports torchvision
    from medda_lib.papers.aiva.study import study
    from medda_lib.papers.live import fitted

    plan = study(profile, LEDGER[2], SEED + 1)
    systems: dict[str, Any] = {}
    for system in (PLAIN, ADAPTED):
        wanted = {"system": system, "source": SOURCE, "target": TARGET}
        systems[system] = fitted(plan, wanted, SEED).predictor
    return {name: view(site, systems[system], profile) for name, (site, system) in VIEWS.items()}


def view(site: str, predictor: Any, profile: str = LEDGER[1]) -> View:
    """The head on a scanner: measured as the study does, drawn at twice the network's resolution."""
    from medda_lib.metrics.volumes import per_scan

    seen, fine = head(site, profile), head(site, profile, finer=2)
    guess, truth = predictor.segment(seen.volumes[0][:, None]), seen.brain[0][:, None]
    score = float(per_scan(guess, truth, len(truth), seen.spacing)[METRIC][0])
    at = int(fine.brain[0].flatten(1).sum(dim=1).argmax())
    image, mask, outline = fine.volumes[0, at], fine.brain[0, at], guess[at, 0]
    return View(tile(image.numpy(), mask.numpy(), outline.numpy(), SIDE, WHITE), score)


def head(site: str, profile: str = LEDGER[1], finer: int = 1) -> Heads:
    """The ledger's head on a scanner, on the grid of a profile; finer: times the pixels of a side."""
    from medda_lib.papers.aiva.study import BUDGETS
    from medda_lib.phantoms.brain_mr import SITES, render
    from medda_lib.tasks.phantom_seeds import first_seed

    grid = BUDGETS[profile].phantoms
    person = first_seed(TARGET, "test") + SCAN
    return render(SITES[site], [person], size=finer * grid.size, step=grid.step)


def committed(system: str, quantity: str = METRIC) -> NDArray[np.float64]:
    """What the ledger keeps of the head on the other scanner, one number per repetition.

    Scores are kept at half precision. Raises `HeadsError` where there is no ledger.
    """
    from medda_lib.papers.results import results

    measured = results(*LEDGER)
    if measured is None:
        raise HeadsError(f"no committed ledger {'/'.join(LEDGER)}: medda run {LEDGER[0]} --commit")
    path = f"cross-domain/{TARGET}/segmentation/{quantity}"
    return measured.images.get(f"{system}|{SOURCE}|{TARGET}|-", path)[:, SCAN]


def _compare(scores: dict[str, float]) -> None:
    """The scores have to be those of the ledger's runs, or the pictures show something else."""
    for name, (site, system) in VIEWS.items():
        if site != TARGET:
            continue  # the study tests no source network at home
        known = committed(system)[SEED]
        if abs(known - scores[name]) > 1e-3:
            why = "" if same_machine() else "; it was made on another kind of machine, draw there"
            raise HeadsError(
                f"{system}: surface Dice {scores[name]:.4f}, but the ledger has {known:.4f}{why}"
            )


def make(folder: Path = PICTURES) -> Path:
    """Write the pictures and the facts; the path of the facts.

    Raises `HeadsError`, and writes nothing, where a score is not the ledger's.
    """
    found = views()
    scores = {name: round(view.score, 4) for name, view in found.items()}
    _compare(scores)
    for name, view in found.items():
        Image.fromarray(view.picture).save(folder / f"front-{name}.webp", quality=82, method=6)
    facts = {"scores": scores, "home": SOURCE, "away": TARGET, "runs": keys()}
    file = folder / FACTS
    file.write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", "utf-8")
    return file


if __name__ == "__main__":
    print(make())
