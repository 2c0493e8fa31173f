"""Compose conf/ into params.yaml, and refuse values that no stage could use.

    python -m pipeline.config compose          write params.yaml (make params)
    python -m pipeline.config check OUTPUT     the first stage: params.yaml is sound, and what conf/ composes to

Values are checked before anything heavy is imported.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from pipeline import baselines, methods
from pipeline.core.errors import InputError
from pipeline.core.params import PARAMS, flatten, parse_section, read_params
from pipeline.forgetting import Retain
from pipeline.generate import Generate
from pipeline.parameters.data import Data
from pipeline.parameters.model import Model
from pipeline.parameters.types import Seed
from pipeline.score import Score
from pipeline.template import Template
from pipeline.tokenize import Tokenize
from pipeline.train import Train
from support_calls.write import Support

ROOT = Path(__file__).parent.parent
SECTIONS = {
    "seed": Seed,
    "methods": list[str],
    "support": Support,
    "data": Data,
    "model": Model,
    "template": Template,
    "tokenize": Tokenize,
    "train": Train,
    "generate": Generate,
    "retain": Retain,
    "score": Score,
}


def compose(output: Path, overrides: list[str] = ()) -> None:
    """conf/ to one file, by the function that `dvc exp run` itself uses; Refused as there (pipeline/door.py)."""
    from dvc.exceptions import InvalidArgumentError
    from dvc.utils.hydra import compose_and_dump

    try:
        compose_and_dump(output, str(Path("conf").resolve()), None, "config", str(ROOT), list(overrides))
    except InvalidArgumentError as error:
        raise InputError(str(error)) from error


def validate(values: dict) -> None:
    """Refuse unknown or missing keys, wrong types, and combinations that can't work; nothing heavy is imported."""
    kinds = SECTIONS | {name: methods.find(name).Params for name in methods.names()}
    if missing := [key for key, value in flatten(values) if value == "???"]:
        raise InputError(f"{missing[0]}: missing; give it a value: -S {missing[0]}=...")
    if unknown := sorted(set(values) - set(kinds)):
        raise InputError(f"{unknown[0]}: unknown key; there are {', '.join(kinds)}")
    for name in kinds:
        if name not in values:
            raise InputError(f"{name}: missing from {PARAMS}")
    sections = {name: parse_section(values[name], kind, name) for name, kind in kinds.items()}
    chosen = sections["methods"]
    if not chosen:
        raise InputError("methods: empty; name at least one, for instance [zero_shot, lora]")
    for name in chosen:
        methods.find(name)
        if chosen.count(name) > 1:
            raise InputError(f"methods: {name!r} is named {chosen.count(name)} times")
    if taken := sorted(set(sections["score"].external) & {*methods.names(), *baselines.NAMES}):
        raise InputError(f"score.external: {taken[0]!r} is the name of a method or a yardstick; choose another")
    model = sections["model"]
    if model.arch == "seq2seq" and sections["train"].precision == "fp16":
        raise InputError("train.precision: 'fp16' overflows in T5 (transformers #23135); use auto, bf16 or fp32")
    if model.hub and model.wheel:
        raise InputError("model: give a hub repository or a wheel, not both")


def check(output: Path) -> None:
    """Validate params.yaml and, outside an experiment, that it is what conf/ composes to."""
    values = read_params()
    validate(values)
    if "DVC_EXP_BASELINE_REV" not in os.environ:  # `dvc exp run` has just composed it, with -S on top
        with tempfile.TemporaryDirectory() as folder:
            composed = Path(folder) / "params.yaml"
            compose(composed)
            wanted = read_params(composed)
        if differing := sorted(differences(wanted, values)):
            raise InputError(
                f"params.yaml is not what conf/ composes to: {'; '.join(differing)}. If conf/ is right, run "
                "`make params` and then `dvc repro`; if params.yaml is (an experiment was applied), `make adopt`; to "
                "try a value, `dvc exp run -S key=value`"
            )
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text("params.yaml was checked\n")


def differences(wanted: object, found: object, key: str = "") -> list[str]:
    """The keys at which two configurations differ, with both values."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        names = [*wanted, *(name for name in found if name not in wanted)]
        pairs = ((f"{key}.{name}".lstrip("."), wanted.get(name), found.get(name)) for name in names)
        return [line for name, left, right in pairs for line in differences(left, right, name)]
    return [] if wanted == found else [f"{key} is {found!r}, in conf/ {wanted!r}"]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.config", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=["compose", "check"])
    parser.add_argument("output", type=Path, nargs="?", default=PARAMS)
    arguments = parser.parse_args()
    try:
        if arguments.action == "compose":
            compose(arguments.output)
            validate(read_params(arguments.output))
        else:
            check(arguments.output)
    except InputError as refusal:
        sys.exit(f"python -m pipeline.config: error: {refusal}")


if __name__ == "__main__":
    main()
