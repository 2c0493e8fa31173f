"""What a method left of the base's other abilities."""

import json
from pathlib import Path

import pytest
import torch
from tokenizers import processors

from pipeline import forgetting
from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.params import parse_section, read_params
from pipeline.inference import likelihood
from pipeline.models import families
from pipeline.parameters.model import Model
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
        {"task": "number", "answer": "12", "given": "12, I think."},
        {"task": "mood", "answer": "Happy", "given": " happy. "},
    ]
    rows = [row | {"right": forgetting.same(row["given"], row)} for row in rows]
    assert forgetting.right_by_task(rows) == {"number": 0.25, "mood": 1.0, "mean": 0.625}


def test_per_task_takes_the_first_of_each_task(tmp_path):
    path = write(tmp_path / "q.jsonl", *(question(task, number) for number in range(4) for task in ("a", "b")))
    assert [row["id"] for row in forgetting.read_questions(path, 2)] == ["a-0", "b-0", "a-1", "b-1"]
    assert len(forgetting.read_questions(path, None)) == 8


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "q.jsonl:2: not JSON"),
        (question("a", 1, answer=""), "q.jsonl:2: 'answer': expected a text, found ''"),
        (question("a", 1, prompt=3), "q.jsonl:2: 'prompt': expected a text, found 3"),
        ({"id": "x"}, "q.jsonl:2: 'task': expected a text, found None"),
        (question("a", 1, choices=["1"]), "q.jsonl:2: 'choices': expected two different texts or more, found ['1']"),
        (question("a", 1, choices=["1", "1."]), "expected two different texts or more, found ['1', '1.']"),
        (question("a", 1, choices=["1", " "]), "expected two different texts or more, found ['1', ' ']"),
        (question("a", 0), "q.jsonl:2: 'id': 'a-0' stands twice"),
        (question("mean", 1), "q.jsonl:2: 'task': 'mean' is the name of the tasks' mean"),
        (
            question("a", 1, choices="1 or 2"),
            "q.jsonl:2: 'choices': expected two different texts or more, found '1 or 2'",
        ),
        (question("a", 1, choices=["2", "3"]), "q.jsonl:2: 'answer': '1' is none of the choices ['2', '3']"),
    ],
)
def test_a_line_that_is_no_question_is_refused_by_its_number(tmp_path, line, message):
    path = write(tmp_path / "q.jsonl", question("a", 0), line)
    with pytest.raises(InputError, match=r".*") as refused:
        forgetting.read_questions(path, None)
    assert message in str(refused.value)


def test_a_file_without_questions_is_refused(tmp_path):
    with pytest.raises(InputError, match="the file holds no rows"):
        forgetting.read_questions(write(tmp_path / "q.jsonl", ""), None)
    with pytest.raises(InputError, match="no such file"):
        forgetting.read_questions(tmp_path / "nowhere.jsonl", None)


def asked(folder, arch, base, rows, **changes):
    """The answers and the record of a base model, as the stage leaves them."""
    questions = write(folder / "q.jsonl", *rows)
    text = write(folder / "text.jsonl", {"text": "A: Hello.\nB: Good morning."}, {"text": "B: It is late."})
    values = read_params(ROOT / "params.yaml")
    changes = {"max_new_tokens": 4, "batch_size": 4} | changes
    (folder / "zero_shot").mkdir()
    answers, record = folder / "answers.jsonl", folder / "record.json"
    forgetting.run(
        "zero_shot", questions, text, base, folder / "zero_shot", answers, record,
        model=parse_section(values["model"] | {"arch": arch, "chat": arch == "causal"}, Model, "model"),
        tokenize=parse_section(values["tokenize"], Tokenize, "tokenize"),
        retain=parse_section(values["retain"] | changes, forgetting.Retain, "retain"),
    )  # fmt: skip
    return files.read_jsonl(answers), json.loads(record.read_text())


@pytest.mark.parametrize("arch", ["seq2seq", "causal"])
def test_every_question_is_answered_by_either_family(tmp_path, arch, request):
    rows = [question(task, number) for task in ("a", "b") for number in range(3)]
    given, found = asked(tmp_path, arch, request.getfixturevalue(f"{arch}_base"), rows)
    assert [row["id"] for row in given] == [f"{task}-{number}" for task in ("a", "b") for number in range(3)]
    assert all(set(row) == {"id", "task", "answer", "given", "right"} for row in given)
    assert any(row["given"] for row in given)
    assert "<|im_" not in (tmp_path / "answers.jsonl").read_text()
    assert (found["questions"], found["by_choice"]) == (6, 0) and set(found["right"]) == {"a", "b", "mean"}
    loss = found["text_loss"]
    assert loss["mean"] == pytest.approx(sum(loss["nats"]) / sum(loss["tokens"])) and len(loss["nats"]) == 2


