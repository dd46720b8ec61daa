"""The scoreboard page with results and without: it runs, and shows what is there and no more."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from medda_lib import _paths, notebooks
from medda_lib.papers.catalogue import papers

SOURCE = _paths.BOOK / "scoreboard.py"
pytestmark = pytest.mark.slow


def html(results: Path, folder: Path) -> str:
    """All HTML of the page, executed on a folder of results."""
    parameters = {"profile": "smoke", "data": "phantom", "seed": 0, "device": "cpu"}
    notebook = notebooks._execute(
        SOURCE, folder / "page.ipynb", parameters | {"results": str(results)}
    )
    assert len(json.dumps(notebook)) < notebooks.LIMIT / 2
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    return "".join("".join(output.get("data", {}).get("text/html", "")) for output in outputs)


def write(folder: Path) -> None:
    """A ledger in which the bridge (UMTL-S against UMTL) lowers Dice in each of three repetitions."""
    rows: list[dict[str, object]] = []
    runs: list[dict[str, object]] = []
    for system, values in {"UMTL-S": (0.5, 0.6, 0.7), "UMTL": (0.7, 0.9, 0.8)}.items():
        place = {"system": system, "labels": "100", "masks": "10"}
        for seed, value in enumerate(values):
            where = {"evaluation": "in-domain", "domain": "jsrt", "problem": "segmentation"}
            head: dict[str, object] = {"paper": "multimix", "profile": "demo", "data": "phantom"}
            rows.append(head | place | {"seed": seed} | where | {"metric": "dice", "value": value})
            runs.append(
                {"condition": place, "seed": seed, "seconds": 1.0, "key": f"{system}{seed}"}
            )
    origin: dict[str, object] = {
        "hardware": {"cpu": "a processor", "cores": 2, "gpu": None},
        "device": "cpu",
    }
    origin |= {"commit": "0123456789", "seconds": 7200.0, "last": "2026-01-02 03:04:05 UTC"}
    folder.mkdir()
    pd.DataFrame(rows).to_csv(folder / "demo-phantom.csv", index=False)
    (folder / "demo-phantom.json").write_text(json.dumps(origin | {"runs": runs}), "utf-8")


def test_without_results_every_system_is_listed_and_nothing_is_claimed(tmp_path: Path) -> None:
    page = html(tmp_path / "none", tmp_path)
    total = sum(len(paper.systems) for paper in papers())
    assert page.count("● done</td>") + page.count("○ not yet</td>") == total
    assert page.count("<summary>") >= len(papers())
    assert "No results are committed yet." in page
    assert "○ not tested</td>" in page
    assert not any(sign in page for sign in ("▲ supported", "▼ contradicted", "● reproduced"))


def test_with_results_it_shows_verdict_effect_and_origin(tmp_path: Path) -> None:
    write(tmp_path / "multimix")
    page = html(tmp_path, tmp_path)
    assert page.count(">phantom (demo)</td>") == 2
    assert page.count("▼ contradicted</td>") == 2, "C1a on phantoms, in both tables of claims"
    assert "-0.200 [-0.300, -0.100]" in page
    assert "a processor, 2 cores</td>" in page
    assert "No results are committed yet." not in page
