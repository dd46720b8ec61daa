"""Imports between the rooms of `medda_lib` run one way, and only the evaluator sees test data."""

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from medda_lib.studies.closure import imported_names

LIBRARY = Path(__file__).resolve().parent.parent / "medda_lib"
GROUND = {"phantoms", "datasets", "networks", "metrics", "figures"}
ALLOWED = {
    **dict.fromkeys(GROUND, GROUND),
    "studies": {"metrics", "datasets"},  # the evaluator; what the files hold that a run reads
    "tasks": {"studies", "phantoms", "datasets"},
    "methods": {"studies", "networks", "metrics"},
    "papers": {"studies", "tasks", "methods", *GROUND},
}
"""What each room may import besides itself. Modules beside the rooms (cli, notebooks) may use all."""
ABOVE = {"assignments", "cli", "commands", "install", "notebooks", "pages"}
"""What no room may import, whatever it is allowed: it uses the rooms, not the other way round."""


def room(module: str) -> str:
    """The room of ``medda_lib.<room>...``; "" for anything else."""
    parts = module.split(".")
    return parts[1] if parts[0] == "medda_lib" and len(parts) > 1 else ""


def name_of(file: Path) -> str:
    parts = file.relative_to(LIBRARY.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(file: Path) -> set[str]:
    package = name_of(file) if file.name == "__init__.py" else name_of(file).rpartition(".")[0]
    return set(imported_names(ast.parse(file.read_bytes()), package))


def wrong(source: str, names: set[str]) -> Iterator[str]:
    """Imports that a module named `source` must not have."""
    here = room(source)
    for name in sorted(names):
        there = room(name)
        if here == "papers" and there == "papers" and _papers_differ(source, name):
            yield f"{source} imports {name}: a paper knows no other paper"
        elif there in ABOVE or (there in ALLOWED and there not in {here, *ALLOWED[here]}):
            yield f"{source} imports {name}: {here} may not use {there}"


def _papers_differ(source: str, name: str) -> bool:
    """Whether both are folders of papers; shared modules such as the scoreboard see all of them."""
    one, two = (m.split(".")[2] if m.count(".") > 1 else "" for m in (source, name))
    folders = {p.name for p in (LIBRARY / "papers").iterdir() if (p / "paper.toml").is_file()}
    return one != two and {one, two} <= folders


FILES = sorted(p for name in ALLOWED for p in (LIBRARY / name).rglob("*.py"))
MODULES = {name_of(file): file for file in sorted(LIBRARY.rglob("*.py"))}


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_imports_run_one_way(name: str) -> None:
    files = [f for f in FILES if room(name_of(f)) == name]
    assert files
    assert [text for f in files for text in wrong(name_of(f), imports(f))] == []


def written(source: str, names: set[str]) -> set[str]:
    """The modules of the library that `source` imports by its own words.

    ``from package import module`` names the package on the way only; ``from package import name``, where
    the name is no module, needs what the package's own file defines.
    """
    modules = {name for name in names if name in MODULES}
    on_the_way = {
        package
        for package in modules
        if (inside := {name for name in names if name.rpartition(".")[0] == package})
        and inside <= set(MODULES)
    }
    return modules - on_the_way - {source}


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Modules of which each imports the next and the last is the first; empty where there are none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circle({name: written(name, imports(file)) for name, file in MODULES.items()}) == []


def test_a_circle_is_noticed_and_a_package_on_the_way_is_none() -> None:
    package, module = "medda_lib.methods.fda", "medda_lib.methods.fda.adaptation"
    assert written(package, {module, f"{module}.Fda"}) == {module}
    assert written(module, {package, f"{package}.spectrum"}) == {f"{package}.spectrum"}
    back = written(module, {package, f"{package}.spectrum", f"{package}.Fda"})
    assert set(circle({package: {module}, module: back})) == {package, module}


def test_every_room_is_in_the_plan() -> None:
    rooms = {p.name for p in LIBRARY.iterdir() if (p / "__init__.py").is_file()}
    assert rooms - ABOVE <= set(ALLOWED)
    loose = {p.stem for p in LIBRARY.glob("*.py")} - {"__init__", "__main__"}
    assert loose == {"_paths", "_torchvision", "cli", "install"}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("medda_lib.networks.bridge", "medda_lib.studies.task"),
        ("medda_lib.figures.cam", "medda_lib.methods"),
        ("medda_lib.phantoms.chest_xray", "medda_lib.tasks.chest_xray"),
        ("medda_lib.methods.multimix.umtl", "medda_lib.datasets.registry"),
        ("medda_lib.methods.multimix.umtl", "medda_lib.tasks.chest_xray"),
        ("medda_lib.tasks.chest_xray", "medda_lib.methods.multimix"),
        ("medda_lib.studies.run", "medda_lib.papers.multimix"),
        ("medda_lib.studies.run", "medda_lib.cli"),
        ("medda_lib.papers.multimix.study", "medda_lib.papers.apl.study"),
        ("medda_lib.papers.multimix.study", "medda_lib.cli"),
    ],
)
def test_the_rule_notices(source: str, name: str) -> None:
    assert list(wrong(source, {name}))


@pytest.mark.parametrize("name", ["methods", "networks", "metrics", "figures", "phantoms", "tasks"])
def test_only_the_evaluator_reaches_test_data(name: str) -> None:
    """Neither by a call of `Task.tests` nor through the role itself."""
    files = [f for f in FILES if room(name_of(f)) == name]
    assert [f for f in files if ".tests(" in f.read_text(encoding="utf-8")] == []


def test_in_studies_only_the_evaluator_calls_tests() -> None:
    calls = [f.name for f in (LIBRARY / "studies").glob("*.py") if ".tests(" in f.read_text()]
    assert calls == ["evaluate.py"]


def test_methods_do_not_name_the_test_role() -> None:
    files = [f for f in FILES if room(name_of(f)) in {"methods", "networks", "metrics"}]
    assert [f for f in files if "Role.TEST" in f.read_text(encoding="utf-8")] == []
