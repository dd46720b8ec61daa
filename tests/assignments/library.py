"""The book's library is open: none of its functions may solve a graded exercise.

For each exercise a case names the functions of `medda_lib` that come nearest to it, each as the lines
that a student would write to use it. They come after the master's solution and replace one of its
functions, so that everything else in the answer is right. The checks must still fail, and at an
assertion, not because the lines do not run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest

from tests.assignments.shared import Case

Borrowed = Mapping[str, Mapping[str, str]]  # exercise -> function of the library -> lines


class LibraryTests:
    """No answer borrowed from the library passes; a subclass names the case and the answers."""

    case: ClassVar[Case]
    borrowed: ClassVar[Borrowed]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each borrowed function."""
        if "function" in metafunc.fixturenames:
            every = [(e, function) for e, answers in self.borrowed.items() for function in answers]
            metafunc.parametrize(("exercise", "function"), every)

    def test_library_does_not_solve_the_exercise(self, exercise: str, function: str) -> None:
        lines = self.borrowed[exercise][function]
        assert function in lines
        assert "medda_lib" in lines
        answer = f"{self.case.master.solutions[exercise]}\n\n{lines}"
        with pytest.raises(AssertionError):
            self.case.master.run_checks(exercise, answer)

    def test_every_exercise_was_looked_up_in_the_library(self) -> None:
        assert list(self.borrowed) == self.case.master.exercises
        assert all(self.borrowed.values())
