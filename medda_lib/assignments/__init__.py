"""Assignments: release a student notebook, run its self-checks, autograde submissions."""

from medda_lib.assignments.cells import AssignmentError
from medda_lib.assignments.course import available, release
from medda_lib.assignments.grading import Grades, Points, grade
from medda_lib.assignments.selfcheck import Validation, validate

__all__ = [
    "AssignmentError",
    "Grades",
    "Points",
    "Validation",
    "available",
    "grade",
    "release",
    "validate",
]
