"""Perturbations of records: everything that changes with the input, for every kind of task."""

import pytest

from pipeline.core.errors import InputError
from pipeline.parameters.metrics import PERTURBATIONS, Metrics
from pipeline.parameters.task import Task
from pipeline.perturbing.perturbations import perturbed
from tests import tiny
from tests.systems import RECORDS, SUMMARIES

OWN = {"typos": {"share": 0.1}, "fillers": {"share": 0.3}, "names": {"locale": "en_IN"}}
EVERY = {name: OWN.get(name, {}) for name in PERTURBATIONS}
METRICS = tiny.section("metrics", Metrics, perturbations=EVERY)
QUESTIONS = Task(name="qa", kind="question_answering", fields=["page", "question"], source="page", by_choice=False)
PAGES = [
    {
        "id": str(number),
        "page": "Agent: Hello, do you need help?\nCustomer: It is late.",
        "question": "What does the Customer say?",
        "references": ["The Customer says that it is late."],
        "choices": ["The Customer says that it is late.", "The Agent is late."],
    }
    for number in range(4)
]


@pytest.mark.parametrize("name", ["typos", "lower_case", "fillers", "contractions"])
def test_only_the_input_is_written_otherwise(name):
    found = perturbed(name, PAGES, QUESTIONS, METRICS, "en", 17)
    assert len(found) == 4
    for before, after in zip(PAGES, found):
        assert after["page"] != before["page"]
        assert after | {"page": before["page"]} == before


def test_speakers_change_places_in_question_answer_and_choices_too():
    (first, *_) = perturbed("speakers", PAGES, QUESTIONS, METRICS, "en", 17)
    assert first["page"].startswith("Customer: Hello")
    assert first["question"] == "What does the Agent say?"
    assert first["references"] == ["The Agent says that it is late."]
    assert first["choices"] == ["The Agent says that it is late.", "The Customer is late."]


def test_a_record_is_changed_alike_whatever_records_are_beside_it():
    assert (
        perturbed("typos", PAGES[2:], QUESTIONS, METRICS, "en", 17)[0]
        == (perturbed("typos", PAGES, QUESTIONS, METRICS, "en", 17)[2])
    )


def test_only_the_first_examples_are_taken():
    two = tiny.section("metrics", Metrics, perturbations=EVERY, examples=2)
    assert [row["id"] for row in perturbed("typos", RECORDS, SUMMARIES, two, "en", 17)] == ["d0", "d1"]


def test_a_perturbation_of_another_language_is_refused():
    with pytest.raises(InputError, match="contractions: of English texts, and"):
        perturbed("contractions", PAGES, QUESTIONS, METRICS, "de", 17)
    assert perturbed("typos", PAGES, QUESTIONS, METRICS, "de", 17)


def test_a_perturbation_that_changes_nothing_is_refused():
    rows = [row | {"page": "12:30 – 13:45"} for row in PAGES]
    with pytest.raises(InputError, match="typos: changes none of the test inputs"):
        perturbed("typos", rows, QUESTIONS, METRICS, "en", 17)


def test_settings_are_those_of_the_perturbation():
    many = tiny.section("metrics", Metrics, perturbations={"typos": {"share": 1.0}})
    (first, *_) = perturbed("typos", PAGES, QUESTIONS, many, "en", 17)
    assert sum(old != new for old, new in zip(PAGES[0]["page"].split(), first["page"].split())) == 3  # need, help, late
    with pytest.raises(InputError, match="typos has no locale"):
        tiny.section("metrics", Metrics, perturbations={"typos": {"share": 0.1, "locale": "en_IN"}})
    with pytest.raises(InputError, match="typos needs share"):
        tiny.section("metrics", Metrics, perturbations={"typos": {}})
    with pytest.raises(InputError, match="share"):
        tiny.section("metrics", Metrics, perturbations={"typos": {"share": 0}})
    with pytest.raises(InputError, match="noise"):
        tiny.section("metrics", Metrics, perturbations={"noise": {}})