@pytest.fixture(params=["seq2seq", "causal", "causal with a start token"])
def reader(request, tmp_path):
    """(family, tokenizer, model, the model's section of params.yaml)"""
    arch = request.param.split()[0]
    base = request.getfixturevalue(f"{arch}_base")
    tokenizer = families.load_tokenizer(base)
    if "start" in request.param:
        start = tokenizer.convert_tokens_to_ids("<|im_start|>")
        tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
            single="<|im_start|> $A", special_tokens=[("<|im_start|>", start)]
        )
        assert tokenizer("a")["input_ids"][0] == start
    model = parse_section(read_params(ROOT / "params.yaml")["model"] | {"arch": arch}, Model, "model")
    return arch, tokenizer, families.load_model(base, arch).eval(), model


def by_hand(network, prompt, text, arch):
    """The log-probability of a text after a prompt, both ids."""
    if arch == "seq2seq":
        shifted = torch.tensor([[network.config.decoder_start_token_id, *text[:-1]]])
        logits = network(input_ids=torch.tensor([prompt]), decoder_input_ids=shifted).logits[0]
    else:
        logits = network(input_ids=torch.tensor([[*prompt, *text]])).logits[0, len(prompt) - 1 : -1]
    return sum(logits.log_softmax(-1)[at, token].item() for at, token in enumerate(text))


def test_a_closed_question_is_answered_by_its_likeliest_choice(reader):
    arch, tokenizer, network, model = reader
    pieces = ["1", "2", "3", "4"]  # a token each, so that length says nothing
    assert {len(tokenizer(piece, add_special_tokens=False)["input_ids"]) for piece in pieces} == {1}
    picked = set()
    for asked in ("Who?", "What is the number?", "When did it come?", "Is the customer happy?", "Where is my bag?"):
        prompt = likelihood.prompt_ids(asked, tokenizer, model)
        separated = [families.separator(arch) + piece for piece in pieces]
        ids = [tokenizer(piece, add_special_tokens=False)["input_ids"] for piece in separated]
        sums = [by_hand(network, prompt, one, arch) for one in ids]
        chosen = forgetting.choose(network, tokenizer, prompt, pieces, model, 3)
        assert chosen == pieces[sums.index(max(sums))]
        assert forgetting.choose(network, tokenizer, prompt, pieces[::-1], model, 1) == chosen
        picked.add(chosen)
    assert len(picked) > 1


@pytest.mark.parametrize("arch", ["seq2seq", "causal"])
def test_choices_count_only_where_they_are_asked_for(tmp_path, arch, request):
    rows = [question("closed", number, choices=["1", "2"], answer="1") for number in range(4)] + [question("open", 9)]
    base = request.getfixturevalue(f"{arch}_base")
    for name, by_choice in (("exact_match", 0), ("log_likelihood", 4)):
        (tmp_path / name).mkdir()
        given, found = asked(tmp_path / name, arch, base, rows, multiple_choice=name)
        assert found["by_choice"] == by_choice
        assert all(row["given"] in ("1", "2") for row in given[:by_choice])
        assert [row["right"] for row in given] == [forgetting.same(row["given"], row) for row in given]
        assert given[4]["given"] not in ("1", "2")


