"""Which files of a folder hold which split."""

import pytest

from pipeline.core.errors import InputError
from pipeline.tables.folders import split_files, split_of


def put(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    return folder


def found(folder):
    return {
        split: [path.relative_to(folder).as_posix() for path in paths] for split, paths in split_files(folder).items()
    }


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            ["train.json", "val.json", "test.json", "README.md"],
            {"train": ["train.json"], "validation": ["val.json"], "test": ["test.json"]},
        ),
        (["samsum_dev.csv.gz", "TRAIN.csv.gz"], {"validation": ["samsum_dev.csv.gz"], "train": ["TRAIN.csv.gz"]}),
        (
            ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet", ".cache/test.parquet"],
            {"train": ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"]},
        ),
        (
            ["train/b.jsonl", "train/a.jsonl", "test/x.jsonl"],
            {"test": ["test/x.jsonl"], "train": ["train/a.jsonl", "train/b.jsonl"]},
        ),
        (["part-10.jsonl", "part-9.jsonl", "_SUCCESS"], {"": ["part-9.jsonl", "part-10.jsonl"]}),
        (["train.jsonl", "more.jsonl", "source.json"], {"train": ["train.jsonl"], "": ["more.jsonl"]}),
        (["set-train.arrow", "cache-1234567890.arrow", "dataset_info.json"], {"train": ["set-train.arrow"]}),
        (["notes.txt"], {}),
    ],
)
def test_files_are_of_the_split_that_they_or_their_folders_name(tmp_path, names, expected):
    assert found(put(tmp_path, *names)) == expected


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["train.csv", "train.jsonl"], "files of several formats for train: train.csv, train.jsonl; name one"),
        (["train.jsonl", "train_small.jsonl"], "several files for train: train.jsonl, train_small.jsonl; name one"),
        (["dev.csv", "validation.csv"], "several files for validation: dev.csv, validation.csv"),
        (["train-00000-of-00002.parquet"], "train-00001-of-00002.parquet: no such file, but train-00000-of-00002"),
        (["a.csv", "b.jsonl"], "files of several formats: a.csv, b.jsonl"),
        (["dataset_dict.json"], "dataset_dict.json: not JSON"),
        (["state.json"], "state.json: not JSON"),
    ],
)
def test_what_is_not_clear_is_refused(tmp_path, names, message):
    with pytest.raises(InputError) as refusal:
        split_files(put(tmp_path, *names))
    assert message in str(refusal.value)


def test_a_split_is_named_by_whole_words():
    names = ["train-00000-of-00002", "dialogsum.dev", "my_val", "hiddentest", "testimony", "train_test", "SAMSum Test"]
    assert [split_of(name) for name in names] == ["train", "validation", "validation", "", "", "", "test"]


def test_data_sets_that_datasets_saved_are_read(tmp_path):
    from datasets import Dataset, DatasetDict

    rows = [{"dialogue": f"A: {number}", "summary": "S."} for number in range(6)]
    whole = Dataset.from_list(rows)
    DatasetDict({"train": whole, "dev": whole.select(range(2))}).save_to_disk(
        tmp_path / "dict", num_shards={"train": 2, "dev": 1}
    )
    assert found(tmp_path / "dict") == {
        "train": ["train/data-00000-of-00002.arrow", "train/data-00001-of-00002.arrow"],
        "validation": ["dev/data-00000-of-00001.arrow"],
    }
    whole.save_to_disk(tmp_path / "one")
    assert found(tmp_path / "one") == {"": ["data-00000-of-00001.arrow"]}
    (tmp_path / "dict/train/data-00001-of-00002.arrow").unlink()
    with pytest.raises(InputError, match=r"data-00001-of-00002.arrow: no such file, but state.json beside it names it"):
        split_files(tmp_path / "dict")
