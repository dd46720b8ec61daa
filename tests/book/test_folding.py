"""Which code cells of a page are folded in the book."""

from __future__ import annotations

import pytest

from medda_lib.pages.folding import FOLD, folded, only_draws


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("show_figure(draw(x), 'a', 'b')", True),
        ("figure, alt = draw(x)\ncaption = 'a'\nshow_figure(figure, caption, alt)", True),
        ("from here import draw\n\nshow_figure(draw(x), 'a', 'b')", True),
        ("for k in 'ab':\n    figure, alt = draw(k)\n    show_figure(figure, k, alt)", True),
        ("beta = 0.03\nshow_figure(draw(beta), 'a', 'b')", False),  # a value that readers want
        ("box.title = 'a'\nshow_figure(box, 'a', 'b')", False),  # changes something else
        ("show_figure(draw(x), 'a', 'b')\ntrain(x)", False),
        ("for k in 'ab':\n    train(k)\n    show_figure(draw(k), k, 'b')", False),
        ("def f():\n    return 1\n\nshow_figure(f(), 'a', 'b')", False),
        ("figure, alt = draw(x)", False),
        ("from here import draw", False),
        ("show(draw)", False),
        ("# nothing yet", False),
        ("%matplotlib inline\nshow_figure(draw(x), 'a', 'b')", False),
    ],
)
def test_code_that_only_draws_a_figure(code: str, wanted: bool) -> None:
    assert only_draws(code) is wanted


def test_a_tag_is_added_once_and_an_open_cell_stays_open() -> None:
    def cell(kind: str, *tags: str) -> dict[str, object]:
        metadata = {"tags": list(tags)} if tags else {}
        return {"cell_type": kind, "metadata": metadata, "source": ["show_figure(", "a)"]}

    cells = [cell("code"), cell("code", FOLD), cell("code", "show-input"), cell("markdown")]
    found = [one["metadata"].get("tags", []) for one in folded({"cells": cells})["cells"]]
    assert found == [[FOLD], [FOLD], ["show-input"], []]
