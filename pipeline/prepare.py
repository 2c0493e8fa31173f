"""One checked, canonical record (id, dialogue, references) for each dialogue of each split.

    python -m pipeline.prepare

Reads JSON Lines, CSV or Parquet. Successive rows with the same dialogue become one record with several references.
"""

import hashlib
from pathlib import Path

from pipeline.core import files, tables
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.paths import SPLITS, Paths
from pipeline.evaluation import near_duplicates
from pipeline.parameters.data import Data
from pipeline.parameters.types import Seed


def run(paths: Paths, *, seed: Seed, data: Data) -> None:
    sources = {split: split_file(Path(getattr(data, split)), split) for split in SPLITS}
    counts = {split: {} for split in SPLITS}
    named = {}
    for split, path in sources.items():
        if split == "train" or path not in (None, sources["train"]):  # other splits are cut from train
            named[split] = canonical(path, split, data, counts[split])
    splits = cut(named, data.held_out, seed)
    for split in set(splits) - set(named):
        counts[split]["cut from train"] = len(splits[split])
    drop_leaks(splits, counts)
    for split in SPLITS:
        splits[split] = splits[split][: getattr(data.limit, split)]
        if not splits[split]:
            raise InputError(f"{sources[split] or sources['train']}: no dialogue left for {split}")
        counts[split] |= {"dialogues": len(splits[split]), **lengths(splits[split])}
        if split != "train":
            counts[split]["near-duplicates of train"] = mark_near(splits["train"], splits[split], data.near_duplicate)
        files.write_jsonl(paths.records(split), splits[split])
        print(f"{split}: {counts[split]}")
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


def canonical(path: Path, split: str, data: Data, count: dict) -> list[dict]:
    """The records of one file, checked; Refused names the first bad row. Fills `count`."""
    kept: list[dict] = []
    known: set[str] = set()
    ids: dict[str, str] = {}
    last = None
    count |= {"rows": 0, "grouped rows": 0, "dropped empty rows": 0, "duplicate dialogues": 0}
    for number, (where, row) in enumerate(tables.rows(path), start=1):
        count["rows"] += 1
        columns = target_columns(row, data.target_column, where)
        dialogue, *references = [_text(row, column, where) for column in (data.source_column, *columns)]
        if not dialogue or not all(references):
            if not data.drop_empty:
                empty = data.source_column if not dialogue else columns[references.index("")]
                raise InputError(f"{where}: column {empty!r} is empty; mend it or set data.drop_empty=true")
            count["dropped empty rows"] += 1
            continue
        key, identity = _key(dialogue), _identity(row, data.id_column, where) or f"{split}-{number}"
        if key == last:  # the hub's copy of DialogSum gives each of three references a row of its own
            ids.setdefault(identity, where)
            kept[-1]["references"] += references
            count["grouped rows"] += 1
            continue
        last = key
        if key in known:
            count["duplicate dialogues"] += 1
            if split == "train":  # a held-out split stays the benchmark it is, duplicates and all
                last = None
                continue
        if identity in ids:
            raise InputError(f"{where}: id {identity!r} already stands at {ids[identity]}")
        ids[identity] = where
        known.add(key)
        kept.append({"id": identity, "dialogue": dialogue, "references": references})
    return kept


def target_columns(row: dict, name: str, where: str) -> list[str]:
    """The columns that hold references: `name` itself, or `name`1, `name`2, ... where there is no such column."""
    if name in row:
        return [name]
    numbered = []
    while f"{name}{len(numbered) + 1}" in row:
        numbered.append(f"{name}{len(numbered) + 1}")
    if not numbered:
        raise InputError(f"{where}: no column {name!r} nor {name}1 (data.target_column); found {', '.join(row)}")
    return numbered


def _text(row: dict, column: str, where: str) -> str:
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


def _identity(row: dict, column: str | None, where: str) -> str | None:
    if column is None:
        return None
    if column not in row:
        raise InputError(f"{where}: no column {column!r} (data.id_column); found {', '.join(row)}")
    value = row[column]
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise InputError(f"{where}: id column {column!r} holds {value!r}, expected text or a number")
    return str(value)


def _key(dialogue: str) -> str:
    return " ".join(dialogue.split())


def cut(named: dict[str, list[dict]], share: float, seed: int) -> dict[str, list[dict]]:
    """Cut the splits that have no file of their own from train: `share` of the dialogues each, at least one.

    A dialogue's place depends on the seed and its text alone, not on the order of the file.
    """
    missing = [split for split in SPLITS if split not in named]
    size = max(1, round(share * len(named["train"])))
    if len(named["train"]) <= size * len(missing):
        raise InputError(f"train has {len(named['train'])} dialogues: too few to cut {' and '.join(missing)} from")

    def draw(record):
        return hashlib.sha256(f"{seed}\n{_key(record['dialogue'])}".encode()).digest()

    drawn = sorted(named["train"], key=draw)
    splits = dict(named)
    for number, split in enumerate(missing):
        chosen = {record["id"] for record in drawn[number * size : (number + 1) * size]}
        splits[split] = [record for record in named["train"] if record["id"] in chosen]
        splits["train"] = [record for record in splits["train"] if record["id"] not in chosen]
    return splits


def drop_leaks(splits: dict[str, list[dict]], counts: dict[str, dict]) -> None:
    """Take out of train what also stands in validation or test, and out of validation what stands in test."""
    for split, others in (("train", ("validation", "test")), ("validation", ("test",))):
        held_out = {_key(record["dialogue"]) for other in others for record in splits[other]}
        kept = [record for record in splits[split] if _key(record["dialogue"]) not in held_out]
        counts[split]["dropped leaks"] = len(splits[split]) - len(kept)
        splits[split] = kept


def mark_near(train: list[dict], held_out: list[dict], threshold: float) -> dict[str, str]:
    """Give each held-out dialogue that looks much like one of train that one's id as `near`; all of them, in words."""
    found = near_duplicates.nearest(train, held_out, threshold)
    for record in held_out:
        if record["id"] in found:
            record["near"] = found[record["id"]][0]
    return {name: f"{other} ({alike:.2f})" for name, (other, alike) in found.items()}


def lengths(split: list[dict]) -> dict:
    """Mean words of dialogues and references, and references a dialogue."""
    references = [len(reference.split()) for record in split for reference in record["references"]]
    return {
        "references per dialogue": round(len(references) / len(split), 2),
        "words per dialogue": round(sum(len(record["dialogue"].split()) for record in split) / len(split), 1),
        "words per reference": round(sum(references) / len(references), 1),
    }


if __name__ == "__main__":
    run_stage(run)
