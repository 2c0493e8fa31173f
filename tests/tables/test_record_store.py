"""Records on disk: what is chosen of them comes back as it was, in order."""

import numpy as np
import pytest

from pipeline.tables.record_store import RecordStore

RECORDS = [{"id": str(number), "dialogue": f"A: é\u2028 {number % 4}", "references": ["x\ny"]} for number in range(10)]


@pytest.fixture
def store(tmp_path):
    with RecordStore(tmp_path / "records", ["dialogue"]) as store:
        yield store


def test_records_come_back_as_they_were_as_often_as_asked(store):
    some, others = store.add(iter(RECORDS[:6])), store.add(RECORDS[6:])
    for _ in range(2):
        assert list(some) == RECORDS[:6] and list(others) == RECORDS[6:]
    assert (len(some), len(others)) == (6, 4)


def test_two_of_them_can_be_read_in_turns(store):
    some = store.add(RECORDS)
    assert [(one, other) for one, other in zip(some, some)] == [(one, one) for one in RECORDS]


def test_a_choice_of_a_choice_keeps_the_order(store):
    some = store.add(RECORDS)
    mask = np.array([number % 3 != 0 for number in range(10)])
    kept = [record for record, chosen in zip(RECORDS, mask) if chosen]
    assert list(some.select(mask)) == kept
    assert list(some.select(mask).select(slice(4))) == kept[:4]
    assert list(some.select(mask).select([5, 0])) == [kept[5], kept[0]]
    assert list(some.select(np.zeros(10, dtype=bool))) == []


def test_keys_are_equal_where_the_words_of_the_fields_are(store):
    some = store.add([*RECORDS, {"id": "z", "dialogue": "A:  é\n0 ", "references": []}])
    assert len(set(some.keys)) == 4
    assert some.keys[10] == some.keys[0] == some.keys[4] != some.keys[1]
    assert len(store.add([]).keys) == 0


def test_nothing_is_left_in_the_folder(store, tmp_path):
    store.add(RECORDS)
    assert list((tmp_path / "records").iterdir()) == []
