"""What a method left of the base's other abilities."""

import json
from pathlib import Path

import pytest
import torch

from pipeline import families, likelihood, records, retain, stage, template
from pipeline.sources import Model
from pipeline.tokenize import Tokenize

ROOT = Path(__file__).parent.parent


def write(path, *rows):
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return path


def question(task, number, **changes):
    return {"id": f"{task}-{number}", "task": task, "prompt": f"Say {number}.", "answer": str(number), **changes}


def test_right_answers_are_counted_by_task_then_averaged_over_tasks():
    rows = [
        {"task": "number", "answer": "12", "given": "12"},
        {"task": "number", "answer": "12", "given": "1 2"},
        {"task": "number", "answer": "12", "given": ""},
        {"task": "number", "answer": "12", "given": "12."},
        {"task": "mood", "answer": "Happy", "given": " happy "},
    ]
    rows = [row | {"right": retain.same(row["given"], row)} for row in rows]
    assert retain.right_by_task(rows) == {"number": 0.25, "mood": 1.0, "mean": 0.625}


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
        (question("a", 1, choices=["1"]), "q.jsonl:2: 'choices': expected two texts or more, found ['1']"),
        (question("a", 1, choices="1 or 2"), "q.jsonl:2: 'choices': expected two texts or more, found '1 or 2'"),
        (question("a", 1, choices=["2", "3"]), "q.jsonl:2: 'answer': '1' is none of the choices ['2', '3']"),
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


def asked(folder, arch, base, rows, **changes):
    """The answers and the record of a base model, as the stage leaves them."""
    questions = write(folder / "q.jsonl", *rows)
    text = write(folder / "text.jsonl", {"text": "A: Hello.\nB: Good morning."}, {"text": "B: It is late."})
    values = stage.read_params(ROOT / "params.yaml")
    changes = {"max_new_tokens": 4, "batch_size": 4} | changes
    (folder / "zero_shot").mkdir()
    answers, record = folder / "answers.jsonl", folder / "record.json"
    retain.run(
        "zero_shot", questions, text, base, folder / "zero_shot", answers, record,
        model=stage.typed(values["model"] | {"arch": arch, "chat": arch == "causal"}, Model, "model"),
        tokenize=stage.typed(values["tokenize"], Tokenize, "tokenize"),
        retain=stage.typed(values["retain"] | changes, retain.Retain, "retain"),
    )  # fmt: skip
    return records.read(answers), json.loads(record.read_text())


@pytest.mark.parametrize("arch", ["seq2seq", "causal"])
def test_every_question_is_answered_by_either_family(tmp_path, arch, request):
    rows = [question(task, number) for task in ("a", "b") for number in range(3)]
    given, found = asked(tmp_path, arch, request.getfixturevalue(f"{arch}_base"), rows)
    assert [row["id"] for row in given] == [f"{task}-{number}" for task in ("a", "b") for number in range(3)]
    assert all(set(row) == {"id", "task", "answer", "given", "right"} for row in given)
    assert any(row["given"] for row in given)
    assert "<|im_" not in (tmp_path / "answers.jsonl").read_text()
    assert (found["questions"], found["by_choice"]) == (6, 0) and set(found["right"]) == {"a", "b", "mean"}
    assert found["text_loss"]["mean"] == pytest.approx(sum(found["text_loss"]["each"]) / 2)


@pytest.mark.parametrize("arch", ["seq2seq", "causal"])
def test_a_closed_question_is_answered_by_its_likeliest_choice(tmp_path, arch, request):
    choices = ["yes", "no, not at all", "perhaps"]
    rows = [question("closed", number, choices=choices, answer="no, not at all") for number in range(4)]
    base = request.getfixturevalue(f"{arch}_base")
    given, found = asked(tmp_path, arch, base, [*rows, question("open", 9)], choices="log_likelihood")
    assert found["by_choice"] == 4
    tokenizer, network = families.load_tokenizer(base), families.load_model(base, arch).eval()
    chat = tokenizer if arch == "causal" else None
    for row, answered in zip(rows, given):
        ids = tokenizer(template.assemble([], row["prompt"], chat), add_special_tokens=not chat)["input_ids"]
        pieces = [tokenizer(choice, add_special_tokens=False)["input_ids"] for choice in choices]
        sums = [by_hand(network, ids, piece, tokenizer.eos_token_id, arch) for piece in pieces]
        assert answered["given"] == choices[sums.index(max(sums))]
        assert answered["right"] == (answered["given"] == "no, not at all")
    assert given[4]["given"] not in choices


