"""Tokens on disk: what is read by number is what was written, and everything else is refused."""

import pyarrow
import pytest

from pipeline.core import token_files
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.core.token_files import TokenFile, input_lengths, longest_first, write_tokens

LENGTHS = [3, 0, 5, 1, 3, 2, 5]


def example(number):
    return {"input_ids": list(range(number, number + LENGTHS[number])), "labels": [-100] * number + [2**31 - 1]}


@pytest.fixture(params=[1, 2, 3, 1000])
def path(request, tmp_path, monkeypatch):
    """A file of record batches of so many examples."""
    monkeypatch.setattr(token_files, "AT_A_TIME", request.param)
    path = Paths(tmp_path).tokens("train")
    write_tokens(path, ({"id": str(number), **example(number)} for number in range(len(LENGTHS))))
    return path


def test_examples_are_read_by_number_slice_and_in_order(path):
    found, expected = TokenFile(path), [example(number) for number in range(len(LENGTHS))]
    assert list(found) == expected
    assert [found[number] for number in (6, 0, -1, -7)] == [expected[number] for number in (6, 0, -1, -7)]
    assert found[2:5] == expected[2:5] and found[:100] == expected and found[5:5] == []
    with pytest.raises(IndexError):
        found[len(LENGTHS)]
    assert all(type(token) is int for token in found[2]["input_ids"])


def test_lengths_and_outlines_are_those_of_the_examples(path):
    found, expected = TokenFile(path), [example(number) for number in range(len(LENGTHS))]
    assert found.lengths() == input_lengths(found) == input_lengths(expected) == LENGTHS
    outlines = [{column: len(tokens) for column, tokens in one.items()} for one in found.outlines()]
    assert outlines == [{column: len(tokens) for column, tokens in one.items()} for one in expected]


def test_the_longest_come_first_as_in_a_sorted_list(path):
    expected = sorted(TokenFile(path), key=lambda one: len(one["input_ids"]), reverse=True)
    for examples in (TokenFile(path), list(TokenFile(path))):
        found = longest_first(examples)
        assert list(found) == expected and found[1:4] == expected[1:4] and len(found) == len(LENGTHS)


def test_the_same_examples_give_the_same_bytes(path, tmp_path):
    write_tokens(tmp_path / "again.arrow", ({"id": str(number), **example(number)} for number in range(len(LENGTHS))))
    assert (tmp_path / "again.arrow").read_bytes() == path.read_bytes()


def test_a_file_that_is_not_whole_or_holds_other_columns_is_refused(path):
    content = path.read_bytes()
    for damaged in (content[: len(content) // 2], content[:-1], b"", b"noise" * 100):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"not a readable Arrow file.*`dvc repro -f -s tokenize`"):
            TokenFile(path)
    other = pyarrow.table({"input_ids": [["a"]], "labels": [[1]]})
    with pyarrow.ipc.new_file(path, other.schema) as file:
        file.write_table(other)
    with pytest.raises(InputError, match=r"no column 'input_ids' of tokens"):
        TokenFile(path)
    write_tokens(path, [])
    with pytest.raises(InputError, match="no rows"):
        TokenFile(path)
    path.unlink()
    with pytest.raises(InputError, match=r"no such file; make it with `dvc repro tokenize`"):
        TokenFile(path)


def test_a_failure_leaves_no_file_that_passes_for_a_whole_one(path):
    def broken():
        yield example(0)
        raise KeyError("x")

    with pytest.raises(KeyError):
        write_tokens(path, broken())
    assert not path.exists()
