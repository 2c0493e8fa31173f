"""Paths that a configuration names: none may be, or lie in, what DVC deletes before a stage runs.

The stage `config` and `dvc exp run` check them before anything runs. Nothing heavy is imported.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import methods
from pipeline.core.errors import InputError
from pipeline.core.imports import ROOT
from pipeline.core.paths import SPLITS, Paths
from pipeline.core.runs import run_names
from pipeline.core.yaml_files import read_yaml
from pipeline.parameters.metrics import JUDGES, PERTURBATIONS

DATA = ("data.train", "data.validation", "data.test")
# Stages that write what a setting can mean: the bundled data for every text.
MEANT = {key: {"support_calls"} for key in (*DATA, "forgetting.questions", "forgetting.text")}
FURTHER = ("mixture", "benchmark")  # groups of tasks, each with data of its own
RAW_DATA, RAW_MODEL = Paths().raw_data, Paths().raw_model
HUB_FILES = {RAW_DATA / f"{split}.jsonl" for split in SPLITS}
CHECKPOINTS = Paths().checkpoints.as_posix()
LINKS = 40  # symbolic links that lead to each other, as Linux counts them
Named = tuple[str, str]  # a key of params.yaml and the path that it names


@dataclass(frozen=True)
class Outputs:
    """What stages write, as absolute paths with the stage's name, and as (device, inode) where they exist."""

    places: dict[Path, str]
    found: dict[tuple[int, int], Path]

    def holding(self, path: Path) -> Path | None:
        """The output that `path` is or lies in, also where a disk does not tell upper from lower case."""
        for ancestor in (path, *path.parents):
            if ancestor in self.places:
                return ancestor
            output = self.found.get(_identity(ancestor) or (0, 0))
            # Two names of one file are a hard link, and DVC deletes only its own name.
            if output and (ancestor.is_dir() or ancestor.name.casefold() == output.name.casefold()):
                return output
        return None

    def inside(self, folder: Path) -> Path | None:
        """An output in a folder."""
        return next((place for place in self.places if folder in place.parents), None)

    def without(self, stages: set[str]) -> "Outputs":
        """Those of the other stages."""
        places = {place: stage for place, stage in self.places.items() if stage not in stages}
        return Outputs(places, {key: place for key, place in self.found.items() if place in places})


def check_paths(values: Mapping[str, Any], folder: Path) -> None:
    """Raises InputError for a path that no stage could read, or that a stage would delete or overwrite.

    `folder` is the project's, from which relative paths begin.
    """
    folder = Path(os.path.realpath(folder))
    outputs = read_outputs(folder, values)
    refuse_linked_outputs(outputs, folder)
    refuse_files_of_no_stage(values, folder)
    for key, text in named_paths(values, folder):
        check_name(key, text, folder)
        others = outputs.without(stages_meant(key, text, values))
        for path in steps(folder / text):
            if output := others.holding(path) or others.inside(path):
                refuse(key, text, path, output, others.places[output], folder)


def refuse(key: str, text: str, path: Path, output: Path, stage: str, folder: Path) -> None:
    """Raise the InputError that says what `text`, which leads to `path`, has to do with an output, and what to do."""
    place = output.relative_to(folder).as_posix()
    verb = "contains" if path in output.parents else "lies in" if output in path.parents else "is"
    leads = "" if path == folder / text else ", where it leads,"
    reason = f"the stage {stage} writes it, and DVC deletes it before that runs"
    if stage == CHECKPOINTS:
        reason = "finished trainings and `make clean` delete it"
    raise InputError(f"{key}: {text!r}{leads} {verb} {place}: {reason}. Copy your files elsewhere, and name the copy")


def read_outputs(folder: Path, values: Mapping[str, Any]) -> Outputs:
    """Every output of dvc.yaml, also those of methods that are not chosen now: another run deletes them."""
    every = [{"method": method, "key": run} for method in methods.names() for run in names_of(method, values)]
    keys = {
        "${runs}": every,
        "${benchmark_runs}": every,
        "${robustness_runs}": every,
        "${soft_prompt_runs}": every,
        "${metrics.perturbations}": [{"key": name} for name in PERTURBATIONS],
        "${metrics.judges}": [{"key": name} for name in JUDGES],
        "${seeds_of}": [{"key": method} for method in methods.names()],
        "${score.external}": [{"key": system} for system in values["score"]["external"]],
        "${mixture.tasks}": [{"key": task} for task in values["mixture"]["tasks"]],
        "${benchmark.tasks}": [
            {"key": task, "benchmark.name": values["benchmark"]["name"]} for task in values["benchmark"]["tasks"]
        ],
    }
    places = {folder / CHECKPOINTS: CHECKPOINTS}
    for name, stage in read_yaml(ROOT / "dvc.yaml")["stages"].items():
        items = keys.get(stage.get("foreach"), [])
        stage = stage.get("do", stage)
        if stage.get("frozen"):  # DVC never runs it
            continue
        for output in [*stage.get("outs", []), *stage.get("metrics", [])]:
            pattern = next(iter(output)) if isinstance(output, dict) else output
            for item in items if "${" in pattern else [{}]:
                place = pattern
                for word, value in item.items():
                    place = place.replace(f"${{{word}}}", value).replace(f"${{item.{word}}}", value)
                places[folder / place] = name
    found = {key: place for place in places if (key := _identity(place))}
    return Outputs(places, found)


