"""A course on the tiny master: settings, exports of platforms, lateness, marks, feedback pages."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import stat
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

from medda_lib.assignments import AssignmentError, collecting, feedback, folder, gradebook
from medda_lib.assignments.collecting import collect, student_of
from medda_lib.assignments.folder import Course, Late
from medda_lib.assignments.grading import FURTHER, Points
from tests.assignments import tiny

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.released(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def course(release: Path, tmp_path: Path) -> Course:
    made = folder.init(
        tmp_path / "course", ["tiny"], "Small things", release.parents[1] / "masters"
    )
    return set_deadline(made, "2026-03-01T12:00:00Z")


def set_deadline(course: Course, deadline: str) -> Course:
    path = course.root / "course.toml"
    lines = path.read_text().splitlines()
    new = f"deadline = {deadline}"
    path.write_text("\n".join(new if "deadline = " in line else line for line in lines))
    return folder.load(course.root)


@pytest.fixture
def content(release: Path, tmp_path: Path) -> Callable[..., bytes]:
    """A submission's bytes."""

    def make(**answers: str) -> bytes:
        return tiny.submit(release, tmp_path / "some.ipynb", tiny.RIGHT | answers).read_bytes()

    return make


def hand_in(course: Course, student: str, content: bytes, at: datetime = NOON) -> Path:
    place = course.root / "submitted" / student / "tiny"
    place.mkdir(parents=True, exist_ok=True)
    (place / "tiny.ipynb").write_bytes(content)
    (place / "timestamp.txt").write_text(at.strftime(collecting.STAMP))
    return place / "tiny.ipynb"


# --- the folder and its settings -----------------------------------------------------------------


def test_init_makes_a_whole_course(course: Course) -> None:
    assert course.title == "Small things"
    assert course.assignments == ("tiny",)
    assert course.points == {"tiny": {"one": 2, "two": 2}}
    assert course.deadlines["tiny"] == NOON
    for name in (
        "source/tiny/tiny.ipynb",
        "release",
        "submitted",
        "feedback",
        "nbgrader_config.py",
    ):
        assert (course.root / name).exists()
    assert tiny.SECRET in (course.root / "source/tiny/tiny.ipynb").read_text()
    with pytest.raises(AssignmentError, match="is not empty"):
        folder.init(course.root)


def test_course_uses_its_own_masters_and_points(course: Course) -> None:
    source = course.source / "tiny" / "tiny.ipynb"
    source.write_text(source.read_text().replace("two() == 2", "two() == 3"))
    settings = course.root / "course.toml"
    settings.write_text(settings.read_text().replace("two = 2", "two = 7.5"))
    master = folder.load(course.root).master("tiny")
    assert "two() == 3" in master.exercises["two"].hidden
    assert [each.points for each in master.exercises.values()] == [2, 7.5]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("one = 2", "three = 2", "tiny has no exercise three; it has: one, two"),
        ("one = 2", 'one = "many"', "one = 'many' is no number of points"),
        ("one = 2", "one = -1", "one = -1 is no number of points"),
        ("deadline = 2026-03-01T12:00:00Z", 'deadline = "soon"', "write the deadline as 2026-"),
        ("cell_seconds = 60", "cell_seconds = 0", "cell_seconds must be positive"),
        ("memory_mb = 2048", "memory_mb = 100", "torch needs 512"),
        ("percent_per_day", "percent", "unexpected keyword argument 'percent'"),
        ("[assignments.tiny]", "[assignments.tiny", "course.toml: "),
    ],
)
def test_wrong_setting_is_named(course: Course, old: str, new: str, words: str) -> None:
    path = course.root / "course.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(AssignmentError, match=r"course\.toml") as caught:
        folder.load(course.root).master("tiny")
    assert words in str(caught.value)


def test_unknown_names_are_refused(course: Course, tmp_path: Path) -> None:
    with pytest.raises(AssignmentError, match="has no assignment 'big'; it has: tiny"):
        course.chosen(["big"])
    with pytest.raises(AssignmentError, match=r"holds no course\.toml: make a course with"):
        folder.load(tmp_path)
    with pytest.raises(AssignmentError, match="no assignment for 'nosuch'"):
        folder.init(tmp_path / "other", ["nosuch"])
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("minutes", "days", "kept"),
    [(-60, 0, 1), (14, 0, 1), (16, 1, 0.9), (1440, 1, 0.9), (1441, 2, 0.8), (8 * 1440, 8, 0.0)],
)
def test_late_rule(minutes: int, days: int, kept: float) -> None:
    late = Late()
    assert late.days_late(NOON, NOON + timedelta(minutes=minutes)) == days
    assert late.kept(days) == pytest.approx(kept)
    assert late.days_late(None, NOON) == late.days_late(NOON, None) == 0


