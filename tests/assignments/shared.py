"""The tests that every assignment must pass; a subclass names the case, and adds what is its own.

Points must go to right answers only. Wrong answers come from rules (`mutants`): every mutant of a
solution must fail, or stand in the case's table of those that change nothing, with the reason. The
famous mistakes are written by hand: the solution with a few words exchanged. All of them are tried in
this process; the first two of each exercise are also graded, spread over four notebooks of which each
has wrong answers in one half of the exercises and right ones in the other.

The book's library is open, and none of its functions may solve a graded exercise. For each exercise a
case names those that come nearest to it, as the lines that a student would write to use them. They come
after the master's solution and replace one of its functions. The checks must fail at an assertion, not
because the lines do not run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest

from medda_lib import _paths, assignments
from medda_lib.assignments import cells
from tests.assignments.master import Master, Swap, notebook, run
from tests.assignments.mutants import mutants

Wrong = Mapping[str, Mapping[str, Swap]]
RIGHT = "no mistake"  # in place of the name of a mistake: the master's solution
BLANK = "not answered yet"
HALVES = {"odd": slice(0, None, 2), "even": slice(1, None, 2)}


@dataclass(frozen=True, repr=False)
class Case:
    """One assignment and what its master does not say itself."""

    master: Master
    wrong: Wrong  # exercise -> what went wrong -> words of the solution, others in their place
    equivalent: Mapping[str, Mapping[str, str]]  # exercise -> mutant that passes -> why it may
    borrowed: Mapping[str, Mapping[str, str]]  # exercise -> function of the library -> lines
    said: Mapping[str, tuple[str, str]]  # exercise -> mistake or RIGHT, words of the self-check
    in_words: Mapping[str, str] = field(default_factory=dict)  # graded by hand -> some answer
    fewest_secrets: int = 60  # long lines of solutions and hidden tests: so many are looked for

    def __repr__(self) -> str:
        return (
            f"Case({self.paper!r})"  # a failed assertion shows it: the tables would hide the rest
        )

    @property
    def paper(self) -> str:
        """The paper's key."""
        return self.master.paper

    @property
    def complete(self) -> dict[str, str]:
        """A right answer to everything, those in words included."""
        return {**self.master.solutions, **self.in_words}

    def mutated(self, exercise: str, mistake: str) -> str:
        """The master's answer with the words of one mistake."""
        swaps = () if mistake == RIGHT else self.wrong[exercise][mistake]
        return self.master.mutated(exercise, swaps)


def stated(pattern: str, text: str) -> list[float]:
    """The points that the lines of a text state."""
    return [float(points) for points in re.findall(pattern, text, flags=re.MULTILINE)]


