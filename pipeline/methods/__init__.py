"""The methods that are compared: one file each, named as in `methods` of params.yaml.

A method's module has `Params`, the types of its block in params.yaml, and one of
  adapt(model, tokenizer, params: Params, arch, seed) -> model   what is trained, everything else frozen
  demonstrations(prompts, params: Params, seed) -> list[dict]    worked examples for the prompt, nothing trained
or neither (zero_shot).
"""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Annotated, Literal

from pydantic import Field

from pipeline import stage
from pipeline.sources import Count

Positive = Annotated[float, Field(gt=0)]


@stage.params
class Trained:
    """The keys every trained method's block has; names and meaning as in transformers.TrainingArguments."""

    learning_rate: Positive
    num_train_epochs: Count
    optim: Literal["adamw_torch_fused", "adafactor"]
    lr_scheduler_type: Literal["linear", "cosine", "constant", "constant_with_warmup"]
    warmup_steps: Annotated[float, Field(ge=0)]
    weight_decay: Annotated[float, Field(ge=0)]


def names() -> list[str]:
    """Every method there is, from the files in this folder."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))


def find(name: str) -> ModuleType:
    """The module of one method. Imported by name, so that editing one method leaves the others' stages alone."""
    if name not in names():
        raise stage.Refused(f"methods: unknown method {name!r}; there are {', '.join(names())}")
    return importlib.import_module(f"pipeline.methods.{name}")