def names_of(method: str, values: Mapping[str, Any]) -> list[str]:
    """The runs of a method with the chosen seeds."""
    return run_names(method, values["seeds"] if methods.depends_on_seed(method) else [])


def refuse_linked_outputs(outputs: Outputs, folder: Path) -> None:
    """Raises InputError for an output in a folder behind a symbolic link: the stage would write where that leads to."""
    seen = {folder}
    for place, stage in outputs.places.items():
        for path in (place, *place.parents):
            if path in seen:
                break
            seen.add(path)
            if path.is_symlink() and path.is_dir():
                raise InputError(
                    f"{path.relative_to(folder)} is a symbolic link to {os.readlink(path)}, and the stage {stage} "
                    f"would overwrite what is there. Remove the link: rm {path.relative_to(folder)}"
                )


def named_paths(values: Mapping[str, Any], folder: Path) -> Iterator[Named]:
    """The keys whose values are paths, with these; of metrics of `evaluate` those that are files here."""
    for key in (*DATA, "model.path", "forgetting.questions", "forgetting.text"):
        section, _, name = key.partition(".")
        yield key, values[section][name]
    for name, path in values["score"]["external"].items():
        yield f"score.external.{name}", path
    for group in FURTHER:
        for name, task in values[group]["tasks"].items():
            if not task["hub"]:
                yield f"{group}.tasks.{name}.data", task["data"]
    for metric in values["score"]["evaluate"]:
        name = metric if isinstance(metric, str) else metric["name"]
        if exists(folder / name):
            yield "score.evaluate", name


def stages_meant(key: str, text: str, values: Mapping[str, Any]) -> set[str]:
    """The stages whose outputs a setting may name: data/raw holds the hub's data set, where one is set."""
    stages = set(MEANT.get(key, ()))
    if key.startswith(FURTHER):
        stages.add("support_calls")
    path = Path(os.path.normpath(text))
    if key in DATA and values["data"]["hub"] and (path == RAW_DATA or path in HUB_FILES):
        stages.add("download")
    if key == "model.path" and (values["model"]["hub"] or values["model"]["wheel"]) and path == RAW_MODEL:
        stages.add("download_model")
    return stages


def refuse_files_of_no_stage(values: Mapping[str, Any], folder: Path) -> None:
    """Raises InputError for files in data/raw and models/raw, the usual places of a user's own, that no stage wrote."""
    data, model = values["data"], values["model"]
    wheel = {Path(model["wheel"]["file"]).name} if model["wheel"] else set()
    for raw, stage, hub, names in (
        (RAW_DATA, "download", data["hub"], {path.name for path in HUB_FILES}),
        (RAW_MODEL, "download_model", model["hub"], None),
    ):
        try:
            found = set(os.listdir(folder / raw)) - {"source.json", ".gitignore"} - wheel
        except OSError:
            continue
        if found and (hub or _files_before(folder, stage) > 1):  # a download now or before, perhaps interrupted
            found = found - names if names else set()
        if found:
            raise InputError(
                f"{raw / min(found)} is no file of the stage {stage}, and DVC deletes {raw} before that runs. "
                "Move it to another folder"
            )


def _files_before(folder: Path, stage: str) -> int:
    """How many files a stage had written when dvc.lock was; 0 where nothing says so."""
    lock = folder / "dvc.lock"
    outputs = read_yaml(lock)["stages"].get(stage, {}).get("outs", []) if lock.exists() else []
    return sum(output.get("nfiles", 1) for output in outputs)


def check_name(key: str, text: str, folder: Path) -> None:
    """Raises InputError for a text that cannot be the path of a file here."""
    if not text.strip():
        raise InputError(f"{key}: empty; name a file or a folder")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text):
        raise InputError(f"{key}: {text!r} is an address; download it, and name the file")
    if "${" in text:
        raise InputError(f"{key}: {text!r}: `${{` begins a reference to another key; rename the file")
    if text.startswith("~") and not exists(folder / text):
        raise InputError(
            f"{key}: {text!r}: only a shell knows what ~ means; write the whole path: {os.path.expanduser(text)}"
        )
    try:
        os.lstat(folder / text)
    except FileNotFoundError:
        pass  # an output that is not yet there, or DVC has it; the stage that reads it says more
    except (OSError, ValueError) as error:  # too long; a zero byte; no permission; a file in place of a folder
        reason = error.strerror if isinstance(error, OSError) else str(error)
        short = text if len(text) <= 100 else f"{text[:100]}..."
        raise InputError(f"{key}: {short!r} ({len(text):,} characters) cannot be a path here: {reason}") from None


def steps(path: Path) -> Iterator[Path]:
    """A path as it is written, without `..`, and every place that symbolic links on it lead to.

    In a folder, also where the links among its files lead to: a model's weights may be links.
    """
    yield Path(os.path.normpath(path))
    current = path
    for _ in range(LINKS):
        current = Path(os.path.realpath(current.parent)) / current.name
        yield Path(os.path.normpath(current))
        if not current.is_symlink():
            break
        current = current.parent / os.readlink(current)
    if path.is_dir():
        with os.scandir(path) as entries:
            yield from (Path(os.path.realpath(entry.path)) for entry in entries if entry.is_symlink())


def exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