# --- collecting ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "student"),
    [
        ("Ann Ö. Other_1234_assignsubmission_file_/my work.ipynb", "Ann Ö. Other_1234"),
        ("Ann Other_1234_assignsubmission_file_/sub/work.ipynb", "Ann Other_1234"),
        ("export/Ann Other_1234_assignsubmission_file_tiny.ipynb", "Ann Other_1234"),
        ("otherann_LATE_1234_5678_tiny-2.ipynb", "otherann_1234"),
        ("otherann_1234_5678_tiny.ipynb", "otherann_1234"),
        ("ann.ipynb", "ann"),
        ("ann/tiny.ipynb", "ann"),
        ("ann/tiny/tiny.ipynb", "ann"),
        ("..hidden/tiny.ipynb", "hidden"),
        ("a\nb$(rm)/tiny.ipynb", "a_b_(rm)"),
    ],
)
def test_student_is_read_from_the_path(path: str, student: str) -> None:
    assert student_of(path) == student


def zipped(path: Path, entries: dict[str, bytes], at: datetime = NOON) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            local = at.astimezone()
            archive.writestr(zipfile.ZipInfo(name, local.timetuple()[:6]), data)
    return path


def test_zip_of_a_platform_is_sorted_in(
    course: Course, content: Callable[..., bytes], tmp_path: Path
) -> None:
    moodle, canvas = "Ann Other_12_assignsubmission_file_/work.ipynb", "bobo_LATE_3_4_tiny-1.ipynb"
    export = zipped(
        tmp_path / "export.zip",
        {
            moodle: content(),
            canvas: content(),
            "__MACOSX/ann/tiny.ipynb": b"rubbish",
            "readme.txt": b"hello",
            "cy_5_6_other.ipynb": b"{}",
        },
    )
    result = collect(course, export)
    assert result.taken == [("Ann Other_12", "tiny"), ("bobo_3", "tiny")]
    assert result.skipped == [
        "readme.txt: no notebook",
        "cy_5_6_other.ipynb: not a whole Jupyter notebook",
    ]
    assert list(course.submitted("tiny")) == ["Ann Other_12", "bobo_3"]
    stamp = course.root / "submitted" / "bobo_3" / "tiny" / "timestamp.txt"
    assert collecting.read_time(stamp) == NOON


def test_zip_does_not_leave_its_place(
    course: Course, content: Callable[..., bytes], tmp_path: Path
) -> None:
    notebook = content()
    export = zipped(
        tmp_path / "evil.zip",
        {
            "../../ann/tiny.ipynb": notebook,
            "/etc/ann/tiny.ipynb": notebook,
            "C:\\ann\\tiny.ipynb": notebook,
            "x/../../ann/tiny.ipynb": notebook,
            "big/tiny.ipynb": b" " * (21 << 20),
        },
    )
    with zipfile.ZipFile(export, "a") as archive:
        link = zipfile.ZipInfo("link/tiny.ipynb")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    before = sorted(tmp_path.rglob("*"))
    result = collect(course, export)
    assert result.taken == []
    assert sorted(tmp_path.rglob("*")) == before
    reasons = [line.rpartition(": ")[2] for line in result.skipped]
    assert reasons == ["a path that leads out of the archive"] * 4 + [
        "larger than 20 MB",
        "a link, no file",
    ]


def test_newer_submission_wins(
    course: Course, content: Callable[..., bytes], tmp_path: Path
) -> None:
    old, new = content(), content(two="def two():\n    return 5")
    later = NOON + timedelta(days=1)
    collect(course, zipped(tmp_path / "new.zip", {"ann/tiny.ipynb": new}, later))
    result = collect(course, zipped(tmp_path / "old.zip", {"ann/tiny.ipynb": old}))
    assert result.skipped == ["ann/tiny.ipynb: an older file than the one that is there"]
    assert course.submitted("tiny")["ann"].read_bytes() == new


