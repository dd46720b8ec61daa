"""First seeds: committed results rest on them, so they may never change."""

from __future__ import annotations

import hashlib

import pytest

from medda_lib.tasks.phantom_seeds import first_seed


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("sm3", "train"), b"sm3/train"),
        (("sm3>ge15@0.25", "test"), b"sm3>ge15/test"),
        (("prostate", "A>B@1", "test"), b"prostate/A>B/test"),
        (("hippocampus", "harp"), b"hippocampus/harp"),
    ],
)
def test_forty_bits_of_the_names_and_room_for_a_million_people(
    names: tuple[str, ...], words: bytes
) -> None:
    seed = first_seed(*names)
    assert seed == int(hashlib.sha256(words).hexdigest()[:10], 16) * 2**20
    assert first_seed(*names[:-1], "other") != seed
