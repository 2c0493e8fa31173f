"""Rows of JSON Lines by their number, and one after the other."""

import random

import pytest

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.json_lines import JsonLines
from pipeline.core.paths import Paths
from pipeline.core.shapes import record

RECORD = record("dialogue")
ROWS = [{"id": str(number), "dialogue": f"A: é\u2028{number}", "references": ["x"]} for number in range(30)]


@pytest.fixture
def path(tmp_path):
    path = Paths(tmp_path).records("train")
    files.write_jsonl(path, ROWS)
    return path


def test_rows_are_those_of_a_list(path):
    found = JsonLines(path, RECORD)
    assert len(found) == 30 and list(found) == ROWS
    assert [found[number] for number in (29, 0, 7, -1)] == [ROWS[number] for number in (29, 0, 7, -1)]
    assert found[3:6] == ROWS[3:6]
    assert random.Random(1).sample(found, 4) == random.Random(1).sample(ROWS, 4)
    with pytest.raises(IndexError):
        found[30]


@pytest.mark.parametrize("at_a_time", [1, 7, 1000])
def test_what_is_wrong_is_named_by_its_line_wherever_it_is(path, monkeypatch, at_a_time):
    monkeypatch.setattr(files, "AT_A_TIME", at_a_time)
    assert list(files.iterate_jsonl(path, RECORD)) == ROWS
    lines = [f"{line}\n" for line in path.read_text().split("\n")[:-1]]
    for damaged, message in (
        ([*lines[:20], '{"id": 3}\n', *lines[21:]], "line 21: id: 3: Input should be a valid string"),
        ([*lines[:20], '{"id": \n', *lines[21:]], "line 21: not JSON: Expecting value: line 1 column"),
        ([*lines[:-1], lines[-1][:-1]], "line 30 has no end"),
        ([], "empty"),
    ):
        path.write_text("".join(damaged))
        with pytest.raises(InputError) as refusal:
            list(files.iterate_jsonl(path, RECORD))
        assert message in str(refusal.value) and "`dvc repro -f -s prepare`" in str(refusal.value)


def test_rows_before_a_damaged_one_come_only_when_they_are_whole(path):
    path.write_bytes(path.read_bytes() + b"\xff\n")
    with pytest.raises(InputError, match="not readable as text"):
        list(files.iterate_jsonl(path, RECORD))


def test_a_failure_leaves_no_file_that_passes_for_a_whole_one(path):
    def broken():
        yield ROWS[0]
        raise InputError("x")

    with pytest.raises(InputError):
        files.write_jsonl(path, broken())
    assert not path.exists()
