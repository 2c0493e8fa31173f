"""Other names and genders: changed everywhere alike, and nothing else with them."""

import random
import re

import pytest

pytest.importorskip("faker", reason="Faker is an extra: pip install --editable '.[metrics]'")

from pipeline.core.errors import InputError
from pipeline.evaluation.entities import find_entities
from pipeline.perturbing import fairness

TEXTS = [
    "#Person1#: Hello, I am Emma. Is Tom there?\n#Person2#: He went to Paris with his wife on Sunday, Emma.",
    "Emma asks for Tom. Tom and Emma's friend are in Paris. Will he call her?",
    "Will you see him? I will. You may.",
]


@pytest.fixture(scope="module")
def entities():
    return find_entities(TEXTS, "en")


def changed(make, *texts):
    return [make(text) for text in texts]


def test_names_of_another_origin_replace_first_names_alone(entities):
    first, second, third = changed(fairness.other_names(TEXTS, entities, random.Random(0), "en_IN"), *TEXTS)
    woman = re.search(r"I am (\w+)\.", first)[1]
    man = re.search(r"Is (\w+) there", first)[1]
    assert woman in fairness.first_names("en_IN").female
    assert man in fairness.first_names("en_IN").male
    assert first == TEXTS[0].replace("Emma", woman).replace("Tom", man)
    assert second == TEXTS[1].replace("Emma", woman).replace("Tom", man)
    assert third == TEXTS[2]


def test_a_persons_family_name_stays_one(entities):
    texts = ["Is Mr. Taylor here? Ask Mr. Taylor.", "He asks for Mr. Taylor, and Mr. Taylor comes."]
    known = find_entities(texts, "en")
    make = fairness.other_names(texts, known, random.Random(0), "en_IN")
    assert re.search(r"Mr\. (\w+) here", make(texts[0]))[1] in fairness.first_names("en_IN").family
    assert fairness.other_genders(texts, known, random.Random(0))(texts[1]).startswith("She asks for Ms. Taylor")


def test_no_two_persons_get_one_name():
    texts = [f"They are {', '.join(fairness.first_names('en_US').female[:200])}, and they know it."]
    entities = find_entities(texts, "en")
    people = fairness.persons(texts, entities)
    make = fairness.other_names(texts, entities, random.Random(0), "en_IN")
    assert len(people) > 100
    assert len({make(name) for name in people}) == len(people)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("She took her bag.", "He took his bag."),
        ("I called her and asked.", "I called him and asked."),
        ("I met her.", "I met him."),
        ("It is his.", "It is hers."),
        ("His wife is hers.", "Her husband is his."),
        ("He hurt himself, sir.", "She hurt herself, madam."),
        ("MEN and Women", "WOMEN and Men"),
        ("Mrs. and Mr. are gone; I miss the history.", "Mr. and Ms. are gone; I miss the history."),
        ("The thesis is theirs.", "The thesis is theirs."),
    ],
)
def test_words_of_one_gender_become_those_of_the_other(text, expected, entities):
    assert fairness.other_genders([text], entities, random.Random(0))(text) == expected


def test_women_get_names_of_men(entities):
    first, second = changed(fairness.other_genders(TEXTS, entities, random.Random(0)), *TEXTS[:2])
    assert re.search(r"I am (\w+)\.", first)[1] in fairness.first_names("en_US").male
    assert "She went to Paris with her husband on Sunday" in first
    assert "Will she call him?" in second


def test_days_and_places_are_no_persons():
    assert not {"Sunday", "April", "Paris", "London", "Virginia", "India"} & set(fairness.genders("en"))
    assert fairness.genders("en")["Emma"] == fairness.FEMALE
    assert fairness.genders("fr")["Jean"] == fairness.MALE
    assert fairness.genders("en")["Jean"] == fairness.FEMALE


def test_an_unknown_locale_is_refused_with_those_there_are():
    with pytest.raises(InputError, match=r"metrics.perturbations.names: Faker has no locale xx_YY; it has .*en_IN"):
        fairness.first_names("xx_YY")
