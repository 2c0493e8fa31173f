"""One checked, canonical record for each example of each split: id, the fields of the task, references.

    python -m pipeline.prepare

Reads JSON, CSV, Parquet and Arrow, files or folders (docs/data.md). Successive rows with the same input become one
record with several references.
"""

import hashlib
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.messages import listed
from pipeline.core.paths import SPLITS, Paths
from pipeline.core.shapes import Source
from pipeline.evaluation import near_duplicates
from pipeline.evaluation.scoring import check_words
from pipeline.evaluation.words import count_words
from pipeline.parameters.data import Data
from pipeline.parameters.score import Score
from pipeline.parameters.task import Task
from pipeline.parameters.types import Seed
from pipeline.tables.examples import Columns
from pipeline.tables.folders import split_files
from pipeline.tables.records import Layout, key_of, read_records, rows_of

MOST_LABELS = 1000

Record = dict[str, Any]  # id, fields, references; `near` where it is much like one of train; `choices` of a label
Counts = dict[str, Any]  # of a split, for reports/data.json


def run(paths: Paths, *, seed: Seed, task: Task, data: Data, score: Score) -> None:
    source = files.read_json(paths.raw_data / "source.json", Source)
    sources = find_sources(data)
    counts: dict[str, Counts] = {split: {} for split in SPLITS}
    read = {split: read_split(found, split, task, data, counts[split]) for split, found in sources.items()}
    splits = cut(read, task.fields, data.held_out, seed)
    for split in set(splits) - set(read):
        counts[split]["cut from train"] = len(splits[split])
    drop_leaks(splits, task.fields, counts)
    for split in SPLITS:
        splits[split] = splits[split][: getattr(data.limit, split)]
        if not splits[split]:
            raise InputError(f"{getattr(data, split)}: no example left for {split}")
        counts[split] |= {"examples": len(splits[split]), **mean_lengths(splits[split], task.source)}
        if split != "train":
            near = mark_near_duplicates(splits["train"], splits[split], task.fields, data.near_duplicate)
            counts[split]["near-duplicates of train"] = near
            add_choices(splits[split], splits["train"], task)
        files.write_jsonl(paths.records(split), splits[split])
        print(f"{split}: {counts[split]}")
    for warning in check_words(splits["test"], task, score, Path(data.test)):
        print(f"WARNING: {warning}")
    files.write_json(paths.data_card, {"source": source | {"name": data.name}, **counts})


def find_sources(data: Data) -> dict[str, list[Path]]:
    """Split -> its files; without the splits that are to be cut from train. Raises InputError where there are none."""
    places = {split: Path(getattr(data, split)) for split in SPLITS}
    sources: dict[str, list[Path]] = {}
    for split, place in places.items():
        from_train = split != "train" and is_same(place, places["train"])
        if not place.is_dir():
            if not from_train:
                sources[split] = [place]
            continue
        with files.explain_damaged_input(place):
            if chosen := _files_in(place, split, from_train):
                sources[split] = chosen
                print(f"{split}: {place}: {listed(path.relative_to(place) for path in chosen)}")
    return sources


def is_same(one: Path, other: Path) -> bool:
    """Whether two paths lead to the same file or folder."""
    try:
        return one == other or one.samefile(other)
    except (OSError, ValueError):  # not there, or no name that this system's encoding can write
        return False


def _files_in(folder: Path, split: str, from_train: bool) -> list[Path]:
    """The files of a split in a folder; none where it is to be cut from train, which is in the same folder."""
    found = split_files(folder)
    if found.get(split):
        return found[split]
    if from_train:
        return []
    if set(found) == {""}:
        return found[""]
    there = listed(path.relative_to(folder) for each in found.values() for path in each)
    raise InputError(f"{folder}: no file of {split} in this folder (data.{split}); found {there}")


def read_split(source: list[Path], split: str, task: Task, data: Data, counts: Counts) -> list[Record]:
    """The records of a split's files. Fills `counts`. Raises InputError for the first row that is not usable.

    Duplicates are dropped from train; a held-out split stays the benchmark it is.
    """
    layout = Layout(task_columns(task, data), tuple(task.fields), task.source, data.id_column, data.drop_empty)
    given = rows_of(source, data.delimiter)
    records = list(read_records(given, layout, split, counts, drop_duplicates=split == "train"))
    warn_of_written_breaks(split, records, task.source)
    return records


