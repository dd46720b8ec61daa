"""What a specification is called: one canonical text, the same for as long as it means the same.

Every class of a specification declares its `kind`, a name that outlives renaming and moving. A value is
spelled by its kind and its fields, in one way only, and the hash of that text names a run and seeds it.
Results have to survive growth, so a field that came to a class later is left out of the text while it
has its neutral value: a new option that is switched off changes no name and no seed.

Which fields came later is written down in `kinds.toml`: for each kind the fields that it had when its
first results were committed, and the neutral value of each field that was seen since. `remember` keeps
the file when results are committed. `was` stands where results were committed before classes had kinds.

A class whose fields were cut anew after its results were committed says by a method `spelled` what it is
spelled by: names and values as they were, which are taken for its fields here. Such a method goes with
the kind's `was` when its results are made anew.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

KINDS = Path(__file__).with_name("kinds.toml")


class SpecError(TypeError):
    """A class or a field of a method or task cannot be written down canonically."""


def kind_of(cls: type) -> str:
    """The kind that a class declares itself; `SpecError` where it declares none."""
    kind = vars(cls).get("kind")
    if not isinstance(kind, str) or not kind:
        raise SpecError(
            f'{cls.__name__}: declare `kind: ClassVar[str] = "{cls.__name__}"` in the class; runs are '
            "named and seeded by it, whatever becomes of the class's name and module"
        )
    return kind


def canonical(value: object, where: str) -> Any:
    """A value as JSON data with one spelling: frozen dataclasses, tuples, str, int, float, bool, None.

    where: the dotted path of the field, for the error. Raises `SpecError` for anything else: sets and
    dictionaries have no order, arrays no short spelling, and subclasses may hide what they hold.
    """
    if value is None or type(value) in (str, bool, int):
        return value
    if isinstance(value, float) and type(value) is float:
        if not math.isfinite(value):
            raise SpecError(f"{where}: {value} is not finite; use None or a plain number")
        return value
    if isinstance(value, tuple):
        return [canonical(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        if not type(value).__dataclass_params__.frozen:  # type: ignore[attr-defined]
            raise SpecError(f"{where}: {type(value).__name__} must be a frozen dataclass")
        kind = kind_of(type(value))
        fields = {name: canonical(v, f"{where}.{name}") for name, v in spelled_fields(value)}
        return {"class": _known().get(kind, {}).get("was", kind), "fields": fields}
    raise SpecError(
        f"{where}: a {type(value).__name__} cannot be part of a run's key; "
        "use str, int, float, bool, None, tuples or frozen dataclasses of them"
    )


def canonical_json(value: Any) -> str:
    """The one text of canonical data: sorted names, no spaces, floats by `repr`."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def spelled_fields(value: object) -> Iterator[tuple[str, object]]:
    """Names and values of a dataclass's fields, without later ones that have their neutral value.

    The fields that its kind had first come in their order of then.
    """
    known, held = _known().get(kind_of(type(value))), dict(all_fields(value))
    first = list(held) if known is None else [name for name in known["fields"] if name in held]
    yield from ((name, held[name]) for name in first)
    own = {field.name: field for field in _fields(value)}
    for name in (name for name in held if name not in first):
        if name not in own or not _neutral(own[name], held[name], known or {}):
            yield name, held[name]


def all_fields(value: object) -> Iterator[tuple[str, object]]:
    """Names and values of all fields of a dataclass, or those that its method `spelled` gives."""
    spelled = getattr(value, "spelled", None)
    yield from own_fields(value) if spelled is None else spelled()


def own_fields(value: object) -> Iterator[tuple[str, object]]:
    """Names and values of all fields of a dataclass, as it holds them."""
    for field in _fields(value):
        yield field.name, getattr(value, field.name)


def seed_of(settings: object, *names: object) -> int:
    """63 bits from settings and names: seeds what several runs share, such as a source network.

    settings: a frozen dataclass; as in a run's identity its kind counts and a neutral later field does
    not.
    """
    words = "/".join((_text(settings), *map(str, names)))
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big") >> 1


def parts(
    value: object, fields: Callable[[object], Iterator[tuple[str, object]]] = all_fields
) -> Iterator[object]:
    """A frozen dataclass and every dataclass nested in it, tuples included.

    fields: what it is spelled by, or what it holds (`own_fields`).
    """
    if isinstance(value, tuple):
        for item in value:
            yield from parts(item, fields)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield value
        for _, held in fields(value):
            yield from parts(held, fields)


def remember(values: Iterable[object], file: Path = KINDS) -> list[str]:
    """Write down what `kinds.toml` does not know yet of the classes in `values`; what was new.

    Called when results are committed: from then on a field that is added to one of these classes and
    has its default is left out. Nothing that stands in the file is changed.
    """
    known = {kind: dict(entry) for kind, entry in _read(file).items()}
    new: list[str] = []
    for part in (part for value in values for part in parts(value)):
        kind, names = kind_of(type(part)), [name for name, _ in all_fields(part)]
        if kind not in known:
            known[kind] = {"fields": names}
            new.append(kind)
        for field in (field for field in _fields(part) if field.name in names):
            later = known[kind].setdefault("later", {})
            if field.name not in known[kind]["fields"] and field.name not in later:
                later[field.name] = _spelled_default(field)
                new.append(f"{kind}.{field.name}")
    if new:
        file.write_text(_toml(known), encoding="utf-8")
        _known.cache_clear()
    return new


def _fields(value: object) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(value)  # type: ignore[arg-type]  # checked by the callers


def _neutral(
    field: dataclasses.Field[Any], held: object, known: Mapping[str, Mapping[str, str]]
) -> bool:
    """Whether a later field has the value that changes nothing: the one noted, else its default."""
    noted = known.get("later", {}).get(field.name, _spelled_default(field))
    return noted == canonical_json(canonical(held, field.name))


def _spelled_default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return canonical_json(canonical(field.default, field.name))
    if field.default_factory is not dataclasses.MISSING:
        return canonical_json(canonical(field.default_factory(), field.name))
    return ""  # no value is neutral for a field without a default


def _text(value: object) -> str:
    """A frozen dataclass of plain values in the words of its `repr`, by its kind."""
    fields = ", ".join(f"{name}={held!r}" for name, held in spelled_fields(value))
    return f"{kind_of(type(value))}({fields})"


@cache
def _known() -> dict[str, dict[str, Any]]:
    return _read(KINDS)


def _read(file: Path) -> dict[str, dict[str, Any]]:
    return tomllib.loads(file.read_text("utf-8")) if file.is_file() else {}


def _toml(known: Mapping[str, Mapping[str, Any]]) -> str:
    """`kinds.toml`: its comment, then one table per kind, sorted."""
    lines = [line for line in KINDS.read_text("utf-8").splitlines() if line.startswith("#")]
    for kind in sorted(known):
        entry = known[kind]
        lines += ["", f"[{json.dumps(kind)}]"]
        lines += [f"{n} = {json.dumps(entry[n])}" for n in ("was", "fields") if n in entry]
        lines += [f"later.{n} = {json.dumps(v)}" for n, v in entry.get("later", {}).items()]
    return "\n".join(lines) + "\n"
