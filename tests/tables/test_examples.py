"""Rows as dialogues and summaries: texts, turns, conversations of a chat, lists of references, missing values."""

import json

import pytest

from pipeline.core.errors import InputError
from pipeline.tables.examples import Columns, read_example

COLUMNS = Columns("dialogue", "summary", ["nan", "None", "N/A", "-"])
HELLO = [{"speaker": "Ann", "text": "Hello."}, {"speaker": "Bo", "text": "Hi."}]
USER = {"role": "user", "content": "Ann: Hello.\nBo: Hi."}
REPLY = {"role": "assistant", "content": "They greet."}


def example(row, source="dialogue", target="summary"):
    return read_example(row, Columns(source, target, COLUMNS.missing_words), "x.jsonl:1")


@pytest.mark.parametrize(
    "dialogue",
    [
        HELLO,
        [{"role": "Ann", "content": "Hello."}, {"role": "Bo", "content": "Hi."}],
        [{"from": "Ann", "value": "Hello."}, {"from": "Bo", "value": "Hi."}],
        [{"name": "Ann", "utterance": "Hello."}, {"Speaker": " Bo", "Text": "Hi.\r\n"}],
        [{"speaker": "Ann", "text": "Ann: Hello."}, {"text": "Bo: Hi."}],
        [{"role": "Ann", "content": [{"type": "text", "text": "Hello."}]}, {"role": "Bo", "parts": ["Hi."]}],
        ["Ann: Hello.", "Bo: Hi."],
        ["Ann: Hello.", None, "", "Bo: Hi."],
        {"speaker": ["Ann", "Bo"], "utterance": ["Hello.", "Hi."]},
        "Ann: Hello.\rBo: Hi.",
        json.dumps(HELLO),
        json.dumps(["Ann: Hello.", "Bo: Hi."]),
    ],
)
def test_turns_become_a_line_each(dialogue):
    found = example({"dialogue": dialogue, "summary": "They greet."})
    assert (found.source, found.references, found.empty) == ("Ann: Hello.\nBo: Hi.", ["They greet."], "")


@pytest.mark.parametrize(
    ("texts", "speakers", "expected"),
    [
        (["Hello.", "Hi."], ["Ann", "Bo"], "Ann: Hello.\nBo: Hi."),
        (["Hello.", "Hi."], [0, None], "0: Hello.\nHi."),
        (["Ann: Hello.", "Bo: Hi."], ["Ann", "Bo"], "Ann: Hello.\nBo: Hi."),
        (["Ann: Hello.", "Bo: Hi.", "Ann: Oh."], ["Ann", "Bo"], "Ann: Hello.\nBo: Hi.\nAnn: Oh."),
    ],
)
def test_a_list_of_speakers_beside_the_texts_is_used(texts, speakers, expected):
    assert example({"utt": texts, "speaker": speakers, "summary": "S."}, source="utt").source == expected


def test_turns_without_text_are_left_out_and_counted():
    assert example({"dialogue": ["A: x", "", None], "summary": "S."}).left_out == {"turns without text": 2}


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [USER, REPLY]},
        {"id": 1, "messages": [{"role": "system", "content": "Summarize."}, USER, REPLY]},
        {"conversations": [{"from": "human", "value": USER["content"]}, {"from": "gpt", "value": "They greet."}]},
        {"messages": json.dumps([USER, REPLY])},
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "Ann: Hello."}, {"text": "Bo: Hi."}]},
                REPLY,
            ]
        },
    ],
)
def test_the_last_message_of_a_chat_is_the_summary(row):
    found = example(row)
    assert (found.source, found.references) == ("Ann: Hello.\nBo: Hi.", ["They greet."])


