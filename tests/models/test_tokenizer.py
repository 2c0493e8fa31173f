"""What is found from a tokenizer: tags that are words of the data, what stands around a completion, missing offsets."""

import json
import shutil
from pathlib import Path

import pytest
from tokenizers import processors
from transformers import ByT5Tokenizer

from pipeline.core.errors import InputError
from pipeline.models import architectures, prompts
from pipeline.models.loading import load_text_encoder
from pipeline.models.tokenizer import control_tokens, decode, tags
from tests import tiny

LONG = "\n".join(f"Anna: This is line number {number} of it, Ödön!" for number in range(40))


@pytest.fixture(params=["plain", "chat"])
def model(request, causal_base):
    chat = tiny.CHAT_SETTINGS if request.param == "chat" else None
    return load_text_encoder(causal_base, "causal", chat)


def add_tags(model, special=True):
    if special:
        model.tokenizer.add_special_tokens({"additional_special_tokens": ["<speaker1>", "<speaker2>"]})
    else:
        model.tokenizer.add_tokens(["<speaker1>", "<speaker2>"])
    return model.tokenizer.convert_tokens_to_ids("<speaker1>")


@pytest.mark.parametrize("special", [True, False])
def test_tags_that_were_added_on_purpose_are_tokens_of_prompts_and_summaries(model, special):
    tag, end = add_tags(model, special), model.tokenizer.eos_token_id
    text = "<speaker1> Hi <|im_end|> there. <speaker2> Hello."
    instruction = prompts.tokenize_instruction(text, model)
    assert instruction.count(tag) == 1
    turn_ends = 1 if model.chat else 0
    assert instruction.count(end) == turn_ends
    summary = prompts.tokenize_completion("<speaker1> greets.", model)
    assert summary.count(tag) == 1


def test_tags_of_the_data_stay_in_what_is_written_and_control_tokens_do_not(model):
    add_tags(model)
    ids = model.tokenizer("<speaker1> greets.<|im_end|>", add_special_tokens=False)["input_ids"]
    assert decode(ids, model, tags(model, ["<speaker1> Hi."])) == "<speaker1> greets."
    assert decode(ids, model, tags(model, ["Anna: Hi."])) == "greets."


def test_control_tokens_are_those_with_a_role_and_those_that_a_chat_writes(causal_base):
    model = load_text_encoder(causal_base, "causal", tiny.CHAT_SETTINGS)
    add_tags(model)
    assert set(control_tokens(model.tokenizer, tiny.CHAT_SETTINGS)) == {"<|im_start|>", "<|im_end|>"}
    assert set(control_tokens(model.tokenizer, None)) == {"<|im_end|>"}


def test_a_completion_stands_between_what_the_tokenizer_puts_around_a_target(seq2seq_base):
    """As BART's, which starts with <s>, and NLLB's, which starts with a language."""
    model = load_text_encoder(seq2seq_base, "seq2seq", None)
    start, end = 7, model.tokenizer.eos_token_id
    assert model.completion_frame == ([], [end])
    model.tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", start), ("</s>", end)]
    )
    other = architectures.find("seq2seq")(None, model.tokenizer)
    assert other.completion_frame == ([start], [end])
    assert prompts.tokenize_completion("Hi.", other)[0] == start


def test_a_prompt_that_goes_on_has_no_end(causal_base):
    """Some tokenizers of causal models add an end to every text (add_eos_token), BERT's add [SEP]."""
    model = load_text_encoder(causal_base, "causal", None)
    plain = prompts.tokenize_instruction("Hi there.", model)
    start, end = 0, model.tokenizer.eos_token_id
    model.tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<|endoftext|> $A <|im_end|>", special_tokens=[("<|endoftext|>", start), ("<|im_end|>", end)]
    )
    other = architectures.find("causal")(None, model.tokenizer)
    _, ids, offsets = prompts.encode_prompt("Hi there.", other)
    assert ids == [start, *plain] and len(offsets) == len(ids)
    assert prompts.tokenize_completion(" Hello.", other)[0] != start


def test_a_separator_ends_a_text_where_the_tokenizer_names_no_end(tmp_path, seq2seq_base):
    """As BERT's tokenizer beside a BART."""
    folder = Path(shutil.copytree(seq2seq_base, tmp_path / "base"))
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config |= {"sep_token": config.pop("eos_token")}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    model = load_text_encoder(folder, "seq2seq", None)
    assert model.tokenizer.eos_token_id == 1 and model.completion_frame == ([], [1])


def test_a_language_that_begins_every_completion_is_not_of_its_text(seq2seq_base):
    """M2M100's languages are ordinary tokens to its tokenizer."""
    model = load_text_encoder(seq2seq_base, "seq2seq", None)
    language = model.tokenizer.convert_tokens_to_ids("the")
    model.completion_frame = ([language], [1])
    ids = prompts.tokenize_completion("It comes.", model)
    assert ids[0] == language and decode(ids, model, set()) == "It comes."
    assert decode(ids[1:], model, set()) == "It comes."


@pytest.fixture
def byte_level():
    """ByT5's tokenizer is plain Python and knows no offsets."""
    return architectures.find("seq2seq")(None, ByT5Tokenizer(extra_ids=0))


@pytest.mark.parametrize("limit", [120, 300, 1000])
def test_without_offsets_a_long_prompt_keeps_its_instruction_and_what_fits(byte_level, limit):
    prompt = f"Summarize this.\n\n{LONG}\n\nSummary:"
    row = {"prompt": prompt, "instruction": prompt, "source": LONG}
    ids, cut = prompts.encode_row(row, [], byte_level, limit)
    whole, none = prompts.encode_row(row, [], byte_level, 10_000)
    assert none == 0 and limit - 3 <= len(ids) <= limit and cut == len(whole) - len(ids)
    text = byte_level.tokenizer.decode(ids, skip_special_tokens=True)
    assert text.startswith(f"Summarize this.\n\n{LONG[:20]}") and text.endswith(f"{LONG[-20:]}\n\nSummary:")
    assert "�" not in text


def test_without_offsets_an_instruction_over_the_limit_is_refused(byte_level):
    row = {"prompt": "Summarize: Hi", "instruction": "Summarize: Hi", "source": "Hi"}
    with pytest.raises(InputError, match="its input only 2 of them, so it cannot be shortened to 5"):
        prompts.encode_row(row, [], byte_level, 5)


def test_a_chat_template_that_changes_the_dialogue_loses_the_dialogue_and_not_the_instruction(causal_base):
    model = load_text_encoder(causal_base, "causal", tiny.CHAT_SETTINGS)
    model.tokenizer.chat_template = tiny.CHAT.replace("message['content']", "message['content'] | replace('\n', ' ')")
    instruction = f"Summarize this.\n\n{LONG}\n\nBe brief."
    prompt = prompts.join_turns([], instruction, model)
    ids, cut = prompts.encode_row({"prompt": prompt, "instruction": instruction, "source": LONG}, [], model, 120)
    text = model.tokenizer.decode(ids)
    assert cut > 0 and 110 < len(ids) <= 120
    assert text.startswith("<|im_start|>user\nSummarize this.  Anna: This is")
    assert text.endswith("Ödön!  Be brief.<|im_end|>\n<|im_start|>assistant\n")
