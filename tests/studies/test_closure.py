"""Edits on a small package beside `medda_lib`: which of them cost a re-run, and which do not."""

import ast
import importlib
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from medda_lib.studies import closure
from medda_lib.studies.closure import ClosureError, code_closure, imported_names
from medda_lib.studies.spec import RunSpec
from tests.studies.toy import ToyTask

METHOD = '''"""A method outside the library."""
from dataclasses import dataclass
from typing import ClassVar

import torch

from tests.studies.toy import ToyMethod
from {box}.layers import mlp


@dataclass(frozen=True)
class Boxed(ToyMethod):
    """A toy of its own."""

    kind: ClassVar[str] = "Boxed"

    def extra(self):
        # imported late
        from . import late
        return mlp.width() + late.VALUE
'''
MLP = '''"""Docs."""
from ..deep import core


def width():
    """Docs."""
    return 3
'''
FILES = {
    "__init__.py": "",
    "method.py": METHOD,
    "layers/__init__.py": "SHARED = 1\n",
    "layers/mlp.py": MLP,
    "late.py": "VALUE = 1\n",
    "deep/__init__.py": "",
    "deep/core.py": "X = 'text'\n",
    "unrelated.py": "Y = 1\n",
}


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    name = f"box_{uuid.uuid4().hex}"
    folder = tmp_path / name
    for file, text in FILES.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("{box}", name))
    monkeypatch.syspath_prepend(str(tmp_path))
    closure.forget()
    yield folder
    closure.forget()
    for module in [m for m in sys.modules if m.partition(".")[0] == name]:
        del sys.modules[module]


def key(box: Path) -> str:
    closure.forget()
    method = importlib.import_module(f"{box.name}.method").Boxed()
    return RunSpec("p", "smoke", "phantom", (), method, ToyTask(), 0).key


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_closure_follows_every_kind_of_import(box: Path) -> None:
    found = {name.removeprefix(box.name) for name in code_closure([f"{box.name}.method"])}
    own = {name for name in found if name.startswith(".") or not name}
    assert own == {"", ".method", ".layers", ".layers.mlp", ".deep", ".deep.core", ".late"}
    assert not any(name.startswith("torch") for name in found)


def test_closure_of_a_run_holds_method_task_and_evaluation(box: Path) -> None:
    key(box)
    method = importlib.import_module(f"{box.name}.method").Boxed()
    run = RunSpec("p", "smoke", "phantom", (), method, ToyTask(), 0)
    assert {
        f"{box.name}.layers.mlp",
        "tests.studies.toy",
        "medda_lib.studies.trial",
        "medda_lib.studies.evaluate",
        "medda_lib.studies.task",
        "medda_lib.metrics.segmentation",
        "medda_lib.metrics.classification",
        "medda_lib",
    } <= set(run.closure())


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("unrelated.py", "Y = 1", "Y = 2"),
        ("layers/mlp.py", '    """Docs."""\n', '    """Other words,\n\n    more of them."""\n'),
        ("layers/mlp.py", '"""Docs."""\nfrom', '"""About."""\nfrom'),
        ("layers/mlp.py", '    """Docs."""\n', ""),
        ("method.py", "# imported late", "# imported very late"),
        ("method.py", "import torch\n", "import torch  # noqa\n\n\n"),
        ("late.py", "VALUE = 1", "VALUE = (1)"),
    ],
)
def test_edits_that_keep_the_key(box: Path, file: str, old: str, new: str) -> None:
    before = key(box)
    edit(box / file, old, new)
    assert key(box) == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("layers/mlp.py", "return 3", "return 4"),
        ("layers/mlp.py", "return 3", "return 3.0"),
        ("layers/__init__.py", "SHARED = 1", "SHARED = 2"),
        ("late.py", "VALUE = 1", "VALUE = None"),
        ("deep/core.py", "'text'", "'Text'"),
        ("method.py", "mlp.width() + late", "mlp.width() - late"),
        ("__init__.py", "", "STATE = 1\n"),
    ],
)
def test_edits_that_change_the_key(box: Path, file: str, old: str, new: str) -> None:
    before = key(box)
    edit(box / file, old, new)
    assert key(box) != before


def test_files_are_read_once_per_process(box: Path) -> None:
    before = code_closure([f"{box.name}.late"])
    edit(box / "late.py", "VALUE = 1", "VALUE = 2")
    assert code_closure([f"{box.name}.late"]) == before
    closure.forget()
    assert code_closure([f"{box.name}.late"]) != before


@pytest.mark.parametrize(
    ("text", "package", "wanted"),
    [
        ("import a.b, c", "p", {"a.b", "c"}),
        ("from a import b as c", "p", {"a", "a.b"}),
        ("from . import x", "p.q", {"p.q", "p.q.x"}),
        ("from .m import x", "p.q", {"p.q.m", "p.q.m.x"}),
        ("from .. import x", "p.q", {"p", "p.x"}),
        ("from ..m import *", "p.q", {"p.m"}),
        ("import importlib\nimportlib.import_module('p.z')", "p", {"importlib", "p.z"}),
        ("def f():\n    class C:\n        import deep", "p", {"deep"}),
    ],
)
def test_imported_names(text: str, package: str, wanted: set[str]) -> None:
    assert set(imported_names(ast.parse(text), package)) == wanted


@pytest.mark.parametrize("module", ["__main__", "no_such_package.module", "math"])
def test_code_without_source_is_a_clear_error(module: str) -> None:
    with pytest.raises(ClosureError, match="define methods and tasks in a module"):
        code_closure([module])
