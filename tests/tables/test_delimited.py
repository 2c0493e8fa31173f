"""CSV and its kin: the delimiter is found or given, and a bad row names its line."""

import gzip

import pytest

from pipeline.core.errors import InputError
from pipeline.tables.rows import rows

ROWS = [
    {"id": str(n), "dialogue": f"A: one; two, {n}|three\nB: yes", "summary": f"They, or {n}; agree."} for n in range(5)
]


def table(delimiter, end="\n"):
    lines = [delimiter.join(f'"{cell}"' for cell in row.values()) for row in ROWS]
    return end.join([delimiter.join(ROWS[0]), *lines]) + end


def put(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.csv", table(","), ""),
        ("x.csv", table(";"), "delimiter semicolon, found in its first rows"),
        ("x.csv", table("\t"), "delimiter tab, found in its first rows"),
        ("x.csv", table("|", end="\r\n"), "delimiter pipe, found in its first rows"),
        ("x.tsv", table("\t"), ""),
        ("x.tsv", table(","), "delimiter comma, found in its first rows"),
        ("x.csv", "sep=;\r\n" + table(";"), "delimiter semicolon, from its first line"),
        ("x.csv", '"sep=^"\n' + table("^"), "delimiter ^, from its first line"),
        ("x.csv.gz", gzip.compress(table(";").encode(), mtime=0), "delimiter semicolon, found in its first rows"),
    ],
)
def test_the_delimiter_is_found_and_said(tmp_path, capsys, name, content, said):
    path = put(tmp_path / name, content)
    assert [row for _, row in rows(path)] == ROWS
    assert capsys.readouterr().out == (f"{path}: {said}\n" if said else "")


@pytest.mark.parametrize(("name", "character"), [("semicolon", ";"), ("^", "^"), ("tab", "\t")])
def test_a_delimiter_that_is_given_is_taken(tmp_path, capsys, name, character):
    path = put(tmp_path / "x.csv", table(character))
    assert [row for _, row in rows(path, name)] == ROWS
    assert not capsys.readouterr().out


def test_texts_without_quotes_hold_the_other_delimiters(tmp_path):
    path = put(tmp_path / "x.tsv", 'dialogue\tsummary\nA: "no", said he; or|and\tHe said "no".\nB, C: x\tD; E\n')
    assert [row["dialogue"] for _, row in rows(path)] == ['A: "no", said he; or|and', "B, C: x"]


def test_a_spreadsheets_empty_columns_and_spaces_in_the_header_do_not_matter(tmp_path):
    path = put(tmp_path / "x.csv", "\n\nid; dialogue ;summary;;\n1;a;b;;\n2;c;d;;\n")
    assert [row for _, row in rows(path)] == [
        {"id": "1", "dialogue": "a", "summary": "b"},
        {"id": "2", "dialogue": "c", "summary": "d"},
    ]


def test_a_file_of_one_column_is_read(tmp_path):
    assert [row for _, row in rows(put(tmp_path / "x.csv", 'text\n"a, b"\nc\n'))] == [{"text": "a, b"}, {"text": "c"}]


@pytest.mark.parametrize(
    ("content", "delimiter", "message"),
    [
        ("a;b\n1;2\n1;2;3\n", None, ":3: 3 columns, where the header has 2"),
        ("sep=;\na;b\n1;2\n1\n", None, ":4: 1 columns, where the header has 2"),
        (
            "a;b\n1,5;2\n",
            ",",
            ":2: 2 columns, where the header has 1, a;b; data.delimiter sets what is between columns",
        ),
        ("a;b;a\n1;2;3\n", None, ":1: the header names a column twice: a, b, a"),
        ('a,b\n1,2\n3,"4\n5,6\n', None, ":3: not CSV: unexpected end of data; a quote in a text is written twice"),
        ('{"a": "x", "b": "y"}\n', None, ": this is JSON; let its name end in .jsonl or .json"),
        (",".join(f"{'long' * 40}{n}" for n in range(90)) + "\n1\n", None, ":2: 1 columns, where the header has 90"),
    ],
)
def test_a_bad_file_is_refused_in_one_short_line(tmp_path, content, delimiter, message):
    path = put(tmp_path / "x.csv", content)
    with pytest.raises(InputError) as refusal:
        list(rows(path, delimiter))
    assert str(refusal.value).startswith(f"{path}{message}")
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 400
