"""One checked, canonical record (id, dialogue, references) for each dialogue of each split.

    python -m pipeline.prepare

Reads JSON Lines, CSV or Parquet. Successive rows with the same dialogue become one record with several references.
"""

import hashlib
from pathlib import Path
from typing import Any

from pipeline.core import files, tables
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.paths import SPLITS, Paths
from pipeline.evaluation import near_duplicates
from pipeline.evaluation.language_check import check_language
from pipeline.evaluation.words import count_words
from pipeline.parameters.data import Data
from pipeline.parameters.score import Score
from pipeline.parameters.types import Seed

Record = dict[str, Any]  # id, dialogue, references, and `near` where the dialogue is much like one of train
Counts = dict[str, Any]  # of a split, for reports/data.json


def run(paths: Paths, *, seed: Seed, data: Data, score: Score) -> None:
    sources = {split: split_file(Path(getattr(data, split)), split) for split in SPLITS}
    counts: dict[str, Counts] = {split: {} for split in SPLITS}
    train = sources["train"]
    files_of_splits = {  # other splits are cut from train
        split: path for split, path in sources.items() if path and (split == "train" or path != train)
    }
    read = {split: read_records(path, split, data, counts[split]) for split, path in files_of_splits.items()}
    splits = cut(read, data.held_out, seed)
    for split in set(splits) - set(read):
        counts[split]["cut from train"] = len(splits[split])
    drop_leaks(splits, counts)
    for split in SPLITS:
        splits[split] = splits[split][: getattr(data.limit, split)]
        if not splits[split]:
            raise InputError(f"{sources[split] or train}: no dialogue left for {split}")
        counts[split] |= {"dialogues": len(splits[split]), **mean_lengths(splits[split])}
        if split != "train":
            near = mark_near_duplicates(splits["train"], splits[split], data.near_duplicate)
            counts[split]["near-duplicates of train"] = near
        files.write_jsonl(paths.records(split), splits[split])
        print(f"{split}: {counts[split]}")
    references = [text for record in splits["test"] for text in record["references"]]
    for warning in check_language(references, score.language, sources["test"] or train):
        print(f"WARNING: {warning}")
    source = files.read_json(paths.raw_data / "source.json") | {"name": data.name}
    files.write_json(paths.data_card, {"source": source, **counts})


def split_file(path: Path, split: str) -> Path | None:
    """The file of a split: `path` itself, or that of the split in a folder; None where the folder has none."""
    if not path.is_dir():
        return path
    file = path / f"{split}.jsonl"
    if split == "train" and not file.is_file():
        raise InputError(f"{path}: the folder has no train.jsonl (data.train)")
    return file if file.is_file() else None


def read_records(path: Path, split: str, data: Data, counts: Counts) -> list[Record]:
    """The records of one file. Fills `counts`. Raises InputError for the first row that is not usable."""
    records: list[Record] = []
    known: set[str] = set()
    ids: dict[str, str] = {}
    last = None
    counts |= {"rows": 0, "grouped rows": 0, "dropped empty rows": 0, "duplicate dialogues": 0}
    for number, (where, row) in enumerate(tables.rows(path), start=1):
        counts["rows"] += 1
        texts = read_texts(row, data, where)
        if texts is None:
            counts["dropped empty rows"] += 1
            continue
        dialogue, *references = texts
        key, identity = _key(dialogue), _identity(row, data.id_column, where) or f"{split}-{number}"
        if key == last:  # the hub's copy of DialogSum gives each of three references a row of its own
            ids.setdefault(identity, where)
            records[-1]["references"] += references
            counts["grouped rows"] += 1
            continue
        last = key
        if key in known:
            counts["duplicate dialogues"] += 1
            if split == "train":  # a held-out split stays the benchmark it is, with its duplicates
                last = None
                continue
        if identity in ids:
            raise InputError(f"{where}: id {identity!r} was already at {ids[identity]}")
        ids[identity] = where
        known.add(key)
        records.append({"id": identity, "dialogue": dialogue, "references": references})
    return records


def read_texts(row: dict[str, Any], data: Data, where: str) -> list[str] | None:
    """A row's dialogue and references. None where one is empty and data.drop_empty is set."""
    columns = [data.source_column, *target_columns(row, data.target_column, where)]
    texts = [_text(row, column, where) for column in columns]
    if all(texts):
        return texts
    if not data.drop_empty:
        empty = columns[texts.index("")]
        raise InputError(f"{where}: column {empty!r} is empty; correct it or set data.drop_empty=true")
    return None


