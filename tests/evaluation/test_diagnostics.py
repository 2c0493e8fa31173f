"""What is wrong with a summary, on texts made to have it."""

import pytest

from pipeline.evaluation import diagnostics
from pipeline.evaluation.entities import find_entities

DIALOGUE = "#Person1#: Hello, this is Anna from Red Bank.\n#Person2#: I paid $1,200 twice on Monday."
REFERENCES = ["Anna hears that #Person2# paid $1200 twice.", "Money was paid twice on Monday."]


@pytest.fixture
def entities():
    return find_entities([DIALOGUE, *REFERENCES], "en")


def test_three_words_twice_are_a_repeat():
    assert diagnostics.has_repeats("She calls the shop and she Calls THE bank.")
    assert not diagnostics.has_repeats("She calls the shop and he calls the bank.")
    assert not diagnostics.has_repeats("")


def test_novel_bigrams_are_those_that_were_not_said():
    assert diagnostics.novel_bigrams("I paid", DIALOGUE) == 0
    assert diagnostics.novel_bigrams("I paid Anna", DIALOGUE) == 50
    assert diagnostics.novel_bigrams("word", DIALOGUE) is None


def test_a_row_of_columns(entities):
    row = {"prediction": "Anna paid twice.", "ended": False}
    columns = diagnostics.diagnose(row, DIALOGUE, REFERENCES, entities)
    assert columns["words"] == 3
    assert columns["length_ratio"] == pytest.approx(3 / 6.5)  # references of 7 and 6 words
    assert [columns.get(fault) for fault in diagnostics.FAULTS] == [True, False, False, [], None]


def test_external_predictions_do_not_say_whether_they_were_truncated(entities):
    assert diagnostics.diagnose({"prediction": "Anna paid."}, DIALOGUE, REFERENCES, entities)["truncated"] is None
    assert diagnostics.diagnose({"prediction": " ", "ended": True}, DIALOGUE, REFERENCES, entities)["empty"] is True


def test_other_scripts_have_words_numbers_and_repeats():
    hindi = "राम ने किताब ली और राम ने किताब पढ़ी"
    assert diagnostics.has_repeats(hindi)
    assert not diagnostics.has_repeats("राम ने किताब ली")
    assert diagnostics.novel_bigrams("राम ने", hindi) == 0
    assert not diagnostics.has_repeats("小明打电话给张小红，小明打车去机场")  # three characters are no three words
    assert diagnostics.has_repeats("我想预订机票，请问，我想预订机票")
    columns = diagnostics.diagnose({"prediction": "预订机票"}, "小明：你好", ["预订了机票。"], find_entities([], "zh"))
    assert (columns["words"], columns["length_ratio"]) == (4, pytest.approx(4 / 5))


def test_references_are_diagnosed_as_summaries_beside_the_others(entities):
    records = [
        {"id": "a", "dialogue": DIALOGUE, "references": [*REFERENCES, "Anna met Zoe."]},
        {"id": "b", "dialogue": "Anna: No.", "references": ["Anna refuses."]},
    ]
    rows = diagnostics.diagnose_references(records, "dialogue", entities)
    assert [row["id"] for row in rows] == ["a", "a", "a", "b"]
    assert [row["unsupported"] for row in rows] == [[], [], ["Zoe"], []]
    assert [row["length_ratio"] for row in rows] == [pytest.approx(7 / 4.5), pytest.approx(6 / 5), 3 / 6.5, None]
    assert {row["truncated"] for row in rows} == {None}
    found = diagnostics.summarize(rows)
    assert found["unsupported"] == pytest.approx(100 / 6)  # a third of one dialogue, nothing of the other
    assert found["words"] == pytest.approx((16 / 3 + 2) / 2)
    assert (found["truncated"], found["empty"]) == (None, 0)


def test_the_rows_of_several_seeds_count_as_one_dialogue():
    def row(name, repeats, words):
        return {"id": name, "repeats": repeats, "words": words} | dict.fromkeys(
            ("truncated", "empty", "unsupported", "length_ratio", "novel_bigrams")
        )

    found = diagnostics.summarize([row("a", True, 1), row("a", True, 3), row("b", False, 8)])
    assert (found["repeats"], found["words"], found["length_ratio"]) == (50, 5, None)