def task_columns(task: Task, data: Data) -> Columns:
    """Which columns hold what the task needs. Raises InputError for a column of a field that the task does not have."""
    others = [field for field in task.fields if field != task.source]
    if unknown := [field for field in data.columns if field not in others]:
        there = f"{task.name} has {listed(others)} beside {task.source}, whose column is data.source_column"
        raise InputError(f"data.columns.{unknown[0]}: {there}")
    further = {field: data.columns.get(field, field) for field in others}
    short = task.kind != "summarization"
    return Columns(data.source_column, data.target_column, data.missing_words, further, short)


def warn_of_written_breaks(split: str, records: list[Record], source: str) -> None:
    """Print a warning where most inputs hold a backslash and an n, but no line break: an export wrote it so."""
    written = sum("\\n" in record[source] and "\n" not in record[source] for record in records)
    if 2 * written > len(records):
        print(
            f"{split}: WARNING: {written} of {len(records)} inputs hold \\n as two characters and no line break; "
            "if line breaks are meant, export them as such"
        )


def cut(read: dict[str, list[Record]], fields: list[str], share: float, seed: int) -> dict[str, list[Record]]:
    """Cut the splits that have no file of their own from train: `share` of the examples each, at least one.

    An example's split depends on the seed and its fields, not on the order of the file. Raises InputError if train
    is too small.
    """
    missing = [split for split in SPLITS if split not in read]
    size = max(1, round(share * len(read["train"])))
    if len(read["train"]) <= size * len(missing):
        raise InputError(
            f"train has {len(read['train'])} different examples: too few to cut {' and '.join(missing)} from"
        )

    def draw(record: Record) -> bytes:
        return hashlib.sha256(f"{seed}\n{key_of(record, fields)}".encode()).digest()

    drawn = sorted(read["train"], key=draw)
    splits = dict(read)
    for number, split in enumerate(missing):
        chosen = {record["id"] for record in drawn[number * size : (number + 1) * size]}
        splits[split] = [record for record in read["train"] if record["id"] in chosen]
        splits["train"] = [record for record in splits["train"] if record["id"] not in chosen]
    return splits


def drop_leaks(splits: dict[str, list[Record]], fields: list[str], counts: dict[str, Counts]) -> None:
    """Drop from train what is also in validation or test, and from validation what is also in test."""
    for split, others in (("train", ("validation", "test")), ("validation", ("test",))):
        held_out = {key_of(record, fields) for other in others for record in splits[other]}
        kept = [record for record in splits[split] if key_of(record, fields) not in held_out]
        counts[split]["dropped leaks"] = len(splits[split]) - len(kept)
        splits[split] = kept


def mark_near_duplicates(
    train: list[Record], held_out: list[Record], fields: list[str], threshold: float
) -> dict[str, str]:
    """Give each held-out record that is a near-duplicate of one of train that one's id as `near`.

    Returns for each of their ids that of train, with the similarity.
    """
    nearest = near_duplicates.nearest(train, held_out, fields, threshold)
    for record in held_out:
        if record["id"] in nearest:
            record["near"] = nearest[record["id"]][0]
    return {name: f"{other} ({similarity:.2f})" for name, (other, similarity) in nearest.items()}


def add_choices(records: list[Record], train: list[Record], task: Task) -> None:
    """Give each record of a classification the labels of train as `choices`, where the likeliest is asked for.

    Raises InputError where there are more than MOST_LABELS: a forward pass for each would take hours.
    """
    if task.kind == "classification" and task.by_choice:
        labels = sorted({record["references"][0] for record in train})
        if len(labels) > MOST_LABELS:
            raise InputError(
                f"train has {len(labels):,} different labels, the first {listed(labels[:3])}: too many to compare all "
                f"of them for each example (at most {MOST_LABELS:,}): set task.by_choice=false, or data.target_column "
                "to the column of the labels"
            )
        for record in records:
            record["choices"] = labels


def mean_lengths(split: list[Record], source: str) -> dict[str, float]:
    """Mean words of inputs and references, and references per example."""
    references = [count_words(reference) for record in split for reference in record["references"]]
    return {
        "references per example": round(len(references) / len(split), 2),
        "words per input": round(sum(count_words(record[source]) for record in split) / len(split), 1),
        "words per reference": round(sum(references) / len(references), 1),
    }


if __name__ == "__main__":
    run_stage(run)
