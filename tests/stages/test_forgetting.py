"""What a method left of the base's other abilities."""

import json
from pathlib import Path

import pytest

from pipeline import forgetting
from pipeline.core import files
from pipeline.core.paths import Paths
from pipeline.evaluation.questions import exact_match
from pipeline.models.tuned import DEMONSTRATIONS, save_tuned
from pipeline.parameters.forgetting import Forgetting
from pipeline.parameters.model import Model
from pipeline.parameters.support_calls import SupportCalls
from support_calls import write as support_calls
from tests import tiny

BUNDLED_BASE = Path("models/tiny_t5").absolute()


def question(task, number, **changes):
    return {"id": f"{task}-{number}", "task": task, "prompt": f"Say {number}.", "answer": str(number), **changes}


def ask(folder, architecture, base, rows, method="zero_shot", **changes):
    """The answers and the measurement that the stage leaves."""
    paths, questions, text = Paths(folder), folder / "q.jsonl", folder / "text.jsonl"
    files.write_jsonl(questions, rows)
    files.write_jsonl(text, [{"text": "A: Hello.\nB: Good morning."}, {"text": "B: It is late."}])
    if not paths.base_model.exists():
        if not paths.tuned_model(method).exists():
            files.write_jsonl(paths.tuned_model(method) / DEMONSTRATIONS, [])
        paths.base_model.symlink_to(base)
    changes = {"max_new_tokens": 4, "batch_size": 4, "questions": str(questions), "text": str(text)} | changes
    tiny.write_limits(paths)
    forgetting.run(
        method,
        paths,
        model=tiny.model_params(architecture, chat=architecture == "causal"),
        template=tiny.template_params(),
        forgetting=tiny.section("forgetting", Forgetting, **changes),
    )
    return files.read_jsonl(paths.answers(method)), files.read_json(paths.forgetting(method))


def test_every_question_is_answered_by_either_architecture(tmp_path, architecture, base):
    rows = [question(task, number) for task in ("a", "b") for number in range(3)]
    answers, measured = ask(tmp_path, architecture, base, rows)
    assert [row["id"] for row in answers] == [row["id"] for row in rows]
    assert all(set(row) == {"id", "task", "answer", "given", "correct"} for row in answers)
    assert any(row["given"]["written"] for row in answers)
    assert "<|im_" not in json.dumps(answers)
    assert (measured["questions"], measured["with_choices"]) == (6, 0)
    assert list(measured["accuracy"]) == ["written"] and set(measured["accuracy"]["written"]) == {"a", "b", "mean"}
    loss = measured["text_loss"]
    assert loss["mean"] == pytest.approx(sum(loss["nats"]) / sum(loss["tokens"])) and len(loss["nats"]) == 2


def test_a_question_with_choices_is_answered_in_writing_and_by_choice(tmp_path, architecture, base):
    rows = [question("closed", n, choices=["1", "and twenty-two"], answer="1") for n in range(4)] + [
        question("open", 9)
    ]
    answers, measured = ask(tmp_path, architecture, base, rows)
    assert measured["with_choices"] == 4
    for row in answers[:4]:
        assert list(row["given"]) == ["written", "by_choice", "by_choice_norm"]
        assert {row["given"][reading] for reading in ("by_choice", "by_choice_norm")} <= {"1", "and twenty-two"}
    assert list(answers[4]["given"]) == ["written"]
    for row in answers:
        assert row["correct"] == {reading: exact_match(text, row) for reading, text in row["given"].items()}
    assert set(measured["accuracy"]["written"]) == {"closed", "open", "mean"}
    assert set(measured["accuracy"]["by_choice"]) == {"closed", "mean"}


def test_a_method_is_asked_with_what_it_trained(tmp_path, seq2seq_base):
    save_tuned(tiny.adapted("lora", seq2seq_base, "seq2seq"), Paths(tmp_path).tuned_model("lora"))
    _, base = ask(tmp_path, "seq2seq", seq2seq_base, [question("a", 1)], method="zero_shot")
    _, tuned = ask(tmp_path, "seq2seq", seq2seq_base, [question("a", 1)], method="lora")
    assert tuned["text_loss"]["tokens"] == base["text_loss"]["tokens"]
    assert all(after != before for after, before in zip(tuned["text_loss"]["nats"], base["text_loss"]["nats"]))


@pytest.mark.slow
def test_the_bundled_base_knows_what_it_was_taught(tmp_path):
    """The bars of models/tiny_t5/README.md, on calls it never saw, some in phrasings it never met."""
    paths = Paths(tmp_path)
    support_calls.run(paths, support_calls=tiny.section("support_calls", SupportCalls))
    files.write_jsonl(paths.tuned_model("zero_shot") / DEMONSTRATIONS, [])
    paths.base_model.symlink_to(BUNDLED_BASE)
    tiny.write_limits(paths)
    files_of_calls = {name: str(paths.support_calls(name)) for name in ("questions", "text")}
    forgetting.run(
        "zero_shot",
        paths,
        model=tiny.section("model", Model),
        template=tiny.template_params(),
        forgetting=tiny.section("forgetting", Forgetting, **files_of_calls),
    )
    accuracy = files.read_json(paths.forgetting("zero_shot"))["accuracy"]
    bars = {
        "customer": 0.95,
        "number": 0.95,
        "product": 0.95,
        "problem": 0.8,
        "outcome": 0.8,
        "solved": 0.9,
        "mood": 0.9,
    }
    assert {task: accuracy["written"][task] for task, bar in bars.items() if accuracy["written"][task] < bar} == {}
    assert {task: share for task, share in accuracy["by_choice"].items() if share < 0.9} == {}
