"""Files of predictions and references: one clear refusal for each bad row."""

import gzip

import pytest

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.evaluation.predictions import read_predictions, read_references
from tests.evaluation.examples import RECORDS

GOOD = b'{"id": "a", "prediction": "x"}\n{"id": "b", "prediction": "y"}\n{"id": "c", "prediction": "z"}\n'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD + b'{"prediction": "x"}', r":4: no column id; found prediction"),
        (b'{"id": "a", "summary": "x"}', r":1: no column prediction; found id, summary"),
        (GOOD + b'{"id": "d", "prediction": "x"}', r":4: id 'd' is none of the 3 examples with references"),
        (b'{"id": "a", "prediction": null}', r":1: prediction is None, expected text"),
        (b'{"id": "a", "prediction": NaN}', r":1: prediction is nan, expected text"),
        (b'{"id": "a", "prediction": 3}', r":1: prediction is 3, expected text"),
        (b'{"id": null, "prediction": "x"}', r":1: id is None, expected text or a whole number"),
        (GOOD + b"\n" + GOOD[:31], r":5: id 'a' was already at .*bad.jsonl:1"),
        (GOOD + b'{"id": "b", "pred', r":4: not JSON: "),
        (b'{"id": "a", "prediction": "\\ud83d"}', r":1: prediction is '\\ud83d', expected text"),  # half an emoji
        (b'{"id": ' + 5000 * b"1" + b"}", r":1: not JSON: Exceeds the limit"),
        (b'["a"]', r":1 \(element 1\): expected a JSON object, found text"),
        (b"", r": the file holds no rows"),
        (GOOD[:31], r": no prediction for 2 of 3 examples, first 'b'"),
        (GOOD.replace(b"x", b"").replace(b"y", b" ").replace(b"z", b""), r": every one of 3 predictions is empty"),
    ],
)
def test_bad_predictions_are_refused_with_their_line(tmp_path, content, message):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"bad.jsonl{message}") as refusal:
        read_predictions(path, {row["id"]: row for row in RECORDS})
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.json", b'[{"id": 1, "prediction": "x"}, {"id": 2.0, "prediction": "y"}]'),
        ("p.csv", b"id;prediction\n1;x\n2;y\n"),
        ("p.csv", b"id,prediction\n1.0,x\n2.0,y\n"),
        ("p.tsv", b"prediction\tid\nx\t1\ny\t2\n"),
        ("p.jsonl.gz", gzip.compress(b'{"id": 2, "prediction": "y"}\n{"id": "1", "prediction": "x"}\n', mtime=0)),
    ],
)
def test_predictions_are_read_from_every_format(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    records = {key: {"id": key, "dialogue": "d", "references": ["r"]} for key in ("1", "2")}
    assert [(row["id"], row["prediction"]) for row in read_predictions(tmp_path / name, records)] == [
        ("1", "x"),
        ("2", "y"),
    ]


def test_words_for_a_missing_value_are_scored_with_a_warning(tmp_path, capsys):
    path = tmp_path / "p.csv"
    path.write_text("id,prediction\na,x\nb,nan\nc,None\n")
    assert len(read_predictions(path, {row["id"]: row for row in RECORDS})) == 3
    assert f"{path}: WARNING: 2 of 3 predictions are a word for a missing value" in capsys.readouterr().out


def test_a_column_called_ended_that_is_not_ours_is_not_taken_for_it(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("id,prediction,ended\na,x,False\nb,y,False\nc,z,True\n")
    assert all("ended" not in row for row in read_predictions(path, {row["id"]: row for row in RECORDS}))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"id": "a", "dialogue": "x"}, r":1: no references; expected records as in data/records/test.jsonl"),
        ({"id": "a", "dialogue": "x", "references": []}, r":1: references is \[\], expected a list"),
        ({"id": "a", "dialogue": "x", "references": "y"}, r":1: references is 'y', expected a list"),
        ({"id": "a", "dialogue": "x", "references": ["y", ""]}, r":1: references is \['y', ''\], expected"),
        ({"id": "a", "dialogue": "x", "references": ["y", " "]}, r":1: references is \['y', ' '\], expected"),
        ({"id": "a", "dialogue": None, "references": ["y"]}, r":1: dialogue is None, expected text"),
        ({"id": "a", "dialogue": ["x"], "references": ["y"]}, r":1: dialogue is \['x'\], expected text"),
        ({"id": None, "dialogue": "x", "references": ["y"]}, r":1: id is None, expected text or a whole number"),
        ({"id": 7, "dialogue": "x", "references": ["y"]}, r":2: id '7' occurs twice"),
    ],
)
def test_bad_references_are_refused_with_their_line(tmp_path, row, message):
    files.write_jsonl(tmp_path / "test.jsonl", [row, {"id": "7", "dialogue": "x", "references": ["y"]}])
    with pytest.raises(InputError, match=f"test.jsonl{message}"):
        read_references(tmp_path / "test.jsonl", "dialogue")
