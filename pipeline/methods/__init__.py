"""The methods that are compared: one file each, named as in `methods` of params.yaml.

A method's module has `Params`, the types of its block in params.yaml, and one of
  adapt(model, tokenizer, params: Params, arch, seed) -> model   what is trained, everything else frozen
  demonstrations(prompts, params: Params, seed) -> list[dict]    worked examples for the prompt, nothing trained
or neither (zero_shot). Beside `adapt` it may have a `Companion` of its own, for what gradients alone do not do.
"""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Annotated, Literal

from pydantic import Field

from pipeline.core.errors import InputError
from pipeline.core.params import section
from pipeline.parameters.types import Count

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]


@section
class Trained:
    """The keys every trained method's block has; names and meaning as in transformers.TrainingArguments."""

    learning_rate: Positive
    num_train_epochs: Count
    optim: Literal["adamw_torch_fused", "adafactor"]
    lr_scheduler_type: Literal["linear", "cosine", "constant", "constant_with_warmup"]
    warmup_steps: Annotated[float, Field(ge=0)]
    weight_decay: Annotated[float, Field(ge=0)]


class Companion:
    """What goes along with a method's training; this one, for methods without their own, does nothing."""

    def __init__(self, model=None, params: Trained | None = None, steps: int = 0):
        """model: what `adapt` returned; steps: those of the whole training."""

    def penalty(self):
        """What is added to the loss that is minimized; curves show the loss without it."""
        import torch

        return torch.zeros(())

    def stepped(self, step: int) -> None:
        """Called after each optimizer step, the first is 1, while its gradients are still there."""

    def state(self) -> dict:
        """The tensors that a checkpoint keeps beside the trained weights, by name."""
        return {}

    def restore(self, state: dict) -> None:
        """Go on from a checkpoint's `state`, or end with it; its weights are in the model already."""


def inject(model, config, method: str):
    """The model with PEFT's layers in it; Refused where the model lacks the modules they are to stand at."""
    from peft import get_peft_model

    try:
        return get_peft_model(model, config)
    except ValueError as error:
        raise InputError(f"{method}.target_modules: {error}") from error


def targets(modules: list[str] | None) -> list[str] | str | None:
    """`target_modules` as PEFT wants it: its word for every linear layer but the output's is no list."""
    return "all-linear" if modules == ["all-linear"] else modules


def names() -> list[str]:
    """Every method there is, from the files in this folder."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))


def find(name: str) -> ModuleType:
    """The module of one method. Imported by name, so that editing one method leaves the others' stages alone."""
    if name not in names():
        raise InputError(f"methods: unknown method {name!r}; there are {', '.join(names())}")
    return importlib.import_module(f"pipeline.methods.{name}")
