"""The items of a benchmark's task, as one Parquet file for each split: the only stage of a benchmark that asks a hub.

    python -m pipeline.benchmark_data NAME

Of a hub data set those splits that the task reads, at the commit that its revision stands for, which is kept beside
them; of a person's folder the files of these splits; a single file is the one split that is asked for.
"""

from typing import Any

from pipeline.benchmarking.tasks import splits_needed, task_settings
from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.hub import explain_hub_errors
from pipeline.core.messages import first_line, listed
from pipeline.core.paths import Paths
from pipeline.parameters.benchmark import Benchmark, BenchmarkTask, HubConfig
from pipeline.parameters.data import Data
from pipeline.tables.folders import files_of, split_of
from pipeline.tables.records import chosen_rows, rows_of
from pipeline.tables.values import written_list


def run(name: str, paths: Paths, *, benchmark: Benchmark, data: Data) -> None:
    if name not in benchmark.tasks:
        raise InputError(f"benchmark.tasks: no task {name!r}; there are {listed(benchmark.tasks)}")
    task, folder = benchmark.tasks[name], paths.benchmark_items(benchmark.name, name)
    folder.mkdir(parents=True, exist_ok=True)
    needed = splits_needed(task_settings(name, task), benchmark.num_fewshot)
    commit = hub_commit(task.hub, name) if task.hub else None
    source = {"repo_id": task.hub.repo_id, "commit": commit} if task.hub else {"files": "read where they are"}
    files.write_json(folder / "source.json", source)
    counts = {}
    for split in needed:
        rows = hub_rows(task.hub, commit, split, name) if task.hub else own_rows(name, task, split, paths, data)
        rows.to_parquet(folder / f"{split}.parquet")
        counts[split] = len(rows)
    print(f"{name}: {counts}")


def hub_commit(hub: HubConfig, name: str) -> str | None:
    """The commit that the revision of a hub data set, perhaps a branch, stands for now."""
    from huggingface_hub import HfApi

    with explain_hub_errors(hub.repo_id, hub.revision, instead_of_hub(name)):
        return HfApi().dataset_info(hub.repo_id, revision=hub.revision).sha


def hub_rows(hub: HubConfig, commit: str | None, split: str, name: str) -> Any:
    """A split of a hub data set, with its types."""
    from datasets import load_dataset

    with explain_hub_errors(hub.repo_id, hub.revision, instead_of_hub(name)):
        return load_dataset(hub.repo_id, hub.config, revision=commit, split=split)


def instead_of_hub(name: str) -> str:
    return f"benchmark.tasks.{name}.data with `hub: null`"


def own_rows(name: str, task: BenchmarkTask, split: str, paths: Paths, data: Data) -> Any:
    """The rows of a person's file, or of the file that a folder has for the split; lists as text become lists."""
    from datasets import Dataset

    given = rows_of(files_of(paths.root / task.data, split_of(split) or "test", others=False), data.delimiter)
    rows = [
        {column: read_list(value, f"{where}: {column!r}") for column, value in row.items()}
        for where, row in chosen_rows(given, task.where)
    ]
    if not rows:
        raise InputError(f"benchmark.tasks.{name}: no row of {task.data} has {task.where}")
    try:
        return Dataset.from_list(rows)
    except Exception as error:  # pyarrow's, of columns that hold several types
        raise InputError(f"{task.data}: {first_line(error)}") from None


def read_list(value: Any, where: str) -> Any:
    """A list where a text holds one as JSON, as in CSV; any other value as it is."""
    return (written_list(value, where) or value) if isinstance(value, str) else value


if __name__ == "__main__":
    run_stage(run, online=True)
