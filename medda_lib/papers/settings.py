"""What each system of a paper may see: the setting of its method, found through the paper's study.

So the scoreboard says what the code allows, and nothing can be typed beside it. A system that is not
implemented has no method yet; its setting stands in `paper.toml` until then.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from medda_lib.papers.catalogue import CatalogueError, paper, study_module
from medda_lib.papers.standing import system_of

PROFILE = "smoke"
"""Any profile would do: a setting belongs to the method's class."""


@cache
def settings_of(key: str) -> Mapping[str, str]:
    """System -> name of its setting, for every system of a paper, in the paper's order.

    Raises CatalogueError for a system that is done and stands in no run of the study.
    """
    known = paper(key).systems
    done = any(system.status == "done" for system in known)
    measured = _of_methods(key) if done else {}
    found = {}
    for system in known:
        if system.status == "done" and system.name not in measured:
            raise CatalogueError(f"{key}: {system.name!r} is done, but no run of the study has it")
        found[system.name] = measured[system.name] if system.status == "done" else system.setting
    return found


def _of_methods(key: str) -> dict[str, str]:
    """System -> the setting of the method that its runs fit. CatalogueError where two disagree."""
    module = study_module(key)
    found: dict[str, str] = {}
    for spec in (spec for data in module.DATA for spec in module.study(PROFILE, data, 1).specs):
        name, setting = system_of(spec), spec.method.setting.name
        if found.setdefault(name, setting) != setting:
            raise CatalogueError(
                f"{key}: runs of {name!r} have two settings: {found[name]}, {setting}"
            )
    return found
