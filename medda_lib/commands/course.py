"""`medda course` and `medda assignment`: thin layers over `medda_lib.assignments`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from medda_lib.commands.terminal import fail, note, say

if TYPE_CHECKING:
    from medda_lib.assignments.folder import Course

course_app = typer.Typer(help="A course: assignments, deadlines, grading.", no_args_is_help=True)
assignment_app = typer.Typer(help="A single assignment, without a course.", no_args_is_help=True)

Folder = Annotated[Path, typer.Option("--course", "-c", help="The course's folder.")]
Names = Annotated[list[str] | None, typer.Argument(help="Assignments; all of the course for none.")]
Workers = Annotated[int, typer.Option(min=1, help="Submissions graded at the same time.")]
Unprotected = Annotated[
    bool,
    typer.Option("--unprotected", help="Grade though this host cannot protect you. See the guide."),
]


@course_app.command("init")
def course_init(
    folder: Path,
    papers: Annotated[
        str, typer.Option(help="Assignments, separated by commas; all for none.")
    ] = "",
    title: Annotated[str, typer.Option(help="Title of the course.")] = "",
) -> None:
    """Make a course folder: settings, masters, and places for all that comes."""
    from medda_lib.assignments import folder as courses

    chosen = [paper.strip() for paper in papers.split(",") if paper.strip()]
    with _plain_errors():
        course = courses.init(folder, chosen, title)
        say(
            f"made {folder} with {', '.join(course.assignments)}\n"
            f"set points and deadlines in {folder / courses.SETTINGS}, then:\n"
            f"  medda course release --course {folder}"
        )


@course_app.command("release")
def course_release(names: Names = None, course: Folder = Path()) -> None:
    """Write the students' notebooks to release/: no solution, no hidden check."""
    from medda_lib.assignments import release

    with _plain_errors():
        opened = _open(course)
        for name in opened.chosen(names or []):
            opened.master(name)
            note(f"{name}: taking out solutions and hidden checks ...")
            say(f"wrote {release(name, opened.root / 'release' / name, opened.source)}")


@course_app.command("validate")
@assignment_app.command("validate")
def validate(notebook: Path) -> None:
    """Run the visible self-checks of a notebook: what a student does before handing in."""
    from medda_lib import assignments

    with _plain_errors():
        note(f"running {notebook.name} in a fresh kernel ...")
        report = assignments.validate(notebook)
        say(report.text())
        if not report.ok:
            raise typer.Exit(1)


@course_app.command("collect")
def course_collect(
    export: Annotated[Path, typer.Argument(help="A folder or ZIP file of a learning platform.")],
    course: Folder = Path(),
    assignment: Annotated[str, typer.Option(help="Take notebooks of this one only.")] = "",
) -> None:
    """Sort what students handed in into submitted/<student>/<assignment>/."""
    from medda_lib.assignments import collecting

    with _plain_errors():
        result = collecting.collect(_open(course), export, assignment)
        say(str(result))
        if not (result.taken or result.unchanged):
            raise typer.Exit(1)


@course_app.command("grade")
def course_grade(
    names: Names = None,
    course: Folder = Path(),
    workers: Workers = 1,
    unprotected: Unprotected = False,
) -> None:
    """Grade what is new in submitted/ and write grades.csv. Interrupt it when you like."""
    from medda_lib.assignments import gradebook

    with _plain_errors():
        opened = _open(course)
        todo = gradebook.tasks(opened, names or [])
        if not todo:
            fail(f"{opened.root / 'submitted'} holds nothing: `medda course collect` fills it")
        done = []
        with _bar(len(todo)) as step:

            def progress(task: gradebook.Task, known: bool) -> None:
                done.append(known)
                step(f"{task.student}: {task.assignment}")

            table = gradebook.grade(
                opened, names or [], workers=workers, unprotected=unprotected, progress=progress
            )
        say(f"{len(done) - sum(done)} graded, {sum(done)} known from before\nwrote {table}")
        for mark in gradebook.marks(opened, names or []):
            if mark.result.remark:
                say(f"  {mark.student}, {mark.assignment}: {mark.result.remark}")


@course_app.command("feedback")
def course_feedback(names: Names = None, course: Folder = Path()) -> None:
    """Write a page for each graded submission to feedback/."""
    from medda_lib.assignments import feedback

    with _plain_errors():
        opened = _open(course)
        written = feedback.write(opened, names or [])
        if not written:
            fail(f"nothing in {opened.root} is graded yet: run `medda course grade` first")
        say(f"wrote {len(written)} pages to {opened.root / 'feedback'}")


@course_app.command("protections")
def course_protections() -> None:
    """What this machine can keep a submission from doing, found by trying."""
    from medda_lib.assignments import protections

    with _plain_errors():
        found = protections()
        for each in found:
            say(f"{'yes' if each.holds else 'NO '}  {each.what}" + _lost(each.holds, each.lost))
        if not all(each.holds for each in found):
            raise typer.Exit(1)


def _lost(holds: bool, lost: str) -> str:
    return "" if holds else f": {lost}"


@assignment_app.command("release")
def assignment_release(paper: str, out: Path = Path("release")) -> None:
    """Write the students' notebook: no solution, no hidden check."""
    from medda_lib import assignments

    with _plain_errors():
        note(f"{paper}: taking out solutions and hidden checks ...")
        say(f"wrote {assignments.release(paper, out)}")


@assignment_app.command("grade")
def assignment_grade(
    paper: str,
    submissions: Path,
    out: Path = Path("grades.csv"),
    workers: Workers = 1,
    unprotected: Unprotected = False,
) -> None:
    """Autograde a folder of submissions into a table of points per exercise."""
    from medda_lib import assignments

    with _plain_errors(), _bar(None) as step:
        grades = assignments.grade(
            paper,
            submissions,
            out,
            workers=workers,
            unprotected=unprotected,
            done=lambda points: step(points.student),
        )
        say(f"wrote {grades}")


def _open(folder: Path) -> Course:
    from medda_lib.assignments import folder as courses

    return courses.load(folder)


@contextmanager
def _bar(total: int | None) -> Iterator[Callable[[str], None]]:
    """A progress bar on standard error; the step is called with a text."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("starting", total=total)

        def step(text: str) -> None:
            bar.update(task, advance=1, description=text)

        yield step


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Errors of the user as one message: exit 2 for a wrong command, 1 for a host that cannot do it."""
    from medda_lib.assignments import SandboxError

    try:
        yield
    except SandboxError as error:
        fail(str(error), code=1)
    except (ValueError, FileNotFoundError) as error:
        fail(str(error))
