"""A function's parameters as JSON Schema, and a model's arguments checked against them.

The schema is in the shape of OpenAI's *strict* function tools: an object without further
properties, all of them required; a parameter that has a default may be given as null for it.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

_SCALARS: Mapping[type, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}

_SECTION = re.compile(r"^(args|arguments|parameters|returns?|raises)\s*:\s*$|^:\w+.*:", re.I)
_PARAMETER = re.compile(r"^(\s*)(?::param\s+)?(\w+)\s*:\s*(.*)$")


class SchemaError(TypeError):
    """A function that cannot be a tool; one sentence says why."""


class BadArguments(ValueError):
    """A model's arguments that do not fit; the text tells it what to mend."""


@dataclass(frozen=True, slots=True)
class _Parameter:
    annotation: Any
    description: str
    default: Any

    @property
    def is_optional(self) -> bool:
        return self.default is not inspect.Parameter.empty


class Parameters:
    """What a function takes from a model.

    :param injected: a parameter of this type is filled in by who calls, and not in the schema.
    :raises SchemaError: a parameter's type is missing, or none of str, int, float, bool, Literal,
        list, Optional and Annotated with a description.
    """

    def __init__(self, function: Callable[..., Any], injected: type) -> None:
        self._of = getattr(function, "__name__", "a tool")
        self.injected: str | None = None
        """The name of the parameter that is filled in."""
        self._parameters: dict[str, _Parameter] = {}
        self.summary, described = _documentation(function)
        hints = self._hints(function)
        for name, parameter in inspect.signature(function).parameters.items():
            if hints.get(name) is injected:
                self.injected = name
                continue
            if name not in hints or parameter.kind in (
                inspect.Parameter.VAR_POSITIONAL,
                inspect.Parameter.VAR_KEYWORD,
                inspect.Parameter.POSITIONAL_ONLY,
            ):
                raise SchemaError(f"{self._of}: parameter {name} needs a name and a type")
            annotation, description = _unwrap(hints[name], described.get(name, ""))
            self._parameters[name] = _Parameter(annotation, description, parameter.default)
        self.schema = self._schema()

    def _hints(self, function: Callable[..., Any]) -> dict[str, Any]:
        try:
            return get_type_hints(function, include_extras=True)
        except NameError as error:
            raise SchemaError(f"{self._of}: a type cannot be found by its name ({error})") from None

    def _schema(self) -> dict[str, Any]:
        properties = {name: self._property(name, p) for name, p in self._parameters.items()}
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    def _property(self, name: str, parameter: _Parameter) -> dict[str, Any]:
        schema = _schema_of(parameter.annotation, f"{self._of}: parameter {name}")
        if parameter.is_optional:
            schema = _nullable(schema)
        if parameter.description:
            schema["description"] = parameter.description
        return schema

    def parse(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The function's keyword arguments.

        :raises BadArguments: with everything that is wrong.
        """
        wrong = [f"{name}: there is no such parameter" for name in arguments.keys() - self.names]
        parsed: dict[str, Any] = {}
        for name, parameter in self._parameters.items():
            value = arguments.get(name)
            if value is None and parameter.is_optional:
                parsed[name] = parameter.default
            elif name not in arguments and not _takes_none(parameter.annotation):
                wrong.append(f"{name}: missing")
            else:
                try:
                    parsed[name] = _checked(value, parameter.annotation, name)
                except BadArguments as error:
                    wrong.append(str(error))
        if wrong:
            raise BadArguments("; ".join(wrong))
        return parsed

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._parameters)


def _documentation(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """What a function is for, and each parameter: ``:param name: …`` or ``name: …`` lines."""
    names = set(inspect.signature(function).parameters)
    summary: list[str] = []
    described: dict[str, str] = {}
    current: str | None = None
    over = False
    for line in (inspect.getdoc(function) or "").splitlines():
        found = _PARAMETER.match(line)
        if found and found[2] in names:
            current, over = found[2], True
            described[current] = found[3].strip()
        elif not line.strip() or _SECTION.match(line.strip()):
            current = None
            over = over or bool(_SECTION.match(line.strip()))
        elif current is not None:
            described[current] += f" {line.strip()}"
        if not over:
            summary.append(line.strip())
    paragraphs = "\n".join(summary).strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs), described


def _unwrap(annotation: Any, description: str) -> tuple[Any, str]:
    """``Annotated[T, "text"]`` as T and its text."""
    if get_origin(annotation) is Annotated:
        inner, *notes = get_args(annotation)
        return inner, next((note for note in notes if isinstance(note, str)), description)
    return annotation, description


def _members(annotation: Any) -> tuple[Any, ...] | None:
    """Of a union."""
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else None


def _takes_none(annotation: Any) -> bool:
    return type(None) in (_members(annotation) or ())


def _optional(members: Iterable[Any]) -> Any:
    """The one member of a union that is not None, or None."""
    others = [member for member in members if member is not type(None)]
    return others[0] if len(others) == 1 else None


def _schema_of(annotation: Any, where: str) -> dict[str, Any]:
    annotation, _ = _unwrap(annotation, "")
    if annotation in _SCALARS:
        return {"type": _SCALARS[annotation]}
    if get_origin(annotation) is Literal:
        values = get_args(annotation)
        kinds = {type(value) for value in values}
        if len(kinds) == 1 and (kind := kinds.pop()) in _SCALARS:
            return {"type": _SCALARS[kind], "enum": list(values)}
    if get_origin(annotation) is list:
        return {"type": "array", "items": _schema_of(get_args(annotation)[0], where)}
    members = _members(annotation)
    if members is not None and _takes_none(annotation) and (inner := _optional(members)):
        return _nullable(_schema_of(inner, where))
    raise SchemaError(
        f"{where}: expected str, int, float, bool, Literal, list[...] or one of them | None"
    )


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    if isinstance(schema["type"], list):
        return schema
    nullable = {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        nullable["enum"] = [*schema["enum"], None]
    return nullable


def _checked(value: Any, annotation: Any, path: str) -> Any:
    annotation, _ = _unwrap(annotation, "")
    members = _members(annotation)
    if members is not None:
        return None if value is None else _checked(value, _optional(members), path)
    if get_origin(annotation) is Literal:
        # 1 == True, but is not it.
        if any(value == known and type(value) is type(known) for known in get_args(annotation)):
            return value
        raise BadArguments(f"{path}: expected one of {', '.join(map(repr, get_args(annotation)))}")
    if get_origin(annotation) is list:
        if not isinstance(value, list):
            raise BadArguments(f"{path}: expected an array")
        (inner,) = get_args(annotation)
        return [_checked(item, inner, f"{path}[{i}]") for i, item in enumerate(value)]
    return _scalar(value, annotation, path)


def _scalar(value: Any, kind: type, path: str) -> Any:
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    raise BadArguments(f"{path}: expected {_SCALARS[kind]}")
