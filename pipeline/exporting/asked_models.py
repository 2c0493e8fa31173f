"""The models that a person asks for by name: methods and runs of this project, and folders with settings.json."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.params import PARAMS, parse_section, read_params, read_section
from pipeline.core.paths import Paths
from pipeline.exporting.opening import Answerer, open_folder, weights_folder
from pipeline.inference.predictor import Predictor
from pipeline.inference.settings import SETTINGS, current, read_file, read_settings
from pipeline.inference.trained_runs import find_run
from pipeline.parameters.data import Data
from pipeline.parameters.runs import SeedsOf
from pipeline.parameters.task import Task
from pipeline.tables.examples import Columns

ALL = "all"  # methods of params.yaml


class ColumnNames(TypedDict):
    """`columns` of settings.json: how the data set called what the task reads."""

    source: str
    target: str
    missing_words: list[str]
    further: dict[str, str]
    id: str | None


@dataclass(frozen=True)
class AskedModel:
    """label: the run or the folder. settings: all that an answer depends on beside the files of `folders`."""

    label: str
    task: Task
    columns: Columns
    id_column: str | None
    settings: Any
    folders: list[Path]
    open: Callable[[], Answerer]

    def state(self) -> Iterator[Any]:
        """What changes if the model does."""
        yield [self.label, self.settings]
        for folder in self.folders:
            if not folder.is_dir():
                raise files.missing(folder)
            for path in sorted(folder.rglob("*")):
                yield path.relative_to(folder).as_posix(), path.stat().st_size, path.stat().st_mtime_ns


def find_models(names: str, paths: Paths, base: Path | None) -> dict[str, AskedModel]:
    """The models of a list of names with commas, by name. base: where the base of the folders among them is.

    Raises InputError for a name of nothing, and where two of them are for different tasks.
    """
    asked = list(read_section("seeds_of", SeedsOf)) if names == ALL else names.split(",")
    found = {name: of_folder(Path(name), base) if is_folder(name) else of_project(name, paths) for name in asked}
    first, *others = found.items()
    for name, model in others:
        if model.task.fields != first[1].task.fields:
            raise InputError(f"{first[0]} and {name} read different inputs: {first[1].task.name}, {model.task.name}")
    return found


def is_folder(name: str) -> bool:
    """Whether a name is meant as a folder: it is a path, or no project is here whose method it could be."""
    return "/" in name or (not PARAMS.exists() and Path(name).is_dir())


def of_project(name: str, paths: Paths) -> AskedModel:
    """A method or a run, with the settings of params.yaml."""
    values = read_params()
    run, data = find_run(name, read_section("seeds_of", SeedsOf)), read_section("data", Data)
    settings, tuned = current(paths), paths.tuned_model(run)
    return AskedModel(
        run,
        settings.task,
        columns_of(settings.task, data),
        data.id_column,
        [values[name] for name in ("seed", "task", "template", "generate", "model")],
        [paths.base_model, tuned],
        lambda: Predictor(settings, paths.base_model, tuned),
    )


def columns_of(task: Task, data: Data) -> Columns:
    """The columns of the task's fields, as the data set calls them."""
    others = {field: data.columns.get(field, field) for field in task.fields if field != task.source}
    return Columns(data.source_column, data.target_column, data.missing_words, others)


def of_folder(folder: Path, base: Path | None) -> AskedModel:
    """An exported folder or a model card, with its own settings."""
    settings, values = read_settings(folder), read_file(folder)
    try:
        names: ColumnNames = parse_section(values.get("columns"), ColumnNames, "columns")
    except InputError as error:
        raise InputError(f"{folder / SETTINGS}: {error}") from None
    further = {field: column for field, column in names["further"].items() if field != settings.task.source}
    columns = Columns(names["source"], names["target"], names["missing_words"], further)
    folders = [folder, weights_folder(folder), *([base] if base else [])]
    return AskedModel(
        str(folder), settings.task, columns, names["id"], values, folders, lambda: open_folder(folder, base)
    )
