"""Folders of data: which of their files hold which split.

A folder is one that `datasets` saved (save_to_disk), or has files named after the splits, in any format: train.csv,
dev.jsonl, train-00000-of-00002.parquet, validation/part-0.parquet. One without any such name is a single split.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.core.errors import InputError
from pipeline.core.files import explain_damaged_input
from pipeline.core.messages import first_line, listed
from pipeline.tables.content import ending
from pipeline.tables.rows import READERS

SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "development": "validation",
    "test": "test",
    "testing": "test",
}
# Of a data set saved by `datasets`, of a hub cache, and of the stage `download`.
NOT_DATA = {"dataset_dict.json", "dataset_info.json", "dataset_infos.json", "state.json", "source.json"}
SHARD = re.compile(r"-(\d{5})-of-(\d{5})")


def split_files(folder: Path) -> dict[str, list[Path]]:
    """Split -> its files in order; "" -> those of no split. Raises InputError where that is not clear."""
    if (folder / "dataset_dict.json").is_file():
        names = _json(folder / "dataset_dict.json").get("splits")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise InputError(f"{folder / 'dataset_dict.json'}: expected a list of splits, found {listed([names])}")
        return _one_name_each(folder, [(split_of(name), _saved_files(folder / name)) for name in names])
    if (folder / "state.json").is_file():
        return {"": _saved_files(folder)}
    by_name: dict[str, list[Path]] = {}
    by_folder: dict[str, list[Path]] = {}
    for path in _data_files(folder):
        own = split_of(_stem(path))
        inherited = next(filter(None, map(split_of, reversed(path.relative_to(folder).parent.parts))), "")
        group = by_name if own or not inherited else by_folder
        group.setdefault(own or inherited, []).append(path)
    found = {split: by_name.get(split, []) + by_folder.get(split, []) for split in [*by_name, *by_folder]}
    for split, paths in found.items():
        if split:
            _refuse_mixture(folder, split, paths)
            if split in by_name and len(paths) > 1:
                _refuse_unlike_names(folder, split, paths)
        _refuse_missing_shards(paths)
    if set(found) == {""}:
        _refuse_mixture(folder, "", found[""])
    return found


def files_of(place: Path, split: str = "train", others: bool = True) -> list[Path]:
    """A file, or those of a folder: of that split where it has splits.

    A folder of other splits gives all their files, or raises InputError without `others`.
    """
    if not place.is_dir():
        return [place]
    with explain_damaged_input(place):
        found = split_files(place)
        if not any(found.values()):
            raise InputError(f"{place}: no data files in this folder (formats: docs/data.md)")
    if not others and set(found) - {""} and split not in found:
        raise InputError(f"{place}: no file of {split} in this folder; it has {', '.join(sorted(set(found) - {''}))}")
    return found.get(split) or [path for of_split in found.values() for path in of_split]


def split_of(name: str) -> str:
    """The split that a name's words name: `train` of train-00000-of-00002, `validation` of samsum_dev; else ""."""
    found = {SPLIT_WORDS[word] for word in re.split(r"[^a-z]+", name.lower()) if word in SPLIT_WORDS}
    return found.pop() if len(found) == 1 else ""


def _one_name_each(folder: Path, splits: list[tuple[str, list[Path]]]) -> dict[str, list[Path]]:
    names = [split for split, _ in splits if split]
    if len(set(names)) < len(names):
        raise InputError(
            f"{folder}: two of its splits are the same one: {listed(names)}; name the files (data.train=...)"
        )
    return {split: files for split, files in splits if split}


def _saved_files(folder: Path) -> list[Path]:
    """The shards of a data set that `datasets` saved, all of them."""
    listing = _json(folder / "state.json").get("_data_files")
    try:
        paths = [folder / str(one["filename"]) for one in listing]  # type: ignore[union-attr]
    except (TypeError, KeyError):
        raise InputError(f"{folder / 'state.json'}: no list of data files; save the data set again") from None
    if missing := [path for path in paths if not path.is_file()]:
        raise InputError(f"{missing[0]}: no such file, but state.json beside it names it; copy the whole folder")
    return paths


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; copy the whole folder") from None
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {first_line(error)}; copy the whole folder") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a JSON object, found {type(content).__name__}")
    return content


def _data_files(folder: Path) -> Iterator[Path]:
    """The tables in a folder at any depth, in the order of their names with numbers as numbers."""
    for path in sorted(folder.rglob("*"), key=_natural):
        hidden = any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
        cached = path.name.startswith("cache-") and path.suffix == ".arrow"  # of a `map` of datasets
        if path.is_file() and ending(path) in READERS and path.name not in NOT_DATA and not hidden and not cached:
            yield path


def _natural(path: Path) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", path.as_posix())]


def _stem(path: Path) -> str:
    """A file's name without its endings: train.v2 of train.v2.jsonl.gz."""
    return path.name.lower().removesuffix(path.suffix.lower()).removesuffix(ending(path))


def _refuse_mixture(folder: Path, split: str, paths: list[Path]) -> None:
    if len({ending(path) for path in paths}) > 1:
        names = listed(path.relative_to(folder) for path in paths)
        raise InputError(f"{folder}: files of several formats{f' for {split}' if split else ''}: {names}; name one")


def _refuse_unlike_names(folder: Path, split: str, paths: list[Path]) -> None:
    """Several files of a split are shards, whose names differ in numbers only, or a question."""
    if len({re.sub(r"\d+", "0", path.name) for path in paths}) > 1:
        names = listed(path.relative_to(folder) for path in paths)
        raise InputError(f"{folder}: several files for {split}: {names}; name one, as data.{split}={folder}/...")


def _refuse_missing_shards(paths: list[Path]) -> None:
    """Names like train-00000-of-00002 say how many there are."""
    present = {path.name for path in paths}
    for path in paths:
        if shard := SHARD.search(path.name):
            for number in range(int(shard[2])):
                name = path.name.replace(shard[0], f"-{number:05}-of-{shard[2]}")
                if name not in present:
                    raise InputError(f"{path.with_name(name)}: no such file, but {path.name} says that there is one")
