"""What `auto` takes, and positions."""

import pytest
from transformers import BartConfig, GPT2Config, LEDConfig, LlamaConfig, T5Config, T5GemmaConfig

from pipeline.core.errors import InputError
from pipeline.models import architectures, limits
from pipeline.models.loading import load_text_encoder
from pipeline.models.positions import decoder_positions, encoder_positions
from pipeline.models.prompts import encode_prompt, encode_with_examples, fitting_examples
from pipeline.parameters.tokenize import Tokenize
from tests import tiny


@pytest.mark.parametrize(
    ("config", "encoder", "decoder"),
    [
        (T5Config(), None, None),
        (BartConfig(max_position_embeddings=600), 600, 600),
        (LEDConfig(max_encoder_position_embeddings=4096, max_decoder_position_embeddings=300), 4096, 300),
        (GPT2Config(n_positions=128), 128, 128),
        (LlamaConfig(max_position_embeddings=900), 900, 900),
        (T5GemmaConfig(), 8192, 8192),
    ],
)
def test_positions_are_those_of_the_configuration(config, encoder, decoder):
    assert (encoder_positions(config), decoder_positions(config)) == (encoder, decoder)


def choose(settings, architecture="seq2seq", config=None, reserved=0, sources=range(40, 400), targets=range(5, 105)):
    model = architectures.find(architecture)(None, None)
    return limits.choose_limits(list(sources), list(targets), settings, model, config or T5Config(), 10**6, reserved)


AUTO = Tokenize(max_source_tokens="auto", max_target_tokens="auto")


def test_auto_takes_the_longest_and_room_for_what_is_written():
    found = choose(AUTO)
    assert (found.max_source_tokens, found.max_target_tokens, found.max_new_tokens) == (400, 104, 136)


def test_auto_ends_at_the_models_positions():
    found = choose(AUTO, config=BartConfig(max_position_embeddings=64), reserved=20)
    assert (found.max_source_tokens, found.max_target_tokens, found.max_new_tokens) == (44, 64, 64)


def test_prompt_and_summary_share_the_positions_of_a_causal_model():
    assert choose(AUTO, "causal", LlamaConfig(max_position_embeddings=300)).max_source_tokens == 300 - 104


def test_summaries_longer_than_a_causal_model_leave_room_for_prompts():
    found = choose(AUTO, "causal", LlamaConfig(max_position_embeddings=300), targets=[5000])
    assert (found.max_source_tokens, found.max_target_tokens, found.max_new_tokens) == (150, 150, 150)


def test_a_setting_ends_at_the_models_positions_too():
    settings = Tokenize(max_source_tokens=1024, max_target_tokens=128)
    assert choose(settings, config=BartConfig(max_position_embeddings=600)).max_source_tokens == 600
    assert choose(settings).max_source_tokens == 1024


def test_a_model_without_room_for_a_prompt_is_refused():
    with pytest.raises(
        InputError, match=r"positions leave 15 tokens for a prompt beside 15.*: lower tokenize.max_target_tokens"
    ):
        choose(AUTO, "causal", LlamaConfig(max_position_embeddings=30))


def test_auto_fits_into_memory(monkeypatch):
    monkeypatch.setattr(limits, "free_memory", lambda parameters: 50 * 2**20)
    found = choose(AUTO, sources=[4000])
    assert found.max_source_tokens < 1000
    assert limits.batch_size(T5Config(), 256, 64, 10**6) < limits.BATCH


def test_an_empty_machine_takes_the_largest_batch(monkeypatch):
    monkeypatch.setattr(limits, "free_memory", lambda parameters: 2**40)
    assert limits.batch_size(T5Config(), 256, 64, 10**6) == limits.BATCH
    train = limits.training_settings(tiny.train_params(batch_size="auto"), 300, T5Config(), 10**6)
    assert train.batch_size == limits.BATCH
    assert limits.training_settings(tiny.train_params(batch_size=3), 300, T5Config(), 10**6).batch_size == 3


def row(words):
    dialogue = " ".join(f"word{number}" for number in range(words))
    text = f"Sum up: {dialogue}"
    return {"prompt": text, "instruction": text, "source": dialogue, "completion": " Words.", "id": str(words)}


def test_as_many_worked_examples_are_used_as_leave_half_of_a_dialogue(seq2seq_base):
    model = load_text_encoder(seq2seq_base, "seq2seq", None)
    examples, rows = [row(40), row(41), row(42)], [row(30), row(50)]
    whole = max(len(encode_with_examples(one, examples, model, 512)) for one in rows)
    assert fitting_examples(rows, examples, model, 512, None) == examples
    assert fitting_examples(rows, examples, model, 512, whole) == examples
    fewer = fitting_examples(rows, examples, model, 512, whole // 2)
    assert 0 < len(fewer) < 3
    assert all(len(encode_with_examples(one, fewer, model, 512, whole // 2)) <= whole // 2 for one in rows)
    with pytest.raises(InputError, match=r"few_shot: not one worked example fits into the model's 40 positions"):
        fitting_examples(rows, examples, model, 512, 40)


def test_a_worked_example_is_as_short_as_a_prompt_and_shorter_where_positions_are_few(seq2seq_base, capsys):
    model = load_text_encoder(seq2seq_base, "seq2seq", None)
    examples, rows, limit = [row(400), row(10)], [row(300)], 200
    (first, second) = fitting_examples(rows, examples, model, limit, None)
    assert second == examples[1]
    assert 195 <= len(encode_prompt(first["instruction"], model)[1]) <= limit
    assert first["instruction"].startswith("Sum up: word0 word1 ") and first["instruction"].endswith(" word399")
    (only,) = fitting_examples(rows, examples, model, limit, limit)
    assert "1 of 2 worked examples, shortened: the model has no positions for more" in capsys.readouterr().out
    assert len(encode_prompt(only["instruction"], model)[1]) <= limit / 2
    assert len(encode_with_examples(rows[0], [only], model, limit, limit)) <= limit
