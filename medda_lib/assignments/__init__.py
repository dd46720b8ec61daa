"""Assignments: release a student notebook, run its self-checks, autograde submissions.

Names are imported when they are used: the processes that grade (`nursery`) need none of nbgrader.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medda_lib.assignments.cells import AssignmentError
    from medda_lib.assignments.course import available, release
    from medda_lib.assignments.grading import Grades, Points, grade
    from medda_lib.assignments.limits import Limits
    from medda_lib.assignments.protection import protections
    from medda_lib.assignments.sandbox import SandboxError
    from medda_lib.assignments.selfcheck import Validation, validate

__all__ = [
    "AssignmentError",
    "Grades",
    "Limits",
    "Points",
    "SandboxError",
    "Validation",
    "available",
    "grade",
    "protections",
    "release",
    "validate",
]
_MODULES = {
    "AssignmentError": "cells",
    "Grades": "grading",
    "Limits": "limits",
    "Points": "grading",
    "SandboxError": "sandbox",
    "Validation": "selfcheck",
    "available": "course",
    "grade": "grading",
    "protections": "protection",
    "release": "course",
    "validate": "selfcheck",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
