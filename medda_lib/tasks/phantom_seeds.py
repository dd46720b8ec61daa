"""Which phantoms play which data: the seeds of a site's part.

A phantom site plays the part of a hospital, so its scans are numbered like a hospital's, and the number
is added to a first seed that the names of the site and of its part decide.
"""

from __future__ import annotations

import hashlib


def first_seed(*names: str) -> int:
    """The seed of number 0: far from that of any other names, so that no two share a person.

    names: of the world, the site and the part, as far as they tell the data apart. Along a dial
    ("A>B@0.25") they are the same people: what follows the "@" does not count.
    """
    words = "/".join(name.partition("@")[0] for name in names)
    digest = hashlib.sha256(words.encode()).digest()
    return int.from_bytes(digest[:5], "big") << 20
