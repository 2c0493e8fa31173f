import csv
import json
import random
from decimal import Decimal
from pathlib import Path

import pytest

from pipeline import prepare
from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.params import parse_section, read_params
from pipeline.core.paths import SPLITS, Paths
from pipeline.parameters.data import Data
from tests.systems import SUMMARIES, settings


def data(**changes):
    defaults = read_params(Path("params.yaml"))["data"] | {"id_column": None}
    return parse_section(defaults | changes, Data, "data")


def write(path, rows):
    """Rows in the format of the file's ending."""
    if path.suffix.lower() == ".csv":
        with path.open("w", newline="", encoding="utf-8") as lines:
            writer = csv.DictWriter(lines, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".parquet":
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        files.write_jsonl(path, rows)
    return path


def row(number, **more):
    return {"dialogue": f"A: Hello {number}.\nB: Hi.", "summary": f"They greet {number} times."} | more


def canonical(path, split="test", count=None, **changes):
    return list(prepare.read_split([path], split, SUMMARIES, data(**changes), {} if count is None else count))


def run(folder, seed=1, limit=None, language="en", **rows):
    """The stage on `rows` of each split; splits not given name train's file. Returns splits and the card."""
    for split, content in rows.items():
        write(folder / f"{split}.jsonl", content)
    paths = Paths(folder / "out")
    named = {split: str(folder / f"{split if split in rows else 'train'}.jsonl") for split in SPLITS}
    limits = dict.fromkeys(SPLITS) | (limit or {})
    files.write_json(paths.raw_data / "source.json", {"sha256": "abc"})
    prepare.run(paths, seed=seed, task=SUMMARIES, data=data(**named, limit=limits), score=settings(language=language))
    return {split: files.read_jsonl(paths.records(split)) for split in SPLITS}, files.read_json(paths.data_card)


def dialogues(split):
    return {record["dialogue"] for record in split}


@pytest.mark.parametrize("name", ["x.jsonl", "x.ndjson", "x.csv", "x.parquet", "X.CSV"])
def test_every_format_gives_the_same_records(tmp_path, name):
    rows = [
        {"id": "a", "dialogue": "A: 7,5 €?\nB: „No“, 'maybe' \"yes\".", "summary": "Ünïcode 🎉."},
        {"id": "b", "dialogue": "A: {{ x }}\nB: C:\\temp", "summary": "Two."},
    ]
    assert canonical(write(tmp_path / name, rows), id_column="id") == [
        {"id": r["id"], "dialogue": r["dialogue"], "references": [r["summary"]]} for r in rows
    ]


def test_other_column_names_a_byte_order_mark_blank_lines_and_windows_line_ends_are_read(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes('\ufeff{"chat": "A: x\\r\\nB: y ", "tldr": "é"}\r\n\r\n{"chat": "z", "tldr": "w"}'.encode())
    found = canonical(path, "train", source_column="chat", target_column="tldr")
    assert found == [
        {"id": "train-1", "dialogue": "A: x\nB: y", "references": ["é"]},
        {"id": "train-2", "dialogue": "z", "references": ["w"]},
    ]


def test_successive_rows_with_one_dialogue_become_one_record_with_all_references(tmp_path):
    rows = [
        {"id": f"test_{number}_{one}", "dialogue": row(number)["dialogue"], "summary": f"Summary {one} of {number}."}
        for number in range(5)
        for one in (1, 2, 3)
    ]
    rows[4]["dialogue"] = rows[4]["dialogue"].replace("\n", "  \n ") + "\n"  # white space makes no other dialogue
    rows[8]["summary"] = rows[7]["summary"]  # two people may write the same: three references all the same
    found = canonical(write(tmp_path / "x.csv", rows), count=(count := {}), id_column="id")
    assert [record["id"] for record in found] == [f"test_{number}_1" for number in range(5)]
    assert [len(record["references"]) for record in found] == [3, 3, 3, 3, 3]
    assert found[0]["references"] == ["Summary 1 of 0.", "Summary 2 of 0.", "Summary 3 of 0."]
    assert (count["rows"], count["grouped rows"]) == (15, 10)


def test_numbered_columns_are_several_references(tmp_path):
    rows = [{"dialogue": "A: x", "summary2": "two", "summary1": "one", "summary3": "three", "summary5": "no"}]
    assert canonical(write(tmp_path / "x.parquet", rows))[0]["references"] == ["one", "two", "three"]


def test_duplicates_are_dropped_in_train_but_kept_and_counted_in_a_held_out_split(tmp_path):
    path = write(tmp_path / "x.jsonl", [row(1), row(2), row(1), row(1, summary="Other."), row(3)])
    kept = canonical(path, "train", train := {})
    assert [record["id"] for record in kept] == ["train-1", "train-2", "train-5"]
    assert kept[0]["references"] == [row(1)["summary"]]
    assert train["duplicate examples"] == 2
    kept = canonical(path, "validation", held_out := {})
    assert [len(record["references"]) for record in kept] == [1, 1, 2, 1]
    assert (held_out["duplicate examples"], held_out["grouped rows"]) == (1, 1)


@pytest.mark.parametrize("empty", [{"dialogue": " \n"}, {"summary": ""}, {"summary": None}])
def test_an_empty_field_is_refused_or_dropped_as_told(tmp_path, empty):
    path = write(tmp_path / "x.jsonl", [row(1), row(2, **empty), row(3)])
    with pytest.raises(InputError, match=rf"x.jsonl:2: column '{next(iter(empty))}' is empty.*data.drop_empty"):
        canonical(path)
    kept = canonical(path, count=(count := {}), drop_empty=True)
    assert [record["id"] for record in kept] == ["test-1", "test-3"]
    assert count["dropped empty rows"] == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.jsonl", b'{"text": "a", "summary": "b"}', r"x.jsonl:1: no column 'dialogue' \(data.source_column\).*text"),
        ("x.jsonl", b'{"dialogue": "a", "abstract": "b"}', r"x.jsonl:1: no column 'summary' nor summary1.*abstract"),
        (
            "x.jsonl",
            b'{"dialogue": [3], "summary": "b"}',
            r"x.jsonl:1: column 'dialogue': turn 1 holds 3, expected text",
        ),
        ("x.jsonl", b'{"dialogue": "a", "summary": 3}', r"x.jsonl:1: column 'summary' holds 3, expected text"),
        ("x.jsonl", b'{"dialogue": "a", "summary": "b"}\n{"dial', r"x.jsonl:2: not JSON: .* at column"),
        ("x.jsonl", b"3", r"x.jsonl:1: expected one JSON object a line, found number"),
        ("x.jsonl", b'{"dialogue": "a", "summary": "b"}\n{"dialogue": "\xe9"}', r"x.jsonl:2: not UTF-8 \(byte 0xe9\)"),
        ("x.csv", b"dialogue,summary\na,b\nd\xfcr,c\n", r"x.csv:3: not UTF-8 \(byte 0xfc\)"),
        ("x.csv", b"dialogue,summary\na,b\na,b,c\n", r"x.csv:3: [13] columns, where the header has 2"),
        ("x.csv", b"dialogue,summary\na,b\na\n", r"x.csv:3: [13] columns, where the header has 2"),
        ("x.csv", b'dialogue,summary\na,"b\n', r"x.csv:\d: not CSV: unexpected end of data"),
        ("x.csv", b"dialogue,summary\n", r"x.csv: the file holds no rows"),
        ("x.parquet", b"PAR1 but no more", r"x.parquet: not a readable Parquet file"),
        ("x.parquet", b"", r"x.parquet: not a readable Parquet file"),
        ("x.jsonl", b"\n", r"x.jsonl: the file holds no rows"),
        ("x.sav", b"x", r"x.sav: unknown ending '.sav'; expected one of .jsonl, .*.parquet.*, also with .gz"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as refusal:
        canonical(tmp_path / name)
    assert "\n" not in str(refusal.value)


def test_a_parquet_file_cut_short_is_refused(tmp_path):
    path = write(tmp_path / "x.parquet", [row(number) for number in range(9)])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="not a readable Parquet file"):
        canonical(path)


def test_a_folder_is_read_by_split_and_what_it_lacks_is_cut_from_train(tmp_path, capsys):
    folder = tmp_path / "set"
    for name, numbers in (("train-0.csv", range(6)), ("train-1.csv", range(6, 12)), ("dev.jsonl", range(20, 23))):
        folder.mkdir(exist_ok=True)
        write(folder / name, [row(number) for number in numbers])
    paths = Paths(tmp_path / "out")
    files.write_json(paths.raw_data / "source.json", {"files": "read where they are"})
    prepare.run(paths, seed=1, task=SUMMARIES, data=data(**dict.fromkeys(SPLITS, str(folder))), score=settings())
    splits = {split: files.read_jsonl(paths.records(split)) for split in SPLITS}
    assert {split: len(rows) for split, rows in splits.items()} == {"train": 11, "validation": 3, "test": 1}
    assert f"train: {folder}: train-0.csv, train-1.csv\n" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"no file of test in this folder \(data.test\); found train.csv"):
        (tmp_path / "other").mkdir()
        write(tmp_path / "other/train.csv", [row(1)])
        prepare.find_sources(data(train=str(folder), validation=str(folder), test=str(tmp_path / "other")))


def test_a_folder_of_one_split_is_that_split(tmp_path):
    for name, numbers in (("a/part-0.jsonl", range(3)), ("a/part-1.jsonl", range(3, 9)), ("b/x.json", range(20, 22))):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write(tmp_path / name, [row(number) for number in numbers])
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    found = prepare.find_sources(data(train=a, validation=a, test=b))
    assert {split: [path.name for path in paths] for split, paths in found.items()} == {
        "train": ["part-0.jsonl", "part-1.jsonl"],
        "test": ["x.json"],
    }


def test_one_file_by_two_names_is_one_file(tmp_path, monkeypatch):
    write(tmp_path / "x.jsonl", [row(1)])
    named = data(train="x.jsonl", validation="./x.jsonl", test=str(tmp_path / "x.jsonl"))
    monkeypatch.chdir(tmp_path)
    found = prepare.find_sources(named)
    assert found == {"train": [Path("x.jsonl")]}


@pytest.mark.parametrize("word", ["nan", "None", "NULL", "<NA>", "#N/A", "-"])
def test_a_word_for_a_missing_value_is_refused_dropped_or_taken_as_told(tmp_path, word):
    path = write(tmp_path / "x.csv", [row(1), row(2, summary=word), row(3)])
    with pytest.raises(InputError, match=r"x.csv:4: column 'summary' holds .*data.missing_words=\[\].*data.drop_empty"):
        canonical(path)
    assert len(canonical(path, drop_empty=True)) == 2
    assert canonical(path, missing_words=[])[1]["references"] == [word]


def test_whole_numbers_of_any_type_are_ids(tmp_path):
    for name, ids in (("a.parquet", [1.0, 2.0]), ("b.jsonl", [1, 2.0]), ("c.parquet", [Decimal(1), Decimal(2)])):
        path = write(tmp_path / name, [row(number, id=one) for number, one in enumerate(ids)])
        assert [record["id"] for record in canonical(path, id_column="id")] == ["1", "2"]


@pytest.mark.parametrize("value", ["semi", "", "a", "1", '"', "\n", ";;", "\t\t"])
def test_a_delimiter_that_csv_cannot_have_is_refused(value):
    with pytest.raises(InputError, match=r"^data.delimiter: .*: use comma, semicolon, tab, pipe or one character"):
        data(delimiter=value)


def test_line_breaks_written_as_two_characters_are_warned_of(tmp_path, capsys):
    canonical(write(tmp_path / "x.csv", [row(n, dialogue=f"A: {n}\\nB: Hi") for n in range(3)] + [row(9)]))
    assert "test: WARNING: 3 of 4 inputs hold \\n as two characters and no line break" in capsys.readouterr().out


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"nowhere.csv: no such file"):
        canonical(tmp_path / "nowhere.csv")


