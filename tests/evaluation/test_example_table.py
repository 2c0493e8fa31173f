"""Rows that are kept column by column are the rows that are read one by one."""

import numpy as np
import pytest
from typing_extensions import TypedDict

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.evaluation.example_table import read_examples
from pipeline.evaluation.seed_rows import by_seed, count_seeds, example_ids, known_seeds, split_by_seed
from pipeline.evaluation.tasks.classification import label_counts


class Scored(TypedDict):
    id: str
    a: float


@pytest.fixture
def path(tmp_path):
    """2,500 rows of three seeds, more than are read at once."""
    rng = np.random.default_rng(0)
    rows = [
        {
            **{"seed": seed, "id": f"d{number}", "a": float(rng.random()), "b": None if number % 7 else 1.5},
            **{"right": number < 9, "label": str(number % 3), "written": str(number % 2), "prediction": "text"},
        }
        for seed in (17, 18, 19)
        for number in range(834)
    ]
    files.write_parquet(tmp_path / "rows.parquet", rows)
    return tmp_path / "rows.parquet"


@pytest.fixture
def rows(path):
    return files.read_parquet(path)


@pytest.fixture
def table(path):
    return read_examples(path, dict[str, object])


def test_the_rows_are_those_of_the_file(table, rows):
    assert len(table) == len(rows) and list(table) == rows
    assert table[0] == rows[0] and table[-1] == rows[-1] and list(table[5:9]) == rows[5:9]


def test_seeds_ids_and_numbers_are_those_of_the_rows(table, rows):
    assert {seed: list(each) for seed, each in split_by_seed(table).items()} == split_by_seed(rows)
    assert known_seeds(table) == known_seeds(rows) == [17, 18, 19]
    assert count_seeds(table) == count_seeds(rows) == 3
    assert example_ids(table) == example_ids(rows)
    for columns in (["a"], ["right", "a", "b"]):
        np.testing.assert_array_equal(by_seed(table, columns), by_seed(rows, columns))


def test_labels_are_counted_alike(table, rows):
    np.testing.assert_array_equal(label_counts("written")(table), label_counts("written")(rows))


def test_a_column_that_is_left_out_is_checked_and_not_kept(path):
    table = read_examples(path, dict[str, object], without=["prediction", "no such column"])
    assert not table.has("prediction") and "prediction" not in table[0] and table.has("a")


def test_a_row_of_another_shape_is_named(tmp_path):
    write = tmp_path / "reports/examples/lora.parquet"
    files.write_parquet(write, [{"id": str(number), "a": 1.0 if number != 1500 else None} for number in range(2000)])
    with pytest.raises(InputError, match=r"lora\.parquet: .*row 1501: a"):
        read_examples(write, Scored)


def test_what_is_no_parquet_and_what_is_missing_is_said(tmp_path):
    (tmp_path / "x.parquet").write_text("no")
    with pytest.raises(InputError, match="not a readable Parquet file"):
        read_examples(tmp_path / "x.parquet", dict[str, object])
    with pytest.raises(InputError, match="no such file"):
        read_examples(tmp_path / "y.parquet", dict[str, object])