def test_the_loss_of_a_text_is_that_of_its_second_half(reader):
    arch, tokenizer, network, model = reader
    texts = ["A: Where is my parcel?\nB: It comes on Friday.", "B: It is late.", "Who? </s> <|im_end|>"]
    examples = [likelihood.reading({"text": text}, tokenizer, model, 512) for text in texts]
    for text, found in zip(texts, likelihood.measured(network, tokenizer, examples, 2, arch)):
        ids = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        first, second = ids[: len(ids) // 2], ids[len(ids) // 2 :]
        whole = tokenizer(text, split_special_tokens=True)["input_ids"]
        start = whole[: whole.index(ids[0])]
        wanted = by_hand(network, [*start, *first, *([tokenizer.eos_token_id] * (arch == "seq2seq"))], second, arch)
        assert found == (pytest.approx(wanted, rel=1e-4), len(second))


def test_a_long_text_loses_its_end(reader):
    _, tokenizer, _, model = reader
    row = likelihood.reading({"text": "one two three four five six seven"}, tokenizer, model, 6)
    assert sum(label != families.IGNORED for label in row["labels"]) == 3


def test_the_loss_of_a_text_with_a_prompt_is_that_of_an_answer(reader):
    arch, tokenizer, network, model = reader
    row = likelihood.reading({"prompt": "Who calls?", "text": "Ben"}, tokenizer, model, 512)
    text = tokenizer(families.separator(arch) + "Ben", add_special_tokens=False)["input_ids"]
    wanted = by_hand(network, tokenizer("Who calls?")["input_ids"], text, arch)
    assert likelihood.measured(network, tokenizer, [row], 1, arch) == [(pytest.approx(wanted, rel=1e-4), len(text))]


def test_a_prompt_can_not_end_its_own_turn_in_a_chat(causal_base):
    tokenizer = families.load_tokenizer(causal_base)
    model = parse_section(read_params(ROOT / "params.yaml")["model"] | {"arch": "causal", "chat": True}, Model, "model")
    plain, sly = (likelihood.prompt_ids(prompt, tokenizer, model) for prompt in ("Hi", "Hi<|im_end|>"))
    assert plain.count(tokenizer.eos_token_id) == sly.count(tokenizer.eos_token_id)


def test_batches_that_do_not_fit_are_made_smaller(reader, monkeypatch):
    arch, tokenizer, network, model = reader
    texts = [f"The parcel number {number} is late." for number in range(5)]
    examples = [likelihood.reading({"text": text}, tokenizer, model, 512) for text in texts]
    wanted = likelihood.measured(network, tokenizer, examples, 5, arch)
    real, sizes = families.log_likelihoods, []

    def small_machine(network, inputs, arch):
        sizes.append(len(inputs["labels"]))
        if sizes[-1] > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return real(network, inputs, arch)

    monkeypatch.setattr(families, "log_likelihoods", small_machine)
    found = likelihood.measured(network, tokenizer, examples, 5, arch)
    assert [count for _, count in found] == [count for _, count in wanted]
    assert [total for total, _ in found] == pytest.approx([total for total, _ in wanted], rel=1e-4)
    assert sizes == [5, 4, 3, 2, 2, 1]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_texts_are_rows_or_paragraphs(tmp_path, end):
    path = tmp_path / "prose.txt"
    path.write_bytes("One\nand a half.\n \n\n  Two.\n".replace("\n", end).encode())
    assert [row["text"] for row in likelihood.read_texts(path)] == ["One and a half.", "Two."]
    path = write(tmp_path / "t.jsonl", {"text": " Three. ", "prompt": None}, {"prompt": "Go on.", "text": "Four."})
    first, second = likelihood.read_texts(path)
    assert first == {"where": f"{path}:1", "text": "Three."}
    assert second == {"where": f"{path}:2", "text": "Four.", "prompt": "Go on."}
    assert len(likelihood.read_texts(ROOT / "data/prose.txt")) == 30


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
    with pytest.raises(InputError, match=r".*") as refused:
        likelihood.read_texts(tmp_path / name)
    assert message in str(refused.value)


def test_a_text_of_one_token_has_no_second_half(seq2seq_base):
    model = parse_section(read_params(ROOT / "params.yaml")["model"], Model, "model")
    with pytest.raises(InputError, match="t:1: 'a' is one token"):
        likelihood.reading({"where": "t:1", "text": "a"}, families.load_tokenizer(seq2seq_base), model, 512)


def test_the_bundled_base_knows_what_it_was_taught(tmp_path):
    """The bars of models/tiny_t5/README.md, on calls it never saw, some in phrasings it never met."""
    from support_calls import write as support

    values = read_params(ROOT / "params.yaml")
    support.run(tmp_path, support=parse_section(values["support"], support.Support, "support"))
    model = parse_section(values["model"], Model, "model")
    settings = parse_section(values["retain"], forgetting.Retain, "retain")
    (tmp_path / "zero_shot").mkdir()
    record = tmp_path / "record.json"
    forgetting.run(
        "zero_shot", tmp_path / "retention.jsonl", tmp_path / "text.jsonl", ROOT / "models/tiny_t5",
        tmp_path / "zero_shot", tmp_path / "answers.jsonl", record, model=model, retain=settings,
        tokenize=parse_section(values["tokenize"], Tokenize, "tokenize"),
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
