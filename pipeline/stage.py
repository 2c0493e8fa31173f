"""What every stage shares: typed parameters, refusals in one line, and a command line made from `run`."""

import argparse
import atexit
import gc
import inspect
import json
import os
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

PARAMS = Path("params.yaml")
T = TypeVar("T")

# A section of params.yaml: every key required (defaults stand in conf/ alone), none unknown, types exact.
params = partial(
    dataclass, frozen=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
)


class Refused(Exception):
    """Bad input. Says in one line what, where, and what was expected; the stage stops with exit code 1."""


def typed(value: object, kind: type[T], key: str) -> T:
    """`value` of params.yaml's `key` as `kind`; Refused names the key, the value and what is allowed."""
    try:
        # JSON mode: strict types, yet a mapping may become a dataclass and a whole number a float.
        return TypeAdapter(kind).validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        raise Refused("; ".join(_complaint(key, item) for item in error.errors())) from None


def _complaint(key: str, item: dict) -> str:
    where = ".".join([key, *(str(part) for part in item["loc"] if not str(part).startswith("function-"))])
    if item["type"] == "unexpected_keyword_argument":
        return f"{where}: unknown key"
    if item["type"] == "missing":
        return f"{where}: missing from {PARAMS}"
    message = item["msg"].removeprefix("Value error, ")
    return f"{where}: {item['input']!r}: {message}" if item["type"] != "value_error" else f"{where}: {message}"


def read_params(path: Path = PARAMS) -> dict:
    """The whole of params.yaml. OmegaConf reads 5e-5 as a number, which plain YAML 1.1 does not."""
    from omegaconf import OmegaConf

    if not path.exists():
        raise Refused(f"{path} not found in {Path.cwd()}: run from the project's folder, after `make params`")
    return OmegaConf.to_container(OmegaConf.load(path))


def leaves(value: object, key: str = "") -> list[tuple[str, object]]:
    """(dotted key, value) of everything in a configuration that is not itself a mapping."""
    if not isinstance(value, dict):
        return [(key, value)]
    return [leaf for name, inner in value.items() for leaf in leaves(inner, f"{key}.{name}".lstrip("."))]


def section(name: str, kind: type[T]) -> T:
    """One top-level section of params.yaml, checked."""
    values = read_params()
    if name not in values:
        raise Refused(f"{name}: missing from {PARAMS}")
    return typed(values[name], kind, name)


def command(run) -> None:
    """Run a stage from the command line.

    `run`'s positional arguments are the command's, in order. Of its keyword-only arguments those with a default are
    options, the others sections of params.yaml, read and checked into their annotated types.
    """
    module = inspect.getmodule(run)
    name = f"python -m {module.__spec__.name}"
    parser = argparse.ArgumentParser(
        prog=name, description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    sections = {}
    for argument in inspect.signature(run).parameters.values():
        if argument.kind is argument.KEYWORD_ONLY and argument.default is argument.empty:
            sections[argument.name] = argument.annotation
        elif argument.kind is argument.KEYWORD_ONLY:
            option = f"--{argument.name.replace('_', '-')}"
            parser.add_argument(option, default=argument.default, help=f"default: {argument.default}")
        elif argument.default is argument.empty:
            parser.add_argument(argument.name, type=argument.annotation)
        else:
            parser.add_argument(argument.name, type=Path, nargs="?", default=argument.default)
    arguments = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if not sys.stderr.isatty():
        os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"  # and transformers'; ours are plain lines in a log
    if module.__spec__.name not in ("pipeline.download", "pipeline.score"):  # score may fetch a metric by name
        os.environ["HF_HUB_OFFLINE"] = "1"
    warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated")  # PEFT's way to ask transformers
    gc.set_threshold(100_000, 50, 100)  # importing torch makes a million objects: a second of looking for garbage ...
    atexit.register(gc.freeze)  # ... among them, half of it when the process ends
    try:
        run(**vars(arguments), **{key: section(key, kind) for key, kind in sections.items()})
    except Refused as refusal:
        sys.exit(f"{name}: error: {refusal}")


def progress(items: Iterable[T], total: int, label: str) -> Iterator[T]:
    """Pass `items` on, showing a bar in a terminal and a plain line every ten seconds in a log.

    Items may come in batches: what is left is judged when the first of a batch comes, by the batches before it.
    """
    if sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(items, total=total, desc=label)
        return
    start = shown = came = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if done and now - shown > 10 and now - came > 0.1 * (now - start) / done:
            left = (came - start) / done * (total - done) - (now - came)
            print(f"{label}: {done}/{total}, about {max(left, 0):.0f} s left")
            shown = now
        came = now
        yield item
