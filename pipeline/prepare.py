"""One checked, canonical record for each example of each split: id, the fields of the task, references.

    python -m pipeline.prepare

Reads JSON, CSV, Parquet and Arrow, files or folders (docs/data.md). Successive rows with the same input become one
record with several references.
"""

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.messages import listed
from pipeline.core.paths import SPLITS, Paths
from pipeline.core.progress import progress
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
from pipeline.tables.record_store import Records, RecordStore
from pipeline.tables.records import Layout, key_of, read_records, rows_of

MOST_LABELS = 1000

Record = dict[str, Any]  # id, fields, references; `near` where it is much like one of train; `choices` of a label
Counts = dict[str, Any]  # of a split, for reports/data.json


def run(paths: Paths, *, seed: Seed, task: Task, data: Data, score: Score) -> None:
    source = files.read_json(paths.raw_data / "source.json", Source)
    sources = find_sources(data)
    counts: dict[str, Counts] = {split: {} for split in SPLITS}
    with RecordStore(paths.records("train").parent, task.fields) as store:
        read = {
            split: store.add(read_split(found, split, task, data, counts[split])) for split, found in sources.items()
        }
        splits = cut(read, task.fields, data.held_out, seed)
        for split in set(splits) - set(read):
            counts[split]["cut from train"] = len(splits[split])
        drop_leaks(splits, counts)
        for split in SPLITS:
            splits[split] = splits[split].select(slice(getattr(data.limit, split)))
            if not len(splits[split]):
                raise InputError(f"{getattr(data, split)}: no example left for {split}")
        near = find_near_duplicates(splits, task.fields, data.near_duplicate)
        choices = find_choices(splits["train"], task)
        for split in SPLITS:
            counts[split] |= {"examples": len(splits[split]), **mean_lengths(splits[split], task.source)}
            written: Iterable[Record] = splits[split]
            if split != "train":
                counts[split]["near-duplicates of train"] = described(splits[split], near[split])
                written = completed(splits[split], near[split], choices)
            files.write_jsonl(paths.records(split), written)
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


def read_split(source: list[Path], split: str, task: Task, data: Data, counts: Counts) -> Iterator[Record]:
    """The records of a split's files, one by one. Fills `counts`.

    Duplicates are dropped from train; a held-out split stays the benchmark it is. Raises InputError for the first row
    that is not usable. Prints a warning where most inputs hold a backslash and an n, but no line break: an export
    wrote it so.
    """
    layout = Layout(task_columns(task, data), tuple(task.fields), task.source, data.id_column, data.drop_empty)
    given = rows_of(source, data.delimiter)
    count = written = 0
    for record in read_records(given, layout, split, counts, drop_duplicates=split == "train"):
        count += 1
        written += "\\n" in record[task.source] and "\n" not in record[task.source]
        yield record
    if 2 * written > count:
        print(
            f"{split}: WARNING: {written} of {count} inputs hold \\n as two characters and no line break; "
            "if line breaks are meant, export them as such"
        )


def task_columns(task: Task, data: Data) -> Columns:
    """Which columns hold what the task needs. Raises InputError for a column of a field that the task does not have."""
    others = [field for field in task.fields if field != task.source]
    if unknown := [field for field in data.columns if field not in others]:
        there = f"{task.name} has {listed(others)} beside {task.source}, whose column is data.source_column"
        raise InputError(f"data.columns.{unknown[0]}: {there}")
    further = {field: data.columns.get(field, field) for field in others}
    short = task.kind != "summarization"
    return Columns(data.source_column, data.target_column, data.missing_words, further, short)


def cut(read: dict[str, Records], fields: list[str], share: float, seed: int) -> dict[str, Records]:
    """Cut the splits that have no file of their own from train: `share` of the examples each, at least one.

    An example's split depends on the seed and its fields, not on the order of the file. Raises InputError if train
    is too small.
    """
    missing, train = [split for split in SPLITS if split not in read], read["train"]
    size = max(1, round(share * len(train)))
    if len(train) <= size * len(missing):
        raise InputError(f"train has {len(train)} different examples: too few to cut {' and '.join(missing)} from")
    splits, left = dict(read), np.ones(len(train), dtype=bool)
    if missing:
        draws = [hashlib.sha256(f"{seed}\n{key_of(record, fields)}".encode()).digest() for record in train]
        drawn = sorted(range(len(train)), key=draws.__getitem__)
    for number, split in enumerate(missing):
        chosen = sorted(drawn[number * size : (number + 1) * size])
        splits[split] = train.select(chosen)
        left[chosen] = False
    splits["train"] = train.select(left)
    return splits


def drop_leaks(splits: dict[str, Records], counts: dict[str, Counts]) -> None:
    """Drop from train what is also in validation or test, and from validation what is also in test."""
    for split, others in (("train", ("validation", "test")), ("validation", ("test",))):
        held_out = np.concatenate([splits[other].keys for other in others])
        kept = splits[split].select(~np.isin(splits[split].keys, held_out))
        counts[split]["dropped leaks"] = len(splits[split]) - len(kept)
        splits[split] = kept


def find_near_duplicates(
    splits: dict[str, Records], fields: list[str], threshold: float
) -> dict[str, list[near_duplicates.Match | None]]:
    """For each record of validation and test the most similar one of train, with the similarity; None without one."""
    train = progress(splits["train"], len(splits["train"]), "compare with train")
    held_out = itertools.chain(splits["validation"], splits["test"])
    found = near_duplicates.nearest_of_each(train, held_out, fields, threshold)
    size = len(splits["validation"])
    matches = [found.get(number) for number in range(size + len(splits["test"]))]
    return {"validation": matches[:size], "test": matches[size:]}


def described(records: Records, near: list[near_duplicates.Match | None]) -> dict[str, str]:
    """For each id with a near-duplicate that one's id, with the similarity."""
    named = zip(records, near)
    return {record["id"]: f"{match[0]} ({match[1]:.2f})" for record, match in named if match}


def completed(
    records: Records, near: list[near_duplicates.Match | None], choices: list[str] | None
) -> Iterator[Record]:
    """Held-out records as they are written: with the id of a near-duplicate as `near`, and with `choices`."""
    for record, match in zip(records, near):
        record |= {"near": match[0]} if match else {}
        yield record | ({"choices": choices} if choices else {})


def find_choices(train: Records, task: Task) -> list[str] | None:
    """The labels of train where a classification asks for the likeliest; None for any other task.

    Raises InputError where there are more than MOST_LABELS: a forward pass for each would take hours.
    """
    if task.kind != "classification" or not task.by_choice:
        return None
    labels = sorted({record["references"][0] for record in train})
    if len(labels) > MOST_LABELS:
        raise InputError(
            f"train has {len(labels):,} different labels, the first {listed(labels[:3])}: too many to compare all "
            f"of them for each example (at most {MOST_LABELS:,}): set task.by_choice=false, or data.target_column "
            "to the column of the labels"
        )
    return labels


def mean_lengths(split: Records, source: str) -> dict[str, float]:
    """Mean words of inputs and references, and references per example."""
    inputs = references = words = 0
    for record in split:
        inputs += count_words(record[source])
        references += len(record["references"])
        words += sum(map(count_words, record["references"]))
    return {
        "references per example": round(references / len(split), 2),
        "words per input": round(inputs / len(split), 1),
        "words per reference": round(words / references, 1),
    }


if __name__ == "__main__":
    run_stage(run)
