"""Parquet and Arrow files, row by row."""

import os

import pyarrow
import pyarrow.feather
import pyarrow.parquet
import pytest

from pipeline.core.errors import InputError
from pipeline.tables.rows import rows

ROWS = [{"id": number, "turns": [{"speaker": "A", "text": f"Hi {number}."}]} for number in range(4)]


def stream(path, table):
    with pyarrow.ipc.new_stream(str(path), table.schema) as out:
        out.write_table(table, max_chunksize=3)


def file(path, table):
    with pyarrow.ipc.new_file(str(path), table.schema) as out:
        out.write_table(table, max_chunksize=3)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("x.parquet", lambda path, table: pyarrow.parquet.write_table(table, path, row_group_size=3)),
        ("x.feather", lambda path, table: pyarrow.feather.write_feather(table, path)),
        ("x.arrow", stream),
        ("x.arrow", file),
    ],
)
def test_every_format_gives_the_same_rows_and_a_file_cut_short_is_refused(tmp_path, name, write):
    path = tmp_path / name
    write(path, pyarrow.Table.from_pylist(ROWS))
    assert list(rows(path)) == [(f"{path} row {number}", row) for number, row in enumerate(ROWS, start=1)]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=rf"{name}: not a readable (Parquet|Arrow) file: ") as refusal:
        list(rows(path))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow", "x.feather"])
@pytest.mark.parametrize("content", [b"", b"[]", b"{}", os.urandom(300)])
def test_noise_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"{name}: not a readable"):
        list(rows(tmp_path / name))


def test_a_table_without_rows_and_a_text_that_is_no_utf8_are_refused(tmp_path):
    pyarrow.parquet.write_table(pyarrow.table({"a": pyarrow.array([], pyarrow.string())}), tmp_path / "x.parquet")
    with pytest.raises(InputError, match=r"x.parquet: the file holds no rows"):
        list(rows(tmp_path / "x.parquet"))
    offsets, letters = pyarrow.py_buffer(b"\0\0\0\0\1\0\0\0"), pyarrow.py_buffer(b"\xff")
    text = pyarrow.Array.from_buffers(pyarrow.string(), 1, [None, offsets, letters])
    pyarrow.parquet.write_table(pyarrow.table({"a": text}), tmp_path / "y.parquet")
    with pytest.raises(InputError, match=r"y.parquet rows 1 to 1: a value cannot be read: 'utf-8' codec"):
        list(rows(tmp_path / "y.parquet"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("x.xlsx", "this is an Excel workbook; save the sheet as CSV"),
        ("x.zip", "this is an archive; unpack it"),
        ("x.pkl", "this is a pickle; never read"),
        ("x.txt", "unknown ending '.txt'; expected one of .jsonl"),
    ],
)
def test_other_files_are_refused_by_their_ending(tmp_path, name, message):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(InputError, match=f"{name}: {message}"):
        list(rows(tmp_path / name))
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match=r"folder.csv: a folder, where a file is expected"):
        list(rows(tmp_path / "folder.csv"))