def by_hand(network, prompt, answer, eos, arch):
    """The log-probability of an answer and its end after a prompt, token by token."""
    answer = [*answer, eos]
    if arch == "seq2seq":
        shifted = torch.tensor([[network.config.decoder_start_token_id, *answer[:-1]]])
        logits = network(input_ids=torch.tensor([prompt]), decoder_input_ids=shifted).logits[0]
    else:
        logits = network(input_ids=torch.tensor([[*prompt, *answer]])).logits[0, len(prompt) - 1 : -1]
    return sum(logits.log_softmax(-1)[at, token].item() for at, token in enumerate(answer))


@pytest.mark.parametrize("arch", ["seq2seq", "causal"])
def test_the_loss_of_a_text_is_that_of_its_second_half(arch, request):
    base = request.getfixturevalue(f"{arch}_base")
    tokenizer, network = families.load_tokenizer(base), families.load_model(base, arch).eval()
    model = stage.typed(stage.read_params(ROOT / "params.yaml")["model"] | {"arch": arch}, Model, "model")
    texts = ["A: Where is my parcel?\nB: It comes on Friday.", "B: It is late.", "Who?"]
    examples = [likelihood.reading({"text": text}, tokenizer, model, 512) for text in texts]
    found = {
        number: (total, count) for number, total, count in likelihood.measured(network, tokenizer, examples, 2, arch)
    }
    for number, text in enumerate(texts):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        first, second = ids[: len(ids) // 2], ids[len(ids) // 2 :]
        wanted = by_hand(network, first, second[:-1], second[-1], arch)
        assert found[number] == (pytest.approx(wanted, rel=1e-4), len(second))


@pytest.mark.parametrize("arch", ["seq2seq", "causal"])
def test_the_loss_of_a_text_with_a_prompt_is_that_of_an_answer(arch, request):
    base = request.getfixturevalue(f"{arch}_base")
    tokenizer, network = families.load_tokenizer(base), families.load_model(base, arch).eval()
    model = stage.typed(stage.read_params(ROOT / "params.yaml")["model"] | {"arch": arch}, Model, "model")
    row = likelihood.reading({"prompt": "Who calls?", "text": "Ben"}, tokenizer, model, 512)
    prompt = tokenizer("Who calls?")["input_ids"]
    text = tokenizer(families.separator(arch) + "Ben", add_special_tokens=False)["input_ids"]
    wanted = by_hand(network, prompt, text, tokenizer.eos_token_id, arch)
    assert [*likelihood.measured(network, tokenizer, [row], 1, arch)] == [
        (0, pytest.approx(wanted, rel=1e-4), len(text) + 1)
    ]


def test_texts_are_rows_or_paragraphs(tmp_path):
    path = tmp_path / "prose.txt"
    path.write_text("One\nand a half.\n\n\n  Two.\n")
    assert likelihood.read_texts(path) == [{"text": "One and a half."}, {"text": "Two."}]
    path = write(tmp_path / "t.jsonl", {"text": " Three. "}, {"prompt": "Go on.", "text": "Four.", "id": 4})
    assert likelihood.read_texts(path) == [{"text": "Three."}, {"text": "Four.", "prompt": "Go on."}]
    assert len(likelihood.read_texts(ROOT / "data/prose.txt")) == 30


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.jsonl", '{"text": 3}', "t.jsonl:1: 'text': expected a text, found 3"),
        ("t.jsonl", '{"text": "x", "prompt": ""}', "t.jsonl:1: 'prompt': expected a text, found ''"),
        ("t.txt", " \n\n", "t.txt: no texts"),
        ("t.pdf", "x", "unknown ending '.pdf'"),
    ],
)
def test_a_file_without_texts_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(stage.Refused, match=r".*") as refused:
        likelihood.read_texts(tmp_path / name)
    assert message in str(refused.value)


def test_a_text_of_one_token_has_no_second_half(seq2seq_base):
    model = stage.typed(stage.read_params(ROOT / "params.yaml")["model"], Model, "model")
    with pytest.raises(stage.Refused, match="'a' is one token"):
        likelihood.halves("a", families.load_tokenizer(seq2seq_base), model, 512)


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
        "zero_shot", tmp_path / "retention.jsonl", tmp_path / "text.jsonl", ROOT / "models/tiny_t5",
        tmp_path / "zero_shot", tmp_path / "answers.jsonl", record, model=model, retain=settings,
        tokenize=stage.typed(values["tokenize"], Tokenize, "tokenize"),
    )  # fmt: skip
    found = json.loads(record.read_text())["right"]
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
