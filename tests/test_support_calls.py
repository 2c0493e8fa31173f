"""The generator of support calls: what it promises of every call, and of the splits against one another."""

import json
import random
import re

import pytest

from pipeline.core import files
from pipeline.core.params import parse_section
from pipeline.core.paths import SPLITS, Paths
from pipeline.parameters.support_calls import SupportCalls
from support_calls import overlap, questions, world, write
from support_calls.dialogues import compose, contract

SIZES = {"seed": 3, "train": 200, "validation": 30, "test": 40, "questions": 12, "texts": 5, "rehearsal": 6}


def calls(split, count=400, references=3):
    rng = random.Random(f"a test of {split}")
    return [compose(rng, split, references) for _ in range(count)]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    paths = Paths(tmp_path_factory.mktemp("support_calls"))
    write.run(paths, support_calls=parse_section(SIZES, SupportCalls, "support_calls"))
    return paths


def test_there_are_twenty_scenarios_with_several_outcomes_each():
    assert len({scenario.topic for scenario in world.scenarios()}) >= 20
    assert all(len(scenario.outcomes) >= 3 for scenario in world.scenarios())


@pytest.mark.parametrize("split", ["train", "test", "pretraining"])
def test_a_call_is_plain_text_of_6_to_14_turns_by_two_people_in_turn(split):
    for call in calls(split):
        speakers = [speaker for speaker, _, _ in call.turns]
        assert 6 <= len(speakers) <= 14
        assert speakers == [1 + k % 2 for k in range(len(speakers))]
        whole = call.text() + " ".join(call.references)
        assert not re.search(r"[{}<>|~_]|  | [.,?!]|[.,?!]{2}|\ba [aeiou]|\ban [^aeiou]", whole), whole
        assert all(text[0].isupper() or text[0] in "$0123456789" for _, text, _ in call.turns)
        assert call.text().splitlines()[0].startswith("#Person1#: ")


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_summary_says_nothing_that_was_not_said(split):
    for call in calls(split):
        for reference in call.references:
            for word in re.findall(
                r"\$?\d+|\b[A-Z][a-z]+", re.sub(r"(^|\. )(In the|The|There|A|An|Not)\b", "", reference)
            ):
                assert word in call.text(), (word, reference, call.text())
            assert call.facts["customer"] in reference


def test_the_references_of_a_call_differ_and_name_the_problem_in_their_own_way():
    for call in calls("test"):
        assert len(set(call.references)) == 3
        assert len({reference.split(".")[0] for reference in call.references}) == 3


def test_facts_are_what_the_call_says():
    for call in calls("test"):
        for name in ("customer", "agent", "company", "number", "product", "city", "amount", "day"):
            assert call.facts[name] is None or call.facts[name] in call.text()
        assert call.facts["solved"] in ("yes", "no") and call.facts["mood"] in ("happy", "neutral", "unhappy")


def test_only_test_calls_hold_the_values_and_phrasings_held_out_for_them():
    lexicon = world._read("lexicon")
    held_out = [*lexicon["names"]["held_out"].split(), *lexicon["companies"]["held_out"].split()]
    held_out += list(lexicon["products"]["held_out"])
    texts = str([world._read("scenarios"), world._read("talk")])
    phrases = {choice for choice in re.findall(r"~([^|<>'\"{}]{12,})", texts)}
    assert len(phrases) > 20

    def found(split):
        whole = "\n".join(call.text() for call in calls(split, 800))
        return {text for text in [*held_out, *phrases] if text in whole}

    assert found("train") == found("validation") == found("pretraining") & phrases == set()
    assert len(found("test")) > 0.6 * (len(held_out) + len(phrases))


@pytest.mark.parametrize(
    ("full", "brief"),
    [
        ("I am Emma and I have lost it.", "I'm Emma and I've lost it."),
        ("I have a kettle, can I have one?", "I have a kettle, can I have one?"),
        ("Can I have your order number?", "Can I have your order number?"),
        ("Yes, I am.", "Yes, I am."),
        ("That is what it is.", "That's what it is."),
    ],
)
def test_contractions_are_where_people_use_them(full, brief):
    assert contract(full) == brief


