"""params.yaml: reading it and checking its values against typed sections (pipeline/parameters)."""

import json
from pathlib import Path
from typing import Any, TypeVar, dataclass_transform

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from pipeline.core.errors import InputError
from pipeline.core.text import refuse_half_characters
from pipeline.core.yaml_files import read_yaml

PARAMS = Path("params.yaml")
SHOWN = 200  # characters of a refused value
T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def section(cls: type[T]) -> type[T]:
    """Class decorator of a section of params.yaml.

    Every key is required (defaults are in conf/ only), unknown keys are refused, types are exact.
    """
    config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    return dataclass(cls, frozen=True, kw_only=True, config=config)  # type: ignore[return-value]


def parse_section(value: object, kind: type[T], key: str) -> T:
    """`value` of params.yaml's `key` as `kind`. Raises InputError with the key, the value and what is allowed."""
    refuse_half_characters(value, key)
    try:
        # JSON mode: strict types, but a mapping may become a dataclass and an integer a float.
        return TypeAdapter(kind).validate_json(json.dumps(value, ensure_ascii=False), strict=True)
    except ValueError as error:
        if not isinstance(error, ValidationError):  # a number of thousands of digits
            raise InputError(f"{key}: {error}") from None
        raise InputError("; ".join(_describe(key, dict(item)) for item in error.errors())) from None


def _describe(key: str, item: dict[str, Any]) -> str:
    where = ".".join([key, *(str(part) for part in item["loc"] if not str(part).startswith("function-"))])
    if item["type"] == "unexpected_keyword_argument":
        return f"{where}: unknown key"
    if item["type"] == "missing":
        return f"{where}: missing from {PARAMS}"
    message = item["msg"].removeprefix("Value error, ")
    found = repr(item["input"])
    found = found if len(found) <= SHOWN else f"{found[:SHOWN]}... ({len(found):,} characters)"
    return f"{where}: {found}: {message}" if item["type"] != "value_error" else f"{where}: {message}"


def read_params(path: Path = PARAMS) -> dict[str, Any]:
    """The whole of params.yaml. Raises InputError where there is none."""
    if not path.exists():
        raise InputError(f"{path} not found in {Path.cwd()}: run from the project's folder, after `make params`")
    values = read_yaml(path)
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected a mapping of sections, found {type(values).__name__}")
    return {str(key): value for key, value in values.items()}


def read_section(name: str, kind: type[T]) -> T:
    """One top-level section of params.yaml, checked."""
    values = read_params()
    if name not in values:
        raise InputError(f"{name}: missing from {PARAMS}")
    return parse_section(values[name], kind, name)


def flatten(value: object, key: str = "") -> list[tuple[str, object]]:
    """(dotted key, value) of everything in a configuration that is not itself a mapping."""
    if not isinstance(value, dict):
        return [(key, value)]
    return [leaf for name, inner in value.items() for leaf in flatten(inner, f"{key}.{name}".lstrip("."))]
