"""Tasks of lm-eval with data of our own: the settings of a stock task, and items from a folder of Parquet files."""

import functools
import re
from pathlib import Path
from typing import Any

from pipeline.core.errors import InputError
from pipeline.core.files import damaged, explain_damage, missing, refuse_missing
from pipeline.core.messages import first_line
from pipeline.parameters.benchmark import BenchmarkTask

INSTALL = "pip install --constraint constraints.txt --editable '.[benchmark]'"
SPLITS = ("training_split", "validation_split", "test_split", "fewshot_split")


def task_settings(name: str, task: BenchmarkTask) -> dict[str, Any]:
    """lm-eval's settings of a task, under the task's own name. Raises InputError where there is no such stock task."""
    settings: dict[str, Any] = {"test_split": "test"}
    if task.stock:
        settings = _read_yaml(name, task.stock)
        for key in ("tag", "group", "task_alias", "include"):
            settings.pop(key, None)
    settings |= task.settings
    if refused := [key for key in ("class", "unsafe_code", "doc_to_image", "doc_to_audio") if settings.get(key)]:
        raise InputError(f"benchmark.tasks.{name}: a task with `{refused[0]}` is not run here")
    for key in ("output_type", "metric_list"):
        if not settings.get(key):
            raise InputError(f"benchmark.tasks.{name}: no {key}; name a `stock` task or give `settings` of lm-eval")
    if not any(settings.get(key) for key in ("fewshot_split", "training_split", "validation_split")):
        settings["fewshot_split"] = settings["test_split"]  # lm-eval then leaves the asked item out of its examples
    return settings | {"task": name}


def _read_yaml(name: str, stock: str) -> dict[str, Any]:
    from lm_eval.tasks._yaml_loader import load_yaml  # what its TaskManager reads every task with

    path = stock_files().get(stock)
    if path is None:
        raise InputError(f"benchmark.tasks.{name}: lm-eval {version()} has no task {stock!r} (one task, no group)")
    try:
        return load_yaml(path)
    except (ImportError, OSError) as error:  # of a function that it names: a further package, or a file of the hub
        raise InputError(f"benchmark.tasks.{name}: lm-eval's {stock}: {first_line(error)}") from None


@functools.cache
def stock_files() -> dict[str, Path]:
    """Name -> the file of each of lm-eval's tasks: its own index takes ten times as long."""
    named = re.compile(r"""^["']?task["']?:[ ]*["']?([\w.-]+)["']?[ ]*$""", re.MULTILINE)
    found: dict[str, Path] = {}
    for path in sorted((lm_eval_folder() / "tasks").rglob("*.yaml")):
        if match := named.search(path.read_text(encoding="utf-8")):
            found.setdefault(match[1], path)
    return found


def lm_eval_folder() -> Path:
    """Where lm-eval is installed. Raises InputError where it is not."""
    try:
        import lm_eval
    except ImportError:
        raise InputError(f"benchmark: lm-eval is not installed: {INSTALL}") from None
    return Path(lm_eval.__file__).parent


def version() -> str:
    from importlib.metadata import version

    lm_eval_folder()
    return version("lm_eval")


def splits_needed(settings: dict[str, Any], num_fewshot: int | None) -> list[str]:
    """The splits that a task is asked on, and where prompts have worked examples that these come from."""
    asked = settings.get("test_split") or settings.get("validation_split") or settings.get("training_split")
    shots = settings.get("num_fewshot") or 0 if num_fewshot is None else num_fewshot
    examples = settings.get("fewshot_split") or settings.get("training_split") or settings.get("validation_split")
    return list(dict.fromkeys(filter(None, [asked, examples if shots else None])))


def with_data(settings: dict[str, Any], folder: Path, num_fewshot: int | None) -> dict[str, Any]:
    """The settings of a task whose items are the Parquet files of a folder, one for each split."""
    needed = [folder / f"{split}.parquet" for split in splits_needed(settings, num_fewshot)]
    if absent_files := [path for path in needed if not path.exists()]:
        raise missing(absent_files[0])
    items = {path.stem: _read_items(path) for path in sorted(folder.glob("*.parquet"))}
    absent = {key: None for key in SPLITS if settings.get(key) and settings[key] not in items}
    removed = {"dataset_path": None, "dataset_name": None, "dataset_kwargs": None}
    return settings | absent | removed | {"custom_dataset": lambda **_: items}


def _read_items(path: Path) -> Any:
    import pyarrow.parquet
    from datasets import Dataset

    refuse_missing(path)
    with explain_damage(path):
        items = Dataset(pyarrow.parquet.read_table(path))
    if not len(items):
        raise damaged(path, "no rows")
    return items
