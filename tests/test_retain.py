"""What a method left of the base's other abilities."""

import json
from pathlib import Path

import pytest

from pipeline import records, retain, stage
from pipeline.sources import Model

ROOT = Path(__file__).parent.parent


def write(path, *rows):
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return path


def question(task, number, **changes):
    return {"id": f"{task}-{number}", "task": task, "prompt": f"Say {number}.", "answer": str(number), **changes}


def test_exact_match_is_by_task_then_averaged_over_tasks():
    rows = [
        {"task": "number", "answer": "12", "given": "12"},
        {"task": "number", "answer": "12", "given": "1 2"},
        {"task": "number", "answer": "12", "given": ""},
        {"task": "number", "answer": "12", "given": "12."},
        {"task": "mood", "answer": "Happy", "given": " happy "},
    ]
    rows = [row | {"right": retain.same(row["given"], row)} for row in rows]
    assert retain.exact_match(rows) == {"number": 0.25, "mood": 1.0, "mean": 0.625}


def test_per_task_takes_the_first_of_each_task(tmp_path):
    path = write(tmp_path / "q.jsonl", *(question(task, number) for number in range(4) for task in ("a", "b")))
    assert [row["id"] for row in retain.read_questions(path, 2)] == ["a-0", "b-0", "a-1", "b-1"]
    assert len(retain.read_questions(path, None)) == 8


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "q.jsonl:2: not JSON"),
        (question("a", 1, answer=""), "q.jsonl:2: 'answer': expected a text, found ''"),
        (question("a", 1, prompt=3), "q.jsonl:2: 'prompt': expected a text, found 3"),
        ({"id": "x"}, "q.jsonl:2: 'task': expected a text, found None"),
    ],
)
def test_a_line_that_is_no_question_is_refused_by_its_number(tmp_path, line, message):
    path = write(tmp_path / "q.jsonl", question("a", 0), line)
    with pytest.raises(stage.Refused, match=r".*") as refused:
        retain.read_questions(path, None)
    assert message in str(refused.value)


def test_a_file_without_questions_is_refused(tmp_path):
    with pytest.raises(stage.Refused, match="no questions"):
        retain.read_questions(write(tmp_path / "q.jsonl", ""), None)
    with pytest.raises(stage.Refused, match="no such file"):
        retain.read_questions(tmp_path / "nowhere.jsonl", None)


@pytest.mark.parametrize("arch", ["seq2seq", "causal"])
def test_every_question_is_answered_by_either_family(tmp_path, arch, request):
    base = request.getfixturevalue(f"{arch}_base")
    questions = write(tmp_path / "q.jsonl", *(question(task, number) for task in ("a", "b") for number in range(3)))
    values = stage.read_params(ROOT / "params.yaml")
    model = stage.typed(values["model"] | {"arch": arch, "chat": arch == "causal"}, Model, "model")
    settings = stage.typed(values["retain"] | {"max_new_tokens": 4, "batch_size": 4}, retain.Retain, "retain")
    tuned = tmp_path / "zero_shot"
    tuned.mkdir()
    answers, record = tmp_path / "answers.jsonl", tmp_path / "record.json"
    retain.run("zero_shot", questions, base, tuned, answers, record, model=model, retain=settings)
    given = records.read(answers)
    assert [row["id"] for row in given] == [f"{task}-{number}" for task in ("a", "b") for number in range(3)]
    assert all(set(row) == {"id", "task", "answer", "given", "right"} for row in given)
    assert any(row["given"] for row in given)
    assert "<|im_" not in answers.read_text()
    found = json.loads(record.read_text())
    assert found["questions"] == 6 and set(found["exact_match"]) == {"a", "b", "mean"}


def test_the_bundled_base_knows_what_it_was_taught(tmp_path):
    """The bars of models/tiny_t5/README.md, on calls with names, products and phrasings it never met."""
    from support import write as support

    values = stage.read_params(ROOT / "params.yaml")
    support.run(tmp_path, support=stage.typed(values["support"], support.Support, "support"))
    model = stage.typed(values["model"], Model, "model")
    settings = stage.typed(values["retain"], retain.Retain, "retain")
    (tmp_path / "zero_shot").mkdir()
    record = tmp_path / "record.json"
    retain.run(
        "zero_shot", tmp_path / "retention.jsonl", ROOT / "models/tiny_t5", tmp_path / "zero_shot",
        tmp_path / "answers.jsonl", record, model=model, retain=settings,
    )  # fmt: skip
    found = json.loads(record.read_text())["exact_match"]
    bars = {
        "customer": 0.95,
        "number": 0.95,
        "product": 0.95,
        "problem": 0.8,
        "outcome": 0.8,
        "solved": 0.9,
        "mood": 0.9,
    }
    assert {task: found[task] for task, bar in bars.items() if found[task] < bar} == {}
