import pyarrow.feather
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from pipeline import tokenize
from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.paths import SPLITS, Paths
from pipeline.models.architectures.base import IGNORED
from pipeline.models.loading import load_text_encoder
from pipeline.models.record_prompts import make_prompt
from pipeline.parameters.tokenize import Tokenize
from tests import tiny
from tests.systems import SUMMARIES

LAB = tiny.template_params(name="lab", prompts=["Summarize the following conversation.\n\n{{ dialogue }}\n\nSummary:"])
KNOWN = "abcdefghijklmnopqrtuvwxyABCDEFGHIJKLMNOPQRTUVWXY.:\n "  # no s, S, z and Z
LONG = "\n".join(f"#Person{1 + number % 2}#: This is line number {number} of it." for number in range(60))


@pytest.fixture(params=["seq2seq", "causal", "chat"])
def kind(request):
    return request.param


@pytest.fixture
def base_folder(kind, seq2seq_base, causal_base):
    return seq2seq_base if kind == "seq2seq" else causal_base


@pytest.fixture
def model(kind, base_folder):
    """The encoder of each kind of base model."""
    return load_text_encoder(
        base_folder, "seq2seq" if kind == "seq2seq" else "causal", chat=tiny.CHAT_SETTINGS if kind == "chat" else None
    )


def example(model, dialogue, source=512, target=64, summary="They talk about lines."):
    row = make_prompt({"id": "x", "dialogue": dialogue, "references": [summary]}, SUMMARIES, LAB, 1, model)
    return row, tokenize.encode_example(row, model, source, target)


def prompt_ids(encoded):
    """The input without the completion; a causal model's labels are as long as its input."""
    if IGNORED not in encoded["labels"]:
        return encoded["input_ids"]
    return [token for token, label in zip(encoded["input_ids"], encoded["labels"]) if label == IGNORED]


def label_ids(encoded):
    return [label for label in encoded["labels"] if label != IGNORED]


def test_labels_are_the_completion_and_the_end_token_and_nothing_of_the_prompt(model, kind):
    end = model.tokenizer.eos_token_id
    row, encoded = example(model, "A: Hi.\nB: Hello.")
    labels = label_ids(encoded)
    assert labels.count(end) == 1
    assert labels[-1] == end == encoded["labels"][-1]
    assert model.tokenizer.decode(labels[:-1]) == row["completion"]
    if kind != "seq2seq":
        assert len(encoded["input_ids"]) == len(encoded["labels"])
        assert encoded["input_ids"][-len(labels) :] == labels
    assert model.tokenizer.decode(prompt_ids(encoded)).startswith(row["prompt"])
    assert (encoded["source_cut"], encoded["target_cut"]) == (0, 0)


def test_a_prompt_ends_with_the_end_token_only_in_a_seq2seq_model(model, kind):
    row, encoded = example(model, "A: Hi.\nB: Hello.")
    plain = model.tokenizer(row["prompt"], add_special_tokens=False)["input_ids"]
    assert prompt_ids(encoded) == plain + [model.tokenizer.eos_token_id] * (kind == "seq2seq")


@pytest.mark.parametrize(("chat", "starts"), [(tiny.CHAT_SETTINGS, 0), (None, 1)])
def test_a_chat_prompt_gets_no_start_token_beside_its_templates(causal_base, chat, starts):
    model = load_text_encoder(causal_base, "causal", chat)
    start = model.tokenizer.convert_tokens_to_ids("<|endoftext|>")
    model.tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(  # as Llama's tokenizer does
        single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", start)]
    )
    _, encoded = example(model, "A: Hi.")
    assert encoded["input_ids"].count(start) == starts
    assert start not in encoded["labels"]


def test_a_long_prompt_loses_tokens_from_the_middle_of_its_dialogue_alone(model):
    row, whole = example(model, LONG, source=10_000)
    _, encoded = example(model, LONG, source=100)
    ids, all_ids = prompt_ids(encoded), prompt_ids(whole)
    assert len(ids) == 100
    assert encoded["source_cut"] == len(all_ids) - 100
    head = next(number for number, (left, right) in enumerate(zip(ids, all_ids)) if left != right)
    assert ids == all_ids[:head] + all_ids[len(all_ids) - (100 - head) :]
    begins, ends = row["prompt"].split(LONG)
    text = model.tokenizer.decode(ids)
    assert text.startswith(begins + LONG[:40])
    assert text.removesuffix(model.tokenizer.eos_token).endswith(LONG[-40:] + ends)
    assert label_ids(encoded) == label_ids(whole)


