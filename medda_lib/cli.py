"""The `medda` command: run studies, freeze chapters, look at data, handle assignments.

Every command is a thin layer over a library function that can be called from a notebook as well.
Exit codes: 0 done; 1 the work was done and found something wrong (a run failed, data incomplete, a
check not passed); 2 the command was wrong (unknown paper, bad option) and nothing was done.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from medda_lib import _paths
from medda_lib.commands.course import assignment_app, course_app
from medda_lib.commands.data import data_app
from medda_lib.commands.forecast import show_forecast
from medda_lib.commands.new import new_app
from medda_lib.commands.terminal import fail, note, say

if TYPE_CHECKING:
    from medda_lib.papers.catalogue import StudyModule
    from medda_lib.studies.committed import Committed
    from medda_lib.studies.fingerprint import Fingerprint

app = typer.Typer(
    help="Domain adaptation and learning from few labels in medical imaging: the book's command.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(data_app, name="data")
app.add_typer(course_app, name="course")
app.add_typer(assignment_app, name="assignment")
app.add_typer(new_app, name="new")

Paper = Annotated[str, typer.Argument(help="Key of a paper, as `medda list` shows it.")]
Profile = Annotated[str, typer.Option(help="How much work: smoke, demo or paper.")]
Data = Annotated[
    str, typer.Option(help="What it runs on (see `medda list`); default: the paper's first kind.")
]
Device = Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")]


@app.command("list")
def list_papers(
    systems: Annotated[bool, typer.Option(help="One line per system, too.")] = False,
) -> None:
    """The seventeen papers, their settings, what their studies run on and how far each is."""
    from medda_lib.papers.catalogue import papers
    from medda_lib.papers.settings import settings_of

    table = Table("paper", "title", "setting", "data", "systems", "status", show_edge=False)
    for paper in papers():
        setting = ", ".join(paper.settings)
        data = ", ".join(one.name for one in paper.data) or "-"
        many = str(len(paper.systems))
        table.add_row(paper.key, paper.short, setting, data, many, paper.status)
        if systems:
            found = settings_of(paper.key)
            for one in paper.systems:
                table.add_row("", f"  {one.name}", found[one.name], "", one.role, one.status)
    say(table)


@app.command()
def run(
    paper: Paper,
    profile: Profile = "demo",
    data: Data = "",
    seeds: Annotated[int, typer.Option(min=0, help="Repetitions; 0 is the profile's own.")] = 0,
    device: Device = "cpu",
    executor: Annotated[
        str, typer.Option(help="in-process, processes, parsl, or a Parsl configuration file.")
    ] = "in-process",
    workers: Annotated[int, typer.Option(min=1, help="Workers of a pool.")] = 2,
    store: Annotated[Path | None, typer.Option(help="Run store; default: `runs/`.")] = None,
    commit: Annotated[
        bool, typer.Option(help="Write the summary to book/results/, also of half a study.")
    ] = False,
    most: Annotated[
        int, typer.Option(min=0, help="Do at most that many runs; the others wait.")
    ] = sys.maxsize,
    again: Annotated[bool, typer.Option(help="Do committed runs again, too.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would take, and run nothing.")
    ] = False,
) -> None:
    """Run a paper's study. Interrupt it when you like: the same command goes on where it was.

    Runs that are committed in book/results/ count as finished as long as the code does what it did.
    """
    from medda_lib.datasets.card import DatasetError
    from medda_lib.papers import standing
    from medda_lib.studies.executors import executor as make_executor
    from medda_lib.studies.run import StudyError
    from medda_lib.studies.store import CorruptRunError

    module = _study_module(paper)
    data = data or _first_kind(paper)
    try:
        study = module.study(profile, data, seeds or None)
        if dry_run:
            show_forecast(study, store or _paths.run_store(), again)
            return
        _check_device(device)
        with make_executor(executor, workers=workers) as pool:
            now, committed = _committed(paper, profile, data, again, commit)
            frame = study.run(
                store or _paths.run_store(),
                executor=pool,
                device=device,
                committed=committed,
                most=most,
            )
    except (ValueError, DatasetError) as error:
        fail(str(error))
    except (StudyError, CorruptRunError) as error:
        fail(str(error), code=1)
    runs = len(frame[["seed", *(c for c, _ in study.specs[0].condition)]].drop_duplicates())
    say(f"{runs} of {len(study.specs)} runs, {len(frame)} measured values")
    if commit and now is not None and runs:
        say(f"wrote {standing.keep(study, frame, committed, now)}")


@app.command()
def fingerprint(
    paper: Paper,
    data: Annotated[str, typer.Option(help="A kind of data, or all that are here.")] = "all",
    accept: Annotated[
        bool, typer.Option(help="Commit today's fingerprint: the results stand although it moved.")
    ] = False,
) -> None:
    """Whether the present code still does what it did when the results were committed."""
    from medda_lib.datasets.card import DatasetError
    from medda_lib.papers import standing
    from medda_lib.studies.fingerprint import save

    known = _study_module(paper).DATA
    if data not in {"all", *known}:
        fail(f"unknown data {data!r} for {paper}; there are: all, {', '.join(known)}")
    found: list[str] = []
    for kind in known if data == "all" else [data]:
        try:
            now = standing.take(paper, kind, progress=True)
        except DatasetError as error:
            if data != "all":
                fail(str(error))
            say(f"{paper} {kind}: skipped, {error}")
            continue
        texts = [text for texts in standing.moved(paper, kind, now).values() for text in texts]
        found += texts
        say("\n".join(texts or [f"{paper} {kind}: as committed"]))
        if accept:
            kept = standing.steadied(paper, kind, now)
            say(f"wrote {save(kept, standing.fingerprint_file(paper, kind))}")
    if found and not accept:
        fail("the code behaves differently: mend it, or run these studies again", code=1)


@app.command()
def freeze(
    paper: Paper,
    profile: Profile = "demo",
    data: Annotated[
        str, typer.Option(help="The page's own parameter: phantom or real.")
    ] = "phantom",
    device: Device = "cpu",
) -> None:
    """Make and execute the notebook of a chapter, as the book renders it."""
    from medda_lib.notebooks import NotebookError
    from medda_lib.notebooks import freeze as freeze_notebook
    from medda_lib.studies.profile import profile as check_profile

    source = _source(paper)
    try:
        check_profile(profile)
        _check_device(device)
    except ValueError as error:
        fail(str(error))
    say(f"executing {source.relative_to(_paths.CHECKOUT)} at {profile} ...")
    try:
        say(f"wrote {freeze_notebook(source, profile=profile, data=data, device=device)}")
    except NotebookError as error:
        fail(str(error), code=1)


@app.command()
def book() -> None:
    """Build the book from its frozen notebooks (`make book` does the same)."""
    code = subprocess.run(["make", "book"], cwd=_paths.CHECKOUT, check=False).returncode
    if code:
        fail("the book was not built; the lines above say why", code=1)


@app.command()
def claims(paper: Paper, profile: Profile = "demo", data: Data = "") -> None:
    """The verdict on every claim of a paper, from the committed results."""
    from medda_lib.papers.judging import judged
    from medda_lib.studies.ledger import read

    module = _study_module(paper)
    data = data or _first_kind(paper)
    try:
        module.study(profile, data, 1)
        frame = read(_paths.RESULTS / paper, profile, data)
    except ValueError as error:
        fail(str(error))
    except FileNotFoundError:
        fail(
            f"no committed results for {paper} at {profile} on {data}; make them with "
            f"`medda run {paper} --profile {profile} --data {data} --commit`",
            code=1,
        )
    table = Table("claim", "text", "paper", "ours", "95% interval", "verdict", show_edge=False)
    for verdict in judged(paper, frame):
        table.add_row(verdict.claim.id, verdict.claim.text, *verdict.cells())
    say(table)


@app.command()
def doctor() -> None:
    """What this machine offers: Python, libraries, GPU, data, run store."""
    from medda_lib.commands.doctor import findings

    table = Table("what", "state", "remark", show_edge=False)
    wrong = False
    for finding in findings():
        table.add_row(finding.what, "ok" if finding.ok else "missing", finding.remark)
        wrong |= finding.needed and not finding.ok
    say(table)
    if wrong:
        fail("something that the book needs is missing; `make test` sets it up", code=1)


def main() -> None:
    """Entry point of the `medda` command."""
    app()


def _committed(
    paper: str, profile: str, data: str, again: bool, commit: bool
) -> tuple[Fingerprint | None, Committed | None]:
    """The fingerprint of the present code where it is needed, and the committed runs that count."""
    from medda_lib.papers import standing

    there = standing.finished(paper, profile, data, {}) is not None and not again
    if not (there or commit):
        return None, None
    now = standing.take(paper, data, progress=True)
    if not there:
        return now, None
    moved = standing.moved(paper, data, now)
    for text in (text for texts in moved.values() for text in texts):
        say(f"does not count as finished: {text}")
    return now, standing.finished(paper, profile, data, moved)


def _study_module(paper: str) -> StudyModule:
    from medda_lib.papers.catalogue import study_module

    try:
        return study_module(paper)
    except ValueError as error:
        fail(str(error))


def _first_kind(paper: str) -> str:
    """What a paper runs on where nobody chose: its first kind of data, which is said."""
    from medda_lib.papers import catalogue

    first, *others = (one.name for one in catalogue.paper(paper).data)
    note(f"{paper} on {first}" + f"; --data has also {', '.join(others)}" * bool(others))
    return first


def _source(paper: str) -> Path:
    folders = (_paths.BOOK / "chapters", _paths.BOOK / "foundations", _paths.BOOK)
    found = [f / f"{paper}.py" for f in folders if (f / f"{paper}.py").is_file()]
    if not found:
        known = sorted(p.stem for f in folders for p in f.glob("*.py"))
        fail(f"no notebook source for {paper!r}; there are: {', '.join(known)}")
    return found[0]


def _check_device(device: str) -> None:
    """Refuse a GPU that is not there before hours of work are queued for it."""
    import torch

    try:
        wanted = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"--device {device}: use cpu, cuda or cuda:N") from error
    if wanted.type != "cpu" and not torch.cuda.is_available():
        raise ValueError(f"--device {device}: no GPU is visible to torch here; use --device cpu")


if __name__ == "__main__":
    main()