def test_a_longer_chat_keeps_its_roles_and_any_column_can_be_named():
    turns = [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Hi."}]
    found = example({"log": [*turns, {"role": "user", "content": "Sum up."}, REPLY]}, source="log", target="log")
    assert (found.source, found.references) == ("user: Hello.\nassistant: Hi.\nuser: Sum up.", ["They greet."])
    found = example({"messages": turns, "summary": "They greet."}, source="messages")
    assert (found.source, found.references) == ("user: Hello.\nassistant: Hi.", ["They greet."])


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        (["one", "two "], ["one", "two"]),
        ('["one", "two"]', ["one", "two"]),
        ([REPLY], ["They greet."]),
        ("[laughs] no list", ["[laughs] no list"]),
        ("[1]", ["[1]"]),
    ],
)
def test_a_list_of_summaries_is_several_references(summary, expected):
    assert example({"dialogue": "A: x", "summary": summary}).references == expected


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"dialogue": None, "summary": "S."}, "column 'dialogue' is empty"),
        ({"dialogue": float("nan"), "summary": "S."}, "column 'dialogue' is empty"),
        ({"dialogue": [], "summary": "S."}, "column 'dialogue' is empty"),
        ({"dialogue": [None, ""], "summary": "S."}, "column 'dialogue' is empty"),
        ({"dialogue": "A: x", "summary": float("nan")}, "column 'summary' is empty"),
        ({"dialogue": "A: x", "summary": []}, "column 'summary' is empty"),
        ({"dialogue": "A: x", "summary": ["one", None]}, "column 'summary' is empty"),
        ({"dialogue": "A: x", "summary1": "one", "summary2": " "}, "column 'summary2' is empty"),
        ({"dialogue": " NaN", "summary": "S."}, "column 'dialogue' holds 'NaN', a word for a missing value"),
        ({"dialogue": "A: x", "summary": ["one", "n/a"]}, "column 'summary' holds 'n/a', a word for a missing value"),
        ({"messages": []}, "column 'messages' is empty"),
        ({"messages": [USER, {"role": "assistant", "content": None}]}, "column 'messages' is empty"),
    ],
)
def test_what_is_empty_or_missing_says_so(row, reason):
    assert example(row).empty.startswith(reason)


def test_words_for_a_missing_value_are_text_where_none_is_named():
    found = read_example({"dialogue": "nan", "summary": "None"}, Columns("dialogue", "summary", []), "x.csv:2")
    assert (found.source, found.references, found.empty) == ("nan", ["None"], "")
    assert example({"dialogue": "A: Any allergies?\nB: None", "summary": "None of them."}).empty == ""


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"dialogue": 3, "summary": "S."}, "column 'dialogue' holds 3, expected text"),
        ({"dialogue": ["a", 3], "summary": "S."}, "column 'dialogue': turn 2 holds 3, expected text"),
        ({"dialogue": [["A", "x"]], "summary": "S."}, "column 'dialogue': turn 1 holds ['A', 'x'], expected text"),
        ({"dialogue": [{"who": "A"}], "summary": "S."}, "column 'dialogue': turn 1 has who, but no text nor content"),
        ({"dialogue": {"a": "x" * 9000}, "summary": "S."}, "column 'dialogue' holds {'a': 'xxx"),
        ({"dialogue": ["a", "b", "c"], "speakers": ["A", "B"], "summary": "S."}, "column 'dialogue' has 3 turns, but"),
        ({"dialogue": ["a"] * 900, "summary": [["b"]]}, "column 'summary': reference 1 holds ['b'], expected text"),
        ({"dialogue": "A: \ud83d", "summary": "S."}, "column 'dialogue' holds half a character"),
        ({"dialogue": ["A: \ud83d"], "summary": "S."}, "column 'dialogue': turn 1 holds half a character"),
        ({"dialogue": "['A: x', 'B: y']", "summary": "S."}, "column 'dialogue' holds a list as Python prints it"),
        ({"dialogue": "A: x", "summary": "['a'\n 'b']"}, "column 'summary' holds a list as Python prints it"),
        ({"messages": [USER]}, "column 'messages': the last message is of 'user', expected the assistant's"),
        ({"messages": "x"}, "column 'messages' holds 'x', expected a list of messages"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}, REPLY]},
            "column 'messages': message 1 has a part of the type 'image_url'; only text can be read",
        ),
        (
            {"messages": [USER, {"role": "assistant", "content": None, "tool_calls": [{"id": "x"}]}, REPLY]},
            "column 'messages': message 2 calls a tool; only text can be read",
        ),
        ({"text": "x", **{f"column {n}": "x" * 99 for n in range(99)}}, "no column 'dialogue' (data.source_column)"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_short_line(row, message):
    with pytest.raises(InputError) as refusal:
        example(row)
    assert str(refusal.value).startswith(f"x.jsonl:1: {message}")
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 400