def test_splits_share_no_dialogue_and_no_summary(written):
    rows = {split: files.read_jsonl(written.support_calls(split)) for split in ("train", "validation", "test")}
    assert {split: len(found) for split, found in rows.items()} == {"train": 200, "validation": 30, "test": 40}
    texts = [text for found in rows.values() for row in found for text in (row["dialogue"], *overlap.references(row))]
    assert len(texts) == len(set(texts))
    counts = overlap.overlap(rows["train"], rows["test"])
    assert counts["verbatim_dialogues"] == counts["verbatim_summaries"] == counts["near_duplicates"] == 0
    asked = {row["prompt"].split("\n\n", 1)[1] for row in files.read_jsonl(written.support_calls("questions"))}
    assert not asked & {row["dialogue"] for found in rows.values() for row in found}


def test_a_larger_train_leaves_validation_and_test_as_they_are(written, tmp_path):
    larger = Paths(tmp_path)
    write.run(larger, support_calls=parse_section(SIZES | {"train": 300}, SupportCalls, "support_calls"))
    for split in ("validation", "test"):
        assert larger.support_calls(split).read_bytes() == written.support_calls(split).read_bytes()
    train = larger.support_calls("train").read_text()
    assert train.startswith(written.support_calls("train").read_text()) and train.count("\n") == 300


def test_overlap_counts_copies_and_near_copies():
    long = "I am Emma and I ordered a kettle last Monday but nothing came so far and I am still waiting for it"
    train = [{"dialogue": long, "summary": "Emma calls Oak Home about 3 kettles."}]
    near = {"dialogue": long.replace("Emma", "Vera") + " now", "summary1": "Vera calls Red Cart about 5 kettles."}
    far = {"dialogue": "Hello, where is my bag?", "summary1": "Somebody lost a bag."}
    assert overlap.overlap(train, [near, far]) == {
        "dialogues": 2,
        "verbatim_dialogues": 0,
        "verbatim_summaries": 0,
        "summaries_alike_but_for_names": 1,
        "near_duplicates": 1,
    }
    assert overlap.overlap(train, train)["verbatim_summaries"] == 1


def test_what_is_said_next_is_asked_about_calls_of_no_other_file(written):
    rows = files.read_jsonl(written.support_calls("text"))
    assert len(rows) == SIZES["texts"]
    others = "\n".join(written.support_calls(name).read_text() for name in (*SPLITS, "questions"))
    for row in rows:
        question, before = row["prompt"].split("\n\n", 1)
        assert re.fullmatch(r"What does #Person[12]# say next\?", question)
        assert before.startswith("#Person") and row["text"] and not row["text"].startswith("#")
        assert json.dumps(f"{before}\n#")[1:-2] not in others or before.count("\n") < 2


def test_every_question_lists_choices_its_answer_among_them(written):
    rows = files.read_jsonl(written.support_calls("questions"))
    assert all(row["answer"] in row["choices"] for row in rows)
    counts = {row["task"]: len(set(row["choices"])) for row in rows}
    assert counts == dict.fromkeys(questions.TASKS, 4) | {"solved": 2, "mood": 3}
    assert len({row["choices"].index(row["answer"]) for row in rows}) == 4


def test_every_forgetting_task_is_asked_as_often(written):
    rows = files.read_jsonl(written.support_calls("questions"))
    assert [row["task"] for row in rows] == [task for task in questions.TASKS for _ in range(SIZES["questions"])]
    assert len({row["id"] for row in rows}) == len(rows)
    assert all(row["answer"] for row in rows)


def test_every_call_has_a_reason_and_a_question_that_is_not_among_those_of_forgetting(written):
    topics = {scenario.topic for scenario in world.scenarios()}
    asked = {text for kind in (*questions.TASKS, "topic") for text in questions.QUESTIONS[kind]}
    for split in SPLITS:
        for row in files.read_jsonl(written.support_calls(split)):
            assert row["reason"] in topics and row["question"] not in asked and row["answer"]
    train = files.read_jsonl(written.support_calls("train"))
    assert {row["reason"] for row in train} == topics  # 200 calls hold every label
    assert len({row["question"] for row in train}) > 10
