"""Files between stages: what is read is what was written, and everything else is refused."""

import pytest
from typing_extensions import TypedDict

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.core.shapes import Prompt, record

RECORD = {"id": "a", "dialogue": "A: x\u2028y", "references": ["One.", "Two."], "near": "b"}


class Row(TypedDict):
    id: str
    numbers: list[int]


ROW = {"id": "a", "numbers": [1]}


def test_what_is_written_is_read_again(tmp_path):
    files.write_jsonl(tmp_path / "x.jsonl", [RECORD, RECORD])
    files.write_parquet(tmp_path / "x.parquet", [ROW])
    files.write_json(tmp_path / "x.json", {"a": [1]})
    assert files.read_jsonl(tmp_path / "x.jsonl", record("dialogue")) == [RECORD, RECORD]
    assert files.read_parquet(tmp_path / "x.parquet", shape=Row) == [ROW]
    assert files.read_json(tmp_path / "x.json") == {"a": [1]}
    files.write_jsonl(tmp_path / "empty.jsonl", [])
    assert files.read_jsonl(tmp_path / "empty.jsonl", may_be_empty=True) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": 3}, "line 2: id: 3: Input should be a valid string"),
        ({"references": []}, "line 2: references: []: List should have at least 1 item"),
        ({"references": "One."}, "line 2: references: 'One.': Input should be a valid list"),
        ({"references": ["One.", None]}, "line 2: references: 1: None: Input should be a valid string"),
        ({"dialogue": ["x" * 900]}, "line 2: dialogue: ['xxx"),
    ],
)
def test_a_row_of_another_shape_is_named_with_its_line(tmp_path, change, message):
    path = Paths(tmp_path).records("test")
    files.write_jsonl(path, [RECORD, RECORD | change])
    with pytest.raises(InputError) as refusal:
        files.read_jsonl(path, record("dialogue"))
    assert str(refusal.value).startswith(f"{path}: cut short or changed by hand ({message}")
    assert str(refusal.value).endswith("; make it anew with `dvc repro -f -s prepare`")
    assert len(str(refusal.value)) < 300 + len(str(path))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"id": "a"}], "No match for FieldRef"),
        ([{"id": "a", "numbers": ["x"]}], "row 1: numbers: 0: 'x': Input should be a valid integer"),
        ([ROW, ROW | {"numbers": None}], "row 2: numbers: None: Input should be a valid list"),
        ([], "No match for FieldRef"),
    ],
)
def test_a_table_of_other_columns_is_refused(tmp_path, rows, message):
    path = Paths(tmp_path).validation("lora-1")
    files.write_parquet(path, rows)
    with pytest.raises(InputError) as refusal:
        files.read_parquet(path, columns=["id", "numbers"], shape=Row)
    assert message in str(refusal.value) and "`dvc repro -f -s validate@lora-1`" in str(refusal.value)


def test_a_line_without_its_end_is_refused_for_the_rest_may_be_lost(tmp_path):
    path = Paths(tmp_path).prompts("train")
    path.parent.mkdir(parents=True)
    path.write_text('{"id": "a"}')
    with pytest.raises(InputError, match=r"\(line 1 has no end\); make it anew with `dvc repro -f -s template`"):
        files.read_jsonl(path, Prompt)


def test_other_errors_while_reading_a_users_file_are_not_explained_away(tmp_path):
    with pytest.raises(KeyError), files.explain_damage(tmp_path / "mine.txt"):
        raise KeyError("x")
    with pytest.raises(MemoryError), files.explain_damage(tmp_path / "models/base"):
        raise MemoryError
