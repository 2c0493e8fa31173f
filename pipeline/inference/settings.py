"""Everything but the weights that an answer depends on, from params.yaml or from the settings.json of a folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pipeline.core.errors import InputError
from pipeline.core.messages import first_line
from pipeline.core.params import PARAMS, parse_section, read_params
from pipeline.core.paths import Paths
from pipeline.core.shapes import TokenLimits
from pipeline.models.limits import read_limits
from pipeline.parameters.generate import Generate
from pipeline.parameters.model import Model
from pipeline.parameters.task import Task
from pipeline.parameters.template import Template
from pipeline.parameters.types import Seed

SETTINGS = "settings.json"
T = TypeVar("T")


@dataclass(frozen=True)
class AnswerSettings:
    """seed: draws each prompt's phrasing. limits: data/limits.json.

    test_prompts: of few_shot as many worked examples are used as fit before each of them; None where the folder's
    examples were chosen so already. soft_tokens: tokens of a vocabulary that go before every prompt and are never
    written: a soft prompt that was exported.
    """

    task: Task
    template: Template
    model: Model
    generate: Generate
    limits: TokenLimits
    seed: int
    test_prompts: Path | None = None
    soft_tokens: tuple[str, ...] = ()


def current(paths: Paths) -> AnswerSettings:
    """The settings of params.yaml, with the limits that `tokenize` found."""
    values = read_params(paths.root / PARAMS)
    return AnswerSettings(**parse(values), limits=read_limits(paths), test_prompts=paths.prompts("test"))


def read_settings(folder: Path) -> AnswerSettings:
    """The settings of an exported folder or a model card. Raises InputError for a file that lacks one or is wrong."""
    values = read_file(folder)
    try:
        soft_tokens = parse_section(values.get("soft_tokens", []), list[str], "soft_tokens")
        limits = part(values, "limits", TokenLimits)
        return AnswerSettings(**parse(values), limits=limits, soft_tokens=tuple(soft_tokens))
    except InputError as error:
        raise InputError(f"{folder / SETTINGS}: {error}") from None


def read_file(folder: Path) -> dict[str, Any]:
    """All that settings.json of a folder holds."""
    path = folder / SETTINGS
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such file; expected a folder that `python -m pipeline.export` wrote, or a model card's"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON: {first_line(error)}") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected a mapping, found {type(values).__name__}")
    return values


def parse(values: dict[str, Any]) -> dict[str, Any]:
    """The fields of AnswerSettings that are sections of params.yaml, checked as the parameters are."""
    kinds = {"task": Task, "template": Template, "model": Model, "generate": Generate, "seed": Seed}
    return {name: part(values, name, kind) for name, kind in kinds.items()}


def part(values: dict[str, Any], name: str, kind: Any) -> Any:
    if name not in values:
        raise InputError(f"{name}: missing")
    return parse_section(values[name], kind, name)