def test_an_id_on_two_dialogues_is_refused(tmp_path):
    path = write(tmp_path / "x.jsonl", [row(1, id=7), row(2, id=8), row(3, id="7")])
    with pytest.raises(InputError, match=r"x.jsonl:3: id '7' was already at .*x.jsonl:1"):
        canonical(path, id_column="id")


@pytest.mark.parametrize("value", [None, "", True, 1.5, ["a"], 1e300, "a\ud83d"])
def test_an_id_that_is_neither_text_nor_a_number_is_refused(tmp_path, value):
    (tmp_path / "x.jsonl").write_text(json.dumps(row(1, id=value)))
    with pytest.raises(InputError, match=r"x.jsonl:1: id column 'id' is"):
        canonical(tmp_path / "x.jsonl", id_column="id")


def test_what_is_in_a_held_out_split_is_dropped_from_train_and_counted(tmp_path):
    splits, card = run(
        tmp_path,
        train=[row(number) for number in range(10)],
        validation=[row(20), row(3, summary="Another summary."), row(30)],
        test=[row(30), row(4)],
    )
    assert dialogues(splits["train"]) == {row(number)["dialogue"] for number in (0, 1, 2, 5, 6, 7, 8, 9)}
    assert dialogues(splits["validation"]) == {row(20)["dialogue"], row(3)["dialogue"]}
    assert dialogues(splits["test"]) == {row(30)["dialogue"], row(4)["dialogue"]}
    assert (card["train"]["dropped leaks"], card["validation"]["dropped leaks"]) == (2, 1)


