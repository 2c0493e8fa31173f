"""Which methods there are to serve, and those that are loaded: found on disk, loaded at the first request, and again
when their files change.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.exporting.base_model import weight_hashes
from pipeline.inference.settings import AnswerSettings
from pipeline.models.loading import count_parameters
from pipeline.serving.served import ServedMethod, order_fields
from pipeline.serving.shared_base import SharedBase

LOOK_AGAIN = 1.0  # seconds until a method's files are looked at again
Signature = tuple[tuple[str, int, int], ...]


class UnknownMethod(InputError):
    """A name that no folder has."""


@dataclass(frozen=True)
class Source:
    """Where a method is: the folder that a training left or that was exported, and what reads its settings.

    base: hashes of the base's weights, by file, where the folder says to which it belongs.
    """

    folder: Path
    settings: Callable[[], AnswerSettings]
    base: dict[str, str] | None = None


@dataclass(frozen=True)
class Loaded:
    method: ServedMethod
    signature: Signature


class Registry:
    """sources: finds the methods that there are now, by name. base_folder: of the base that they share."""

    def __init__(self, sources: Callable[[], dict[str, Source]], base: SharedBase, base_folder: Path) -> None:
        self.sources, self.base, self.base_folder = sources, base, base_folder
        self.base_signature = signature(base_folder)
        self.parameters = count_parameters(base_folder)
        self.loaded: dict[str, Loaded] = {}
        self.looked: dict[str, float] = {}

    def listing(self) -> list[dict[str, Any]]:
        """Of each method its name, when its folder was written (Unix seconds), its task and its inputs' fields."""
        return [describe(name, source) for name, source in self.sources().items() if source.folder.is_dir()]

    def unchanged(self, name: str) -> ServedMethod | None:
        """The method of this name where it is loaded as its files are now; None where `get` has to load it.

        Raises UnknownMethod.
        """
        there, now = self.loaded.get(name), time.monotonic()
        if there and now - self.looked.get(name, -math.inf) < LOOK_AGAIN:
            return there.method
        if there is None or there.signature != signature(self.find(name).folder):
            return None
        self.looked[name] = now
        return there.method

    def find(self, name: str) -> Source:
        """Where the method of this name is. Raises UnknownMethod, and InputError where its folder is missing."""
        sources = self.sources()
        if name not in sources:
            raise UnknownMethod(f"no method {name!r}; there are {', '.join(sources)}")
        if not sources[name].folder.is_dir():
            raise files.missing(sources[name].folder)
        return sources[name]

    def get(self, name: str, retire: Callable[[ServedMethod], None] = lambda method: None) -> ServedMethod:
        """The method of this name, loaded first where it is new or has changed; `retire` gets what it replaces.

        Raises UnknownMethod, and InputError for one that cannot be served.
        """
        if method := self.unchanged(name):
            return method
        source = self.find(name)
        if signature(self.base_folder) != self.base_signature:
            raise InputError(f"{self.base_folder} was replaced since the start; start the server again")
        before, found = self.loaded.get(name), signature(source.folder)
        self.loaded[name] = Loaded(self.load(name, source), found)
        if before:
            retire(before.method)
        return self.loaded[name].method

    @cached_property
    def base_hashes(self) -> dict[str, str]:
        with files.explain_damage(self.base_folder):
            return weight_hashes(self.base_folder)

    def load(self, name: str, source: Source) -> ServedMethod:
        """A method from its folder. Raises InputError where it cannot be served."""
        settings = source.settings()
        if settings.model.architecture != self.base.architecture:
            raise InputError(f"{name}: its base is of the architecture {settings.model.architecture}, not this one")
        if source.base is not None and source.base != self.base_hashes:
            raise InputError(f"{name}: {source.folder} was trained on another base than {self.base_folder}")
        with files.explain_damage(source.folder):
            trained = self.base.load(source.folder)
        return ServedMethod(name, self.base, trained, settings, source.folder, self.parameters)


def describe(name: str, source: Source) -> dict[str, Any]:
    settings = source.settings()
    fields = order_fields(settings.task)
    created = int(source.folder.stat().st_mtime)
    return {"id": name, "created": created, "task": settings.task.name, "fields": list(fields)}


def signature(folder: Path) -> Signature:
    """What changes when a file of a folder does: names, sizes and times."""
    found = []
    for path in sorted(folder.rglob("*")):
        stat = path.stat()
        found.append((path.relative_to(folder).as_posix(), stat.st_size, stat.st_mtime_ns))
    return tuple(found)
