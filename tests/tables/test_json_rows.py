"""JSON as people have it: lines, arrays, objects with one array; a bad file names its line."""

import gzip
import json
import lzma

import pytest

from pipeline.core.errors import InputError
from pipeline.tables.rows import rows

ROWS = [{"id": number, "text": f"line\n{number} é"} for number in range(3)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


def put(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.json", json.dumps(ROWS)),
        ("x.json", json.dumps(ROWS, indent=2)),
        ("x.jsonl", json.dumps(ROWS)),
        ("x.json", LINES),
        ("x.json", json.dumps({"version": "1.0", "data": ROWS}, indent=1)),
        ("x.jsonl", LINES.replace("\n", "\r")),
        ("x.ndjson", "\ufeff\n" + LINES.replace("\n", "\r\n\r\n")),
        ("x.JSONL.gz", gzip.compress(LINES.encode(), mtime=0)),
        ("x.json.xz", lzma.compress(json.dumps(ROWS).encode())),
    ],
)
def test_lines_arrays_and_objects_with_one_array_are_the_same_rows(tmp_path, name, content):
    assert [row for _, row in rows(put(tmp_path / name, content))] == ROWS


def test_an_element_of_an_array_is_named_by_line_and_number(tmp_path):
    path = put(tmp_path / "x.json", json.dumps(ROWS, indent=1))
    assert [where for where, _ in rows(path)] == [
        f"{path}:{line} (element {number})" for line, number in ((2, 1), (6, 2), (10, 3))
    ]


def test_turns_are_one_row_and_not_the_rows_of_a_file(tmp_path):
    row = {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]}
    assert [found for _, found in rows(put(tmp_path / "x.json", json.dumps(row)))] == [row]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "x.json",
            json.dumps(ROWS, indent=1)[:-2],
            ":13: not JSON: expected ',' or ']' after element 3, found the end of",
        ),
        ("x.json", json.dumps(ROWS, indent=1)[:-15], ":12: not JSON: Unterminated string"),
        (
            "x.json",
            json.dumps(ROWS, indent=1).replace("},", "}", 1),
            ":6: not JSON: expected ',' or ']' after element 1",
        ),
        ("x.json", '[{"a": 1},\n{"a": 1},\n]', ":3: not JSON: Expecting value at column 1"),
        ("x.json", '[{"a": 1}]\n{}', ":1: not JSON: more text after the array"),
        ("x.json", '[{"a": 1},\n"a"]', ":2 (element 2): expected a JSON object, found text"),
        ("x.json", "[[1]]", ":1 (element 1): expected a JSON object, found list"),
        ("x.json", "null", ":1: expected one JSON object a line, found null"),
        ("x.json", "[]", ": the file holds no rows"),
        ("x.jsonl", "{}", ":1: a row without columns"),
        ("x.json", "", ": the file holds no rows"),
        ("x.json", json.dumps({"train": ROWS, "test": ROWS}), ": one JSON object with several lists (train, test)"),
        ("x.json", json.dumps({"1": ROWS[0], "2": ROWS[1]}), ": one JSON object of columns or of named rows (1, 2)"),
        ("x.json", json.dumps({"a": {"0": "x"}}), ": one JSON object of columns or of named rows (a)"),
        ("x.json", json.dumps({"a": ["x"], "b": ["y"]}), ": one JSON object of columns or of named rows (a, b)"),
        ("x.jsonl", '{"a": 1}\n{"a": 1, "a": 2}', ":2: an object has the key 'a' twice"),
        ("x.json", '[{"a": 1},\n{"b": {"a": 1, "a": 2}}]', ":2: an object has the key 'a' twice"),
        ("x.jsonl", '{"a": 1} {"a": 2}', ":1: not JSON: more text after the object, at column 9"),
        ("x.jsonl", '{"a": ' + 99999 * "[", ":1: JSON nested too deep"),
        ("x.json", 99999 * "[", ":1: JSON nested too deep"),
        ("x.jsonl", LINES + "\0", ":4: a NUL byte"),
        ("x.jsonl", LINES.encode("utf-16"), ": the text is UTF-16; save it as UTF-8"),
        ("x.jsonl", LINES.encode("utf-16-le"), ":1: a NUL byte: no text file, or UTF-16"),
        ("x.jsonl.gz", gzip.compress(LINES.encode(), mtime=0)[:-9], ": not a whole .gz file, perhaps cut short"),
        ("x.jsonl.gz", LINES, ": not a whole .gz file"),
        ("x.jsonl", gzip.compress(LINES.encode(), mtime=0), ": this is a gzip file; let its name end in .gz"),
        ("x.jsonl", b"PK\x03\x04...", ": this is a ZIP archive or an Excel workbook"),
        ("x.json", "<!DOCTYPE html>", ": this is a web page"),
        ("x.jsonl", "version https://git-lfs\noid 1", ": this is not the data but a pointer of Git LFS"),
    ],
)
def test_a_bad_file_is_refused_in_one_short_line(tmp_path, name, content, message):
    path = put(tmp_path / name, content)
    with pytest.raises(InputError) as refusal:
        list(rows(path))
    assert str(refusal.value).startswith(f"{path}{message}")
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 400
