"""The methods that are compared: one file each, named as in `methods` of params.yaml.

A method's module has `Params`, the types of its section of params.yaml, and one of

    adapt(model: LanguageModel, params: Params, seed: int) -> network
        Returns the network to train: of its parameters those that require a gradient are trained. When it is called,
        every parameter of model.network is frozen.
    demonstrations(prompts: list[dict], params: Params, seed: int) -> list[dict]
        Worked examples for the prompt; nothing is trained.

or neither (zero_shot). Beside `adapt` it may have a subclass of `MethodHooks` named `Hooks`, for what gradients alone
do not do. pipeline/methods/base.py has what several methods need.
"""

import importlib
from pathlib import Path
from types import ModuleType

from pipeline.core.errors import InputError


def names() -> list[str]:
    """Every method, from the files in this folder."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py") if path.stem != "base")


def depends_on_seed(name: str) -> bool:
    """Whether a method trains or draws something. Of an unknown one, which is refused elsewhere, it is assumed."""
    if name not in names():
        return True
    module = find(name)
    return hasattr(module, "adapt") or hasattr(module, "demonstrations")


def find(name: str) -> ModuleType:
    """The module of one method. Imported by name, so that editing one method leaves the others' stages alone."""
    if name not in names():
        raise InputError(f"methods: unknown method {name!r}; there are {', '.join(names())}")
    return importlib.import_module(f"pipeline.methods.{name}")
