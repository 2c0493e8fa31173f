"""YAML files that people edit, read as OmegaConf reads them, in C. What is wrong with one is said with its line."""

import re
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError
from yaml.reader import ReaderError

from pipeline.core.errors import InputError

DEEP = 5000  # so many marks that can open a level need the loader that notices deep nesting
LARGEST = 10**6  # values that a file can have, those that an anchor repeats included
CONFLICT = re.compile(r"^(<{7}|={7}|>{7})(?= |$)", re.MULTILINE)


def _unique_keys(loader: Any, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    """A mapping of YAML. Raises ConstructorError for a key that is there twice, which YAML would overwrite."""
    seen = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and (key.tag, key.value) in seen:
            raise ConstructorError(None, None, f"the key {key.value!r} is there twice", key.start_mark)
        seen.add((key.tag, key.value) if isinstance(key, yaml.ScalarNode) else id(key))
    return yaml.SafeLoader.construct_mapping(loader, node, deep)


def _as_omegaconf(name: str, base: type) -> Any:
    """A loader that reads YAML as OmegaConf does: plain YAML 1.1 reads 5e-5 as a string and 2026-11-25 as a date."""
    resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    loader: Any = type(name, (base,), {"yaml_implicit_resolvers": resolvers, "construct_mapping": _unique_keys})
    loader.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)$"), list("-+0123456789")
    )
    return loader


# In C it is a hundred times faster, and no stage has to import OmegaConf. But C ends the process on deep nesting.
_FastLoader = _as_omegaconf("_FastLoader", getattr(yaml, "CSafeLoader", yaml.SafeLoader))
_DeepLoader = _as_omegaconf("_DeepLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> Any:
    """The content of a YAML file: mappings, lists, texts, numbers, booleans. Raises InputError with file and line."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}:{line}: not UTF-8 (byte {content[error.start]:#04x}); save it as UTF-8") from None
    loader = _DeepLoader if sum(map(text.count, "[{-?")) > DEEP else _FastLoader
    try:
        value = yaml.load(text, Loader=loader)
        _count(value, str(path), {})
    except yaml.YAMLError as error:
        raise InputError(_explain_yaml(path, text, error)) from None
    except RecursionError:
        raise InputError(f"{path}: nested too deep") from None
    except ValueError as error:  # a number of thousands of digits, a date that is none
        raise InputError(f"{path}: not a value: {error}") from None
    return value


def _explain_yaml(path: Path, text: str, error: yaml.YAMLError) -> str:
    if conflict := CONFLICT.search(text):
        line = text.count("\n", 0, conflict.start()) + 1
        anew = "; `make params` writes it anew from conf/" if path.name == "params.yaml" else ""
        return f"{path}:{line}: the mark {conflict[0]!r} of a merge: resolve the conflict first{anew}"
    mark = getattr(error, "problem_mark", None)
    if isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return f"{path}:{line}: not YAML: a control character (#x{ord(text[error.position]):04x})"
    if mark is None:
        return f"{path}: not YAML: {' '.join(str(error).split())}"
    problem = getattr(error, "problem", None) or getattr(error, "context", None) or "unreadable"
    return f"{path}:{mark.line + 1}: not YAML: {problem} (column {mark.column + 1})"


def _count(value: object, where: str, counted: dict[int, int]) -> int:
    """How many values there are in `value`. Raises InputError for too many, and for those that JSON does not have."""
    if not isinstance(value, dict | list):
        if value is not None and not isinstance(value, str | int | float):
            raise InputError(
                f"{where}: {value!r} is a {type(value).__name__}; expected text, a number or true or false"
            )
        return 1
    if id(value) not in counted:
        counted[id(value)] = LARGEST  # until it is known: an anchor that holds itself is too large
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        counted[id(value)] = 1 + sum(_count(each, f"{where}: {key}", counted) for key, each in inner)
    if counted[id(value)] > LARGEST:
        raise InputError(f"{where}: more than {LARGEST:,} values, or an anchor that holds itself")
    return counted[id(value)]
