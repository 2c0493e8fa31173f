"""The cache of generation, counted by hand."""

from pipeline.models.loading import load_config
from pipeline.planning.generation_memory import generation_memory
from pipeline.planning.shapes import BatchShape
from tests import tiny


def test_a_causal_cache_has_keys_and_values_of_every_token_and_beam(causal_base):
    config = load_config(causal_base)
    settings = tiny.generate_params(num_beams=3)
    plan = generation_memory(config, "causal", settings, BatchShape(rows=4, source=50, target=10, labels=0), "cpu")
    width = config.hidden_size // config.num_attention_heads
    token = 2 * config.num_hidden_layers * config.num_key_value_heads * width * 4
    assert 0 < plan.cache - 4 * 3 * (50 + 10 - 1) * token < 200_000  # and the scores of the prompt's last token
    assert plan.peak > plan.weights + plan.cache


def test_beams_share_the_encoder_and_not_the_cache(seq2seq_base):
    shape = BatchShape(rows=4, source=50, target=10, labels=0)
    one, four = (
        generation_memory(load_config(seq2seq_base), "seq2seq", tiny.generate_params(num_beams=beams), shape, "cpu")
        for beams in (1, 4)
    )
    assert one.weights == four.weights
    assert 3 * one.cache < four.cache < 4 * one.cache + 1
