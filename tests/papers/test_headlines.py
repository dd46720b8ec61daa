"""What each chapter says first: its headline claims and the committed verdicts, unwelcome ones too."""

from __future__ import annotations

import pytest

from medda_lib import _paths
from medda_lib.papers import inventory
from medda_lib.papers.catalogue import paper
from medda_lib.papers.tables import headlines

FINISHED = ["fda", "aiva", "multimix", "odex"]


@pytest.mark.parametrize("key", FINISHED)
def test_every_tested_headline_verdict_is_shown(key: str) -> None:
    known = inventory.claims_of(paper(key))
    wanted = known[known["headline"] & (known["verdict"] != "not tested")]
    table = headlines(key)
    if wanted.empty:  # nothing is tested yet: each headline says so
        wanted = known[known["headline"]]
    assert sorted(zip(table.frame["id"], table.frame["verdict"], strict=True)) == sorted(
        zip(wanted["claim"], wanted["verdict"], strict=True)
    )
    for word, count in wanted["verdict"].value_counts().items():
        assert table.html.count(f" {word}</td>") == count


@pytest.mark.parametrize("key", FINISHED)
def test_a_chapter_begins_with_what_was_found(key: str) -> None:
    text = (_paths.BOOK / "chapters" / f"{key}.py").read_text("utf-8")
    assert text.index("## In one minute") < text.index("headlines(plan.PAPER)")
    assert text.count("\n# ## ", 0, text.index("headlines(plan.PAPER)")) == 1
