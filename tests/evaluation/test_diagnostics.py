"""What is wrong with a summary, on texts made to have it."""

import pytest

from pipeline.evaluation import diagnostics

DIALOGUE = "#Person1#: Hello, this is Anna from Red Bank.\n#Person2#: I paid $1,200 twice on Monday."
REFERENCES = ["Anna hears that #Person2# paid $1200 twice.", "Money was paid twice on Monday."]


@pytest.fixture
def entities():
    return diagnostics.entity_words([DIALOGUE, *REFERENCES, "We went to Vienna with Bob."])


def test_names_are_words_with_a_capital_inside_a_sentence(entities):
    assert {"Anna", "Red", "Bank", "Monday", "Vienna", "Bob"} <= entities
    assert not {"Hello", "I", "Money", "We", "Person", "paid"} & entities


@pytest.mark.parametrize(
    ("summary", "missing"),
    [
        ("Anna hears of $1200 paid on Monday.", []),  # $1,200 is $1200
        ("Vienna is far.", ["Vienna"]),  # a name at the start, for it is one elsewhere
        ("Nothing is clear. Money came.", []),  # capitals that only begin a sentence
        ("Anna's bank pays $120 on Monday.", ["120"]),
        ("The bank calls Mr. Smith and Dr Anna.", ["Smith"]),
        ("Then Nguyen of Globex pays Anna.", ["Globex", "Nguyen"]),  # names that no dialogue has
        ("Anna, Person2 and Person3 speak.", ["Person3"]),  # of whom the dialogue has #Person2#
        ("#Person3# speaks to #Person1#.", ["#Person3#"]),
        ("Bob and Bob's friend call at 12:30.", ["12:30", "Bob"]),
        ("", []),
    ],
)
def test_what_a_dialogue_does_not_have_is_listed(entities, summary, missing):
    assert diagnostics.unsupported_entities(summary, DIALOGUE, entities) == missing


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
    assert [columns[fault] for fault in diagnostics.FAULTS] == [True, False, False, []]


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
    columns = diagnostics.diagnose({"prediction": "预订机票"}, "小明：你好", ["预订了机票。"], None)
    assert (columns["words"], columns["length_ratio"]) == (4, pytest.approx(4 / 5))


@pytest.mark.parametrize(
    ("summary", "dialogue", "missing"),
    [
        ("第３张票，共20元", "我要第3张票", ["20"]),  # full-width digits are the same number
        ("الطلب رقم ١٢", "الطلب رقم 12", []),
        ("#小明#说#小红#", "#小明#：你好", ["#小红#"]),
        ("Der Kunde will Geld von Anna", "#Person1#: Hallo", []),  # German nouns have capitals
    ],
)
def test_without_capitals_numbers_and_speakers_are_checked(summary, dialogue, missing):
    assert diagnostics.unsupported_entities(summary, dialogue, None) == missing


def test_capitals_tell_names_in_some_languages():
    assert diagnostics.find_entities(["Sie fragt Anna nach dem Preis."], "de") is None
    assert diagnostics.find_entities(["Elle demande à Zoé et à Anna."], "fr") == {"Zoé", "Anna"}
    assert diagnostics.find_entities(["Elle voit Zoe\u0301."], "fr") == {"Zoé"}


def test_a_name_is_found_however_its_accents_are_written(entities):
    assert diagnostics.unsupported_entities("We met Jose\u0301 here.", "Ana: José is here.", entities) == []
