"""`expect`, with which all sheets compare, is the same in each, and says what was expected and found."""

from __future__ import annotations

import ast
import re

import numpy as np
import pytest
import torch

from medda_lib import assignments
from tests.assignments.master import Master, run

MASTERS = [Master(paper) for paper in assignments.available()]
SETUP = MASTERS[0].cells["setup"].source


def test_all_sheets_compare_in_the_same_way() -> None:
    found = {
        ast.unparse(node)
        for master in MASTERS
        for node in ast.parse(master.cells["setup"].source).body
        if isinstance(node, ast.FunctionDef)
    }
    assert len(found) == 1


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([1.0, 2.0])),
        (torch.tensor(0.5), 0.5),
        (np.array([1, np.nan]), [1.0, np.nan]),
        ([[1, 0]], [[1.00001, 0.0]]),
    ],
)
def test_equal_results_are_accepted(found: object, wanted: object) -> None:
    run(SETUP)["expect"](found, wanted, "a hint")


@pytest.mark.parametrize(
    ("found", "wanted", "said"),
    [
        ([1.0], torch.tensor([1.0]), "expected Tensor, got list: a hint"),
        (torch.ones(1), np.ones(1), "expected ndarray, got Tensor: a hint"),
        (torch.ones(2, 1), torch.ones(2), "expected shape (2,), got (2, 1): a hint"),
        (torch.tensor(float("nan")), 0.0, "expected 0.0, got nan: a hint"),
        ([0.33333, 1], [0.25, 1], "expected [0.25, 1.0], got [0.3333, 1.0]: a hint"),
    ],
)
def test_other_results_are_shown(found: object, wanted: object, said: str) -> None:
    with pytest.raises(AssertionError, match=f"^{re.escape(said)}$"):
        run(SETUP)["expect"](found, wanted, "a hint")
