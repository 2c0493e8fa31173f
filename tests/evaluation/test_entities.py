"""Names, numbers and speakers that a dialogue does not have: what is taken for one, and what counts as said."""

import pytest

from pipeline.evaluation import entities
from pipeline.evaluation.entities import find_entities, unsupported_entities

DIALOGUE = "#Person1#: Hello, this is Anna from Red Bank.\n#Person2#: I paid $1,200 twice on Monday."
REFERENCES = ["Anna hears that #Person2# paid $1200 twice.", "Money was paid twice on Monday."]


@pytest.fixture
def known():
    return find_entities([DIALOGUE, *REFERENCES, "We went to Vienna with Bob."], "en")


def test_names_are_words_with_a_capital_inside_a_sentence(known):
    text = "So Anna of Red Bank met Bob on Monday in Vienna. Hello, I saw money. Money is paid."
    assert known.names(text) == ["Anna", "Red", "Bank", "Bob", "Monday", "Vienna"]


@pytest.mark.parametrize(
    ("summary", "missing"),
    [
        ("Anna hears of $1200 paid on Monday.", []),  # $1,200 is $1200
        ("Vienna is far.", ["Vienna"]),  # a name at the start, for it is one elsewhere
        ("Nothing is clear. Money came.", []),  # capitals that only begin a sentence
        ("Anna's bank pays $120 on Monday.", ["120"]),
        ("The bank calls Mr. Smith and Dr Anna.", ["Smith"]),
        ("The bank calls Mr.Smith.", ["Smith"]),
        ("Then Nguyen of Globex pays Anna.", ["Globex", "Nguyen"]),  # names that no dialogue has
        ("Anna, Person2 and Person3 speak.", ["Person3"]),  # of whom the dialogue has #Person2#
        ("#Person3# speaks to #Person1#.", ["#Person3#"]),
        ("Bob and Bob's friend call at 12:30.", ["12:30", "Bob"]),
        ("Anna paid seven times, tomorrow.", ["seven", "tomorrow"]),
        ("", []),
    ],
)
def test_what_a_dialogue_does_not_have_is_listed(known, summary, missing):
    assert unsupported_entities(summary, DIALOGUE, known) == missing


def test_a_word_that_is_mostly_in_lower_case_is_no_name():
    texts = [
        "He says They won. They say he lost, and they lost. So they paid for they had to.",
        "The friend met Will, who will not go.",
    ]
    known = find_entities(texts, "en")
    assert known.names("He heard They won. Will came. The end.") == []
    once_more = find_entities([*texts, "I saw Will there."], "en")
    assert once_more.names("Will came.") == ["Will"]  # twice a name, once a verb
    assert known.names("So Will came.") == ["Will"]  # here the second is in the summary


def test_a_word_that_only_begins_sentences_is_a_name_where_the_texts_would_know_it(monkeypatch):
    texts = ["Nobody paid.", "They said nobody paid."]
    assert find_entities(texts, "en").names("Nobody met Anna. Quillon paid.") == ["Anna"]
    monkeypatch.setattr(entities, "ENOUGH_WORDS", 3)  # paid, said, nobody
    assert find_entities(texts, "en").names("Nobody met Anna. Quillon paid.") == ["Anna", "Quillon"]


@pytest.mark.parametrize(
    ("summary", "dialogue", "missing"),
    [
        ("He waits 7 days.", "A: seven days", []),
        ("He waits seven days.", "A: 7 days", []),
        ("She is 25.", "A: I am twenty-five.", []),
        ("She is twenty-five.", "A: I am 25.", []),
        ("She is twenty-five.", "A: I am 24.", ["five"]),
        ("Two friends see three films.", "A: hello", []),  # which people count, and nobody says
        ("He flies to the U.S. on Monday.", "A: to the US, Monday", []),
        ("He flies to the U.S. on Monday.", "A: to us on Monday", ["U.S"]),
        ("They meet tonight.", "A: Tonight!", []),
        ("They meet tonight.", "A: tomorrow", ["tonight"]),
    ],
)
def test_numbers_days_and_abbreviations_count_in_each_form(summary, dialogue, missing):
    assert unsupported_entities(summary, dialogue, find_entities([], "en")) == missing


@pytest.mark.parametrize(
    ("summary", "dialogue", "missing"),
    [
        ("第３张票，共20元", "我要第3张票", ["20"]),  # full-width digits are the same number
        ("الطلب رقم ١٢", "الطلب رقم 12", []),
        ("#小明#说#小红#", "#小明#：你好", ["#小红#"]),
        ("Der Kunde will Geld von Anna", "#Person1#: Hallo", []),  # German nouns have capitals
        ("De sju dagarna", "#Person1#: Hallo", []),
    ],
)
def test_without_capitals_numbers_and_speakers_are_checked(summary, dialogue, missing):
    assert unsupported_entities(summary, dialogue, find_entities([summary, dialogue], "de")) == missing


def test_capitals_tell_names_in_some_languages():
    assert find_entities([], "de").names("Sie fragt Anna nach dem Preis.") == []
    assert find_entities([], "fr").names("Elle demande à Zoé et à Anna.") == ["Zoé", "Anna"]
    assert find_entities([], "fr").names("Elle voit Zoe\u0301.") == ["Zoé"]


def test_a_name_is_found_however_its_accents_are_written(known):
    assert unsupported_entities("We met Jose\u0301 here.", "Ana: José is here.", known) == []