def target_columns(row: dict[str, Any], name: str, where: str) -> list[str]:
    """The columns that hold references: `name` itself, or `name`1, `name`2, ... where there is no such column."""
    if name in row:
        return [name]
    numbered: list[str] = []
    while f"{name}{len(numbered) + 1}" in row:
        numbered.append(f"{name}{len(numbered) + 1}")
    if not numbered:
        raise InputError(f"{where}: no column {name!r} nor {name}1 (data.target_column); found {', '.join(row)}")
    return numbered


def _text(row: dict[str, Any], column: str, where: str) -> str:
    if column not in row:
        raise InputError(f"{where}: no column {column!r} (data.source_column); found {', '.join(row)}")
    value = row[column]
    if value is not None and not isinstance(value, str):
        raise InputError(f"{where}: column {column!r} holds {value!r}, expected text")
    try:
        (value or "").encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{where}: column {column!r} holds half a character: {error.reason}") from None
    return (value or "").replace("\r\n", "\n").strip()


def _identity(row: dict[str, Any], column: str | None, where: str) -> str | None:
    if column is None:
        return None
    if column not in row:
        raise InputError(f"{where}: no column {column!r} (data.id_column); found {', '.join(row)}")
    value = row[column]
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise InputError(f"{where}: id column {column!r} holds {value!r}, expected text or a number")
    return str(value)


def _key(dialogue: str) -> str:
    """What two equal dialogues have in common: their words."""
    return " ".join(dialogue.split())


def cut(read: dict[str, list[Record]], share: float, seed: int) -> dict[str, list[Record]]:
    """Cut the splits that have no file of their own from train: `share` of the dialogues each, at least one.

    A dialogue's split depends on the seed and its text, not on the order of the file. Raises InputError if train is too
    small.
    """
    missing = [split for split in SPLITS if split not in read]
    size = max(1, round(share * len(read["train"])))
    if len(read["train"]) <= size * len(missing):
        raise InputError(f"train has {len(read['train'])} dialogues: too few to cut {' and '.join(missing)} from")

    def draw(record: Record) -> bytes:
        return hashlib.sha256(f"{seed}\n{_key(record['dialogue'])}".encode()).digest()

    drawn = sorted(read["train"], key=draw)
    splits = dict(read)
    for number, split in enumerate(missing):
        chosen = {record["id"] for record in drawn[number * size : (number + 1) * size]}
        splits[split] = [record for record in read["train"] if record["id"] in chosen]
        splits["train"] = [record for record in splits["train"] if record["id"] not in chosen]
    return splits


def drop_leaks(splits: dict[str, list[Record]], counts: dict[str, Counts]) -> None:
    """Drop from train what is also in validation or test, and from validation what is also in test."""
    for split, others in (("train", ("validation", "test")), ("validation", ("test",))):
        held_out = {_key(record["dialogue"]) for other in others for record in splits[other]}
        kept = [record for record in splits[split] if _key(record["dialogue"]) not in held_out]
        counts[split]["dropped leaks"] = len(splits[split]) - len(kept)
        splits[split] = kept


def mark_near_duplicates(train: list[Record], held_out: list[Record], threshold: float) -> dict[str, str]:
    """Give each held-out record that is a near-duplicate of one of train that one's id as `near`.

    Returns for each of their ids that of train, with the similarity.
    """
    nearest = near_duplicates.nearest(train, held_out, threshold)
    for record in held_out:
        if record["id"] in nearest:
            record["near"] = nearest[record["id"]][0]
    return {name: f"{other} ({similarity:.2f})" for name, (other, similarity) in nearest.items()}


def mean_lengths(split: list[Record]) -> dict[str, float]:
    """Mean words of dialogues and references, and references per dialogue."""
    references = [count_words(reference) for record in split for reference in record["references"]]
    return {
        "references per dialogue": round(len(references) / len(split), 2),
        "words per dialogue": round(sum(count_words(record["dialogue"]) for record in split) / len(split), 1),
        "words per reference": round(sum(references) / len(references), 1),
    }


if __name__ == "__main__":
    run_stage(run)
