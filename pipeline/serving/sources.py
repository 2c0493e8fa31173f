"""The methods that there are: those of the project as params.yaml has it now, and exported folders."""

from collections.abc import Iterable
from functools import cache, partial
from pathlib import Path

from pipeline.core.errors import InputError
from pipeline.core.params import PARAMS, read_section
from pipeline.core.paths import Paths
from pipeline.core.runs import run_names
from pipeline.inference.settings import SETTINGS, current, read_file, read_settings
from pipeline.parameters.runs import SeedsOf
from pipeline.serving.registry import Source

SERVED = ("adapter", "hf")  # formats of exports that transformers loads with the base's own vocabulary


class Sources:
    """Call it for the methods by name: a method is its first seed, and every run has its own name too.

    chosen: names of methods or runs; None takes all. folder: of exported folders, whose names are their methods'.
    """

    def __init__(self, paths: Paths, chosen: Iterable[str] | None, folder: Path | None) -> None:
        self.paths, self.chosen, self.folder = paths, None if chosen is None else list(chosen), folder
        self.read_at, self.found = -1, {}  # type: int, dict[str, Source]
        there = self()
        if unknown := [name for name in self.chosen or [] if name not in there]:
            raise InputError(f"no trained method {unknown[0]!r}; there are {', '.join(self.project())}")
        if folder and not folder.is_dir():
            raise InputError(f"--folder {folder}: no such folder")

    def __call__(self) -> dict[str, Source]:
        found = self.project()
        if self.chosen is not None:
            found = {name: source for name, source in found.items() if name in self.chosen}
        return found | self.exported()

    def first(self) -> list[str]:
        """The names that are loaded at the start: those that were chosen, or methods, not their further runs."""
        methods = self.chosen if self.chosen is not None else read_section("seeds_of", SeedsOf)
        return [name for name in self.project() if name in methods]

    def project(self) -> dict[str, Source]:
        """Of params.yaml, which is read again when it has changed."""
        params = self.paths.root / PARAMS
        written = params.stat().st_mtime_ns if params.exists() else 0
        if written != self.read_at:
            self.read_at, self.found = written, self.read_project()
        return self.found

    def read_project(self) -> dict[str, Source]:
        seeds_of: SeedsOf = read_section("seeds_of", SeedsOf)
        runs = {method: run_names(method, seeds) for method, seeds in seeds_of.items()}
        names = {method: found[0] for method, found in runs.items()}
        names |= {run: run for found in runs.values() for run in found}
        settings = cache(partial(current, self.paths))
        return {name: Source(self.paths.tuned_model(run), settings) for name, run in names.items()}

    def exported(self) -> dict[str, Source]:
        """The exports in the folder that stand beside a base; those of other formats have engines of their own."""
        found: dict[str, Source] = {}
        for path in sorted(self.folder.glob(f"*/{SETTINGS}")) if self.folder else []:
            values = read_file(path.parent)
            if values.get("format") in SERVED:
                base = values.get("base", {}).get("sha256", {})
                found[path.parent.name] = Source(path.parent, partial(read_settings, path.parent), base)
        return found