def test_same_submission_again_keeps_its_time(
    course: Course, content: Callable[..., bytes], tmp_path: Path
) -> None:
    entries = {"ann/tiny.ipynb": content(), "bo/tiny.ipynb": content()}
    collect(course, zipped(tmp_path / "first.zip", entries))
    stamp = course.root / "submitted" / "ann" / "tiny" / "timestamp.txt"
    excused = NOON - timedelta(days=1)  # the lecturer's correction
    stamp.write_text(excused.strftime(collecting.STAMP))
    result = collect(course, zipped(tmp_path / "again.zip", entries))
    assert str(result) == "0 new, 2 unchanged"
    assert collecting.read_time(stamp) == excused


def test_empty_export_says_which_forms_are_known(course: Course, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    text = str(collect(course, tmp_path / "empty"))
    assert text.startswith("no notebook found; these forms")
    for line in collecting.FORMS.splitlines()[:2]:  # what is printed is understood
        form = line.split(maxsplit=1)[1]
        assert form in text
        assert student_of(form) in ("Ann Other_1234", "otherann_1234")


def test_folder_is_collected_without_links(
    course: Course, content: Callable[..., bytes], tmp_path: Path
) -> None:
    export = tmp_path / "export"
    for student in ("ann", "bo"):
        (export / student / ".ipynb_checkpoints").mkdir(parents=True)
    (export / "ann" / "tiny.ipynb").write_bytes(content())
    (export / "ann" / ".ipynb_checkpoints" / "tiny.ipynb").write_bytes(content())
    os.utime(export / "ann" / "tiny.ipynb", (0, NOON.timestamp()))
    (export / "bo" / "tiny.ipynb").symlink_to(export / "ann" / "tiny.ipynb")
    result = collect(course, export)
    assert str(result) == "1 new, 0 unchanged\n  left out bo/tiny.ipynb: a link, no file"
    stamp = course.root / "submitted" / "ann" / "tiny" / "timestamp.txt"
    assert collecting.read_time(stamp) == NOON


def test_wrong_exports_are_named(course: Course, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no export"):
        collect(course, tmp_path / "nothing.zip")
    (tmp_path / "text.zip").write_text("no archive")
    with pytest.raises(AssignmentError, match=r"text\.zip is no ZIP file"):
        collect(course, tmp_path / "text.zip")


# --- grading and feedback ------------------------------------------------------------------------


def table(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grading without processes: exercise `two` fails; the students that were graded."""
    seen: list[str] = []

    class Nothing:
        def __enter__(self) -> Nothing:
            return self

        def __exit__(self, *_: object) -> None: ...

    def graded(_: object, master: object, student: str, path: Path) -> Points:
        seen.append(student)
        if student == "stops":
            raise KeyboardInterrupt
        return Points(student, {"one": 2.0, "two": 0.0}, "", {"two": "<b>a positive number</b>"})

    monkeypatch.setattr(gradebook, "sandbox", lambda *_, **__: Nothing())
    monkeypatch.setattr(gradebook, "require", lambda _: None)
    monkeypatch.setattr(gradebook, "graded", graded)
    return seen


def test_marks_are_kept_and_lateness_is_worked_out_anew(
    course: Course, content: Callable[..., bytes], calls: list[str]
) -> None:
    hand_in(course, "ann", content())
    hand_in(course, "=bo", content(), NOON + timedelta(hours=25))
    rows = table(gradebook.grade(course))
    assert rows["ann"] == {
        "student": "ann",
        "assignment": "tiny",
        "one": "2.0",
        "two": "0.0",
        "total": "2.0",
        "possible": "4.0",
        "days_late": "0",
        "remark": "",
    }
    assert rows["'=bo"]["total"] == "1.6"  # a name that a spreadsheet would take for a formula
    assert rows["'=bo"]["remark"] == "2 day(s) late: 80% of the points count"
    later = set_deadline(course, "2026-03-03T12:00:00Z")
    assert table(gradebook.grade(later))["'=bo"]["total"] == "2.0"
    assert calls == ["=bo", "ann"]


def test_only_what_changed_is_graded_again(
    course: Course, content: Callable[..., bytes], calls: list[str]
) -> None:
    hand_in(course, "ann", content())
    hand_in(course, "bo", content())
    gradebook.grade(course)
    hand_in(course, "bo", content(two="def two():\n    return 4"))
    known: list[tuple[str, bool]] = []
    gradebook.grade(course, progress=lambda task, old: known.append((task.student, old)))
    assert known == [("ann", True), ("bo", False)]
    source = course.source / "tiny" / "tiny.ipynb"
    source.write_text(source.read_text().replace("two() == 2", "two() == 3"))
    gradebook.grade(course)
    assert calls == ["ann", "bo", "bo", "ann", "bo"]


def test_interrupted_grading_goes_on(
    course: Course, content: Callable[..., bytes], calls: list[str]
) -> None:
    for student in ("ann", "stops", "zoe"):
        hand_in(course, student, content())
    with pytest.raises(KeyboardInterrupt):
        gradebook.grade(course)
    assert sorted(path.parent.name for path in course.root.glob("marks/*/*.json")) == ["ann", "zoe"]
    stopped = course.root / "submitted" / "stops"
    stopped.rename(course.root / "submitted" / "went on")
    assert set(table(gradebook.grade(course))) == {"ann", "went on", "zoe"}
    assert calls == ["ann", "stops", "zoe", "went on"]


PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"pixels").decode()
HOSTILE = (
    {"output_type": "stream", "name": "stdout", "text": "<script>alert(1)</script> \x1b[31mred"},
    {
        "output_type": "display_data",
        "metadata": {},
        "data": {"text/html": "<script>two()</script>"},
    },
    {"output_type": "display_data", "metadata": {}, "data": {"image/svg+xml": "<svg onload=x()>"}},
    {"output_type": "display_data", "metadata": {}, "data": {"application/javascript": "three()"}},
    {"output_type": "display_data", "metadata": {}, "data": {"image/png": PIXEL}},
    {"output_type": "display_data", "metadata": {}, "data": {"image/png": '"><script>four()'}},
    {"output_type": "error", "ename": "<img src=x>", "evalue": "onerror", "traceback": []},
)
PROSE = """# Mine <script>five()</script>
[click](javascript:six()) ![x](https://example.org/spy.png) <img src=x onerror=seven()>
<style>body{display:none}</style> <iframe src="https://example.org"></iframe>
<meta http-equiv="refresh" content="0;url=https://example.org"> and **bold**"""


class Elements(HTMLParser):
    """The elements of a page, as a browser would see them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def test_feedback_page_is_harmless(
    course: Course, release: Path, tmp_path: Path, calls: list[str]
) -> None:
    answers = tiny.RIGHT | {"one": "x = '</pre><script>eight()</script>'"}
    path = tiny.submit(release, tmp_path / "hostile.ipynb", answers, outputs=HOSTILE)
    notebook = json.loads(path.read_text())
    notebook["cells"][0]["source"] = PROSE
    notebook["cells"][0]["attachments"] = {"x.svg": {"image/svg+xml": "<svg onload=nine()>"}}
    notebook["metadata"]["title"] = "<script>ten()</script>"
    hand_in(course, "<b>ann", json.dumps(notebook).encode())
    gradebook.grade(course)
    (page,) = feedback.write(course)
    text = page.read_text()
    assert page == course.root / "feedback" / "<b>ann" / "tiny" / "tiny.html"
    assert "default-src 'none'" in text
    elements = Elements()
    elements.feed(text)
    assert not elements.tags & {
        "script",
        "iframe",
        "svg",
        "object",
        "embed",
        "form",
        "link",
        "base",
    }
    assert not any(name.startswith("on") for name, _ in elements.attributes)
    assert not any("javascript:" in value for _, value in elements.attributes)
    assert all(value.startswith("data:") for name, value in elements.attributes if name == "src")
    assert ("http-equiv", "refresh") not in elements.attributes
    assert text.count("<style>") == 1
    assert PIXEL in text
    assert "<strong>bold</strong>" in text
    assert "first check that failed: &lt;b&gt;a positive number&lt;/b&gt;" in text
    assert "<b>ann" not in text
    assert "2 of 4 points" in text


def test_feedback_shows_no_hidden_check(
    course: Course, content: Callable[..., bytes], calls: list[str]
) -> None:
    hand_in(course, "ann", content())
    gradebook.grade(course)
    (page,) = feedback.write(course)
    assert tiny.SECRET not in page.read_text()
    assert FURTHER  # the words that stand for it; test_sandbox holds that nothing else is filed


def test_notebook_that_cannot_be_read_gets_a_page(course: Course) -> None:
    path = hand_in(course, "ann", b"[" * 100_000)
    mark = gradebook.Mark(
        "ann", "tiny", Points("ann", None, f"not graded: {path} is broken"), {}, {}, 0, 1
    )
    text = feedback.page(mark, course.master("tiny"), path)
    assert "not a whole Jupyter notebook" in text
    assert str(course.root) not in text


def test_harmless_copes_with_any_cells() -> None:
    notebook = nbformat.from_dict({"cells": [None, 3, {"cell_type": "code", "outputs": 7}]})  # type: ignore[no-untyped-call]
    copy = feedback.harmless(notebook)
    assert [cell["cell_type"] for cell in copy["cells"]] == ["code"]
    assert io.StringIO(json.dumps(copy)).read()


# --- formulas ------------------------------------------------------------------------------------


def page_of(course: Course, release: Path, tmp_path: Path, *prose: str) -> str:
    """The feedback page of a notebook that ends with these cells of prose."""
    notebook = json.loads(tiny.submit(release, tmp_path / "some.ipynb", tiny.RIGHT).read_text())
    for number, text in enumerate(prose):
        cell = {"cell_type": "markdown", "id": f"p{number}", "metadata": {}, "source": text}
        notebook["cells"].append(cell)
    hand_in(course, "ann", json.dumps(notebook).encode())
    gradebook.grade(course)
    return feedback.write(course)[0].read_text()


def test_formulas_become_mathml_and_code_stays(
    course: Course, release: Path, tmp_path: Path, calls: list[str]
) -> None:
    title = "## With $x_1$\nSo $a < b$, $\\arg z$, $\\mathcal F(z)$, $\\mathbb E_y$ and"
    prose = f"{title}\n\n$$\\frac{{p}}{{q}}$$\n\n`$y$`\n\n```\n$z$\n```"
    text = page_of(course, release, tmp_path, prose, "| a |\n|---|\n| $w$ |")
    assert "<msub><mi>x</mi><mn>1</mn></msub>" in text
    assert "<mi>a</mi><mo>&lt;</mo><mi>b</mi>" in text
    assert "<mi>arg</mi>" in text
    assert "<mi>ℱ</mi>" in text
    assert "<mi>𝔼</mi>" in text
    assert '<math display="block"><mrow><mfrac><mrow><mi>p</mi></mrow>' in text
    assert "<code>$y$</code>" in text
    assert "$z$" in text
    assert "<td><math" in text.replace("\n", "")
    assert "formula-" not in text
    assert text.count("Assignment: two small things") == 2  # <title> and <h1>
    assert "exercise 2 (two)" in text


@pytest.mark.parametrize(
    "tex",
    [
        r"\frac{a",
        r"a}b",
        r"\nosuchthing x",
        r"\left( x",
        "x_1_2",
        "{" * 900 + "}" * 900,
        "y" * 3000,
    ],
)
def test_formula_that_cannot_be_read_stays_as_it_was_written(
    tex: str, course: Course, release: Path, tmp_path: Path, calls: list[str]
) -> None:
    text = page_of(course, release, tmp_path, f"Here ${tex}$ there")
    assert f"<p>Here ${tex}$ there</p>" in text


def test_formulas_smuggle_nothing(
    course: Course, release: Path, tmp_path: Path, calls: list[str]
) -> None:
    formulas = (
        r"$\text{<script>alert(1)</script>}$",
        r"$\text{&lt;script&gt;alert(2)&lt;/script&gt;}$",
        r"$\text{&amp;lt;script&amp;gt;alert(3)&amp;lt;/script&amp;gt;}$",
        r"$\href{javascript:alert(4)}{x}$",
        r"$\class{x\" onload=alert(5)}{y}$",
        r"$\style{background:url(https://example.org)}{x}$",
        r"$\color{\"><script>alert(6)</script>}{x}$",
        r"$\frac{<img src=x onerror=alert(7)>}$ $<svg onload=alert(8)>$",
        '# $x" onload="alert(9)$',
        '[link $x$](https://example.org/$y$ "title $z$ <script>")',
        r"\begin{matrix} <script> & x \end{matrix}",
    )
    text = page_of(course, release, tmp_path, *formulas)
    elements = Elements()
    elements.feed(text)
    assert "math" in elements.tags
    assert not elements.tags & {"script", "img", "svg", "iframe", "object", "maction", "semantics"}
    names = {name for name, _ in elements.attributes}
    assert not any(name.startswith("on") for name in names)
    assert "style" not in names
    assert not any("javascript:" in value for name, value in elements.attributes if name == "href")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
