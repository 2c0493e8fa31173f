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
    assert any(row["given"] for row in answers)
    assert "<|im_" not in json.dumps(answers)
    assert (measured["questions"], measured["by_choice"]) == (6, 0)
    assert set(measured["accuracy"]) == {"a", "b", "mean"}
    loss = measured["text_loss"]
    assert loss["mean"] == pytest.approx(sum(loss["nats"]) / sum(loss["tokens"])) and len(loss["nats"]) == 2


def test_choices_count_only_where_they_are_asked_for(tmp_path, architecture, base):
    rows = [question("closed", number, choices=["1", "2"], answer="1") for number in range(4)] + [question("open", 9)]
    for name, by_choice in (("exact_match", 0), ("log_likelihood", 4)):
        (tmp_path / name).mkdir()
        answers, measured = ask(tmp_path / name, architecture, base, rows, multiple_choice=name)
        assert measured["by_choice"] == by_choice
        assert all(row["given"] in ("1", "2") for row in answers[:by_choice])
        assert [row["correct"] for row in answers] == [exact_match(row["given"], row) for row in answers]
        assert answers[4]["given"] not in ("1", "2")


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
    assert {task: accuracy[task] for task, bar in bars.items() if accuracy[task] < bar} == {}
