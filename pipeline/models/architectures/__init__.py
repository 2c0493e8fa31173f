"""The architectures of language models: one file each, named as `model.architecture` of params.yaml.

A file holds one subclass of `LanguageModel`, which says in what the architecture differs: how an example is encoded,
what the loss is, how text is generated. Everything else works on any `LanguageModel`.
"""

import importlib
from pathlib import Path

from pipeline.core.errors import InputError
from pipeline.models.architectures.base import LanguageModel


def names() -> list[str]:
    """Every architecture, from the files in this folder."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py") if path.stem != "base")


def find(name: str) -> type[LanguageModel]:
    """The class of an architecture. Imported by name: an edit of one leaves the stages of the others alone."""
    if name not in names():
        raise InputError(f"model.architecture: {name!r}: unknown; there are {', '.join(names())}")
    module = importlib.import_module(f"pipeline.models.architectures.{name}")
    (found,) = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, LanguageModel) and value.__module__ == module.__name__
    ]
    return found
