from pathlib import Path

import pytest
from tokenizers import processors

from pipeline import template, tokenize
from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.params import parse_section, read_params
from pipeline.core.paths import SPLITS
from pipeline.models import families

LAB = template.Template(name="lab", prompts=["Summarize the following conversation.\n\n{{ dialogue }}\n\nSummary:"])
LONG = "\n".join(f"#Person{1 + number % 2}#: This is line number {number} of it." for number in range(60))


@pytest.fixture(params=["seq2seq", "causal", "chat"])
def base(request, seq2seq_base, causal_base):
    """(tokenizer, section `model`) of each kind of base model."""
    arch = "seq2seq" if request.param == "seq2seq" else "causal"
    values = read_params(Path("params.yaml"))["model"] | {"arch": arch, "chat": request.param == "chat"}
    folder = seq2seq_base if arch == "seq2seq" else causal_base
    return families.load_tokenizer(folder), parse_section(values, sources.Model, "model")


def example(base, dialogue, source=512, target=64, summary="They talk about lines."):
    tokenizer, model = base
    record = {"id": "x", "dialogue": dialogue, "references": [summary]}
    row = template.prompt(record, LAB, 1, tokenizer if model.chat else None, model.arch)
    limits = tokenize.Tokenize(max_source_tokens=source, max_target_tokens=target)
    return row, tokenize.encode(row, tokenizer, model, limits)


def prompt_ids(encoded, model):
    """The input without the completion."""
    if model.arch == "seq2seq":
        return encoded["input_ids"]
    return [token for token, label in zip(encoded["input_ids"], encoded["labels"]) if label == families.IGNORED]


def label_ids(encoded):
    return [label for label in encoded["labels"] if label != families.IGNORED]


def test_labels_are_the_completion_and_the_end_token_and_nothing_of_the_prompt(base):
    tokenizer, model = base
    row, encoded = example(base, "A: Hi.\nB: Hello.")
    labels = label_ids(encoded)
    assert labels.count(tokenizer.eos_token_id) == 1
    assert labels[-1] == tokenizer.eos_token_id == encoded["labels"][-1]
    assert tokenizer.decode(labels[:-1]) == row["completion"]
    if model.arch == "causal":
        assert len(encoded["input_ids"]) == len(encoded["labels"])
        assert encoded["input_ids"][-len(labels) :] == labels
    assert tokenizer.decode(prompt_ids(encoded, model)).startswith(row["prompt"])
    assert (encoded["source_cut"], encoded["target_cut"]) == (0, 0)


def test_a_prompt_ends_with_the_end_token_only_in_a_seq2seq_model(base):
    tokenizer, model = base
    row, encoded = example(base, "A: Hi.\nB: Hello.")
    ids = prompt_ids(encoded, model)
    plain = tokenizer(row["prompt"], add_special_tokens=False)["input_ids"]
    assert ids == plain + [tokenizer.eos_token_id] * (model.arch == "seq2seq")


@pytest.mark.parametrize(("chat", "starts"), [(True, 0), (False, 1)])
def test_a_chat_prompt_gets_no_start_token_beside_its_templates(causal_base, chat, starts):
    tokenizer = families.load_tokenizer(causal_base)
    start = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(  # as Llama's tokenizer does
        single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", start)]
    )
    values = read_params(Path("params.yaml"))["model"] | {"arch": "causal", "chat": chat}
    _, encoded = example((tokenizer, parse_section(values, sources.Model, "model")), "A: Hi.")
    assert encoded["input_ids"].count(start) == starts
    assert start not in encoded["labels"]


def test_a_long_prompt_loses_tokens_from_the_middle_of_its_dialogue_alone(base):
    tokenizer, model = base
    row, whole = example(base, LONG, source=10_000)
    _, encoded = example(base, LONG, source=100)
    ids, all_ids = prompt_ids(encoded, model), prompt_ids(whole, model)
    assert len(ids) == 100
    assert encoded["source_cut"] == len(all_ids) - 100
    head = next(number for number, (left, right) in enumerate(zip(ids, all_ids)) if left != right)
    assert ids == all_ids[:head] + all_ids[len(all_ids) - (100 - head) :]
    begins, ends = row["prompt"].split(LONG)
    kept = tokenizer.decode(ids)
    assert kept.startswith(begins + LONG[:40])
    assert kept.removesuffix(tokenizer.eos_token).endswith(LONG[-40:] + ends)
    assert label_ids(encoded) == label_ids(whole)


def test_a_prompt_of_just_the_limit_is_left_whole(base):
    _, model = base
    _, whole = example(base, LONG, source=10_000)
    length = len(prompt_ids(whole, model))
    assert example(base, LONG, source=length)[1]["source_cut"] == 0
    assert example(base, LONG, source=length - 1)[1]["source_cut"] == 1


def test_a_template_too_long_for_the_limit_is_refused(base):
    with pytest.raises(InputError, match=r"its dialogue only .* can't be cut to 16: raise tokenize.max_source"):
        example(base, "A: Hi.", source=16)


def test_the_dialogue_that_is_cut_is_the_last_one_in_the_prompt(base):
    tokenizer, model = base
    prompt = f"{LONG}\n\nIn short: lines.\n\n{LONG}\n\nIn short:"
    whole, none = tokenize.encode_prompt(prompt, LONG, tokenizer, model, 10_000)
    ids, cut = tokenize.encode_prompt(prompt, LONG, tokenizer, model, len(whole) - 200)
    assert (none, cut, len(ids)) == (0, 200, len(whole) - 200)
    assert tokenizer.decode(ids).startswith(f"{LONG}\n\nIn short: lines.\n\n{LONG[:40]}")


def test_a_long_target_keeps_its_end_token(base):
    tokenizer, _ = base
    summary = "They talk about very many lines of text, one after the other."
    _, whole = example(base, "A: Hi.", summary=summary)
    _, encoded = example(base, "A: Hi.", summary=summary, target=6)
    assert label_ids(encoded) == [*label_ids(whole)[:5], tokenizer.eos_token_id]
    assert encoded["target_cut"] == len(label_ids(whole)) - 6


def test_the_stage_reports_what_the_limits_cut_and_leaves_test_unencoded(tmp_path, base, seq2seq_base, causal_base):
    tokenizer, model = base
    short, long = "A: Hi.\nB: Hello.", LONG
    for split in SPLITS:
        rows = [example(base, dialogue)[0] | {"id": dialogue[:3]} for dialogue in (short, long)]
        files.write_jsonl(tmp_path / "prompts" / f"{split}.jsonl", rows)
    limits = tokenize.Tokenize(max_source_tokens=100, max_target_tokens=4)
    folder = seq2seq_base if model.arch == "seq2seq" else causal_base
    tokenize.run(tmp_path / "prompts", folder, tmp_path / "out", tmp_path / "card.json", tokenize=limits, model=model)
    encoded = [tokenize.encode(row, tokenizer, model, limits) for row in rows]
    written = files.read_tokens(tmp_path / "out" / "train.parquet")
    assert written == [{key: row[key] for key in ("input_ids", "labels")} for row in encoded]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["train.parquet", "validation.parquet"]
    report = tokenize.summary(encoded)
    assert (report["examples"], report["prompts cut"], report["targets cut"]) == (2, 1, 2)
    assert report["prompt tokens cut"] == encoded[1]["source_cut"] > 1000
    assert report["longest input tokens"] == 100 + (4 if model.arch == "causal" else 0)
