"""The files of the forgetting measurement, and what a correct answer is."""

import json
from pathlib import Path

import pytest

from pipeline.core.errors import InputError
from pipeline.evaluation.questions import (
    accuracy_by_task,
    chance_by_task,
    exact_match,
    likeliest_choices,
    read_questions,
    read_texts,
)


def write(path, *rows):
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return path


def question(task, number, **changes):
    return {"id": f"{task}-{number}", "task": task, "prompt": f"Say {number}.", "answer": str(number), **changes}


def test_correct_answers_are_counted_by_task_then_averaged_over_tasks():
    rows = [
        {"task": "number", "answer": "12", "given": "12"},
        {"task": "number", "answer": "12", "given": "1 2"},
        {"task": "number", "answer": "12", "given": ""},
        {"task": "number", "answer": "12", "given": "12, I think."},
        {"task": "mood", "answer": "Happy", "given": " happy. "},
    ]
    rows = [row | {"correct": {"written": exact_match(row["given"], row)}} for row in rows]
    rows[-1]["correct"]["by_choice"] = False
    assert accuracy_by_task(rows) == {
        "written": {"number": 0.25, "mood": 1.0, "mean": 0.625},
        "by_choice": {"mood": 0.0, "mean": 0.0},
    }


def test_the_likeliest_choice_and_the_likeliest_per_character():
    choices = ["no", "certainly not", "élan"]  # per character -1.0, -0.5, -0.75; in bytes the last has one more
    assert likeliest_choices(choices, [-2.0, -6.5, -3.0]) == {"by_choice": "no", "by_choice_norm": "certainly not"}
    assert likeliest_choices(["a", "b"], [-1.0, -1.0]) == {"by_choice": "a", "by_choice_norm": "a"}
    assert likeliest_choices(["éé", "abc"], [-1.0, -1.4])["by_choice_norm"] == "abc"  # by bytes it would be the first


def test_chance_is_the_most_frequent_answer_or_a_random_choice():
    answers = ["yes", "Yes.", "yes", "no"]
    rows = [{"task": "solved", "answer": answer, "choices": ["yes", "no"]} for answer in answers]
    rows += [{"task": "number", "answer": str(n), "choices": [str(n), "7", "8", "9"]} for n in range(4)]
    assert chance_by_task(rows) == {
        "most_frequent": {"solved": 0.75, "number": 0.25, "mean": 0.5},
        "random_choice": {"solved": 0.5, "number": 0.25, "mean": 0.375},
    }
    del rows[0]["choices"]
    assert list(chance_by_task(rows)) == ["most_frequent"]


def test_per_task_takes_the_first_of_each_task(tmp_path):
    path = write(tmp_path / "q.jsonl", *(question(task, number) for number in range(4) for task in ("a", "b")))
    assert [row["id"] for row in read_questions(path, 2)] == ["a-0", "b-0", "a-1", "b-1"]
    assert len(read_questions(path, None)) == 8


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "q.jsonl:2: not JSON"),
        (question("a", 1, answer=""), "q.jsonl:2: 'answer': expected a text, found ''"),
        (question("a", 1, answer=True), "q.jsonl:2: 'answer' is True, expected text or a whole number"),
        (question("a", 1, prompt="\ud83d"), "q.jsonl:2: 'prompt': expected a text, found '\\ud83d'"),
        (question("a", 1, prompt=float("nan")), "q.jsonl:2: 'prompt': expected a text, found nan"),
        (question("a", 1, prompt=3), "q.jsonl:2: 'prompt': expected a text, found 3"),
        ({"id": "x"}, "q.jsonl:2: 'task': expected a text, found None"),
        (question("a", 1, choices=["1"]), "q.jsonl:2: 'choices': expected two different texts or more, found ['1']"),
        (question("a", 1, choices=["1", "1."]), "expected two different texts or more, found ['1', '1.']"),
        (question("a", 1, choices=["1", " "]), "expected two different texts or more, found ['1', ' ']"),
        (question("a", 0), "q.jsonl:2: 'id': 'a-0' occurs twice"),
        (question("mean", 1), "q.jsonl:2: 'task': 'mean' is the name of the tasks' mean"),
        (question("a", 1, choices="1 or 2"), "q.jsonl:2: 'choices': expected two different texts or more, found '1 or"),
        (question("a", 1, choices=["2", "3"]), "q.jsonl:2: 'answer': '1' is none of the choices ['2', '3']"),
    ],
)
def test_a_line_that_is_no_question_is_refused_by_its_number(tmp_path, line, message):
    path = write(tmp_path / "q.jsonl", question("a", 0), line)
    with pytest.raises(InputError) as refused:
        read_questions(path, None)
    assert message in str(refused.value)


def test_questions_are_read_from_csv_with_numbers_and_choices(tmp_path):
    path = write(tmp_path / "q.csv", "id;task;prompt;answer;choices", '1;a;How many?;2;"[""1"", ""2""]"', "2;a;Why?;x;")
    assert [(row["id"], row["answer"], row.get("choices")) for row in read_questions(path, None)] == [
        ("1", "2", ["1", "2"]),
        ("2", "x", None),
    ]
    path = write(tmp_path / "q.jsonl", {"id": 1, "task": "a", "prompt": "How many?", "answer": 2.0, "choices": None})
    assert read_questions(path, None) == [{"id": "1", "task": "a", "prompt": "How many?", "answer": "2"}]


def test_a_file_without_questions_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no rows"):
        read_questions(write(tmp_path / "q.jsonl", ""), None)
    with pytest.raises(InputError, match="no such file"):
        read_questions(tmp_path / "nowhere.jsonl", None)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_texts_are_rows_or_paragraphs(tmp_path, end):
    path = tmp_path / "prose.txt"
    path.write_bytes("One\nand a half.\n \n\n  Two.\n".replace("\n", end).encode())
    assert [row["text"] for row in read_texts(path)] == ["One and a half.", "Two."]
    path = write(tmp_path / "t.jsonl", {"text": " Three. ", "prompt": None}, {"prompt": "Go on.", "text": "Four."})
    first, second = read_texts(path)
    assert first == {"where": f"{path}:1", "text": "Three."}
    assert second == {"where": f"{path}:2", "text": "Four.", "prompt": "Go on."}
    assert len(read_texts(Path("data/prose.txt"))) == 30


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.jsonl", '{"text": 3}', "t.jsonl:1: 'text': expected a text, found 3"),
        ("t.jsonl", '{"text": "x", "prompt": 3}', "t.jsonl:1: 'prompt': expected a text, found 3"),
        ("t.txt", " \n\n", "t.txt: no texts"),
        ("t.pdf", "x", "unknown ending '.pdf'"),
    ],
)
def test_a_file_without_texts_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError) as refused:
        read_texts(tmp_path / name)
    assert message in str(refused.value)