def test_the_card_counts_what_is_written(tmp_path):
    train = [row(number) for number in range(6)] + [row(0), row(7), row(7, summary="One two.")]
    splits, card = run(tmp_path, train=train, validation=[row(20)], test=[row(30), row(30, summary="Again.")])
    assert card["source"] == {"sha256": "abc", "name": "support_calls"}
    assert card["train"] == {
        "rows": 9,
        "grouped rows": 1,
        "dropped empty rows": 0,
        "duplicate examples": 1,
        "dropped leaks": 0,
        "examples": 7,
        "references per example": 1.14,
        "words per input": 5.0,
        "words per reference": 3.8,
    }
    assert (card["test"]["examples"], card["test"]["references per example"]) == (len(splits["test"]), 2.0) == (1, 2)


def test_a_limit_takes_the_first_dialogues_of_its_split(tmp_path):
    rows = {"train": range(10), "validation": range(20, 24), "test": range(30, 34)}
    contents = {split: [row(number) for number in numbers] for split, numbers in rows.items()}
    splits, card = run(tmp_path, limit={"train": 3, "test": 9}, **contents)
    assert {split: len(content) for split, content in splits.items()} == {"train": 3, "validation": 4, "test": 4}
    assert splits["train"][2]["dialogue"] == row(2)["dialogue"]
    assert card["train"]["examples"] == 3