def test_a_prompt_of_just_the_limit_is_left_whole(model):
    _, whole = example(model, LONG, source=10_000)
    length = len(prompt_ids(whole))
    assert example(model, LONG, source=length)[1]["source_cut"] == 0
    assert example(model, LONG, source=length - 1)[1]["source_cut"] == 1


def test_a_template_too_long_for_the_limit_is_refused(model):
    with pytest.raises(InputError, match=r"its input only .* cannot be shortened to 16: raise tokenize.max_source"):
        example(model, "A: Hi.", source=16)


def test_a_long_target_keeps_its_end_token(model):
    summary = "They talk about very many lines of text, one after the other."
    _, whole = example(model, "A: Hi.", summary=summary)
    _, encoded = example(model, "A: Hi.", summary=summary, target=6)
    assert label_ids(encoded) == [*label_ids(whole)[:5], model.tokenizer.eos_token_id]
    assert encoded["target_cut"] == len(label_ids(whole)) - 6


def test_the_stage_reports_what_the_limits_cut_and_leaves_test_unencoded(tmp_path, model, kind, base_folder):
    paths = Paths(tmp_path)
    rows = [example(model, dialogue)[0] | {"id": dialogue[:3]} for dialogue in ("A: Hi.\nB: Hello.", LONG)]
    for split in SPLITS:
        files.write_jsonl(paths.prompts(split), rows)
    files.write_jsonl(paths.mixed_prompts, rows)
    paths.base_model.parent.mkdir()
    paths.base_model.symlink_to(base_folder)
    limits = Tokenize(max_source_tokens=100, max_target_tokens=4)
    settings = tiny.model_params("seq2seq" if kind == "seq2seq" else "causal", chat=kind == "chat")
    tokenize.run(paths, tokenize=limits, model=settings, template=LAB)
    encoded = [tokenize.encode_example(row, model, 100, 4) for row in rows]
    written = pyarrow.feather.read_table(paths.tokens("train")).to_pylist()
    assert written == [{key: row[key] for key in ("id", "input_ids", "labels")} for row in encoded]
    assert sorted(paths.tokens("train").parent.iterdir()) == [paths.tokens("train"), paths.tokens("validation")]
    card = files.read_json(paths.token_card)
    assert set(card) == {*SPLITS, "limits"}
    assert files.read_json(paths.limits)["max_source_tokens"] == 100
    card = card["test"]
    assert (card["examples"], card["prompts truncated"], card["targets truncated"]) == (2, 1, 2)
    assert card["prompt tokens truncated"] == encoded[1]["source_cut"] > 1000
    assert card["longest input tokens"] == 100 + (0 if kind == "seq2seq" else 4)


def test_letters_of_the_instruction_that_the_tokenizer_does_not_know_are_not_lost(seq2seq_base):
    """A word with an unknown letter in it comes back without the letter."""
    model = load_text_encoder(seq2seq_base, "seq2seq", None)
    core = Tokenizer(
        models.WordLevel({"<pad>": 0, "</s>": 1, "<unk>": 2, **{c: n + 3 for n, c in enumerate(KNOWN)}}, "<unk>")
    )
    core.pre_tokenizer, core.decoder = pre_tokenizers.Split("", "isolated"), decoders.Fuse()
    model.tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
    row, encoded = example(model, "A: Hi.\nB: Hello.")
    assert model.tokenizer.unk_token_id in encoded["source"]
    tokenize.check_instructions([row], [encoded], model)
    encoded["source"] = encoded["source"][30:]
    with pytest.raises(
        InputError, match=r"the prompt has lost 'ummarie the following converation\.' of its instruction"
    ):
        tokenize.check_instructions([row], [encoded], model)
