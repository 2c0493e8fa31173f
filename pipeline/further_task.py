"""The records of a further task of the mixture, from a file, a folder or the hub.

    python -m pipeline.further_task NAME

They are as those of `prepare`, of one split, without duplicates (formats: docs/data.md).
"""

from collections.abc import Iterator

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.hub import explain_hub_errors
from pipeline.core.messages import listed
from pipeline.core.paths import Paths
from pipeline.parameters.data import Data
from pipeline.parameters.mixture import FurtherTask, HubSplit, Mixture
from pipeline.tables.examples import Columns
from pipeline.tables.folders import files_of
from pipeline.tables.records import Counts, Layout, chosen_rows, read_records, rows_of
from pipeline.tables.rows import Row


def run(name: str, paths: Paths, *, mixture: Mixture, data: Data) -> None:
    if name not in mixture.tasks:
        raise InputError(f"mixture.tasks: no task {name!r}; there are {listed(mixture.tasks)}")
    task, counts = mixture.tasks[name], Counts()
    given = hub_rows(task.hub) if task.hub else rows_of(files_of(paths.root / task.data), data.delimiter)
    records = read_records(chosen_rows(given, task.where), layout_of(task, data), name, counts, drop_duplicates=True)
    files.write_jsonl(paths.further_records(name), records)
    if counts["rows"] == counts["dropped empty rows"]:
        place = task.hub.repo_id if task.hub else task.data
        raise InputError(f"mixture.tasks.{name}: no row of {place} has {task.where or 'an example'}")
    print(f"{name}: {counts}")


def hub_rows(hub: HubSplit) -> Iterator[Row]:
    """The rows of a split of a hub data set, at its revision."""
    from datasets import load_dataset

    with explain_hub_errors(hub.repo_id, hub.revision, "a task with `data` and `hub: null`"):
        rows = load_dataset(hub.repo_id, hub.config, revision=hub.revision, split=hub.split)
    return ((f"{hub.repo_id} {hub.split} row {number}", dict(row)) for number, row in enumerate(rows, start=1))


def layout_of(task: FurtherTask, data: Data) -> Layout:
    """How the task's rows hold its examples; answers may be whole numbers."""
    if task.source not in task.fields:
        raise InputError(f"source: {task.source!r} is none of the fields {listed(task.fields)}")
    further = {field: column for field, column in task.fields.items() if field != task.source}
    columns = Columns(task.fields[task.source], task.target, data.missing_words, further, short=True)
    return Layout(columns, tuple(task.fields), task.source, None, data.drop_empty)


if __name__ == "__main__":
    run_stage(run, online=True)