def test_splits_without_a_file_are_cut_from_train_by_dialogue(tmp_path):
    rows = [row(number, summary=f"{one}") for number in range(40) for one in (1, 2)]
    splits, card = run(tmp_path, train=rows)
    assert [len(splits[split]) for split in SPLITS] == [32, 4, 4]
    assert len(set().union(*map(dialogues, splits.values()))) == 40  # so no two share one
    assert all(len(record["references"]) == 2 for split in splits.values() for record in split)
    assert (card["validation"]["cut from train"], card["test"]["cut from train"]) == (4, 4)


def test_a_cut_depends_on_the_seed_and_not_on_the_order_of_rows(tmp_path):
    rows = [row(number) for number in range(40)]
    shuffled = random.Random(0).sample(rows, len(rows))
    cuts = []
    for name, content, seed in (("a", rows, 1), ("b", shuffled, 1), ("c", rows, 2)):
        (tmp_path / name).mkdir()
        splits, _ = run(tmp_path / name, seed, train=content)
        cuts.append({split: dialogues(content) for split, content in splits.items()})
    assert cuts[0] == cuts[1]
    assert cuts[0]["test"] != cuts[2]["test"]


def test_a_named_split_is_left_whole_when_another_is_cut(tmp_path):
    splits, _ = run(tmp_path, train=[row(number) for number in range(20)], test=[row(30), row(31)])
    assert dialogues(splits["test"]) == {row(30)["dialogue"], row(31)["dialogue"]}
    assert [len(splits[split]) for split in ("train", "validation")] == [18, 2]


def test_too_few_dialogues_for_a_split_are_refused(tmp_path):
    with pytest.raises(InputError, match="train has 2 different examples: too few to cut validation and test from"):
        run(tmp_path, train=[row(1), row(2)])
    with pytest.raises(InputError, match=r"train.jsonl: no example left for train"):
        run(tmp_path, train=[row(1)], validation=[row(2)], test=[row(1)])


def test_texts_that_the_score_cannot_read_are_refused_before_anything_is_trained(tmp_path):
    rows = [{"dialogue": f"小明：你好{number}\n小红：好的", "summary": "小明预订了机票。"} for number in range(40)]
    with pytest.raises(InputError, match=r"train.jsonl: score.language=en cannot read .* set score.language=zh"):
        run(tmp_path, train=rows)
    splits, card = run(tmp_path, train=rows, language="zh")
    assert splits["test"][0]["references"] == ["小明预订了机票。"]
    assert (card["test"]["words per input"], card["test"]["words per reference"]) == (9.0, 7.0)