class AssignmentTests:
    """The master, its release and its self-checks."""

    case: ClassVar[Case]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each wrong answer, borrowed function, or exercise of the case."""
        wrong = self.case.wrong
        if "mistake" in metafunc.fixturenames:
            every = [(exercise, mistake) for exercise in wrong for mistake in wrong[exercise]]
            metafunc.parametrize(("exercise", "mistake"), every)
        elif "function" in metafunc.fixturenames:
            lent = self.case.borrowed
            every = [(exercise, function) for exercise in lent for function in lent[exercise]]
            metafunc.parametrize(("exercise", "function"), every)
        elif "exercise" in metafunc.fixturenames:
            metafunc.parametrize("exercise", self.case.master.exercises)

    # --- the master ------------------------------------------------------------------------------

    def test_solution_passes_alone(self, exercise: str) -> None:
        self.case.master.run_checks(exercise, self.case.master.solutions[exercise])

    def test_wrong_answer_fails(self, exercise: str, mistake: str) -> None:
        answer = self.case.mutated(exercise, mistake)
        with pytest.raises((AssertionError, RuntimeError)):
            self.case.master.run_checks(exercise, answer)

    def test_every_exercise_has_wrong_answers(self) -> None:
        assert list(self.case.wrong) == self.case.master.exercises
        assert min(map(len, self.case.wrong.values())) >= 2  # both of them are graded

    def test_every_mutant_fails(self, exercise: str) -> None:
        """One that passes is a gap in the checks, or changes nothing: then the case says why."""
        master, known = self.case.master, self.case.equivalent.get(exercise, {})
        found = mutants(master.solutions[exercise])
        assert len(found) > 40
        passed = [name for name, answer in found.items() if not master.fails(exercise, answer)]
        assert sorted(passed) == sorted(known)
        assert all(known.values())

    def test_library_does_not_solve_the_exercise(self, exercise: str, function: str) -> None:
        lines = self.case.borrowed[exercise][function]
        assert function in lines
        assert "medda_lib" in lines
        answer = f"{self.case.master.solutions[exercise]}\n\n{lines}"
        with pytest.raises(AssertionError):
            self.case.master.run_checks(exercise, answer)

    def test_every_exercise_was_looked_up_in_the_library(self) -> None:
        assert list(self.case.borrowed) == self.case.master.exercises
        assert all(self.case.borrowed.values())

    def test_page_for_lecturers_names_mistakes_that_lose_points(self) -> None:
        page = (_paths.BOOK / "teaching" / f"{self.case.paper}.md").read_text()
        _, _, section = page.partition("## Common mistakes")
        named = re.findall(r"^\| ([^|]+) \|", section.partition("\n## ")[0], flags=re.MULTILINE)[1:]
        assert len(named) > 5
        assert set(named) <= {mistake for table in self.case.wrong.values() for mistake in table}

    def test_hidden_checks_overwrite_no_helper(self, released: Path, exercise: str) -> None:
        master = self.case.master
        before = (master.cells["setup"].source, master.solutions[exercise])
        visible = cells.named(cells.read(released))[f"{exercise}-checks"].source
        left = set(run(*before, master.cells[f"{exercise}-checks"].source))
        left -= set(run(*before, visible))
        assert left
        assert all(name.startswith("_hidden") for name in left)

    def test_hidden_checks_say_what_to_look_at_again(self, exercise: str) -> None:
        master = self.case.master
        _, _, hidden = master.cells[f"{exercise}-checks"].source.partition("### BEGIN HIDDEN TESTS")
        silent, _, spoken = hidden.partition("# topic: ")
        assert spoken
        functions = re.findall(r"^def (\w+)", master.solutions[exercise], flags=re.MULTILINE)
        assert not re.findall(rf"\b(?:assert|expect|{'|'.join(functions)})\b", silent)

    def test_headings_state_the_points(self) -> None:
        sheet = self.case.master.sheet
        found = stated(r"^## Exercise \d: .*\((?:text, )?(\d+) points\)$", self.case.master.text)
        assert found == [each.points for each in sheet.exercises]
        assert [each.name for each in sheet.exercises if each.by_hand] == list(self.case.in_words)

    def test_aims_are_those_of_the_sheet(self) -> None:
        sheet = self.case.master.sheet
        assert {aim for each in sheet.exercises for aim in each.aims} <= set(sheet.facts["aims"])
        assert all(shown for _, shown in sheet.aims().values())

    # --- the release -----------------------------------------------------------------------------

    def test_release_holds_no_solution_and_no_hidden_test(self, released: Path) -> None:
        assert not re.search(r"(BEGIN|END) (SOLUTION|HIDDEN)|hidden_tests", released.read_text())
        assert "medda" not in cells.read(released).metadata
        content, master = cells.read(released), self.case.master
        lines = {line.strip() for cell in content.cells for line in cell.source.splitlines()}
        secret = master.regions("SOLUTION") | master.regions("HIDDEN TESTS")
        assert len(secret) > self.case.fewest_secrets
        assert not secret & lines
        copy = cells.named(content)
        for exercise, solution in master.solutions.items():
            answer = copy[f"{exercise}-answer"].source
            assert answer.count("raise NotImplementedError()") == solution.count("### BEGIN")
        for name in self.case.in_words:
            assert copy[f"{name}-answer"].source == "YOUR ANSWER HERE"

    def test_release_is_locked_clean_and_the_same_every_time(
        self, released: Path, tmp_path: Path
    ) -> None:
        again = assignments.release(self.case.paper, tmp_path / "mine.ipynb")
        assert again.read_bytes() == released.read_bytes()
        for name, cell in cells.named(cells.read(released)).items():
            if cell.cell_type == "code":
                assert not cell.outputs
                assert cell.execution_count is None
            assert cell.metadata["nbgrader"]["locked"] == (not name.endswith("-answer"))
            assert cell.metadata.get("editable", True) == name.endswith("-answer")
            assert len(cell.metadata["nbgrader"]["checksum"]) == 32

    def test_release_keeps_names_and_visible_checks(self, released: Path) -> None:
        copy, master = cells.named(cells.read(released)), self.case.master
        assert list(copy) == list(master.cells)
        for exercise in master.exercises:
            visible = copy[f"{exercise}-checks"].source
            assert master.cells[f"{exercise}-checks"].source.startswith(visible.rstrip())
            assert len(re.findall(r"^ *(?:assert |expect\()", visible, flags=re.MULTILINE)) >= 4

    # --- self-checks -----------------------------------------------------------------------------

    def test_self_checks_accept_the_solution(self, released: Path, tmp_path: Path) -> None:
        cells.write(notebook(released, self.case.complete), tmp_path / "mine.ipynb")
        report = assignments.validate(tmp_path / "mine.ipynb")
        assert report.ok
        # an answer in words is nothing that a check could pass: it has no line
        assert list(report.complaints) == self.case.master.exercises
        assert report.text().splitlines() == [
            *(f"exercise {n} ({e}): passed" for n, e in enumerate(self.case.master.exercises, 1)),
            "mine.ipynb: all self-checks pass",
        ]

    def test_self_checks_say_what_is_wrong(self, released: Path, tmp_path: Path) -> None:
        said = self.case.said
        answers = {e: self.case.mutated(e, mistake) for e, (mistake, _) in said.items()}
        cells.write(notebook(released, answers), tmp_path / "mine.ipynb")
        report = assignments.validate(tmp_path / "mine.ipynb")
        assert not report.ok
        expected = dict.fromkeys(self.case.complete, BLANK)
        assert report.complaints == expected | {e: words for e, (_, words) in said.items()}


class GradingTests:
    """What grading gives for submissions in each of the places where they may lie."""

    case: ClassVar[Case]

    @classmethod
    def submit(cls, released: Path, folder: Path) -> None:
        """Write what students hand in, in each of the places where it may lie."""
        case, name = cls.case, f"{cls.case.paper}.ipynb"
        cells.write(notebook(released, case.complete), folder / "solution.ipynb")
        cells.write(notebook(released, {}), folder / "blank" / case.paper / name)
        for half, part in HALVES.items():
            for which in (0, 1):
                wrong = {
                    e: case.mutated(e, list(case.wrong[e])[which])
                    for e in case.master.exercises[part]
                }
                copy = notebook(released, case.master.solutions | wrong)
                cells.write(copy, folder / f"{half}-{which}" / name)

    def lost(self, row: Mapping[str, str]) -> list[str]:
        """Exercises without points; every other one must have all of its points."""
        possible = self.case.master.points
        points = {exercise: float(row[exercise]) for exercise in possible}
        assert float(row["total"]) == sum(points.values())
        assert float(row["possible"]) == sum(possible.values())
        assert all(points[e] in {0.0, possible[e]} for e in points)
        return [e for e in points if points[e] == 0]

    def test_solution_gets_full_marks(self, graded: dict[str, dict[str, str]]) -> None:
        assert self.lost(graded["solution"]) == []
        assert graded["solution"]["remark"] == ""

    def test_blank_gets_none(self, graded: dict[str, dict[str, str]]) -> None:
        assert self.lost(graded["blank"]) == self.case.master.exercises

    @pytest.mark.parametrize("which", [0, 1])
    @pytest.mark.parametrize("half", list(HALVES))
    def test_wrong_answers_lose_exactly_their_points(
        self, graded: dict[str, dict[str, str]], half: str, which: int
    ) -> None:
        assert self.lost(graded[f"{half}-{which}"]) == self.case.master.exercises[HALVES[half]]
